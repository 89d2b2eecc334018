import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as jingle from '../../sfu/web/client/static/jingle.js';
import { child, children } from '../../sfu/web/client/static/xml.js';
import { member, sessionInitiate } from './support/offer.mjs';
import { parseTree } from './support/xml_tree.mjs';

test('reads the offer of the focus', () => {
  const offer = jingle.readOffer(parseTree(sessionInitiate({ sources: member('ada', 10), channel: 'wss://h/a?b=1&c=2' })));

  assert.deepEqual([offer.sid, offer.from, offer.bridgeSession, offer.region], ['sid1', 'alpha@conference.meet.jitsi/focus', '4ee73cfd', 'lab']);
  assert.equal(offer.channelUrl, 'wss://h/a?b=1&c=2');
  assert.deepEqual(offer.session.transport.candidates, ['1 1 udp 2130706431 192.0.2.10 10000 typ host generation 0']);
  assert.equal(offer.session.transport.fingerprint, '53:72:E4');
  assert.deepEqual(offer.session.video.payloads[1].feedback, ['nack pli', 'transport-cc']);
  assert.deepEqual(offer.session.audio.extensions, [{ id: 1, uri: 'urn:ietf:params:rtp-hdrext:ssrc-audio-level' }]);
  assert.ok(offer.session.audio.mixed);
  assert.deepEqual(offer.sources.map((s) => s.name), ['jvb-v0', 'jvb-a0', 'ada-v0', 'ada-a0']);
});

test('refuses an offer that cannot be answered', () => {
  assert.equal(jingle.readOffer(parseTree("<iq xmlns='jabber:client'/>")), null);
  assert.equal(jingle.readOffer(parseTree("<iq xmlns='jabber:client'><jingle xmlns='urn:xmpp:jingle:1' sid='1'/></iq>")), null);
  assert.equal(jingle.readOffer(parseTree(sessionInitiate().replaceAll(/<fingerprint.*?<\/fingerprint>/g, ''))), null);
});

test('accepts with transport, payload types and named sources in both contents', () => {
  const offer = jingle.readOffer(parseTree(sessionInitiate()));
  const answer = { ...offer.session, transport: { ufrag: 'u/C+', pwd: 'p', hash: 'sha-256', fingerprint: 'AA', setup: 'active', candidates: [] } };
  const source = { name: 'me-v0', owner: 'me', kind: 'video', videoType: 'camera', ssrcs: [1, 2], groups: [{ semantics: 'FID', ssrcs: [1, 2] }] };
  const accept = parseTree(jingle.sessionAccept(offer, 'me@meet.jitsi/r', answer, [{ source, msid: 'me-video-1-1 t-1' }]).text);

  assert.deepEqual(['action', 'initiator', 'responder', 'sid'].map((n) => accept.getAttribute(n)), ['session-accept', 'alpha@conference.meet.jitsi/focus', 'me@meet.jitsi/r', 'sid1']);
  const contents = children(accept, 'content');
  assert.deepEqual(contents.map((c) => [c.getAttribute('name'), c.getAttribute('creator'), c.getAttribute('senders')]), [['audio', 'responder', 'both'], ['video', 'responder', 'both']]);
  for (const content of contents) {
    const transport = child(content, 'transport', 'urn:xmpp:jingle:transports:ice-udp:1');
    assert.deepEqual([transport.getAttribute('ufrag'), transport.getAttribute('pwd')], ['u/C+', 'p']);
    assert.equal(child(transport, 'fingerprint', 'urn:xmpp:jingle:apps:dtls:0').getAttribute('setup'), 'active');
    assert.equal(children(transport, 'candidate').length, 0);
  }
  const description = child(contents[1], 'description', 'urn:xmpp:jingle:apps:rtp:1');
  const sources = children(description, 'source', 'urn:xmpp:jingle:apps:rtp:ssma:0');
  assert.deepEqual(sources.map((s) => [s.getAttribute('name'), s.getAttribute('ssrc'), s.getAttribute('videoType'), s.children[0].getAttribute('value')]), [
    ['me-v0', '1', 'camera', 'me-video-1-1 t-1'],
    ['me-v0', '2', 'camera', 'me-video-1-1 t-1'],
  ]);
  assert.deepEqual(children(child(description, 'ssrc-group'), 'source').map((s) => s.getAttribute('ssrc')), ['1', '2']);
  assert.deepEqual(children(description, 'payload-type').map((p) => p.getAttribute('name')), ['AV1', 'VP8', 'H264', 'VP9']);
  assert.equal(children(child(contents[0], 'description'), 'source').length, 0);
});

test('names only the kinds that change in a source-add', () => {
  const source = { name: 'me-a0', owner: 'me', kind: 'audio', videoType: 'camera', ssrcs: [3], groups: [] };
  const change = parseTree(jingle.sourceChange('source-add', 'sid1', [{ source, msid: 'a b' }]).text);

  assert.deepEqual(children(change, 'content').map((c) => c.getAttribute('name')), ['audio']);
  assert.equal(change.getAttribute('sid'), 'sid1');
});

test('asks for a restart with the reason the focus expects', () => {
  const offer = jingle.readOffer(parseTree(sessionInitiate()));
  const text = jingle.sessionTerminate(offer, 'connectivity-error', 'ICE FAILED', true).text;

  assert.match(text, /<reason><connectivity-error\/><text>ICE FAILED<\/text><\/reason>/);
  assert.match(text, /<bridge-session xmlns="http:\/\/jitsi.org\/protocol\/focus" id="4ee73cfd" restart="true"\/>/);
});

test('obeys a mute, and only a mute', () => {
  const read = (inside) => jingle.readMute(parseTree(`<iq xmlns='jabber:client'>${inside}</iq>`));

  assert.deepEqual(read("<mute xmlns='http://jitsi.org/jitmeet/video' actor='room@muc/boss'>true</mute>"), { kind: 'video', actor: 'room@muc/boss' });
  assert.equal(read("<mute xmlns='http://jitsi.org/jitmeet/audio'>false</mute>"), null);
  assert.equal(read("<mute xmlns='other'>true</mute>"), null);
});
