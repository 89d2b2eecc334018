// @ts-check
// Media sources as signalling names them: the compact JSON of the focus, the XML of Jingle, and back to XML. Pure.
// Everything here was written by other people's clients: what does not fit is dropped, never guessed into SDP.

import { attribute, child, children, xml } from './xml.js';

export const kSsma = 'urn:xmpp:jingle:apps:rtp:ssma:0';
export const kJitmeet = 'http://jitsi.org/jitmeet';

const kMaxSources = 2000;
const kMaxSsrcsPerSource = 12;
const kOwner = /^[A-Za-z0-9_.-]{1,64}$/;

/**
 * @typedef {object} Group
 * @property {'FID' | 'SIM'} semantics
 * @property {number[]} ssrcs
 *
 * @typedef {object} Source
 * @property {string} name   "8fc6a697-v0"
 * @property {string} owner  endpoint id, or "jvb" for the bridge's own
 * @property {'audio' | 'video'} kind
 * @property {number[]} ssrcs
 * @property {Group[]} groups
 * @property {'camera' | 'desktop'} videoType
 */

/** @param {unknown} value */
function toSsrc(value) {
  const number = typeof value === 'string' && /^\d{1,10}$/.test(value) ? Number(value) : value;
  return Number.isInteger(number) && Number(number) > 0 && Number(number) <= 0xffffffff ? Number(number) : null;
}

/**
 * One owner's SSRCs of one kind, gathered into sources: by name where there are names, else (clients of 2021) by msid.
 * @param {string} owner
 * @param {'audio' | 'video'} kind
 * @param {{ ssrc: number, name: string, msid: string, desktop: boolean }[]} entries
 * @param {Group[]} groups
 * @returns {Source[]}
 */
function gather(owner, kind, entries, groups) {
  /** @type {Map<string, Source>} */
  const found = new Map();
  for (const entry of entries) {
    // A name that does not begin with its owner's id is somebody speaking for somebody else.
    const named = entry.name.startsWith(`${owner}-`) && kOwner.test(entry.name);
    if (entry.name !== '' && !named) continue;
    const key = named ? entry.name : `?${entry.msid || entry.ssrc}`;
    let source = found.get(key);
    if (!source) {
      source = { name: named ? entry.name : '', owner, kind, ssrcs: [], groups: [], videoType: 'camera' };
      found.set(key, source);
    }
    if (source.ssrcs.length < kMaxSsrcsPerSource && !source.ssrcs.includes(entry.ssrc)) source.ssrcs.push(entry.ssrc);
    if (entry.desktop) source.videoType = 'desktop';
  }
  const sources = [...found.values()];
  const taken = new Set(sources.map((s) => s.name));
  for (const source of sources) {
    for (let i = 0; source.name === ''; ++i) {
      const name = `${owner}-${kind === 'audio' ? 'a' : 'v'}${i}`;
      if (!taken.has(name)) source.name = name;
    }
    taken.add(source.name);
    source.groups = groups.filter((g) => g.ssrcs.every((ssrc) => source.ssrcs.includes(ssrc)));
  }
  return sources;
}

/**
 * {"sources":{OWNER:[VIDEO,VIDEO GROUPS,AUDIO,AUDIO GROUPS]}}
 * @param {string} text
 * @returns {Source[]}
 */
export function parseCompactSources(text) {
  /** @type {any} */
  let parsed;
  try {
    parsed = JSON.parse(text);
  } catch {
    return [];
  }
  const owners = parsed?.sources;
  if (typeof owners !== 'object' || owners === null) return [];
  /** @type {Source[]} */
  const out = [];
  for (const [owner, lists] of Object.entries(owners)) {
    if (!kOwner.test(owner) || !Array.isArray(lists)) continue;
    for (const [kind, at] of /** @type {[('audio' | 'video'), number][]} */ ([['video', 0], ['audio', 2]])) {
      const entries = (Array.isArray(lists[at]) ? lists[at] : [])
        .map((/** @type {any} */ s) => ({
          ssrc: toSsrc(s?.s) ?? 0,
          name: typeof s?.n === 'string' ? s.n : '',
          msid: typeof s?.m === 'string' ? s.m : '',
          desktop: s?.v === 'd',
        }))
        .filter((/** @type {{ ssrc: number }} */ s) => s.ssrc !== 0);
      const groups = (Array.isArray(lists[at + 1]) ? lists[at + 1] : [])
        .filter((/** @type {any} */ g) => Array.isArray(g) && (g[0] === 'f' || g[0] === 's'))
        .map((/** @type {any[]} */ g) => ({
          semantics: /** @type {'FID' | 'SIM'} */ (g[0] === 'f' ? 'FID' : 'SIM'),
          ssrcs: g.slice(1).map((s) => toSsrc(s) ?? 0),
        }));
      out.push(...gather(owner, kind, entries, groups));
      if (out.length >= kMaxSources) return out.slice(0, kMaxSources);
    }
  }
  return out;
}

/**
 * All sources in a <jingle/>: compact or as XML.
 * @param {Element} jingle
 * @returns {Source[]}
 */
export function parseSources(jingle) {
  const compact = children(jingle, 'json-message', kJitmeet).flatMap((m) => parseCompactSources(m.textContent ?? ''));
  return compact.concat(children(jingle, 'content').flatMap(sourcesOfContent)).slice(0, kMaxSources);
}

/** @param {Element} content @returns {Source[]} */
function sourcesOfContent(content) {
  const description = child(content, 'description');
  const kind = attribute(description, 'media') === 'video' || attribute(content, 'name') === 'video' ? 'video' : 'audio';
  /** @type {Map<string, { ssrc: number, name: string, msid: string, desktop: boolean }[]>} */
  const byOwner = new Map();
  for (const element of children(description, 'source', kSsma)) {
    const info = attribute(child(element, 'ssrc-info', kJitmeet), 'owner');
    const owner = info.includes('/') ? info.slice(info.indexOf('/') + 1) : info;
    const ssrc = toSsrc(attribute(element, 'ssrc'));
    if (ssrc === null || !kOwner.test(owner)) continue;
    const msid = children(element, 'parameter').find((p) => attribute(p, 'name') === 'msid');
    const entries = byOwner.get(owner) ?? [];
    entries.push({
      ssrc,
      name: attribute(element, 'name'),
      msid: attribute(msid, 'value'),
      desktop: attribute(element, 'videoType') === 'desktop',
    });
    byOwner.set(owner, entries);
  }
  const groups = children(description, 'ssrc-group', kSsma).map((g) => ({
    semantics: /** @type {'FID' | 'SIM'} */ (attribute(g, 'semantics')),
    ssrcs: children(g, 'source').map((s) => toSsrc(attribute(s, 'ssrc')) ?? 0),
  }));
  return [...byOwner].flatMap(([owner, entries]) => gather(owner, kind, entries, groups));
}

/**
 * Our own source as the children of a <description/>.
 * @param {Source} source
 * @param {string} msid
 */
export function sourceXml(source, msid) {
  return [
    source.ssrcs.map((ssrc) =>
      xml(
        'source',
        { xmlns: kSsma, ssrc, name: source.name, videoType: source.kind === 'video' ? source.videoType : null },
        xml('parameter', { name: 'msid', value: msid }),
      ),
    ),
    source.groups.map((group) =>
      xml('ssrc-group', { xmlns: kSsma, semantics: group.semantics }, group.ssrcs.map((ssrc) => xml('source', { ssrc }))),
    ),
  ];
}
