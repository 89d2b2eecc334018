// A room table as rooms.snapshot has it (router/stick/image.hpp), so that a gate starts with a hundred thousand rooms.
import { writeFileSync } from 'node:fs';

const kFixed = 8 * 3 + 4 + 1 + 1;
const kMinute = 60_000;

// SipHash-2-4 under the images' key, in halves of 32 bits: a big table has a million words. v: [low, high] four times.
function siphash(bytes) {
  const [k0, k1] = [[0x67617465, 0x726f6f6d], [0x65763031, 0x696d6167]];
  const v = new Uint32Array([
    k0[0] ^ 0x70736575, k0[1] ^ 0x736f6d65, k1[0] ^ 0x6e646f6d, k1[1] ^ 0x646f7261,
    k0[0] ^ 0x6e657261, k0[1] ^ 0x6c796765, k1[0] ^ 0x79746573, k1[1] ^ 0x74656462,
  ]);
  const add = (a, b) => {
    const low = v[a] + v[b];
    v[a + 1] = v[a + 1] + v[b + 1] + (low > 0xffffffff ? 1 : 0);
    v[a] = low;
  };
  // a rotated left, then mixed with b.
  const mix = (a, bits, b) => {
    const [low, high] = [v[a], v[a + 1]];
    v[a] = ((low << bits) | (high >>> (32 - bits))) ^ v[b];
    v[a + 1] = ((high << bits) | (low >>> (32 - bits))) ^ v[b + 1];
  };
  const turn = (a) => {
    const low = v[a];
    v[a] = v[a + 1];
    v[a + 1] = low;
  };
  const round = () => {
    add(0, 2); mix(2, 13, 0); turn(0);
    add(4, 6); mix(6, 16, 4);
    add(0, 6); mix(6, 21, 0);
    add(4, 2); mix(2, 17, 4); turn(4);
  };
  const word = (low, high) => {
    v[6] ^= low;
    v[7] ^= high;
    round();
    round();
    v[0] ^= low;
    v[1] ^= high;
  };
  const whole = bytes.length & ~7;
  for (let at = 0; at < whole; at += 8) word(bytes.readUInt32LE(at), bytes.readUInt32LE(at + 4));
  const last = Buffer.alloc(8);
  bytes.copy(last, 0, whole);
  last[7] = bytes.length & 0xff;
  word(last.readUInt32LE(0), last.readUInt32LE(4));
  v[4] ^= 0xff;
  for (let i = 0; i < 4; ++i) round();
  const out = Buffer.alloc(8);
  out.writeUInt32BE((v[1] ^ v[3] ^ v[5] ^ v[7]) >>> 0, 0);
  out.writeUInt32BE((v[0] ^ v[2] ^ v[4] ^ v[6]) >>> 0, 4);
  return out;
}

// rooms: [[key, shard]]; unused: ms since anybody asked for one of them.
export function imageOf(rooms, { unused = kMinute, age = 5 * kMinute } = {}) {
  const size = rooms.reduce((sum, [key, shard]) => sum + 4 + kFixed + 2 + Buffer.byteLength(key) + 1 + shard.length + 2, 16 + 4);
  const bytes = Buffer.alloc(size);
  bytes.write('RGTABLE\x01', 'latin1');
  bytes.writeBigUInt64BE(BigInt(Date.now()), 8);
  let at = 16;
  for (const [key, shard] of rooms) {
    const length = Buffer.byteLength(key);
    at = bytes.writeUInt32BE(kFixed + 2 + length + 1 + shard.length + 2, at);
    at = bytes.writeBigUInt64BE(1n, at);  // generation
    at = bytes.writeBigUInt64BE(BigInt(age), at);
    at = bytes.writeBigUInt64BE(BigInt(unused), at);
    at = bytes.writeUInt32BE(0, at);  // holds
    at += 2;  // made by a request, not provisional
    at = bytes.writeUInt16BE(length, at);
    at += bytes.write(key, at);
    at = bytes.writeUInt8(shard.length, at);
    at += bytes.write(shard, at);
    at += 2;  // placed by the policy, in no region
  }
  return Buffer.concat([bytes, siphash(bytes)]);
}

export const writeImage = (file, rooms, options) => writeFileSync(file, imageOf(rooms, options), { mode: 0o600 });
