import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCompactSources, parseSources, sourceXml } from '../../sfu/web/client/static/sources.js';
import { xml } from '../../sfu/web/client/static/xml.js';
import { parseTree } from './support/xml_tree.mjs';

const compact = (sources) => parseCompactSources(JSON.stringify({ sources }));

test('reads compact sources of several owners', () => {
  const found = compact({
    jvb: [[{ s: '4000000001', n: 'jvb-v0', m: 'mixedmslabel mixedlabelvideo0' }], [], [{ s: '4000000002', n: 'jvb-a0' }]],
    aabbccdd: [[{ s: 11, n: 'aabbccdd-v0' }, { s: 12, n: 'aabbccdd-v0' }, { s: 13, n: 'aabbccdd-v1', v: 'd' }], [['f', 11, 12]], [{ s: 14, n: 'aabbccdd-a0' }]],
  });

  assert.deepEqual(found.map((s) => [s.name, s.kind, s.ssrcs]), [
    ['jvb-v0', 'video', [4000000001]],
    ['jvb-a0', 'audio', [4000000002]],
    ['aabbccdd-v0', 'video', [11, 12]],
    ['aabbccdd-v1', 'video', [13]],
    ['aabbccdd-a0', 'audio', [14]],
  ]);
  assert.deepEqual(found[2].groups, [{ semantics: 'FID', ssrcs: [11, 12] }]);
  assert.equal(found[3].videoType, 'desktop');
});

test('names the sources of clients that name none, by stream', () => {
  const found = compact({ old: [[{ s: 1, m: 'a b' }, { s: 2, m: 'a b' }, { s: 3, m: 'c d' }], [['f', 1, 2]], [{ s: 4, m: 'e f' }]] });

  assert.deepEqual(found.map((s) => [s.name, s.ssrcs]), [['old-v0', [1, 2]], ['old-v1', [3]], ['old-a0', [4]]]);
  assert.deepEqual(found[0].groups, [{ semantics: 'FID', ssrcs: [1, 2] }]);
});

test('drops what is not its own, not a number, or not JSON', () => {
  assert.deepEqual(compact({ eve: [[{ s: 1, n: 'ada-v0' }]] }), []);
  assert.deepEqual(compact({ eve: [[{ s: -1 }, { s: 4294967296 }, { s: '1x' }, null, 7]] }), []);
  assert.deepEqual(compact({ 'eve\r\na=x': [[{ s: 1 }]] }), []);
  assert.deepEqual(compact({ eve: [[{ s: 1, n: 'eve-v0\r\na=candidate' }]] }), []);
  for (const text of ['', 'null', '[]', '{"sources":null}', '{"sources":{"a":7}}', '{']) assert.deepEqual(parseCompactSources(text), []);
});

test('reads back what it writes as XML', () => {
  const source = { name: 'ada-v0', owner: 'ada', kind: 'video', videoType: 'camera', ssrcs: [1, 2], groups: [{ semantics: 'FID', ssrcs: [1, 2] }] };
  const content = xml('content', { name: 'video' }, xml('description', { xmlns: 'urn:xmpp:jingle:apps:rtp:1', media: 'video' }, sourceXml(source, 'ada-video 1')));
  const owned = content.text.replaceAll('<parameter name="msid" value="ada-video 1"/>', '$&<ssrc-info xmlns="http://jitsi.org/jitmeet" owner="room@muc/ada"/>');

  assert.deepEqual(parseSources(parseTree(`<jingle xmlns="urn:xmpp:jingle:1">${owned}</jingle>`)), [source]);
});
