// Voices that repeat what came before (RED, RFC 2198), where the operator wants them: browsers send them and hear each other.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join as path } from 'node:path';
import { join, launch } from './support/browser.mjs';
import { temporaryFolder } from './support/folders.mjs';
import { mediaFrom } from './support/media.mjs';
import { freeUdpPort } from './support/ports.mjs';
import { startShard } from './support/programs.mjs';
import { UdpRelay } from './support/udp_relay.mjs';
import { onlyPort } from './support/watch.mjs';

const opus = 111;
const red = 112;

/** The payload types that browsers send in a call with these settings: the heads of SRTP packets are in clear. */
async function typesOf(t, settings) {
  const file = path(temporaryFolder(t), 'shard.toml');
  writeFileSync(file, settings);
  const relay = new UdpRelay();
  const relayPort = await relay.open();
  t.after(() => relay.close());
  const mediaPort = await freeUdpPort();
  relay.forwardTo(mediaPort);
  const types = new Set();
  relay.seen = (bytes) => { if (bytes[0] >> 6 === 2) types.add(bytes[1] & 0x7f); };
  const shard = await startShard('shard-0', ['--config', file, '--media-port', String(mediaPort), '--media-advertise', `127.0.0.1:${relayPort}`]);
  t.after(() => shard.program.stop());
  const browser = await launch();
  t.after(() => browser.close());
  const enter = (name) => join(browser, `http://${shard.address}`, 'red', name, {}, onlyPort(relayPort));
  const [ada, ben] = [await enter('Ada'), await enter('Ben')];
  await mediaFrom(ada, 'Ben');
  await mediaFrom(ben, 'Ada');
  return types;
}

test('voices go in RED where it is offered, and are heard', { timeout: 120000 }, async (t) => {
  const types = await typesOf(t, '[media]\nopus_red = true\n');

  assert.ok(types.has(red), `${[...types]}`);
  assert.ok(!types.has(opus), `${[...types]}`);
});

test('and as they are where it is not', { timeout: 120000 }, async (t) => {
  const types = await typesOf(t, '');

  assert.ok(types.has(opus) && !types.has(red), `${[...types]}`);
});
