// @ts-check
// Jingle (XEP-0166) as the focus speaks it: the offer read into plain values, our answers written. No state; the state
// of a call is session.js.

import { attribute, child, children, xml } from './xml.js';
import { kJitmeet, parseSources, sourceXml } from './sources.js';

export const kJingle = 'urn:xmpp:jingle:1';
const kRtp = 'urn:xmpp:jingle:apps:rtp:1';
const kFeedback = 'urn:xmpp:jingle:apps:rtp:rtcp-fb:0';
const kExtension = 'urn:xmpp:jingle:apps:rtp:rtp-hdrext:0';
const kIce = 'urn:xmpp:jingle:transports:ice-udp:1';
const kDtls = 'urn:xmpp:jingle:apps:dtls:0';
const kGrouping = 'urn:xmpp:jingle:apps:grouping:0';
const kColibri = 'http://jitsi.org/protocol/colibri';
const kFocus = 'http://jitsi.org/protocol/focus';
const kMute = 'http://jitsi.org/jitmeet/';

/**
 * @typedef {import('./sdp.js').Session} Session
 * @typedef {import('./sdp.js').Kind} Kind
 * @typedef {import('./sources.js').Source} Source
 * @typedef {import('./xml.js').Markup} Markup
 *
 * @typedef {object} Offer
 * @property {string} sid
 * @property {string} from          room@muc/focus
 * @property {Session} session
 * @property {Source[]} sources
 * @property {string} channelUrl    of the bridge channel, '' when there is none
 * @property {string} bridgeSession
 * @property {string} region
 */

/** @param {Element | null} description @returns {Kind} */
function readKind(description) {
  const payloads = children(description, 'payload-type')
    .map((p) => ({
      id: Number(attribute(p, 'id')),
      name: attribute(p, 'name'),
      clockrate: Number(attribute(p, 'clockrate')),
      channels: Number(attribute(p, 'channels') || 1),
      parameters: children(p, 'parameter').map(
        (q) => /** @type {[string, string]} */ ([attribute(q, 'name'), attribute(q, 'value')]),
      ),
      feedback: children(p, 'rtcp-fb').map((f) => `${attribute(f, 'type')} ${attribute(f, 'subtype')}`.trim()),
    }))
    .filter((p) => Number.isInteger(p.id) && p.id >= 0 && p.id < 128 && p.name !== '' && p.clockrate > 0);
  const extensions = children(description, 'rtp-hdrext')
    .map((e) => ({ id: Number(attribute(e, 'id')), uri: attribute(e, 'uri') }))
    .filter((e) => e.id >= 1 && e.id <= 255 && e.uri !== '');
  return { payloads, extensions, mixed: child(description, 'extmap-allow-mixed') !== null };
}

/** @param {Element} candidate @returns {string} as in a=candidate: */
function readCandidate(candidate) {
  const get = (/** @type {string} */ name) => attribute(candidate, name).replace(/\s/g, '');
  const related = get('rel-addr') ? ` raddr ${get('rel-addr')} rport ${get('rel-port')}` : '';
  const tcp = get('protocol') === 'tcp' ? ` tcptype ${get('tcptype') || 'passive'}` : '';
  return (
    `${get('foundation')} ${get('component') || 1} ${get('protocol')} ${get('priority')} ${get('ip')} ${get('port')}` +
    ` typ ${get('type') || 'host'}${related}${tcp} generation ${get('generation') || 0}`
  );
}

/**
 * @param {Element} iq with a session-initiate
 * @returns {Offer | null} null when it is no offer that could be answered
 */
export function readOffer(iq) {
  const jingle = child(iq, 'jingle', kJingle);
  const contents = children(jingle, 'content');
  const of = (/** @type {string} */ name) => contents.find((c) => attribute(c, 'name') === name) ?? null;
  const transport = contents.map((c) => child(c, 'transport', kIce)).find(Boolean);
  const fingerprint = child(transport, 'fingerprint', kDtls);
  const audio = readKind(child(of('audio'), 'description'));
  const video = readKind(child(of('video'), 'description'));
  if (!jingle || !fingerprint || audio.payloads.length === 0 || video.payloads.length === 0) return null;
  const socket = contents.map((c) => child(child(c, 'transport', kIce), 'web-socket', kColibri)).find(Boolean);
  const bridge = child(jingle, 'bridge-session', kFocus);
  return {
    sid: attribute(jingle, 'sid'),
    from: attribute(iq, 'from'),
    session: {
      audio,
      video,
      transport: {
        ufrag: attribute(transport, 'ufrag'),
        pwd: attribute(transport, 'pwd'),
        hash: attribute(fingerprint, 'hash'),
        fingerprint: (fingerprint.textContent ?? '').trim(),
        setup: attribute(fingerprint, 'setup'),
        candidates: children(transport, 'candidate').map(readCandidate),
      },
    },
    sources: parseSources(jingle),
    channelUrl: attribute(socket, 'url'),
    bridgeSession: attribute(bridge, 'id'),
    region: attribute(bridge, 'region'),
  };
}

/** @param {Element} jingle a transport-info @returns {string[]} */
export function readCandidates(jingle) {
  return children(jingle, 'content').flatMap((c) => children(child(c, 'transport', kIce), 'candidate').map(readCandidate));
}

/** @param {'audio' | 'video'} name @param {any[]} inside @param {any} [transport] @param {string} [senders] */
function content(name, inside, transport = null, senders = 'both') {
  return xml(
    'content',
    { creator: 'responder', name, senders },
    xml('description', { xmlns: kRtp, media: name }, inside),
    transport,
  );
}

/** @param {Kind} kind */
function kindXml(kind) {
  return [
    kind.payloads.map((p) =>
      xml(
        'payload-type',
        { id: p.id, name: p.name, clockrate: p.clockrate, channels: p.channels > 1 ? p.channels : null },
        p.parameters.map(([name, value]) => xml('parameter', { name, value })),
        p.feedback.map((f) => {
          const [type, subtype] = f.split(' ');
          return xml('rtcp-fb', { xmlns: kFeedback, type, subtype });
        }),
      ),
    ),
    kind.extensions.map((e) => xml('rtp-hdrext', { xmlns: kExtension, id: e.id, uri: e.uri })),
    kind.mixed ? xml('extmap-allow-mixed', { xmlns: kExtension }) : null,
    xml('rtcp-mux'),
  ];
}

/** @typedef {{ source: Source, msid: string }} Announced */

/** @param {Announced[]} announced @param {string} kind */
function announcedXml(announced, kind) {
  return announced.filter((a) => a.source.kind === kind).map((a) => sourceXml(a.source, a.msid));
}

/**
 * @param {Offer} offer
 * @param {string} responder our full JID
 * @param {Session} answer
 * @param {Announced[]} announced
 * @returns {Markup}
 */
export function sessionAccept(offer, responder, answer, announced) {
  const { ufrag, pwd, hash, fingerprint, setup } = answer.transport;
  const transport = xml(
    'transport',
    { xmlns: kIce, ufrag, pwd },
    xml('rtcp-mux'),
    xml('fingerprint', { xmlns: kDtls, hash, setup }, fingerprint),
  );
  return xml(
    'jingle',
    { xmlns: kJingle, action: 'session-accept', initiator: offer.from, responder, sid: offer.sid },
    xml('group', { xmlns: kGrouping, semantics: 'BUNDLE' }, xml('content', { name: 'audio' }), xml('content', { name: 'video' })),
    content('audio', [kindXml(answer.audio), announcedXml(announced, 'audio')], transport),
    content('video', [kindXml(answer.video), announcedXml(announced, 'video')], transport),
  );
}

/**
 * @param {'source-add' | 'source-remove'} action
 * @param {string} sid
 * @param {Announced[]} announced
 */
export function sourceChange(action, sid, announced) {
  const kinds = /** @type {('audio' | 'video')[]} */ (['audio', 'video']);
  return xml(
    'jingle',
    { xmlns: kJingle, action, sid },
    kinds
      .map((kind) => /** @type {['audio' | 'video', any[]]} */ ([kind, announcedXml(announced, kind)]))
      .filter(([, inside]) => inside.length > 0)
      .map(([kind, inside]) => content(kind, inside)),
  );
}

/**
 * @param {Offer} offer
 * @param {string} reason
 * @param {string} text
 * @param {boolean} restart whether the focus shall invite us anew
 */
export function sessionTerminate(offer, reason, text, restart) {
  return xml(
    'jingle',
    { xmlns: kJingle, action: 'session-terminate', sid: offer.sid },
    xml('reason', {}, xml(reason), xml('text', {}, text)),
    xml('bridge-session', { xmlns: kFocus, id: offer.bridgeSession, restart: String(restart) }),
  );
}

/**
 * A moderator's wish that somebody be muted.
 * @param {'audio' | 'video' | 'desktop'} kind
 * @param {string} occupant full occupant JID
 */
export function muteRequest(kind, occupant) {
  return xml('mute', { xmlns: kMute + kind, jid: occupant }, 'true');
}

/**
 * @param {Element} iq
 * @returns {{ kind: string, actor: string } | null}
 */
export function readMute(iq) {
  const mute = children(iq, 'mute').find((m) => m.namespaceURI?.startsWith(kMute));
  if (!mute || (mute.textContent ?? '').trim() !== 'true') return null;
  return { kind: (mute.namespaceURI ?? '').slice(kMute.length), actor: attribute(mute, 'actor') };
}

/** @param {string} room @param {string} machine */
export function conferenceRequest(room, machine) {
  return xml(
    'conference',
    { xmlns: kFocus, room, 'machine-uid': machine },
    xml('property', { name: 'rtcstatsEnabled', value: 'false' }),
    xml('property', { name: 'visitors-version', value: '1' }),
  );
}

export { kFocus, kJitmeet };
