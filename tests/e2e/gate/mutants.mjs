// Cases changed at random, the same ones for the same seed: pieces put in, cut out, swapped between cases, lines
// doubled, bytes changed. Nobody knows what should become of one; only that nothing dangerous may.

const kPieces = ['\r', '\n', '\r\n', ' ', '\t', '\0', ':', ';', ',', '\x0b', '\x0c', '\x85', '\xa0', '%2e', '/..', '%2f', '?', '#',
  '@', '0', '5', 'a', '+', '-', '_', '"', '~', "'", '.', 'chunked', 'Transfer-Encoding: chunked\r\n', 'Content-Length: 5\r\n',
  'Host: x\r\n', 'Connection: close\r\n', 'HTTP/1.0', ' HTTP/1.1', '0\r\n\r\n', 'GET /hidden HTTP/1.1\r\nHost: gate\r\n\r\n',
  'Upgrade: h2c\r\n', 'X-Request-Id: a\r\n', 'Expect: 100-continue\r\n'];

// A small generator with a long period; below(n) is 0 to n - 1.
function generator(seed) {
  let state = seed;
  return (n) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % n;
  };
}

export function mutants(cases, count, seed) {
  const below = generator(seed);
  const texts = cases.map((each) => each.bytes).filter((bytes) => bytes.length < 1500);
  const any = (list) => list[below(list.length)];
  const change = (text) => {
    const at = below(text.length + 1);
    switch (below(5)) {
      case 0: return text.slice(0, at) + any(kPieces) + text.slice(at);
      case 1: return text.slice(0, at) + text.slice(at + 1 + below(4));
      case 2: return text.slice(0, at) + String.fromCharCode(below(256)) + text.slice(at + 1);
      case 3: {
        const other = any(texts);
        return text.slice(0, at) + other.slice(below(other.length));
      }
      default: {
        const lines = text.split('\r\n');
        lines.splice(below(lines.length), 0, any(lines));
        return lines.join('\r\n');
      }
    }
  };
  return Array.from({ length: count }, (_, index) => {
    let bytes = any(texts);
    for (let changes = 1 + below(3); changes > 0; --changes) bytes = change(bytes);
    return { name: `mutant ${index} of seed ${seed} ${JSON.stringify(bytes)}`, expect: 'either', bytes, lines: [], absent: [] };
  });
}
