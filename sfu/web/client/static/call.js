// @ts-check
// One call: the session with the bridge, its channel, what is measured of both, and their repair. Begins with an offer
// of the focus and ends with it; a new offer makes a new one.

import { pause } from './backoff.js';
import { Bridge } from './bridge.js';
import { Emitter } from './emitter.js';
import { Session } from './session.js';
import { gradeOf, quality, summarise } from './stats.js';

const kMeasureEvery = 2000;
const kTellEvery = 10_000;

/** @typedef {import('./session.js').Sending} Sending */

/**
 * Events: "change"; "stats" (Summary); "connected"; "broken" (why) when the focus should invite anew.
 */
export class Call extends Emitter {
  /** @type {import('./stats.js').Summary | null} */
  summary = null;
  /** @type {Bridge | null} */
  bridge = null;
  #closed = false;
  #timers;
  #toldGrade = '';

  /**
   * @param {object} options
   * @param {import('./jingle.js').Offer} options.offer
   * @param {string} options.id
   * @param {string} options.jid
   * @param {RTCIceServer[]} options.iceServers
   * @param {import('./options.js').Options} options.options
   * @param {string} options.codec
   * @param {import('./session.js').Counters} options.counters
   * @param {import('./media.js').Media} options.media
   * @param {(payload: import('./xml.js').Markup, timeout?: number) => Promise<Element>} options.request asks the focus
   * @param {any} [options.WebSocket] for tests
   */
  constructor({ offer, id, jid, iceServers, options, codec, counters, media, request, WebSocket }) {
    super();
    this.id = id;
    this.media = media;
    this.region = offer.region;
    const { relay, simulcast } = options;
    this.session = new Session({ offer, id, jid, iceServers, relay, simulcast, codec, counters, request });
    this.session.on('remote', () => this.emit('change'));
    this.session.on('failed', () => this.emit('broken', 'negotiation failed'));
    this.session.on('state', (state) => {
      if (state === 'connected') this.emit('connected');
      if (state === 'failed') this.emit('broken', 'ICE FAILED');
      this.emit('change');
    });
    if (offer.channelUrl) {
      this.bridge = new Bridge(offer.channelUrl, WebSocket);
      this.bridge.on('change', () => this.emit('change'));
      this.bridge.on('wanted', (name, height) => this.session.setWanted(name, height));
    }
    this.#tellVideoTypes();
    this.#timers = [
      setInterval(() => void this.#measure(), kMeasureEvery),
      setInterval(() => this.#tell(), kTellEvery),
    ];
  }

  /** Answers the offer. */
  start() {
    return this.session.start(this.#tracks());
  }

  #tracks() {
    const { audioTrack, videoTrack, desktopTrack } = this.media;
    return { audio: audioTrack, video: videoTrack, desktop: desktopTrack };
  }

  /** Something of ours came, went, or was muted. */
  mediaChanged() {
    const tracks = this.#tracks();
    for (const kind of /** @type {Sending[]} */ (['audio', 'video', 'desktop'])) this.session.setTrack(kind, tracks[kind]);
    this.#tellVideoTypes();
  }

  #tellVideoTypes() {
    const { bridge, media, id, session } = this;
    bridge?.videoType(`${id}-v0`, media.videoOn ? 'camera' : 'none');
    if (media.desktopTrack || session.midOf('desktop')) bridge?.videoType(`${id}-v1`, media.desktopTrack ? 'desktop' : 'none');
  }

  /** Somebody has left. @param {string} id */
  forget(id) {
    this.session.removeOwner(id);
    this.bridge?.forget(id);
  }

  /**
   * Asks the focus for a new invitation, unless it mends itself meanwhile: the network may just be changing.
   * @param {string} why
   * @param {number} patience ms
   * @param {() => boolean} still whether it is worth asking
   * @returns {Promise<boolean>} false: the focus could not be asked
   */
  async restart(why, patience, still) {
    await pause(patience).done;
    const mended = why === 'ICE FAILED' && this.session.state === 'connected';
    if (this.#closed || mended || !still()) return true;
    try {
      await this.session.terminate(true, why);
      return true;
    } catch {
      return this.#closed;
    }
  }

  async #measure() {
    try {
      const report = await this.session.pc.getStats();
      if (this.#closed) return;
      this.summary = summarise(report.values(), this.summary);
      this.emit('stats', this.summary);
      if (gradeOf(this.quality ?? 0) !== this.#toldGrade) this.#tell();
    } catch {
      // A connection that closed meanwhile has no figures.
    }
  }

  /** 0 to 100; null before the first figures. */
  get quality() {
    return this.summary ? quality(this.summary, this.bridge?.downlink) : null;
  }

  #tell() {
    if (!this.summary || this.quality === null) return;
    this.#toldGrade = gradeOf(this.quality);
    this.bridge?.tellStats(this.summary, this.quality, this.region);
  }

  close() {
    this.#closed = true;
    this.#timers.forEach(clearInterval);
    this.session.close();
    this.bridge?.close();
  }
}
