// How each kind of row is measured. A run has a server of its own, on CPU 1; roomload has CPU 0. Answers figures by the keys of
// the row, or what makes the run a fault; `others` is the CPU that neither took.
import { quietAt } from '../proxy/summary.mjs';
import { Load } from './load.mjs';
import { machineSeconds, openToTheEnd, rssKiB, startServer, threads, usage } from './servers.mjs';
import { arriving, isSteady, windowOf } from './window.mjs';

const joinsASecond = 40;     // of people who only join: handshakes must not pile up
const firstMedia = 2;        // seconds from the last who joins to the first packet
const steadyWithin = 25;     // seconds; then it is a fault
const worstLoss = 0.01;      // of a run whose CPU is a figure
const fullCore = 0.85;       // from here on a core is at its end
const videoPackets = 261;    // a second, of the neutral load
const audioPackets = 50;
const mostRead = 200;        // where not all can be

const common = ({ srtp, spread, video = 'neutral', audio = 'none', view = 'full', feedback = 'reports' }) => ({ srtp, spread, video, audio, view, feedback });

// What runs on the machine now: this server, these loads.
const reading = (server, loads) => ({ at: performance.now() / 1000, ...usage(server.pid), load: loads.reduce((sum, load) => sum + load.cpu(), 0), machine: machineSeconds() });

function between(before, after) {
  const elapsed = after.at - before.at;
  const cpu = after.cpu - before.cpu;
  return { elapsed, cpu, busy: cpu / elapsed, waits: after.waits - before.waits,
    userShare: (after.user - before.user) / Math.max(0.01, after.user - before.user + after.system - before.system),
    others: (after.machine - before.machine - cpu - (after.load - before.load)) / elapsed };
}

// `seconds` of the first load, each server reading taken as one of its moments comes.
async function measured(server, loads, seconds) {
  const [watched] = loads;
  await watched.next();
  const from = watched.moments.length - 1;
  const before = reading(server, loads);
  for (let i = 0; i < seconds; i += 1) await watched.next();
  const after = reading(server, loads);
  return { ...between(before, after), ...windowOf(watched.moments.slice(from)) };
}

// Everybody joins first, then the senders begin: a burst of key frames and a crowd that joins are other rows.
function crowd(house, server, row, people, more = {}) {
  const ramp = Math.ceil(people / joinsASecond);
  return { ramp, load: new Load(house, server, { ...common(row), rooms: 1, participants: people, senders: 1, ramp: `${ramp}s`, 'send-after': `${ramp + firstMedia}s`, ...more }) };
}

async function steady(load, ramp, people, copies) {
  if (await load.until((moments) => isSteady(moments, people, copies), ramp + firstMedia + steadyWithin)) return '';
  const { joined } = load.moments.at(-1);
  if (joined < people) return `${joined} of ${people} joined`;
  return `after ${steadyWithin} s ${(arriving(load.moments, copies) * 100).toFixed(1)} % of the packets arrived`;
}

async function measureCpu(house, server, row, seconds) {
  const { ramp, load } = crowd(house, server, row, row.participants, { senders: row.senders });
  const unsteady = await steady(load, ramp, row.participants, row.participants - 1);
  if (unsteady) return { fault: unsteady, others: 0 };
  const seen = await measured(server, [load], seconds);
  const memory = rssKiB(server.pid);
  const count = threads(server.pid);
  const summary = await load.stop();
  const faults = [];
  if (summary.failed) faults.push(`${summary.failed} failed`);
  if (!(seen.loss <= worstLoss)) faults.push(`${(seen.loss * 100).toFixed(2)} % lost`);
  if (seen.faults) faults.push(`${seen.faults} faults in sequence numbers, timestamps and picture ids`);
  if (seen.dropped) faults.push(`roomload did not read ${seen.dropped} datagrams in time`);
  return { fault: faults.join('; '), microseconds: (seen.cpu * 1e6) / seen.packets, perSecond: seen.packets / seen.seconds, waitsPerPacket: seen.waits / seen.packets,
    memory, threads: count, p50: seen.p50, p99: seen.p99, loss: seen.loss, padding: seen.padding, busy: seen.busy, userShare: seen.userShare, others: seen.others };
}

// All loads of a server that is being filled, over the same seconds. What is not read was counted by the kernel. The seconds of the
// others are not those of the first: rates, not counts.
async function filled(server, loads, seconds) {
  const from = loads.map((load) => load.moments.length - 1);
  const seen = await measured(server, loads, seconds);
  const windows = loads.slice(1).map((load, i) => windowOf(load.moments.slice(from[i + 1])));
  const perSecond = seen.packets / seen.seconds + windows.reduce((sum, window) => sum + (window.packets + window.unread) / window.seconds, 0);
  return { perSecond, perCoreSecond: perSecond / seen.busy, busy: seen.busy, loss: Math.max(seen.loss, ...windows.map((window) => window.loss)), p50: seen.p50, p99: seen.p99,
    others: seen.others };
}

// Room after room until something is lost, twice in a row. The last step without is the figure, divided by the share of the core
// that it took.
async function measureSaturation(house, server, row) {
  const first = row.start[server.name];
  const people = row.room[server.name];
  const addRooms = async (rooms, participants, read) => {
    const load = new Load(house, server, { ...common(row), rooms, participants, senders: 1, read, ramp: `${Math.ceil((rooms * participants) / 150)}s` });
    const asked = rooms * participants;
    if (!(await load.until((moments) => moments.at(-1).joined >= asked, 20))) throw new Error(`${load.moments.at(-1)?.joined} of ${asked} joined`);
    await load.next();  // for the first packets
    return load;
  };
  const loads = [await addRooms(first.read, people.read, first.read * people.read)];
  if (first.unread) loads.push(await addRooms(first.unread, people.unread, 0));
  const steps = [];
  while (loads.length < 40) {
    let step = await filled(server, loads, 4);
    // Once more, and while others take the machine from us two more times.
    for (let again = 0; step.loss >= row.most && again < (step.others > quietAt ? 3 : 1); again += 1) step = await filled(server, loads, 4);
    steps.push(step);
    if (step.loss >= row.most) break;
    loads.push(await addRooms(1, people.more, row.readMore[server.name]));
  }
  const { others, busy, loss } = steps.at(-1);
  if (loss < row.most) return { fault: 'no end was found', others };
  if (steps.length < 2) return { fault: `${(loss * 100).toFixed(3)} % lost at the first step`, others };
  if (busy < fullCore) return { fault: `lost with the core ${Math.round(busy * 100)} % busy, so it was not the server's end`, others, steps };
  return { fault: '', ...steps.at(-2), steps };
}

// Faster and faster, while 20 watch a sender. Rooms of two without media: what is made is XMPP, Jingle, ICE and DTLS.
async function measureJoins(house, server, row) {
  const watchers = 21;
  const seconds = 6;
  const { ramp, load } = crowd(house, server, row, watchers);
  const unsteady = await steady(load, ramp, watchers, watchers - 1);
  if (unsteady) return { fault: unsteady, others: 0 };
  const steps = [];
  for (const rate of row.rates) {
    const rooms = (rate * seconds) / 2;
    const people = new Load(house, server, { srtp: row.srtp, video: 'none', audio: 'none', rooms, participants: 2, ramp: `${seconds}s` });
    await people.next();
    const at = people.moments.length - 1;
    const seen = await measured(server, [load, people], seconds - 3);
    const joins = windowOf(people.moments.slice(at));
    const { failed } = await people.stop();
    const step = { asked: rate, rate: joins.connected / joins.seconds, busy: seen.busy, p50: seen.p50, p99: seen.p99, loss: seen.loss, failed, others: seen.others };
    steps.push({ ...step, perCoreSecond: step.rate / seen.busy });
    // Also where roomload itself is at its end.
    if (failed || seen.p99 >= row.mostP99 || step.rate < 0.8 * rate) break;
  }
  const good = steps.filter((step) => !step.failed && step.p99 < row.mostP99);
  if (!good.length) return { fault: `p99 ${steps[0].p99} ms at ${row.rates[0]} joins a second`, others: steps[0].others };
  return { fault: '', ...good.at(-1), steps };
}

// As many rooms as ask for `share` of what one core forwards; all join before the first packet, since a busy shard opens no room.
async function measureOverload(house, server, row, seconds, capacity) {
  if (!capacity) return { fault: 'there is no figure of the row saturation to go beyond', others: 0 };
  const perRoom = row.senders * (row.participants - 1) * (videoPackets + audioPackets);
  const rooms = Math.round((row.share * capacity) / perRoom);
  const people = rooms * row.participants;
  const ramp = Math.ceil(people / joinsASecond);
  const load = new Load(house, server, { ...common(row), audio: 'opus', rooms, participants: row.participants, senders: row.senders, read: mostRead,
    ramp: `${ramp}s`, 'send-after': `${ramp + firstMedia}s` });
  const begun = await load.until((moments) => moments.at(-1).sent > 0, ramp + firstMedia + 10);
  if (!begun || load.moments.at(-1).joined < people) return { fault: `${load.moments.at(-1).joined} of ${people} joined`, others: 0 };
  const beginning = await measured(server, [load], 10);
  const later = await measured(server, [load], 10);
  const { failed } = await load.stop();
  const worse = (key) => Math.max(beginning[key], later[key]);
  return { fault: failed ? `${failed} of ${people} failed` : '', offered: rooms * perRoom, people, audioLoss: worse('audioLoss') * 100, p99: worse('p99'), audioP99: worse('audioP99'),
    busy: later.busy, others: worse('others'), perSecond: (later.packets + later.unread) / later.seconds, beginning, later };
}

// Two servers of the same kind, one with each number of receivers, 30 s after the last joined: what only a handshake needs is
// gone by then.
async function measureMemory(house, name, row) {
  const kib = [];
  for (const receivers of row.receivers[name]) {
    const server = await startServer(house, name);
    try {
      const { ramp, load } = crowd(house, server, row, receivers + 1);
      if (!(await load.until((moments) => moments.at(-1).joined > receivers, ramp + 20))) return { fault: `${load.moments.at(-1).joined} of ${receivers + 1} joined`, others: 0 };
      for (let i = 0; i < 30; i += 1) await load.next();
      kib.push(rssKiB(server.pid));
      await load.stop();
    } finally {
      await server.stop();
    }
  }
  const [few, many] = row.receivers[name];
  return { fault: '', kib: (kib[1] - kib[0]) / (many - few), rss: kib, others: 0 };
}

// A class: 15 s for the layers to settle, then what it takes.
async function measureSchool(house, server, row, seconds) {
  const { load, ramp } = crowd(house, server, row, row.participants, { senders: row.participants, 'send-after': '0s' });
  if (!(await load.until((moments) => moments.at(-1).joined >= row.participants, ramp + 20))) return { fault: `${load.moments.at(-1).joined} of ${row.participants} joined`, others: 0 };
  for (let i = 0; i < 15; i += 1) await load.next();
  const seen = await measured(server, [load], seconds);
  const summary = await load.stop();
  const faults = [];
  if (summary.failed) faults.push(`${summary.failed} failed`);
  if (!(seen.loss <= worstLoss)) faults.push(`${(seen.loss * 100).toFixed(2)} % lost`);
  const arrived = seen.packets / (seen.sent * (row.participants - 1));  // of everything, where everything is asked for
  if (row.view === 'full' && !(arrived > 0.97)) faults.push(`${(arrived * 100).toFixed(1)} % of the packets arrived`);
  return { fault: faults.join('; '), busy: seen.busy, egress: seen.bytes / seen.seconds / 1e6, perSecond: seen.packets / seen.seconds, microseconds: (seen.cpu * 1e6) / seen.packets,
    p50: seen.p50, p99: seen.p99, loss: seen.loss, freezes: summary.video.freezes, userShare: seen.userShare, others: seen.others };
}

const kinds = { cpu: measureCpu, saturation: measureSaturation, joins: measureJoins, overload: measureOverload, school: measureSchool };

// `capacity`: packets per core-second, for the row that goes beyond it.
export async function measure(house, name, row, { seconds, capacity }) {
  let server;
  try {
    if (row.kind === 'memory') return await measureMemory(house, name, row);
    server = await startServer(house, name, row.kind === 'saturation' ? openToTheEnd : '');
    return await kinds[row.kind](house, server, row, seconds, capacity);
  } catch (error) {
    return { fault: String(error.message).split('\n')[0].slice(0, 200), others: 0 };
  } finally {
    await server?.stop();
    for (const child of house.children) child.kill('SIGKILL');  // loads of a run that failed
  }
}
