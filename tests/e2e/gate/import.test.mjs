// roomgate import: what it makes of a HAProxy configuration starts, and keeps rooms with their shards.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { startNameServer } from './name_server.mjs';
import { cli, request, startBackend, startGateOn, temporaryFolder } from './support.mjs';

const corpus = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../corpora/haproxy');
const config = (name) => readFileSync(path.join(corpus, name), 'utf8');

// The settings that `text`, a haproxy.cfg, becomes.
function imported(folder, text) {
  const file = path.join(folder, 'haproxy.cfg');
  writeFileSync(file, text);
  const { code, out, err } = cli('import', file);
  assert.equal(code, 0, err);
  return out;
}

// As imported, but at ports that are free here, and alone: this is about rooms and shards.
const somewhere = (settings, folder) => `${settings}
[admin]
address = "127.0.0.1:0"
socket = "${folder}/gate.sock"
[shutdown]
delay = "0s"
grace = "200ms"
`.replace(/^(\[\[listen\]\]\naddress = )"[^"]*"/gm, '$1"127.0.0.1:0"').replace(/^mode = "peers"/m, 'mode = "off"');

const named = (name) => (incoming, response) => response.end(name);
async function shards(t, count) {
  const backends = [];
  for (let i = 0; i < count; ++i) backends.push(await startBackend(t, named(`shard-${i}`)));
  return backends.map((backend) => backend.port);
}

// Sixteen rooms asked for twice: each stays where it was, and they are not all on one shard.
async function staysAndSpreads(gate, headers = {}) {
  const where = async (room) => {
    const answer = await request(gate.port, `/xmpp-websocket?room=${room}`, { headers });
    assert.equal(answer.status, 200);
    return answer.body;
  };
  const rooms = Array.from({ length: 16 }, (_, i) => `room-${i}`);
  const first = [];
  for (const room of rooms) first.push(await where(room));
  for (const [i, room] of rooms.entries()) assert.equal(await where(room), first[i]);
  return new Set(first);
}

test('the configuration of a pair of doors starts and routes', async (t) => {
  const folder = temporaryFolder(t);
  const [one, two] = await shards(t, 2);

  const settings = imported(folder, config('pair.cfg').replace(':22001', `:${one}`).replace(':22002', `:${two}`));
  const gate = await startGateOn(t, folder, somewhere(settings, folder));

  assert.deepEqual([...await staysAndSpreads(gate)].sort(), ['shard-0', 'shard-1']);
  assert.equal(await gate.metric('roomgate_rooms'), 16);
});

test('the configuration of a cluster is good settings, and routes where its shards have addresses', async (t) => {
  const folder = temporaryFolder(t);
  const file = path.join(folder, 'gate.toml');
  writeFileSync(file, imported(folder, config('kubernetes.cfg')));
  assert.deepEqual(cli('check', '--config', file), { code: 0, out: '', err: '' });

  const ports = await shards(t, 3);
  const servers = ports.map((port, i) => `  server shard-${i} 127.0.0.1:${port} check inter 2s fall 3 rise 2`).join('\n');
  const settings = imported(folder, config('kubernetes.cfg').replace(/^ *server-template .*$/m, servers));
  const gate = await startGateOn(t, folder, somewhere(settings, folder));

  assert.deepEqual([...await staysAndSpreads(gate)].sort(), ['shard-0', 'shard-1', 'shard-2']);
});

test('the configuration of a cluster starts and routes, its shards found in a real name server', async (t) => {
  const folder = temporaryFolder(t);
  const ports = await shards(t, 3);
  const dns = await startNameServer(t, { records: ports.flatMap((port, i) => [`_http._tcp.web SRV 0 0 ${port} shard-${i}`, `shard-${i} A 127.0.0.1`]) });

  const settings = imported(folder, config('kubernetes.cfg')
    .replace(/(nameserver \S+) \S+/, `$1 ${dns.address}`)
    .replace('_http._tcp.web.jitsi.svc.cluster.local', '_http._tcp.web.example'));
  const gate = await startGateOn(t, folder, somewhere(settings, folder));

  assert.match(settings, /^srv = "_http._tcp.web.example"$/m);
  assert.deepEqual([...await staysAndSpreads(gate)].sort(), ['shard-0', 'shard-1', 'shard-2']);
});

test('rooms of a large deployment go to the live release in the door\'s own region', async (t) => {
  const folder = temporaryFolder(t);
  const ports = await shards(t, 4);
  const places = { '10.20.1.11': ports[0], '10.20.1.12': ports[1], '10.30.1.51': ports[2], '10.20.1.21': ports[3] };
  let text = config('regions.cfg').replace(/^ *default-server .*$/m, '');
  for (const [address, port] of Object.entries(places)) text = text.replaceAll(`${address}:443`, `127.0.0.1:${port}`);

  const gate = await startGateOn(t, folder, somewhere(imported(folder, text), folder));

  for (const shard of await staysAndSpreads(gate)) assert.notEqual(shard, 'shard-2');
});

test('every configuration of the corpus becomes settings that pass the check', async (t) => {
  const folder = temporaryFolder(t);
  for (const name of readdirSync(corpus)) {
    const file = path.join(folder, `${name}.toml`);
    writeFileSync(file, imported(folder, config(name)));
    const { code, err } = cli('check', '--config', file);
    assert.equal(code, 0, `${name}: ${err}`);
  }
});

test('what cannot be read, or has nothing to route, is an error with the file\'s name', (t) => {
  const folder = temporaryFolder(t);
  const empty = path.join(folder, 'empty.cfg');
  writeFileSync(empty, 'global\n  daemon\n');

  const missing = cli('import', path.join(folder, 'missing.cfg'));
  const nothing = cli('import', empty);

  assert.equal(missing.code, 1);
  assert.match(missing.err, /missing\.cfg: cannot be opened for reading\n$/);
  assert.equal(nothing.code, 1);
  assert.match(nothing.err, /empty\.cfg: nothing to route: /);
  assert.equal(nothing.out, '');
  assert.equal(cli('import').code, 2);
});
