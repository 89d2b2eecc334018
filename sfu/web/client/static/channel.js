// @ts-check
// The bridge channel: JSON over a WebSocket to the bridge. What was last said of each matter is said again after a
// reconnection, so that callers never ask whether the channel is up.

import { Emitter } from './emitter.js';
import { backoff } from './backoff.js';

/**
 * Events: one per colibriClass, with the message; "open", "closed".
 */
export class Channel extends Emitter {
  /** @type {WebSocket | null} */
  #socket = null;
  #closed = false;
  #attempt = 0;
  /** @type {any} */
  #timer = null;
  /** @type {Map<string, object>} */
  #standing = new Map();

  /** @param {string} url @param {any} [WebSocket] for tests */
  constructor(url, WebSocket = globalThis.WebSocket) {
    super();
    this.url = url;
    this.WebSocket = WebSocket;
    this.reconnects = 0;
    this.#connect();
  }

  get isOpen() {
    return this.#socket?.readyState === 1;
  }

  #connect() {
    let socket;
    try {
      socket = new this.WebSocket(this.url);
    } catch (error) {
      console.warn('bridge channel: bad address', error);
      return;
    }
    this.#socket = socket;
    socket.onopen = () => {
      this.#attempt = 0;
      this.#raw({ colibriClass: 'ClientHello' });
      for (const message of this.#standing.values()) this.#raw(message);
      this.emit('open');
    };
    socket.onmessage = (/** @type {MessageEvent} */ event) => this.#receive(event.data);
    socket.onclose = () => {
      if (this.#closed || this.#socket !== socket) return;
      this.emit('closed');
      ++this.reconnects;
      this.#timer = setTimeout(() => this.#connect(), backoff(this.#attempt++));
    };
  }

  /** @param {unknown} data */
  #receive(data) {
    if (typeof data !== 'string') return;
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return;
    }
    if (typeof message?.colibriClass === 'string') this.emit(message.colibriClass, message);
  }

  /** @param {object} message */
  #raw(message) {
    if (this.isOpen) this.#socket?.send(JSON.stringify(message));
  }

  /** Something of the moment: lost when the channel is down. @param {object} message */
  send(message) {
    this.#raw(message);
  }

  /**
   * Something that holds until the next of the same key.
   * @param {string} key
   * @param {object} message
   */
  state(key, message) {
    const before = this.#standing.get(key);
    if (before && JSON.stringify(before) === JSON.stringify(message)) return;
    this.#standing.set(key, message);
    this.#raw(message);
  }

  /** @param {string} key */
  forget(key) {
    this.#standing.delete(key);
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#socket?.close(1000);
  }
}
