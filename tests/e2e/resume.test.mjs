// The signalling connection of one person is lost and comes back: it is the same session with the same address, media
// flows through it all, and nobody else notices.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { join, launch, until } from './support/browser.mjs';
import { mediaFrom, moreFrom, received } from './support/media.mjs';
import { say } from './support/person.mjs';
import { startShard } from './support/programs.mjs';
import { TcpProxy } from './support/tcp_proxy.mjs';
import { watchPresence } from './support/watch.mjs';

test('a page that drops its socket resumes its session', { timeout: 120000 }, async (t) => {
  const { ada, bob } = await meeting(t);
  const before = await stateOf(bob);
  const had = await received(bob, 'Ada');

  await bob.evaluate(() => globalThis.roomgate.interrupt());
  await until(bob, () => globalThis.roomgate.phase === 'reconnecting', 'the loss is noticed');
  await until(bob, () => globalThis.roomgate.phase === 'joined', 'the session is resumed');

  await moreFrom(bob, 'Ada', had, 'Bob has seen and heard Ada meanwhile', 5000);
  await sameAsBefore(ada, bob, before);
});

test('a session survives a network that ends every connection', { timeout: 120000 }, async (t) => {
  const { ada, bob, proxy } = await meeting(t);
  const before = await stateOf(bob);

  proxy.cut();
  await until(bob, () => globalThis.roomgate.phase === 'reconnecting', 'the loss is noticed');
  const [bobHad, adaHad] = [await received(bob, 'Ada'), await received(ada, 'Bob')];
  await moreFrom(bob, 'Ada', bobHad, 'Bob sees and hears Ada during the cut', 10000, { frames: 30, packets: 60 });
  await moreFrom(ada, 'Bob', adaHad, 'Ada sees and hears Bob during the cut', 10000, { frames: 30, packets: 60 });
  assert.equal(await bob.evaluate(() => globalThis.roomgate.phase), 'reconnecting');
  proxy.mend();
  await until(bob, () => globalThis.roomgate.phase === 'joined' && globalThis.roomgate.channelOpen, 'session and bridge channel are back', 30000);

  await sameAsBefore(ada, bob, before);
});

/** Ada, and Bob behind a proxy of his own, in one room with media both ways. */
async function meeting(t) {
  const shard = await startShard('shard-0');
  t.after(() => shard.program.stop());
  const proxy = new TcpProxy(shard.address);
  const through = await proxy.open();
  t.after(() => proxy.close());
  const browser = await launch();
  t.after(() => browser.close());
  const ada = await join(browser, `http://${shard.address}`, 'alpha', 'Ada', {}, [watchPresence]);
  const bob = await join(browser, `http://${through}`, 'alpha', 'Bob', {}, [watchPresence]);
  await mediaFrom(ada, 'Bob');
  await mediaFrom(bob, 'Ada');
  return { ada, bob, proxy };
}

function stateOf(page) {
  return page.evaluate(() => {
    const { jid, id, counters } = globalThis.roomgate;
    return { jid, id, sessions: counters.sessions, restarts: counters.restarts, offers: counters.setRemoteDescription };
  });
}

async function sameAsBefore(ada, bob, before) {
  assert.deepEqual(await stateOf(bob), before);
  for (const page of [ada, bob]) {
    assert.deepEqual(await page.evaluate(() => globalThis.seen.unavailable), []);
    assert.equal(await page.evaluate(() => globalThis.roomgate.participants.length), 2);
  }
  // Whatever is said from now on arrives, once, in both directions.
  for (const [from, to, text] of [[ada, bob, 'can you hear me?'], [bob, ada, 'I can']]) {
    await say(from, text);
    await until(to, (words) => globalThis.roomgate.messages.some((m) => m.text === words), `"${text}" arrives`, 5000, text);
  }
  for (const page of [ada, bob]) {
    assert.deepEqual(await page.evaluate(() => globalThis.roomgate.messages.map((m) => m.text)), ['can you hear me?', 'I can']);
  }
}
