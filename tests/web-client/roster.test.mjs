import assert from 'node:assert/strict';
import { test } from 'node:test';
import { otherOf, selfOf } from '../../sfu/web/client/static/roster.js';

const occupant = (more = {}) => ({
  id: 'ada', jid: 'ada@x/r', role: 'participant', affiliation: 'none', name: 'Ada', sourceInfo: {}, audioMuted: null,
  videoMuted: null, oldDesktop: false, hand: false, codecs: [], ...more,
});
const remote = (name, videoType = 'camera') => ({
  source: { name, owner: name.split('-')[0], kind: name.includes('-a') ? 'audio' : 'video', ssrcs: [1], groups: [], videoType },
  track: { id: name }, receiver: {}, mid: '4',
});
const all = [remote('ada-a0'), remote('ada-v0'), remote('eve-v0')];
const facts = (p) => [p.audioMuted, p.videoMuted, p.camera?.name ?? null, p.screens.map((s) => s.name)];

test('takes a source that nobody calls muted as on, and none as off', () => {
  assert.deepEqual(facts(otherOf(occupant(), 'Ada', all, null)), [false, false, 'ada-v0', []]);
  assert.deepEqual(facts(otherOf(occupant(), 'Ada', [], null)), [true, true, null, []]);
});

test('believes SourceInfo before the words of old clients', () => {
  const muted = { muted: true, videoType: '' };

  assert.deepEqual(facts(otherOf(occupant({ sourceInfo: { 'ada-v0': muted } }), 'Ada', all, null)), [false, true, null, []]);
  assert.deepEqual(facts(otherOf(occupant({ audioMuted: true, videoMuted: true }), 'Ada', all, null)), [true, true, null, []]);
  const said = { 'ada-a0': { muted: false, videoType: '' } };
  assert.equal(otherOf(occupant({ sourceInfo: said, audioMuted: true }), 'Ada', all, null).audioMuted, false);
});

test('tells a screen from a camera by whoever says so', () => {
  const tracks = [...all, remote('ada-v1', 'desktop')];

  assert.deepEqual(facts(otherOf(occupant(), 'Ada', tracks, null)), [false, false, 'ada-v0', ['ada-v1']]);
  assert.deepEqual(facts(otherOf(occupant({ oldDesktop: true }), 'Ada', all, null)), [false, true, null, ['ada-v0']]);
  const camera = { 'ada-v1': { muted: false, videoType: 'camera' } };
  assert.equal(otherOf(occupant({ sourceInfo: camera }), 'Ada', [remote('ada-v1', 'desktop')], null).camera.name, 'ada-v1');
});

test('knows what the bridge holds back, and whom it has lost', () => {
  const bridge = { forwarded: new Set(['eve-v0']), suspended: new Set(['ada-v0']), interrupted: new Set(['ada']), told: new Map([['ada', { quality: 30, rtt: 9 }]]) };
  const ada = otherOf(occupant(), 'Ada', all, bridge);

  assert.deepEqual([ada.camera.forwarded, ada.camera.suspended, ada.interrupted, ada.quality, ada.told.rtt], [false, true, true, 30, 9]);
  assert.equal(otherOf(occupant(), 'Ada', all, { ...bridge, forwarded: null }).camera.forwarded, true);
});

test('shows ourselves as our devices are', () => {
  const media = { audioTrack: {}, audioOn: false, videoTrack: { id: 'c' }, videoOn: true, desktopTrack: null };
  const self = selfOf(occupant({ role: 'moderator' }), { name: 'Me', hand: true, media, quality: 70 });

  assert.deepEqual([self.isSelf, self.isModerator, self.name, self.hand], [true, true, 'Me', true]);
  assert.deepEqual(facts(self), [true, false, 'ada-v0', []]);
});
