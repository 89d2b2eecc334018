// Six people, two of them with 720p simulcast: everybody gets the layer that what is on the screen asks for;
// and one behind a thin line keeps a smooth small picture while the others keep the large one.
// By hand: ROOMGATE_BIN=build/release/bin node --test bench/networks/six.test.mjs. It moves to tests/e2e when the last part
// holds every time on two cores.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import { join, launch, until } from '../../tests/e2e/support/browser.mjs';
import { freeUdpPort } from '../../tests/e2e/support/ports.mjs';
import { startShard } from '../../tests/e2e/support/programs.mjs';
import { UdpRelay } from '../../tests/e2e/support/udp_relay.mjs';
import { onlyPort } from '../../tests/e2e/support/watch.mjs';

const large = { width: 1280, height: 720, fps: 10 };
const small = { width: 320, height: 180, fps: 10 };

/** Waits until PAGE decodes video of NAME that is HEIGHT lines high, and more and more of it. */
async function sees(page, name, height, kind = 'video') {
  const frames = await until(page, ofHeight, `${name}'s ${kind} with ${height} lines`, 40000, { name, height, kind, more: 0 });
  await until(page, ofHeight, `${name}'s ${kind} with ${height} lines goes on`, 20000, { name, height, kind, more: frames + 20 });
}

async function ofHeight({ name, height, kind, more }) {
  const person = globalThis.roomgate.participants.find((p) => p.name === name);
  const video = await person?.tracks.find((track) => track.kind === kind)?.stats();
  const right = typeof height === 'number' ? video?.frameHeight === height : video?.frameHeight >= height[0] && video?.frameHeight <= height[1];
  return right && video.framesDecoded > more ? video.framesDecoded : 0;
}

const pin = async (page, name) => {
  const tile = page.locator('li.tile', { has: page.locator('.tile-name', { hasText: name }) });
  await tile.hover();
  await tile.getByRole('button', { name: `Pin ${name}`, exact: true }).click();
};

test('six people, each with the layers that the screen asks for', { timeout: 280000 }, async (t) => {
  const relay = new UdpRelay();
  const [relayPort, mediaPort] = [await relay.open(), await freeUdpPort()];
  t.after(() => relay.close());
  relay.forwardTo(mediaPort);
  const shard = await startShard('shard-0', ['--media-port', String(mediaPort), '--media-advertise', '127.0.0.1', '--media-advertise', `127.0.0.1:${relayPort}`]);
  t.after(() => shard.program.stop());
  const browser = await launch();
  t.after(() => browser.close());
  const enter = (name, camera, port) => join(browser, `http://${shard.address}`, 'six', name, camera, onlyPort(port));

  const ada = await enter('Ada', large, mediaPort);
  const ben = await enter('Ben', large, mediaPort);
  const cleo = await enter('Cleo', small, mediaPort);
  const dora = await enter('Dora', small, mediaPort);
  const emil = await enter('Emil', small, relayPort);
  const fay = await enter('Fay', small, mediaPort);

  // Large on one screen, in the strip on the other; in the middle where all tiles are equal.
  await pin(cleo, 'Ada');
  await pin(dora, 'Ben');
  await sees(cleo, 'Ada', 720);
  await sees(cleo, 'Ben', 180);
  await sees(dora, 'Ben', 720);
  await sees(dora, 'Ada', 180);
  await sees(fay, 'Ada', 360);
  await sees(fay, 'Ben', 360);
  for (const page of [ada, ben, cleo, dora, fay]) await sees(page, 'Emil', 180);

  // Emil's line: a small picture, smooth, while Cleo's stays large.
  await pin(emil, 'Ada');
  await sees(emil, 'Ada', 720);
  relay.setNetwork({ down: { rate: 500_000, delay: 25 } });
  await sees(emil, 'Ada', [90, 360]);
  const before = await emil.evaluate(totals);
  await setTimeout(8000);
  const after = await emil.evaluate(totals);
  assert.ok(after.frames - before.frames >= 40, `${after.frames - before.frames} frames of Ada in 8 s at 10 a second`);
  assert.ok(after.frozen - before.frozen < 1, `frozen for ${(after.frozen - before.frozen).toFixed(2)} s of 8`);
  await sees(cleo, 'Ada', 720);
  await sees(dora, 'Ben', 720);

  for (const page of [ada, ben, cleo, dora, emil, fay]) assert.deepEqual(page.problems, []);
});

async function totals() {
  const person = globalThis.roomgate.participants.find((p) => p.name === 'Ada');
  const video = await person?.tracks.find((track) => track.kind === 'video')?.stats();
  return { frames: video?.framesDecoded ?? 0, frozen: video?.totalFreezesDuration ?? 0 };
}
