// A browser of one's own for each person, whose processes a test may stop and kill.
import { readFileSync, readdirSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { executable, flags } from './browser.mjs';

/** {browser, pid, freeze(), kill(), end()}: a Chromium that dies alone. */
export async function launchAlone() {
  const server = await chromium.launchServer({ executablePath: executable, args: flags, headless: true });
  const browser = await chromium.connect(server.wsEndpoint());
  const { pid } = server.process();
  return {
    browser,
    pid,
    /** Its machine goes dark: nothing is sent any more, not even a goodbye. */
    freeze: () => signal(family(pid), 'SIGSTOP'),
    /** The browser's own process dies; the others of it follow. */
    kill: () => signal([pid], 'SIGKILL'),
    end: async () => {
      signal(family(pid), 'SIGKILL');
      await server.kill();
    },
  };
}

/** A process and everything it started, the first one first. */
function family(pid) {
  const children = new Map();
  for (const entry of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      // After the name, which may hold anything: state, parent.
      const parent = Number(readFileSync(`/proc/${entry}/stat`, 'utf8').split(') ').at(-1).split(' ')[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
    } catch {
      // It ended meanwhile.
    }
  }
  const all = [pid];
  for (const each of all) all.push(...(children.get(each) ?? []));
  return all;
}

function signal(pids, name) {
  for (const pid of pids) {
    try {
      process.kill(pid, name);
    } catch {
      // It ended meanwhile.
    }
  }
}
