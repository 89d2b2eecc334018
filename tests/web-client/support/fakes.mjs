// Stand-ins for what a browser has: a WebSocket whose other end is the test, and a peer connection that only counts.

export function fakeSockets() {
  const sockets = [];
  class FakeSocket {
    readyState = 0;
    sent = [];
    constructor(url, protocol) {
      Object.assign(this, { url, protocol });
      sockets.push(this);
    }
    send(text) {
      this.sent.push(String(text));
    }
    close() {
      this.readyState = 3;
    }
    // What the server does.
    accept() {
      this.readyState = 1;
      this.onopen?.({});
    }
    say(...texts) {
      for (const data of texts) this.onmessage?.({ data });
    }
    drop(code = 1006) {
      this.readyState = 3;
      this.onclose?.({ code, reason: '' });
    }
    take() {
      return this.sent.splice(0);
    }
  }
  return { FakeSocket, sockets };
}

class FakeSender {
  track = null;
  encodings = [{ active: true }];
  async replaceTrack(track) {
    this.track = track;
  }
  getParameters() {
    return { encodings: this.encodings.map((e) => ({ ...e })) };
  }
  async setParameters({ encodings }) {
    this.encodings = encodings;
  }
}

/** Answers an offer line by line, as a browser would, with one SSRC and its RTX partner where it sends. */
export class FakePeerConnection {
  static all = [];
  connectionState = 'new';
  offers = [];
  transceivers = [];
  localDescription = null;
  inFlight = 0;
  layers = 3; // what a browser with simulcast makes of a SIM group
  constructor(configuration) {
    this.configuration = configuration;
    FakePeerConnection.all.push(this);
  }
  getTransceivers() {
    return this.transceivers;
  }
  async setRemoteDescription({ sdp }) {
    if (++this.inFlight > 1) throw new Error('two at a time');
    await null;
    --this.inFlight;
    this.offers.push(sdp);
    for (const [, mid] of sdp.matchAll(/a=mid:(\S+)/g)) {
      if (this.transceivers.some((t) => t.mid === mid)) continue;
      this.transceivers.push({ mid, direction: 'recvonly', sender: new FakeSender(), receiver: { track: { id: `track-${mid}` } } });
    }
  }
  async createAnswer() {
    const sections = this.offers.at(-1).split('m=').slice(1).map((section) => {
      const mid = /a=mid:(\S+)/.exec(section)[1];
      const video = section.startsWith('video');
      const sends = this.transceivers.find((t) => t.mid === mid).direction.startsWith('send');
      const base = 1000 * (Number(mid) + 1);
      const own = !sends
        ? []
        : video
          ? [`a=ssrc-group:FID ${base} ${base + 1}`, `a=ssrc:${base} cname:c`, `a=ssrc:${base} msid:- t`, `a=ssrc:${base + 1} cname:c`]
          : [`a=ssrc:${base} cname:c`];
      const formats = video ? ['a=rtpmap:100 VP8/90000', 'a=rtcp-fb:100 nack pli'] : ['a=rtpmap:111 opus/48000/2', 'a=fmtp:111 minptime=10;useinbandfec=1'];
      return [`m=${video ? 'video' : 'audio'} 9 UDP/TLS/RTP/SAVPF ${video ? 100 : 111}`, `a=mid:${mid}`, 'a=ice-ufrag:u/Cw', 'a=ice-pwd:PJ0', 'a=fingerprint:sha-256 AA:BB', 'a=setup:active', 'a=rtcp-mux', ...formats, ...own].join('\r\n');
    });
    return { type: 'answer', sdp: ['v=0', 's=-', 't=0 0', ...sections].join('\r\n') + '\r\n' };
  }
  async setLocalDescription(description) {
    this.localDescription = description;
    for (const t of this.transceivers) {
      const section = description.sdp.split('m=').find((s) => s.includes(`a=mid:${t.mid}\r\n`)) ?? '';
      if (section.includes('ssrc-group:SIM')) t.sender.encodings = Array.from({ length: this.layers }, () => ({ active: true }));
    }
  }
  close() {
    this.connectionState = 'closed';
  }
}

/** Lets everything that waits on promises run. */
export async function settle() {
  for (let i = 0; i < 50; ++i) await null;
  await new Promise((resolve) => setImmediate(resolve));
}
