// The page at /stats in a real browser: what it shows, that it renews itself without disturbing anybody, and what an
// operator's token changes. SCREENSHOTS=FOLDER keeps the pictures of the documentation.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { test } from 'node:test';
import { Raw, certificate, cli, eventually, request, startBackend, startGate, startRawBackend, temporaryFolder, upgradeAnswer, upgradeRequest } from './gate/support.mjs';
import { launch, until } from './support/browser.mjs';

const token = 'open sesame';
const hostile = '<img src=x onerror=alert(1)>';
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Answers health checks with `load`, requests with ok, and keeps tunnels open. */
const startShard = (t, load) => startRawBackend(t, (socket) => {
  socket.on('end', () => socket.end());
  socket.on('data', (data) => {
    const text = data.toString('latin1');
    if (/^upgrade:/im.test(text)) return socket.write(upgradeAnswer);
    const body = text.includes('/about/health') ? JSON.stringify({ stress: load, state: 'ready' }) : 'ok';
    return socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  });
});

async function open(t, gate, options = {}) {
  const browser = await launch();
  t.after(() => browser.close());
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  page.problems = [];
  page.on('pageerror', (error) => page.problems.push(String(error)));
  page.on('console', (message) => { if (message.type() === 'error') page.problems.push(message.text()); });
  await page.goto(`http://127.0.0.1:${gate.admin}/stats`);
  return page;
}

async function startWithToken(t, options = {}) {
  const folder = temporaryFolder(t);
  writeFileSync(path.join(folder, 'token'), `${token}\n`);
  const shards = options.shards ?? [{ name: 'shard-0', port: (await startShard(t, 0.2)).port }, { name: 'shard-1', port: (await startShard(t, 0.4)).port }];
  return startGate(t, { ...options, shards, admin: `token_file = "${folder}/token"` });
}

const giveToken = async (page, text) => {
  await page.getByLabel('operator token').fill(text);
  await page.getByRole('button', { name: 'use' }).click();
};

async function tunnel(t, gate, room) {
  const raw = await Raw.connect(gate.port);
  t.after(() => raw.socket.destroy());
  raw.send(upgradeRequest(`/xmpp-websocket?room=${encodeURIComponent(room)}`));
  await raw.until('\r\n\r\n');
  return raw;
}

test('a name from outside is text, and whatever gets into the page cannot run', async (t) => {
  const gate = await startWithToken(t);
  await request(gate.port, `/xmpp-websocket?room=${encodeURIComponent(hostile)}`);
  const page = await open(t, gate);

  await page.getByText(hostile).first().waitFor();
  assert.deepEqual(page.problems, []);
  // Script, handler, style, image: nothing that is not the page's own.
  const ran = await page.evaluate(async () => {
    const violations = [];
    document.addEventListener('securitypolicyviolation', (event) => violations.push(event.effectiveDirective));
    const script = document.createElement('script');
    script.textContent = 'globalThis.broken = true';
    document.body.append(script);
    document.body.insertAdjacentHTML('beforeend', '<p onclick="globalThis.broken = true" style="color: red">x</p><img src="/metrics">');
    document.body.lastElementChild.previousElementSibling.click();
    while (violations.length < 4) await new Promise((resolve) => setTimeout(resolve));
    return { broken: globalThis.broken === true, violations: violations.sort() };
  });
  assert.deepEqual(ran, { broken: false, violations: ['img-src', 'script-src-attr', 'script-src-elem', 'style-src-attr'] });
});

test('renews itself, and disturbs neither typing nor a question that is open', async (t) => {
  const gate = await startWithToken(t);
  const page = await open(t, gate);
  await giveToken(page, token);
  await page.getByRole('button', { name: 'Drain shard-0' }).click();
  await page.getByLabel('what is left then').selectOption('30m');
  await page.evaluate(() => { document.querySelector('input[name=prefix]').value = 'half a na'; });

  await request(gate.port, '/xmpp-websocket?room=late');
  await page.evaluate(() => renew());
  assert.equal(await page.getByText('late', { exact: true }).count(), 0);
  await page.getByRole('button', { name: 'Cancel' }).click();

  // The page's own clock brings it.
  await page.getByText('late', { exact: true }).waitFor();
  assert.equal(await page.locator('input[name=prefix]').inputValue(), 'half a na');
  assert.deepEqual(page.problems, []);
});

test('an operator with the token drains a shard and makes it ready; without it nobody does', async (t) => {
  const gate = await startWithToken(t);
  const page = await open(t, gate);
  const state = async () => JSON.parse((await request(gate.admin, '/api/v1/shards/shard-1')).body).state;
  const drain = page.getByRole('button', { name: 'Drain shard-1' });

  assert.equal(await drain.isVisible(), false);
  await giveToken(page, 'guess');
  await page.getByText('That is not the token.').waitFor();
  assert.equal(await drain.isVisible(), false);

  await giveToken(page, token);
  await drain.click();
  await page.getByRole('button', { name: 'Cancel' }).click();
  assert.equal(await state(), 'ready');
  await drain.click();
  await page.getByRole('button', { name: 'Drain', exact: true }).click();
  await page.getByText('shard-1: drain').waitFor();
  assert.equal(await state(), 'drain');

  await page.getByRole('button', { name: 'Ready shard-1' }).click();
  await page.getByRole('button', { name: 'Make ready' }).click();
  await drain.waitFor();
  assert.equal(await state(), 'ready');

  await page.getByRole('button', { name: 'forget the token' }).click();
  assert.equal(await drain.isVisible(), false);
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  assert.deepEqual(page.problems, []);
});

test('a gate without a token says so, one without an answer too, and without script all can be read', async (t) => {
  const gate = await startGate(t, { shards: [{ name: 'shard-0', port: (await startShard(t, 0.1)).port }] });
  const page = await open(t, gate);
  await page.getByText('roomgate drain SHARD').waitFor();
  assert.equal(await page.getByLabel('operator token').count(), 0);

  const plain = await open(t, gate, { javaScriptEnabled: false });
  for (const text of ['shard-0', 'Busiest rooms', 'Refused, and limits hit', 'Other front doors']) await plain.getByText(text).first().waitFor();

  gate.signal('SIGTERM');
  await gate.ended;
  await page.evaluate(() => renew());
  await page.getByText('no answer from the gate').waitFor();
});

test('a day with a shard that is down and one that is drained, on a laptop and on a phone, by day and by night', { timeout: 120000 }, async (t) => {
  const folder = temporaryFolder(t);
  certificate(folder, 'meet.example.org', ['meet.example.org']);
  const shards = [];
  for (const [i, [region, load]] of [['eu-central', 0.31], ['eu-central', 0.55], ['eu-central', 0.86], ['us-east', 0.12], ['us-east', 0.2], ['us-east', 0]].entries()) {
    const backend = await startShard(t, load);
    const limits = region === 'us-east' ? 'max_rooms = 40\n' : '';
    shards.push({ name: `${region}-${i % 3}`, region, port: backend.port, backend, lines: `region = "${region}"\n${limits}${i === 4 ? 'release = "next"\n' : ''}` });
  }
  const gate = await startWithToken(t, {
    shards, name: 'gate-fra', cwd: folder, listeners: ['', 'tls.certificates = ["meet.example.org.pem"]'],
    settings: '[health]\ninterval = "500ms"\ninterval_fast = "200ms"\npanic = 0.9\n[limits]\nper_address = { new_rooms = "1000/s burst 1000" }\n',
  });
  const of = async (name) => JSON.parse((await request(gate.admin, `/api/v1/shards/${name}`)).body);
  await eventually(async () => (await of('eu-central-2')).load > 0.8);
  const rooms = ['maths-7b', 'physics', 'board-meeting', 'stand-up', 'yoga', hostile, 'grüße', 'совещание', 'choir', 'all-hands'];
  const tunnels = [];
  for (let i = 0; i < 30; ++i) {
    const room = i < rooms.length ? rooms[i] : `class-${i}`;
    for (let k = 0; k < 1 + (i * 7) % 5; ++k) tunnels.push(await tunnel(t, gate, room));
  }
  const drained = await of('eu-central-1');
  assert.equal(cli('drain', 'eu-central-1', '--deadline', '30m', '--admin', gate.socket).code, 0);
  const going = JSON.parse((await request(gate.admin, '/api/v1/rooms?shard=eu-central-1&limit=2')).body).rooms;
  for (const { room } of going) assert.equal(cli('room', room, '--forget', '--admin', gate.socket).code, 0);
  await shards[5].backend.refuse();
  for (const socket of shards[5].backend.sockets) socket.destroy();
  await eventually(async () => !(await of('us-east-2')).up);
  await request(gate.port, '/metrics');  // refused, so that there is something under that head
  // So that there are rates to show.
  for (let i = 0; i < 40; ++i) await request(gate.port, `/xmpp-websocket?room=class-${10 + i % 20}`);
  await eventually(async () => JSON.parse((await request(gate.admin, '/api/v1/status')).body).requests_per_second > 0);

  for (const [file, options] of [
    ['stats', { viewport: { width: 1280, height: 900 } }],
    ['stats-dark', { viewport: { width: 1280, height: 900 }, colorScheme: 'dark' }],
    ['stats-phone', { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true }],
    ['stats-phone-dark', { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true, colorScheme: 'dark' }],
    // Narrow enough that tables have to be scrolled.
    ['stats-narrow', { viewport: { width: 320, height: 640 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true }],
  ]) {
    const page = await open(t, gate, options);
    await giveToken(page, token);
    await page.getByRole('button', { name: 'Ready eu-central-1' }).waitFor();
    await page.getByText('us-east-2 is down').waitFor();
    await page.getByText(new RegExp(`${drained.rooms - 2} of ${drained.rooms} rooms left after \\d+s; moved in (30m|29m)`)).waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true, `${file}: nothing is wider than the screen`);
    if (file === 'stats-narrow') assert.equal(await page.evaluate(() => { const { scrollWidth, clientWidth } = document.querySelector('#rooms > .wide'); return scrollWidth > clientWidth; }), true);
    if (process.env.SCREENSHOTS) await page.screenshot({ path: path.join(process.env.SCREENSHOTS, `${file}.png`), fullPage: true, clip: { x: 0, y: 0, width: options.viewport.width, height: options.isMobile ? 1150 : 1450 } });
    const found = await page.evaluate(`${axe}; axe.run().then((result) => result.violations.map((each) => each.id + ': ' + each.nodes.map((node) => node.target).join(' ')))`);
    assert.deepEqual(found, []);
    assert.deepEqual(page.problems, []);
    await page.context().browser().close();
  }
  for (const raw of tunnels) raw.socket.destroy();
});
