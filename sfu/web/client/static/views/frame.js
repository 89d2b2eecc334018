// @ts-check
// What the pages outside a meeting share: the head with the name, the foot with the language.

import { h } from '../dom.js';
import { kLanguages, language, setLanguage, t } from '../i18n.js';
import { remember } from '../settings.js';

/**
 * @param {() => void} redraw after another language was chosen
 * @param {...Node} content
 */
export function frame(redraw, ...content) {
  const mark = h('img', { src: '/favicon.svg', alt: '', width: 28, height: 28 });
  const select = h(
    'select',
    { 'aria-label': t('app.language'), class: 'language' },
    ...Object.entries(kLanguages).map(([code, name]) => h('option', { value: code, lang: code }, name)),
  );
  select.value = language();
  select.onchange = () => {
    setLanguage(/** @type {import('../i18n.js').Language} */ (select.value));
    remember('language', select.value);
    redraw();
  };
  return h(
    'div',
    { class: 'page' },
    h('header', { class: 'page-head' }, h('a', { href: '/', class: 'brand' }, mark, t('app.name')), select),
    h('main', { class: 'page-body' }, ...content),
  );
}
