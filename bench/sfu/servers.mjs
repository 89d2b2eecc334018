// The servers of `./dev bench sfu`, each pinned to CPU 1: roomshard, and Janus' VideoRoom from Debian's package with its
// threads as they come (`janus`: some for each participant) and with one event loop (`janus-1loop`).
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { bin, freePort, revision } from '../proxy/house.mjs';

const library = '/usr/lib/x86_64-linux-gnu';
const serverCpu = '1';

export const serverNames = ['roomshard', 'janus', 'janus-1loop'];

// Everything but VideoRoom and HTTP is off. ICE-lite, as a server with an address of its own is run. Media of all servers goes
// over 127.0.0.1: for another address of its own the kernel makes a new route for every datagram, which no network asks for.
const janusConfig = (folder, loops) => `general: {
  configs_folder = "${folder}"
  plugins_folder = "${library}/janus/plugins"
  transports_folder = "${library}/janus/transports"
  events_folder = "${library}/janus/events"
  loggers_folder = "${library}/janus/loggers"
  debug_level = 2
${loops ? `  event_loops = ${loops}\n` : ''}}
nat: { ice_lite = true, ice_enforce_list = "127.0.0.1" }
plugins: { disable = "${others('plugins', 'videoroom')}" }
transports: { disable = "${others('transports', 'http')}" }
loggers: { disable = "${others('loggers', '')}" }
`;

const janusHttp = (port) => `general: { json = "compact", base_path = "/janus", http = true, port = ${port}, ip = "127.0.0.1", https = false }
admin: { admin_http = false }
`;

const others = (kind, kept) => readdirSync(`${library}/janus/${kind}`)
  .filter((name) => name.endsWith('.so') && name !== `libjanus_${kept}.so`).join(',');

const janus = (loops) => async (house) => {
  const port = await freePort();
  writeFileSync(house.file('janus.jcfg'), janusConfig(house.folder, loops));
  writeFileSync(house.file('janus.transport.http.jcfg'), janusHttp(port));
  writeFileSync(house.file('janus.plugin.videoroom.jcfg'), 'general: {}\n');
  const child = await house.start(serverCpu, 'janus', ['-C', house.file('janus.jcfg'), '-F', house.folder, '-N'], port);
  return { child, adapter: 'janus', url: `http://127.0.0.1:${port}/janus` };
};

// The whole load comes from one address, and some of it is many people. What is else at its default.
const limits = `[limits]
participants = 20000
participants_per_room = 500
rooms = 20000
new_rooms_per_second = 10000
new_rooms_burst = 100000
`;
// For who looks for the end of it: a shard that is nearly busy would open no more rooms.
export const openToTheEnd = `[overload]
busy = 1.0
full_at = 1.0
lag = "1s"
`;

const start = {
  async roomshard(house, settings) {
    const port = await freePort();
    const config = house.file('roomshard.toml');
    writeFileSync(config, limits + settings);
    const child = await house.start(serverCpu, `${bin}/roomshard`, ['serve', '--config', config, '--listen', `127.0.0.1:${port}`, '--media-address', '127.0.0.1', '--media-port', '0'], port);
    return { child, adapter: 'jitsi', url: `http://127.0.0.1:${port}` };
  },
  janus: janus(0),
  'janus-1loop': janus(1),
};

// `settings`: of roomshard alone.
export async function startServer(house, name, settings = '') {
  const server = await start[name](house, settings);
  return { ...server, name, pid: server.child.pid, stop: () => house.stop(server.child) };
}

// What each is, for the report: of Janus also which SRTP it runs on, since that alone is a factor.
export function versions() {
  const first = (command, ...args) => execFileSync(command, args, { encoding: 'utf8' }).trim().split('\n')[0];
  const packageOf = (name) => { try { return `${name} ${first('dpkg-query', '-W', '-f=${Version}', name)}`; } catch { return ''; } };
  const srtp = execFileSync('sh', ['-c', `ldd ${library}/libsrtp2.so.1`], { encoding: 'utf8' });
  return { janus: packageOf('janus'), libsrtp: `${packageOf('libsrtp2-1')}, ${/libnss3/.test(srtp) ? 'built on NSS' : /libcrypto/.test(srtp) ? 'built on OpenSSL' : 'with its own ciphers'}`,
    roomshard: revision() };
}

// The program itself, whatever the tree around it looks like by now.
export const programHash = () => createHash('sha256').update(readFileSync(`${bin}/roomshard`)).digest('hex').slice(0, 12);

// Every thread, those that ended meanwhile in the process's own sum. Seconds; `cpu` is exact while they sleep, user and
// system come from ticks.
export function usage(pid) {
  let nanoseconds = 0;
  let waits = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    try {
      nanoseconds += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]);
      waits += Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/task/${task}/status`, 'utf8'))[1]);
    } catch { /* it has just ended */ }
  }
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { cpu: nanoseconds / 1e9, user: Number(fields[11]) / 100, system: Number(fields[12]) / 100, waits };
}

export const rssKiB = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
export const threads = (pid) => readdirSync(`/proc/${pid}/task`).length;

export function machineSeconds() {
  const [user, nice, system, , , irq, softirq] = readFileSync('/proc/stat', 'utf8').split('\n')[0].split(/\s+/).slice(1).map(Number);
  return (user + nice + system + irq + softirq) / 100;
}
