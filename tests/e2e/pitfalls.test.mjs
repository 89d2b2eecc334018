// Pitfalls of the Jitsi protocol that only a browser shows: how often a client has to negotiate, and what it is told.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { join, launch, until } from './support/browser.mjs';
import { joinOldClient, serveOldClient } from './support/old_client.mjs';
import { startShard } from './support/programs.mjs';
import { mediaFrom } from './support/media.mjs';

/** Keeps every session-initiate and source-add that comes in, as text: globalThis.jingles. */
function watchJingle() {
  globalThis.jingles = [];
  const Original = globalThis.WebSocket;
  globalThis.WebSocket = class extends Original {
    constructor(...args) {
      super(...args);
      this.addEventListener('message', ({ data }) => {
        if (/action='(session-initiate|source-add)'/.test(String(data))) globalThis.jingles.push(data);
      });
    }
  };
}

test('pitfall 1: no client negotiates in a loop, at most 10 offers and 2 for each who joins', { timeout: 150000 }, async (t) => {
  const shard = await startShard('shard-0');
  t.after(() => shard.program.stop());
  const server = await serveOldClient();
  t.after(() => server.close());
  const browser = await launch();
  t.after(() => browser.close());
  const base = `http://${shard.address}`;

  const old = await joinOldClient(browser, server.url, `ws://${shard.address}/xmpp-websocket`, 'alpha', 'Olga');
  await until(old, () => globalThis.old.joined, 'the old client joined');
  const pages = new Map();
  for (const name of ['Ada', 'Ben']) pages.set(name, await join(browser, base, 'alpha', name, {}, [watchJingle]));
  await mediaFrom(pages.get('Ada'), 'Olga');
  await mediaFrom(pages.get('Ada'), 'Ben');
  await mediaFrom(pages.get('Ben'), 'Ada');
  await until(old, () => new Set(globalThis.old.remote).size >= 4, 'the old client was told of both');

  const counts = async () => ({
    Olga: await old.evaluate(() => globalThis.watched.setRemoteDescription),
    Ada: await pages.get('Ada').evaluate(() => globalThis.roomgate.counters.setRemoteDescription),
    Ben: await pages.get('Ben').evaluate(() => globalThis.roomgate.counters.setRemoteDescription),
  });
  const before = await counts();
  // A loop would be seen in hundreds by the time that another hundred frames came.
  const frames = await decoded(pages.get('Ada'));
  await until(pages.get('Ada'), decodedBeyond, 'a hundred more frames', 30000, frames + 100);
  const after = await counts();

  for (const [name, count] of Object.entries(after)) {
    assert.ok(count <= 10 + 2 * 3, `${name} applied ${count} offers`);
    assert.ok(count >= 1, `${name} was counted`);
    assert.ok(count - before[name] <= 2, `${name} negotiates on although nobody came or went`);
  }

  for (const [name, page] of pages) {
    const { jingles, id } = await page.evaluate(() => ({ jingles: globalThis.jingles, id: globalThis.roomgate.id }));
    const sources = jingles.map((text) => JSON.parse(/<json-message[^>]*>(.*?)<\/json-message>/.exec(text)[1].replaceAll('&quot;', '"')).sources);
    assert.ok(sources.length > 0);
    for (const [n, owners] of sources.entries()) {
      const initiate = jingles[n].includes("action='session-initiate'");
      if (initiate) assert.ok('jvb' in owners, `pitfall 1: the bridge's own sources are in each offer to ${name}`);
      assert.ok(!(id in owners), `pitfall 11: ${name} is not told of its own sources`);
      for (const [, groups = []] of Object.values(owners)) assert.ok(groups.every(([kind]) => kind === 'f'), 'pitfall 11: no SIM group');
    }
  }
});

function decoded(page) {
  return page.evaluate(async () => (await globalThis.roomgate.received()).reduce((sum, s) => sum + (s.framesDecoded ?? 0), 0));
}

async function decodedBeyond(least) {
  const all = (await globalThis.roomgate.received()).reduce((sum, s) => sum + (s.framesDecoded ?? 0), 0);
  return all > least;
}
