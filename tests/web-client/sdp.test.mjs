import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as sdp from '../../sfu/web/client/static/sdp.js';

const source = (name, ...ssrcs) => ({
  name, owner: name.split('-')[0], kind: name.includes('-a') ? 'audio' : 'video', videoType: 'camera', ssrcs,
  groups: ssrcs.length === 2 ? [{ semantics: 'FID', ssrcs }] : [],
});
const payload = (id, name, more = {}) => ({ id, name, clockrate: name === 'opus' ? 48000 : 90000, channels: name === 'opus' ? 2 : 1, parameters: [], feedback: [], ...more });
const session = {
  audio: { payloads: [payload(111, 'opus', { parameters: [['minptime', '10'], ['useinbandfec', '1']] })], extensions: [{ id: 1, uri: 'urn:level' }], mixed: true },
  video: { payloads: [payload(41, 'AV1'), payload(100, 'VP8', { feedback: ['nack', 'nack pli'] }), payload(96, 'rtx', { parameters: [['apt', '100']] })], extensions: [], mixed: true },
  transport: { ufrag: 'u', pwd: 'p', hash: 'sha-256', fingerprint: 'AA:BB', setup: 'actpass', candidates: ['1 1 udp 2130706431 192.0.2.1 10000 typ host generation 0'] },
};
const bridge = [source('jvb-v0', 9), source('jvb-a0', 8)];
const sections = (text) => sdp.splitSdp(text).sections.map((s) => [s.mid, s.kind, s.lines.find((l) => /^a=(sendrecv|sendonly|recvonly|inactive)$/.test(l)).slice(2)]);

test('puts audio first, and the line that carries our sending first in its kind', () => {
  const lines = sdp.firstLines([source('ada-v0', 1, 2), source('ada-a0', 3), ...bridge]);
  const offer = sdp.buildOffer(session, lines, { version: 1, codec: null });

  assert.deepEqual(sections(offer), [['0', 'audio', 'sendrecv'], ['1', 'audio', 'sendonly'], ['2', 'video', 'sendrecv'], ['3', 'video', 'sendonly']]);
  assert.match(offer, /a=group:BUNDLE 0 1 2 3\r\n/);
  assert.equal(offer.match(/a=candidate:/g).length, 1);
  assert.match(offer, /a=rtpmap:111 opus\/48000\/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n/);
  assert.match(offer, /a=ssrc-group:FID 1 2\r\na=ssrc:1 cname:ada\r\n/);
});

test('works without sources of the bridge', () => {
  assert.deepEqual(sections(sdp.buildOffer(session, sdp.firstLines([]), { version: 1, codec: null })), [['0', 'audio', 'sendrecv'], ['1', 'video', 'sendrecv']]);
});

test('appends later sources, frees lines of those gone, and fills them again only after an offer', () => {
  const lines = sdp.firstLines(bridge);

  assert.ok(sdp.addToLines(lines, [source('ada-a0', 3), source('ada-v0', 1, 2)]));
  assert.ok(!sdp.addToLines(lines, [source('ada-v0', 1, 2), source('jvb-v0', 9)]));
  assert.deepEqual(lines.map((l) => l.source?.name), ['jvb-a0', 'jvb-v0', 'ada-a0', 'ada-v0']);

  assert.ok(sdp.removeFromLines(lines, (s) => s.owner === 'ada'));
  assert.ok(!sdp.removeFromLines(lines, (s) => s.owner === 'ada'));
  assert.ok(!sdp.removeFromLines(lines, (s) => s.owner === 'jvb'));
  sdp.addToLines(lines, [source('eve-a0', 5)]);
  assert.equal(lines[4].source.name, 'eve-a0');
  assert.deepEqual(sections(sdp.buildOffer(session, lines, { version: 2, codec: null })).slice(2), [['2', 'audio', 'inactive'], ['3', 'video', 'inactive'], ['4', 'audio', 'sendonly']]);

  lines.forEach((l) => (l.fresh = false));
  sdp.addToLines(lines, [source('bob-v0', 6)]);
  assert.equal(lines[3].source.name, 'bob-v0');
  assert.equal(lines.length, 5);
});

test('sends the preferred codec: its payload type stands first', () => {
  const offer = sdp.buildOffer(session, sdp.firstLines(bridge), { version: 1, codec: 'vp8' });

  assert.match(offer, /m=video 9 UDP\/TLS\/RTP\/SAVPF 100 41 96\r\n/);
});

test('sends voices in RED where it is offered', () => {
  const red = { id: 112, name: 'red', clockrate: 48000, channels: 2, parameters: [['', '111/111']], feedback: [] };
  const payloads = [...session.audio.payloads, red];
  const offer = sdp.buildOffer({ ...session, audio: { ...session.audio, payloads } }, sdp.firstLines(bridge), { version: 1, codec: null });

  assert.match(offer, /m=audio 9 UDP\/TLS\/RTP\/SAVPF 112 111/);
  assert.match(offer, /a=fmtp:112 111\/111\r\n/);
});

test('lets nothing of others break out of its line', () => {
  const evil = { ...session, transport: { ...session.transport, ufrag: 'u\r\na=evil', candidates: ['1 1 udp 1 h 1 typ host\r\na=evil'] } };
  const offer = sdp.buildOffer(evil, sdp.firstLines(bridge), { version: 1, codec: null });

  assert.ok(!offer.split('\r\n').includes('a=evil'));
});

const kAnswer = [
  'v=0', 's=-', 't=0 0', 'a=extmap-allow-mixed',
  'm=audio 9 UDP/TLS/RTP/SAVPF 111', 'a=ice-ufrag:u/Cw+', 'a=ice-pwd:secret', 'a=fingerprint:sha-256 43:4B', 'a=setup:active', 'a=mid:0', 'a=sendrecv', 'a=rtpmap:111 opus/48000/2', 'a=fmtp:111 minptime=10;useinbandfec=1', 'a=extmap:1 urn:level', 'a=ssrc:77 cname:c',
  'm=video 9 UDP/TLS/RTP/SAVPF 100 96', 'a=mid:1', 'a=sendrecv', 'a=rtpmap:100 VP8/90000', 'a=rtcp-fb:100 nack pli', 'a=rtpmap:96 rtx/90000', 'a=fmtp:96 apt=100', 'a=ssrc-group:FID 5 6', 'a=ssrc:5 cname:c', 'a=ssrc:5 msid:- t', 'a=ssrc:6 cname:c', 'a=ssrc:6 msid:- t',
].join('\r\n') + '\r\n';

test('adds two layers with their partners and groups, once', () => {
  const layered = sdp.addSimulcast(kAnswer, '1', [21, 31, 22, 32]);

  assert.deepEqual(sdp.ownSsrcs(layered, '1'), {
    ssrcs: [5, 6, 21, 22, 31, 32],
    groups: [
      { semantics: 'SIM', ssrcs: [5, 21, 31] },
      { semantics: 'FID', ssrcs: [5, 6] },
      { semantics: 'FID', ssrcs: [21, 22] },
      { semantics: 'FID', ssrcs: [31, 32] },
    ],
  });
  assert.match(layered, /a=ssrc:32 msid:- t\r\n/);
  assert.equal(sdp.addSimulcast(layered, '1', [21, 31, 22, 32]), layered);
  assert.equal(sdp.addSimulcast(kAnswer, '7', [1, 2, 3, 4]), kAnswer);
  assert.deepEqual(sdp.ownSsrcs(layered, '0'), { ssrcs: [77], groups: [] });
  assert.deepEqual(sdp.firstLayer(sdp.ownSsrcs(layered, '1')), { ssrcs: [5, 6], groups: [{ semantics: 'FID', ssrcs: [5, 6] }] });
});

test('reads from an answer what session-accept tells', () => {
  const { audio, video, transport } = sdp.readAnswer(kAnswer);

  assert.deepEqual(transport, { ufrag: 'u/Cw+', pwd: 'secret', hash: 'sha-256', fingerprint: '43:4B', setup: 'active', candidates: [] });
  assert.deepEqual(audio.payloads[0].parameters, [['minptime', '10'], ['useinbandfec', '1']]);
  assert.equal(audio.payloads[0].channels, 2);
  assert.deepEqual(video.payloads.map((p) => [p.id, p.name, p.feedback]), [[100, 'VP8', ['nack pli']], [96, 'rtx', []]]);
  assert.deepEqual(audio.extensions, [{ id: 1, uri: 'urn:level' }]);
});
