// A call of two in Chromium, Bob behind a network that does what a scenario says; what he hears and sees is noted every
// 100 ms from the browser's own statistics. Ada's way is a relay as well, but a perfect one.
import { setTimeout } from 'node:timers/promises';
import { join, launch, until } from '../../tests/e2e/support/browser.mjs';
import { mediaFrom } from '../../tests/e2e/support/media.mjs';
import { freeUdpPort } from '../../tests/e2e/support/ports.mjs';
import { startShard } from '../../tests/e2e/support/programs.mjs';
import { UdpRelay } from '../../tests/e2e/support/udp_relay.mjs';
import { onlyPort } from '../../tests/e2e/support/watch.mjs';

/** globalThis.noted: rows of what is received, one every 100 ms from the call of startNoting(). */
function noteWhatIsReceived() {
  globalThis.noted = [];
  globalThis.startNoting = () => {
    const began = performance.now();
    globalThis.noting = setInterval(async () => {
      const at = performance.now() - began;
      const received = await globalThis.roomgate.received();
      const video = received.filter((e) => e.kind === 'video').sort((a, b) => (b.bytesReceived ?? 0) - (a.bytesReceived ?? 0))[0] ?? {};
      const audio = received.filter((e) => e.kind === 'audio').sort((a, b) => (b.packetsReceived ?? 0) - (a.packetsReceived ?? 0))[0] ?? {};
      globalThis.noted.push({
        at,
        height: video.frameHeight ?? 0,
        frames: video.framesDecoded ?? 0,
        bytes: video.bytesReceived ?? 0,
        freezes: video.freezeCount ?? 0,
        frozen: (video.totalFreezesDuration ?? 0) * 1000,
        nacks: video.nackCount ?? 0,
        plis: video.pliCount ?? 0,
        packets: audio.packetsReceived ?? 0,
        samples: audio.totalSamplesReceived ?? 0,
        concealed: (audio.concealedSamples ?? 0) - (audio.silentConcealedSamples ?? 0),
      });
    }, 100);
  };
}

/**
 * Runs one scenario in a call of its own.
 * @returns {Promise<{rows: object[], counts: object, stats: object}>}
 */
export async function meet(scenario, { seed = 1, width = 1280, height = 720, fps = 30 } = {}) {
  const relays = [new UdpRelay(seed), new UdpRelay(seed)];
  const [ada, bob] = await Promise.all(relays.map((relay) => relay.open()));
  const mediaPort = await freeUdpPort();
  for (const relay of relays) relay.forwardTo(mediaPort);
  const advertise = [ada, bob].flatMap((port) => ['--media-advertise', `127.0.0.1:${port}`]);
  const shard = await startShard('shard-0', ['--media-port', String(mediaPort), ...advertise]);
  const browser = await launch();
  try {
    const enter = (name, port) => join(browser, `http://${shard.address}`, 'network', name, { width, height, fps },
      [...onlyPort(port), noteWhatIsReceived]);
    const pages = [await enter('Ada', ada), await enter('Bob', bob)];
    await mediaFrom(pages[1], 'Ada');
    const page = pages[1];
    // The sender's own estimate has found its top layer, and Bob is given it.
    await until(page, async (full) => (await globalThis.roomgate.received()).some((e) => (e.frameHeight ?? 0) >= full), 'the full picture', 30000, height);
    const relay = relays[1];
    await page.evaluate(() => globalThis.startNoting());
    const began = performance.now();
    for (const { at, rebind, ...network } of scenario.steps) {
      await setTimeout(Math.max(0, began + at * 1000 - performance.now()));
      if (rebind) relay.rebind(relay.clients());
      else relay.setNetwork(network);
    }
    await setTimeout(Math.max(0, began + scenario.seconds * 1000 - performance.now()));
    const rows = await page.evaluate(() => globalThis.noted);
    const stats = await (await fetch(`http://${shard.address}/about/stats`)).json();
    return { rows, counts: relay.clients().map((key) => relay.counts(key)), stats };
  } finally {
    await browser.close();
    await shard.program.stop();
    for (const relay of relays) relay.close();
  }
}
