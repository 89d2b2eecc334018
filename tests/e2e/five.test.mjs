// Three people in one room and two in another, all through the TLS front door, two shards: everybody sees and hears the
// others of the room and nobody else; each room is on one shard, the two on different ones.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { join, launch, until } from './support/browser.mjs';
import { mediaFrom } from './support/media.mjs';
import { startHouse } from './support/programs.mjs';

test('five people in two rooms on two shards, through the front door', { timeout: 180000 }, async (t) => {
  const house = await startHouse(2);
  t.after(() => house.stop());
  const browser = await launch();
  t.after(() => browser.close());

  const rooms = { 'Room-A': ['Ada', 'Ben', 'Cleo'], 'room b': ['Dora', 'Emil'] };
  const pages = new Map();
  for (const [room, names] of Object.entries(rooms)) {
    for (const name of names) pages.set(name, await join(browser, house.url, encodeURIComponent(room), name));
  }

  for (const names of Object.values(rooms)) {
    for (const name of names) {
      for (const other of names.filter((n) => n !== name)) await mediaFrom(pages.get(name), other, 30000);
    }
  }

  const shardOf = {};
  for (const [room, names] of Object.entries(rooms)) {
    for (const name of names) {
      const seen = await pages.get(name).evaluate(() => ({
        shard: globalThis.roomgate.shard,
        people: globalThis.roomgate.participants.map((p) => p.name).sort(),
        setRemoteDescription: globalThis.roomgate.counters.setRemoteDescription,
      }));
      assert.deepEqual(seen.people, [...names].sort(), `${name} sees the people of ${room} and nobody else`);
      assert.ok(seen.setRemoteDescription <= 10 + 2 * names.length, `${name} applied ${seen.setRemoteDescription} offers`);
      shardOf[room] ??= seen.shard;
      assert.equal(seen.shard, shardOf[room], `${room} is on one shard`);
    }
  }
  assert.notEqual(shardOf['Room-A'], shardOf['room b']);

  // Nothing of one room arrives in the other: every inbound stream belongs to somebody of the room.
  for (const [name, page] of pages) {
    const strangers = await page.evaluate(async () => {
      const known = globalThis.roomgate.participants.flatMap((p) => p.tracks.map((track) => track.mid));
      const stats = await globalThis.roomgate.received();
      return stats.filter((s) => !known.includes(s.mid) && s.bytesReceived > 0).map((s) => s.mid);
    });
    assert.deepEqual(strangers, [], `${name} receives nothing from outside of the room`);
  }

  const listed = (await (await fetch(`${house.admin}/api/v1/rooms`)).json());
  const inTable = Object.fromEntries((listed.rooms ?? listed).map((entry) => [entry.room, entry.shard]));
  assert.equal(inTable['room-a'], shardOf['Room-A']);
  assert.equal(inTable['room b'], shardOf['room b']);

  await pages.get('Ben').reload();
  await until(pages.get('Ben'), () => globalThis.roomgate?.phase === 'joined', 'Ben is back after a reload', 20000);
  await mediaFrom(pages.get('Ben'), 'Ada', 30000);
  await until(pages.get('Cleo'), () => globalThis.roomgate.participants.length === 3, 'Cleo sees one Ben, not two', 20000);
  await mediaFrom(pages.get('Cleo'), 'Ben', 30000);
});
