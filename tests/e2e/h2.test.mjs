// A meeting whose WebSockets are streams of HTTP/2 (RFC 8441): Chromium opens them on the connection that the page came
// by, as soon as the door says that it knows how.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { join, launch, until } from './support/browser.mjs';
import { mediaFrom } from './support/media.mjs';
import { startHouse } from './support/programs.mjs';

test('two people meet and chat over HTTP/2, sockets and all', { timeout: 120000 }, async (t) => {
  const house = await startHouse(2);
  t.after(() => house.stop());
  const browser = await launch();
  t.after(() => browser.close());
  const ada = await join(browser, house.url, 'alpha', 'Ada');
  const ben = await join(browser, house.url, 'alpha', 'Ben');

  await mediaFrom(ada, 'Ben');
  await mediaFrom(ben, 'Ada');
  await ada.getByRole('button', { name: /chat/i }).click();
  await ada.getByRole('textbox').fill('over one connection');
  await ada.getByRole('textbox').press('Enter');
  await until(ben, () => globalThis.roomgate.messages.some((m) => m.text === 'over one connection' && !m.own), 'the chat message');

  // Two sockets for each of them, to XMPP and to the bridge, and no connection but the two that the pages came by.
  const metrics = await (await fetch(`${house.admin}/metrics`)).text();
  const sum = (name) => [...metrics.matchAll(new RegExp(`^${name}(?:{.*})? (\\d+)$`, 'gm'))].reduce((all, [, value]) => all + Number(value), 0);
  assert.equal(sum('roomgate_tunnels'), 4);
  assert.equal(sum('roomgate_connections'), 2);
  assert.deepEqual([...ada.problems, ...ben.problems], []);

  await browser.close();
  house.gate.child.kill('SIGTERM');
  assert.deepEqual(await house.gate.exited, { code: 0, signal: null }, house.gate.log);
  const lines = house.accessLog().trim().split('\n').map((line) => JSON.parse(line));
  const tunnels = lines.filter((line) => line.tunnel);
  assert.equal(tunnels.length, 4);
  assert.equal(tunnels.filter((line) => line.path.startsWith('/xmpp-websocket')).length, 2);
  assert.equal(tunnels.filter((line) => line.path.startsWith('/colibri-ws/')).length, 2);
  assert.ok(lines.every((line) => line.protocol === 'HTTP/2'), JSON.stringify(lines.find((line) => line.protocol !== 'HTTP/2')));
});
