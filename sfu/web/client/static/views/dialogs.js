// @ts-check
// Dialogs over the meeting; the browser's own <dialog> keeps the focus inside and closes on Escape.

import { h, iconButton } from '../dom.js';
import { t } from '../i18n.js';
import { recall, remember } from '../settings.js';
import { deviceChooser } from './devices.js';

/**
 * @param {string} title
 * @param {Node[]} content
 * @param {() => void} [closed]
 */
function dialog(title, content, closed = () => {}) {
  const close = () => element.close();
  const element = h(
    'dialog',
    { class: 'dialog', 'aria-label': title },
    h('div', { class: 'dialog-head' }, h('h2', {}, title), iconButton('close', t('app.close'), close)),
    ...content,
  );
  element.onclose = () => {
    element.remove();
    closed();
  };
  // A click on the backdrop is a click on the dialog itself.
  element.onclick = (event) => {
    if (event.target === element) close();
  };
  document.body.append(element);
  element.showModal();
  return element;
}

/** @param {string} question @param {string} yes @param {() => void} run */
export function ask(question, yes, run) {
  const answer = (/** @type {boolean} */ accepted) => {
    element.close();
    if (accepted) run();
  };
  const buttons = h(
    'div',
    { class: 'dialog-buttons' },
    h('button', { type: 'button', onclick: () => answer(false) }, t('people.cancel')),
    h('button', { type: 'button', class: 'danger', onclick: () => answer(true) }, yes),
  );
  const element = dialog(question, [buttons]);
}

/** @param {import('../media.js').Media} media */
export function devicesDialog(media) {
  const chooser = deviceChooser(media);
  dialog(t('device.title'), [chooser.element], chooser.close);
}

export const kKeys = { m: 'mic', v: 'camera', s: 'share', r: 'hand', c: 'chat', p: 'people', f: 'full' };

export function shortcutsOn() {
  return recall('shortcuts', true);
}

export function keysDialog() {
  const rows = [...Object.entries(kKeys).map(([key, what]) => [key.toUpperCase(), what]), ['Esc', 'escape']];
  const box = h('input', { type: 'checkbox', id: 'keys-on' });
  box.checked = shortcutsOn();
  box.onchange = () => remember('shortcuts', box.checked);
  dialog(t('keys.title'), [
    h('dl', { class: 'facts keys' }, ...rows.map(([key, what]) => h('div', {}, h('dt', {}, h('kbd', {}, key)), h('dd', {}, t(`keys.${what}`))))),
    h('label', { class: 'check', for: 'keys-on' }, box, t('keys.on')),
  ]);
}
