// Gates die, stop for a while, and come back, while rooms are asked for at all of them: what those that are there say is
// one thing, before and after.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startMesh } from './agree/mesh.mjs';
import { Clients, Lines } from './agree/race.mjs';
import { startShards } from './agree/shards.mjs';
import { request } from './support.mjs';
import { connect } from './websocket.mjs';

const long = process.env.LONG === '1';
const perSecond = 40;
// Of these seconds; faults are where the numbers of races say.
const roomsIn = (seconds) => perSecond * seconds;

async function scene(t, gates = 3, settings = '') {
  const shards = await startShards(t, 2);
  const mesh = await startMesh(t, { gates, shards, settings });
  const clients = await Clients.of(mesh.gates, 300);
  t.after(() => clients.close());
  return { mesh, clients };
}

// Answers of gates that were there all the time.
const failedElsewhere = (result, i) => result.answers.flatMap((answers, number) => answers
  .filter((answer, gate) => gate !== i && answer.status !== 200).map(({ status, error }) => `${result.names[number]}: ${status} ${error}`));
// Of the other: what it did not answer.
const unanswered = (result, i) => result.answers.filter((answers) => answers[i].status !== 200).length;

test('a gate that is killed: those left go on, and keep what it has said', async (t) => {
  const { mesh, clients } = await scene(t);
  let killed;

  const first = await clients.race({ rooms: roomsIn(6), prefix: 'kill', skew: 1, perSecond, during: (number) => {
    if (number === roomsIn(1)) killed = mesh.gates[2].kill();
  } });
  await killed;
  await mesh.together(mesh.gates.slice(0, 2));
  const later = await clients.again(first);

  t.diagnostic(`${first.row}; ${unanswered(first, 2)} not answered by the one that was killed`);
  assert.deepEqual([first.split, failedElsewhere(first, 2)], [[], []]);
  assert.deepEqual([later.differsFrom(first), failedElsewhere(later, 2)], [[], []]);
  assert.ok(unanswered(first, 2) > 0);
});

for (const seconds of [2, 5]) {
  test(`a gate that is stopped for ${seconds} s and goes on`, async (t) => {
    const { mesh, clients } = await scene(t);
    const gate = mesh.gates[2];

    const first = await clients.race({ rooms: roomsIn(seconds + 3), prefix: `stop-${seconds}`, skew: 1, perSecond, during: (number) => {
      if (number === roomsIn(1)) gate.pause();
      if (number === roomsIn(1 + seconds)) gate.resume();
    } });
    await mesh.together();
    const later = await clients.again(first);

    t.diagnostic(`${first.row}; ${unanswered(first, 2)} not answered by the one that was stopped`);
    assert.deepEqual([first.split, failedElsewhere(first, 2)], [[], []]);
    assert.deepEqual([later.failed, later.differsFrom(first)], [[], []]);
  });
}

test('a gate that is told to stop: the others decide for it at once, and it asks them for as long as it takes requests', async (t) => {
  const { mesh, clients } = await scene(t, 3, '[shutdown]\ndelay = "10m"\n');
  const gate = mesh.gates[2];
  let othersDecide;

  const first = await clients.race({ rooms: roomsIn(5), prefix: 'term', skew: 1, perSecond, during: (number) => {
    if (number !== roomsIn(1)) return;
    gate.signal('SIGTERM');
    othersDecide = mesh.together(mesh.gates.slice(0, 2));
  } });
  await othersDecide;
  const later = await clients.again(first);

  t.diagnostic(first.row);
  assert.deepEqual([first.split, first.failed], [[], []]);
  assert.deepEqual([later.failed, later.differsFrom(first)], [[], []]);
  const { state, view } = await gate.get('peers');
  assert.deepEqual([state, view], ['leaving', []]);
});

test('a gate that is killed and started again, twice', async (t) => {
  const { mesh, clients } = await scene(t);
  let again = Promise.resolve();
  const restart = async () => {
    await mesh.gates[2].kill();
    const gate = await mesh.start(2);
    clients.replace(2, await Lines.open(gate, 32));
  };

  const first = await clients.race({ rooms: roomsIn(8), prefix: 'again', skew: 1, perSecond, during: (number) => {
    if (number === roomsIn(1) || number === roomsIn(4)) again = again.then(restart);
  } });
  await again;
  await mesh.together();
  const later = await clients.again(first);

  t.diagnostic(`${first.row}; ${unanswered(first, 2)} not answered by the one that was killed`);
  assert.deepEqual([first.split, failedElsewhere(first, 2)], [[], []]);
  assert.deepEqual([later.failed, later.differsFrom(first)], [[], []]);
});

test('all die and start again, one after the other, and nobody is split', { skip: !long && 'takes long' }, async (t) => {
  const { mesh, clients } = await scene(t, 5);
  let again = Promise.resolve();
  const restart = (i) => async () => {
    await mesh.gates[i].kill();
    const gate = await mesh.start(i);
    clients.replace(i, await Lines.open(gate, 32));
    await mesh.together();
  };

  const first = await clients.race({ rooms: roomsIn(30), prefix: 'all', skew: 1, perSecond, during: (number) => {
    if (number % roomsIn(5) === roomsIn(1)) again = again.then(restart(Math.floor(number / roomsIn(5)) % 5));
  } });
  await again;
  await mesh.together();
  const later = await clients.again(first);

  t.diagnostic(first.row);
  assert.deepEqual([first.split, later.failed, later.differsFrom(first)], [[], [], []]);
});

test('a gate is killed with 500 tunnels while the table is full: its clients find their rooms through the others', async (t) => {
  const tunnels = 500;
  const shards = await startShards(t, 2);
  const mesh = await startMesh(t, { gates: 3, shards, settings: `[rooms]\nmax_entries = ${tunnels + 100}\n` });
  const [dying, ...others] = mesh.gates;
  const enter = async (gate, room) => {
    const peer = await connect(gate.port, `/xmpp-websocket?room=${room}`);
    const shard = (await peer.until(() => true)).payload.toString();
    return { room, peer, shard };
  };
  const people = [];
  for (let i = 0; i < tunnels; i += 50) {
    people.push(...await Promise.all(Array.from({ length: 50 }, (_, k) => enter(dying, `meeting-${i + k}`))));
  }
  t.after(() => people.forEach(({ peer }) => peer.stream.destroy()));
  // The rest of the table, and more than it has room for.
  const pressing = (prefix) => Promise.all(Array.from({ length: 150 }, (_, i) => request(others[i % 2].port, `/xmpp-websocket?room=${prefix}-${i}`)));
  const pressed = await pressing('press');
  assert.ok(pressed.some(({ status }) => status === 503) && pressed.some(({ status }) => status === 200));

  await dying.kill();
  const moved = [];
  const refused = [];
  const back = async ({ room, shard }, i) => {
    try {
      const now = await enter(others[i % 2], room);
      t.after(() => now.peer.stream.destroy());
      if (now.shard !== shard) moved.push(`${room}: was on ${shard}, is on ${now.shard}`);
    } catch (error) {
      refused.push(`${room}: ${error.message}`);
    }
  };
  for (let i = 0; i < tunnels; i += 50) {
    await Promise.all([...people.slice(i, i + 50).map((each, k) => back(each, i + k)), pressing(`more-${i}`)]);
  }

  t.diagnostic(`${tunnels} tunnels, ${moved.length} on another shard, ${refused.length} refused`);
  assert.deepEqual([moved, refused], [[], []]);
});
