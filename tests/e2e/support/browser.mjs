// Chromium with a fake camera and microphone, and participants in it who speak through the built-in client.
import { setTimeout } from 'node:timers/promises';
import { chromium } from 'playwright-core';

export const flags = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--disable-features=WebRtcHideLocalIpsWithMdns', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream',
  '--autoplay-policy=no-user-gesture-required', '--ignore-certificate-errors'];

export const executable = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** A browser that ends with the test. */
export async function launch(extra = []) {
  return chromium.launch({ executablePath: executable, args: [...flags, ...extra], headless: true });
}

/**
 * Opens ROOM as NAME and waits until it is joined. `scripts` run in the page before any script of its own.
 * @returns {Promise<import('playwright-core').Page>}
 */
export async function join(browser, base, room, name, options = {}, scripts = []) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  page.problems = [];
  page.on('pageerror', (error) => page.problems.push(String(error)));
  page.on('console', (message) => { if (message.type() === 'error') page.problems.push(message.text()); });
  for (const script of scripts) await page.addInitScript(script);
  const hash = new URLSearchParams({ name, prejoin: 'skip', width: '320', height: '180', fps: '15', ...options });
  await page.goto(`${base}/${room}#${hash}`);
  await until(page, () => globalThis.roomgate?.phase === 'joined', 'joined', 20000);
  return page;
}

/**
 * Waits until `check(argument)` in the page, asked every so many ms, gives something true, or a promise of it, and gives
 * that. (Playwright's own waitForFunction takes the promise itself for true.)
 */
export async function until(page, check, what, milliseconds = 15000, argument = undefined, every = 100) {
  const deadline = Date.now() + milliseconds;
  let last = '';
  while (Date.now() < deadline) {
    // A page that is just being loaded again answers next time.
    const value = await within(deadline, page.evaluate(check, argument)).catch((error) => void (last = String(error)));
    if (value) return value;
    await setTimeout(every);
  }
  const state = await within(Date.now() + 2000, page.evaluate(() => JSON.stringify(globalThis.roomgate ?? null))).catch(String);
  throw new Error(`waited ${milliseconds} ms for: ${what}\nstate: ${state}\nlast error: ${last}\nproblems: ${(page.problems ?? []).join('\n')}`);
}

/** A page whose browser hangs must not hang its test. */
function within(deadline, promise) {
  const late = setTimeout(Math.max(1, deadline - Date.now()), undefined, { ref: false }).then(() => { throw new Error('the page does not answer'); });
  return Promise.race([promise, late]);
}
