// @ts-check
// After a meeting, or where it could not begin: what happened, and the way on.

import { h, icon } from '../dom.js';
import { t } from '../i18n.js';
import { frame } from './frame.js';

/**
 * @param {HTMLElement} root
 * @param {{ reason: string, by: string, text: string }} end
 * @param {(password: string) => void} again
 */
export function endedPage(root, end, again) {
  const draw = () => {
    const heading = h('h1', { tabindex: -1 }, t(`end.${end.reason}`));
    const details = [end.by ? t('end.by', { name: end.by }) : '', end.reason === 'password' ? t('end.password-wrong') : '', end.text];
    const card = h(
      'div',
      { class: 'card ended' },
      heading,
      ...details.filter(Boolean).map((text) => h('p', {}, text)),
      end.reason === 'password' ? passwordForm(again) : joinButton(end.reason, again),
      h('a', { class: 'text-button', href: '/' }, icon('back'), t('end.home')),
    );
    root.replaceChildren(frame(draw, card));
    heading.focus();
  };
  draw();
}

/** @param {string} reason @param {(password: string) => void} again */
function joinButton(reason, again) {
  const label = t(reason === 'left' || reason === 'kicked' ? 'end.again' : 'end.retry');
  return h('button', { type: 'button', class: 'primary wide', onclick: () => again('') }, label);
}

/** @param {(password: string) => void} again */
function passwordForm(again) {
  const input = h('input', { id: 'password', type: 'password', autocomplete: 'off', required: true });
  const enter = (/** @type {Event} */ event) => {
    event.preventDefault();
    again(input.value);
  };
  return h(
    'form',
    { onsubmit: enter },
    h('label', { for: 'password' }, t('end.password-label')),
    input,
    h('button', { type: 'submit', class: 'primary wide' }, icon('lock'), t('end.unlock')),
  );
}
