// @ts-check
// SDP, both ways, as pure functions: the remote offer is written from what the focus said and from the list of lines,
// our own answer is read (and given its simulcast layers) before it is applied and before it is told to the focus.
//
// A line is one m-line. It is never taken away (RFC 8829 forbids it): a source that leaves makes its line inactive, and
// a later one of the same kind moves in.

/**
 * @typedef {import('./sources.js').Source} Source
 *
 * @typedef {object} Payload
 * @property {number} id
 * @property {string} name
 * @property {number} clockrate
 * @property {number} channels
 * @property {[string, string][]} parameters
 * @property {string[]} feedback  "nack pli"
 *
 * @typedef {object} Kind
 * @property {Payload[]} payloads
 * @property {{ id: number, uri: string }[]} extensions
 * @property {boolean} mixed  one- and two-byte header extensions may mix
 *
 * @typedef {object} Transport
 * @property {string} ufrag
 * @property {string} pwd
 * @property {string} hash
 * @property {string} fingerprint
 * @property {string} setup
 * @property {string[]} candidates  each as in a=candidate:
 *
 * @typedef {object} Session  what session-initiate said
 * @property {Kind} audio
 * @property {Kind} video
 * @property {Transport} transport
 *
 * @typedef {object} Line
 * @property {string} mid
 * @property {'audio' | 'video'} kind
 * @property {'audio' | 'video' | 'desktop' | null} sends  what of ours goes out here
 * @property {Source | null} source                        what comes in here
 * @property {boolean} fresh                               freed since the last offer: not to be used again before it
 */

const kToken = /^[A-Za-z0-9_.:+/-]{1,256}$/;

/** Only what cannot break out of its place in SDP. @param {string} text @param {string} [otherwise] */
export function token(text, otherwise = 'x') {
  return kToken.test(text) ? text : otherwise;
}

/** @param {string} text */
function oneLine(text) {
  return text.replace(/[^\x20-\x7e]/g, '').slice(0, 1000);
}

/**
 * The lines of a new session: audio first, the bridge's own source (which also carries our sending) first in its kind.
 * @param {Source[]} sources
 * @returns {Line[]}
 */
export function firstLines(sources) {
  /** @type {Line[]} */
  const lines = [];
  for (const kind of /** @type {('audio' | 'video')[]} */ (['audio', 'video'])) {
    const own = sources.filter((s) => s.kind === kind);
    const bridge = own.find((s) => s.owner === 'jvb') ?? null;
    lines.push({ mid: '', kind, sends: kind, source: bridge, fresh: false });
    for (const source of own) {
      if (source.owner !== 'jvb') lines.push({ mid: '', kind, sends: null, source, fresh: false });
    }
  }
  lines.forEach((line, i) => (line.mid = String(i)));
  return lines;
}

/**
 * Gives each new source a line. Sources already there are left alone.
 * @param {Line[]} lines
 * @param {Source[]} sources
 * @returns {boolean} whether anything changed
 */
export function addToLines(lines, sources) {
  let changed = false;
  for (const source of sources) {
    if (source.owner === 'jvb') continue;
    if (lines.some((l) => l.source?.name === source.name || l.source?.ssrcs.some((s) => source.ssrcs.includes(s)))) continue;
    const free = lines.find((l) => l.kind === source.kind && l.sends === null && l.source === null && !l.fresh);
    if (free) {
      free.source = source;
    } else {
      lines.push({ mid: String(lines.length), kind: source.kind, sends: null, source, fresh: false });
    }
    changed = true;
  }
  return changed;
}

/**
 * @param {Line[]} lines
 * @param {(source: Source) => boolean} gone
 * @returns {boolean} whether anything changed
 */
export function removeFromLines(lines, gone) {
  let changed = false;
  for (const line of lines) {
    if (line.source && line.source.owner !== 'jvb' && gone(line.source)) {
      line.source = null;
      line.fresh = true;
      changed = true;
    }
  }
  return changed;
}

/**
 * The payload types with the wanted codec in front: an answerer sends what the offer lists first.
 * @param {Payload[]} payloads
 * @param {string | null} codec lower case
 */
export function preferCodec(payloads, codec) {
  if (!codec) return payloads;
  const first = payloads.filter((p) => p.name.toLowerCase() === codec);
  return first.concat(payloads.filter((p) => !first.includes(p)));
}

/** @param {Line} line */
function directionOf(line) {
  if (line.sends === 'audio' || line.sends === 'video') return 'sendrecv';
  if (line.sends === 'desktop') return 'recvonly';
  return line.source ? 'sendonly' : 'inactive';
}

/**
 * The stream a source plays in. A person's microphone and camera share one, so that the browser keeps lips and voice
 * together; the names are ours, since an msid comes from somebody else's client.
 * @param {Source} source
 */
function streamOf(source) {
  if (source.owner === 'jvb') return 'mixedmslabel';
  return /-[av]0$/.test(source.name) ? token(source.owner) : token(source.name);
}

/** @param {Source} source @returns {string[]} */
function sourceLines(source) {
  const stream = streamOf(source);
  const track = source.owner === 'jvb' ? `mixedlabel${source.kind}0` : `${token(source.name)}-${source.ssrcs[0]}`;
  return [
    `a=msid:${stream} ${track}`,
    ...source.groups.map((g) => `a=ssrc-group:${g.semantics === 'SIM' ? 'SIM' : 'FID'} ${g.ssrcs.join(' ')}`),
    ...source.ssrcs.flatMap((ssrc) => [`a=ssrc:${ssrc} cname:${stream}`, `a=ssrc:${ssrc} msid:${stream} ${track}`]),
  ];
}

/** @param {Payload} p @returns {string[]} */
function payloadLines(p) {
  const format = p.parameters.map(([name, value]) => oneLine(name ? `${name}=${value}` : value)).join(';');
  return [
    `a=rtpmap:${p.id} ${token(p.name)}/${p.clockrate}${p.channels > 1 ? `/${p.channels}` : ''}`,
    ...(format ? [`a=fmtp:${p.id} ${format}`] : []),
    ...p.feedback.map((f) => `a=rtcp-fb:${p.id} ${oneLine(f)}`),
  ];
}

/**
 * The remote offer.
 * @param {Session} session
 * @param {Line[]} lines
 * @param {{ version: number, codec: string | null }} options
 */
export function buildOffer(session, lines, { version, codec }) {
  const { transport } = session;
  const out = [
    'v=0',
    `o=- 1923518516 ${version} IN IP4 0.0.0.0`,
    's=-',
    't=0 0',
    `a=group:BUNDLE ${lines.map((l) => l.mid).join(' ')}`,
    'a=msid-semantic: WMS *',
  ];
  if (session.audio.mixed || session.video.mixed) out.push('a=extmap-allow-mixed');
  for (const line of lines) {
    const kind = session[line.kind];
    // RED is offered only where the operator wants it.
    const payloads = preferCodec(kind.payloads, line.kind === 'video' ? codec : 'red');
    out.push(
      `m=${line.kind} 9 UDP/TLS/RTP/SAVPF ${payloads.map((p) => p.id).join(' ')}`,
      'c=IN IP4 0.0.0.0',
      'a=rtcp:9 IN IP4 0.0.0.0',
      `a=ice-ufrag:${token(transport.ufrag)}`,
      `a=ice-pwd:${token(transport.pwd)}`,
      `a=fingerprint:${token(transport.hash)} ${token(transport.fingerprint)}`,
      `a=setup:${transport.setup === 'active' || transport.setup === 'passive' ? transport.setup : 'actpass'}`,
      `a=mid:${line.mid}`,
      `a=${directionOf(line)}`,
      'a=rtcp-mux',
      ...kind.extensions.map((e) => `a=extmap:${e.id} ${oneLine(e.uri)}`),
      ...payloads.flatMap(payloadLines),
      ...(line.source ? sourceLines(line.source) : []),
      ...(line === lines[0] ? transport.candidates.map((c) => `a=candidate:${oneLine(c)}`) : []),
    );
  }
  return out.join('\r\n') + '\r\n';
}

/**
 * @typedef {object} Section
 * @property {string} kind
 * @property {string} mid
 * @property {string[]} lines
 */

/**
 * @param {string} sdp
 * @returns {{ head: string[], sections: Section[] }}
 */
export function splitSdp(sdp) {
  /** @type {string[]} */
  const head = [];
  /** @type {Section[]} */
  const sections = [];
  for (const line of sdp.split(/\r\n|\n/)) {
    if (line === '') continue;
    if (line.startsWith('m=')) sections.push({ kind: line.slice(2).split(' ')[0], mid: '', lines: [] });
    const section = sections.at(-1);
    (section?.lines ?? head).push(line);
    if (section && line.startsWith('a=mid:')) section.mid = line.slice(6);
  }
  return { head, sections };
}

/** @param {{ head: string[], sections: Section[] }} parts */
function joinSdp({ head, sections }) {
  return head.concat(...sections.map((s) => s.lines)).join('\r\n') + '\r\n';
}

/** @param {string[]} lines @param {string} name @returns {string[]} the values of a=name:... */
function values(lines, name) {
  const prefix = `a=${name}:`;
  return lines.filter((l) => l.startsWith(prefix)).map((l) => l.slice(prefix.length));
}

/** @param {string[]} lines @returns {{ ssrcs: number[], groups: import('./sources.js').Group[] }} */
function ssrcsOf(lines) {
  const ssrcs = [...new Set(values(lines, 'ssrc').map((v) => Number(v.split(' ')[0])))].filter((n) => n > 0);
  const groups = values(lines, 'ssrc-group').map((v) => {
    const [semantics, ...rest] = v.split(' ');
    return { semantics: /** @type {'FID' | 'SIM'} */ (semantics), ssrcs: rest.map(Number) };
  });
  return { ssrcs, groups: groups.filter((g) => g.semantics === 'FID' || g.semantics === 'SIM') };
}

/**
 * What of ours a line of our answer sends.
 * @param {string} sdp
 * @param {string} mid
 */
export function ownSsrcs(sdp, mid) {
  const section = splitSdp(sdp).sections.find((s) => s.mid === mid);
  return ssrcsOf(section?.lines ?? []);
}

/**
 * Turns the one layer that the browser announces on a line into three, low to high: the two further SSRCs, their RTX
 * partners, and the groups. The order of SSRCs is what Chromium takes as order of resolutions.
 * @param {string} sdp our answer
 * @param {string} mid
 * @param {number[]} extra four SSRCs of the session: two primaries, two RTX; the same each time
 */
export function addSimulcast(sdp, mid, extra) {
  const parts = splitSdp(sdp);
  const section = parts.sections.find((s) => s.mid === mid);
  if (!section) return sdp;
  const { ssrcs, groups } = ssrcsOf(section.lines);
  if (ssrcs.length === 0 || groups.some((g) => g.semantics === 'SIM')) return sdp;
  const fid = groups.find((g) => g.semantics === 'FID');
  const first = fid?.ssrcs[0] ?? ssrcs[0];
  const primaries = [first, extra[0], extra[1]];
  const partners = fid ? [fid.ssrcs[1], extra[2], extra[3]] : [];
  const details = values(section.lines, 'ssrc')
    .filter((v) => v.startsWith(`${first} `))
    .map((v) => v.slice(v.indexOf(' ') + 1));
  const rest = section.lines.filter((l) => !l.startsWith('a=ssrc:') && !l.startsWith('a=ssrc-group:'));
  section.lines = [
    ...rest,
    `a=ssrc-group:SIM ${primaries.join(' ')}`,
    ...partners.map((rtx, i) => `a=ssrc-group:FID ${primaries[i]} ${rtx}`),
    ...primaries.flatMap((p, i) => (partners[i] ? [p, partners[i]] : [p])).flatMap((s) => details.map((d) => `a=ssrc:${s} ${d}`)),
  ];
  return joinSdp(parts);
}

/**
 * The first layer only: for browsers that take the three but send one.
 * @param {{ ssrcs: number[], groups: import('./sources.js').Group[] }} source
 */
export function firstLayer(source) {
  const first = source.groups.find((g) => g.semantics === 'SIM')?.ssrcs[0] ?? source.ssrcs[0];
  const groups = source.groups.filter((g) => g.semantics === 'FID' && g.ssrcs[0] === first);
  return { ssrcs: [...new Set([first, ...groups.flatMap((g) => g.ssrcs)])], groups };
}

/**
 * What session-accept tells of our answer: transport once (it is bundled), and both kinds as they were negotiated on
 * their first line.
 * @param {string} sdp
 * @returns {Session}
 */
export function readAnswer(sdp) {
  const { head, sections } = splitSdp(sdp);
  const used = sections.find((s) => values(s.lines, 'ice-ufrag').length > 0) ?? { lines: /** @type {string[]} */ ([]) };
  const [hash = 'sha-256', fingerprint = ''] = (values(used.lines.concat(head), 'fingerprint')[0] ?? '').split(' ');
  /** @param {string} kind @returns {Kind} */
  const read = (kind) => kindOf(sections.find((s) => s.kind === kind)?.lines ?? [], head);
  return {
    audio: read('audio'),
    video: read('video'),
    transport: {
      ufrag: values(used.lines, 'ice-ufrag')[0] ?? '',
      pwd: values(used.lines, 'ice-pwd')[0] ?? '',
      hash,
      fingerprint,
      setup: values(used.lines.concat(head), 'setup')[0] ?? 'active',
      candidates: [],
    },
  };
}

/** @param {string[]} lines @param {string[]} head @returns {Kind} */
function kindOf(lines, head) {
  const order = (lines[0] ?? '').split(' ').slice(3).map(Number);
  const payloads = order.flatMap((id) => {
    const map = values(lines, 'rtpmap').find((v) => v.startsWith(`${id} `));
    if (!map) return [];
    const [name, clockrate, channels] = map.slice(String(id).length + 1).split('/');
    const format = values(lines, 'fmtp').find((v) => v.startsWith(`${id} `))?.slice(String(id).length + 1) ?? '';
    const parameters = format.split(';').map((p) => p.trim()).filter(Boolean).map((p) => {
      const at = p.indexOf('=');
      return /** @type {[string, string]} */ (at < 0 ? ['', p] : [p.slice(0, at), p.slice(at + 1)]);
    });
    const feedback = values(lines, 'rtcp-fb')
      .filter((v) => v.startsWith(`${id} `) || v.startsWith('* '))
      .map((v) => v.slice(v.indexOf(' ') + 1));
    return [{ id, name, clockrate: Number(clockrate), channels: Number(channels ?? 1), parameters, feedback }];
  });
  const extensions = values(lines, 'extmap').map((v) => {
    const [id, uri] = v.split(' ');
    return { id: parseInt(id, 10), uri };
  });
  const mixed = lines.includes('a=extmap-allow-mixed') || head.includes('a=extmap-allow-mixed');
  return { payloads, extensions, mixed };
}
