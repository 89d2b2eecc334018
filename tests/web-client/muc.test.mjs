import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Emitter } from '../../sfu/web/client/static/emitter.js';
import { Room, nickOf, readMessage, readOccupant } from '../../sfu/web/client/static/muc.js';
import { parseTree } from './support/xml_tree.mjs';

const kRoom = 'alpha@conference.meet.jitsi';
const presence = (nick, inside = '', attributes = '', item = `<item jid='${nick}@meet.jitsi/r' role='participant' affiliation='none'/>`) =>
  parseTree(`<presence xmlns='jabber:client' from='${kRoom}/${nick}' ${attributes}>${inside}<x xmlns='http://jabber.org/protocol/muc#user'>${item}</x></presence>`);

class FakeStream extends Emitter {
  sent = [];
  send(stanza) {
    this.sent.push(stanza.text);
    return true;
  }
}
function make() {
  const stream = new FakeStream();
  const room = new Room(stream, kRoom);
  const events = [];
  for (const name of ['occupant', 'left', 'message', 'removed']) room.on(name, (...values) => events.push([name, ...values]));
  return { stream, room, events, say: (element) => stream.emit('stanza', element) };
}

test('takes the endpoint id from the bound JID', () => {
  assert.equal(nickOf('8FC6A697-7e2a-453e-a39d-3e70a1abad01@meet.jitsi/9e'), '8fc6a697');
  assert.match(nickOf('guest@meet.jitsi/9e'), /^[0-9a-f]{8}$/);
  assert.match(nickOf('12345678'), /^[0-9a-f]{8}$/);
});

test('reads what current clients say of themselves', () => {
  const occupant = readOccupant(
    presence(
      'aabbccdd',
      `<SourceInfo>{"aabbccdd-a0":{"muted":true},"aabbccdd-v1":{"muted":false,"videoType":"desktop"},"eve-a0":{"muted":false}}</SourceInfo>` +
        `<jitsi_participant_raisedHand>1699</jitsi_participant_raisedHand><jitsi_participant_codecList>AV1, vp8</jitsi_participant_codecList>` +
        `<nick xmlns='http://jabber.org/protocol/nick'> &lt;Ada&gt; </nick>`,
    ),
  );

  assert.equal(occupant.name, '<Ada>');
  assert.deepEqual(occupant.sourceInfo, { 'aabbccdd-a0': { muted: true, videoType: '' }, 'aabbccdd-v1': { muted: false, videoType: 'desktop' } });
  assert.deepEqual([occupant.hand, occupant.codecs, occupant.audioMuted], [true, ['av1', 'vp8'], null]);
});

test('reads what clients of 2021 say of themselves', () => {
  const occupant = readOccupant(
    presence('old', "<audiomuted xmlns='http://jitsi.org/jitmeet/audio'>true</audiomuted><videomuted>false</videomuted><videoType>desktop</videoType><jitsi_participant_codecType>vp8</jitsi_participant_codecType>"),
  );

  assert.deepEqual([occupant.audioMuted, occupant.videoMuted, occupant.oldDesktop, occupant.codecs], [true, false, true, ['vp8']]);
  assert.deepEqual(readOccupant(presence('x', '<SourceInfo>nonsense</SourceInfo>')).sourceInfo, {});
});

test('joins with its own presence, after those of the others', async () => {
  const { stream, room, events, say } = make();
  const joined = room.join('8fc6a697', [], 'pass');
  say(presence('focus'));
  say(presence('aabbccdd'));
  assert.equal(room.isJoined, false);
  say(presence('8fc6a697', '', '', "<item jid='me@meet.jitsi/r' role='moderator'/><status code='110'/>"));
  await joined;

  assert.match(stream.sent[0], /to="alpha@conference\.meet\.jitsi\/8fc6a697"><x xmlns="http:\/\/jabber\.org\/protocol\/muc"><password>pass<\/password>/);
  assert.deepEqual(events.map(([, o, isNew]) => [o.id, isNew]), [['focus', true], ['aabbccdd', true], ['8fc6a697', true]]);
  say(presence('aabbccdd', '<nick>New</nick>'));
  assert.deepEqual([events.at(-1)[1].name, events.at(-1)[2]], ['New', false]);
});

test('says why it may not come in', async () => {
  const { room, say } = make();
  const joined = room.join('8fc6a697', [], '');
  say(parseTree(`<presence xmlns='jabber:client' type='error' from='${kRoom}/8fc6a697'><error type='auth'><not-authorized xmlns='s'/></error></presence>`));

  await assert.rejects(joined, (e) => e.condition === 'not-authorized' && e.type === 'auth');
});

test('ignores members that hide, and other rooms', () => {
  const { events, say } = make();
  say(presence('ghost', '', '', "<item role='participant'/>"));
  say(parseTree("<presence xmlns='jabber:client' from='other@conference.meet.jitsi/x'/>"));

  assert.deepEqual(events, []);
});

test('tells leaving from being removed, for others and for itself', async () => {
  const { room, events, say } = make();
  const joined = room.join('me', [], '');
  for (const nick of ['aabbccdd', 'eeff0011', 'me']) say(presence(nick));
  await joined;
  events.length = 0;
  say(presence('aabbccdd', '', "type='unavailable'"));
  say(presence('stranger', '', "type='unavailable'"));
  const kicked = "<item role='none'><actor nick='boss'/><reason>noise</reason></item><status code='307'/>";
  say(presence('eeff0011', '', "type='unavailable'", kicked));
  say(presence('me', '', "type='unavailable'", `${kicked}<status code='110'/>`));

  assert.deepEqual(events.map(([name, a, b]) => [name, typeof a === 'string' ? a : '', (b ?? a).kicked, (b ?? a).by]), [
    ['left', 'aabbccdd', false, ''],
    ['left', 'eeff0011', true, 'boss'],
    ['removed', '', true, 'boss'],
  ]);
});

test('reads messages to all, private ones, old ones, and nothing else', () => {
  const read = (text) => readMessage(parseTree(text));
  const from = `xmlns='jabber:client' from='${kRoom}/aabbccdd'`;

  assert.deepEqual(
    (({ from: f, text, isPrivate }) => [f, text, isPrivate])(read(`<message ${from} type='groupchat'><body>a &lt;b&gt;</body></message>`)),
    ['aabbccdd', 'a <b>', false],
  );
  assert.equal(read(`<message ${from} type='chat'><body>x</body></message>`).isPrivate, true);
  assert.equal(
    read(`<message ${from} type='groupchat'><body>x</body><delay xmlns='urn:xmpp:delay' stamp='2026-01-02T03:04:05Z'/></message>`).time.toISOString(),
    '2026-01-02T03:04:05.000Z',
  );
  assert.equal(read(`<message ${from} type='groupchat'><subject>x</subject></message>`), null);
  assert.equal(read(`<message ${from}><body>x</body></message>`), null);
});
