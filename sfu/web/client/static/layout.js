// @ts-check
// Where tiles go, and what resolution the bridge is asked for in return. Pure: sizes in, rectangles out.

/**
 * @typedef {{ x: number, y: number, width: number, height: number }} Rect
 */

const kGap = 8;
const kWidest = 16 / 9;
const kNarrowest = { upright: 3 / 4, wide: 6 / 5 }; // cameras give wide pictures: a narrower tile would cut people off
const kSmallestTile = 132; // px, wide: a name is still readable

/**
 * Equal tiles that fill the area best.
 * @param {number} width
 * @param {number} height
 * @param {number} count
 * @returns {Rect[]}
 */
export function gridLayout(width, height, count) {
  if (count === 0 || width <= 0 || height <= 0) return [];
  const narrowest = width > height ? kNarrowest.wide : kNarrowest.upright;
  let best = { area: -1, columns: 1, width: 0, height: 0 };
  for (let columns = 1; columns <= count; ++columns) {
    const rows = Math.ceil(count / columns);
    let w = (width - kGap * (columns - 1)) / columns;
    let h = (height - kGap * (rows - 1)) / rows;
    if (w <= 0 || h <= 0) continue;
    if (w / h > kWidest) w = h * kWidest;
    if (w / h < narrowest) h = w / narrowest;
    if (w * h > best.area + 1) best = { area: w * h, columns, width: w, height: h };
  }
  const rows = Math.ceil(count / best.columns);
  const top = (height - rows * best.height - (rows - 1) * kGap) / 2;
  return Array.from({ length: count }, (_, i) => {
    const row = Math.floor(i / best.columns);
    const inRow = row === rows - 1 ? count - row * best.columns : best.columns;
    const left = (width - inRow * best.width - (inRow - 1) * kGap) / 2;
    return {
      x: left + (i % best.columns) * (best.width + kGap),
      y: top + row * (best.height + kGap),
      width: best.width,
      height: best.height,
    };
  });
}

/**
 * How many tiles an area holds before they become too small to be of use.
 * @param {number} width
 * @param {number} height
 * @param {number} [most]
 */
export function gridCapacity(width, height, most = 25) {
  for (let count = most; count > 1; --count) {
    const [tile] = gridLayout(width, height, count);
    if (tile && tile.width >= kSmallestTile && tile.height >= kSmallestTile * 0.6) return count;
  }
  return 1;
}

/**
 * One tile large, the others in a strip along the longer side.
 * @param {number} width
 * @param {number} height
 * @param {number} count all tiles, the large one included
 * @returns {{ stage: Rect, strip: Rect[], capacity: number }}
 */
export function stageLayout(width, height, count) {
  const upright = width < height * 1.2;
  if (count <= 1) return { stage: { x: 0, y: 0, width, height }, strip: [], capacity: 0 };
  const tileWidth = upright ? Math.max(112, Math.min(160, (width - 2 * kGap) / 3)) : Math.max(140, Math.min(220, width * 0.18));
  const tileHeight = tileWidth * (upright ? 3 / 4 : 9 / 16);
  const capacity = Math.max(
    1,
    upright ? Math.floor((width + kGap) / (tileWidth + kGap)) : Math.floor((height + kGap) / (tileHeight + kGap)),
  );
  const shown = Math.min(count - 1, capacity);
  const length = shown * ((upright ? tileWidth : tileHeight) + kGap) - kGap;
  const strip = Array.from({ length: shown }, (_, i) =>
    upright
      ? { x: (width - length) / 2 + i * (tileWidth + kGap), y: height - tileHeight, width: tileWidth, height: tileHeight }
      : { x: width - tileWidth, y: (height - length) / 2 + i * (tileHeight + kGap), width: tileWidth, height: tileHeight },
  );
  const stage = upright
    ? { x: 0, y: 0, width, height: height - tileHeight - kGap }
    : { x: 0, y: 0, width: width - tileWidth - kGap, height };
  return { stage, strip, capacity };
}

/**
 * Which of many tiles are shown: as many as fit, in their own order, those who spoke last among them for certain.
 * @template T
 * @param {T[]} keys in order
 * @param {T[]} recent last speaker first
 * @param {number} capacity
 * @returns {T[]}
 */
export function pickVisible(keys, recent, capacity) {
  if (keys.length <= capacity) return keys;
  const chosen = new Set(keys.slice(0, capacity));
  const wanted = recent.filter((k) => keys.includes(k)).slice(0, capacity);
  for (const key of wanted) {
    if (chosen.has(key)) continue;
    // The newest speaker takes the place of the last tile that nobody asked for.
    const victim = [...chosen].reverse().find((k) => !wanted.includes(k) && k !== keys[0]);
    if (victim === undefined) break;
    chosen.delete(victim);
    chosen.add(key);
  }
  return keys.filter((k) => chosen.has(k));
}

/**
 * The height to ask for, for a tile so many device pixels high: in the steps that senders have.
 * @param {number} pixels
 */
export function heightStep(pixels) {
  if (pixels <= 0) return 0;
  if (pixels <= 200) return 180;
  if (pixels <= 420) return 360;
  if (pixels <= 800) return 720;
  return pixels <= 1200 ? 1080 : 2160;
}

/**
 * ReceiverVideoConstraints for what is on the screen.
 * @param {{ name: string, height: number, stage: boolean }[]} shown video sources, most important first
 */
export function receiverConstraints(shown) {
  return {
    colibriClass: 'ReceiverVideoConstraints',
    lastN: -1,
    selectedSources: shown.filter((s) => !s.stage).map((s) => s.name),
    onStageSources: shown.filter((s) => s.stage).map((s) => s.name),
    defaultConstraints: { maxHeight: 0 },
    constraints: Object.fromEntries(shown.map((s) => [s.name, { maxHeight: heightStep(s.height) }])),
  };
}
