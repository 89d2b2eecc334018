// An address translator between a browser and the shard forgets its mapping in mid-call: the shard hears the same client
// from another port. Media is back within three seconds, and to the room nothing happened.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { join, launch } from './support/browser.mjs';
import { mediaFrom, moreFrom, received } from './support/media.mjs';
import { freeUdpPort } from './support/ports.mjs';
import { startShard } from './support/programs.mjs';
import { UdpRelay } from './support/udp_relay.mjs';
import { onlyPort, watchCandidates, watchPresence } from './support/watch.mjs';

test('media follows a client whose address changes', { timeout: 120000 }, async (t) => {
  const relay = new UdpRelay();
  const relayPort = await relay.open();
  t.after(() => relay.close());
  const mediaPort = await freeUdpPort();
  relay.forwardTo(mediaPort);
  const shard = await startShard('shard-0', ['--media-port', String(mediaPort), '--media-advertise', `127.0.0.1:${relayPort}`]);
  t.after(() => shard.program.stop());
  const browser = await launch();
  t.after(() => browser.close());
  const scripts = [...onlyPort(relayPort), watchCandidates, watchPresence];
  const ada = await join(browser, `http://${shard.address}`, 'alpha', 'Ada', {}, scripts);
  const bob = await join(browser, `http://${shard.address}`, 'alpha', 'Bob', {}, scripts);
  await mediaFrom(ada, 'Bob');
  await mediaFrom(bob, 'Ada');
  // As seen by the shard, Bob is at a port of the relay; what is behind that is his "related" one.
  const { local } = await bob.evaluate(() => globalThis.selectedPair());
  const bobsAddresses = relay.clients().filter((key) => key.endsWith(`:${local.relatedPort}`));
  assert.equal(bobsAddresses.length, 1, `${local.relatedPort} among ${relay.clients()}`);
  const jid = await bob.evaluate(() => globalThis.roomgate.jid);

  relay.rebind(bobsAddresses);
  const began = Date.now();
  const [adaHad, bobHad] = [await received(ada, 'Bob'), await received(bob, 'Ada')];
  const sound = { frames: 0, packets: 10 };
  await Promise.all([
    moreFrom(ada, 'Bob', adaHad, 'Ada hears Bob again', began + 3000 - Date.now(), sound),
    moreFrom(bob, 'Ada', bobHad, 'Bob hears Ada again', began + 3000 - Date.now(), sound),
  ]);
  await Promise.all([moreFrom(ada, 'Bob', adaHad, 'Ada sees Bob again', 10000), moreFrom(bob, 'Ada', bobHad, 'Bob sees Ada again', 10000)]);

  assert.ok(bobsAddresses.some((key) => relay.returned.get(key) > 0), 'the shard answers to the new port');
  for (const page of [ada, bob]) {
    const { remote } = await page.evaluate(() => globalThis.selectedPair());
    assert.equal(remote.port, relayPort);
    assert.deepEqual(await page.evaluate(() => globalThis.seen.unavailable), []);
    assert.deepEqual(page.problems, []);
  }
  const after = await bob.evaluate(() => ({ jid: globalThis.roomgate.jid, ...globalThis.roomgate.counters }));
  assert.deepEqual([after.jid, after.sessions, after.restarts, after.reconnects], [jid, 1, 0, 0]);
});
