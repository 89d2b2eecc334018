// Whoever else comes to the port of the front doors: noise, wrong names, somebody who says that he is one of us, or us;
// and mutual TLS, which keeps him out. Front doors go on, and their tables stay as they are.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import net from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import tls from 'node:tls';
import { authority, issued } from './certificates.mjs';
import { patiently, startMesh } from './agree/mesh.mjs';
import { Clients } from './agree/race.mjs';
import { startShards } from './agree/shards.mjs';
import { Raw, request, temporaryFolder } from './support.mjs';

const hello = (to, from, version = '2.1') => `HAProxyS ${version}\n${to}\n${from} 123 1\n`;

async function scene(t, options = {}) {
  const shards = await startShards(t, 2);
  const mesh = await startMesh(t, { gates: 2, shards, ...options });
  const clients = await Clients.of(mesh.gates, 16);
  t.after(() => clients.close());
  const before = await clients.race({ rooms: 40, prefix: 'before' });
  assert.deepEqual([before.failed, before.split], [[], []]);
  // Everything is as it was, and goes on.
  const unharmed = async () => {
    await mesh.together();
    const later = await clients.again(before);
    const after = await clients.race({ rooms: 40, prefix: 'after' });
    assert.deepEqual([later.failed, later.differsFrom(before), after.failed, after.split], [[], [], [], []]);
    const ours = /^(before|after|noise)-/;
    for (const gate of mesh.gates) {
      const strange = (await gate.get('rooms?limit=10000')).rooms.filter(({ room }) => !ours.test(room));
      assert.deepEqual(strange, []);
    }
  };
  return { mesh, unharmed };
}
async function stranger(t, mesh, i = 0, from) {
  const { listen: host, port } = mesh.places[i];
  const raw = new Raw(await new Promise((resolve, reject) => {
    const socket = net.connect({ host, port, localAddress: from }, () => resolve(socket));
    socket.once('error', reject);
  }));
  t.after(() => raw.socket.destroy());
  return raw;
}

test('noise is answered by an end, and nothing more', async (t) => {
  const { mesh, unharmed } = await scene(t);

  for (let i = 0; i < 50; ++i) {
    const raw = await stranger(t, mesh, i % 2);
    raw.send(randomBytes(1 + Math.floor(Math.random() * 40_000)));
    await raw.untilEnd();
  }

  await unharmed();
});

test('a hello that is not right gets the status that HAProxy gives, and an end', async (t) => {
  const { mesh, unharmed } = await scene(t);
  const cases = [
    ['HTTP/1.1\nx\ny 1 1\n', '501\n'],
    ['HAProxyS 2.1\ngate-0\ngate-1\n', '501\n'],
    [hello('gate-0', 'gate-1', '3.0'), '502\n'],
    [hello('gate-7', 'gate-1'), '503\n'],
    [hello('gate-0', 'nobody'), '504\n'],
  ];

  for (const [said, status] of cases) {
    const raw = await stranger(t, mesh);
    raw.send(said);
    assert.equal(await raw.untilEnd(), status, said);
  }

  await unharmed();
});

test('one who says that he is this gate, or the other one, and then talks nonsense', async (t) => {
  const { mesh, unharmed } = await scene(t);

  for (const name of ['gate-0', 'gate-1']) {
    for (let i = 0; i < 10; ++i) {
      const raw = await stranger(t, mesh);
      raw.send(hello('gate-0', name));
      // Class 255 is reserved: this ends a session. Noise may be the beginning of something long.
      raw.send(i % 2 === 0 ? Buffer.from([255, 0]) : randomBytes(2000));
      if (i % 2 === 0) await raw.untilEnd();
      else raw.socket.end();
    }
  }

  // Without TLS he may cost a session, and so what a lease takes; a while later all is as before.
  await mesh.gates[0].log.wait(/peer_has_our_name/);
  for (let inARow = 0, probe = 0; inARow < 20;) {
    const answer = await request(mesh.gates[probe % 2].port, `/xmpp-websocket?room=after-probe-${++probe}`);
    inARow = answer.status === 200 ? inARow + 1 : 0;
  }
  await unharmed();
});

test('one who says nothing, or half a hello, does not stay', async (t) => {
  const { mesh, unharmed } = await scene(t);
  const silent = await stranger(t, mesh);
  const half = await stranger(t, mesh);
  half.send('HAProxyS 2.1\ngate-0\n');

  await Promise.all([silent.untilEnd(), half.untilEnd()]);

  await unharmed();
});

test('whoever is not allowed is not listened to, and a gate without TLS says so at its start', async (t) => {
  const { mesh, unharmed } = await scene(t, { allow: ['127.0.0.1'] });
  await mesh.gates[0].log.wait(/ warning peers_without_tls /);

  const raw = await stranger(t, mesh, 0, '127.0.0.77');
  raw.send(hello('gate-0', 'gate-1'));

  assert.equal(await raw.untilEnd(), '');
  await mesh.gates[0].log.wait(/peer_not_allowed address=127\.0\.0\.77/);
  await unharmed();
});

test('mutual TLS: gates agree, and nobody else is heard, whatever he says', async (t) => {
  const folder = temporaryFolder(t);
  const ours = authority(folder, 'ours');
  const other = authority(folder, 'other');
  const pems = [0, 1].map((i) => issued(folder, `gate-${i}`, ours, [`gate-${i}`]).pem);
  const { mesh, unharmed } = await scene(t, { peers: (i) => `tls.certificate = "${pems[i]}"\ntls.ca = "${path.resolve(ours.pem)}"` });
  assert.equal(mesh.gates[0].log.all.some((line) => /peers_without_tls/.test(line)), false);

  // Plain; without a certificate; with one of another authority, and a member's name.
  const plain = await stranger(t, mesh);
  plain.send(hello('gate-0', 'gate-1'));
  assert.doesNotMatch(await plain.untilEnd(), /200/);
  const forged = issued(folder, 'forged', other, ['gate-1']).options;
  const neighbour = issued(folder, 'neighbour', ours, ['gate-9']).options;
  for (const options of [{}, forged, neighbour]) {
    const { listen: host, port } = mesh.places[0];
    const socket = tls.connect({ host, port, rejectUnauthorized: false, ...options });
    t.after(() => socket.destroy());
    const raw = new Raw(socket);
    raw.send(hello('gate-0', 'gate-1'));
    assert.doesNotMatch(await raw.untilEnd(), /200/);
  }

  await unharmed();
  await patiently(async () => (await mesh.gates[0].metric('roomgate_peer_up{peer="gate-1"}')) === 1);
});
