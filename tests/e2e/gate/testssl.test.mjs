// testssl.sh against a running gate: nothing worse than "low". Two minutes, so only in `./dev test --long`.
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { authority, issued } from './certificates.mjs';
import { startBackend, startGate, temporaryFolder } from './support.mjs';

const missing = spawnSync('testssl', ['--version']).error === undefined ? false : 'testssl.sh is not installed';

test('testssl.sh finds nothing worse than low', { skip: missing }, async (t) => {
  const folder = temporaryFolder(t);
  const beside = temporaryFolder(t);
  const ca = authority(beside, 'ca');
  const made = issued(folder, 'leaf', ca, ['localhost'], { days: 90, extensions: 'authorityInfoAccess=OCSP;URI:http://ocsp.invalid/\n' });
  writeFileSync(`${folder}/leaf.ocsp`, ca.ocspAnswer(made));
  // The headers of the site's own pages are the shard's to send: these are roomshard's.
  const backend = await startBackend(t, (request, response) => {
    response.setHeader('X-Content-Type-Options', 'nosniff');
    response.setHeader('Referrer-Policy', 'no-referrer');
    response.end('ok');
  });
  const gate = await startGate(t, {
    shards: [{ name: 'shard-0', port: backend.port }], listeners: [`tls.certificates = ["${folder}"]`],
    settings: '[limits]\nper_address.handshakes = "off"\n',
  });
  const report = `${beside}/report.json`;

  // Its exit code is a count of what it did not like.
  await promisify(execFile)('testssl', ['--quiet', '--color', '0', '--warnings', 'off', '--nodns', 'none', '--add-ca', ca.pem,
    '--jsonfile', report, '--ip', '127.0.0.1', `https://localhost:${gate.port}`], { maxBuffer: 1 << 24 }).catch(() => {});

  const findings = JSON.parse(readFileSync(report, 'utf8'));
  const told = findings.filter((each) => !['OK', 'INFO'].includes(each.severity)).map((each) => `${each.severity} ${each.id}: ${each.finding}`);
  t.diagnostic(`${findings.length} findings; beyond OK and INFO: ${told.join('; ')}`);
  assert.ok(findings.length > 100);
  // WARN is a check that could not be made (a busy machine), not a finding.
  assert.deepEqual(told.filter((each) => /^(MEDIUM|HIGH|CRITICAL|FATAL) /.test(each)), []);
});
