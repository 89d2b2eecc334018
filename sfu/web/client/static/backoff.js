// @ts-check
// Waiting times between attempts: 1, 2, 4 ... seconds, up to a bound, each a little longer by chance, so that a shard
// that comes back is not met by everybody in the same instant.

/**
 * @param {number} attempt 0 for the first repetition
 * @param {number} [longest] seconds
 * @param {() => number} [random]
 * @returns {number} milliseconds
 */
export function backoff(attempt, longest = 30, random = Math.random) {
  const seconds = Math.min(longest, 2 ** Math.min(attempt, 10));
  return Math.round(seconds * 1000 * (1 + random() * 0.2));
}

/**
 * A wait that can be cut short.
 * @param {number} ms
 * @returns {{ done: Promise<void>, skip: () => void }}
 */
export function pause(ms) {
  let skip = () => {};
  const done = new Promise((/** @type {(value: void) => void} */ resolve) => {
    const timer = setTimeout(resolve, ms);
    skip = () => {
      clearTimeout(timer);
      resolve();
    };
  });
  return { done, skip };
}
