import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSteady, windowOf } from '../../../bench/sfu/window.mjs';
import { summarise } from '../../../bench/sfu/summary.mjs';

const kind = (packets, expected = packets, more = {}) => ({ packets, bytes: packets * 1200, expected, repaired: 0, padding: 0, faults: 0, latency_us: [], ...more });
const moment = (second, video, more = {}) => ({ at_ms: second * 1000, joined: 3, connected: 3, failed: 0, sent: 0, unread: 0, dropped: 0, audio: kind(0), video, ...more });

test('a window has what was counted between its first and its last moment', () => {
  const window = windowOf([moment(1, kind(1000, 2000)), moment(2, kind(1900, 2900)), moment(4, kind(3000, 4000, { repaired: 10 }), { unread: 5 })]);

  assert.equal(window.seconds, 3);
  assert.equal(window.packets, 2000);
  assert.equal(window.unread, 5);
  assert.equal(window.loss, 10 / 2000);  // sent twice, so lost once
});

test('latencies of a window are those of its seconds together, and not of its first moment', () => {
  const inAudio = (bins) => ({ audio: kind(0, 0, { latency_us: bins }) });
  const { p50, p99, audioP99 } = windowOf([moment(1, kind(0, 0, { latency_us: [[90_000, 1000]] })),
    moment(2, kind(0, 0, { latency_us: [[1000, 60], [7000, 1]] })), moment(3, kind(0, 0, { latency_us: [[1000, 38]] }), inAudio([[3000, 1]]))]);

  assert.equal(p50, 1);
  assert.equal(p99, 3);
  assert.equal(audioP99, 3);
});

test('a load is steady when all that was sent arrives for three seconds, everybody is there and nothing is probed', () => {
  const seconds = (arrived, more = {}) => arrived.map((packets, i) => moment(i, kind(packets), { sent: i * 100, ...more }));
  const good = [0, 100, 300, 500, 700];

  assert.equal(isSteady(seconds(good), 3, 2), true);
  assert.equal(isSteady(seconds(good), 4, 2), false);
  assert.equal(isSteady(seconds(good.slice(0, 4)), 3, 2), false);  // its first second had half of it
  assert.equal(isSteady(seconds([0, 200, 400, 560]), 3, 2), false);
  assert.equal(isSteady(seconds([0, 200, 394, 600]), 3, 2), true);   // held back for a second
  assert.equal(isSteady(seconds([0, 200, 360, 600]), 3, 2), false);
  const probed = seconds(good).map((m, i) => ({ ...m, video: { ...m.video, padding: i * 10 } }));
  assert.equal(isSteady(probed, 3, 2), false);
});

test('a row has ratios to the better Janus of each set, and a verdict on the median', () => {
  const row = { title: 't', kind: 'cpu', servers: ['roomshard', 'janus', 'janus-1loop'], figures: [{ key: 'microseconds', unit: 'us', must: 3, aim: 1.8, mustRatio: 0.1, aimRatio: 0.05 }] };
  const run = (microseconds, others = 0) => ({ fault: '', microseconds, others });
  const set = (ours, ...janus) => ({ roomshard: ours, janus: janus[0], 'janus-1loop': janus[1] });

  const { figures: [figure], quiet } = summarise(row, [set(run(2), run(40), run(20)), set(run(3), run(30), { fault: '20 % lost', others: 0 }),
    set(run(2.5), run(25), run(50)), set(run(9, 0.6), run(40), run(30))]);

  assert.equal(quiet, 3);
  assert.deepEqual(figure.of.roomshard, { min: 2, median: 2.5, max: 3 });
  assert.deepEqual(figure.ratio, { min: 0.1, median: 0.1, max: 0.1 });
  assert.equal(figure.verdict, 'met');
  assert.equal(figure.ratioVerdict, 'met');
});

test('a row whose runs all failed has no figure, and failed', () => {
  const row = { title: 't', kind: 'cpu', servers: ['roomshard'], figures: [{ key: 'microseconds', unit: 'us', must: 3 }] };

  const { figures: [figure], servers } = summarise(row, [{ roomshard: { fault: '5 % lost', others: 0 } }]);

  assert.equal(figure.of.roomshard, null);
  assert.equal(figure.verdict, 'failed');
  assert.deepEqual(servers.roomshard.faults, ['5 % lost']);
});
