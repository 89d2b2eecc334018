// @ts-check
// A chat room (XEP-0045) as Jitsi uses it: who is in it, what each says of himself in his presence, messages, kicks.

import { Emitter } from './emitter.js';
import { attribute, child, children, errorOf, textOf, xml } from './xml.js';
import { XmppError } from './xmpp.js';

const kClient = 'jabber:client';
const kMuc = 'http://jabber.org/protocol/muc';
const kMucUser = 'http://jabber.org/protocol/muc#user';
const kMucAdmin = 'http://jabber.org/protocol/muc#admin';
const kDelay = 'urn:xmpp:delay';
const kJoinTimeout = 15_000;
const kMaxText = 10_000; // of a message that is shown
const kMaxName = 80;

/**
 * @typedef {import('./xml.js').Markup} Markup
 *
 * @typedef {object} Occupant
 * @property {string} id            nick in the room = endpoint id
 * @property {string} jid           full JID, '' when the server hides it
 * @property {string} role
 * @property {string} affiliation
 * @property {string} name          '' when none was given
 * @property {Record<string, { muted: boolean, videoType: string }>} sourceInfo
 * @property {boolean | null} audioMuted   of old clients; null: not said
 * @property {boolean | null} videoMuted
 * @property {boolean} oldDesktop          an old client's only video is its screen
 * @property {boolean} hand
 * @property {string[]} codecs             best first
 *
 * @typedef {object} ChatMessage
 * @property {string} id
 * @property {string} from  occupant id, '' for the room itself
 * @property {string} text
 * @property {Date} time
 * @property {boolean} isPrivate
 */

/** @param {string} jid */
export function resourceOf(jid) {
  const at = jid.indexOf('/');
  return at < 0 ? '' : jid.slice(at + 1);
}

/** @param {string} jid */
export function bareOf(jid) {
  return jid.split('/', 1)[0];
}

/** The endpoint id that goes with a JID: 8 hex digits of a UUID, or made up. @param {string} jid */
export function nickOf(jid) {
  const local = jid.split('@', 1)[0].toLowerCase();
  const found = /^[0-9a-f]{8}/.exec(local);
  return found && jid.includes('@') ? found[0] : randomNick();
}

export function randomNick() {
  return crypto.getRandomValues(new Uint32Array(1))[0].toString(16).padStart(8, '0');
}

/** @param {string} text */
function sourceInfoOf(text) {
  /** @type {Occupant['sourceInfo']} */
  const out = Object.create(null);
  try {
    for (const [name, info] of Object.entries(JSON.parse(text)).slice(0, 32)) {
      if (info && typeof info === 'object') {
        const { muted, videoType } = /** @type {any} */ (info);
        out[name] = { muted: muted === true, videoType: typeof videoType === 'string' ? videoType : '' };
      }
    }
  } catch {
    // No JSON: nothing is known.
  }
  return out;
}

/**
 * What a presence says of its sender.
 * @param {Element} presence
 * @returns {Occupant}
 */
export function readOccupant(presence) {
  const id = resourceOf(attribute(presence, 'from'));
  const item = child(child(presence, 'x', kMucUser), 'item');
  const said = (/** @type {string} */ name) => textOf(presence, name);
  const flag = (/** @type {string | null} */ text) => (text === null ? null : text === 'true');
  // A name not beginning with the sender's id speaks for somebody else.
  const info = Object.entries(sourceInfoOf(said('SourceInfo') ?? '{}')).filter(([name]) => name.startsWith(`${id}-`));
  const hand = said('jitsi_participant_raisedHand') ?? '';
  const codecs = said('jitsi_participant_codecList') ?? said('jitsi_participant_codecType') ?? '';
  return {
    id,
    jid: attribute(item, 'jid'),
    role: attribute(item, 'role'),
    affiliation: attribute(item, 'affiliation'),
    name: (said('nick') ?? '').trim().slice(0, kMaxName),
    sourceInfo: Object.fromEntries(info),
    audioMuted: flag(said('audiomuted')),
    videoMuted: flag(said('videomuted')),
    oldDesktop: said('videoType') === 'desktop',
    hand: !['', '0', 'false'].includes(hand.trim()),
    codecs: codecs.toLowerCase().split(',').map((c) => c.trim()).filter(Boolean).slice(0, 16),
  };
}

/** @param {Element} message @returns {ChatMessage | null} */
export function readMessage(message) {
  const text = textOf(message, 'body');
  const type = attribute(message, 'type');
  if (text === null || text === '' || (type !== 'groupchat' && type !== 'chat')) return null;
  const stamp = Date.parse(attribute(child(message, 'delay', kDelay), 'stamp'));
  return {
    id: attribute(message, 'id'),
    from: resourceOf(attribute(message, 'from')),
    text: text.slice(0, kMaxText),
    time: Number.isNaN(stamp) ? new Date() : new Date(stamp),
    isPrivate: type === 'chat',
  };
}

/**
 * Events: "occupant" (Occupant, isNew), "left" (id, { kicked, by, reason }), "message" (ChatMessage),
 * "removed" ({ kicked, destroyed, by, reason }) when it is us, "refused-message" (text).
 */
export class Room extends Emitter {
  nick = '';
  isJoined = false;
  /** @type {Map<string, Occupant>} */
  occupants = new Map();
  /** @type {{ resolve: () => void, reject: (error: Error) => void, timer: any } | null} */
  #joining = null;
  #leaving = false;

  /** @param {import('./xmpp.js').Stream} stream @param {string} jid */
  constructor(stream, jid) {
    super();
    this.stream = stream;
    this.jid = jid;
    this.stop = stream.on('stanza', (stanza) => this.#stanza(stanza));
  }

  /**
   * @param {string} nick
   * @param {Markup[]} about the presence's own children
   * @param {string} password '' for none
   * @returns {Promise<void>}
   */
  join(nick, about, password) {
    this.nick = nick;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#joining = null;
        reject(new XmppError('timeout'));
      }, kJoinTimeout);
      this.#joining = { resolve, reject, timer };
      const entry = xml('x', { xmlns: kMuc }, password ? xml('password', {}, password) : null);
      this.stream.send(xml('presence', { xmlns: kClient, to: `${this.jid}/${nick}` }, entry, about));
    });
  }

  /** @param {Markup[]} about */
  update(about) {
    if (this.isJoined) this.stream.send(xml('presence', { xmlns: kClient, to: `${this.jid}/${this.nick}` }, about));
  }

  leave() {
    this.#leaving = true;
    if (this.isJoined) {
      this.stream.send(xml('presence', { xmlns: kClient, to: `${this.jid}/${this.nick}`, type: 'unavailable' }));
    }
    this.isJoined = false;
    this.stop();
  }

  /** @param {string} text @returns {boolean} whether it could be sent */
  say(text) {
    return this.stream.send(xml('message', { xmlns: kClient, to: this.jid, type: 'groupchat' }, xml('body', {}, text)));
  }

  /** @param {string} id @param {string} reason */
  kick(id, reason) {
    const item = xml('item', { nick: id, role: 'none' }, xml('reason', {}, reason));
    return this.stream.request('set', this.jid, xml('query', { xmlns: kMucAdmin }, item));
  }

  /** @param {Element} stanza */
  #stanza(stanza) {
    if (bareOf(attribute(stanza, 'from')) !== this.jid) return;
    if (stanza.localName === 'presence') this.#presence(stanza);
    else this.#message(stanza);
  }

  /** @param {Element} presence */
  #presence(presence) {
    const type = attribute(presence, 'type');
    const id = resourceOf(attribute(presence, 'from'));
    if (type === 'error') {
      const error = errorOf(presence);
      this.#joined(new XmppError(error.condition, { type: error.type, text: error.text, stanza: presence }));
    } else if (type === 'unavailable') {
      this.#gone(presence, id);
    } else if (type === '') {
      const occupant = readOccupant(presence);
      if (occupant.jid === '' && id !== this.nick) return; // Jitsi's rule: who hides is not there
      const isNew = !this.occupants.has(id);
      this.occupants.set(id, occupant);
      if (id === this.nick) this.#joined(null);
      this.emit('occupant', occupant, isNew);
    }
  }

  /** @param {XmppError | null} error */
  #joined(error) {
    const joining = this.#joining;
    if (!joining) return;
    this.#joining = null;
    clearTimeout(joining.timer);
    if (error) {
      joining.reject(error);
    } else {
      this.isJoined = true;
      joining.resolve();
    }
  }

  /** @param {Element} presence @param {string} id */
  #gone(presence, id) {
    const x = child(presence, 'x', kMucUser);
    const item = child(x, 'item');
    const destroyed = child(x, 'destroy');
    const codes = children(x, 'status').map((s) => attribute(s, 'code'));
    const how = {
      kicked: codes.includes('307') || codes.includes('301'),
      destroyed: destroyed !== null,
      by: attribute(child(item, 'actor'), 'nick'),
      reason: (textOf(item, 'reason') ?? textOf(destroyed, 'reason') ?? '').slice(0, 500),
    };
    const known = this.occupants.delete(id);
    if (id === this.nick) {
      this.isJoined = false;
      if (!this.#leaving) this.emit('removed', how);
    } else if (known) {
      this.emit('left', id, how);
    }
  }

  /** @param {Element} message */
  #message(message) {
    if (attribute(message, 'type') === 'error') {
      this.emit('refused-message', errorOf(message).text);
      return;
    }
    const read = readMessage(message);
    if (read) this.emit('message', read);
  }
}
