// Chromium with a fake camera and microphone, and participants in it who speak through the built-in client.
import { chromium } from 'playwright-core';

export const flags = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--disable-features=WebRtcHideLocalIpsWithMdns', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream',
  '--autoplay-policy=no-user-gesture-required', '--ignore-certificate-errors'];

export const executable = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** A browser that ends with the test. */
export async function launch(extra = []) {
  return chromium.launch({ executablePath: executable, args: [...flags, ...extra], headless: true });
}

/** Opens ROOM as NAME and waits until it is joined. @returns {Promise<import('playwright-core').Page>} */
export async function join(browser, base, room, name, options = {}) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  page.problems = [];
  page.on('pageerror', (error) => page.problems.push(String(error)));
  page.on('console', (message) => { if (message.type() === 'error') page.problems.push(message.text()); });
  const hash = new URLSearchParams({ name, prejoin: 'skip', width: '320', height: '180', fps: '15', ...options });
  await page.goto(`${base}/${room}#${hash}`);
  await until(page, () => globalThis.roomgate?.phase === 'joined', 'joined', 20000);
  return page;
}

/** Waits until `check(argument)` in the page gives something true, and gives that. */
export async function until(page, check, what, milliseconds = 15000, argument = undefined) {
  try {
    const handle = await page.waitForFunction(check, argument, { timeout: milliseconds, polling: 100 });
    return await handle.jsonValue();
  } catch (error) {
    const state = await page.evaluate(() => JSON.stringify(globalThis.roomgate ?? null)).catch(String);
    throw new Error(`waited ${milliseconds} ms for: ${what}\nstate: ${state}\nproblems: ${(page.problems ?? []).join('\n')}`, { cause: error });
  }
}
