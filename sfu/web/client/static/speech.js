// @ts-check
// Listens to the microphone on this machine only: the level for the meter, and whether somebody speaks while muted.

/** @type {AudioContext | null} */
let shared = null;

/** The page's one audio context; browsers start it only after a click, so each click tries again. */
export function audioContext() {
  if (!shared && typeof AudioContext !== 'undefined') {
    shared = new AudioContext();
    const wake = () => void shared?.resume().catch(() => {});
    for (const event of ['pointerdown', 'keydown']) document.addEventListener(event, wake, { passive: true });
  }
  return shared;
}

export class LevelMeter {
  #source;
  #analyser;
  #samples;

  /** @param {AudioContext} context @param {MediaStreamTrack} track */
  constructor(context, track) {
    this.#source = context.createMediaStreamSource(new MediaStream([track]));
    this.#analyser = context.createAnalyser();
    this.#analyser.fftSize = 1024;
    this.#samples = new Float32Array(this.#analyser.fftSize);
    this.#source.connect(this.#analyser);
    void context.resume().catch(() => {});
  }

  /** 0 (silence, -60 dB and below) to 1 (full scale). */
  level() {
    this.#analyser.getFloatTimeDomainData(this.#samples);
    let sum = 0;
    for (const sample of this.#samples) sum += sample * sample;
    const decibels = 10 * Math.log10(sum / this.#samples.length + 1e-12);
    return Math.max(0, Math.min(1, (decibels + 60) / 60));
  }

  close() {
    this.#source.disconnect();
  }
}

const kSpeechLevel = 0.45; // about -33 dB: a voice near the microphone, not a keyboard across the room
const kSpeechSamples = 6; // of the last ten, 100 ms apart
const kQuiet = 20_000; // ms between two hints

/** Pure: fed with levels each 100 ms, says when a hint is due. */
export class MutedSpeech {
  /** @type {boolean[]} */
  #recent = [];
  #next = 0;

  /**
   * @param {number} level
   * @param {boolean} muted
   * @param {number} now ms
   */
  feed(level, muted, now) {
    if (!muted) {
      this.#recent = [];
      return false;
    }
    this.#recent.push(level >= kSpeechLevel);
    if (this.#recent.length > 10) this.#recent.shift();
    if (now < this.#next || this.#recent.filter(Boolean).length < kSpeechSamples) return false;
    this.#next = now + kQuiet;
    this.#recent = [];
    return true;
  }
}
