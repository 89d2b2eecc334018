// @ts-check
// What a link can ask for, in its query or behind its # (which wins). For tests and for people who know what they do:
//
//   name=Ada          the name shown to the others
//   prejoin=skip      go into the meeting at once, without the preview
//   audio=off         join with the microphone off (it is not even asked for)
//   video=off         the same for the camera
//   width=320 height=180 fps=15      what the camera is asked for; default 1280 x 720 at 30
//   relay=1           send media through the TURN server only
//   codec=vp9         prefer this codec for sending: vp8 (default), vp9, av1, h264
//   simulcast=off     send one layer instead of three
//   lang=de           language: en, de
//   config.domain, config.muc, config.focus     XMPP names, where they differ from /config.json

export const kCodecs = ['vp8', 'vp9', 'av1', 'h264'];

/**
 * @typedef {object} Options
 * @property {string | null} name
 * @property {boolean} skipPrejoin
 * @property {boolean | null} audio  null: as last time
 * @property {boolean | null} video
 * @property {number} width
 * @property {number} height
 * @property {number} fps
 * @property {boolean} relay
 * @property {string | null} codec
 * @property {boolean} simulcast
 * @property {string | null} lang
 * @property {Record<string, string>} config
 */

/**
 * @param {string} query location.search
 * @param {string} hash location.hash
 * @returns {Options}
 */
export function readOptions(query, hash) {
  const values = new Map([
    ...new URLSearchParams(query.replace(/^\?/, '')),
    ...new URLSearchParams(hash.replace(/^#/, '')),
  ]);
  const flag = (/** @type {string} */ key) => {
    const value = values.get(key)?.toLowerCase();
    if (value === undefined) return null;
    return !['off', '0', 'false', 'no', 'none'].includes(value);
  };
  const number = (/** @type {string} */ key, /** @type {number} */ fallback, /** @type {number} */ most) => {
    const value = Number(values.get(key));
    return Number.isFinite(value) && value >= 1 ? Math.min(most, Math.round(value)) : fallback;
  };
  const codec = values.get('codec')?.toLowerCase() ?? null;
  /** @type {Record<string, string>} */
  const config = {};
  for (const key of ['domain', 'muc', 'focus']) {
    const value = values.get(`config.${key}`);
    if (value && /^[a-z0-9.-]{1,255}$/i.test(value)) config[key] = value.toLowerCase();
  }
  return {
    name: values.get('name')?.trim().slice(0, 80) || null,
    skipPrejoin: values.get('prejoin') === 'skip',
    audio: flag('audio'),
    video: flag('video'),
    width: number('width', 1280, 3840),
    height: number('height', 720, 2160),
    fps: number('fps', 30, 60),
    relay: flag('relay') ?? false,
    codec: codec && kCodecs.includes(codec) ? codec : null,
    simulcast: flag('simulcast') ?? true,
    lang: values.get('lang')?.toLowerCase() ?? null,
    config,
  };
}
