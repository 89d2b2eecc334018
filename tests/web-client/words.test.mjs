import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { kFeatures, kVersion, ownCodecs } from '../../sfu/web/client/static/capabilities.js';
import { chooseLanguage, kLanguages, kWords, setLanguage, t } from '../../sfu/web/client/static/i18n.js';

const kClient = new URL('../../sfu/web/client/', import.meta.url);
const files = (folder, ending) => readdirSync(new URL(folder, kClient)).filter((n) => n.endsWith(ending)).map((n) => `${folder}${n}`);
const kScripts = [...files('static/', '.js'), ...files('static/views/', '.js')];
const source = (path) => readFileSync(new URL(path, kClient), 'utf8');

test('has every word in every language, with the same parameters', () => {
  for (const [key, words] of Object.entries(kWords)) {
    for (const language of Object.keys(kLanguages)) assert.ok(words[language], `${key} in ${language}`);
    const parameters = (text) => [...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort().join();
    assert.equal(parameters(words.de), parameters(words.en), key);
  }
});

test('knows every word that is asked for, and has none left over', () => {
  const text = kScripts.filter((p) => !p.endsWith('i18n.js')).map(source).join('\n');
  const asked = new Set([...text.matchAll(/'([a-z]+\.[a-z.-]+)'/g)].map((m) => m[1]).filter((k) => Object.keys(kWords).some((w) => w.split('.')[0] === k.split('.')[0])));
  for (const key of asked) {
    if (key.startsWith('config.')) continue;
    assert.ok(kWords[key], key);
  }
  // Keys made of parts: `problem.${kind}.${reason}` stands for all that fit.
  const patterns = [...text.matchAll(/`([a-z]+\.[^`]*\$\{[^`]*)`/g)].map((m) => new RegExp(`^${m[1].replace(/[.]/g, '\\.').replace(/\$\{[^}]*\}/g, '[a-z-]+')}$`));
  for (const key of Object.keys(kWords)) assert.ok(asked.has(key) || patterns.some((p) => p.test(key)), `${key} is never used`);
});

test('chooses the first language it speaks, and fills in parameters as they are', () => {
  assert.equal(chooseLanguage([null, 'fr-FR', 'de-AT', 'en']), 'de');
  assert.equal(chooseLanguage(['xx']), 'en');
  setLanguage('de');
  assert.equal(t('notice.joined', { name: '<b>{count}' }), '<b>{count} ist beigetreten');
  setLanguage('en');
  assert.equal(t('no.such.key'), 'no.such.key');
});

test('works under a policy without inline scripts and styles', () => {
  const page = source('index.html');
  assert.doesNotMatch(page, /<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|<style/);
  for (const path of kScripts) assert.doesNotMatch(source(path), /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function/, path);
  for (const path of ['favicon.svg', 'static/icons.svg']) assert.doesNotMatch(source(path), /<script|<style|\sstyle=/, path);
});

test('asks for no icon that is not drawn, and for nothing outside its own folder', () => {
  const drawn = new Set([...source('static/icons.svg').matchAll(/symbol id="([^"]+)"/g)].map((m) => m[1]));
  const text = kScripts.map(source).join('\n');
  for (const [, name] of text.matchAll(/\b(?:icon|iconButton)\('([a-z-]+)'/g)) assert.ok(drawn.has(name), name);
  for (const path of [...kScripts, 'index.html', ...files('static/', '.css')]) {
    assert.doesNotMatch(source(path).replace(/https?:\/\/(?:www\.w3\.org|jabber\.org|jitsi\.org|etherx\.jabber\.org)[^\s'"]*/g, ''), /['"(]https?:\/\/[a-z]/, path);
  }
});

test('announces the hash of what it can do', () => {
  assert.deepEqual(kFeatures, [...kFeatures].sort());
  assert.equal(kVersion, createHash('sha1').update(`${kFeatures.join('<')}<`).digest('base64'));
});

test('lists VP8 first unless another codec is wanted and there', () => {
  const list = (...names) => ({ getCapabilities: () => ({ codecs: names.map((n) => ({ mimeType: `video/${n}` })) }) });
  globalThis.RTCRtpSender = list('VP8', 'VP9', 'H264', 'rtx');
  globalThis.RTCRtpReceiver = list('VP8', 'VP9', 'AV1', 'H264');

  assert.deepEqual(ownCodecs(null), ['vp8', 'vp9', 'h264']);
  assert.deepEqual(ownCodecs('vp9'), ['vp9', 'vp8', 'h264']);
  assert.deepEqual(ownCodecs('av1'), ['vp8', 'vp9', 'h264']);
});
