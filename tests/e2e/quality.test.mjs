// How good a connection is, as people see it: a mark on each picture and figures in a panel, from what the browser
// measures, what the bridge estimates, and what each says of itself. And when the way to one is too thin for video, it is
// said so there, the sound goes on, and everybody else sees who has the trouble.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { join, launch, until } from './support/browser.mjs';
import { mediaFrom, moreFrom, received } from './support/media.mjs';
import { freeUdpPort } from './support/ports.mjs';
import { startShard } from './support/programs.mjs';
import { UdpRelay } from './support/udp_relay.mjs';
import { onlyPort } from './support/watch.mjs';

const tile = (page, name) => page.locator('li.tile', { hasText: name });
const mark = (page, name, words) => tile(page, name).getByRole('img', { name: words });

test('a thin way is seen by whom it concerns and by the others, and sound goes on', { timeout: 180000 }, async (t) => {
  const relays = [new UdpRelay(1), new UdpRelay(2)];
  const ports = await Promise.all(relays.map((relay) => relay.open()));
  t.after(() => relays.forEach((relay) => relay.close()));
  const mediaPort = await freeUdpPort();
  for (const relay of relays) relay.forwardTo(mediaPort);
  const advertise = ports.flatMap((port) => ['--media-advertise', `127.0.0.1:${port}`]);
  const shard = await startShard('shard-0', ['--media-port', String(mediaPort), ...advertise]);
  t.after(() => shard.program.stop());
  const browser = await launch();
  t.after(() => browser.close());
  const enter = (name, port) => join(browser, `http://${shard.address}`, 'quality', name, {}, onlyPort(port));
  const ada = await enter('Ada', ports[0]);
  const ben = await enter('Ben', ports[1]);
  await mediaFrom(ada, 'Ben');
  await mediaFrom(ben, 'Ada');

  for (const [page, own, other] of [[ada, 'Ada', 'Ben'], [ben, 'Ben', 'Ada']]) {
    await mark(page, own, 'Good connection').waitFor({ timeout: 20000 });
    await mark(page, other, 'Good connection').waitFor({ timeout: 20000 });
  }
  await ada.getByRole('button', { name: 'More', exact: true }).click();
  await ada.getByRole('menuitem', { name: 'Connection' }).click();
  const row = ada.getByRole('table', { name: 'Everybody' }).getByRole('row', { name: /Ben/ });
  await row.getByText('Good').waitFor();
  await until(ada, () => /Ben\s+Good\s+\d+ ms\s+\d+ %\s+\d+, \d+/.test(document.querySelector('.connection')?.innerText ?? ''), 'figures of Ben', 25000);
  // The bridge's own word comes every ten seconds.
  await ada.getByText('Room to receive').waitFor({ timeout: 20000 });

  relays[1].setNetwork({ down: { rate: 60_000 } });
  await tile(ben, 'Ada').getByText('Video paused: your connection is too slow').waitFor({ timeout: 30000 });
  await ben.getByText('Your connection is slow: video is paused, the sound goes on.').waitFor({ timeout: 10000 });
  await mark(ben, 'Ben', 'Poor connection').waitFor({ timeout: 10000 });
  await mark(ada, 'Ben', 'Poor connection').waitFor({ timeout: 20000 });
  await row.getByText('Poor').waitFor({ timeout: 10000 });
  await mark(ada, 'Ada', 'Good connection').waitFor();
  await moreFrom(ben, 'Ada', await received(ben, 'Ada'), 'Ben goes on hearing Ada', 15000, { frames: 0, packets: 50 });

  relays[1].setNetwork({ down: { rate: Infinity } });
  await until(ben, () => !document.body.innerText.includes('video is paused'), 'Ben is told that it is over', 60000);
  await moreFrom(ben, 'Ada', await received(ben, 'Ada'), 'Ben sees Ada again', 30000);
  await mark(ada, 'Ben', 'Good connection').waitFor({ timeout: 60000 });
  assert.deepEqual([...ada.problems, ...ben.problems], []);
});
