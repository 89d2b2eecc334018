// Authorities, what they vouch for, and their OCSP answers, made with the openssl command.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const openssl = (...args) => execFileSync('openssl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

export function authority(folder, name) {
  const pem = path.join(folder, `${name}.ca`);
  const key = path.join(folder, `${name}.ca-key`);
  openssl('req', '-x509', ...curve, '-days', '365', '-subj', `/CN=authority ${name}`, '-keyout', key, '-out', pem);
  return {
    pem, key, text: () => readFileSync(pem, 'utf8'),
    // DER, good for a day.
    ocspAnswer: (made) => {
      const index = path.join(folder, `${name}.index`);
      const [request, answer] = [path.join(folder, 'request.der'), path.join(folder, 'answer.der')];
      const serial = openssl('x509', '-in', made.pem, '-noout', '-serial').trim().split('=')[1];
      writeFileSync(index, `V\t401231235959Z\t\t${serial}\tunknown\t/CN=x\n`);
      openssl('ocsp', '-issuer', pem, '-cert', made.pem, '-no_nonce', '-reqout', request);
      openssl('ocsp', '-index', index, '-CA', pem, '-rsigner', pem, '-rkey', key, '-reqin', request, '-respout', answer, '-ndays', '1');
      return readFileSync(answer);
    },
  };
}

// FOLDER/FILE.pem: certificate, its issuer's, key. A name that is an address becomes an IP alternative.
export function issued(folder, file, issuer, names, { days = 2, extensions: more = '' } = {}) {
  const pem = path.join(folder, `${file}.pem`);
  const key = path.join(path.dirname(issuer.pem), `${file}.made-key`);
  const request = `${key}.request`;
  const extensions = `${key}.extensions`;
  openssl('req', '-new', ...curve, '-subj', `/CN=${names[0]}`, '-keyout', key, '-out', request);
  const alternative = names.map((name) => (/^[0-9.]+$/.test(name) ? `IP:${name}` : `DNS:${name}`)).join(',');
  writeFileSync(extensions, `subjectAltName=${alternative}\n${more}`);
  const text = openssl('x509', '-req', '-in', request, '-CA', issuer.pem, '-CAkey', issuer.key, '-CAcreateserial', '-days', String(days), '-extfile', extensions);
  writeFileSync(pem, text + issuer.text() + readFileSync(key, 'utf8'));
  return { pem, options: { cert: text + issuer.text(), key: readFileSync(key) } };
}
