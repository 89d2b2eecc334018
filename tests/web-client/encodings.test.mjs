import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cameraEncodings, chooseCodec, layerHeights, screenEncodings } from '../../sfu/web/client/static/encodings.js';

const active = (list) => list.map((e) => e.active);

test('sends 180, 360 and 720 lines of a 720p camera, fewer layers of a smaller one', () => {
  assert.deepEqual(layerHeights(720, 3), [180, 360, 720]);
  assert.deepEqual(layerHeights(1080, 3), [270, 540, 1080]);
  assert.deepEqual(layerHeights(360, 3), [180, 360, 0]);
  assert.deepEqual(layerHeights(180, 3), [180, 0, 0]);
  assert.deepEqual(layerHeights(480, 1), [480]);
});

test('switches layers by the largest height that anybody wants', () => {
  assert.deepEqual(active(cameraEncodings(3, 720, -1, 'vp8')), [true, true, true]);
  assert.deepEqual(active(cameraEncodings(3, 720, 720, 'vp8')), [true, true, true]);
  assert.deepEqual(active(cameraEncodings(3, 720, 360, 'vp8')), [true, true, false]);
  assert.deepEqual(active(cameraEncodings(3, 720, 180, 'vp8')), [true, false, false]);
  assert.deepEqual(active(cameraEncodings(3, 720, 0, 'vp8')), [false, false, false]);
  assert.deepEqual(active(cameraEncodings(3, 180, 720, 'vp8')), [true, false, false]);
  assert.deepEqual(cameraEncodings(3, 720, -1, 'vp8').map((e) => e.scaleResolutionDownBy), [4, 2, 1]);
});

test('scales a single stream down instead', () => {
  assert.deepEqual(cameraEncodings(1, 720, 180, 'vp8')[0].scaleResolutionDownBy, 4);
  assert.equal(cameraEncodings(1, 720, 0, 'vp8')[0].active, false);
  assert.equal(cameraEncodings(1, 180, 720, 'vp8')[0].scaleResolutionDownBy, 1);
});

test('uses spatial layers in one stream for VP9 and AV1', () => {
  const list = cameraEncodings(3, 720, -1, 'vp9');

  assert.deepEqual(active(list), [true, false, false]);
  assert.equal(list[0].scalabilityMode, 'L3T3_KEY');
  assert.equal(cameraEncodings(3, 720, 360, 'av1')[0].scalabilityMode, 'L2T3_KEY');
});

test('keeps the resolution of a screen', () => {
  assert.deepEqual(screenEncodings(1, 180).map((e) => [e.active, e.scaleResolutionDownBy]), [[true, 1]]);
  assert.deepEqual(active(screenEncodings(2, 0)), [false, false]);
});

test('sends VP8 unless everybody prefers something better', () => {
  const plain = ['vp8', 'vp9', 'av1', 'h264'];
  const better = ['vp9', 'vp8', 'av1', 'h264'];
  const jitsi = ['av1', 'vp9', 'vp8', 'h264'];

  assert.equal(chooseCodec(plain, [jitsi, jitsi]), 'vp8');
  assert.equal(chooseCodec(better, [jitsi, better]), 'vp9');
  assert.equal(chooseCodec(better, [jitsi, plain]), 'vp8');
  assert.equal(chooseCodec(better, [jitsi, []]), 'vp8');
  assert.equal(chooseCodec(better, [['vp9']]), 'vp9');
  assert.equal(chooseCodec(plain, []), 'vp8');
});
