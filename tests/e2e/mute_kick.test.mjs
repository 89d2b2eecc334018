// What a moderator does to others, and what everybody does in a meeting, by the buttons that people press.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { join, launch, until } from './support/browser.mjs';
import { mediaFrom } from './support/media.mjs';
import { say, showPeople } from './support/person.mjs';
import { startShard } from './support/programs.mjs';

test('the first one in moderates: mutes, removes, and hands on', { timeout: 180000 }, async (t) => {
  const { ada, bob, cid } = await meeting(t);
  assert.equal(await ada.evaluate(() => globalThis.roomgate.isModerator), true);
  assert.equal(await bob.evaluate(() => globalThis.roomgate.isModerator), false);
  await showPeople(bob);
  assert.equal(await bob.getByRole('button', { name: 'Mute Cid' }).count(), 0, 'who does not moderate has no such button');

  await showPeople(ada);
  await ada.getByRole('button', { name: 'Mute Bob' }).click();
  await until(bob, () => globalThis.roomgate.muted.audio, 'Bob is muted');
  await bob.getByRole('button', { name: 'Unmute', exact: true }).waitFor();
  await bob.getByText('Ada muted your microphone').waitFor();
  await until(cid, () => globalThis.roomgate.participants.find((p) => p.name === 'Bob')?.audioMuted, 'Cid sees that Bob is muted');

  await ada.getByRole('button', { name: 'Remove Cid' }).click();
  await ada.getByRole('dialog').getByRole('button', { name: 'Remove', exact: true }).click();
  await cid.getByRole('heading', { name: 'You were removed from the meeting' }).waitFor();
  await cid.getByText('By Ada').waitFor();
  assert.equal(await cid.evaluate(() => globalThis.roomgate.end), 'kicked');
  for (const page of [ada, bob]) await until(page, () => !globalThis.roomgate.participants.some((p) => p.name === 'Cid'), 'Cid is gone');

  await ada.getByRole('button', { name: 'Leave', exact: true }).click();
  await ada.getByRole('heading', { name: 'You left the meeting' }).waitFor();
  await until(bob, () => globalThis.roomgate.isModerator && globalThis.roomgate.participants.length === 1, 'Bob moderates now');
});

test('people write, raise a hand, and come back after a reload', { timeout: 180000 }, async (t) => {
  const { ada, bob, cid } = await meeting(t);

  await say(bob, 'hello everybody');
  for (const page of [ada, bob, cid]) {
    await until(page, () => globalThis.roomgate.messages.filter((m) => m.text === 'hello everybody' && m.name === 'Bob').length === 1, 'the message arrives once');
  }
  await showPeople(ada);
  await bob.getByRole('button', { name: 'Raise hand' }).click();
  await until(ada, () => globalThis.roomgate.participants.find((p) => p.name === 'Bob')?.hand, 'Ada is told of the hand');
  await ada.getByRole('listitem').filter({ hasText: 'Bob' }).getByRole('img', { name: 'Hand raised' }).first().waitFor();
  await bob.getByRole('button', { name: 'Lower hand' }).click();
  await until(ada, () => globalThis.roomgate.participants.find((p) => p.name === 'Bob')?.hand === false, 'the hand is down again');

  const before = await bob.evaluate(() => globalThis.roomgate.id);
  await bob.reload();
  await until(bob, () => globalThis.roomgate?.phase === 'joined', 'Bob is back', 20000);
  await until(ada, (old) => globalThis.roomgate.participants.every((p) => p.id !== old) && globalThis.roomgate.participants.length === 3, 'the Bob of before is gone', 20000, before);
  await mediaFrom(bob, 'Ada');
  await mediaFrom(ada, 'Bob');
  await mediaFrom(cid, 'Bob');
});

/** Ada, who came first, Bob and Cid in one room. */
async function meeting(t) {
  const shard = await startShard('shard-0');
  t.after(() => shard.program.stop());
  const browser = await launch();
  t.after(() => browser.close());
  const enter = (name) => join(browser, `http://${shard.address}`, 'alpha', name);
  const [ada, bob, cid] = [await enter('Ada'), await enter('Bob'), await enter('Cid')];
  for (const page of [ada, bob, cid]) await until(page, () => globalThis.roomgate.participants.length === 3, 'all three are there');
  await mediaFrom(ada, 'Bob');
  await mediaFrom(cid, 'Bob');
  return { ada, bob, cid };
}
