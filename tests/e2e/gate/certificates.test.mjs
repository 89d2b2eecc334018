// Certificates and what lies beside them, exchanged while the gate runs: folders watched, tickets that survive,
// OCSP answers, certificates of clients.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import tls from 'node:tls';
import { authority, issued } from './certificates.mjs';
import { certificate, eventually, Raw, startBackend, startGate, temporaryFolder } from './support.mjs';

function connect(port, servername, more = {}) {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host: '127.0.0.1', port, servername, rejectUnauthorized: false, ...more }, () => resolve(socket));
    socket.on('error', reject);
  });
}
async function ask(port, servername, more = {}) {
  const socket = await connect(port, servername, more);
  const raw = new Raw(socket);
  raw.send(`GET /static/a HTTP/1.1\r\nHost: ${servername}\r\nConnection: close\r\n\r\n`);
  const text = await raw.untilEnd();
  socket.destroy();
  return text;
}
async function nameOf(port, servername) {
  const socket = await connect(port, servername);
  const { subject } = socket.getPeerCertificate();
  socket.resume();
  socket.end();  // destroy() would take the handshake's last flight with it
  await new Promise((resolve) => socket.once('close', resolve));
  return subject.CN;
}
async function sessionOf(port, servername, more = {}) {
  const socket = await connect(port, servername, more);
  const session = await new Promise((resolve) => socket.once('session', resolve));
  const reused = socket.isSessionReused();
  socket.destroy();
  return { session, reused };
}

async function gateWith(t, folder, lines = '', settings = '') {
  const backend = await startBackend(t, (incoming, response) => response.end(`subject ${incoming.headers['x-client-cert-subject'] ?? 'none'}`));
  const gate = await startGate(t, { shards: [{ name: 'shard-0', port: backend.port }], listeners: [`tls.certificates = ["${folder}"]\n${lines}`], settings });
  return { gate, port: gate.ports.https[0] };
}

test('a folder that changes is read without a signal; a bad file keeps the old certificates and is told', async (t) => {
  const folder = temporaryFolder(t);
  certificate(folder, '1', ['before.example']);
  const { gate, port } = await gateWith(t, folder);

  certificate(folder, '2', ['added.example']);
  await eventually(async () => (await nameOf(port, 'added.example')) === 'added.example');
  assert.equal(await gate.metric('roomgate_certificate_reloads_total{result="ok"}'), 1);

  writeFileSync(`${folder}/2.pem`, readFileSync(`${folder}/2.pem`, 'utf8').slice(0, -100));
  await gate.log.wait(/tls_files_refused .*2\.pem: PEM block 2/);
  assert.equal(await nameOf(port, 'added.example'), 'added.example');
  assert.equal(await gate.metric('roomgate_certificate_reloads_total{result="refused"}'), 1);

  rmSync(`${folder}/2.pem`);
  await eventually(async () => (await nameOf(port, 'added.example')) === 'before.example');
});

test('certificates change under load and no handshake fails', async (t) => {
  const folder = temporaryFolder(t);
  const staging = temporaryFolder(t);
  certificate(folder, '1', ['swap-0.example']);
  // As fast as they can, from one address: more than a single client may.
  const { gate, port } = await gateWith(t, folder, '', '[limits]\nper_address.handshakes = "off"\nper_address.requests = "off"\n');
  let running = true;
  let handshakes = 0;
  let resumed = 0;
  const client = async () => {
    let session;
    while (running) {
      const socket = await connect(port, 'any.example', { session });
      resumed += socket.isSessionReused() ? 1 : 0;
      const raw = new Raw(socket);
      socket.once('session', (next) => { session = next; });
      raw.send('GET /static/a HTTP/1.1\r\nHost: any.example\r\nConnection: close\r\n\r\n');
      assert.match(await raw.untilEnd(), /^HTTP\/1\.1 200 /);
      socket.destroy();
      ++handshakes;
      if (handshakes % 3 === 0) session = undefined;
    }
  };
  const clients = Promise.all([client(), client(), client(), client()]);

  for (let i = 1; i <= 20; ++i) {
    certificate(staging, 'next', [`swap-${i}.example`]);
    renameSync(`${staging}/next.pem`, `${folder}/1.pem`);
    if (i % 5 !== 0) gate.signal('SIGHUP');  // every fifth by the watch alone
    await eventually(async () => (await nameOf(port, 'any.example')) === `swap-${i}.example`);
  }
  running = false;
  await clients;

  assert.ok(handshakes > 100, `${handshakes} handshakes`);
  assert.ok(resumed > 0);
  assert.equal(await gate.metric('roomgate_tls_handshakes_total{result="failed"}') ?? 0, 0);
  t.diagnostic(`${handshakes} handshakes, ${resumed} of them resumed, none failed`);
});

test('sessions resume across new certificates, and at another gate with the same key file', async (t) => {
  const folder = temporaryFolder(t);
  const keys = `${temporaryFolder(t)}/ticket.keys`;
  const key = () => `${randomBytes(80).toString('base64')}\n`;
  const [first, second] = [key(), key()];
  writeFileSync(keys, `# first\n${first}`);
  certificate(folder, '1', ['before.example']);
  const here = await gateWith(t, folder, `tls.ticket_keys = "${keys}"`);
  const there = await gateWith(t, folder, `tls.ticket_keys = "${keys}"`);

  const { session } = await sessionOf(here.port, 'x.example');
  assert.equal((await sessionOf(there.port, 'x.example', { session })).reused, true);

  certificate(folder, '1', ['after.example']);
  for (const { port } of [here, there]) await eventually(async () => (await nameOf(port, 'x.example')) === 'after.example');
  assert.equal((await sessionOf(here.port, 'x.example', { session })).reused, true);

  // A new key in front: old tickets still open, new ones are made with it.
  writeFileSync(keys, second + first);
  await eventually(async () => (await here.gate.metric('roomgate_certificate_reloads_total{result="ok"}')) === 2);
  assert.equal((await sessionOf(here.port, 'x.example', { session })).reused, true);
  const renewed = await sessionOf(here.port, 'x.example');
  writeFileSync(keys, first);
  await eventually(async () => (await here.gate.metric('roomgate_certificate_reloads_total{result="ok"}')) === 3);
  assert.equal((await sessionOf(here.port, 'x.example', { session: renewed.session })).reused, false);

  writeFileSync(keys, 'short\n');
  await here.gate.log.wait(/tls_files_refused .*ticket\.keys: line 1: is not 80 bytes in base64/);
  assert.equal((await sessionOf(here.port, 'x.example', { session })).reused, true);
});

test('keys of the process survive a reload', async (t) => {
  const folder = temporaryFolder(t);
  certificate(folder, '1', ['before.example']);
  const { gate, port } = await gateWith(t, folder);
  const { session } = await sessionOf(port, 'x.example');

  gate.signal('SIGHUP');
  await gate.log.wait(/ reloaded /);

  assert.equal((await sessionOf(port, 'x.example', { session })).reused, true);
});

test('tls.tickets = 0: nobody resumes', async (t) => {
  const folder = temporaryFolder(t);
  certificate(folder, '1', ['a.example']);
  const { port } = await gateWith(t, folder, 'tls.tickets = 0');

  const first = await connect(port, 'a.example', { maxVersion: 'TLSv1.2' });
  const session = first.getSession();
  first.destroy();
  const second = await connect(port, 'a.example', { maxVersion: 'TLSv1.2', session });

  assert.equal(second.isSessionReused(), false);
  second.destroy();
});

test('an OCSP answer beside the certificate is stapled, once it is there', async (t) => {
  const folder = temporaryFolder(t);
  const ca = authority(temporaryFolder(t), 'ca');
  const leaf = issued(folder, 'leaf', ca, ['ocsp.example']);
  const { gate, port } = await gateWith(t, folder);
  const status = () => spawnSync('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, '-servername', 'ocsp.example', '-status'],
    { input: '', encoding: 'utf8', timeout: 10_000 }).stdout;
  assert.match(status(), /OCSP response: no response sent/);

  writeFileSync(`${folder}/leaf.ocsp`, ca.ocspAnswer(leaf));
  await eventually(async () => (await gate.metric('roomgate_certificate_reloads_total{result="ok"}')) === 1);

  assert.match(status(), /OCSP Response Status: successful \(0x0\)/);
  assert.match(status(), /Cert Status: good/);
  const socket = await connect(port, 'ocsp.example', { requestOCSP: true });
  socket.destroy();

  writeFileSync(`${folder}/leaf.ocsp`, 'not DER');
  await gate.log.wait(/leaf\.ocsp: is no OCSP answer in DER; not stapled/);
  await eventually(() => /no response sent/.test(status()));
});

test('clients without a certificate of tls.client_ca are refused, and the shard hears whose it was', async (t) => {
  const folder = temporaryFolder(t);
  const beside = temporaryFolder(t);
  certificate(folder, '1', ['door.example']);
  const ca = authority(beside, 'ca');
  const stranger = authority(beside, 'stranger');
  const good = issued(beside, 'ada', ca, ['ada']);
  const bad = issued(beside, 'eve', stranger, ['eve']);
  const pem = (made) => ({ cert: readFileSync(made.pem), key: readFileSync(made.pem) });
  const { gate, port } = await gateWith(t, folder, `tls.client_ca = "${ca.pem}"`);

  assert.match(await ask(port, 'door.example', pem(good)), /subject CN=ada$/m);
  // In TLS 1.3 the client is done before it hears that it is refused.
  for (const [more, reason] of [[{}, 'no certificate shown'], [pem(bad), 'unable to get local issuer certificate']]) {
    const answer = await ask(port, 'door.example', more).catch((error) => `failed: ${error.code}`);
    assert.doesNotMatch(answer, /HTTP/);
    await eventually(async () => (await gate.metric('roomgate_tls_handshakes_total{result="refused"}')) === (reason.startsWith('no') ? 1 : 2));
  }
  await gate.log.wait(/handshakes_failed .*result=refused reason="no certificate shown"/);
});

test('with client_verify = "optional" who shows none is let in, and nobody can claim a subject', async (t) => {
  const folder = temporaryFolder(t);
  const beside = temporaryFolder(t);
  certificate(folder, '1', ['door.example']);
  const ca = authority(beside, 'ca');
  const bad = issued(beside, 'eve', authority(beside, 'stranger'), ['eve']);
  const { port } = await gateWith(t, folder, `tls.client_ca = "${ca.pem}"\ntls.client_verify = "optional"`);

  const raw = new Raw(await connect(port, 'door.example'));
  raw.send('GET /static/a HTTP/1.1\r\nHost: door.example\r\nX-Client-Cert-Subject: CN=ada\r\nX_Client_Cert_Subject: CN=ada\r\nConnection: close\r\n\r\n');
  assert.match(await raw.untilEnd(), /subject none$/m);
  const answer = await ask(port, 'door.example', { cert: readFileSync(bad.pem), key: readFileSync(bad.pem) }).catch(() => 'failed');
  assert.doesNotMatch(answer, /HTTP/);
});

test('check reads the files too: errors name file and block, warnings do not fail it', async (t) => {
  const folder = temporaryFolder(t);
  certificate(folder, '1', ['a.example']);
  certificate(folder, '2', ['a.example']);
  const { gate } = await gateWith(t, folder);
  const check = () => spawnSync(process.env.ROOMGATE ?? gate.child.spawnfile, ['check', '--config', gate.file], { encoding: 'utf8' });

  const fine = check();
  assert.equal(fine.status, 0);
  assert.match(fine.stderr, /warning: .*\.pem: is not used, .*\.pem has the same names/);

  writeFileSync(`${folder}/3.key`, '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n');
  const wrong = check();
  assert.equal(wrong.status, 1);
  assert.match(wrong.stderr, /tls\.certificates: .*3\.key: PEM block 1 \(PRIVATE KEY\): /);
});
