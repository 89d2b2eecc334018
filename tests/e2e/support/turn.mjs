// coturn on loopback, with credentials made from a shared secret, and a shard that tells its clients of it.
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bin, Program } from './programs.mjs';
import { freeTcpPort } from './ports.mjs';

export const executable = process.env.TURNSERVER ?? '/usr/bin/turnserver';

/** Why there is no TURN server here, or false. */
export const missing = existsSync(executable) ? false : `skipped: no coturn at ${executable}`;

/** {program, uri, secret}; `folder` is for its files. */
export async function startTurn(folder) {
  const port = await freeTcpPort();
  const secret = 'a secret of this test';
  const program = new Program(executable, ['-n', '--listening-ip', '127.0.0.1', '--relay-ip', '127.0.0.1', '--listening-port', String(port),
    '--use-auth-secret', '--static-auth-secret', secret, '--realm', 'meet.jitsi', '--allow-loopback-peers', '--no-tls', '--no-dtls', '--no-cli',
    '--log-file', 'stdout', '--simple-log', '--pidfile', join(folder, 'pid'), '--userdb', join(folder, 'db'), '--verbose']);
  await program.line(new RegExp(`UDP listener opened on\\s*:? 127\\.0\\.0\\.1:${port}`));
  return { program, uri: `turn:127.0.0.1:${port}?transport=udp`, secret };
}

/** A shard on free ports that offers this TURN server: {program, address}. */
export async function startShardWithTurn(folder, name, { uri, secret }) {
  const file = join(folder, 'shard.toml');
  writeFileSync(file, `name = "${name}"\nlisten = "127.0.0.1:0"\n[media]\naddress = "127.0.0.1"\nport = 0\n[turn]\nuris = ["${uri}"]\nsecret = "${secret}"\n`);
  const program = new Program(join(bin, 'roomshard'), ['serve', '--config', file]);
  const [, address] = await program.line(/listening .*address=(\S+)/);
  return { name, program, address };
}
