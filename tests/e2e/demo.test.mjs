// `./dev demo` ends by itself with exit 0 after --seconds, and had the page up.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { bin, Program } from './support/programs.mjs';

const freePort = () => new Promise((resolve) => {
  const server = createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    server.close(() => resolve(port));
  });
});

test('the demo comes up, says where, and ends by itself', { timeout: 60000 }, async (t) => {
  const port = await freePort();
  const script = fileURLToPath(new URL('../../conf/examples/demo.sh', import.meta.url));
  const demo = new Program('bash', [script, bin, '--seconds', '2', '--port', String(port)]);
  t.after(() => demo.stop());

  const [, url] = await demo.line(/Roomgate is up: .* (https:\/\/localhost:\d+\/)/, 30000);

  assert.equal(url, `https://localhost:${port}/`);
  assert.deepEqual(await demo.exited, { code: 0, signal: null }, demo.log);
});
