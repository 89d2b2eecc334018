// @ts-check
// A meeting as a person means it: goes in, stays in through broken networks and restarted shards, knows who is there and
// what each shows. Owns stream, room, session and channel; views read its state and listen for "change".
//
// Phases: connecting -> (waiting: the server has no place yet) -> joined <-> reconnecting, and ended for good.

import { backoff, pause } from './backoff.js';
import { capabilities, discoInfo, ownCodecs } from './capabilities.js';
import { Channel } from './channel.js';
import { Emitter } from './emitter.js';
import { chooseCodec } from './encodings.js';
import { conferenceRequest, kFocus, kJingle, muteRequest, readCandidates, readMute, readOffer } from './jingle.js';
import { receiverConstraints } from './layout.js';
import { Room, nickOf, randomNick } from './muc.js';
import { deployment, iceServers, meetingStart, probe, socketUrl } from './server.js';
import { Session } from './session.js';
import { parseSources } from './sources.js';
import { quality, summarise } from './stats.js';
import { attribute, child, children, xml } from './xml.js';
import { Stream, XmppError } from './xmpp.js';

const kStatsEvery = 2000;
const kTellStatsEvery = 10_000;
const kKeepAlive = 90_000;
const kMaxRestarts = 3;
const kMaxMessages = 1000;
const kMachine = Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(16).padStart(8, '0')).join('');

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
 *
 * @typedef {object} Participant
 * @property {string} id
 * @property {string} name            '' when none was given
 * @property {boolean} isSelf
 * @property {boolean} isModerator
 * @property {boolean} audioMuted
 * @property {boolean} videoMuted
 * @property {boolean} hand
 * @property {boolean} interrupted    the bridge does not hear from this one
 * @property {number | null} quality  0 to 100, as this one says
 * @property {{ name: string, track: MediaStreamTrack | null, mid: string, forwarded: boolean } | null} camera
 * @property {{ name: string, track: MediaStreamTrack | null, mid: string, forwarded: boolean }[]} screens
 * @property {{ name: string, track: MediaStreamTrack | null, mid: string }[]} audio
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
  /** @type {Session | null} */
  session = null;
  /** @type {Channel | null} */
  channel = null;
  /** @type {(import('./muc.js').ChatMessage & { name: string, own: boolean })[]} */
  messages = [];
  /** @type {string[]} endpoint ids, the dominant speaker first */
  speakers = [];
  shard = '';
  region = '';
  bridgeRegion = '';
  /** @type {Date | null} */
  started = null;
  hand = false;
  /** @type {import('./stats.js').Summary | null} */
  summary = null;
  /** @type {import('./session.js').Counters} */
  counters = { setRemoteDescription: 0, sourceAdds: 0, sourceRemoves: 0, sessions: 0, restarts: 0 };
  reconnects = 0;

  #over = false;
  #inside = false; // in the room, by what this stream's session knows
  #handRaised = ''; // what presence says; never said before the first raising
  #focusJid = '';
  /** @type {RTCIceServer[]} */
  #iceServers = [];
  #restarts = 0;
  /** @type {Set<string>} */
  #forwarded = new Set();
  #knowsForwarded = false;
  /** @type {Set<string>} */
  #interrupted = new Set();
  /** @type {Map<string, number>} */
  #qualities = new Map();
  /** @type {{ name: string, height: number, stage: boolean }[]} */
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
    this.roomJid = `${key}@${config.muc}`;
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
  /** The state of media: "new", "connecting", "connected", "disconnected", "failed", "closed", or "none". */
  get mediaState() {
    return this.session?.state ?? 'none';
  }

  start() {
    this.#timers.push(setInterval(() => void this.#measure(), kStatsEvery));
    this.#timers.push(setInterval(() => this.#tellStats(), kTellStatsEvery));
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
    await this.#join();
    this.#inside = true;
    void meetingStart(stream, this.roomJid).then((date) => {
      this.started = date;
      this.emit('change');
    }, () => {});
  }

  async #conference() {
    const { stream } = this;
    for (let attempt = 0; ; ++attempt) {
      /** @type {Element | null} */
      let answer = null;
      try {
        answer = child(
          await stream.request('set', this.config.focus, conferenceRequest(this.roomJid, kMachine)),
          'conference',
          kFocus,
        );
      } catch (error) {
        const { condition, type, text } = /** @type {XmppError} */ (error);
        if (condition === 'closed') throw error;
        if (condition === 'not-authorized') this.#finish('forbidden', '', text);
        else if (type === 'cancel' || type === 'auth' || type === 'modify') this.#finish('refused', '', text || condition);
        if (this.#over) throw error;
      }
      if (attribute(answer, 'ready') === 'true') {
        this.#focusJid = attribute(answer, 'focusjid');
        return;
      }
      const delay = backoff(attempt);
      if (this.phase !== 'reconnecting') this.phase = 'waiting';
      this.problem = { reason: 'full', retryAt: Date.now() + delay };
      this.emit('change');
      const wait = pause(delay);
      this.#skipPause = wait.skip;
      await wait.done;
      this.#skipPause = null;
      if (!stream.isOpen || this.#over) throw new XmppError('closed');
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
    this.#endSession();
    this.room?.leave();
    this.room = null;
    this.speakers = [];
    this.#forwarded.clear();
    this.#interrupted.clear();
    this.#qualities.clear();
  }

  // ---- the room

  /** @param {Occupant} occupant @param {boolean} isNew */
  #occupant(occupant, isNew) {
    this.#chooseCodec();
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
    this.session?.removeOwner(id);
    this.speakers = this.speakers.filter((s) => s !== id);
    this.#interrupted.delete(id);
    this.#qualities.delete(id);
    this.#chooseCodec();
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

  #chooseCodec() {
    const others = [...(this.room?.occupants.values() ?? [])].filter((o) => !this.#isFocus(o.id) && o.id !== this.id);
    this.session?.setCodec(this.#codecFor(others));
  }

  /** @param {Occupant[]} others */
  #codecFor(others) {
    return chooseCodec(this.codecs, others.map((o) => o.codecs));
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
      this.#startSession(offer);
      return true;
    }
    const { session } = this;
    if (!session || session.offer.sid !== attribute(jingle, 'sid')) throw new XmppError('item-not-found', { type: 'cancel' });
    if (action === 'source-add' || action === 'addsource') session.addSources(parseSources(jingle));
    else if (action === 'source-remove' || action === 'removesource') session.removeSources(parseSources(jingle));
    else if (action === 'transport-info') session.addCandidates(readCandidates(jingle));
    else if (action === 'session-terminate') this.#endSession();
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

  #tracks() {
    const { audioTrack, videoTrack, desktopTrack } = this.media;
    return { audio: audioTrack, video: videoTrack, desktop: desktopTrack };
  }

  /** @param {import('./jingle.js').Offer} offer */
  #startSession(offer) {
    this.#endSession();
    this.bridgeRegion = offer.region;
    const others = [...(this.room?.occupants.values() ?? [])].filter((o) => !this.#isFocus(o.id) && o.id !== this.id);
    const session = new Session({
      offer,
      id: this.id,
      jid: this.stream.jid,
      iceServers: this.#iceServers,
      relay: this.options.relay,
      simulcast: this.options.simulcast,
      codec: this.#codecFor(others),
      counters: this.counters,
      request: (payload, timeout) => this.stream.request('set', offer.from, payload, timeout),
    });
    this.session = session;
    session.on('remote', () => this.emit('change'));
    session.on('state', (state) => this.#mediaState(session, state));
    session.on('failed', () => void this.#restartMedia(session, 'negotiation failed'));
    if (offer.channelUrl) this.#openChannel(offer.channelUrl);
    void session.start(this.#tracks()).then(() => this.#tellPresence());
    this.emit('change');
  }

  #endSession() {
    this.session?.close();
    this.session = null;
    this.channel?.close();
    this.channel = null;
    this.summary = null;
    this.emit('change');
  }

  /** @param {Session} session @param {string} state */
  #mediaState(session, state) {
    if (session !== this.session) return;
    if (state === 'connected') this.#restarts = 0;
    if (state === 'failed') void this.#restartMedia(session, 'ICE FAILED');
    this.emit('change');
  }

  /** The focus is asked for a new invitation; when that does not help, we come in anew. @param {Session} session @param {string} why */
  async #restartMedia(session, why) {
    if (++this.#restarts > kMaxRestarts) {
      this.#restarts = 0;
      this.#rejoin();
      return;
    }
    ++this.counters.restarts;
    // A moment of patience: the network that broke media may just be changing.
    await pause(2000 * this.#restarts).done;
    // Without signalling nobody can be asked; coming in anew will bring a new session too.
    if (session !== this.session || this.phase !== 'joined' || this.#over) return;
    if (why === 'ICE FAILED' && session.state === 'connected') return;
    try {
      await session.terminate(true, why);
    } catch {
      if (session === this.session && !this.#over) this.#rejoin();
    }
  }

  #mediaChanged() {
    const tracks = this.#tracks();
    for (const kind of /** @type {import('./session.js').Sending[]} */ (['audio', 'video', 'desktop'])) {
      this.session?.setTrack(kind, tracks[kind]);
    }
    this.#tellVideoTypes();
    this.#tellPresence();
    this.emit('change');
  }

  // ---- the bridge channel

  /** @param {string} url */
  #openChannel(url) {
    const channel = new Channel(url, this.WebSocket);
    this.channel = channel;
    channel.on('DominantSpeakerEndpointChangeEvent', (m) => {
      const previous = Array.isArray(m.previousSpeakers) ? m.previousSpeakers : [];
      this.speakers = [m.dominantSpeakerEndpoint, ...previous].filter((id) => typeof id === 'string').slice(0, 11);
      this.emit('change');
    });
    channel.on('ForwardedSources', (m) => {
      if (!Array.isArray(m.forwardedSources)) return;
      this.#forwarded = new Set(m.forwardedSources);
      this.#knowsForwarded = true;
      this.emit('change');
    });
    channel.on('SenderSourceConstraints', (m) => {
      if (typeof m.sourceName === 'string' && Number.isInteger(m.maxHeight)) this.session?.setWanted(m.sourceName, m.maxHeight);
    });
    channel.on('EndpointConnectivityStatusChangeEvent', (m) => {
      if (String(m.active) === 'false') this.#interrupted.add(m.endpoint);
      else this.#interrupted.delete(m.endpoint);
      this.emit('change');
    });
    channel.on('EndpointStats', (m) => {
      const value = Number(m.connectionQuality);
      if (this.room?.occupants.has(m.from) && Number.isFinite(value)) this.#qualities.set(m.from, value);
    });
    channel.on('EndpointMessage', (m) => {
      // Old clients measure their way to each peer and count one that is silent as lost.
      if (m.msgPayload?.type !== 'e2e-ping-request' || typeof m.from !== 'string') return;
      const msgPayload = { type: 'e2e-ping-response', id: m.msgPayload.id };
      channel.send({ colibriClass: 'EndpointMessage', to: m.from, msgPayload });
    });
    channel.on('open', () => this.emit('change'));
    channel.on('closed', () => this.emit('change'));
    this.#knowsForwarded = false;
    this.#tellVideoTypes();
    this.#tellShown();
  }

  #tellVideoTypes() {
    const { channel, media, id } = this;
    if (!channel) return;
    const say = (/** @type {string} */ name, /** @type {string} */ videoType) =>
      channel.state(name, { colibriClass: 'SourceVideoTypeMessage', sourceName: name, videoType });
    say(`${id}-v0`, media.videoOn ? 'camera' : 'none');
    if (media.desktopTrack || this.session?.midOf('desktop')) say(`${id}-v1`, media.desktopTrack ? 'desktop' : 'none');
  }

  /**
   * Which video is on the screen, and how large; the bridge sends nothing else.
   * @param {{ name: string, height: number, stage: boolean }[]} shown
   */
  show(shown) {
    this.#shown = shown;
    this.#tellShown();
  }

  #tellShown() {
    this.channel?.state('constraints', receiverConstraints(this.#shown));
  }

  // ---- who is there

  /** @returns {Participant[]} we first, then in the order of arrival */
  participants() {
    const occupants = [...(this.room?.occupants.values() ?? [])].filter((o) => !this.#isFocus(o.id));
    const remote = this.session?.remote() ?? [];
    const own = occupants.filter((o) => o.id === this.id).map((o) => this.#self(o));
    return own.concat(occupants.filter((o) => o.id !== this.id).map((o) => this.#other(o, remote)));
  }

  /** @param {Occupant} occupant @returns {Participant} */
  #self(occupant) {
    const { media, id } = this;
    const screen = media.desktopTrack;
    return {
      id,
      name: this.name,
      isSelf: true,
      isModerator: occupant.role === 'moderator',
      audioMuted: !(media.audioTrack && media.audioOn),
      videoMuted: !media.videoOn,
      hand: this.hand,
      interrupted: false,
      quality: this.summary ? quality(this.summary) : null,
      camera: media.videoTrack ? { name: `${id}-v0`, track: media.videoTrack, mid: '', forwarded: true } : null,
      screens: screen ? [{ name: `${id}-v1`, track: screen, mid: '', forwarded: true }] : [],
      audio: [],
    };
  }

  /** @param {Occupant} occupant @param {import('./session.js').Remote[]} remote @returns {Participant} */
  #other(occupant, remote) {
    const own = remote.filter((r) => r.source.owner === occupant.id);
    const info = occupant.sourceInfo;
    const isScreen = (/** @type {import('./session.js').Remote} */ r) =>
      info[r.source.name]?.videoType
        ? info[r.source.name].videoType === 'desktop'
        : r.source.videoType === 'desktop' || (occupant.oldDesktop && r.source.name.endsWith('-v0'));
    const isOn = (/** @type {import('./session.js').Remote} */ r, /** @type {boolean | null} */ old) =>
      !(info[r.source.name]?.muted ?? old ?? false);
    const shape = (/** @type {import('./session.js').Remote} */ r) => ({
      name: r.source.name,
      track: r.track,
      mid: r.mid,
      forwarded: !this.#knowsForwarded || this.#forwarded.has(r.source.name),
    });
    const audio = own.filter((r) => r.source.kind === 'audio');
    const video = own.filter((r) => r.source.kind === 'video' && isOn(r, occupant.videoMuted));
    const camera = video.find((r) => !isScreen(r));
    return {
      id: occupant.id,
      name: this.nameOf(occupant.id),
      isSelf: false,
      isModerator: occupant.role === 'moderator',
      audioMuted: !audio.some((r) => isOn(r, occupant.audioMuted)),
      videoMuted: !camera,
      hand: occupant.hand,
      interrupted: this.#interrupted.has(occupant.id),
      quality: this.#qualities.get(occupant.id) ?? null,
      camera: camera ? shape(camera) : null,
      screens: video.filter(isScreen).map(shape),
      audio: audio.map((r) => ({ name: r.source.name, track: r.track, mid: r.mid })),
    };
  }

  // ---- measuring

  async #measure() {
    const { session } = this;
    if (!session) return;
    try {
      const report = await session.pc.getStats();
      if (session !== this.session) return;
      this.summary = summarise(report.values(), this.summary);
      this.emit('stats', this.summary);
    } catch {
      // A connection that closed meanwhile has no figures.
    }
  }

  #tellStats() {
    const { summary, channel } = this;
    if (!summary) return;
    channel?.send({
      colibriClass: 'EndpointStats',
      bitrate: { upload: summary.sendKbps, download: summary.receiveKbps },
      packetLoss: { upload: summary.sendLoss, download: summary.receiveLoss, total: Math.max(summary.sendLoss, summary.receiveLoss) },
      connectionQuality: quality(summary),
      jvbRTT: summary.rtt ?? undefined,
      maxEnabledResolution: this.options.height,
      serverRegion: this.bridgeRegion || undefined,
    });
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
