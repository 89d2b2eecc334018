// The same room joined by Jitsi's own client library of 2021 and by the built-in client: both see and hear each other.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { join, launch, until } from './support/browser.mjs';
import { joinOldClient, serveOldClient } from './support/old_client.mjs';
import { startShard } from './support/programs.mjs';
import { mediaFrom } from './support/media.mjs';

test("Jitsi's own client library and the built-in client meet, both ways, video and audio", { timeout: 90000 }, async (t) => {
  const shard = await startShard('shard-0');
  t.after(() => shard.program.stop());
  const server = await serveOldClient();
  t.after(() => server.close());
  const browser = await launch();
  t.after(() => browser.close());

  const old = await joinOldClient(browser, server.url, `ws://${shard.address}/xmpp-websocket`, 'alpha', 'Olga');
  await until(old, () => globalThis.old.joined, 'the old client joined');
  const ours = await join(browser, `http://${shard.address}`, 'alpha', 'Nina');
  await until(old, () => globalThis.old.remote.length >= 2, 'the old client was told of our audio and video');

  await mediaFrom(ours, 'Olga');
  await until(old, async () => {
    const streams = await globalThis.inbound();
    return streams.some((s) => s.kind === 'video' && s.framesDecoded > 30) && streams.some((s) => s.kind === 'audio' && s.totalAudioEnergy > 0.01);
  }, 'the old client decodes our video and hears our audio');

  await old.evaluate(() => globalThis.old.conference.sendTextMessage('hello from 2021'));
  await until(ours, () => globalThis.roomgate.messages.some((m) => m.text === 'hello from 2021'), 'chat from the old client');
  const { setRemoteDescription } = await old.evaluate(() => ({ setRemoteDescription: globalThis.watched.setRemoteDescription }));
  assert.ok(setRemoteDescription <= 10 + 2, `setRemoteDescription was called ${setRemoteDescription} times`);

  await ours.close();
  await until(old, () => globalThis.old.left.length === 1, 'the old client sees us leave', 20000);
});
