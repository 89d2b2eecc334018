// People whose machine dies without a goodbye: the others do not keep them on the screen for long.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { join, until } from './support/browser.mjs';
import { mediaFrom } from './support/media.mjs';
import { launchAlone } from './support/processes.mjs';
import { startShard } from './support/programs.mjs';

const isAlone = () => globalThis.roomgate.participants.length === 1;

test('a browser that is killed is gone within 20 seconds', { timeout: 120000 }, async (t) => {
  const { ada, bobs } = await meeting(t);

  bobs.kill();

  await until(ada, isAlone, 'Bob is gone', 20000);
});

test('a machine that goes dark shows as interrupted and is gone within 40 seconds', { timeout: 150000 }, async (t) => {
  const { ada, bobs } = await meeting(t);

  bobs.freeze();
  const began = Date.now();
  await until(ada, () => [...document.querySelectorAll('.tile-state')].some((e) => e.textContent === 'Connection interrupted'), 'Bob is shown as interrupted', 12000);
  assert.equal(await ada.evaluate(() => globalThis.roomgate.participants.length), 2);

  await until(ada, isAlone, 'Bob is gone', 40000 - (Date.now() - began));
});

async function meeting(t) {
  const shard = await startShard('shard-0');
  t.after(() => shard.program.stop());
  const adas = await launchAlone();
  t.after(() => adas.end());
  const bobs = await launchAlone();
  t.after(() => bobs.end());
  const ada = await join(adas.browser, `http://${shard.address}`, 'alpha', 'Ada');
  const bob = await join(bobs.browser, `http://${shard.address}`, 'alpha', 'Bob');
  await mediaFrom(ada, 'Bob');
  await mediaFrom(bob, 'Ada');
  return { ada, bobs };
}
