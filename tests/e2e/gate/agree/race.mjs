// Races: many new rooms, each asked for once at every gate at nearly the same moment, over connections that were open
// before. What counts is the first answer of each gate: who got it is in that shard for as long as the meeting lasts.
import net from 'node:net';
import { performance } from 'node:perf_hooks';

const kRoomPath = '/xmpp-websocket?room=';
const bytesFor = (target) => Buffer.from(`GET ${target} HTTP/1.1\r\nHost: meet.example\r\n\r\n`);

// A kept connection: one request at a time.
class Line {
  static open(gate) {
    return new Promise((resolve, reject) => {
      const socket = net.connect({ host: gate.host, port: gate.port }, () => resolve(new Line(socket)));
      socket.once('error', reject);
      socket.setNoDelay(true);
    });
  }

  constructor(socket) {
    this.socket = socket;
    this.over = false;
    this.received = '';
    this.done = null;
    socket.setEncoding('latin1');
    socket.on('data', (text) => {
      this.received += text;
      this.#read();
    });
    const ended = (why) => {
      this.over = true;
      this.#answer({ status: 0, shard: undefined, error: why });
    };
    socket.on('error', (error) => ended(error.code));
    socket.on('close', () => ended('closed'));
  }

  #read() {
    const end = this.received.indexOf('\r\n\r\n');
    if (end < 0) return;
    const head = this.received.slice(0, end);
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
    if (this.received.length < end + 4 + length) return;
    const body = this.received.slice(end + 4, end + 4 + length);
    this.received = this.received.slice(end + 4 + length);
    if (/\r\nconnection: close/i.test(head)) this.over = true;
    this.#answer({ status: Number(head.slice(9, 12)), shard: /\r\nx-shard: (\S+)/i.exec(head)?.[1], error: body });
  }

  #answer(answer) {
    const { done } = this;
    this.done = null;
    done?.({ ...answer, at: performance.now() });
  }

  // Sent when this returns. `sent` is from before: the gate may have the core as soon as the bytes are there.
  ask(bytes) {
    const answer = new Promise((resolve) => { this.done = resolve; });
    const sent = performance.now();
    this.socket.write(bytes);
    return answer.then((got) => ({ ...got, sent, took: got.at - sent }));
  }

  close() { this.socket.destroy(); }
}

// Open connections to one gate, warm: the gate's own to the shards are there too.
export class Lines {
  static async open(gate, count) {
    const lines = new Lines(gate);
    for (let i = 0; i < count; i += 32) {
      lines.free.push(...await Promise.all(Array.from({ length: Math.min(32, count - i) }, () => Line.open(gate))));
    }
    lines.all.push(...lines.free);
    await Promise.all(lines.free.map((line) => line.ask(bytesFor('/static/warm'))));
    return lines;
  }

  constructor(gate) {
    this.gate = gate;
    this.free = [];
    this.all = [];
    this.short = 0;  // times that none was free
  }

  // Without a line at hand a new one is opened, which is late.
  ask(bytes) {
    let line = this.free.pop();
    while (line?.over) line = this.free.pop();
    if (line) return this.#over(line, bytes);
    ++this.short;
    return Line.open(this.gate).then((opened) => {
      this.all.push(opened);
      return this.#over(opened, bytes);
    }, (error) => ({ status: 0, error: error.code, sent: performance.now(), took: 0 }));
  }

  #over(line, bytes) {
    return line.ask(bytes).then((answer) => {
      if (!line.over) this.free.push(line);
      return answer;
    });
  }

  close() { for (const line of this.all) line.close(); }
}

// Does each thing at its time: sleeps far from it, spins near it.
export function atTimes(plan) {
  const rest = [...plan].sort((a, b) => a.at - b.at);
  let next = 0;
  return new Promise((resolve) => {
    const turn = () => {
      while (next < rest.length && rest[next].at <= performance.now()) rest[next++].act();
      if (next === rest.length) return resolve();
      const wait = rest[next].at - performance.now();
      return wait > 3 ? setTimeout(turn, wait - 2) : setImmediate(turn);
    };
    turn();
  });
}

export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}
const spread = (values) => ({ p50: quantile(values, 0.5), p99: quantile(values, 0.99), max: quantile(values, 1) });

function shuffled(count) {
  const order = Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; --i) {
    const j = Math.floor(Math.random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

// Clients of these gates. `most`: requests of one gate at a time.
export class Clients {
  static async of(gates, most = 64) {
    return new Clients(await Promise.all(gates.map((gate) => Lines.open(gate, most))));
  }
  constructor(lines) { this.lines = lines; }
  close() { for (const each of this.lines) each.close(); }
  // Gate i is another process.
  replace(i, lines) {
    this.lines[i].close();
    this.lines[i] = lines;
  }

  // Each room is asked for at all gates, in any order, `skew` ms apart. `noise`: before it each gate places a room of
  // its own or does not, so that they do not go round their shards in step, as they do not in real life.
  // `during`: called with the number of each race as it starts.
  async race({ rooms, prefix, skew = 0, perSecond = 80, noise = true, during = () => {} }) {
    const names = Array.from({ length: rooms }, (_, i) => `${prefix}-${i}`);
    return this.#run(names, { skew, perSecond, noise, during });
  }

  // The same rooms once more: now they are known.
  again(result, { skew = 0, perSecond = 80 } = {}) {
    return this.#run(result.names, { skew, perSecond, noise: false, during: () => {} });
  }

  async #run(names, { skew, perSecond, noise, during }) {
    const begin = performance.now() + 5;
    const plan = [];
    const answers = names.map(() => []);  // of each room, in the gates' order
    const work = [];
    names.forEach((room, number) => {
      const at = begin + (number * 1000) / perSecond;
      const bytes = bytesFor(kRoomPath + room);
      if (noise) {
        this.lines.forEach((lines, i) => {
          if (Math.random() < 0.5) return;
          const other = bytesFor(`${kRoomPath}noise-${room}-${i}`);
          plan.push({ at: at - 4, act: () => work.push(lines.ask(other)) });
        });
      }
      // Those of one moment are sent in one go.
      const order = shuffled(this.lines.length);
      const ask = (i) => work.push(this.lines[i].ask(bytes).then((answer) => { answers[number][i] = answer; }));
      if (skew === 0) {
        plan.push({ at, act: () => {
          during(number);
          order.forEach(ask);
        } });
      } else {
        order.forEach((i, place) => plan.push({ at: at + place * skew, act: () => {
          if (place === 0) during(number);
          ask(i);
        } }));
      }
    });
    const shortBefore = this.lines.reduce((sum, { short }) => sum + short, 0);
    await atTimes(plan);
    await Promise.all(work);
    return new Result(names, answers, skew, this.lines.reduce((sum, { short }) => sum + short, 0) - shortBefore);
  }
}

export class Result {
  constructor(names, answers, skew, late) {
    Object.assign(this, { names, answers, planned: skew, late });
    this.firsts = new Map(names.map((room, i) => [room, answers[i].map(({ shard }) => shard)]));
    this.failed = answers.flatMap((each, i) => each.filter(({ status }) => status !== 200)
      .map(({ status, error }) => `${names[i]}: ${status} ${String(error).trim()}`));
    const places = answers.map((each) => new Set(each.flatMap(({ shard }) => shard ?? [])));
    this.split = names.filter((_, i) => places[i].size > 1);
    this.took = spread(answers.flat().map(({ took }) => took));
    // Between the first and the last of a room, as it really was.
    this.skew = spread(answers.map((each) => Math.max(...each.map(({ sent }) => sent)) - Math.min(...each.map(({ sent }) => sent))));
    this.perShard = new Map();
    for (const each of places) for (const shard of each) this.perShard.set(shard, (this.perShard.get(shard) ?? 0) + 1);
  }

  get splitShare() { return this.split.length / this.names.length; }
  // Rooms of which some answer is another than a first one.
  differsFrom(first) {
    return this.names.filter((room) => new Set([...this.firsts.get(room), ...first.firsts.get(room)].filter(Boolean)).size > 1);
  }
  // For a table's row.
  get row() {
    return `${this.split.length}/${this.names.length} split, ${this.failed.length} failed, first answer p50 ${ms(this.took.p50)} p99 ${ms(this.took.p99)} ms, `
      + `skew ${this.planned} ms was p50 ${ms(this.skew.p50)} p99 ${ms(this.skew.p99)}${this.late ? `, ${this.late} late` : ''}`;
  }
}
export const ms = (value) => value.toFixed(2);
