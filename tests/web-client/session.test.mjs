import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readOffer } from '../../sfu/web/client/static/jingle.js';
import { Session } from '../../sfu/web/client/static/session.js';
import { parseCompactSources } from '../../sfu/web/client/static/sources.js';
import { children } from '../../sfu/web/client/static/xml.js';
import { FakePeerConnection, settle } from './support/fakes.mjs';
import { member, sessionInitiate } from './support/offer.mjs';
import { parseTree } from './support/xml_tree.mjs';

const track = (height = 720) => ({ getSettings: () => ({ height }) });
const sourcesOf = (sources) => parseCompactSources(JSON.stringify({ sources }));

function make({ sources = {}, simulcast = true } = {}) {
  const requests = [];
  const counters = { setRemoteDescription: 0, sourceAdds: 0, sourceRemoves: 0, sessions: 0, restarts: 0 };
  const session = new Session({
    offer: readOffer(parseTree(sessionInitiate({ sources }))),
    id: 'me', jid: 'me@meet.jitsi/r', iceServers: [], relay: false, simulcast, codec: 'vp8', counters,
    request: (payload) => {
      const entry = { element: parseTree(payload.text) };
      const done = new Promise((resolve, reject) => Object.assign(entry, { resolve, reject }));
      requests.push(entry);
      return done;
    },
    PeerConnection: FakePeerConnection,
  });
  return { session, requests, counters, pc: FakePeerConnection.all.at(-1) };
}
const named = (entry) => [entry.element.getAttribute('action'), children(entry.element, 'content').flatMap((c) => children(children(c, 'description')[0], 'source').map((s) => s.getAttribute('name')))];

test('answers with three layers and announces what has a track', async () => {
  const { session, requests, counters } = make({ sources: member('ada', 10) });
  session.start({ audio: track(), video: track(), desktop: null });
  await settle();

  assert.equal(counters.setRemoteDescription, 1);
  assert.deepEqual(named(requests[0]), ['session-accept', ['me-a0', ...Array(6).fill('me-v0')]]);
  assert.deepEqual(session.remote().map((r) => [r.source.name, r.track.id]), [['ada-a0', 'track-1'], ['ada-v0', 'track-3']]);
});

test('announces one layer where the browser makes one', async () => {
  const { session, requests, pc } = make();
  pc.layers = 1;
  session.start({ audio: null, video: track(), desktop: null });
  await settle();

  assert.deepEqual(named(requests[0]), ['session-accept', ['me-v0', 'me-v0']]);
});

test('accepts without sources when there is nothing to send, and adds them with the first track', async () => {
  const { session, requests, counters } = make();
  session.start({ audio: null, video: null, desktop: null });
  await settle();
  session.setTrack('audio', track());
  await settle();
  assert.deepEqual(requests.map(named), [['session-accept', []]]);

  requests[0].resolve();
  await settle();
  assert.deepEqual(named(requests[1]), ['source-add', ['me-a0']]);
  requests[1].resolve();
  session.setTrack('audio', null);
  session.setTrack('audio', track());
  await settle();
  assert.equal(requests.length, 2);
  assert.equal(counters.setRemoteDescription, 1);
});

test('applies one offer for everything that came while it was busy', async () => {
  const { session, requests, counters, pc } = make();
  session.start({ audio: track(), video: track(), desktop: null });
  for (let i = 0; i < 20; ++i) session.addSources(sourcesOf(member(`m${i}`, 100 + 10 * i)));
  session.removeOwner('m3');
  session.removeSources(sourcesOf(member('m3', 130)));
  await settle();
  requests[0].resolve();
  await settle();

  assert.ok(counters.setRemoteDescription <= 2, String(counters.setRemoteDescription));
  assert.equal(session.remote().length, 38);
  assert.ok(pc.offers.at(-1).includes('a=inactive'));
});

test('stays within two offers for each who joins and leaves', async () => {
  const { session, requests, counters } = make();
  session.start({ audio: track(), video: track(), desktop: null });
  await settle();
  requests[0].resolve();
  for (let i = 0; i < 10; ++i) {
    session.addSources(sourcesOf(member(`m${i}`, 100 + 10 * i)));
    await settle();
    session.removeOwner(`m${i}`);
    session.removeSources(sourcesOf(member(`m${i}`, 100 + 10 * i)));
    await settle();
  }

  assert.ok(counters.setRemoteDescription <= 1 + 2 * 10, String(counters.setRemoteDescription));
  // Lines are used again: two of our own, two for whoever is there.
  assert.equal(session.lines.length, 4);
});

test('never lists its own sources among the remote ones', async () => {
  const { session } = make({ sources: member('me', 10) });
  session.addSources(sourcesOf(member('me', 10)));

  assert.equal(session.lines.length, 2);
});

test('gives a screen a line of its own, takes its source away at the end, and uses the line again', async () => {
  const { session, requests, counters, pc } = make();
  session.start({ audio: null, video: track(), desktop: null });
  await settle();
  requests[0].resolve();
  await settle();
  session.setTrack('desktop', track());
  await settle();
  assert.deepEqual(named(requests[1]), ['source-add', ['me-v1', 'me-v1']]);
  assert.equal(requests[1].element.children[0].children[0].children[0].getAttribute('videoType'), 'desktop');
  requests[1].resolve();
  session.setTrack('desktop', null);
  await settle();
  assert.deepEqual(named(requests[2]), ['source-remove', ['me-v1', 'me-v1']]);
  requests[2].resolve();
  session.setTrack('desktop', track());
  await settle();

  assert.deepEqual(named(requests[3]), ['source-add', ['me-v1', 'me-v1']]);
  assert.equal(counters.setRemoteDescription, 2);
  assert.equal(pc.transceivers.find((t) => t.mid === '2').direction, 'sendonly');
});

test('turns the word of the bridge into layers', async () => {
  const { session, pc } = make();
  session.start({ audio: null, video: track(), desktop: null });
  await settle();
  const sender = pc.transceivers.find((t) => t.mid === session.midOf('video')).sender;

  assert.deepEqual(sender.encodings.map((e) => e.active), [true, true, true]);
  session.setWanted('me-v0', 0);
  session.close();
});

test('reports a failed negotiation instead of hanging', async () => {
  const { session, pc } = make();
  const failed = [];
  session.on('failed', (error) => failed.push(error.message));
  pc.setRemoteDescription = async () => {
    throw new Error('no such codec');
  };
  const { error } = console;
  console.error = () => {};
  session.start({ audio: null, video: null, desktop: null });
  await settle();
  console.error = error;

  assert.deepEqual(failed, ['no such codec']);
});
