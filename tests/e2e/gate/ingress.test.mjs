// Behind a real nginx and a real HAProxy: the shard hears who the client is, by X-Forwarded-For or by the PROXY
// protocol, and a client can say nothing about itself that counts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import tls from 'node:tls';
import { freePort, ingress, startHaproxy, startNginx } from './fronts.mjs';
import { certificate, eventually, Raw, request, startGate, startRawBackend, temporaryFolder, upgradeAnswer, upgradeRequest } from './support.mjs';

// The fronts connect from 127.0.0.1; clients from these.
const alice = '127.0.0.11';
const bob = '127.0.0.12';

// A shard that keeps the heads it is sent, answers requests, and echoes in WebSockets.
async function startShard(t) {
  const heads = [];
  const backend = await startRawBackend(t, (socket) => {
    let text = '';
    let tunnel = false;
    socket.on('end', () => socket.end());  // else the tunnel waits for timeouts.server_fin
    socket.on('data', (data) => {
      if (tunnel) return socket.write(data);
      text += data.toString('latin1');
      for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
        const head = text.slice(0, end);
        text = text.slice(end + 4);
        heads.push(head);
        tunnel = /^Upgrade: websocket$/mi.test(head);
        socket.write(tunnel ? upgradeAnswer : 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      }
      return undefined;
    });
  });
  return { port: backend.port, heads };
}

// All fields of that name in the last head that the shard got.
const said = (shard, name) => shard.heads.at(-1).split('\r\n').slice(1)
  .filter((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}:`)).map((line) => line.slice(name.length + 1).trim());

const forgeries = [
  'X-Forwarded-For: 6.6.6.6', 'X-Forwarded-For: 127.0.0.1', 'X_Forwarded_For: 6.6.6.6', 'X-Real-IP: 6.6.6.6', 'Forwarded: for=6.6.6.6',
  'X-Client-IP-Test: kept', 'X-Forwarded-Proto: gopher', 'X-Forwarded-Host: evil.example', 'X-Forwarded-Server: 6.6.6.6',
].map((line) => `${line}\r\n`).join('');

async function over(port, from, secure) {
  const raw = await Raw.connect(port, from);
  if (!secure) return raw;
  const socket = tls.connect({ socket: raw.socket, servername: 'meet.example', rejectUnauthorized: false });
  raw.socket.removeAllListeners('data');
  await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
  return new Raw(socket);
}

// A request with every forgery, and a WebSocket: what the shard heard of each.
async function tryAs(port, from, shard, expected, { secure = false } = {}) {
  const raw = await over(port, from, secure);
  raw.send(`GET /xmpp-websocket?room=r HTTP/1.1\r\nHost: meet.example\r\n${forgeries}\r\n`);
  await raw.until('ok');
  raw.socket.destroy();
  assert.deepEqual(said(shard, 'X-Forwarded-For'), [expected.chain]);
  assert.deepEqual(said(shard, 'X-Forwarded-Proto'), [expected.proto ?? 'http']);
  assert.deepEqual(said(shard, 'X-Forwarded-Host'), ['meet.example']);
  for (const name of ['X-Real-IP', 'Forwarded', 'X_Forwarded_For', 'X-Forwarded-Server']) assert.deepEqual(said(shard, name), [], name);
  assert.deepEqual(said(shard, 'X-Client-IP-Test'), ['kept']);
  assert.doesNotMatch(shard.heads.at(-1), /6\.6\.6\.6|evil|gopher/);

  const socket = await over(port, from, secure);
  socket.send(upgradeRequest('/xmpp-websocket?room=r', forgeries).replace('Host: gate', 'Host: meet.example'));
  await socket.until('\r\n\r\n');
  assert.match(socket.text, /^HTTP\/1\.1 101 /);
  socket.send('through all of it');
  await socket.until('through all of it');
  assert.deepEqual(said(shard, 'X-Forwarded-For'), [expected.chain]);
  assert.doesNotMatch(shard.heads.at(-1), /6\.6\.6\.6|evil|gopher/);
  socket.socket.destroy();
}

async function setUp(t, listeners, more = {}) {
  const shard = await startShard(t);
  const gate = await startGate(t, { shards: [{ name: 'shard-0', port: shard.port }], listeners, admin: 'access_log_addresses = "full"', ...more });
  return { shard, gate };
}

// Bytes that a front sends, or that somebody sends who would like to be one.
const signature = Buffer.from([0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]);
const version2 = (command, family, rest) => Buffer.concat([signature, Buffer.from([command, family, rest.length >> 8, rest.length & 255]), rest]);
const line = (source) => `PROXY TCP4 ${source} 192.0.2.1 40000 443\r\n`;
const get = 'GET /xmpp-websocket?room=r HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n';

test('nginx as ingress, over HTTP: the client it names counts, what clients write does not', async (t) => {
  const { shard, gate } = await setUp(t, ['trust_forwarded_from = ["127.0.0.1"]']);
  const port = await freePort();
  await startNginx(t, { ports: [port], http: `server { listen 127.0.0.1:${port}; ${ingress(gate.port)} }` });

  await tryAs(port, alice, shard, { chain: `${alice}, 127.0.0.1` });
  await tryAs(port, bob, shard, { chain: `${bob}, 127.0.0.1` });
  await gate.access((each) => each.client === alice && each.status === 200);
  await gate.access((each) => each.client === bob && each.tunnel === true);

  // Past the ingress nobody is believed.
  await tryAs(gate.port, alice, shard, { chain: alice });
});

test('nginx as ingress that is itself behind a balancer with the PROXY protocol', async (t) => {
  const { shard, gate } = await setUp(t, ['trust_forwarded_from = ["127.0.0.1"]']);
  const [outer, inner] = [await freePort(), await freePort()];
  await startNginx(t, {
    ports: [outer],
    http: `server { listen 127.0.0.1:${inner} proxy_protocol; set_real_ip_from 127.0.0.1; real_ip_header proxy_protocol;
      ${ingress(gate.port, '$remote_addr')} }`,
    stream: `server { listen 127.0.0.1:${outer}; proxy_pass 127.0.0.1:${inner}; proxy_protocol on; }`,
  });

  await tryAs(outer, alice, shard, { chain: `${alice}, 127.0.0.1` });
});

test('nginx passing connections through with the PROXY protocol, clear and TLS', async (t) => {
  const folder = temporaryFolder(t);
  const pem = certificate(folder, '1', ['meet.example']);
  const { shard, gate } = await setUp(t, ['proxy_protocol_from = ["127.0.0.1"]', `proxy_protocol_from = ["127.0.0.1"]\ntls.certificates = ["${pem}"]`]);
  const [clear, secure] = [await freePort(), await freePort()];
  await startNginx(t, { ports: [clear, secure], stream: `
    server { listen 127.0.0.1:${clear}; proxy_pass 127.0.0.1:${gate.ports.http[0]}; proxy_protocol on; }
    server { listen 127.0.0.1:${secure}; proxy_pass 127.0.0.1:${gate.ports.https[0]}; proxy_protocol on; }` });

  await tryAs(clear, alice, shard, { chain: alice });
  await tryAs(clear, bob, shard, { chain: bob });
  await tryAs(secure, alice, shard, { chain: alice, proto: 'https' }, { secure: true });
  await gate.access((each) => each.client === bob && each.status === 200);

  // A PROXY header of the client's own comes behind nginx's, and is no request.
  const before = shard.heads.length;
  for (const forged of [line('6.6.6.6'), version2(0x21, 0x11, Buffer.from([6, 6, 6, 6, 192, 0, 2, 1, 1, 1, 1, 1]))]) {
    const raw = await Raw.connect(clear, alice);
    raw.send(forged);
    raw.send(get);
    assert.match(await raw.untilEnd(), /^HTTP\/1\.1 (400|501) /);
  }
  assert.equal(shard.heads.length, before);
});

test('HAProxy with send-proxy, send-proxy-v2, and TLS ended in front', async (t) => {
  const folder = temporaryFolder(t);
  const pem = certificate(folder, '1', ['meet.example']);
  const { shard, gate } = await setUp(t, ['proxy_protocol_from = ["127.0.0.1"]\nredirect_to_https = false',
    `proxy_protocol_from = ["127.0.0.1"]\ntls.certificates = ["${pem}"]`, 'trust_forwarded_from = ["127.0.0.1"]']);
  const ports = [];
  for (let i = 0; i < 5; ++i) ports.push(await freePort());
  const [one, two, through, ended, forwarded] = ports;
  const pass = (name, bind, server) => `
listen ${name}
  mode tcp
  bind 127.0.0.1:${bind}
  server gate 127.0.0.1:${server}`;
  await startHaproxy(t, { ports, sections: `
${pass('one', one, `${gate.ports.http[0]} send-proxy`)}
${pass('two', two, `${gate.ports.http[0]} send-proxy-v2 check inter 100ms`)}
${pass('through', through, `${gate.ports.https[0]} send-proxy-v2`)}
${pass('ended', `${ended} ssl crt ${pem}`, `${gate.ports.http[0]} send-proxy-v2-ssl`)}
listen forwarded
  mode http
  option forwardfor
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  bind 127.0.0.1:${forwarded}
  server gate 127.0.0.1:${gate.ports.http[1]}` });

  await tryAs(one, alice, shard, { chain: alice });
  await tryAs(two, bob, shard, { chain: bob });
  await tryAs(through, alice, shard, { chain: alice, proto: 'https' }, { secure: true });
  await tryAs(ended, bob, shard, { chain: bob, proto: 'https' }, { secure: true });
  await tryAs(forwarded, alice, shard, { chain: `${alice}, 127.0.0.1` });
  // Its health checks say LOCAL, or nothing at all: no alarm.
  assert.equal(await gate.metric('roomgate_rejected_total{reason="missing_proxy_header"}'), undefined);
});

test('with both, the address that PROXY names is the one that is judged', async (t) => {
  const { shard, gate } = await setUp(t, [`proxy_protocol_from = ["127.0.0.1"]\ntrust_forwarded_from = ["${alice}"]`]);
  const ask = async (header) => {
    const raw = await Raw.connect(gate.port);
    raw.send(`${header}GET /xmpp-websocket?room=r HTTP/1.1\r\nHost: g\r\nX-Forwarded-For: 203.0.113.9\r\nConnection: close\r\n\r\n`);
    assert.match(await raw.untilEnd(), /^HTTP\/1\.1 200 /);
    return said(shard, 'X-Forwarded-For');
  };

  assert.deepEqual(await ask(line(alice)), [`203.0.113.9, ${alice}`]);
  assert.deepEqual(await ask(line(bob)), [bob]);
  // Not known to the front: the front's own address, and nobody is believed.
  assert.deepEqual(await ask('PROXY UNKNOWN\r\n'), ['127.0.0.1']);
});

test('every form of the header is read, at once and byte by byte', async (t) => {
  const { shard, gate } = await setUp(t, ['proxy_protocol_from = ["127.0.0.0/8"]']);
  const six = Buffer.alloc(36);
  six.writeUInt16BE(0x2001, 0);
  six[15] = 9;
  const forms = [
    [Buffer.from(line('192.0.2.77')), '192.0.2.77'],
    [Buffer.from('PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n'), '2001:db8::1'],
    [version2(0x21, 0x11, Buffer.from([192, 0, 2, 78, 192, 0, 2, 1, 0, 1, 0, 2, 0x04, 0, 2, 0, 0])), '192.0.2.78'],
    [version2(0x21, 0x21, six), '2001::9'],
    [version2(0x20, 0x00, Buffer.alloc(0)), '127.0.0.1'],
  ];
  for (const [header, client] of forms) {
    for (const torn of [false, true]) {
      const raw = await Raw.connect(gate.port);
      raw.socket.setNoDelay(true);
      if (torn) {
        for (const byte of header) await new Promise((resolve) => raw.socket.write(Buffer.from([byte]), () => setImmediate(resolve)));
        raw.send(get);
      } else {
        raw.send(Buffer.concat([header, Buffer.from(get)]));
      }
      assert.match(await raw.untilEnd(), /^HTTP\/1\.1 200 /);
      assert.deepEqual(said(shard, 'X-Forwarded-For'), [client]);
    }
  }
});

test('without its header a front is sent away; from others a header is bad HTTP', async (t) => {
  const { shard, gate } = await setUp(t, ['proxy_protocol_from = ["127.0.0.1"]'], { settings: '[timeouts]\nrequest = "300ms"\n' });
  const refused = () => gate.metric('roomgate_rejected_total{reason="missing_proxy_header"}');
  const wrong = [get, '\x16\x03\x01\x02\x00\x01', 'PROXY TCP4 192.0.2.1\r\n', version2(0x31, 0x11, Buffer.alloc(12)),
    version2(0x21, 0x11, Buffer.alloc(4)), version2(0x21, 0x11, Buffer.from([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 4, 0, 9])), 'PROXY TC'];
  for (const bytes of wrong) {
    const raw = await Raw.connect(gate.port);
    raw.send(bytes);
    assert.equal(await raw.untilEnd(), '', 'closed without an answer, the last one by its deadline');
  }
  assert.equal(await refused(), wrong.length);
  await gate.log.wait(/proxy_header_refused from=127\.0\.0\.1 why=/);

  // Who says nothing only looked: closed in time, and no alarm.
  const silent = await Raw.connect(gate.port);
  silent.socket.end();
  await silent.untilEnd();
  assert.equal(await refused(), wrong.length);

  for (const bytes of [line('6.6.6.6') + get, Buffer.concat([version2(0x21, 0x11, Buffer.alloc(12)), Buffer.from(get)])]) {
    const raw = await Raw.connect(gate.port, alice);
    raw.send(bytes);
    assert.match(await raw.untilEnd(), /^HTTP\/1\.1 (400|501) /);
  }
  assert.equal(shard.heads.length, 0);
  const raw = await Raw.connect(gate.port, alice);
  raw.send(get);
  assert.match(await raw.untilEnd(), /^HTTP\/1\.1 200 /);
  assert.deepEqual(said(shard, 'X-Forwarded-For'), [alice]);
});

test('plain HTTP is sent to https, but not what came to the front by TLS', async (t) => {
  const { gate } = await setUp(t, ['redirect_to_https = true\nproxy_protocol_from = ["127.0.0.1"]\ntrust_forwarded_from = ["127.0.0.21"]']);
  const ask = async (from, header, more = '') => {
    const raw = await Raw.connect(gate.port, from);
    raw.send(header);
    raw.send(`GET /static/a?b=c HTTP/1.1\r\nHost: meet.example:80\r\n${more}Connection: close\r\n\r\n`);
    return raw.untilEnd();
  };
  const ssl = Buffer.from([0x20, 0, 5, 1, 0, 0, 0, 0]);
  const named = Buffer.from([192, 0, 2, 1, 192, 0, 2, 2, 1, 1, 1, 1]);

  const redirected = await ask(alice, '');
  assert.match(redirected, /^HTTP\/1\.1 308 /);
  assert.match(redirected, /^Location: https:\/\/meet\.example\/static\/a\?b=c\r$/m);
  assert.match(await ask(alice, '', 'X-Forwarded-Proto: https\r\n'), /^HTTP\/1\.1 308 /);
  assert.match(await ask('127.0.0.21', '', 'X-Forwarded-Proto: https\r\n'), /^HTTP\/1\.1 200 /);
  assert.match(await ask('127.0.0.1', version2(0x21, 0x11, named)), /^HTTP\/1\.1 308 /);
  assert.match(await ask('127.0.0.1', version2(0x21, 0x11, Buffer.concat([named, ssl]))), /^HTTP\/1\.1 200 /);
});

test('probes answer on an address of their own, and tell a drain', async (t) => {
  const { gate } = await setUp(t, [''], { admin: 'probe_address = "127.0.0.1:0"', settings: '[shutdown]\ndelay = "60s"\ngrace = "0s"\n' });
  const [probe] = gate.ports.probe;

  assert.equal((await request(probe, '/live')).status, 200);
  assert.equal((await request(probe, '/ready')).status, 200);
  gate.signal('SIGTERM');
  await eventually(async () => (await request(probe, '/ready')).status === 503);
  assert.equal((await request(probe, '/live')).status, 200);
  assert.equal((await request(gate.port, '/static/a')).status, 200);
});
