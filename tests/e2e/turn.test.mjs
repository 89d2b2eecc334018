// Two people whose browsers may use nothing but the TURN server (#relay=1) meet through it.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { join, launch, until } from './support/browser.mjs';
import { temporaryFolder } from './support/folders.mjs';
import { mediaFrom } from './support/media.mjs';
import { missing, startShardWithTurn, startTurn } from './support/turn.mjs';
import { watchCandidates } from './support/watch.mjs';

test('two people meet through a TURN server', { timeout: 120000, skip: missing }, async (t) => {
  const folder = temporaryFolder(t);
  const turn = await startTurn(folder);
  t.after(() => turn.program.stop());
  const shard = await startShardWithTurn(folder, 'shard-0', turn);
  t.after(() => shard.program.stop());
  const browser = await launch();
  t.after(() => browser.close());

  const ada = await join(browser, `http://${shard.address}`, 'alpha', 'Ada', { relay: '1' }, [watchCandidates]);
  const bob = await join(browser, `http://${shard.address}`, 'alpha', 'Bob', { relay: '1' }, [watchCandidates]);

  await mediaFrom(ada, 'Bob', 30000);
  await mediaFrom(bob, 'Ada', 30000);
  for (const page of [ada, bob]) {
    const { local } = await page.evaluate(() => globalThis.selectedPair());
    assert.equal(local.candidateType, 'relay');
    await until(page, () => globalThis.roomgate.summary?.path === 'relay', 'the client says that it goes through a relay');
    assert.deepEqual(page.problems, []);
  }
});
