// Records what Chromium sends to a shard, one video codec each, as the decoder tests play it (tests/corpora/streams).
// Chromium writes its packets in clear to its log when the field trial below asks for it; of these the video of one of
// two people in a meeting is kept, without RTX. Key frames are asked for often, since a receiver changes its layer at one.
//
//   node tests/e2e/support/record_streams.mjs FOLDER [vp8 h264 vp9 av1]
//
// A file: "RGRTP1", count of streams (1 byte), their SSRCs low to high (4 each), then for each packet the milliseconds
// since the first (4), its length (2) and the packet; big-endian.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import { executable, flags, join as enter } from './browser.mjs';
import { startShard } from './programs.mjs';

const camera = { width: '960', height: '540', fps: '15' };  // the least that Chromium makes three layers of
const settle = 10000;   // until all layers are sent
const lengths = { vp8: 8000, h264: 8000, vp9: 4000, av1: 3800 };  // of the recording
const keyEvery = 450;
const rates = { vp8: [30_000, 70_000, 120_000], h264: [30_000, 70_000, 120_000], vp9: [900_000], av1: [560_000] };

/** In the page, before its own scripts: keeps the connections, and caps what the client allows its encoders. */
function prepare(caps) {
  globalThis.connections = [];
  const Original = globalThis.RTCPeerConnection;
  globalThis.RTCPeerConnection = class extends Original {
    constructor(...all) {
      super(...all);
      globalThis.connections.push(this);
    }
  };
  const set = RTCRtpSender.prototype.setParameters;
  RTCRtpSender.prototype.setParameters = function capped(parameters, ...more) {
    if (this.track?.kind === 'video') {
      parameters.encodings.forEach((encoding, i) => { encoding.maxBitrate = Math.min(encoding.maxBitrate ?? Infinity, caps[i] ?? caps.at(-1)); });
    }
    return set.call(this, parameters, ...more);
  };
}

/** In the page: the SSRCs it sends video with, low to high. */
async function sending() {
  const found = [];
  for (const connection of globalThis.connections) {
    for (const report of (await connection.getStats()).values()) {
      if (report.type === 'outbound-rtp' && report.kind === 'video' && report.framesEncoded > 0) {
        found.push({ ssrc: report.ssrc, height: report.frameHeight, mode: report.scalabilityMode, encoder: report.encoderImplementation });
      }
    }
  }
  return found.sort((a, b) => a.height - b.height);
}

/** In the page: a key frame of every layer. */
async function refresh() {
  for (const connection of globalThis.connections) {
    for (const sender of connection.getSenders().filter((s) => s.track?.kind === 'video')) {
      const parameters = sender.getParameters();
      await sender.setParameters(parameters, { encodingOptions: parameters.encodings.map(() => ({ keyFrame: true })) });
    }
  }
}

/** Outgoing RTP of these SSRCs from a log: [milliseconds, bytes]. */
function packetsOf(log, ssrcs) {
  const packets = [];
  let turns = 0;  // the log's clock begins anew each minute
  for (const [, hour, minute, second, hex] of log.matchAll(/\bO (\d+):(\d+):([\d.]+) 0+ ([0-9a-f ]+) # RTP_DUMP/g)) {
    const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
    if (bytes.length < 12 || !ssrcs.includes(bytes.readUInt32BE(8)) || (bytes[1] >= 192 && bytes[1] <= 223)) continue;
    const at = Math.round(((+hour * 60 + +minute) * 60 + +second) * 1000);
    if (packets.length > 0 && at + 60_000 * turns < packets.at(-1)[0] - 30_000) turns += 1;
    packets.push([at + 60_000 * turns, bytes]);
  }
  return packets;
}

function fileOf(ssrcs, packets) {
  const head = Buffer.alloc(7 + 4 * ssrcs.length);
  head.write('RGRTP1');
  head[6] = ssrcs.length;
  ssrcs.forEach((ssrc, i) => head.writeUInt32BE(ssrc, 7 + 4 * i));
  const rest = packets.map(([at, bytes]) => {
    const packet = Buffer.alloc(6 + bytes.length);
    packet.writeUInt32BE(at - packets[0][0]);
    packet.writeUInt16BE(bytes.length, 4);
    bytes.copy(packet, 6);
    return packet;
  });
  return Buffer.concat([head, ...rest]);
}

async function record(codec, folder) {
  const scratch = mkdtempSync(join(tmpdir(), 'record-'));
  const shard = await startShard('recorder');
  const logs = join(scratch, 'chromium.log');
  // Only what goes to standard error has the renderer's lines, and Playwright keeps that to itself.
  const wrapper = join(scratch, 'chromium.sh');
  writeFileSync(wrapper, `#!/bin/sh\nexec ${executable} "$@" 2>${logs}\n`, { mode: 0o755 });
  const browser = await chromium.launch({ executablePath: wrapper, headless: true,
    args: [...flags, '--enable-logging=stderr', '--vmodule=*/webrtc/*=3', '--force-fieldtrials=WebRTC-Debugging-RtpDump/Enabled/'] });
  try {
    const base = `http://${shard.address.replace('127.0.0.1', 'localhost')}`;
    const script = { content: `(${prepare})(${JSON.stringify(rates[codec])})` };
    const ada = await enter(browser, base, 'record', 'Ada', { ...camera, codec }, [script]);
    // The other one watches only; it must want the codec as well for it to be used.
    await enter(browser, base, 'record', 'Ben', { codec, video: 'off' });
    await setTimeout(settle);
    const streams = await ada.evaluate(sending);
    console.log(codec, JSON.stringify(streams));
    const begin = Date.now();
    while (Date.now() - begin < lengths[codec]) {
      await ada.evaluate(refresh);
      await setTimeout(keyEvery);
    }
    await browser.close();
    const ssrcs = streams.map((s) => s.ssrc);
    const all = packetsOf(readFileSync(logs, 'latin1'), ssrcs);
    const last = all.at(-1)?.[0] ?? 0;
    // Whole pictures at the end: the browser was ended in the middle of one.
    const ends = new Map();
    all.forEach(([, bytes], i) => { if (bytes[1] & 0x80) ends.set(bytes.readUInt32BE(8), i); });
    const kept = all.filter(([at, bytes], i) => at > last - lengths[codec] && i <= (ends.get(bytes.readUInt32BE(8)) ?? -1));
    const file = fileOf(ssrcs, kept);
    writeFileSync(join(folder, `${codec}.rtp`), file);
    console.log(`${codec}: ${kept.length} packets, ${file.length} bytes`);
  } finally {
    await browser.close();
    await shard.program.stop();
    if (!process.env.KEEP) rmSync(scratch, { recursive: true, force: true }); else console.log(scratch);
  }
}

const [folder, ...codecs] = process.argv.slice(2);
for (const codec of codecs.length > 0 ? codecs : Object.keys(rates)) await record(codec, folder);
