// @ts-check
// What the browser measures of a call, reduced to what people and tests ask. summarise() is pure; two reports give rates.

/**
 * @typedef {object} StreamStats
 * @property {string} mid
 * @property {string} kind
 * @property {number} ssrc
 * @property {number} bytes
 * @property {number} kbps
 * @property {number} packets
 * @property {number} lost
 * @property {number} width
 * @property {number} height
 * @property {number} fps
 * @property {number} frames     decoded or encoded
 * @property {number} freezes
 * @property {string} codec
 * @property {boolean} active
 * @property {string} limited    why the sender holds back: "bandwidth", "cpu" or ""
 *
 * @typedef {object} Summary
 * @property {number} time            ms
 * @property {number | null} rtt      ms
 * @property {string} path            "direct", "relay" or ""
 * @property {string} protocol        "udp", "tcp" ...
 * @property {number} sendKbps
 * @property {number} receiveKbps
 * @property {number} sendLoss        percent, as the bridge reports it
 * @property {number} receiveLoss     percent, since the last summary
 * @property {number | null} available kbit/s that the browser thinks it may send
 * @property {StreamStats[]} sending
 * @property {StreamStats[]} receiving
 */

/** @param {any} value */
const number = (value) => (Number.isFinite(value) ? Number(value) : 0);

/**
 * @param {Iterable<any>} report values of an RTCStatsReport
 * @param {Summary | null} before
 * @returns {Summary}
 */
export function summarise(report, before) {
  /** @type {Map<string, any>} */
  const all = new Map();
  for (const entry of report) all.set(entry.id, entry);
  const entries = [...all.values()];
  const time = Math.max(0, ...entries.map((e) => number(e.timestamp)));
  const transport = entries.find((e) => e.type === 'transport');
  const pair =
    all.get(transport?.selectedCandidatePairId) ??
    entries.find((e) => e.type === 'candidate-pair' && e.state === 'succeeded' && (e.selected ?? e.nominated));
  const local = all.get(pair?.localCandidateId);

  /** @param {string} type @param {StreamStats[]} old @returns {StreamStats[]} */
  const streams = (type, old) =>
    entries
      .filter((e) => e.type === type)
      .map((e) => {
        const bytes = number(e.bytesReceived ?? e.bytesSent);
        const was = old.find((o) => o.ssrc === e.ssrc && o.mid === (e.mid ?? ''));
        const seconds = before ? (time - before.time) / 1000 : 0;
        return {
          mid: e.mid ?? '',
          kind: e.kind ?? '',
          ssrc: number(e.ssrc),
          bytes,
          kbps: was && seconds > 0 ? Math.max(0, Math.round(((bytes - was.bytes) * 8) / 1000 / seconds)) : 0,
          packets: number(e.packetsReceived ?? e.packetsSent),
          lost: number(e.packetsLost),
          width: number(e.frameWidth),
          height: number(e.frameHeight),
          fps: Math.round(number(e.framesPerSecond)),
          frames: number(e.framesDecoded ?? e.framesEncoded),
          freezes: number(e.freezeCount),
          codec: String(all.get(e.codecId)?.mimeType ?? '').replace(/^\w+\//, ''),
          active: e.active !== false,
          limited: ['bandwidth', 'cpu'].includes(e.qualityLimitationReason) ? e.qualityLimitationReason : '',
        };
      });
  const sending = streams('outbound-rtp', before?.sending ?? []);
  const receiving = streams('inbound-rtp', before?.receiving ?? []);
  const reports = entries.filter((e) => e.type === 'remote-inbound-rtp');
  const total = (/** @type {number[]} */ values) => values.reduce((a, b) => a + b, 0);
  const since = (/** @type {'packets' | 'lost'} */ key) =>
    total(receiving.map((r) => Math.max(0, r[key] - (before?.receiving.find((o) => o.ssrc === r.ssrc)?.[key] ?? 0))));
  const [got, lost] = [since('packets'), since('lost')];
  const rtt = pair?.currentRoundTripTime ?? reports.find((r) => Number.isFinite(r.roundTripTime))?.roundTripTime;
  return {
    time,
    rtt: Number.isFinite(rtt) ? Math.round(rtt * 1000) : null,
    path: local ? (local.candidateType === 'relay' ? 'relay' : 'direct') : '',
    protocol: String(local?.relayProtocol ?? local?.protocol ?? ''),
    sendKbps: total(sending.map((s) => s.kbps)),
    receiveKbps: total(receiving.map((s) => s.kbps)),
    sendLoss: Math.round(100 * Math.max(0, ...reports.map((r) => number(r.fractionLost)))),
    receiveLoss: got + lost > 0 ? Math.round((100 * lost) / (got + lost)) : 0,
    available: Number.isFinite(pair?.availableOutgoingBitrate) ? Math.round(pair.availableOutgoingBitrate / 1000) : null,
    sending,
    receiving,
  };
}

const kEnough = 1500; // kbit/s; with less, not everything looks as it should
const kNothing = 30; // the most that a connection is worth which does not even carry the smallest picture

/**
 * What the bridge says of the way to us.
 * @typedef {object} Downlink
 * @property {number} kbps      that it carries, as the bridge estimates
 * @property {boolean} limited  that is less than the video we want
 * @property {number} suspended pictures for which there is no room at all
 */

/**
 * One figure for the quality of a connection, 0 to 100: what is lost and how late it is, and, where that is too little
 * for what we want to see, what the way to us carries.
 * @param {Summary} summary
 * @param {Downlink | null} [downlink]
 */
export function quality(summary, downlink = null) {
  const loss = Math.max(summary.sendLoss, summary.receiveLoss);
  const delay = summary.rtt === null ? 0 : Math.max(0, summary.rtt - 150) / 10;
  let most = 100;
  if (downlink?.limited) most = 20 + 80 * Math.min(1, downlink.kbps / kEnough);
  if (downlink && downlink.suspended > 0) most = Math.min(most, kNothing);
  return Math.round(Math.max(0, Math.min(most, 100 - loss * 4 - delay)));
}

/** @typedef {'good' | 'fair' | 'poor'} Grade */

/** @param {number} value 0 to 100 @returns {Grade} */
export function gradeOf(value) {
  return value >= 70 ? 'good' : value >= 40 ? 'fair' : 'poor';
}
