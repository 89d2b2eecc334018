// @ts-check
// The start page: a room name, with a suggestion for those who have none.

import { h, icon, iconButton } from '../dom.js';
import { t } from '../i18n.js';
import { pathOfRoom, suggestRoom } from '../rooms.js';
import { frame } from './frame.js';

/** @param {HTMLElement} root */
export function startPage(root) {
  let suggestion = suggestRoom();
  const draw = () => {
    const input = h('input', {
      id: 'room', name: 'room', type: 'text', autocomplete: 'off', autocapitalize: 'off', spellcheck: 'false',
      maxlength: 200, placeholder: suggestion, 'aria-describedby': 'room-hint room-error',
    });
    const error = h('p', { id: 'room-error', class: 'field-error', role: 'alert' });
    const another = iconButton('again', t('start.another'), () => {
      suggestion = suggestRoom();
      input.value = '';
      input.placeholder = suggestion;
      input.focus();
    });
    const go = (/** @type {Event} */ event) => {
      event.preventDefault();
      const path = pathOfRoom(input.value.trim() || suggestion);
      if (path) {
        location.assign(path + location.hash);
        return;
      }
      error.textContent = t('start.bad');
      input.setAttribute('aria-invalid', 'true');
      input.focus();
    };
    const form = h(
      'form',
      { class: 'card start-form', onsubmit: go, novalidate: true },
      h('label', { for: 'room' }, t('start.room')),
      h('div', { class: 'field-row' }, input, another),
      error,
      h('p', { id: 'room-hint', class: 'hint' }, t('start.hint')),
      h('button', { type: 'submit', class: 'primary wide' }, icon('camera'), t('start.go')),
    );
    root.replaceChildren(
      frame(draw, h('div', { class: 'start' }, h('h1', {}, t('start.title')), h('p', { class: 'lead' }, t('start.text')), form)),
    );
    document.title = t('app.name');
    if (matchMedia('(pointer: fine)').matches) input.focus();
  };
  draw();
}
