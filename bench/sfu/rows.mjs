// The rows of `./dev bench sfu`: what is sent, by how many to how many, over what; and the figures taken from it, with what
// each must be and aims at. How a kind of row is measured: measure.mjs.
// The neutral load is 261 packets of 1200 bytes a second from each sender, nine at each frame: at once, or over 10 ms.
const allServers = ['roomshard', 'janus', 'janus-1loop'];
const ours = ['roomshard'];

const cost = (must, aim, ratio = {}) => ({ key: 'microseconds', unit: 'CPU us per forwarded packet', must, aim, ...ratio });
const latency = (p50, p99) => [{ key: 'p50', unit: 'ms added latency, p50', must: p50?.[0], aim: p50?.[1] },
  { key: 'p99', unit: 'ms added latency, p99', must: p99?.[0], aim: p99?.[1] }];
const burstLatency = latency([1.6, 0.9], [3.5, 2.0]);
const pacedLatency = latency([0.35, 0.25], [1.5, 0.8]);

// Without congestion control nobody sends transport-wide feedback: reports, NACKs and key frame requests remain.
const oneToHundred = { kind: 'cpu', servers: allServers, rooms: 1, participants: 101, senders: 1, video: 'neutral', audio: 'none', view: 'full',
  feedback: 'reports', srtp: 'gcm', spread: '0ms' };
const paced = { spread: '10ms' };

export const rows = [
  { ...oneToHundred, name: 'gcm', title: '1 to 100, AES-GCM, back to back; history and RTCP, no congestion control',
    figures: [cost(3.0, 1.8, { mustRatio: 0.10, aimRatio: 0.06 }), ...burstLatency] },
  { ...oneToHundred, ...paced, name: 'gcm-paced', title: '1 to 100, AES-GCM, paced; history and RTCP, no congestion control',
    figures: [cost(4.2, 3.5, { mustRatio: 0.15, aimRatio: 0.12 }), ...pacedLatency] },
  { ...oneToHundred, srtp: 'cm', name: 'cm', title: '1 to 100, AES-CM-SHA1-80, back to back; history and RTCP, no congestion control',
    figures: [cost(3.5, 2.2), ...latency()] },
  { ...oneToHundred, ...paced, srtp: 'cm', name: 'cm-paced', title: '1 to 100, AES-CM-SHA1-80, paced; history and RTCP, no congestion control',
    figures: [cost(4.8, 4.0), ...latency()] },
  { ...oneToHundred, servers: ours, feedback: 'transport-cc', name: 'cc', title: '1 to 100, AES-GCM, back to back; congestion control for every receiver (Janus has none)',
    figures: [cost(4.0, 2.5), ...latency()] },
  { ...oneToHundred, ...paced, servers: ours, feedback: 'transport-cc', name: 'cc-paced',
    title: '1 to 100, AES-GCM, paced; congestion control for every receiver (Janus has none)', figures: [cost(5.2, 4.4), ...latency()] },
  { ...oneToHundred, video: 'vp8-720p', name: 'trace', title: "1 to 100, AES-GCM, an encoder's 720p recording, back to back; no congestion control",
    figures: [cost(), ...latency()] },
  { ...oneToHundred, participants: 10, senders: 10, srtp: 'cm', name: 'ten', title: '10 people, all to all, AES-CM-SHA1-80, back to back; no congestion control',
    figures: [cost(5.0, 3.0), ...latency()] },
  { kind: 'saturation', servers: ours.concat('janus', 'janus-1loop'), name: 'saturation', title: 'most that one core forwards with less than 0.01 % lost, AES-GCM, back to back',
    srtp: 'gcm', spread: '0ms', most: 0.0001,
    // Rooms that are read and checked, then rooms that are not, one more at each step. Janus comes with few.
    start: { roomshard: { read: 4, unread: 5 }, janus: { read: 1, unread: 0 }, 'janus-1loop': { read: 1, unread: 0 } },
    room: { roomshard: { read: 50, unread: 101, more: 101 }, janus: { read: 61, more: 21 }, 'janus-1loop': { read: 61, more: 21 } },
    readMore: { roomshard: 0, janus: 21, 'janus-1loop': 21 },
    figures: [{ key: 'perCoreSecond', unit: 'packets per core-second', must: 330_000, aim: 550_000, more: true }, { key: 'p99', unit: 'ms added latency, p99' }] },
  { kind: 'joins', servers: ours, name: 'joins', title: 'people who join (XMPP, ICE, DTLS) beside 20 who watch, while the media p99 stays under 5 ms',
    srtp: 'gcm', spread: '0ms', rates: [100, 150, 200, 250, 300, 400, 500], mostP99: 5,
    figures: [{ key: 'perCoreSecond', unit: 'joins per core-second', must: 500, aim: 1000, more: true }, { key: 'rate', unit: 'joins a second reached', more: true },
      { key: 'p99', unit: 'ms added latency, p99' }] },
  { kind: 'overload', servers: ours, name: 'overload', title: 'rooms of 30 with 4 who send video and sound, 150 % of what one core forwards, AES-GCM',
    srtp: 'gcm', spread: '0ms', share: 1.5, participants: 30, senders: 4,
    figures: [{ key: 'audioLoss', unit: '% of the sound lost', must: 0.1 }, { key: 'p99', unit: 'ms added latency of all media, p99', must: 50 },
      { key: 'audioP99', unit: 'ms added latency of the sound, p99' }] },
  { kind: 'memory', servers: allServers, name: 'memory', title: 'resident memory per receiver, from 100 to 300 (Janus from 40 to 100), 30 s after the last joined',
    receivers: { roomshard: [100, 300], janus: [40, 100], 'janus-1loop': [40, 100] }, srtp: 'gcm', spread: '0ms', feedback: 'transport-cc',
    figures: [{ key: 'kib', unit: 'KiB per receiver', must: 40, aim: 20 }] },
  { kind: 'school', servers: ours, name: 'school', title: "HPI's school test: 24 people with sound, each sees one at 720p and 22 at 180p; congestion control",
    participants: 24, video: 'vp8-simulcast', audio: 'opus', view: 'stage', feedback: 'transport-cc', srtp: 'gcm', spread: '0ms',
    figures: [{ key: 'busy', unit: 'cores', must: 0.25 }, { key: 'egress', unit: 'MB/s out (HPI: 14.6)', more: true }] },
  { kind: 'school', servers: ours, name: 'school-720p', title: "HPI's school test: 24 people, all of them see all at 720p, the neutral load; no congestion control",
    participants: 24, video: 'neutral', audio: 'none', view: 'full', feedback: 'reports', srtp: 'gcm', spread: '0ms',
    figures: [{ key: 'busy', unit: 'cores', must: 0.75 }, { key: 'egress', unit: 'MB/s out (HPI: 14.6)', more: true }] },
];
