// The cases of tests/corpora/http1-smuggling (its README has the format), as bytes and expectations.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const folder = path.resolve(here, '../../corpora/http1-smuggling');

const macros = {
  '@get': 'GET /a HTTP/1.1\r\nHost: gate\r\n',
  '@post': 'POST /a HTTP/1.1\r\nHost: gate\r\n',
  '@upgrade': 'GET /xmpp-websocket?room=a HTTP/1.1\r\nHost: gate\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n',
  '@key': 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n',
  '@next': 'GET /next HTTP/1.1\r\nHost: gate\r\n\r\n',
  '@hidden': 'GET /hidden HTTP/1.1\r\nHost: gate\r\n\r\n',
};

function unescape(text) {
  return text
    .replace(/\\\{(.*?)\*(\d+)\}/g, (_, what, times) => what.repeat(Number(times)))
    .replace(/\\(r|n|t|0|\\|x[0-9a-fA-F]{2})/g, (_, code) => {
      if (code[0] === 'x') return String.fromCharCode(parseInt(code.slice(1), 16));
      return { r: '\r', n: '\n', t: '\t', 0: '\0', '\\': '\\' }[code];
    });
}

function parse(text, file) {
  const cases = [];
  for (const [index, line] of text.split('\n').entries()) {
    const rest = line.slice(2);
    switch (line[0]) {
      case undefined:
      case '#': break;
      case 'c': {
        const [, name, expect, count] = line.split(' ');
        cases.push({ name, expect, count: Number(count ?? (expect === 'forward' ? 1 : 0)), bytes: '', lines: [], absent: [] });
        break;
      }
      case '|': cases.at(-1).bytes += macros[rest] ?? `${unescape(rest)}\r\n`; break;
      case '>': cases.at(-1).bytes += unescape(rest); break;
      case '=': cases.at(-1).lines.push(unescape(rest)); break;
      case '!': cases.at(-1).absent.push(rest.toLowerCase()); break;
      default: throw new Error(`${file}:${index + 1}: ${line}`);
    }
  }
  return cases;
}

export function ownCases() {
  return readdirSync(folder).filter((file) => file.endsWith('.txt')).sort()
    .flatMap((file) => parse(readFileSync(path.join(folder, file), 'latin1'), file));
}

// The samples of another parser's tests, where they are at hand; undefined where not.
export function sampleCases() {
  const root = process.env.ROOMGATE_CORPORA ?? path.resolve(here, '../../../../shared/corpora');
  const samples = path.join(root, 'http1-llhttp');
  let index;
  try {
    index = readFileSync(path.join(samples, 'index.tsv'), 'latin1');
  } catch {
    return undefined;
  }
  return index.trim().split('\n').slice(1).map((line) => {
    const [file, strict, messages, , , , , edge] = line.split('\t');
    const bytes = readFileSync(path.join(samples, file), 'latin1');
    const expect = { accept: 'forward', reject: 'reject', hold: 'hold' }[edge] ?? 'either';
    // How many whole requests come before the fault or the end: at most what the strict parser has seen.
    const most = edge === 'reject' && strict === 'accept' ? 0 : Number(messages);
    return { name: `llhttp/${file}`, expect, count: edge === 'accept' ? Number(messages) : undefined, most, bytes, lines: [], absent: [] };
  });
}
