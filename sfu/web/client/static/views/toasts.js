// @ts-check
// Short words that pass by, at the lower edge; screen readers hear them too. Never the only place of anything important.

import { h, icon } from '../dom.js';

const kMost = 3;

/** Takes back what has been dealt with otherwise. @param {string} [kind] the icon it came with; all when missing */
export function untoast(kind) {
  document.querySelectorAll(`#toasts > ${kind ? `[data-kind="${kind}"]` : '*'}`).forEach((e) => e.remove());
}

/**
 * @param {string} text
 * @param {{ icon?: string, seconds?: number, action?: { label: string, run: () => void } }} [options]
 */
export function toast(text, { icon: name, seconds = 5, action } = {}) {
  const holder = document.getElementById('toasts');
  if (!holder) return;
  // Said twice is shown once.
  for (const old of holder.children) if (old.getAttribute('data-text') === text) old.remove();
  const element = h('div', { class: 'toast', 'data-text': text, 'data-kind': name ?? null }, name ? icon(name) : null, h('span', {}, text));
  const end = () => element.remove();
  if (action) {
    const run = () => {
      end();
      action.run();
    };
    element.append(h('button', { type: 'button', class: 'text-button', onclick: run }, action.label));
  }
  holder.append(element);
  while (holder.children.length > kMost) holder.firstElementChild?.remove();
  setTimeout(end, seconds * 1000);
}
