// @ts-check
// What is asked of the server outside of rooms: settings, whether it answers at all, its name, its TURN servers.

import { attribute, child, children, xml } from './xml.js';

const kDisco = 'http://jabber.org/protocol/disco#info';
const kServices = 'urn:xmpp:extdisco:2';

/** @typedef {{ domain: string, muc: string, focus: string }} Config */

/**
 * /config.json, with Jitsi's usual names where it is missing.
 * @param {string} key room key: a front door sends the question to the room's shard
 * @param {Record<string, string>} overrides
 * @returns {Promise<Config>}
 */
export async function loadConfig(key, overrides) {
  /** @type {Record<string, unknown>} */
  let found = {};
  try {
    const answer = await fetch(`/config.json?room=${key}`, { cache: 'no-store', signal: AbortSignal.timeout(5000) });
    if (answer.ok) found = (await answer.json()) ?? {};
  } catch {
    // Absent, or no JSON: the defaults serve.
  }
  const all = { ...found, ...overrides };
  const pick = (/** @type {string} */ name, /** @type {string} */ otherwise) =>
    typeof all[name] === 'string' && all[name] !== '' ? String(all[name]) : otherwise;
  const domain = pick('domain', 'meet.jitsi');
  return { domain, muc: pick('muc', `conference.${domain}`), focus: pick('focus', `focus.${domain}`) };
}

/** @param {string} key @param {string} previd @param {Location} [where] */
export function socketUrl(key, previd, where = location) {
  const scheme = where.protocol === 'https:' ? 'wss' : 'ws';
  return `${scheme}://${where.host}/xmpp-websocket?room=${key}${previd ? `&previd=${encodeURIComponent(previd)}` : ''}`;
}

/**
 * A plain request to the signalling address: tells a dead network from a full or absent server, and which shard it is.
 * @param {string} key
 * @returns {Promise<{ reason: 'fine' | 'offline' | 'unreachable' | 'unavailable', shard: string, region: string }>}
 */
export async function probe(key) {
  try {
    const answer = await fetch(`/xmpp-websocket?room=${key}`, { cache: 'no-store', signal: AbortSignal.timeout(8000) });
    const { headers, status } = answer;
    const reason = [502, 503, 504].includes(status) ? 'unavailable' : 'fine';
    return { reason, shard: headers.get('x-jitsi-shard') ?? '', region: headers.get('x-jitsi-region') ?? '' };
  } catch {
    return { reason: navigator.onLine === false ? 'offline' : 'unreachable', shard: '', region: '' };
  }
}

/**
 * @param {import('./xmpp.js').Stream} stream
 * @returns {Promise<{ shard: string, region: string }>}
 */
export async function deployment(stream) {
  const answer = await stream.request('get', stream.domain, xml('query', { xmlns: kDisco }));
  const identities = children(child(answer, 'query', kDisco), 'identity');
  const named = (/** @type {string} */ type) =>
    attribute(identities.find((i) => attribute(i, 'type') === type), 'name');
  return { shard: named('shard'), region: named('region') };
}

/**
 * TURN and STUN servers (XEP-0215).
 * @param {import('./xmpp.js').Stream} stream
 * @returns {Promise<RTCIceServer[]>}
 */
export async function iceServers(stream) {
  const answer = await stream.request('get', stream.domain, xml('services', { xmlns: kServices }));
  return children(child(answer, 'services', kServices), 'service').flatMap((service) => {
    const get = (/** @type {string} */ name) => attribute(service, name);
    const type = get('type');
    if (!['stun', 'stuns', 'turn', 'turns'].includes(type) || get('host') === '') return [];
    const host = get('host').includes(':') && !get('host').startsWith('[') ? `[${get('host')}]` : get('host');
    const address = `${type}:${host}${get('port') ? `:${get('port')}` : ''}`;
    if (type.startsWith('stun')) return [{ urls: address }];
    const urls = get('transport') ? `${address}?transport=${get('transport')}` : address;
    return [{ urls, username: get('username'), credential: get('password') }];
  });
}

/**
 * When the meeting began, and nothing when the room does not tell.
 * @param {import('./xmpp.js').Stream} stream
 * @param {string} room
 * @returns {Promise<Date | null>}
 */
export async function meetingStart(stream, room) {
  const answer = await stream.request('get', room, xml('query', { xmlns: kDisco }));
  const fields = children(child(child(answer, 'query', kDisco), 'x'), 'field');
  const field = fields.find((f) => attribute(f, 'var') === 'muc#roominfo_created_timestamp');
  const value = Number(child(field, 'value')?.textContent);
  return Number.isFinite(value) && value > 0 ? new Date(value) : null;
}
