// Firefox meets Firefox, and Firefox meets Chromium: growing video and sound, both ways.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { join, launch } from './support/browser.mjs';
import { joinFirefox, launchFirefox, missing } from './support/firefox.mjs';
import { mediaFrom } from './support/media.mjs';
import { startShard } from './support/programs.mjs';

test('two Firefoxes meet', { timeout: 120000, skip: missing }, async (t) => {
  const shard = await startShard('shard-0');
  t.after(() => shard.program.stop());
  const browser = await launchFirefox();
  t.after(() => browser.close());

  const ada = await joinFirefox(browser, `http://${shard.address}`, 'alpha', 'Ada');
  const bob = await joinFirefox(browser, `http://${shard.address}`, 'alpha', 'Bob');

  await mediaFrom(ada, 'Bob', 30000);
  await mediaFrom(bob, 'Ada', 30000);
  assert.deepEqual([...ada.problems, ...bob.problems], []);
});

test('Firefox and Chromium meet', { timeout: 120000, skip: missing }, async (t) => {
  const shard = await startShard('shard-0');
  t.after(() => shard.program.stop());
  const [firefox, chromium] = [await launchFirefox(), await launch()];
  t.after(() => Promise.all([firefox.close(), chromium.close()]));

  const fay = await joinFirefox(firefox, `http://${shard.address}`, 'alpha', 'Fay');
  const carl = await join(chromium, `http://${shard.address}`, 'alpha', 'Carl');

  await mediaFrom(fay, 'Carl', 30000);
  await mediaFrom(carl, 'Fay', 30000);
  assert.deepEqual([...fay.problems, ...carl.problems], []);
});
