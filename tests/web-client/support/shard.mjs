// A shard of one room, as far as one client can see it: answers what is asked, and says what a test tells it to.

import { FakePeerConnection, fakeSockets, settle } from './fakes.mjs';
import { parseTree } from './xml_tree.mjs';

export const kRoom = 'alpha@conference.meet.jitsi';
const kFeatures = (inside) => `<stream:features xmlns:stream='http://etherx.jabber.org/streams' xmlns='jabber:client'>${inside}</stream:features>`;

/** Gives this process what a browser has. */
export function browser() {
  globalThis.location = { protocol: 'https:', host: 'meet.example' };
  globalThis.RTCPeerConnection = FakePeerConnection;
  globalThis.fetch = async () => ({ status: 200, ok: false, headers: new Map([['x-jitsi-shard', 's1']]) });
  globalThis.DOMParser = class {
    parseFromString(text) {
      const root = parseTree(text);
      root.getElementsByTagName = () => [];
      return { documentElement: root };
    }
  };
}

export function fakeMedia() {
  const listeners = [];
  return {
    audioTrack: null, audioOn: false, videoTrack: null, desktopTrack: null,
    get videoOn() {
      return this.videoTrack !== null;
    },
    on(name, listener) {
      listeners.push(listener);
      return () => listeners.splice(listeners.indexOf(listener), 1);
    },
    async setAudio(on) {
      this.audioOn = on;
      listeners.forEach((l) => l());
    },
  };
}

export class FakeShard {
  ready = true;
  resumes = true;
  joinError = '';
  received = [];
  logins = 0;
  constructor() {
    const { FakeSocket, sockets } = fakeSockets();
    this.sockets = sockets;
    const shard = this;
    this.WebSocket = class extends FakeSocket {
      constructor(url, protocol) {
        super(url, protocol);
        if (protocol === 'xmpp') queueMicrotask(() => this.accept());
      }
      send(text) {
        super.send(text);
        if (this.protocol === 'xmpp') queueMicrotask(() => shard.hear(this, parseTree(text)));
      }
    };
  }
  get socket() {
    return this.sockets.filter((s) => s.protocol === 'xmpp').at(-1);
  }
  say(...texts) {
    this.socket.say(...texts);
    return settle();
  }
  /** The stanzas of one name that the client has sent since. */
  take(name) {
    return this.received.splice(0).filter((e) => e.localName === name);
  }

  hear(socket, element) {
    const kind = element.localName;
    this.received.push(element);
    if (kind === 'open') {
      socket.say(kFeatures(socket.loggedIn ? "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><sm xmlns='urn:xmpp:sm:3'/>" : "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>ANONYMOUS</mechanism></mechanisms>"));
    } else if (kind === 'auth') {
      socket.loggedIn = true;
      socket.say("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
    } else if (kind === 'enable') {
      socket.say(`<enabled xmlns='urn:xmpp:sm:3' resume='true' id='S${this.logins}'/>`);
    } else if (kind === 'resume') {
      socket.say(this.resumes ? `<resumed xmlns='urn:xmpp:sm:3' h='0' previd='x'/>` : "<failed xmlns='urn:xmpp:sm:3'/>");
    } else if (kind === 'iq' && element.getAttribute('type') !== 'result' && element.getAttribute('type') !== 'error') {
      this.answer(socket, element);
    } else if (kind === 'presence' && element.children[0]?.namespaceURI === 'http://jabber.org/protocol/muc') {
      this.admit(socket, element.getAttribute('to').split('/')[1]);
    }
  }
  answer(socket, iq) {
    const payload = iq.children[0];
    const result = (inside) => socket.say(`<iq xmlns='jabber:client' type='result' id='${iq.getAttribute('id')}'>${inside}</iq>`);
    if (payload.localName === 'bind') {
      this.jid = `0000000${++this.logins}-1@meet.jitsi/r`;
      result(`<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>${this.jid}</jid></bind>`);
    } else if (payload.localName === 'conference') {
      result(`<conference xmlns='http://jitsi.org/protocol/focus' ready='${this.ready}' focusjid='focus@auth.meet.jitsi'/>`);
    } else if (payload.namespaceURI === 'http://jabber.org/protocol/disco#info') {
      result("<query xmlns='http://jabber.org/protocol/disco#info'><identity category='server' type='shard' name='s1'/></query>");
    } else {
      result('');
    }
  }
  admit(socket, nick) {
    this.nick = nick;
    if (this.joinError) {
      socket.say(`<presence xmlns='jabber:client' type='error' from='${kRoom}/${nick}'><error type='auth'><${this.joinError} xmlns='s'/></error></presence>`);
      return;
    }
    socket.say(this.presence('focus', '', 'focus@auth.meet.jitsi/focus'), this.presence(nick, '', this.jid));
  }
  presence(nick, inside = '', jid = `${nick}@meet.jitsi/r`, type = '') {
    return `<presence xmlns='jabber:client' from='${kRoom}/${nick}' ${type}>${inside}<x xmlns='http://jabber.org/protocol/muc#user'><item jid='${jid}' role='participant'/></x></presence>`;
  }
}
