// Two HAProxy instances in one peers section, as ours stand beside them and as the judge of races is tried on them.
import net from 'node:net';
import { freePort, startHaproxy } from '../fronts.mjs';
import { request, temporaryFolder } from '../support.mjs';

// shards: [{name, host, port}]. Each as {name, host, port, socket, peers: PORT}.
export async function startPair(t, shards, { names = ['hap-0', 'hap-1'], size = '100k' } = {}) {
  const pair = [];
  for (const name of names) pair.push({ name, host: '127.0.0.1', port: await freePort(), peers: await freePort(), socket: `${temporaryFolder(t)}/stats.sock` });
  for (const each of pair) {
    await startHaproxy(t, {
      args: ['-L', each.name],
      ports: [each.port],
      sections: `
global
  nbthread 1
  stats socket ${each.socket} level admin
  stats timeout 10m
peers mesh
${pair.map(({ name, peers }) => `  peer ${name} 127.0.0.1:${peers}`).join('\n')}
frontend front
  mode http
  bind 127.0.0.1:${each.port}
  default_backend shards
backend shards
  mode http
  balance roundrobin
  stick-table type string len 128 size ${size} expire 1d peers mesh
  stick on urlp(room)
${shards.map(({ name, host, port }) => `  server ${name} ${host}:${port}`).join('\n')}
` });
  }
  await replicates(pair);
  return pair;
}

// One command on its socket.
export function command({ socket }, words) {
  return new Promise((resolve, reject) => {
    let text = '';
    net.connect(socket).setEncoding('utf8').on('data', (part) => { text += part; }).on('end', () => resolve(text)).on('error', reject)
      .write(`${words}\n`);
  });
}
export const knows = async (instance, room) => (await command(instance, `show table shards key ${room}`)).includes(`key=${room} `);

// Sessions cross when both have just started, and what is said meanwhile comes late: until rooms made at each are soon
// known at the other, ten in a row.
async function replicates(pair) {
  let number = 0;
  for (let inARow = 0; inARow < 10;) {
    const [one, other] = number % 2 === 0 ? pair : [...pair].reverse();
    const room = `settling-${number++}`;
    await request(one.port, `/xmpp-websocket?room=${room}`);
    let looks = 0;
    while (looks < 100 && !await knows(other, room)) ++looks;
    inARow = looks < 100 ? inARow + 1 : 0;
  }
}
