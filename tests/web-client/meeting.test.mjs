import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Meeting } from '../../sfu/web/client/static/meeting.js';
import { readOptions } from '../../sfu/web/client/static/options.js';
import { settle } from './support/fakes.mjs';
import { member, sessionInitiate } from './support/offer.mjs';
import { FakeShard, browser, fakeMedia, kRoom } from './support/shard.mjs';

browser();

async function start(prepare = () => {}) {
  const shard = new FakeShard();
  prepare(shard);
  const media = fakeMedia();
  const config = { domain: 'meet.jitsi', muc: 'conference.meet.jitsi', focus: 'focus.meet.jitsi' };
  const meeting = new Meeting({ config, key: 'alpha', name: 'Ada', media, options: readOptions('', ''), WebSocket: shard.WebSocket });
  const notices = [];
  meeting.on('notice', (key) => notices.push(key));
  meeting.start();
  for (let i = 0; i < 20; ++i) await settle();
  return { shard, meeting, media, notices };
}
const until = async (condition) => {
  for (let i = 0; i < 400; ++i) {
    if (condition()) return;
    await settle();
  }
  assert.fail(String(condition));
};

test('asks for the conference, joins under its endpoint id, and says who it is', async () => {
  const { shard, meeting } = await start();
  const presence = shard.take('presence')[0];
  const said = Object.fromEntries(presence.children.map((c) => [c.localName, c.textContent]));

  assert.equal(meeting.phase, 'joined');
  assert.equal(presence.getAttribute('to'), `${kRoom}/00000001`);
  assert.deepEqual([said.nick, said.SourceInfo, said.audiomuted, said.videomuted], ['Ada', '{}', 'true', 'true']);
  assert.match(said.jitsi_participant_codecList, /^vp8/);
  assert.equal(said.jitsi_participant_raisedHand, undefined);
  assert.equal(meeting.shard, 's1');
  assert.equal(shard.socket.url, 'wss://meet.example/xmpp-websocket?room=alpha');
  meeting.leave();
});

test('takes a call from the focus and from nobody else', async () => {
  const { shard, meeting } = await start();
  await shard.say(shard.presence('eve'));
  shard.take('iq');
  await shard.say(sessionInitiate().replace(`${kRoom}/focus`, `${kRoom}/eve`));
  assert.match(shard.take('iq')[0].children[0].children[0].localName, /service-unavailable/);
  assert.equal(meeting.session, null);

  await shard.say(sessionInitiate({ sources: member('eve', 10) }));
  await until(() => meeting.participants().find((p) => p.id === 'eve')?.camera);
  const answers = shard.take('iq');
  assert.equal(answers[0].getAttribute('type'), 'result');
  assert.equal(answers[1].children[0].getAttribute('action'), 'session-accept');
  await shard.say(sessionInitiate().replace('session-initiate', 'source-add').replace('sid1', 'other'));
  assert.equal(shard.take('iq')[0].children[0].children[0].localName, 'item-not-found');
  meeting.leave();
});

test('mutes when the focus passes on a moderator’s wish, and tells everybody', async () => {
  const { shard, meeting, media, notices } = await start();
  await shard.say(sessionInitiate());
  media.audioTrack = { enabled: true, getSettings: () => ({}) };
  await media.setAudio(true);
  await until(() => shard.take('presence').at(-1)?.children.some((c) => c.localName === 'SourceInfo' && c.textContent.includes('"00000001-a0":{"muted":false}')));
  await shard.say(`<iq xmlns='jabber:client' type='set' id='9' from='${kRoom}/eve'><mute xmlns='http://jitsi.org/jitmeet/audio'>true</mute></iq>`);
  assert.equal(media.audioOn, true);
  await shard.say(`<iq xmlns='jabber:client' type='set' id='9' from='${kRoom}/focus'><mute xmlns='http://jitsi.org/jitmeet/audio' actor='${kRoom}/eve'>true</mute></iq>`);

  assert.equal(media.audioOn, false);
  assert.deepEqual(notices, ['notice.muted-by']);
  meeting.leave();
});

test('lowers a hand in words, since others only look at what is said', async () => {
  const { shard, meeting } = await start();
  const hand = async (up) => {
    shard.take('presence');
    meeting.raiseHand(up);
    await new Promise((resolve) => setTimeout(resolve, 5));
    await settle();
    return shard.take('presence').at(-1).children.find((c) => c.localName === 'jitsi_participant_raisedHand').textContent;
  };

  assert.match(await hand(true), /^\d+$/);
  assert.equal(await hand(false), '0');
  meeting.leave();
});

test('keeps its place and its call when the connection breaks and the session is there', async () => {
  const { shard, meeting } = await start();
  await shard.say(sessionInitiate());
  const { session } = meeting;
  const { jid } = meeting.stream;
  meeting.stream.interrupt();
  await settle();
  assert.equal(meeting.phase, 'reconnecting');
  assert.ok(meeting.problem.retryAt > Date.now());
  meeting.retryNow();
  await until(() => meeting.phase === 'joined');

  assert.match(shard.socket.url, /&previd=S1$/);
  assert.equal(meeting.session, session);
  assert.equal(meeting.stream.jid, jid);
  meeting.leave();
});

test('joins anew, muted or not as before, when the session is gone', async () => {
  const { shard, meeting } = await start((s) => (s.resumes = false));
  await shard.say(sessionInitiate());
  const { session } = meeting;
  meeting.stream.interrupt();
  await settle();
  meeting.retryNow();
  await until(() => meeting.phase === 'joined');

  assert.equal(meeting.id, '00000002');
  assert.equal(meeting.session, null);
  assert.equal(session.pc.connectionState, 'closed');
  assert.equal(meeting.participants().length, 1);
  meeting.leave();
});

test('waits while the server is full, and comes in when it is not', async () => {
  const { shard, meeting } = await start((s) => (s.ready = false));
  assert.deepEqual([meeting.phase, meeting.problem.reason], ['waiting', 'full']);
  shard.ready = true;
  meeting.retryNow();
  await until(() => meeting.phase === 'joined');

  assert.equal(meeting.problem, null);
  meeting.leave();
});

test('ends with a reason when it may not come in or is removed', async () => {
  for (const [error, reason] of [['service-unavailable', 'full'], ['not-authorized', 'password'], ['registration-required', 'members'], ['not-allowed', 'forbidden']]) {
    const { meeting } = await start((s) => (s.joinError = error));
    assert.deepEqual([meeting.phase, meeting.end.reason], ['ended', reason]);
  }
  const { shard, meeting } = await start();
  await shard.say(
    `<presence xmlns='jabber:client' type='unavailable' from='${kRoom}/00000001'><x xmlns='http://jabber.org/protocol/muc#user'>` +
      `<item role='none'><actor nick='eve'/><reason>noise</reason></item><status code='307'/><status code='110'/></x></presence>`,
  );
  assert.deepEqual(meeting.end, { reason: 'kicked', by: '', text: 'noise' });
});

test('says goodbye to the room before it closes', async () => {
  const { shard, meeting } = await start();
  shard.received.length = 0;
  meeting.leave();
  await settle();

  assert.deepEqual(shard.received.map((e) => [e.localName, e.getAttribute('to')]), [['presence', `${kRoom}/00000001`], ['presence', null], ['close', null]]);
});
