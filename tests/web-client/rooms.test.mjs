import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readOptions } from '../../sfu/web/client/static/options.js';
import { pathOfRoom, roomAddress, roomKey, roomOfPath, suggestRoom } from '../../sfu/web/client/static/rooms.js';

test('gives one key to all spellings of a room', () => {
  for (const name of ['ò', '%C3%B2', '%c3%b2', 'Ò', 'o\u0300']) assert.equal(roomKey(name), '%c3%b2', name);
  for (const name of ['ABC', 'abc', '\uFF21\uFF22\uFF23']) assert.equal(roomKey(name), 'abc');
  assert.equal(roomKey('a b'), 'a%20b');
  assert.equal(roomKey('100%'), '100%25');
  assert.equal(roomKey('school/Class 4'), 'school%2fclass%204');
  assert.equal(roomKey("it's"), 'it%27s');
});

test("puts a tenant where Jitsi's clients put it", () => {
  const config = { domain: 'meet.jitsi', muc: 'conference.meet.jitsi' };
  assert.equal(roomAddress('alpha', config), 'alpha@conference.meet.jitsi');
  assert.equal(roomAddress(roomKey('School/Class 4'), config), 'class%204@conference.school.meet.jitsi');
  assert.equal(roomAddress(roomKey('schöne/klasse'), config), 'sch%c3%b6ne%2fklasse@conference.meet.jitsi');
  assert.equal(roomAddress('school%2fa', { domain: 'meet.jitsi', muc: 'rooms.example' }), 'school%2fa@rooms.example');
});

test('reads the room from the path', () => {
  const cases = [['/', null], ['/alpha', 'alpha'], ['/a%20b/', 'a b'], ['/tenant/room', 'tenant/room'], ['/a/b/c', null], ['/%zz', '%zz']];
  for (const [path, room] of cases) assert.equal(roomOfPath(path), room, path);
});

test('makes a path of what a person typed or pasted', () => {
  const cases = [
    ['Team  meeting', '/Team-meeting'],
    ['https://meet.example.org/alpha?x=1#y', '/alpha'],
    ['a/b', '/a/b'],
    ['a/b/c', ''],
    ['..', ''],
    ['  ', ''],
    ['ö?', '/%C3%B6%3F'],
    ['\uD800', '/%EF%BF%BD'],
  ];
  for (const [typed, path] of cases) assert.equal(pathOfRoom(typed), path, typed);
});

test('suggests names that survive as they are', () => {
  for (let i = 0; i < 200; ++i) {
    const name = suggestRoom();
    assert.match(name, /^[a-z]+-[a-z]+-[a-z]+-[a-z]+-\d\d$/);
    assert.equal(roomKey(name), name);
  }
});

test('reads options from query and hash, the hash wins, nonsense falls back', () => {
  const options = readOptions('?name=Eve&audio=off&lang=DE', '#name=Ada&prejoin=skip&width=320&height=x&fps=900&relay=1&codec=vp9');

  assert.deepEqual(options, {
    name: 'Ada', skipPrejoin: true, audio: false, video: null, width: 320, height: 720, fps: 60, relay: true,
    codec: 'vp9', simulcast: true, lang: 'de', config: {},
  });
  assert.equal(readOptions('', '#codec=rot13').codec, null);
  assert.deepEqual(readOptions('', '#config.muc=Muc.meet.jitsi&config.domain=a%20b').config, { muc: 'muc.meet.jitsi' });
});
