// @ts-check
// Before going in: how one looks and sounds, and under which name. A missing or refused device is said in words and
// never keeps anybody out.

import { h, icon, setIcon, setLabel, setText } from '../dom.js';
import { t } from '../i18n.js';
import { remember } from '../settings.js';
import { deviceChooser } from './devices.js';
import { frame } from './frame.js';

/**
 * @param {HTMLElement} root
 * @param {object} options
 * @param {string} options.title room as people read it
 * @param {string} options.name remembered or from the link
 * @param {import('../media.js').Media} options.media
 * @param {boolean} options.audio  whether to begin with the microphone on
 * @param {boolean} options.video
 * @returns {Promise<string>} the name, once the person wants in
 */
export function prejoin(root, { title, name, media, audio, video }) {
  return new Promise((resolve) => {
    /** @type {() => void} */
    let stop = () => {};
    let typed = name;
    const draw = () => {
      stop();
      const view = build();
      stop = view.stop;
      root.replaceChildren(view.element);
      document.title = `${title} · ${t('app.name')}`;
    };

    const build = () => {
      const preview = previewBox(media);
      const devices = deviceChooser(media);
      const problems = h('div', { class: 'problems', role: 'alert' });
      const input = h('input', {
        id: 'name', type: 'text', maxlength: 80, autocomplete: 'name', value: typed, 'aria-describedby': 'name-hint',
        oninput: () => (typed = input.value),
      });
      const update = () => {
        preview.update();
        const words = /** @type {const} */ (['audio', 'video']).flatMap((kind) => {
          const reason = media.problems[kind];
          return reason ? [h('p', { class: 'problem' }, icon('warning'), h('span', {}, t(`problem.${kind}.${reason}`)))] : [];
        });
        const text = words.map((w) => w.textContent).join('\n');
        // Set only on change: an alert is read out each time its content is replaced.
        if (problems.textContent !== text.replaceAll('\n', '')) problems.replaceChildren(...words);
      };
      const stopMedia = media.on('change', update);
      const join = (/** @type {Event} */ event) => {
        event.preventDefault();
        stop();
        remember('name', typed.trim());
        resolve(typed.trim());
      };
      const form = h(
        'form',
        { class: 'card', onsubmit: join },
        h('h1', {}, t('prejoin.title')),
        h('p', { class: 'room-name' }, t('prejoin.room'), ': ', h('strong', {}, title)),
        h('label', { for: 'name' }, t('prejoin.name')),
        input,
        h('p', { id: 'name-hint', class: 'hint' }, t('prejoin.name-hint')),
        devices.element,
        h('button', { type: 'submit', class: 'primary wide' }, t('prejoin.join')),
        h('a', { class: 'text-button', href: '/' }, icon('back'), t('prejoin.back')),
      );
      update();
      const element = frame(draw, h('div', { class: 'prejoin' }, h('div', {}, preview.element, problems), form));
      return { element, stop: () => (stopMedia(), devices.close(), preview.stop()) };
    };

    draw();
    // Both at once would be one question of the browser; apart, one refusal does not cost the other.
    void (async () => {
      if (audio) await media.setAudio(true).catch(() => {});
      if (video) await media.setVideo(true).catch(() => {});
    })();
    if (matchMedia('(pointer: fine)').matches) /** @type {HTMLElement | null} */ (root.querySelector('#name'))?.focus();
  });
}

/** @param {import('../media.js').Media} media */
function previewBox(media) {
  const video = h('video', { class: 'mirror', playsinline: true, autoplay: true, 'aria-label': t('prejoin.preview') });
  video.muted = true;
  const words = h('p', { class: 'preview-words' }, t('prejoin.camera-off'));
  const micIcon = icon('mic');
  const cameraIcon = icon('camera');
  const toggleMic = () => {
    remember('audio', !media.audioOn);
    media.setAudio(!media.audioOn).catch(() => {});
  };
  const toggleCamera = () => {
    remember('video', !media.videoOn);
    if (!media.videoOn) setText(words, t('prejoin.camera-opening'));
    media.setVideo(!media.videoOn).catch(() => {});
  };
  const mic = h('button', { type: 'button', class: 'round', onclick: toggleMic }, micIcon);
  const camera = h('button', { type: 'button', class: 'round', onclick: toggleCamera }, cameraIcon);
  const element = h('div', { class: 'preview' }, video, words, h('div', { class: 'preview-buttons' }, mic, camera));
  const update = () => {
    const track = media.videoTrack;
    const shown = /** @type {MediaStream | null} */ (video.srcObject)?.getTracks()[0] ?? null;
    if (track !== shown) video.srcObject = track ? new MediaStream([track]) : null;
    video.hidden = !track;
    words.hidden = Boolean(track);
    setText(words, t('prejoin.camera-off'));
    setLabel(mic, t(media.audioOn ? 'control.mute' : 'control.unmute'));
    setLabel(camera, t(media.videoOn ? 'control.camera-off' : 'control.camera-on'));
    setIcon(micIcon, media.audioOn ? 'mic' : 'mic-off');
    setIcon(cameraIcon, media.videoOn ? 'camera' : 'camera-off');
    mic.classList.toggle('off', !media.audioOn);
    camera.classList.toggle('off', !media.videoOn);
  };
  return { element, update, stop: () => (video.srcObject = null) };
}
