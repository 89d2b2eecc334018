// @ts-check
// What a sender is told to encode: which layers, how large, how many bits. Pure.

export const kLayerHeights = [180, 360, 720];
const kLayerBits = [200_000, 600_000, 1_800_000];
const kScreenBits = 2_500_000;
const kScalable = ['vp9', 'av1'];

/**
 * @typedef {object} Encoding
 * @property {boolean} active
 * @property {number} [scaleResolutionDownBy]
 * @property {number} [maxBitrate]
 * @property {string} [scalabilityMode]
 */

/**
 * The height of each layer of a camera that gives `height` lines, low to high; 0 for a layer it is too small for.
 * @param {number} height
 * @param {number} count
 */
export function layerHeights(height, count) {
  if (count === 1) return [height];
  // Half as high each step down, so a 1080p camera gives 270, 540, 1080.
  const top = height >= 540 ? 2 : height >= 270 ? 1 : 0;
  return kLayerHeights.slice(0, count).map((_, i) => (i > top ? 0 : Math.round(height / 2 ** (top - i))));
}

/**
 * @param {number} count encodings that the browser made
 * @param {number} height lines that the camera gives
 * @param {number} wanted the largest height any receiver wants: 0 nobody, negative as much as there is
 * @param {string} codec lower case
 * @returns {Encoding[]}
 */
export function cameraEncodings(count, height, wanted, codec) {
  const limit = wanted < 0 ? Infinity : wanted;
  if (count === 1 || kScalable.includes(codec)) return oneStream(count, height, limit, codec);
  const heights = layerHeights(height, count);
  // The lowest layer that is at least as high as wanted is the highest that anybody can use.
  const enough = heights.findIndex((h) => h > 0 && h >= limit);
  return heights.map((h, i) => ({
    active: limit > 0 && h > 0 && (enough < 0 || i <= enough),
    scaleResolutionDownBy: h > 0 ? height / h : 1,
    maxBitrate: kLayerBits[i],
    scalabilityMode: 'L1T3',
  }));
}

/**
 * @param {number} count
 * @param {number} height
 * @param {number} limit
 * @param {string} codec
 * @returns {Encoding[]}
 */
function oneStream(count, height, limit, codec) {
  const shown = Math.min(height, limit);
  const scale = shown > 0 && height > 0 ? Math.max(1, height / shown) : 1;
  const layers = shown >= 540 ? 3 : shown >= 270 ? 2 : 1;
  const maxBitrate = kLayerBits[layers - 1] + (layers === 3 ? 700_000 : 0);
  /** @type {Encoding} */
  const first = { active: limit > 0, scaleResolutionDownBy: scale, maxBitrate };
  if (kScalable.includes(codec)) first.scalabilityMode = layers === 1 ? 'L1T3' : `L${layers}T3_KEY`;
  return [first, ...Array.from({ length: count - 1 }, () => ({ active: false }))];
}

/**
 * A screen keeps its resolution, since text must stay readable.
 * @param {number} count
 * @param {number} wanted
 * @returns {Encoding[]}
 */
export function screenEncodings(count, wanted) {
  return Array.from({ length: count }, (_, i) => ({
    active: i === 0 && wanted !== 0,
    scaleResolutionDownBy: 1,
    maxBitrate: kScreenBits,
  }));
}

/**
 * The codec to send. A better one than VP8 is used when every member of the room prefers it to VP8 too, for whoever
 * cannot decode it would see nothing. Members who list nothing are clients of before 2023: VP8.
 * @param {string[]} own our codecs, best first
 * @param {string[][]} others each other member's
 */
export function chooseCodec(own, others) {
  /** @param {string[]} list @param {string} codec */
  const prefers = (list, codec) => {
    const at = list.indexOf(codec);
    const plain = list.indexOf('vp8');
    return at >= 0 && (plain < 0 || at < plain);
  };
  return own.find((codec) => prefers(own, codec) && others.every((list) => prefers(list, codec))) ?? 'vp8';
}
