// Two people alone with a 720p camera on plain http://localhost (a secure context): 1280x720 is really received within
// 15 s, which takes transport-cc feedback towards the senders and the top simulcast layer towards the receivers.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { join, launch, until } from './support/browser.mjs';
import { mediaFrom } from './support/media.mjs';
import { startShard } from './support/programs.mjs';

test('two people receive 720p from each other within 15 s, and chat', { timeout: 90000 }, async (t) => {
  const shard = await startShard('shard-0');
  t.after(() => shard.program.stop());
  const browser = await launch();
  t.after(() => browser.close());
  const base = `http://${shard.address.replace('127.0.0.1', 'localhost')}`;
  const camera = { width: '1280', height: '720', fps: '30' };
  const ada = await join(browser, base, 'alpha', 'Ada', camera);
  const ben = await join(browser, base, 'alpha', 'Ben', camera);

  for (const [page, other] of [[ada, 'Ben'], [ben, 'Ada']]) {
    await until(page, async (name) => {
      const person = globalThis.roomgate.participants.find((p) => p.name === name);
      const video = await person?.tracks.find((track) => track.kind === 'video')?.stats();
      return video?.frameWidth >= 1280 && video.frameHeight >= 720;
    }, `1280x720 of ${other}`, 15000, other);
    await mediaFrom(page, other);
  }

  await ada.getByRole('button', { name: /chat/i }).click();
  await ada.getByRole('textbox').fill('<b>hello</b> & goodbye');
  await ada.getByRole('textbox').press('Enter');
  await until(ben, () => globalThis.roomgate.messages.some((m) => m.text === '<b>hello</b> & goodbye' && !m.own), 'the chat message');
  assert.deepEqual([...ada.problems, ...ben.problems], []);
});
