// `./dev bench peers`: two roomgates and two HAProxies, each pair one table, measured in turn on the same machine.
//   --sets N     of each lag row (5)
//   --rooms N    of one set (500)
//   --entries A,B  full resyncs of so many rooms (100000,1000000)
//   --kinds A,B  only these of haproxy,roomgate
//   --no-save    print only; otherwise bench/results/peers.json
// lag: A gives a new room to a shard; how long until B's table has it (bench/peers/lag.cpp looks all the time), counted from
//   the moment in which the shard has A's request. A gate has decided by then, HAProxy decides when the answer is there.
// CPU: of each process for a new room at A, beside what the same costs one that is alone.
// resync: B is killed, started again, and has everything; bytes as the kernel counted them.
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { connect, createServer } from 'node:net';
import { cpus, release } from 'node:os';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { imageOf } from '../../tests/e2e/gate/agree/image.mjs';
import { House, bin, revision, sleep } from '../proxy/house.mjs';

const text = { type: 'string' };
const { values: given } = parseArgs({ options: { sets: { ...text, default: '5' }, rooms: { ...text, default: '500' },
  kinds: { ...text, default: 'haproxy,roomgate' }, entries: { ...text, default: '100000,1000000' }, 'no-save': { type: 'boolean', default: false } } });

const wanted = given.kinds.split(',');
const house = new House();
const freePort = () => new Promise((resolve) => {
  const server = createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    server.close(() => resolve(port));
  });
});

// --- the two kinds

const gateText = (door, other, shards, more) => `
[gate]
name = "${door.name}"
threads = 1
[[listen]]
address = "127.0.0.1:${door.port}"
[admin]
address = ""
socket = "${door.socket}"
access_log = "off"
${other ? `[peers]
mode = "peers"
address = "127.0.0.1:${door.peers}"
[[peers.members]]
name = "${other.name}"
address = "127.0.0.1:${other.peers}"` : ''}
${shards.map((port) => `[[shards]]\nname = "s${port}"\naddress = "127.0.0.1:${port}"`).join('\n')}
[health]
enabled = false
[limits]
per_address.requests = "off"
per_address.new_rooms = "off"
[rooms]
max_entries = 2_000_000
${more}
`;
const haproxyText = (door, other, shards) => `
global
  nbthread 1
  maxconn 4000
  stats socket ${door.socket} level admin
  stats timeout 10m
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 60s
${other ? `peers mesh\n${[door, other].sort((a, b) => a.peers - b.peers).map(({ name, peers }) => `  peer ${name} 127.0.0.1:${peers}`).join('\n')}` : ''}
frontend front
  bind 127.0.0.1:${door.port}
  default_backend shards
backend shards
  balance roundrobin
  stick-table type string len 128 size 2m expire 1d ${other ? 'peers mesh' : ''}
  stick on urlp(room)
${shards.map((port) => `  server s${port} 127.0.0.1:${port}`).join('\n')}
`;

function overSocket(socketPath, path) {
  return new Promise((resolve, reject) => {
    http.get({ socketPath, path, agent: false }, (answer) => {
      let body = '';
      answer.on('data', (part) => { body += part; });
      answer.on('end', () => resolve({ status: answer.statusCode, body }));
    }).on('error', reject);
  });
}
function command(socketPath, words) {
  return new Promise((resolve, reject) => {
    let said = '';
    connect(socketPath).on('data', (part) => { said += part; }).on('end', () => resolve(said)).on('error', reject).write(`${words}\n`);
  });
}

const kinds = {
  roomgate: {
    args: (door, other, shards, more) => {
      const file = house.file(`${door.name}.toml`);
      writeFileSync(file, gateText(door, other, shards, more));
      return [`${bin}/roomgate`, ['serve', '--config', file]];
    },
    rooms: async (door) => JSON.parse((await overSocket(door.socket, '/api/v1/status')).body).rooms,
    together: async (doors) => {
      for (const door of doors) {
        for (;;) {
          const { may_decide, view } = JSON.parse((await overSocket(door.socket, '/api/v1/peers')).body);
          if (may_decide && view.length === doors.length) break;
          await sleep(20);
        }
      }
    },
  },
  haproxy: {
    args: (door, other, shards) => {
      const file = house.file(`${door.name}.cfg`);
      writeFileSync(file, haproxyText(door, other, shards));
      return ['haproxy', ['-db', '-f', file, '-L', door.name]];
    },
    rooms: async (door) => Number(/# table: shards,.*used:(\d+)/.exec(await command(door.socket, 'show table'))[1]),
    // Sessions that cross right after the start: until what one is told the other has, several times.
    together: async (doors, tell) => {
      for (let inARow = 0, number = 0; inARow < 5; ++number) {
        const room = `settling-${number}`;
        await tell(doors[number % 2], room);
        const other = doors[(number + 1) % 2];
        let looks = 0;
        while (looks < 50 && !(await command(other.socket, `show table shards key ${room}`)).includes('key=')) {
          ++looks;
          await sleep(2);
        }
        inARow = looks < 50 ? inARow + 1 : 0;
      }
    },
  },
};

async function newDoor(kind, name) {
  return { kind, name: `${kind}-${name}`, port: await freePort(), peers: await freePort(), socket: house.file(`${kind}-${name}.sock`) };
}
async function startDoor(door, other, shards, more = '') {
  const [program, args] = kinds[door.kind].args(door, other, shards, more);
  door.child = await house.start('0,1', program, args, door.port);
}
const stopDoor = (door) => new Promise((resolve) => {
  door.child.on('exit', resolve);
  door.child.kill('SIGKILL');
});

async function tell(door, room) {
  if (door.kind === 'haproxy') return command(door.socket, `set table shards key ${room} data.server_id 1`);
  return undefined;
}

async function startPair(kind, shards, more = '') {
  const doors = [await newDoor(kind, 'a'), await newDoor(kind, 'b')];
  await startDoor(doors[0], doors[1], shards, more);
  await startDoor(doors[1], doors[0], shards);
  await kinds[kind].together(doors, tell);
  return doors;
}

// --- what is measured

function lagTool(...args) {
  return new Promise((resolve, reject) => {
    const child = spawn(`${bin}/bench_lag`, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    let wrong = '';
    child.stdout.on('data', (part) => { said += part; });
    child.stderr.on('data', (part) => { wrong += part; });
    child.on('close', (code) => (code === 0 ? resolve(JSON.parse(said)) : reject(new Error(`bench_lag: ${wrong}${said}`))));
  });
}

function table(head, rows) {
  for (const row of [head, head.map((_, i) => (i === 0 ? '---' : '--:')), ...rows]) console.log(`| ${row.join(' | ')} |`);
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

async function measureLag() {
  const rows = [];
  for (const background of [0, 300]) {
    const shards = {};
    const pairs = {};
    const sets = {};
    for (const kind of wanted) {
      shards[kind] = [await freePort(), await freePort()];
      pairs[kind] = await startPair(kind, shards[kind]);
      sets[kind] = [];
    }
    for (let set = 0; set < Number(given.sets); ++set) {
      const order = set % 2 ? [...wanted].reverse() : wanted;
      for (const kind of order) {
        const [a, b] = pairs[kind];
        sets[kind].push(await lagTool('--shards', shards[kind].join(), '--front', a.port, '--kind', kind, '--socket', b.socket,
          '--rooms', given.rooms, '--prefix', `lag-${set}-`, '--background', background));
        process.stdout.write('.');
      }
    }
    for (const kind of wanted) {
      rows.push({ kind, background, sets: sets[kind] });
      for (const door of pairs[kind]) await stopDoor(door);
    }
  }
  const columns = [['from_store_us', 'p50'], ['from_store_us', 'p99'], ['from_answer_us', 'p50'], ['from_answer_us', 'p99'],
    ['first_answer_us', 'p50'], ['first_answer_us', 'p99'], ['look_us', 'p50']];
  console.log('\n\nlag in us, medians of the sets (least, most): A stored it, B has it; and what one look at B takes\n');
  table(['pair', 'further rooms/s', 'p50', 'p99', "after A's answer p50", 'p99', 'first answer p50', 'p99', 'look p50'],
    rows.map(({ kind, background, sets }) => [kind, background, ...columns.map(([what, which]) => {
      const values = sets.map((set) => set[what][which]);
      return `${median(values).toFixed(0)} (${Math.min(...values).toFixed(0)}, ${Math.max(...values).toFixed(0)})`;
    })]));
  return rows;
}

const ticks = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
// Of all its threads, in microseconds.
function cpuOf(door) {
  const fields = readFileSync(`/proc/${door.child.pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return ((Number(fields[11]) + Number(fields[12])) / ticks) * 1e6;
}

async function measureCpu() {
  const rooms = 30_000;
  const rows = [];
  for (const kind of wanted) {
    for (const alone of [true, false]) {
      const shards = [await freePort(), await freePort()];
      let doors;
      if (alone) {
        doors = [await newDoor(kind, 'alone')];
        await startDoor(doors[0], undefined, shards);
      } else {
        doors = await startPair(kind, shards);
      }
      const sets = [];
      for (let set = 0; set < 3; ++set) {
        const before = doors.map(cpuOf);
        const { seconds } = await lagTool('--shards', shards.join(), '--front', doors[0].port, '--load', 8, '--rooms', rooms,
          '--prefix', `load-${set}-`);
        await sleep(500);  // until the last of them has been said
        const after = doors.map(cpuOf);
        sets.push({ seconds, us: after.map((each, i) => (each - before[i]) / rooms) });
        process.stdout.write('.');
      }
      for (const door of doors) await stopDoor(door);
      rows.push({ kind, alone, rooms, sets });
    }
  }
  console.log('\n\nCPU us of a process for each new room asked for at A, medians\n');
  table(['doors', 'A', 'B', 'rooms/s'], rows.map(({ kind, alone, sets }) => {
    const us = (i) => median(sets.map((set) => set.us[i])).toFixed(1);
    return [`${kind}, ${alone ? 'one' : 'a pair'}`, us(0), alone ? '' : us(1), Math.round(rooms / median(sets.map(({ seconds }) => seconds)))];
  }));
  return rows;
}

// What it has received over its peers connections.
function bytesOf(door) {
  const lines = execFileSync('ss', ['-tinpHO'], { encoding: 'utf8' }).split('\n').filter((line) => line.includes(`pid=${door.child.pid},`));
  const peers = lines.filter((line) => !line.includes(`127.0.0.1:${door.port} `));
  return peers.reduce((sum, line) => sum + Number(/bytes_received:(\d+)/.exec(line)?.[1] ?? 0), 0);
}

async function fillHaproxy(door, entries) {
  for (let i = 0; i < entries; i += 200) {
    const words = (_, k) => `set table shards key r${i + k} data.server_id ${1 + (k % 2)}`;
    await command(door.socket, Array.from({ length: Math.min(200, entries - i) }, words).join(';'));
  }
}

async function measureResync() {
  const rows = [];
  for (const entries of given.entries.split(',').map(Number)) {
    for (const kind of wanted) {
      const shards = [await freePort(), await freePort()];
      let more = '';
      if (kind === 'roomgate') {
        const file = house.file('rooms');
        writeFileSync(file, imageOf(Array.from({ length: entries }, (_, i) => [`r${i}`, `s${shards[i % 2]}`])), { mode: 0o600 });
        more = `snapshot = "${file}"\nsnapshot_interval = "1h"`;
      }
      const doors = await startPair(kind, shards, more);
      if (kind === 'haproxy') await fillHaproxy(doors[0], entries);
      const complete = async (door) => {
        while (await kinds[kind].rooms(door) < entries) await sleep(1);
      };
      await complete(doors[1]);
      const sets = [];
      for (let set = 0; set < 3; ++set) {
        await stopDoor(doors[1]);
        const teacher = cpuOf(doors[0]);
        const begin = performance.now();
        await startDoor(doors[1], doors[0], shards);
        const open = performance.now();
        await complete(doors[1]);
        const end = performance.now();
        sets.push({ open_ms: open - begin, complete_ms: end - begin, bytes: bytesOf(doors[1]),
          teacher_us: (cpuOf(doors[0]) - teacher) / entries, learner_us: cpuOf(doors[1]) / entries });
        process.stdout.write('.');
      }
      for (const door of doors) await stopDoor(door);
      rows.push({ kind, entries, sets });
    }
  }
  console.log('\n\nB killed and started again: from its start until it has all rooms, medians\n');
  table(['pair', 'rooms', 'port open, ms', 'complete, ms', 'MB', 'bytes a room', 'CPU us a room: A', 'B'], rows.map(({ kind, entries, sets }) => {
    const of = (what) => median(sets.map((set) => set[what]));
    return [kind, entries, of('open_ms').toFixed(0), of('complete_ms').toFixed(0), (of('bytes') / 1e6).toFixed(1),
      (of('bytes') / entries).toFixed(0), of('teacher_us').toFixed(2), of('learner_us').toFixed(2)];
  }));
  return rows;
}

const firstLine = (program, ...args) => execFileSync(program, args, { encoding: 'utf8' }).split('\n')[0];
try {
  const lag = await measureLag();
  const cpu = await measureCpu();
  const resync = await measureResync();
  if (!given['no-save']) {
    mkdirSync('bench/results', { recursive: true });
    const data = { name: 'peers', revision: revision(), date: new Date().toISOString().slice(0, 10),
      machine: { cpus: cpus().length, model: cpus()[0].model, kernel: release() }, haproxy: firstLine('haproxy', '-v'), lag, cpu, resync };
    writeFileSync('bench/results/peers.json', `${JSON.stringify(data, (key, value) => (typeof value === 'number' ? Number(value.toPrecision(6)) : value), 1)}\n`);
  }
} finally {
  house.close();
}
