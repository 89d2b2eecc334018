// @ts-check
// A meeting as a person means it: goes in, stays in through broken networks and restarted shards, knows who is there and
// what each shows. Owns stream, room, session and channel; views read its state and listen for "change".
//
// Phases: connecting -> (waiting: the server has no place yet) -> joined <-> reconnecting, and ended for good.

import { roomAddress } from './rooms.js';
import { backoff, pause } from './backoff.js';
import { Call } from './call.js';
import { capabilities, discoInfo, ownCodecs } from './capabilities.js';
import { Refusal, awaitConference } from './conference.js';
import { Emitter } from './emitter.js';
import { chooseCodec } from './encodings.js';
import { kJingle, muteRequest, readCandidates, readMute, readOffer } from './jingle.js';
import { Room, nickOf, randomNick } from './muc.js';
import { otherOf, selfOf } from './roster.js';
import { deployment, iceServers, meetingStart, probe, socketUrl } from './server.js';
import { parseSources } from './sources.js';
import { attribute, child, children, xml } from './xml.js';
import { Stream, XmppError } from './xmpp.js';

const kKeepAlive = 90_000;
const kMaxRestarts = 3;
const kPatience = 2000; // ms before media are started anew, times the attempt
const kMaxMessages = 1000;

/** @type {Record<string, string>} how the room's refusals end a meeting */
const kRefusals = {
  'service-unavailable': 'full',
  'resource-constraint': 'full',
  'not-authorized': 'password',
  'registration-required': 'members',
  'not-allowed': 'forbidden',
  forbidden: 'forbidden',
};

/**
 * @typedef {import('./muc.js').Occupant} Occupant
 * @typedef {import('./roster.js').Participant} Participant
 */

/**
 * Events: "change"; "message" (ChatMessage); "notice" (i18n key, parameters) for what a person should see pass by;
 * "stats" (Summary).
 */
export class Meeting extends Emitter {
  /** @type {'connecting' | 'waiting' | 'joined' | 'reconnecting' | 'ended'} */
  phase = 'connecting';
  /** @type {{ reason: string, retryAt: number } | null} what is wrong while not joined */
  problem = null;
  /** @type {{ reason: string, by: string, text: string } | null} */
  end = null;
  /** @type {Stream} */
  stream;
  /** @type {Room | null} */
  room = null;
  /** @type {Call | null} */
  call = null;
  /** @type {(import('./muc.js').ChatMessage & { name: string, own: boolean })[]} */
  messages = [];
  shard = '';
  region = '';
  /** @type {Date | null} */
  started = null;
  hand = false;
  /** @type {import('./session.js').Counters} */
  counters = { setRemoteDescription: 0, sourceAdds: 0, sourceRemoves: 0, sessions: 0, restarts: 0 };
  reconnects = 0;

  #over = false;
  #turn = 0; // of coming in
  #inside = false; // in the room, by what this stream's session knows
  #handRaised = ''; // what presence says; never said before the first raising
  #focusJid = '';
  /** @type {RTCIceServer[]} */
  #iceServers = [];
  #restarts = 0;
  /** @type {import('./bridge.js').Shown} */
  #shown = [];
  /** @type {((error: Error) => void) | null} */
  #broken = null;
  /** @type {(() => void) | null} */
  #skipPause = null;
  #presencePending = false;
  /** @type {(() => void)[]} */
  #cleanup = [];
  /** @type {any[]} */
  #timers = [];

  /**
   * @param {object} options
   * @param {import('./server.js').Config} options.config
   * @param {string} options.key
   * @param {string} options.name
   * @param {import('./media.js').Media} options.media
   * @param {import('./options.js').Options} options.options
   * @param {any} [options.WebSocket] for tests
   */
  constructor({ config, key, name, media, options, WebSocket }) {
    super();
    this.config = config;
    this.key = key;
    this.name = name;
    this.media = media;
    this.options = options;
    this.WebSocket = WebSocket;
    this.password = '';
    this.codecs = ownCodecs(options.codec);
    this.roomJid = roomAddress(key, config);
    this.stream = new Stream({ url: (previd) => socketUrl(key, previd), domain: config.domain, WebSocket });
    this.stream.respond((iq) => this.#respond(iq));
    this.stream.on('closed', (error) => this.#broken?.(error));
    this.#cleanup.push(media.on('change', () => this.#mediaChanged()));
    const online = () => this.retryNow();
    globalThis.addEventListener?.('online', online);
    this.#cleanup.push(() => globalThis.removeEventListener?.('online', online));
  }

  get id() {
    return this.room?.nick ?? '';
  }
  get isModerator() {
    return this.room?.occupants.get(this.id)?.role === 'moderator';
  }
  get session() {
    return this.call?.session ?? null;
  }
  get channel() {
    return this.call?.bridge?.channel ?? null;
  }
  get summary() {
    return this.call?.summary ?? null;
  }
  /** Of our own connection, 0 to 100; null before the first figures. */
  get quality() {
    return this.call?.quality ?? null;
  }
  /** @returns {import('./stats.js').Downlink | null} what the bridge says of the way to us */
  get downlink() {
    return this.call?.bridge?.downlink ?? null;
  }
  /** @returns {string[]} endpoint ids, the dominant speaker first */
  get speakers() {
    return this.call?.bridge?.speakers ?? [];
  }
  /** The state of media: "new", "connecting", "connected", "disconnected", "failed", "closed", or "none". */
  get mediaState() {
    return this.session?.state ?? 'none';
  }

  start() {
    this.#timers.push(setInterval(() => void this.#keepAlive(), kKeepAlive));
    this.#timers.push(setTimeout(() => void this.#keepAlive(), 5000));
    void this.#run();
  }

  retryNow() {
    this.#skipPause?.();
  }

  /** @param {string} reason @param {string} [by] @param {string} [text] */
  #finish(reason, by = '', text = '') {
    if (this.#over) return;
    this.#over = true;
    this.end = { reason, by, text };
    this.phase = 'ended';
    this.#leaveRoom();
    void this.stream.close();
    this.#timers.forEach((t) => (clearInterval(t), clearTimeout(t)));
    this.#cleanup.forEach((f) => f());
    this.#skipPause?.();
    this.#broken?.(new XmppError('closed'));
    this.emit('change');
  }

  leave() {
    this.#finish('left');
  }

  // ---- coming in, and again

  async #run() {
    for (let attempt = 0; !this.#over; ++attempt) {
      const broken = new Promise((_, reject) => (this.#broken = reject));
      broken.catch(() => {});
      try {
        const { resumed } = await this.stream.connect();
        if (this.#over) return;
        if (!resumed) await Promise.race([this.#enter(), broken]);
        if (this.#over) return;
        this.phase = 'joined';
        this.problem = null;
        attempt = 0;
        this.emit('change');
        await broken;
      } catch (error) {
        if (this.#over) return;
        await this.#recover(/** @type {Error} */ (error), attempt);
      }
    }
  }

  /** @param {Error} error @param {number} attempt */
  async #recover(error, attempt) {
    const condition = error instanceof XmppError ? error.condition : 'unknown';
    if (!(error instanceof XmppError)) console.error('meeting', error);
    const wasIn = this.phase === 'joined';
    // Whoever was not in has nothing to resume: a session resumed in the middle of joining would hang between states.
    if (!this.#inside) this.stream.abandon();
    const delay = backoff(attempt);
    this.phase = wasIn || this.phase === 'reconnecting' ? 'reconnecting' : this.phase;
    this.problem = { reason: condition === 'not-authorized' ? 'forbidden' : 'lost', retryAt: Date.now() + delay };
    ++this.reconnects;
    this.emit('change');
    const wait = pause(delay);
    this.#skipPause = wait.skip;
    void probe(this.key).then(({ reason }) => {
      if (this.problem && reason !== 'fine' && this.phase !== 'joined') {
        this.problem = { ...this.problem, reason };
        this.emit('change');
      }
    });
    await wait.done;
    this.#skipPause = null;
  }

  /** A new stream: ask for the conference, join the room, wait for the offer. */
  async #enter() {
    const turn = ++this.#turn;
    this.#inside = false;
    this.#leaveRoom();
    if (this.phase !== 'reconnecting') this.phase = 'connecting';
    this.emit('change');
    const { stream } = this;
    void deployment(stream).then(({ shard, region }) => {
      this.shard = shard || this.shard;
      this.region = region || this.region;
      this.emit('change');
    }, () => {});
    const servers = iceServers(stream).catch(() => []);
    await this.#conference();
    this.#iceServers = await servers;
    // The stream may have broken and come again while we waited: then another turn is on its way in.
    if (turn !== this.#turn) throw new XmppError('closed');
    await this.#join();
    this.#inside = true;
    void meetingStart(stream, this.roomJid).then((date) => {
      this.started = date;
      this.emit('change');
    }, () => {});
  }

  async #conference() {
    const waiting = (/** @type {number} */ delay, /** @type {() => void} */ skip) => {
      if (this.phase !== 'reconnecting') this.phase = 'waiting';
      this.problem = { reason: 'full', retryAt: Date.now() + delay };
      this.#skipPause = skip;
      this.emit('change');
    };
    try {
      this.#focusJid = await awaitConference(this.stream, this.config.focus, this.roomJid, waiting);
    } catch (error) {
      if (error instanceof Refusal) this.#finish(error.reason, '', error.message);
      throw error;
    } finally {
      this.#skipPause = null;
    }
  }

  async #join() {
    let nick = nickOf(this.stream.jid);
    for (let attempt = 0; ; ++attempt) {
      const room = new Room(this.stream, this.roomJid);
      this.room = room;
      room.nick = nick;
      room.on('occupant', (occupant, isNew) => this.#occupant(occupant, isNew));
      room.on('left', (id, how) => this.#left(id, how));
      room.on('message', (message) => this.#message(message));
      room.on('refused-message', () => this.emit('notice', 'notice.not-sent', {}));
      room.on('removed', ({ kicked, destroyed, by, reason }) => {
        if (kicked || destroyed) this.#finish(kicked ? 'kicked' : 'closed', this.nameOf(by), reason);
        else this.#rejoin();
      });
      try {
        await room.join(nick, this.#presence(), this.password);
        return;
      } catch (error) {
        room.stop();
        const { condition, text } = /** @type {XmppError} */ (error);
        if (condition === 'conflict' && attempt < 3) {
          nick = randomNick();
          continue;
        }
        const reason = kRefusals[condition];
        if (reason) this.#finish(reason, '', text);
        throw error;
      }
    }
  }

  /** Out and in again, where only a new start helps. */
  #rejoin() {
    this.#inside = false;
    this.stream.abandon();
    this.stream.interrupt();
  }

  #leaveRoom() {
    this.#endCall();
    this.room?.leave();
    this.room = null;
  }

  // ---- the room

  /** @param {Occupant} occupant @param {boolean} isNew */
  #occupant(occupant, isNew) {
    this.session?.setCodec(this.#codec());
    if (isNew && this.room?.isJoined && !this.#isFocus(occupant.id) && occupant.id !== this.id) {
      this.emit('notice', 'notice.joined', { name: this.nameOf(occupant.id) });
    }
    this.emit('change');
  }

  /** @param {string} id @param {{ kicked: boolean, by: string }} how */
  #left(id, how) {
    if (this.#isFocus(id)) {
      this.#rejoin();
      return;
    }
    this.call?.forget(id);
    this.session?.setCodec(this.#codec());
    const name = this.#names.get(id) ?? '';
    this.emit('notice', how.kicked ? 'notice.removed' : 'notice.left', { name });
    this.emit('change');
  }

  /** @param {import('./muc.js').ChatMessage} message */
  #message(message) {
    const entry = { ...message, name: this.nameOf(message.from), own: message.from === this.id };
    this.messages.push(entry);
    if (this.messages.length > kMaxMessages) this.messages.shift();
    this.emit('message', entry);
  }

  /** Names of people who left stay with what they wrote. @type {Map<string, string>} */
  #names = new Map();

  /** @param {string} id @returns {string} '' when unknown */
  nameOf(id) {
    const name = this.room?.occupants.get(id)?.name ?? this.#names.get(id) ?? '';
    if (name) this.#names.set(id, name);
    return name;
  }

  /** @param {string} id */
  #isFocus(id) {
    return id === 'focus';
  }

  /** @returns {Occupant[]} people: neither we nor the focus */
  #others() {
    return [...(this.room?.occupants.values() ?? [])].filter((o) => !this.#isFocus(o.id) && o.id !== this.id);
  }

  #codec() {
    return chooseCodec(this.codecs, this.#others().map((o) => o.codecs));
  }

  /** What we tell of ourselves. */
  #presence() {
    const { media, id } = this;
    const audioMuted = !(media.audioTrack && media.audioOn);
    /** @type {Record<string, object>} */
    const info = {};
    if (this.session) {
      info[`${id}-a0`] = { muted: audioMuted };
      info[`${id}-v0`] = { muted: !media.videoOn };
      if (media.desktopTrack) info[`${id}-v1`] = { muted: false, videoType: 'desktop' };
    }
    return [
      xml('stats-id', {}, 'Roomgate'),
      capabilities(),
      xml('SourceInfo', {}, JSON.stringify(info)),
      xml('jitsi_participant_codecList', {}, this.codecs.join(',')),
      xml('jitsi_participant_codecType', {}, this.codecs[0]),
      ...(this.#handRaised ? [xml('jitsi_participant_raisedHand', {}, this.#handRaised)] : []),
      xml('audiomuted', { xmlns: 'http://jitsi.org/jitmeet/audio' }, String(audioMuted)),
      xml('videomuted', { xmlns: 'http://jitsi.org/jitmeet/video' }, String(!media.videoOn)),
      ...(this.name ? [xml('nick', { xmlns: 'http://jabber.org/protocol/nick' }, this.name)] : []),
    ];
  }

  #tellPresence() {
    if (this.#presencePending) return;
    this.#presencePending = true;
    setTimeout(() => {
      this.#presencePending = false;
      this.room?.update(this.#presence());
    }, 0);
  }

  /** @param {string} text */
  say(text) {
    const sent = this.room?.isJoined && this.room.say(text);
    if (!sent) this.emit('notice', 'notice.not-sent', {});
    return Boolean(sent);
  }

  /** @param {boolean} up */
  raiseHand(up) {
    this.hand = up;
    // Clients only look at what is there: a lowered hand must be said.
    this.#handRaised = up ? String(Date.now()) : '0';
    this.#tellPresence();
    this.emit('change');
  }

  /** @param {string} name */
  rename(name) {
    this.name = name;
    this.#tellPresence();
  }

  /** As moderator. @param {string} id @param {'audio' | 'video' | 'desktop'} kind */
  async mute(id, kind) {
    try {
      await this.stream.request('set', `${this.roomJid}/focus`, muteRequest(kind, `${this.roomJid}/${id}`));
    } catch {
      this.emit('notice', 'notice.mute-failed', { name: this.nameOf(id) });
    }
  }

  /** As moderator. @param {string} id */
  async kick(id) {
    try {
      await this.room?.kick(id, '');
    } catch {
      this.emit('notice', 'notice.kick-failed', { name: this.nameOf(id) });
    }
  }

  // ---- requests of the focus

  /** @param {Element} iq @returns {import('./xml.js').Markup | true | null} */
  #respond(iq) {
    const disco = child(iq, 'query', 'http://jabber.org/protocol/disco#info');
    if (disco && attribute(iq, 'type') === 'get') return discoInfo(attribute(disco, 'node'));
    const jingle = child(iq, 'jingle', kJingle);
    const mute = children(iq, 'mute').length > 0;
    if (!jingle && !mute) return null;
    // Media and mutes are the focus' alone: nobody else in the room may call us (XEP-0166 6.3.2).
    if (!this.#fromFocus(attribute(iq, 'from'))) throw new XmppError('service-unavailable', { type: 'cancel' });
    if (mute) this.#muted(iq);
    return jingle ? this.#jingle(iq, jingle) : true;
  }

  /** @param {string} from */
  #fromFocus(from) {
    if (from !== `${this.roomJid}/focus`) return false;
    const jid = this.room?.occupants.get('focus')?.jid ?? '';
    return this.#focusJid === '' || jid === '' || jid === this.#focusJid || jid.startsWith(`${this.#focusJid}/`);
  }

  /** @param {Element} iq @param {Element} jingle @returns {true} */
  #jingle(iq, jingle) {
    const action = attribute(jingle, 'action');
    if (action === 'session-initiate') {
      const offer = readOffer(iq);
      if (!offer) throw new XmppError('bad-request', { type: 'modify' });
      this.#startCall(offer);
      return true;
    }
    const { session } = this;
    if (!session || session.offer.sid !== attribute(jingle, 'sid')) throw new XmppError('item-not-found', { type: 'cancel' });
    if (action === 'source-add' || action === 'addsource') session.addSources(parseSources(jingle));
    else if (action === 'source-remove' || action === 'removesource') session.removeSources(parseSources(jingle));
    else if (action === 'transport-info') session.addCandidates(readCandidates(jingle));
    else if (action === 'session-terminate') this.#endCall();
    return true;
  }

  /** @param {Element} iq */
  #muted(iq) {
    const mute = readMute(iq);
    if (!mute) return;
    const name = this.nameOf(mute.actor.split('/')[1] ?? '');
    if (mute.kind === 'audio') void this.media.setAudio(false);
    else if (mute.kind === 'video') void this.media.setVideo(false);
    else void this.media.stopScreen();
    this.emit('notice', mute.kind === 'audio' ? 'notice.muted-by' : 'notice.stopped-by', { name });
  }

  // ---- media

  /** @param {import('./jingle.js').Offer} offer */
  #startCall(offer) {
    this.#endCall();
    const call = new Call({
      offer,
      id: this.id,
      jid: this.stream.jid,
      iceServers: this.#iceServers,
      options: this.options,
      codec: this.#codec(),
      counters: this.counters,
      media: this.media,
      request: (payload, timeout) => this.stream.request('set', offer.from, payload, timeout),
      WebSocket: this.WebSocket,
    });
    this.call = call;
    call.on('change', () => this.emit('change'));
    call.on('stats', (summary) => this.emit('stats', summary));
    call.on('connected', () => (this.#restarts = 0));
    call.on('broken', (why) => void this.#repair(call, why));
    call.bridge?.show(this.#shown);
    void call.start().then(() => this.#tellPresence());
    this.emit('change');
  }

  #endCall() {
    this.call?.close();
    this.call = null;
    this.emit('change');
  }

  /** The focus is asked for a new invitation; when that does not help, we come in anew. @param {Call} call @param {string} why */
  async #repair(call, why) {
    if (++this.#restarts > kMaxRestarts) {
      this.#restarts = 0;
      this.#rejoin();
      return;
    }
    ++this.counters.restarts;
    // Without signalling nobody can be asked; coming in anew brings a new call too.
    const still = () => call === this.call && this.phase === 'joined';
    if (!(await call.restart(why, kPatience * this.#restarts, still)) && still()) this.#rejoin();
  }

  #mediaChanged() {
    this.call?.mediaChanged();
    this.#tellPresence();
    this.emit('change');
  }

  /** Which video is on the screen, and how large. @param {import('./bridge.js').Shown} shown */
  show(shown) {
    this.#shown = shown;
    this.call?.bridge?.show(shown);
  }

  /** @returns {Participant[]} we first, then in the order of arrival */
  participants() {
    const own = this.room?.occupants.get(this.id);
    const remote = this.session?.remote() ?? [];
    const bridge = this.call?.bridge ?? null;
    const others = this.#others().map((o) => otherOf(o, this.nameOf(o.id), remote, bridge));
    return own ? [selfOf(own, this), ...others] : others;
  }

  /** Keeps the way to the room's shard known to whatever stands in front of it, and notices when it leads elsewhere. */
  async #keepAlive() {
    if (!this.stream.isOpen) return;
    const { reason, shard, region } = await probe(this.key);
    if (reason !== 'fine' || !this.stream.isOpen) return;
    if (shard && this.shard && shard !== this.shard) {
      this.shard = shard;
      this.#rejoin(); // the room lives on another shard now, and so must we
    }
    this.shard = this.shard || shard;
    this.region = this.region || region;
    this.emit('change');
  }
}
