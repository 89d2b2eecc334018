// @ts-check
// XML in both directions: stanzas are built as text in which everything foreign is escaped, and read through the five
// DOM members that the helpers below use, so that the readers also run where there is no DOMParser.

/** Text that is already markup. */
export class Markup {
  /** @param {string} text */
  constructor(text) {
    this.text = text;
  }
  toString() {
    return this.text;
  }
}

// Characters that XML 1.0 forbids even as references; one of them would end the connection of everybody in the room.
const kForbidden = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu;
/** @type {Record<string, string>} */
const kEscapes = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' };

/** @param {unknown} text */
export function escapeXml(text) {
  return String(text).replace(kForbidden, '').replace(/[&<>"']/g, (c) => kEscapes[c]);
}

/**
 * An element. Attributes that are null or undefined are left out; strings among the children are escaped.
 * @param {string} name
 * @param {Record<string, unknown>} [attributes]
 * @param {...any} children
 * @returns {Markup}
 */
export function xml(name, attributes = {}, ...children) {
  let out = `<${name}`;
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) out += ` ${key}="${escapeXml(value)}"`;
  }
  const inner = children
    .flat(Infinity)
    .filter((c) => c !== null && c !== undefined && c !== false)
    .map((c) => (c instanceof Markup ? c.text : escapeXml(c)))
    .join('');
  return new Markup(inner ? `${out}>${inner}</${name}>` : `${out}/>`);
}

/**
 * The root element of a document; throws when it is ill-formed.
 * @param {string} text
 * @returns {Element}
 */
export function parseXml(text) {
  const root = new DOMParser().parseFromString(text, 'text/xml').documentElement;
  if (!root || root.getElementsByTagName('parsererror').length > 0 || root.localName === 'parsererror') {
    throw new SyntaxError('ill-formed XML');
  }
  return root;
}

/**
 * @param {Element | null | undefined} element
 * @param {string} [name] any when missing
 * @param {string} [namespace] any when missing
 * @returns {Element[]}
 */
export function children(element, name, namespace) {
  if (!element) return [];
  return Array.from(element.children).filter(
    (c) => (!name || c.localName === name) && (!namespace || c.namespaceURI === namespace),
  );
}

/**
 * @param {Element | null | undefined} element
 * @param {string} [name]
 * @param {string} [namespace]
 * @returns {Element | null}
 */
export function child(element, name, namespace) {
  return children(element, name, namespace)[0] ?? null;
}

/**
 * @param {Element | null | undefined} element
 * @param {string} name
 * @returns {string}
 */
export function attribute(element, name) {
  return element?.getAttribute(name) ?? '';
}

/**
 * The text of a child element, null when there is no such child.
 * @param {Element | null | undefined} element
 * @param {string} name
 * @param {string} [namespace]
 * @returns {string | null}
 */
export function textOf(element, name, namespace) {
  const found = child(element, name, namespace);
  return found ? (found.textContent ?? '') : null;
}

/**
 * Condition, type and text of the <error/> in a stanza.
 * @param {Element} stanza
 */
export function errorOf(stanza) {
  const error = child(stanza, 'error');
  const names = children(error).map((c) => c.localName);
  return {
    type: attribute(error, 'type'),
    condition: names.find((n) => n !== 'text') ?? 'undefined-condition',
    text: textOf(error, 'text') ?? '',
    has: (/** @type {string} */ name) => names.includes(name),
  };
}
