// @ts-check
// Choosing microphone, camera and speaker, with a level meter; on the page before a meeting and in a dialog within.

import { canChooseSpeaker } from '../audio.js';
import { h, icon } from '../dom.js';
import { t } from '../i18n.js';
import { audioContext } from '../speech.js';

const kKinds = /** @type {const} */ (['audioinput', 'videoinput', 'audiooutput']);

/**
 * @param {import('../media.js').Media} media
 * @returns {{ element: HTMLElement, close: () => void }}
 */
export function deviceChooser(media) {
  /** @type {Record<string, HTMLSelectElement>} */
  const selects = {};
  const rows = kKinds
    .filter((kind) => kind !== 'audiooutput' || canChooseSpeaker)
    .map((kind) => {
      const select = h('select', { id: `device-${kind}` });
      select.onchange = () => void media.choose(kind, select.value).catch(() => {});
      selects[kind] = select;
      return h('div', { class: 'device' }, h('label', { for: select.id }, t(`device.${kind}`)), select, extra(kind, media));
    });

  const refresh = async () => {
    const devices = await media.devices();
    for (const [kind, select] of Object.entries(selects)) fill(select, kind, devices, media);
  };
  const stops = [media.on('devices', () => void refresh()), media.on('chosen', () => void refresh())];
  void refresh();

  const bar = rows[0].querySelector('.meter-bar');
  const meter = rows[0].querySelector('[role=meter]');
  let shown = 0;
  const timer = setInterval(() => {
    const level = media.audioOn ? media.level() : 0;
    shown = Math.max(level, shown * 0.8);
    if (bar instanceof HTMLElement) bar.style.transform = `scaleX(${shown.toFixed(3)})`;
    meter?.setAttribute('aria-valuenow', String(Math.round(shown * 100)));
  }, 80);
  const close = () => {
    clearInterval(timer);
    stops.forEach((stop) => stop());
  };
  return { element: h('div', { class: 'devices' }, ...rows), close };
}

/** @param {string} kind @param {import('../media.js').Media} media */
function extra(kind, media) {
  if (kind === 'audioinput') {
    return h(
      'div',
      { class: 'meter', role: 'meter', 'aria-label': t('device.level'), 'aria-valuemin': 0, 'aria-valuemax': 100, 'aria-valuenow': 0 },
      h('div', { class: 'meter-bar' }),
    );
  }
  if (kind !== 'audiooutput') return null;
  const play = () => void testSound(media.chosen.audiooutput);
  return h('button', { type: 'button', class: 'text-button', onclick: play }, icon('sound'), t('device.test'));
}

/**
 * @param {HTMLSelectElement} select
 * @param {string} kind
 * @param {MediaDeviceInfo[]} devices
 * @param {import('../media.js').Media} media
 */
function fill(select, kind, devices, media) {
  const own = devices.filter((d) => d.kind === kind && d.deviceId !== 'default' && d.deviceId !== 'communications');
  const named = own.filter((d) => d.deviceId !== '');
  const options = named.map((d, i) =>
    h('option', { value: d.deviceId }, d.label || t('device.unnamed', { kind: t(`device.${kind}`), count: i + 1 })),
  );
  const first = own.length === 0 && kind !== 'audiooutput' ? t('device.none') : t('device.default');
  select.replaceChildren(h('option', { value: '' }, first), ...options);
  select.disabled = own.length === 0;
  const chosen = media.chosen[/** @type {'audioinput'} */ (kind)];
  select.value = named.some((d) => d.deviceId === chosen) ? chosen : '';
}

/** Two soft tones on the chosen speaker. @param {string} speaker */
async function testSound(speaker) {
  const context = audioContext();
  if (!context) return;
  await context.resume();
  const out = context.createMediaStreamDestination();
  const element = /** @type {any} */ (new Audio());
  element.srcObject = out.stream;
  if (speaker && element.setSinkId) await element.setSinkId(speaker).catch(() => {});
  void element.play();
  [523, 784].forEach((frequency, i) => {
    const tone = context.createOscillator();
    const volume = context.createGain();
    const at = context.currentTime + 0.1 + i * 0.35;
    tone.frequency.value = frequency;
    volume.gain.setValueAtTime(0, at);
    volume.gain.linearRampToValueAtTime(0.2, at + 0.05);
    volume.gain.linearRampToValueAtTime(0, at + 0.33);
    tone.connect(volume).connect(out);
    tone.start(at);
    tone.stop(at + 0.35);
  });
  setTimeout(() => (element.srcObject = null), 1500);
}
