// @ts-check
// What this client can do, as others ask for it (XEP-0030) and as the short form in presence (XEP-0115).

import { xml } from './xml.js';
import { kCodecs } from './options.js';

export const kNode = 'urn:roomgate:client';

// Sorted, as XEP-0115 5.1 wants them.
export const kFeatures = [
  'http://jabber.org/protocol/caps',
  'http://jabber.org/protocol/disco#info',
  'http://jitsi.org/json-encoded-sources',
  'http://jitsi.org/receive-multiple-video-streams',
  'http://jitsi.org/remb',
  'http://jitsi.org/source-name',
  'http://jitsi.org/tcc',
  'urn:ietf:rfc:4588',
  'urn:xmpp:jingle:1',
  'urn:xmpp:jingle:apps:dtls:0',
  'urn:xmpp:jingle:apps:rtp:1',
  'urn:xmpp:jingle:apps:rtp:audio',
  'urn:xmpp:jingle:apps:rtp:video',
  'urn:xmpp:jingle:transports:ice-udp:1',
  'urn:xmpp:ping',
];

// The SHA-1 of kFeatures by XEP-0115; a test computes it again. Pages without HTTPS have no SHA-1 at hand.
export const kVersion = 'gJfq4Ix36Gk/2VNSUNCDZNDDu0Y=';

export function capabilities() {
  return xml('c', { xmlns: 'http://jabber.org/protocol/caps', hash: 'sha-1', node: kNode, ver: kVersion });
}

/** @param {string} node as asked, '' for none */
export function discoInfo(node) {
  return xml(
    'query',
    { xmlns: 'http://jabber.org/protocol/disco#info', node: node || null },
    kFeatures.map((feature) => xml('feature', { var: feature })),
  );
}

/**
 * The codecs this browser can both send and receive, best first: the preferred one, then VP8, which every client has.
 * @param {string | null} preferred
 * @returns {string[]}
 */
export function ownCodecs(preferred) {
  const names = (/** @type {any} */ list) =>
    new Set((list?.codecs ?? []).map((/** @type {any} */ c) => c.mimeType.replace(/^video\//i, '').toLowerCase()));
  const sends = names(globalThis.RTCRtpSender?.getCapabilities?.('video'));
  const receives = names(globalThis.RTCRtpReceiver?.getCapabilities?.('video'));
  const own = kCodecs.filter((c) => c === 'vp8' || (sends.has(c) && receives.has(c)));
  return preferred && own.includes(preferred) ? [preferred, ...own.filter((c) => c !== preferred)] : own;
}
