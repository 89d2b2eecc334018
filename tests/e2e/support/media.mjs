// What "sees and hears" means in a test: frames are decoded and more of them, and sound with energy arrives.
import { until } from './browser.mjs';

/** Waits until PAGE decodes growing video and hears audio of the participant called NAME. */
export async function mediaFrom(page, name, milliseconds = 20000) {
  const frames = await until(page, decodedFrames, `video of ${name}`, milliseconds, { name, more: 0 });
  await until(page, decodedFrames, `video of ${name} goes on`, milliseconds, { name, more: frames + 10 });
  await until(page, async (who) => {
    const person = globalThis.roomgate.participants.find((p) => p.name === who);
    const audio = await person?.tracks.find((track) => track.kind === 'audio')?.stats();
    return (audio?.totalAudioEnergy ?? 0) > 0.001;
  }, `sound of ${name}`, milliseconds, name);
}

async function decodedFrames({ name, more }) {
  const person = globalThis.roomgate.participants.find((p) => p.name === name);
  const video = await person?.tracks.find((track) => track.kind === 'video')?.stats();
  return (video?.framesDecoded ?? 0) > more ? video.framesDecoded : 0;
}

/** {frames, packets} that PAGE decoded and received of NAME's video and sound, so far. */
export function received(page, name) {
  return page.evaluate(countReceived, name);
}

/** Waits until PAGE has received more of NAME than `before` says, by this many frames of video and packets of sound. */
export async function moreFrom(page, name, before, what, milliseconds, { frames = 10, packets = 10 } = {}) {
  await until(page, async (wanted) => {
    const person = globalThis.roomgate.participants.find((p) => p.name === wanted.name);
    const stats = async (kind) => (await person?.tracks.find((track) => track.kind === kind)?.stats()) ?? {};
    return ((await stats('video')).framesDecoded ?? 0) >= wanted.frames && ((await stats('audio')).packetsReceived ?? 0) >= wanted.packets;
  }, what, milliseconds, { name, frames: before.frames + frames, packets: before.packets + packets });
}

async function countReceived(name) {
  const person = globalThis.roomgate.participants.find((p) => p.name === name);
  const stats = async (kind) => (await person?.tracks.find((track) => track.kind === kind)?.stats()) ?? {};
  return { frames: (await stats('video')).framesDecoded ?? 0, packets: (await stats('audio')).packetsReceived ?? 0 };
}
