// @ts-check
// Plays what the others say: one element per audio track, and the way out when the browser wants a tap before any sound.

import { Emitter } from './emitter.js';

/** Events: "blocked" when `blocked` changed. */
export class AudioOut extends Emitter {
  /** @type {Map<string, HTMLAudioElement>} */
  #elements = new Map();
  blocked = false;
  #speaker = '';

  /** @param {HTMLElement} parent */
  constructor(parent) {
    super();
    this.parent = parent;
  }

  /** @param {import('./meeting.js').Participant[]} participants */
  update(participants) {
    const wanted = new Map(participants.flatMap((p) => p.audio.map((a) => [a.name, a.track])));
    for (const [name, element] of this.#elements) {
      if (wanted.has(name)) continue;
      element.srcObject = null;
      element.remove();
      this.#elements.delete(name);
    }
    for (const [name, track] of wanted) {
      if (track) this.#play(name, track);
    }
    if (this.#elements.size === 0) this.#setBlocked(false);
  }

  /** @param {string} name @param {MediaStreamTrack} track */
  #play(name, track) {
    let element = this.#elements.get(name);
    if (element && /** @type {MediaStream} */ (element.srcObject)?.getTracks()[0] === track) return;
    if (!element) {
      element = document.createElement('audio');
      element.autoplay = true;
      this.#elements.set(name, element);
      this.parent.append(element);
      this.#route(element);
    }
    element.srcObject = new MediaStream([track]);
    this.#start(element);
  }

  /** @param {HTMLAudioElement} element */
  #start(element) {
    element.play().catch((error) => {
      // AbortError: replaced by the next track before it began.
      if (error.name === 'NotAllowedError') this.#setBlocked(true);
    });
  }

  /** To be called from a click. */
  async unblock() {
    const results = await Promise.allSettled([...this.#elements.values()].map((e) => e.play()));
    this.#setBlocked(results.some((r) => r.status === 'rejected' && r.reason.name === 'NotAllowedError'));
  }

  /** @param {string} deviceId '' for the default */
  setSpeaker(deviceId) {
    this.#speaker = deviceId;
    for (const element of this.#elements.values()) this.#route(element);
  }

  /** @param {HTMLAudioElement} element */
  #route(element) {
    const target = /** @type {any} */ (element);
    if (typeof target.setSinkId !== 'function' || (this.#speaker === '' && !target.sinkId)) return;
    target.setSinkId(this.#speaker).catch((/** @type {Error} */ error) => console.warn('speaker not usable', error));
  }

  close() {
    this.update([]);
  }

  /** @param {boolean} blocked */
  #setBlocked(blocked) {
    if (this.blocked === blocked) return;
    this.blocked = blocked;
    this.emit('blocked');
  }
}

export const canChooseSpeaker = typeof HTMLMediaElement !== 'undefined' && 'setSinkId' in HTMLMediaElement.prototype;
