// Shards for races: in a thread of their own, so that they answer while the clients' thread keeps its times. Each names
// itself, answers at once or after a while, takes WebSockets, and says by its census who is in which room.
import { Worker } from 'node:worker_threads';
import { ownHost } from '../../../support/hosts.mjs';

// `delay`: ms between a request and its answer. The list is what settingsText() wants of shards.
export async function startShards(t, count, { delay = 0, host = ownHost() } = {}) {
  const worker = new Worker(new URL('./shard_worker.mjs', import.meta.url), { workerData: { count, delay, host } });
  t.after(() => worker.terminate());
  const waiting = [];
  worker.on('message', (answer) => waiting.shift().resolve(answer));
  worker.on('error', (error) => {
    for (const each of waiting.splice(0)) each.reject(error);
    throw error;
  });
  const answer = () => new Promise((resolve, reject) => waiting.push({ resolve, reject }));
  const say = (message) => {
    worker.postMessage(message);
    return answer();
  };
  const ports = await answer();
  const list = ports.map((port, i) => ({ name: `shard-${i}`, host, port }));
  return Object.assign(list, {
    delay: (ms) => say({ delay: ms }),
    // Of each shard: {requests, checks, censuses, rooms: [[room, WebSockets]]}.
    facts: () => say({ facts: true }),
    // No connections there any more, and none of those that were; as a host whose process has died.
    vanish: (i) => say({ vanish: i }),
    appear: (i) => say({ appear: i }),
  });
}
