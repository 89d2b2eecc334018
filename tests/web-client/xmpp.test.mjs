import assert from 'node:assert/strict';
import { test } from 'node:test';
import { xml } from '../../sfu/web/client/static/xml.js';
import { Stream, XmppError } from '../../sfu/web/client/static/xmpp.js';
import { fakeSockets, settle } from './support/fakes.mjs';
import { fakeTimers } from './support/fake_timers.mjs';
import { parseTree } from './support/xml_tree.mjs';

const kFeatures = (inside) => `<stream:features xmlns:stream='http://etherx.jabber.org/streams' xmlns='jabber:client'>${inside}</stream:features>`;
const kLogin = kFeatures("<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>ANONYMOUS</mechanism></mechanisms>");
const kBind = kFeatures("<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><sm xmlns='urn:xmpp:sm:3'/>");
const kSuccess = "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>";
const kManagement = "xmlns='urn:xmpp:sm:3'";

function make() {
  const { FakeSocket, sockets } = fakeSockets();
  const stream = new Stream({ url: (previd) => `ws://x/?previd=${previd}`, domain: 'meet.jitsi', WebSocket: FakeSocket, parse: parseTree });
  return { stream, sockets };
}

// Up to the features after login; what the client then sends is left for the test.
function login(socket, features = kBind) {
  socket.accept();
  socket.say(kLogin, kSuccess, features);
}
const idOf = (text) => parseTree(text).getAttribute('id');
function bind(socket, jid = '8fc6a697-7e2a@meet.jitsi/r') {
  const id = idOf(socket.take().at(-1));
  socket.say(`<iq xmlns='jabber:client' type='result' id='${id}'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>${jid}</jid></bind></iq>`);
}

async function connected() {
  const { stream, sockets } = make();
  const result = stream.connect();
  login(sockets[0]);
  bind(sockets[0]);
  sockets[0].say(`<enabled ${kManagement} resume='true' id='ID1' max='600'/>`);
  assert.deepEqual(await result, { resumed: false });
  sockets[0].take();
  return { stream, sockets, socket: sockets[0] };
}

test('logs in, binds, and pauses until stream management is enabled', async () => {
  const { stream, sockets } = make();
  const result = stream.connect();
  login(sockets[0]);
  const sent = sockets[0].sent.map((t) => parseTree(t));

  assert.deepEqual(sent.map((e) => e.localName), ['open', 'auth', 'open', 'iq']);
  assert.equal(sent[1].getAttribute('mechanism'), 'ANONYMOUS');
  assert.equal(sockets[0].protocol, 'xmpp');
  bind(sockets[0]);
  assert.equal(stream.isOpen, false);
  sockets[0].say(`<enabled ${kManagement} resume='true' id='ID1'/>`);
  await result;
  assert.equal(stream.isOpen, true);
  assert.equal(stream.jid, '8fc6a697-7e2a@meet.jitsi/r');
  await stream.close();
});

test('goes on at once where the server offers neither session nor stream management', async () => {
  const { stream, sockets } = make();
  const result = stream.connect();
  login(sockets[0], kFeatures("<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>"));
  bind(sockets[0]);

  assert.deepEqual(await result, { resumed: false });
  assert.equal(stream.canResume, false);
  await stream.close();
});

test('fails in words when anonymous login is refused', async () => {
  const { stream, sockets } = make();
  const result = stream.connect();
  sockets[0].accept();
  sockets[0].say(kLogin, "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-allowed/><text>no guests</text></failure>");

  await assert.rejects(result, (e) => e.condition === 'not-authorized' && e.text === 'no guests');
});

test('matches answers to requests, by id and by sender', async () => {
  const { stream, socket } = await connected();
  const answer = stream.request('get', 'meet.jitsi', xml('query', { xmlns: 'q' }));
  const id = idOf(socket.take()[0]);
  socket.say(`<iq xmlns='jabber:client' type='result' id='${id}' from='room@muc/eve'><forged/></iq>`);
  socket.say(`<iq xmlns='jabber:client' type='result' id='${id}' from='meet.jitsi'><real/></iq>`);

  assert.equal((await answer).children[0].localName, 'real');
  const refused = stream.request('set', 'meet.jitsi', xml('x'));
  socket.say(`<iq xmlns='jabber:client' type='error' id='${idOf(socket.take()[0])}' from='meet.jitsi'><error type='wait'><resource-constraint/></error></iq>`);
  await assert.rejects(refused, (e) => e.condition === 'resource-constraint' && e.type === 'wait');
  await stream.close();
});

test('answers every request: pings, what a responder takes, and what nobody takes', async () => {
  const { stream, socket } = await connected();
  stream.respond((iq) => (iq.children[0].localName === 'mine' ? xml('here') : null));
  stream.respond((iq) => {
    if (iq.children[0].localName === 'bad') throw new XmppError('bad-request', { type: 'modify' });
    return null;
  });
  const ask = (inside) => {
    socket.take();
    socket.say(`<iq xmlns='jabber:client' type='get' id='7' from='a@b/c'>${inside}</iq>`);
    const sent = socket.take().filter((t) => t.startsWith('<iq'));
    assert.equal(sent.length, 1);
    const iq = parseTree(sent[0]);
    assert.deepEqual([iq.getAttribute('id'), iq.getAttribute('to')], ['7', 'a@b/c']);
    return [iq.getAttribute('type'), sent[0]];
  };

  assert.equal(ask("<ping xmlns='urn:xmpp:ping'/>")[0], 'result');
  assert.match(ask('<mine/>')[1], /type="result".*<here\/>/);
  assert.match(ask('<bad/>')[1], /type="error".*<bad-request /);
  assert.match(ask('<other/>')[1], /type="error".*<service-unavailable /);
  await stream.close();
});

test('asks for acknowledgement after five stanzas, and answers with what it has received', async () => {
  const { stream, socket } = await connected();
  for (let i = 0; i < 5; ++i) stream.send(xml('message', { xmlns: 'jabber:client' }));

  assert.match(socket.take().at(-1), /^<r /);
  socket.say("<presence xmlns='jabber:client'/>", "<message xmlns='jabber:client'/>", `<r ${kManagement}/>`);
  assert.match(socket.take().at(-1), /^<a .*h="2"/);
  await stream.close();
});

test('takes its session up again by previd and sends once more what was not acknowledged', async () => {
  const { stream, sockets, socket } = await connected();
  const closed = [];
  stream.on('closed', (error) => closed.push(error.condition));
  for (const id of ['a', 'b', 'c']) stream.send(xml('message', { id }));
  socket.say(`<a ${kManagement} h='1'/>`, "<presence xmlns='jabber:client'/>");
  socket.drop();
  stream.send(xml('message', { id: 'd' }));

  assert.deepEqual(closed, ['closed']);
  const result = stream.connect();
  assert.equal(sockets[1].url, 'ws://x/?previd=ID1');
  login(sockets[1]);
  assert.match(sockets[1].take().at(-1), /<resume .*h="1".*previd="ID1"/);
  sockets[1].say(`<resumed ${kManagement} h='2' previd='ID1'/>`);
  assert.deepEqual(await result, { resumed: true });
  assert.deepEqual(sockets[1].take().filter((t) => t.startsWith('<message')).map(idOf), ['c', 'd']);
  await stream.close();
});

test('binds anew on the same socket when the old session is gone, and fails what was asked in it', async () => {
  const { stream, sockets, socket } = await connected();
  const lost = stream.request('get', 'meet.jitsi', xml('x'));
  lost.catch(() => {});
  socket.drop();
  const result = stream.connect();
  login(sockets[1]);
  sockets[1].say(`<failed ${kManagement}><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>`);
  bind(sockets[1], 'aaaaaaaa-1@meet.jitsi/r2');
  sockets[1].say(`<enabled ${kManagement} resume='true' id='ID2'/>`);

  assert.deepEqual(await result, { resumed: false });
  assert.equal(stream.jid, 'aaaaaaaa-1@meet.jitsi/r2');
  await assert.rejects(lost, (e) => e.condition === 'closed');
  await stream.close();
});

test('forgets nothing when a server acknowledges more than was sent', async () => {
  const { stream, sockets, socket } = await connected();
  stream.send(xml('message', { id: 'a' }));
  socket.say(`<a ${kManagement} h='9'/>`);
  socket.drop();
  const result = stream.connect();
  login(sockets[1]);
  sockets[1].say(`<resumed ${kManagement} h='0' previd='ID1'/>`);
  await result;

  assert.ok(sockets[1].take().some((t) => t.startsWith('<message')));
  await stream.close();
});

test('gives a silent connection up after two pings without answer', async () => {
  const timers = fakeTimers();
  try {
    const { stream, socket } = await connected();
    const closed = [];
    stream.on('closed', (error) => closed.push(error.condition));
    for (let i = 0; i < 14; ++i) {
      timers.tick(2500);
      await settle();
    }

    assert.deepEqual(closed, ['timeout']);
    assert.ok(socket.take().filter((t) => t.includes('urn:xmpp:ping')).length >= 2);
    await stream.close();
  } finally {
    timers.restore();
  }
});

test('ends at ill-formed XML and at a close by the server', async () => {
  for (const text of ['<a><b></a>', "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>"]) {
    const { stream, socket } = await connected();
    const closed = [];
    stream.on('closed', (error) => closed.push(error.condition));
    socket.say(text);

    assert.equal(closed.length, 1, text);
    assert.equal(stream.isOpen, false);
    await stream.close();
  }
});
