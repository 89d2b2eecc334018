import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gridCapacity, gridLayout, heightStep, pickVisible, receiverConstraints, stageLayout } from '../../sfu/web/client/static/layout.js';

function inside(rect, width, height) {
  return rect.x >= -0.01 && rect.y >= -0.01 && rect.x + rect.width <= width + 0.01 && rect.y + rect.height <= height + 0.01;
}
function apart(a, b) {
  return a.x + a.width <= b.x + 0.01 || b.x + b.width <= a.x + 0.01 || a.y + a.height <= b.y + 0.01 || b.y + b.height <= a.y + 0.01;
}

test('keeps every tile inside and apart from the others, in windows of all shapes', () => {
  for (const [width, height] of [[1280, 700], [360, 640], [800, 360], [2560, 1300], [300, 300]]) {
    for (let count = 1; count <= 30; ++count) {
      const { stage, strip } = stageLayout(width, height, count);
      for (const rects of [gridLayout(width, height, count), [stage, ...strip]]) {
        rects.forEach((r, i) => {
          assert.ok(inside(r, width, height), `${width}x${height}, ${count}: ${JSON.stringify(r)}`);
          rects.slice(i + 1).forEach((o) => assert.ok(apart(r, o), `${width}x${height}, ${count}`));
        });
      }
      assert.equal(gridLayout(width, height, count).length, count);
    }
  }
});

test('puts two beside each other on a desk and above each other on a phone', () => {
  const desk = gridLayout(1280, 600, 2);
  const phone = gridLayout(360, 600, 2);

  assert.equal(desk[0].y, desk[1].y);
  assert.equal(phone[0].x, phone[1].x);
});

test('draws nothing where there is no room', () => {
  assert.deepEqual(gridLayout(0, 100, 3), []);
  assert.deepEqual(gridLayout(100, 100, 0), []);
  assert.equal(gridCapacity(100, 100), 1);
  assert.ok(gridCapacity(360, 600) >= 6);
  assert.equal(gridCapacity(1280, 700), 25);
});

test('shows as many as fit, the last speakers among them, in a steady order', () => {
  const keys = ['a', 'b', 'c', 'd', 'e'];

  assert.deepEqual(pickVisible(keys, [], 5), keys);
  assert.deepEqual(pickVisible(keys, [], 3), ['a', 'b', 'c']);
  assert.deepEqual(pickVisible(keys, ['e'], 3), ['a', 'b', 'e']);
  assert.deepEqual(pickVisible(keys, ['e', 'd', 'a'], 3), ['a', 'd', 'e']);
  assert.deepEqual(pickVisible(keys, ['nobody'], 2), ['a', 'b']);
});

test('asks for the heights that senders have, and for nothing that is not shown', () => {
  assert.deepEqual([0, 90, 300, 700, 1000, 2000].map(heightStep), [0, 180, 360, 720, 1080, 2160]);
  const message = receiverConstraints([{ name: 'a-v1', height: 1080, stage: true }, { name: 'b-v0', height: 90, stage: false }]);

  assert.deepEqual(message, {
    colibriClass: 'ReceiverVideoConstraints', lastN: -1, selectedSources: ['b-v0'], onStageSources: ['a-v1'],
    defaultConstraints: { maxHeight: 0 }, constraints: { 'a-v1': { maxHeight: 1080 }, 'b-v0': { maxHeight: 180 } },
  });
});
