// @ts-check
// One call with the bridge, from session-initiate to its end: the peer connection, its lines, our senders. All changes
// go through one queue; however many sources come and go meanwhile, each turn of it applies one offer.

import { Emitter } from './emitter.js';
import { cameraEncodings, screenEncodings } from './encodings.js';
import { sessionAccept, sessionTerminate, sourceChange } from './jingle.js';
import { addSimulcast, addToLines, buildOffer, firstLayer, firstLines, ownSsrcs, readAnswer, removeFromLines } from './sdp.js';

/**
 * @typedef {import('./sdp.js').Line} Line
 * @typedef {import('./sources.js').Source} Source
 * @typedef {'audio' | 'video' | 'desktop'} Sending
 * @typedef {{ source: Source, track: MediaStreamTrack, receiver: RTCRtpReceiver, mid: string }} Remote
 * @typedef {{ setRemoteDescription: number, sourceAdds: number, sourceRemoves: number, sessions: number, restarts: number }} Counters
 */

const kAnswerTimeout = 15_000;
/** @type {Record<Sending, string>} */
const kSuffix = { audio: 'a0', video: 'v0', desktop: 'v1' };

/**
 * Events: "remote" when the remote tracks may have changed, "state" (RTCPeerConnectionState), "failed" (Error).
 */
export class Session extends Emitter {
  /** @type {Line[]} */
  lines = [];
  /** @type {Record<Sending, MediaStreamTrack | null>} */
  #tracks = { audio: null, video: null, desktop: null };
  /** @type {Map<string, import('./jingle.js').Announced>} */
  #announced = new Map();
  /** @type {Map<string, number>} */
  #wanted = new Map();
  #accepted = false;
  #closed = false;
  #version = 0;
  #queued = false;
  #tail = Promise.resolve();
  #extra = Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => (n >>> 1) + 1);
  #mungeWorks = true;

  /**
   * @param {object} options
   * @param {import('./jingle.js').Offer} options.offer
   * @param {string} options.id       our endpoint id
   * @param {string} options.jid      our full JID
   * @param {RTCIceServer[]} options.iceServers
   * @param {boolean} options.relay   media through TURN only
   * @param {boolean} options.simulcast
   * @param {string} options.codec    to send
   * @param {Counters} options.counters
   * @param {(payload: import('./xml.js').Markup, timeout?: number) => Promise<unknown>} options.request asks the focus
   * @param {typeof RTCPeerConnection} [options.PeerConnection] for tests
   */
  constructor({ offer, id, jid, iceServers, relay, simulcast, codec, counters, request, PeerConnection }) {
    super();
    /** @type {import('./jingle.js').Offer} */ this.offer = offer;
    /** @type {string} */ this.id = id;
    /** @type {string} */ this.jid = jid;
    /** @type {Counters} */ this.counters = counters;
    this.request = request;
    this.codec = codec;
    this.simulcast = simulcast;
    this.lines = firstLines(offer.sources.filter((s) => s.owner !== id));
    this.pc = new (PeerConnection ?? RTCPeerConnection)({
      iceServers,
      iceTransportPolicy: relay ? 'relay' : 'all',
      bundlePolicy: 'max-bundle',
      rtcpMuxPolicy: 'require',
    });
    this.pc.onconnectionstatechange = () => {
      if (!this.#closed) this.emit('state', this.pc.connectionState);
    };
    ++counters.sessions;
  }

  get state() {
    return this.pc.connectionState;
  }

  /**
   * Answers the offer.
   * @param {Record<Sending, MediaStreamTrack | null>} tracks
   */
  start(tracks) {
    this.#tracks = { ...tracks };
    this.#ensureScreenLine();
    return this.#enqueue(async () => {
      await this.#negotiate();
      const answer = readAnswer(this.pc.localDescription?.sdp ?? '');
      const announced = this.#newlySending();
      await this.request(sessionAccept(this.offer, this.jid, answer, announced), kAnswerTimeout);
      this.#accepted = true;
      await this.#announce();
    });
  }

  /** @param {Source[]} sources */
  addSources(sources) {
    if (addToLines(this.lines, sources.filter((s) => s.owner !== this.id))) this.#changed();
  }

  /** @param {Source[]} sources */
  removeSources(sources) {
    const names = new Set(sources.map((s) => s.name));
    const ssrcs = new Set(sources.flatMap((s) => s.ssrcs));
    if (removeFromLines(this.lines, (s) => names.has(s.name) || s.ssrcs.some((n) => ssrcs.has(n)))) this.#changed();
  }

  /** @param {string} owner */
  removeOwner(owner) {
    if (removeFromLines(this.lines, (s) => s.owner === owner)) this.#changed();
  }

  /**
   * What we send from now on; null pauses it. Only a screen's end is told to the others as its removal.
   * @param {Sending} kind
   * @param {MediaStreamTrack | null} track
   */
  setTrack(kind, track) {
    if (this.#tracks[kind] === track) return;
    this.#tracks[kind] = track;
    if (this.#ensureScreenLine()) {
      this.#changed();
    } else {
      this.#enqueue(async () => {
        await this.#applySenders();
        await this.#announce();
      });
    }
  }

  /** The bridge's word on how high anybody wants one of our sources. @param {string} name @param {number} height */
  setWanted(name, height) {
    if (this.#wanted.get(name) === height) return;
    this.#wanted.set(name, height);
    this.#enqueue(() => this.#applyEncodings());
  }

  /** @param {string} codec lower case */
  setCodec(codec) {
    if (this.codec === codec) return;
    this.codec = codec;
    this.#changed();
  }

  /** @param {string[]} candidates */
  addCandidates(candidates) {
    this.#enqueue(async () => {
      for (const c of candidates) await this.pc.addIceCandidate({ candidate: `candidate:${c}`, sdpMid: this.lines[0].mid });
    });
  }

  /** @returns {Remote[]} */
  remote() {
    const byMid = new Map(this.pc.getTransceivers().map((t) => [t.mid, t]));
    return this.lines.flatMap((line) => {
      const receiver = line.source && line.source.owner !== 'jvb' ? byMid.get(line.mid)?.receiver : null;
      return line.source && receiver ? [{ source: line.source, track: receiver.track, receiver, mid: line.mid }] : [];
    });
  }

  /** @param {Sending} kind the line that carries it, '' when there is none @returns {string} */
  midOf(kind) {
    return this.lines.find((l) => l.sends === kind)?.mid ?? '';
  }

  /** @param {boolean} restart whether the focus shall invite us again @param {string} text */
  terminate(restart, text) {
    const payload = sessionTerminate(this.offer, restart ? 'connectivity-error' : 'success', text, restart);
    return this.request(payload);
  }

  close() {
    this.#closed = true;
    this.pc.onconnectionstatechange = null;
    this.pc.close();
  }

  /** @param {() => Promise<void>} task */
  #enqueue(task) {
    const done = this.#tail.then(() => (this.#closed ? undefined : task()));
    this.#tail = done.catch((error) => {
      if (this.#closed) return;
      console.error('media session', error);
      this.emit('failed', error);
    });
    return this.#tail;
  }

  #changed() {
    if (this.#queued) return;
    this.#queued = true;
    this.#enqueue(async () => {
      this.#queued = false;
      await this.#negotiate();
      await this.#announce();
    });
  }

  #ensureScreenLine() {
    if (!this.#tracks.desktop || this.lines.some((l) => l.sends === 'desktop')) return false;
    this.lines.push({ mid: String(this.lines.length), kind: 'video', sends: 'desktop', source: null, fresh: false });
    return true;
  }

  async #negotiate() {
    const offer = buildOffer(this.offer.session, this.lines, { version: ++this.#version, codec: this.codec });
    // Lines freed before this offer may be used again from the next one on.
    this.lines.forEach((line) => (line.fresh = false));
    ++this.counters.setRemoteDescription;
    await this.pc.setRemoteDescription({ type: 'offer', sdp: offer });
    await this.#applySenders();
    const answer = await this.pc.createAnswer();
    await this.#applyAnswer(answer.sdp ?? '');
    await this.#applyEncodings();
    if (!this.#closed) this.emit('remote');
  }

  /** @param {string} sdp */
  async #applyAnswer(sdp) {
    const layered = this.simulcast && this.#mungeWorks ? addSimulcast(sdp, this.midOf('video'), this.#extra) : sdp;
    if (layered !== sdp) {
      try {
        await this.pc.setLocalDescription({ type: 'answer', sdp: layered });
        return;
      } catch {
        this.#mungeWorks = false; // Firefox: one layer then
      }
    }
    await this.pc.setLocalDescription({ type: 'answer', sdp });
  }

  /** @param {Sending} kind @returns {RTCRtpTransceiver | undefined} */
  #transceiver(kind) {
    const mid = this.midOf(kind);
    return mid === '' ? undefined : this.pc.getTransceivers().find((t) => t.mid === mid);
  }

  async #applySenders() {
    for (const kind of /** @type {Sending[]} */ (['audio', 'video', 'desktop'])) {
      const transceiver = this.#transceiver(kind);
      if (!transceiver) continue;
      const direction = kind === 'desktop' ? 'sendonly' : 'sendrecv';
      if (transceiver.direction !== direction) transceiver.direction = direction;
      const track = this.#tracks[kind];
      if (transceiver.sender.track !== track) await transceiver.sender.replaceTrack(track);
    }
    await this.#applyEncodings();
  }

  async #applyEncodings() {
    for (const kind of /** @type {Sending[]} */ (['video', 'desktop'])) {
      const sender = this.#transceiver(kind)?.sender;
      const track = this.#tracks[kind];
      if (!sender || !track) continue;
      const parameters = sender.getParameters();
      const count = parameters.encodings?.length ?? 0;
      if (count === 0) continue;
      const wanted = this.#wanted.get(`${this.id}-${kSuffix[kind]}`) ?? -1;
      const height = track.getSettings().height ?? 720;
      const list = kind === 'video' ? cameraEncodings(count, height, wanted, this.#sendCodec()) : screenEncodings(count, wanted);
      await this.#setEncodings(sender, list);
    }
  }

  /** @param {RTCRtpSender} sender @param {import('./encodings.js').Encoding[]} list */
  async #setEncodings(sender, list) {
    // Browsers without scalability modes refuse the whole list for it.
    for (const modes of [true, false]) {
      const parameters = sender.getParameters();
      parameters.encodings.forEach((encoding, i) => {
        const { scalabilityMode, ...rest } = list[i];
        Object.assign(encoding, rest);
        const target = /** @type {any} */ (encoding);
        if (modes && scalabilityMode) target.scalabilityMode = scalabilityMode;
        else delete target.scalabilityMode;
      });
      try {
        await sender.setParameters(parameters);
        return;
      } catch (error) {
        if (!modes) console.warn('sender settings refused', error);
      }
    }
  }

  /** The codec that goes out: the wanted one, where it was offered. */
  #sendCodec() {
    const offered = this.offer.session.video.payloads.map((p) => p.name.toLowerCase());
    return offered.includes(this.codec) ? this.codec : (offered[0] ?? 'vp8');
  }

  /** Sources that have a track and were not announced; they count as announced from here. */
  #newlySending() {
    const sdp = this.pc.localDescription?.sdp ?? '';
    /** @type {import('./jingle.js').Announced[]} */
    const found = [];
    for (const kind of /** @type {Sending[]} */ (['audio', 'video', 'desktop'])) {
      const name = `${this.id}-${kSuffix[kind]}`;
      const mid = this.midOf(kind);
      if (!this.#tracks[kind] || this.#announced.has(name) || mid === '') continue;
      let own = ownSsrcs(sdp, mid);
      if (own.ssrcs.length === 0) continue;
      const layers = this.#transceiver(kind)?.sender.getParameters().encodings?.length ?? 1;
      if (layers < 2) own = firstLayer(own);
      const source = /** @type {Source} */ ({
        name,
        owner: this.id,
        kind: kind === 'audio' ? 'audio' : 'video',
        videoType: kind === 'desktop' ? 'desktop' : 'camera',
        ...own,
      });
      const announced = { source, msid: `${this.id}-${kind}-${mid}-1 ${crypto.randomUUID?.() ?? `${name}-${Date.now()}`}-1` };
      this.#announced.set(name, announced);
      found.push(announced);
    }
    return found;
  }

  async #announce() {
    if (!this.#accepted) return;
    const added = this.#newlySending();
    if (added.length > 0) {
      ++this.counters.sourceAdds;
      await this.request(sourceChange('source-add', this.offer.sid, added));
    }
    const screen = this.#announced.get(`${this.id}-${kSuffix.desktop}`);
    if (screen && !this.#tracks.desktop) {
      this.#announced.delete(screen.source.name);
      ++this.counters.sourceRemoves;
      await this.request(sourceChange('source-remove', this.offer.sid, [screen]));
    }
  }
}
