// @ts-check
// Elements without markup: whatever other people wrote only ever becomes text nodes and attribute values.

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, any>} [properties] "on..." are listeners, true is an empty attribute, false and null are left out
 * @param {...(Node | string | null | false)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith('on')) element.addEventListener(key.slice(2), value);
    else if (key === 'value') /** @type {any} */ (element).value = value;
    else element.setAttribute(key, value === true ? '' : String(value));
  }
  for (const child of children) {
    if (child !== null && child !== false) element.append(child);
  }
  return element;
}

const kSvg = 'http://www.w3.org/2000/svg';

/** @param {string} name of a symbol in icons.svg */
export function icon(name) {
  const svg = document.createElementNS(kSvg, 'svg');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  svg.append(document.createElementNS(kSvg, 'use'));
  setIcon(svg, name);
  return svg;
}

/** @param {Element} svg @param {string} name */
export function setIcon(svg, name) {
  const use = /** @type {Element} */ (svg.firstElementChild);
  const href = `/static/icons.svg#${name}`;
  if (use.getAttribute('href') !== href) use.setAttribute('href', href);
}

/**
 * A button with an icon; `label` is its name for everybody, shown or not.
 * @param {string} name
 * @param {string} label
 * @param {() => void} onclick
 * @param {string} [className]
 */
export function iconButton(name, label, onclick, className = 'icon-button') {
  return h('button', { type: 'button', class: className, 'aria-label': label, title: label, onclick }, icon(name));
}

/** @param {HTMLElement} button @param {string} label */
export function setLabel(button, label) {
  if (button.getAttribute('aria-label') === label) return;
  button.setAttribute('aria-label', label);
  button.title = label;
}

/** @param {Element} element @param {string} text */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** @param {string} name @returns {string} up to two letters for a picture that is not there */
export function initials(name) {
  const words = name.trim().split(/\s+/).filter(Boolean);
  const chosen = words.length > 1 ? [words[0], words[words.length - 1]] : words;
  return chosen.map((w) => Array.from(w)[0] ?? '').join('').toLocaleUpperCase() || '?';
}

/** @param {string} id @returns {string} the class of one of eight colours, the same for the same person everywhere */
export function colourOf(id) {
  let sum = 0;
  for (const c of id) sum = (sum * 31 + (c.codePointAt(0) ?? 0)) >>> 0;
  return `colour-${sum % 8}`;
}

const kLink = /https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]}]/gi;

/**
 * Text with its web addresses made into links; everything else stays text.
 * @param {string} text
 * @returns {(Node | string)[]}
 */
export function linked(text) {
  /** @type {(Node | string)[]} */
  const out = [];
  let at = 0;
  for (const match of text.matchAll(kLink)) {
    out.push(text.slice(at, match.index));
    out.push(h('a', { href: match[0], target: '_blank', rel: 'noopener noreferrer' }, match[0]));
    at = match.index + match[0].length;
  }
  out.push(text.slice(at));
  return out;
}
