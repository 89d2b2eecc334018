// @ts-check
// All pictures: a grid, or one large and the others in a strip. Decides what is visible and asks the bridge for just that.

import { h } from '../dom.js';
import { t } from '../i18n.js';
import { gridCapacity, gridLayout, pickVisible, stageLayout } from '../layout.js';
import { Tile } from './tile.js';

export class Stage {
  /** @type {Map<string, Tile>} */
  #tiles = new Map();
  /** @type {import('./tile.js').TileModel[]} */
  #models = [];
  #pinned = ''; // tile key
  /** @type {Set<string>} screens that the person has put back into the strip */
  #declined = new Set();
  #recent = /** @type {string[]} */ ([]);

  /**
   * @param {import('../meeting.js').Meeting} meeting
   * @param {() => void} showPeople
   */
  constructor(meeting, showPeople) {
    this.meeting = meeting;
    this.list = h('ul', { class: 'tiles', 'aria-label': t('stage.label') });
    this.more = h('button', { type: 'button', class: 'tile more-tile', onclick: showPeople });
    this.more.hidden = true;
    this.element = h('section', { class: 'stage', 'aria-label': t('stage.label') }, this.list, this.more);
    this.observer = new ResizeObserver(() => this.#arrange());
    this.observer.observe(this.element);
  }

  close() {
    this.observer.disconnect();
    for (const tile of this.#tiles.values()) tile.remove();
  }

  /** @returns {boolean} whether there was a large picture to put back */
  unpin() {
    const large = this.#large();
    if (large) this.#pin(large);
    return large !== '';
  }

  /** @param {string} key */
  #pin(key) {
    const wasLarge = this.#large() === key;
    this.#pinned = wasLarge ? '' : key;
    if (wasLarge) this.#declined.add(key);
    else this.#declined.delete(key);
    this.update();
  }

  /** The tile to show large: the one pinned, else a screen that somebody else shares. */
  #large() {
    if (this.#models.some((m) => m.key === this.#pinned)) return this.#pinned;
    const screen = this.#models.find((m) => m.isScreen && !m.person.isSelf && !this.#declined.has(m.key));
    return screen?.key ?? '';
  }

  update() {
    const { meeting } = this;
    const speaker = meeting.speakers[0] ?? '';
    const [self, ...others] = meeting.participants();
    // One's own picture comes last, but is never the one left out.
    this.#recent = self ? [self.id, ...meeting.speakers.filter((id) => id !== self.id)] : [];
    this.#models = [...others, ...(self ? [self] : [])].flatMap((person) => models(person, speaker));
    const large = this.#large();
    const present = new Set(this.#models.map((m) => m.key));
    for (const [key, tile] of this.#tiles) {
      if (present.has(key)) continue;
      tile.remove();
      this.#tiles.delete(key);
      this.#declined.delete(key);
    }
    for (const model of this.#models) {
      let tile = this.#tiles.get(model.key);
      if (!tile) {
        tile = new Tile(model.key, { pin: (key) => this.#pin(key) });
        this.#tiles.set(model.key, tile);
        // The order of elements, which is the order of the Tab key, is the order on the screen.
        const before = model.person.isSelf ? null : (this.#tiles.get(meeting.id)?.element ?? null);
        this.list.insertBefore(tile.element, before);
      }
      model.pinned = model.key === large;
      tile.update(model);
    }
    this.#arrange();
  }

  #arrange() {
    const width = this.element.clientWidth;
    const height = this.element.clientHeight;
    if (width === 0 || height === 0) return;
    const large = this.#large();
    const keys = this.#models.map((m) => m.key);
    /** @type {Map<string, import('../layout.js').Rect>} */
    const rects = new Map();
    let hidden = 0;
    /** @type {import('../layout.js').Rect | undefined} */
    let moreRect;
    if (large) {
      const rest = keys.filter((k) => k !== large);
      const { stage, strip, capacity } = stageLayout(width, height, keys.length);
      const shown = this.#pick(rest, capacity);
      hidden = rest.length - shown.length;
      rects.set(large, stage);
      shown.forEach((key, i) => rects.set(key, strip[i]));
      if (hidden > 0) moreRect = strip[shown.length];
    } else {
      const shown = this.#pick(keys, gridCapacity(width, height));
      hidden = keys.length - shown.length;
      const grid = gridLayout(width, height, shown.length + (hidden > 0 ? 1 : 0));
      shown.forEach((key, i) => rects.set(key, grid[i]));
      if (hidden > 0) moreRect = grid[shown.length];
    }
    for (const [key, tile] of this.#tiles) {
      const rect = rects.get(key);
      tile.element.hidden = !rect;
      if (rect) tile.place(rect, key === large);
    }
    this.#showMore(hidden, moreRect);
    this.#tellBridge(rects, large);
  }

  /** @param {string[]} keys @param {number} capacity */
  #pick(keys, capacity) {
    return keys.length <= capacity ? keys : pickVisible(keys, this.#recent, Math.max(1, capacity - 1));
  }

  /** @param {number} hidden @param {import('../layout.js').Rect} [rect] */
  #showMore(hidden, rect) {
    this.more.hidden = !rect;
    if (!rect) return;
    this.more.style.transform = `translate(${Math.round(rect.x)}px, ${Math.round(rect.y)}px)`;
    this.more.style.width = `${Math.floor(rect.width)}px`;
    this.more.style.height = `${Math.floor(rect.height)}px`;
    this.more.textContent = t('stage.more', { count: hidden });
    this.more.setAttribute('aria-label', t('stage.more-label', { count: hidden }));
  }

  /** @param {Map<string, import('../layout.js').Rect>} rects @param {string} large */
  #tellBridge(rects, large) {
    const scale = Math.min(2, window.devicePixelRatio || 1);
    const shown = this.#models.flatMap((model) => {
      const rect = rects.get(model.key);
      if (!rect || !model.source || model.person.isSelf) return [];
      // Text on a shared screen is worth the full height even in a small window.
      const height = model.isScreen && model.key === large ? Math.max(1080, rect.height * scale) : rect.height * scale;
      return [{ name: model.source, height, stage: model.key === large }];
    });
    const order = (/** @type {{ name: string, stage: boolean }} */ s) => {
      const at = this.#recent.findIndex((id) => s.name.startsWith(`${id}-`));
      return s.stage ? -1 : at < 0 ? this.#recent.length : at;
    };
    this.meeting.show(shown.sort((a, b) => order(a) - order(b)));
  }
}

/**
 * @param {import('../meeting.js').Participant} person
 * @param {string} speaker
 * @returns {import('./tile.js').TileModel[]}
 */
function models(person, speaker) {
  const plain = person.name || t('person.guest');
  const { camera } = person;
  const own = {
    key: person.id,
    person,
    name: person.isSelf ? t('tile.you', { name: plain }) : plain,
    isScreen: false,
    source: camera?.name ?? '',
    track: camera?.track ?? null,
    forwarded: camera?.forwarded ?? true,
    suspended: camera?.suspended ?? false,
    speaking: speaker === person.id && !person.audioMuted,
    pinned: false,
  };
  const screens = person.screens.map((screen) => ({
    ...own,
    key: screen.name,
    name: person.isSelf ? t('tile.own-screen') : t('tile.screen', { name: plain }),
    isScreen: true,
    source: screen.name,
    track: screen.track,
    forwarded: screen.forwarded,
    suspended: screen.suspended,
    speaking: false,
  }));
  return [own, ...screens];
}
