// @ts-check
// window.roomgate: what tests and curious people may look at. Read-only; nothing of the page depends on it.

/**
 * @param {import('./meeting.js').Meeting} meeting
 * @param {import('./audio.js').AudioOut} audio
 */
export function expose(meeting, audio) {
  /** @param {{ name: string, mid: string, track: MediaStreamTrack | null }} item @param {string} kind */
  const track = (item, kind) =>
    Object.freeze({
      kind,
      name: item.name,
      mid: item.mid,
      state: item.track?.readyState ?? 'none',
      /** The browser's own figures, with `type`, `bytesReceived`, `framesDecoded` and so on; null when there are none. */
      stats: async () => {
        const report = await meeting.session?.pc.getStats();
        return [...(report?.values() ?? [])].find((e) => e.type === 'inbound-rtp' && e.mid === item.mid) ?? null;
      },
    });
  const state = {
    get phase() {
      return meeting.phase;
    },
    get end() {
      return meeting.end?.reason ?? null;
    },
    get connectionState() {
      return meeting.mediaState;
    },
    get channelOpen() {
      return meeting.channel?.isOpen ?? false;
    },
    get jid() {
      return meeting.stream.jid;
    },
    get id() {
      return meeting.id;
    },
    get room() {
      return meeting.roomJid;
    },
    get shard() {
      return meeting.shard;
    },
    get region() {
      return meeting.region;
    },
    get dominantSpeaker() {
      return meeting.speakers[0] ?? null;
    },
    get isModerator() {
      return meeting.isModerator;
    },
    get muted() {
      return { audio: !meeting.media.audioOn, video: !meeting.media.videoOn };
    },
    get counters() {
      return { ...meeting.counters, reconnects: meeting.reconnects, channelReconnects: meeting.channel?.reconnects ?? 0 };
    },
    get participants() {
      return meeting.participants().map((p) =>
        Object.freeze({
          id: p.id,
          name: p.name,
          isSelf: p.isSelf,
          isModerator: p.isModerator,
          audioMuted: p.audioMuted,
          videoMuted: p.videoMuted,
          hand: p.hand,
          tracks: [
            ...p.audio.map((a) => track(a, 'audio')),
            ...(p.camera ? [track(p.camera, 'video')] : []),
            ...p.screens.map((s) => track(s, 'desktop')),
          ],
        }),
      );
    },
    get messages() {
      return meeting.messages.map(({ from, name, text, own }) => ({ from, name, text, own }));
    },
    get summary() {
      return meeting.summary;
    },
    get soundBlocked() {
      return audio.blocked;
    },
    /** The browser's figures of what we send. */
    sent: async () => {
      const report = await meeting.session?.pc.getStats();
      return [...(report?.values() ?? [])].filter((e) => e.type === 'outbound-rtp');
    },
    /** The browser's figures of what we receive, each with its `mid`. */
    received: async () => {
      const report = await meeting.session?.pc.getStats();
      return [...(report?.values() ?? [])].filter((e) => e.type === 'inbound-rtp');
    },
    /** Cuts the signalling connection, as a network would. */
    interrupt: () => meeting.stream.interrupt(),
  };
  Object.defineProperty(window, 'roomgate', { value: Object.freeze(state), configurable: true });
}
