// @ts-check
// Microphone, camera and screen of this machine: opened when wanted, let go when not. Refusals come as MediaProblem with
// a reason that can be put in words.

import { Emitter } from './emitter.js';
import { LevelMeter, audioContext } from './speech.js';

/** @typedef {'refused' | 'absent' | 'busy' | 'insecure' | 'cancelled' | 'unknown'} MediaReason */

export class MediaProblem extends Error {
  /** @param {'audio' | 'video' | 'desktop'} kind @param {MediaReason} reason */
  constructor(kind, reason) {
    super(`${kind}: ${reason}`);
    this.kind = kind;
    this.reason = reason;
  }
}

/**
 * What a browser's error means to a person.
 * @param {any} error
 * @param {boolean} isScreen
 * @returns {MediaReason}
 */
export function reasonOf(error, isScreen = false) {
  switch (error?.name) {
    case 'NotAllowedError':
    case 'PermissionDeniedError':
    case 'SecurityError':
      // Closing the screen picker is no refusal.
      return isScreen ? 'cancelled' : 'refused';
    case 'AbortError':
    case 'NotReadableError':
    case 'TrackStartError':
      return isScreen && error.name === 'AbortError' ? 'cancelled' : 'busy';
    case 'NotFoundError':
    case 'DevicesNotFoundError':
    case 'OverconstrainedError':
      return 'absent';
    default:
      return 'unknown';
  }
}

/**
 * Events: "change" when a track came, went, or was muted; "lost" (kind) when a device was pulled out; "devices" when the
 * list of devices changed.
 */
export class Media extends Emitter {
  /** @type {MediaStreamTrack | null} what the microphone gives; never muted, so that speaking while muted is noticed */
  #microphone = null;
  /** @type {MediaStreamTrack | null} the copy that is sent */
  audioTrack = null;
  /** @type {MediaStreamTrack | null} */
  videoTrack = null;
  /** @type {MediaStreamTrack | null} */
  desktopTrack = null;
  audioOn = false;
  /** @type {{ audio: MediaReason | null, video: MediaReason | null }} why it is off although it was wanted */
  problems = { audio: null, video: null };
  /** @type {LevelMeter | null} */
  #meter = null;
  /** @type {Record<string, Promise<void>>} */
  #busy = {};

  /**
   * @param {{ width: number, height: number, fps: number }} camera
   * @param {{ audioinput: string, videoinput: string, audiooutput: string }} chosen device ids, '' for the default
   */
  constructor(camera, chosen) {
    super();
    this.camera = camera;
    this.chosen = chosen;
    navigator.mediaDevices?.addEventListener?.('devicechange', () => this.emit('devices'));
  }

  get videoOn() {
    return this.videoTrack !== null;
  }
  get canShareScreen() {
    return typeof navigator.mediaDevices?.getDisplayMedia === 'function';
  }

  /** 0 to 1, also while muted; 0 without a microphone. */
  level() {
    return this.#meter?.level() ?? 0;
  }

  /** One thing at a time per kind: a second click waits for the first. @param {string} kind @param {() => Promise<void>} task */
  #serial(kind, task) {
    const before = this.#busy[kind] ?? Promise.resolve();
    const now = before.catch(() => {}).then(task);
    this.#busy[kind] = now;
    return now;
  }

  /** @param {boolean} on @returns {Promise<void>} rejects with MediaProblem */
  setAudio(on) {
    return this.#serial('audio', async () => {
      if (on && !this.audioTrack) await this.#openMicrophone();
      this.audioOn = on;
      if (this.audioTrack) this.audioTrack.enabled = on;
      this.emit('change');
    });
  }

  /** @param {boolean} on @returns {Promise<void>} rejects with MediaProblem */
  setVideo(on) {
    return this.#serial('video', async () => {
      if (on && !this.videoTrack) await this.#openCamera();
      if (!on) this.#stop('videoTrack'); // let go, so that the camera's light goes out
      this.emit('change');
    });
  }

  /** @returns {Promise<void>} rejects with MediaProblem */
  startScreen() {
    return this.#serial('desktop', async () => {
      let stream;
      try {
        stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { max: 30 } }, audio: false });
      } catch (error) {
        throw new MediaProblem('desktop', reasonOf(error, true));
      }
      const track = stream.getVideoTracks()[0];
      track.contentHint = 'detail';
      track.onended = () => void this.stopScreen();
      this.desktopTrack = track;
      this.emit('change');
    });
  }

  async stopScreen() {
    this.#stop('desktopTrack');
    this.emit('change');
  }

  /**
   * Another device; what is on stays on.
   * @param {'audioinput' | 'videoinput' | 'audiooutput'} kind
   * @param {string} id
   */
  async choose(kind, id) {
    this.chosen = { ...this.chosen, [kind]: id };
    this.emit('chosen', kind);
    if (kind === 'audioinput' && this.#microphone) {
      await this.#serial('audio', () => this.#openMicrophone());
      this.emit('change');
    } else if (kind === 'videoinput' && this.videoTrack) {
      await this.#serial('video', () => this.#openCamera());
      this.emit('change');
    }
  }

  /** @returns {Promise<MediaDeviceInfo[]>} */
  async devices() {
    try {
      return await navigator.mediaDevices.enumerateDevices();
    } catch {
      return [];
    }
  }

  close() {
    this.#stop('videoTrack');
    this.#stop('desktopTrack');
    this.#closeMicrophone();
    this.emit('change');
  }

  /** @param {'audio' | 'video'} kind @param {MediaTrackConstraints} wanted @returns {Promise<MediaStreamTrack>} */
  async #open(kind, wanted) {
    const { mediaDevices } = navigator;
    if (!mediaDevices?.getUserMedia) {
      this.problems[kind] = 'insecure';
      this.emit('change');
      throw new MediaProblem(kind, 'insecure');
    }
    try {
      const stream = await mediaDevices.getUserMedia({ [kind]: wanted });
      this.problems[kind] = null;
      this.emit('devices'); // names are known from the first permission on
      return stream.getTracks()[0];
    } catch (error) {
      if (wanted.deviceId && reasonOf(error) === 'absent') {
        // The device chosen last time is not plugged in: any other will do.
        const { deviceId, ...any } = wanted;
        return this.#open(kind, any);
      }
      this.problems[kind] = reasonOf(error);
      this.emit('change');
      throw new MediaProblem(kind, reasonOf(error));
    }
  }

  async #openMicrophone() {
    const id = this.chosen.audioinput;
    const track = await this.#open('audio', {
      ...(id ? { deviceId: { exact: id } } : {}),
      echoCancellation: true,
      noiseSuppression: true,
      autoGainControl: true,
    });
    this.#closeMicrophone();
    this.#microphone = track;
    this.audioTrack = track.clone();
    this.audioTrack.enabled = this.audioOn;
    track.onended = () => this.#lose('audio');
    const context = audioContext();
    this.#meter = context ? new LevelMeter(context, track) : null;
  }

  async #openCamera() {
    const id = this.chosen.videoinput;
    const { width, height, fps } = this.camera;
    // Some cameras cannot be opened twice: the old one goes first.
    this.#stop('videoTrack');
    const track = await this.#open('video', {
      ...(id ? { deviceId: { exact: id } } : {}),
      width: { ideal: width },
      height: { ideal: height },
      frameRate: { ideal: fps, max: fps },
    });
    track.contentHint = 'motion';
    track.onended = () => this.#lose('video');
    this.videoTrack = track;
  }

  /** @param {'audio' | 'video'} kind */
  #lose(kind) {
    this.problems[kind] = 'absent';
    if (kind === 'audio') {
      this.#closeMicrophone();
      this.audioOn = false;
    } else {
      this.#stop('videoTrack');
    }
    this.emit('lost', kind);
    this.emit('change');
  }

  #closeMicrophone() {
    this.#meter?.close();
    this.#meter = null;
    for (const track of [this.#microphone, this.audioTrack]) {
      if (track) track.onended = null;
      track?.stop();
    }
    this.#microphone = null;
    this.audioTrack = null;
  }

  /** @param {'videoTrack' | 'desktopTrack'} which */
  #stop(which) {
    const track = this[which];
    if (track) track.onended = null;
    track?.stop();
    this[which] = null;
  }
}
