import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reasonOf } from '../../sfu/web/client/static/media.js';
import { MutedSpeech } from '../../sfu/web/client/static/speech.js';
import { gradeOf, quality, summarise } from '../../sfu/web/client/static/stats.js';

const report = (timestamp, bytes, lost) => [
  { id: 'T', type: 'transport', timestamp, selectedCandidatePairId: 'P' },
  { id: 'P', type: 'candidate-pair', localCandidateId: 'L', currentRoundTripTime: 0.045, availableOutgoingBitrate: 900_000 },
  { id: 'L', type: 'local-candidate', candidateType: 'relay', protocol: 'udp', relayProtocol: 'tcp' },
  { id: 'C', type: 'codec', mimeType: 'video/VP8' },
  { id: 'O', type: 'outbound-rtp', kind: 'video', mid: '1', ssrc: 5, bytesSent: bytes, frameWidth: 640, frameHeight: 360, framesPerSecond: 14.9, codecId: 'C', qualityLimitationReason: 'cpu' },
  { id: 'I', type: 'inbound-rtp', kind: 'audio', mid: '2', ssrc: 6, bytesReceived: bytes / 2, packetsReceived: bytes / 100, packetsLost: lost },
  { id: 'R', type: 'remote-inbound-rtp', fractionLost: 0.02 },
];

test('makes rates of two reports', () => {
  const first = summarise(report(1000, 10_000, 0), null);
  const second = summarise(report(3000, 260_000, 100), first);

  assert.deepEqual([first.sendKbps, second.sendKbps, second.receiveKbps], [0, 1000, 500]);
  assert.deepEqual([second.rtt, second.path, second.protocol, second.available], [45, 'relay', 'tcp', 900]);
  assert.deepEqual([second.sendLoss, second.receiveLoss], [2, 4]);
  const [video] = second.sending;
  assert.deepEqual([video.width, video.height, video.fps, video.codec, video.limited], [640, 360, 15, 'VP8', 'cpu']);
});

test('says nothing about what it does not know', () => {
  const empty = summarise([], null);

  assert.deepEqual([empty.rtt, empty.path, empty.sendKbps, empty.available], [null, '', 0, null]);
  assert.equal(quality(empty), 100);
  assert.equal(quality({ ...empty, rtt: 350, receiveLoss: 10 }), 40);
  assert.equal(quality({ ...empty, rtt: 5000, receiveLoss: 100 }), 0);
});

test('a thin way to us counts where we want more than it carries', () => {
  const fine = summarise([], null);
  const downlink = (kbps, limited, suspended = 0) => ({ kbps, limited, suspended });

  assert.equal(quality(fine, downlink(300, false)), 100, 'nobody asks for more');
  assert.equal(quality(fine, downlink(300, true)), 36);
  assert.equal(quality(fine, downlink(1000, true)), 73);
  assert.equal(quality(fine, downlink(9000, true)), 100);
  assert.equal(quality(fine, downlink(9000, true, 1)), 30);
  assert.equal(quality({ ...fine, receiveLoss: 20 }, downlink(9000, true, 1)), 20, 'the worse of both');
  assert.deepEqual([100, 70, 69, 40, 39, 0].map(gradeOf), ['good', 'good', 'fair', 'fair', 'poor', 'poor']);
});

test('hints at speech while muted, not at single noises, and not again at once', () => {
  const speech = new MutedSpeech();
  let now = 0;
  const feed = (levels, muted = true) => levels.map((level) => speech.feed(level, muted, (now += 100))).filter(Boolean).length;

  assert.equal(feed(Array(20).fill(0.7), false), 0);
  assert.equal(feed([0.9, 0.9, 0, 0, 0, 0, 0, 0, 0, 0, 0.9, 0.9]), 0);
  assert.equal(feed(Array(20).fill(0.7)), 1);
  assert.equal(feed(Array(100).fill(0.7)), 0);
  assert.equal(feed(Array(150).fill(0.7)), 1);
});

test('puts the errors of browsers in words that people know', () => {
  const cases = [['NotAllowedError', 'refused'], ['NotFoundError', 'absent'], ['OverconstrainedError', 'absent'], ['NotReadableError', 'busy'], ['AbortError', 'busy'], ['TypeError', 'unknown']];
  for (const [name, reason] of cases) assert.equal(reasonOf({ name }), reason, name);
  assert.equal(reasonOf({ name: 'NotAllowedError' }, true), 'cancelled');
  assert.equal(reasonOf(undefined), 'unknown');
});
