// A small GeoIP database, written by the test that uses it: MaxMind's format 2.0, a search tree of 24-bit records
// over IPv6 (IPv4 lies in ::/96), a data record with a country for each network, the metadata at the end.
const types = { string: 2, uint16: 5, uint32: 6, map: 7, uint64: 9, array: 11 };

// Types from 8 on are written in a second byte.
function head(type, size) {
  const bytes = [(type < 8 ? type << 5 : 0) | Math.min(size, 29)];
  if (type >= 8) bytes.push(type - 7);
  if (size >= 29) bytes.push(size - 29);
  return Buffer.from(bytes);
}
function number(type, value, size) {
  const bytes = Buffer.alloc(size);
  for (let i = size - 1, rest = value; i >= 0; --i, rest = Math.floor(rest / 256)) bytes[i] = rest % 256;
  return Buffer.concat([head(type, size), bytes]);
}
const text = (value) => Buffer.concat([head(types.string, Buffer.byteLength(value)), Buffer.from(value)]);
const map = (pairs) => Buffer.concat([head(types.map, pairs.length), ...pairs.flatMap(([key, value]) => [text(key), value])]);

// countries: { '127.0.0.2': 'DE', '10.0.0.0/8': 'US' }, IPv4, the wider network before those within it.
export function geoipDatabase(countries, { built = 1_700_000_000 } = {}) {
  const nodes = [[null, null]];  // a side: null (nothing), a node's number, or { at: place in the data }
  const records = [];
  let size = 0;
  for (const [network, code] of Object.entries(countries)) {
    const [ip, bits = '32'] = network.split('/');
    const address = [...Array(12).fill(0), ...ip.split('.').map(Number)];
    const record = { at: size };
    records.push(map([['country', map([['iso_code', text(code)]])]]));
    size += records.at(-1).length;
    const last = 96 + Number(bits) - 1;
    for (let bit = 0, node = 0; bit <= last; ++bit) {
      const side = (address[bit >> 3] >> (7 - (bit & 7))) & 1;
      if (bit === last) {
        nodes[node][side] = record;
        break;
      }
      const next = nodes[node][side];
      // What has been there holds for both halves.
      if (typeof next !== 'number') nodes[node][side] = nodes.push([next, next]) - 1;
      node = nodes[node][side];
    }
  }
  const tree = Buffer.alloc(nodes.length * 6);
  nodes.flat().forEach((side, i) => {
    const value = side === null ? nodes.length : typeof side === 'number' ? side : side.at + nodes.length + 16;
    tree.writeUIntBE(value, i * 3, 3);
  });
  const metadata = map([
    ['binary_format_major_version', number(types.uint16, 2, 2)],
    ['binary_format_minor_version', number(types.uint16, 0, 2)],
    ['build_epoch', number(types.uint64, built, 8)],
    ['database_type', text('Test-Country')],
    ['description', map([['en', text('made by a test')]])],
    ['ip_version', number(types.uint16, 6, 2)],
    ['languages', head(types.array, 0)],
    ['node_count', number(types.uint32, nodes.length, 4)],
    ['record_size', number(types.uint16, 24, 2)],
  ]);
  return Buffer.concat([tree, Buffer.alloc(16), ...records, Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1'), metadata]);
}
