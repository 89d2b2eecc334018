// @ts-check
// The XMPP stream: WebSocket framing (RFC 7395), anonymous login, bind, stream management with resumption (XEP-0198),
// pings (XEP-0199), requests and their answers. Knows nothing of rooms. One object lives through all reconnections:
// connect() takes up the old session where the server still has it, and says whether it did.

import { Emitter } from './emitter.js';
import { attribute, child, children, errorOf, parseXml, xml } from './xml.js';

const kFraming = 'urn:ietf:params:xml:ns:xmpp-framing';
const kStreams = 'http://etherx.jabber.org/streams';
const kSasl = 'urn:ietf:params:xml:ns:xmpp-sasl';
const kBind = 'urn:ietf:params:xml:ns:xmpp-bind';
const kSession = 'urn:ietf:params:xml:ns:xmpp-session';
const kManagement = 'urn:xmpp:sm:3';
const kStanzas = 'urn:ietf:params:xml:ns:xmpp-stanzas';
const kClient = 'jabber:client';
const kPing = 'urn:xmpp:ping';

const kConnectTimeout = 15_000;
const kRequestTimeout = 10_000;
const kPingEvery = 10_000;
const kPingTimeout = 5_000;
const kAckEvery = 5;
const kMaxUnacked = 500;

/** Why a request or a connection failed; `condition` is the XMPP name, or "timeout", "closed", "unreachable". */
export class XmppError extends Error {
  /** @param {string} condition @param {{ type?: string, text?: string, stanza?: Element | null }} [more] */
  constructor(condition, { type = '', text = '', stanza = null } = {}) {
    super(text ? `${condition}: ${text}` : condition);
    this.condition = condition;
    this.type = type;
    this.text = text;
    this.stanza = stanza;
  }
}

/**
 * Events: "stanza" (element), once per presence or message; "closed" (XmppError) when an open stream broke.
 */
export class Stream extends Emitter {
  jid = '';
  /** @type {WebSocket | null} */
  #socket = null;
  #open = false;
  #authenticated = false;
  #lastHeard = 0;
  #lostPings = 0;
  #idPrefix = '';
  #idCount = 0;
  /** @type {Map<string, { to: string, resolve: (answer: Element) => void, reject: (error: Error) => void, timer: any }>} */
  #waiting = new Map();
  /** @type {((iq: Element) => Markup | true | null)[]} */
  #responders = [];
  /** @type {{ id: string, received: number, acked: number, unacked: string[], sinceAsked: number } | null} */
  #session = null;
  /** @type {{ resolve: (result: { resumed: boolean }) => void, reject: (error: Error) => void } | null} */
  #connecting = null;
  #enabling = false;
  /** @type {any} */
  #pinger = null;

  /** @typedef {import('./xml.js').Markup} Markup */

  /**
   * @param {object} options
   * @param {(previd: string) => string} options.url the address; `previd` is '' for a new session
   * @param {string} options.domain
   * @param {any} [options.WebSocket] for tests
   * @param {(text: string) => Element} [options.parse] for tests
   */
  constructor({ url, domain, WebSocket = globalThis.WebSocket, parse = parseXml }) {
    super();
    this.url = url;
    this.domain = domain;
    this.WebSocket = WebSocket;
    this.parse = parse;
  }

  get isOpen() {
    return this.#open;
  }
  get canResume() {
    return Boolean(this.#session?.id);
  }

  /**
   * @returns {Promise<{ resumed: boolean }>}
   */
  connect() {
    this.#drop();
    this.#authenticated = false;
    this.#enabling = false;
    this.#lostPings = 0;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#broke(new XmppError('timeout')), kConnectTimeout);
      this.#connecting = {
        resolve: (result) => (clearTimeout(timer), resolve(result)),
        reject: (error) => (clearTimeout(timer), reject(error)),
      };
      let socket;
      try {
        socket = new this.WebSocket(this.url(this.#session?.id ?? ''), 'xmpp');
      } catch (error) {
        this.#broke(new XmppError('unreachable', { text: String(error) }));
        return;
      }
      this.#socket = socket;
      socket.onopen = () => this.#openStream();
      socket.onmessage = (/** @type {MessageEvent} */ event) => {
        if (this.#socket === socket && typeof event.data === 'string') this.#frame(event.data);
      };
      socket.onclose = (/** @type {CloseEvent} */ event) => {
        if (this.#socket === socket) {
          this.#broke(new XmppError(this.#open ? 'closed' : 'unreachable', { text: event.reason || String(event.code) }));
        }
      };
    });
  }

  /** Says goodbye and closes; nothing of the session is kept. */
  async close() {
    const socket = this.#socket;
    const wasOpen = this.#open;
    this.#forget(new XmppError('closed'));
    if (socket && wasOpen) {
      this.#raw(xml('presence', { xmlns: kClient, type: 'unavailable' }).text);
      this.#raw(xml('close', { xmlns: kFraming }).text);
    }
    this.#open = false;
    this.#socket = null;
    clearInterval(this.#pinger);
    socket?.close(1000);
  }

  /** Gives the session up, so that the next connect() makes a new one. @param {XmppError} [why] */
  #forget(why = new XmppError('closed')) {
    this.#session = null;
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(why);
    }
    this.#waiting.clear();
  }

  /** The next connect() makes a new session; whatever was asked in the old one fails now. */
  abandon() {
    this.#forget();
  }

  /** Ends the connection but not the session, as a network would; for a changed network and for tests. */
  interrupt() {
    if (this.#socket) this.#broke(new XmppError('closed'));
  }

  /**
   * The first of them that returns something answers an incoming request: with markup (the result's content) or true
   * (an empty result). A thrown XmppError becomes an error answer. What nobody takes is service-unavailable.
   * @param {(iq: Element) => Markup | true | null} responder
   */
  respond(responder) {
    this.#responders.push(responder);
    return () => void this.#responders.splice(this.#responders.indexOf(responder), 1);
  }

  /** @param {Markup} stanza @returns {boolean} false: there is no connection, and no session that would deliver it later */
  send(stanza) {
    const session = this.#session;
    if (session) {
      // A session that collects this much while away is not worth resuming.
      if (session.unacked.length >= kMaxUnacked && !this.#open) return false;
      session.unacked.push(stanza.text);
    } else if (!this.#open) {
      return false;
    }
    if (this.#open) {
      this.#raw(stanza.text);
      if (session && ++session.sinceAsked >= kAckEvery) {
        session.sinceAsked = 0;
        this.#raw(xml('r', { xmlns: kManagement }).text);
      }
    }
    return true;
  }

  /**
   * @param {'get' | 'set'} type
   * @param {string} to
   * @param {Markup} payload
   * @param {number} [timeout]
   * @returns {Promise<Element>}
   */
  request(type, to, payload, timeout = kRequestTimeout) {
    const id = `${this.#idPrefix}-${++this.#idCount}`;
    return new Promise((resolve, reject) => {
      const expire = () => {
        if (this.#waiting.delete(id)) reject(new XmppError('timeout'));
      };
      this.#waiting.set(id, { to, resolve, reject, timer: setTimeout(expire, timeout) });
      if (!this.send(xml('iq', { xmlns: kClient, type, id, to }, payload))) {
        clearTimeout(this.#waiting.get(id)?.timer);
        this.#waiting.delete(id);
        reject(new XmppError('closed'));
      }
    });
  }

  /** @param {string} text */
  #raw(text) {
    if (this.#socket?.readyState === 1) this.#socket.send(text);
  }

  #openStream() {
    this.#raw(xml('open', { xmlns: kFraming, to: this.domain, version: '1.0' }).text);
  }

  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    this.#open = false;
    clearInterval(this.#pinger);
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
  }

  /** @param {XmppError} error */
  #broke(error) {
    const { reject } = this.#connecting ?? {};
    const wasOpen = this.#open;
    this.#connecting = null;
    this.#drop();
    if (!this.canResume) this.#forget(error);
    if (reject) reject(error);
    else if (wasOpen) this.emit('closed', error);
  }

  /** @param {boolean} resumed */
  #ready(resumed) {
    this.#open = true;
    this.#lastHeard = Date.now();
    clearInterval(this.#pinger);
    this.#pinger = setInterval(() => this.#ping(), kPingEvery);
    const connecting = this.#connecting;
    this.#connecting = null;
    connecting?.resolve({ resumed });
  }

  #ping() {
    if (Date.now() - this.#lastHeard < kPingEvery - 500) return;
    this.request('get', this.domain, xml('ping', { xmlns: kPing }), kPingTimeout).then(
      () => (this.#lostPings = 0),
      (error) => {
        if (error.condition !== 'timeout') return; // an error answer is a sign of life too
        if (++this.#lostPings >= 2 && this.#open) this.#broke(new XmppError('timeout'));
      },
    );
  }

  /** @param {string} text */
  #frame(text) {
    this.#lastHeard = Date.now();
    this.#lostPings = 0;
    let element;
    try {
      element = this.parse(text);
    } catch {
      this.#broke(new XmppError('not-well-formed'));
      return;
    }
    const { localName: name, namespaceURI: namespace } = element;
    if (namespace === kFraming) {
      if (name === 'close') this.#broke(new XmppError('closed', { text: 'by the server' }));
    } else if (namespace === kStreams) {
      if (name === 'features') this.#features(element);
      else if (name === 'error') this.#broke(new XmppError(children(element)[0]?.localName ?? 'undefined-condition'));
    } else if (namespace === kSasl) {
      this.#login(element);
    } else if (namespace === kManagement) {
      this.#management(element);
    } else if (name === 'iq' || name === 'presence' || name === 'message') {
      if (this.#session && !this.#enabling) ++this.#session.received;
      if (name === 'iq') this.#iq(element);
      else this.emit('stanza', element);
    }
  }

  /** @param {Element} features */
  #features(features) {
    if (!this.#authenticated) {
      const offered = children(child(features, 'mechanisms', kSasl)).map((m) => m.textContent);
      if (!offered.includes('ANONYMOUS')) this.#broke(new XmppError('not-authorized', { text: 'no anonymous login here' }));
      else this.#raw(xml('auth', { xmlns: kSasl, mechanism: 'ANONYMOUS' }).text);
      return;
    }
    const managed = child(features, 'sm', kManagement) !== null;
    if (managed && this.#session?.id) {
      const { received, id } = this.#session;
      this.#raw(xml('resume', { xmlns: kManagement, h: received, previd: id }).text);
      return;
    }
    this.#bindSoon(managed, child(child(features, 'session', kSession), 'optional') === null && child(features, 'session') !== null);
  }

  /** @param {boolean} managed @param {boolean} wantsSession */
  #bindSoon(managed, wantsSession) {
    this.#forget();
    const random = crypto.getRandomValues(new Uint32Array(2));
    this.#idPrefix = Array.from(random, (n) => n.toString(16).padStart(8, '0')).join('');
    const id = `${this.#idPrefix}-bind`;
    const finish = () => {
      if (!managed) {
        this.#ready(false);
        return;
      }
      this.#enabling = true;
      this.#raw(xml('enable', { xmlns: kManagement, resume: 'true' }).text);
    };
    /** @param {Markup} payload @param {string} requestId @param {(answer: Element) => void} then */
    const ask = (payload, requestId, then) => {
      const reject = (/** @type {Error} */ error) => {
        if (this.#connecting) this.#broke(error instanceof XmppError ? error : new XmppError('undefined-condition'));
      };
      this.#waiting.set(requestId, { to: '', resolve: then, reject, timer: null });
      this.#raw(xml('iq', { xmlns: kClient, type: 'set', id: requestId }, payload).text);
    };
    ask(xml('bind', { xmlns: kBind }), id, (answer) => {
      this.jid = child(child(answer, 'bind', kBind), 'jid')?.textContent ?? '';
      if (wantsSession) ask(xml('session', { xmlns: kSession }), `${this.#idPrefix}-session`, finish);
      else finish();
    });
  }

  /** @param {Element} element */
  #login(element) {
    if (element.localName === 'success') {
      this.#authenticated = true;
      this.#openStream();
    } else if (element.localName === 'failure') {
      const text = child(element, 'text')?.textContent ?? '';
      this.#broke(new XmppError('not-authorized', { text }));
    }
  }

  /** @param {Element} element */
  #management(element) {
    const name = element.localName;
    const session = this.#session;
    if (name === 'enabled') {
      this.#enabling = false;
      const id = attribute(element, 'resume') === 'true' || attribute(element, 'resume') === '1' ? attribute(element, 'id') : '';
      this.#session = { id, received: 0, acked: 0, unacked: [], sinceAsked: 0 };
      this.#ready(false);
    } else if (name === 'failed' && this.#enabling) {
      this.#enabling = false;
      this.#ready(false);
    } else if (name === 'failed') {
      this.#bindSoon(true, false); // the old session is gone; a new one on the same socket
    } else if (!session) {
      return;
    } else if (name === 'r') {
      this.#raw(xml('a', { xmlns: kManagement, h: session.received }).text);
    } else if (name === 'a') {
      this.#acknowledge(Number(attribute(element, 'h')));
    } else if (name === 'resumed') {
      this.#acknowledge(Number(attribute(element, 'h')));
      this.#ready(true);
      for (const text of session.unacked) this.#raw(text);
      this.#raw(xml('r', { xmlns: kManagement }).text);
    }
  }

  /** @param {number} handled */
  #acknowledge(handled) {
    const session = this.#session;
    if (!session || !Number.isInteger(handled)) return;
    const count = (handled - session.acked) >>> 0; // the counter wraps at 2^32
    if (count > session.unacked.length) return; // a peer that counts wrong must not make us lose what it has not got
    session.unacked.splice(0, count);
    session.acked = handled;
  }

  /** @param {Element} iq */
  #iq(iq) {
    const type = attribute(iq, 'type');
    const id = attribute(iq, 'id');
    if (type === 'get' || type === 'set') {
      this.#answer(iq, id);
      return;
    }
    const waiting = this.#waiting.get(id);
    const from = attribute(iq, 'from');
    // Ids cannot be guessed, but an occupant could still answer for somebody else whom we asked.
    if (!waiting || (waiting.to !== '' && from !== '' && from !== waiting.to)) return;
    clearTimeout(waiting.timer);
    this.#waiting.delete(id);
    if (type === 'result') {
      waiting.resolve(iq);
    } else {
      const error = errorOf(iq);
      waiting.reject(new XmppError(error.condition, { type: error.type, text: error.text, stanza: iq }));
    }
  }

  /** @param {Element} iq @param {string} id */
  #answer(iq, id) {
    const to = attribute(iq, 'from') || null;
    try {
      if (child(iq, 'ping', kPing)) {
        this.send(xml('iq', { xmlns: kClient, type: 'result', id, to }));
        return;
      }
      for (const responder of [...this.#responders]) {
        const result = responder(iq);
        if (result === null) continue;
        this.send(xml('iq', { xmlns: kClient, type: 'result', id, to }, result === true ? null : result));
        return;
      }
      throw new XmppError('service-unavailable', { type: 'cancel' });
    } catch (error) {
      const known = error instanceof XmppError ? error : new XmppError('internal-server-error', { type: 'cancel' });
      if (known !== error) console.error('answering a request failed', error);
      const content = xml('error', { type: known.type || 'cancel' }, xml(known.condition, { xmlns: kStanzas }));
      this.send(xml('iq', { xmlns: kClient, type: 'error', id, to }, content));
    }
  }
}
