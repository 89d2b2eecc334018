import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attribute, child, errorOf, textOf, xml } from '../../sfu/web/client/static/xml.js';
import { parseTree } from './support/xml_tree.mjs';

test('escapes what others wrote, in text and in attributes', () => {
  const text = xml('body', { a: `"<'&>` }, '</body><x/>').text;

  assert.equal(text, '<body a="&quot;&lt;&apos;&amp;&gt;">&lt;/body&gt;&lt;x/&gt;</body>');
  assert.equal(parseTree(text).textContent, '</body><x/>');
});

test('drops characters that XML forbids, for they would end the connection', () => {
  assert.equal(xml('b', {}, 'a\u0000\u0001\uFFFE\uD800b\u{1F600}\n').text, '<b>ab\u{1F600}\n</b>');
});

test('leaves out absent attributes and children', () => {
  assert.equal(xml('a', { b: null, c: undefined, d: 0 }, null, [false, [xml('e')]]).text, '<a d="0"><e/></a>');
});

test('finds children by name and namespace, and reads errors', () => {
  const stanza = parseTree(
    "<iq xmlns='jabber:client' id='1'><a xmlns='x'>no</a><a>yes</a>" +
      "<error type='cancel'><conflict xmlns='s'/><text>taken</text></error></iq>",
  );

  assert.equal(textOf(stanza, 'a', 'jabber:client'), 'yes');
  assert.equal(textOf(stanza, 'missing'), null);
  assert.equal(attribute(child(stanza, 'missing'), 'id'), '');
  const error = errorOf(stanza);
  assert.deepEqual([error.type, error.condition, error.text, error.has('conflict')], ['cancel', 'conflict', 'taken', true]);
});
