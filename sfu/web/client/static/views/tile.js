// @ts-check
// One picture of one person: camera, screen, or the initials where there is no picture.

import { colourOf, h, icon, iconButton, initials, setLabel, setText } from '../dom.js';
import { t } from '../i18n.js';
import { gradeOf } from '../stats.js';

/**
 * @typedef {object} TileModel
 * @property {string} key
 * @property {import('../meeting.js').Participant} person
 * @property {string} name       as shown
 * @property {boolean} isScreen
 * @property {string} source     source name, '' when there is no video
 * @property {MediaStreamTrack | null} track
 * @property {boolean} forwarded whether the bridge sends it
 * @property {boolean} suspended it does not, since the way to us is too thin
 * @property {boolean} speaking
 * @property {boolean} pinned
 */

export class Tile {
  /** @param {string} key @param {{ pin: (key: string) => void }} actions */
  constructor(key, actions) {
    this.key = key;
    this.video = h('video', { playsinline: true, autoplay: true });
    this.video.muted = true; // sound has elements of its own
    this.picture = h('div', { class: 'tile-picture', 'aria-hidden': 'true' });
    this.state = h('p', { class: 'tile-state' });
    this.name = h('span', { class: 'tile-name' });
    this.badges = h('span', { class: 'tile-badges' });
    this.pin = iconButton('pin', '', () => actions.pin(key), 'tile-button');
    this.full = iconButton('full', '', () => this.#fullScreen(), 'tile-button');
    const label = h('div', { class: 'tile-label' }, this.name, this.badges);
    const buttons = h('div', { class: 'tile-buttons' }, this.pin, this.full);
    this.element = h('li', { class: 'tile' }, this.picture, this.video, this.state, label, buttons);
    this.element.ondblclick = () => actions.pin(key);
    /** @type {MediaStreamTrack | null} */
    this.track = null;
  }

  /** @param {TileModel} model */
  update(model) {
    const { person, name, isScreen, track } = model;
    if (track !== this.track) {
      this.track = track;
      this.video.srcObject = track ? new MediaStream([track]) : null;
    }
    const paused = Boolean(track) && !model.forwarded && !person.isSelf;
    const { classList } = this.element;
    classList.toggle('has-video', Boolean(track) && !paused);
    classList.toggle('is-screen', isScreen);
    classList.toggle('mirror', person.isSelf && !isScreen);
    classList.toggle('speaking', model.speaking);
    classList.toggle('pinned', model.pinned);
    classList.toggle('interrupted', person.interrupted);
    const colour = colourOf(person.id);
    if (this.picture.dataset.colour !== colour) {
      this.picture.dataset.colour = colour;
      this.picture.className = `tile-picture ${colour}`;
    }
    setText(this.picture, initials(person.name || t('person.guest')));
    setText(this.name, name);
    const state = person.interrupted ? 'tile.interrupted' : !paused ? '' : model.suspended ? 'tile.suspended' : 'tile.paused';
    setText(this.state, state && t(state));
    this.#badges(model);
    setLabel(this.pin, t(model.pinned ? 'tile.unpin' : 'tile.pin', { name }));
    this.pin.setAttribute('aria-pressed', String(model.pinned));
    setLabel(this.full, t('tile.full', { name }));
  }

  /** @param {TileModel} model */
  #badges({ person, isScreen, speaking }) {
    const grade = person.quality === null || isScreen ? '' : gradeOf(person.quality);
    const wanted = [
      person.hand && !isScreen ? ['hand', 'tile.hand'] : null,
      person.audioMuted && !isScreen ? ['mic-off', 'tile.muted'] : null,
      speaking && !person.audioMuted && !isScreen ? ['sound', 'tile.speaking'] : null,
      grade ? [`signal-${grade}`, `quality.${grade}`] : null,
    ].filter((b) => b !== null);
    const key = wanted.map(([name]) => name).join();
    if (this.badges.dataset.key === key) return;
    this.badges.dataset.key = key;
    this.badges.replaceChildren(
      ...wanted.map(([name, words]) =>
        h('span', { class: `badge badge-${name}`, role: 'img', 'aria-label': t(words), title: t(words) }, icon(name)),
      ),
    );
  }

  /** @param {import('../layout.js').Rect} rect @param {boolean} large */
  place({ x, y, width, height }, large) {
    const { style, classList } = this.element;
    style.transform = `translate(${Math.round(x)}px, ${Math.round(y)}px)`;
    style.width = `${Math.floor(width)}px`;
    style.height = `${Math.floor(height)}px`;
    this.picture.style.fontSize = `${Math.round(Math.max(14, Math.min(width, height) * 0.17))}px`;
    classList.toggle('large', large);
    classList.toggle('small', width < 200);
  }

  #fullScreen() {
    if (document.fullscreenElement === this.element) {
      void document.exitFullscreen();
    } else if (this.element.requestFullscreen) {
      void this.element.requestFullscreen().catch(() => {});
    } else {
      // iPhones show only a video itself in full screen.
      /** @type {any} */ (this.video).webkitEnterFullscreen?.();
    }
  }

  remove() {
    this.video.srcObject = null;
    this.element.remove();
  }
}
