// @ts-check
// What the bridge tells over its channel, kept as state, and what we tell it: who speaks, what it forwards, whom it has
// lost; which video we show and what ours shows. Lives as long as one call.

import { Channel } from './channel.js';
import { Emitter } from './emitter.js';
import { receiverConstraints } from './layout.js';

const kMaxSpeakers = 11;

/**
 * @typedef {{ name: string, height: number, stage: boolean }[]} Shown
 *
 * @typedef {object} Told          by an endpoint of its own connection; null where it does not say
 * @property {number} quality      0 to 100
 * @property {number | null} rtt   ms
 * @property {number | null} loss  percent
 * @property {number | null} sendKbps
 * @property {number | null} receiveKbps
 */

/** What others send may be anything. @param {any} value @param {number} most */
const figure = (value, most) => (typeof value === 'number' && value >= 0 ? Math.min(Math.round(value), most) : null);

/** Events: "change"; "wanted" (source name, height) when the bridge says how high one of our sources is needed. */
export class Bridge extends Emitter {
  /** @type {string[]} endpoint ids, the dominant speaker first */
  speakers = [];
  /** @type {Set<string> | null} source names; null while the bridge has not said */
  forwarded = null;
  /** @type {Set<string>} endpoint ids */
  interrupted = new Set();
  /** @type {Set<string>} source names that we want and for which the way to us has no room */
  suspended = new Set();
  /** @type {{ kbps: number, limited: boolean } | null} what the way to us carries; null while the bridge has not said */
  estimate = null;
  /** @type {Map<string, Told>} what each endpoint says of its connection */
  told = new Map();

  /** @param {string} url @param {any} [WebSocket] for tests */
  constructor(url, WebSocket) {
    super();
    this.channel = new Channel(url, WebSocket);
    for (const name of ['open', 'closed']) this.channel.on(name, () => this.emit('change'));
    for (const [name, handle] of Object.entries(this.#handlers)) this.channel.on(name, handle);
  }

  /** @type {Record<string, (message: any) => void>} */
  #handlers = {
    DominantSpeakerEndpointChangeEvent: (m) => {
      const previous = Array.isArray(m.previousSpeakers) ? m.previousSpeakers : [];
      const all = [m.dominantSpeakerEndpoint, ...previous].filter((id) => typeof id === 'string');
      this.speakers = [...new Set(all)].slice(0, kMaxSpeakers);
      this.emit('change');
    },
    ForwardedSources: (m) => {
      if (!Array.isArray(m.forwardedSources)) return;
      this.forwarded = new Set(m.forwardedSources);
      this.suspended = new Set(Array.isArray(m.suspendedSources) ? m.suspendedSources : []);
      this.emit('change');
    },
    ConnectionStats: (m) => {
      const bits = figure(m.estimatedDownlinkBandwidth, 1e12);
      if (bits === null) return;
      this.estimate = { kbps: Math.round(bits / 1000), limited: m.limited === true };
      this.emit('change');
    },
    SenderSourceConstraints: (m) => {
      if (typeof m.sourceName === 'string' && Number.isInteger(m.maxHeight)) this.emit('wanted', m.sourceName, m.maxHeight);
    },
    EndpointConnectivityStatusChangeEvent: (m) => {
      if (typeof m.endpoint !== 'string') return;
      if (String(m.active) === 'false') this.interrupted.add(m.endpoint);
      else this.interrupted.delete(m.endpoint);
      this.emit('change');
    },
    EndpointStats: (m) => {
      const quality = figure(m.connectionQuality, 100);
      if (typeof m.from !== 'string' || quality === null) return;
      this.told.set(m.from, {
        quality,
        rtt: figure(m.jvbRTT, 60_000),
        loss: figure(m.packetLoss?.total, 100),
        sendKbps: figure(m.bitrate?.upload, 1e7),
        receiveKbps: figure(m.bitrate?.download, 1e7),
      });
      this.emit('change');
    },
    EndpointMessage: (m) => {
      // Clients of 2021 measure their way to each peer and count one that is silent as lost.
      if (m.msgPayload?.type !== 'e2e-ping-request' || typeof m.from !== 'string') return;
      const msgPayload = { type: 'e2e-ping-response', id: m.msgPayload.id };
      this.channel.send({ colibriClass: 'EndpointMessage', to: m.from, msgPayload });
    },
  };

  /** Somebody has left. @param {string} id */
  forget(id) {
    this.speakers = this.speakers.filter((s) => s !== id);
    this.interrupted.delete(id);
    this.told.delete(id);
  }

  /** @returns {import('./stats.js').Downlink | null} */
  get downlink() {
    const suspended = this.suspended.size;
    if (!this.estimate && suspended === 0) return null;
    return { kbps: 0, limited: false, ...this.estimate, suspended };
  }

  /** Which video is on the screen, and how large: the bridge sends nothing else. @param {Shown} shown */
  show(shown) {
    this.channel.state('constraints', receiverConstraints(shown));
  }

  /** What one of our video sources shows. @param {string} sourceName @param {'camera' | 'desktop' | 'none'} videoType */
  videoType(sourceName, videoType) {
    this.channel.state(sourceName, { colibriClass: 'SourceVideoTypeMessage', sourceName, videoType });
  }

  /** @param {import('./stats.js').Summary} summary @param {number} connectionQuality @param {string} region */
  tellStats(summary, connectionQuality, region) {
    const { sendKbps, receiveKbps, sendLoss, receiveLoss, rtt } = summary;
    this.channel.send({
      colibriClass: 'EndpointStats',
      bitrate: { upload: sendKbps, download: receiveKbps },
      packetLoss: { upload: sendLoss, download: receiveLoss, total: Math.max(sendLoss, receiveLoss) },
      connectionQuality,
      jvbRTT: rtt ?? undefined,
      serverRegion: region || undefined,
    });
  }

  close() {
    this.channel.close();
  }
}
