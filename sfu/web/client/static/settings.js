// @ts-check
// What the browser remembers between visits. Storage may be forbidden or full; then nothing is remembered and nothing breaks.

const kPrefix = 'roomgate.';

/**
 * @template T
 * @param {string} key
 * @param {T} fallback
 * @returns {T}
 */
export function recall(key, fallback) {
  try {
    const text = localStorage.getItem(kPrefix + key);
    if (text === null) return fallback;
    const value = JSON.parse(text);
    return typeof value === typeof fallback ? value : fallback;
  } catch {
    return fallback;
  }
}

/**
 * @param {string} key
 * @param {unknown} value
 */
export function remember(key, value) {
  try {
    localStorage.setItem(kPrefix + key, JSON.stringify(value));
  } catch {
    // Private windows refuse; the visit goes on without.
  }
}
