// Firefox with a fake camera and microphone, driven over WebDriver BiDi. Its pages answer goto, evaluate and close
// as Playwright's do, so that the other helpers take them as they take a page of Chromium.
import { existsSync } from 'node:fs';
import puppeteer from 'puppeteer-core';
import { until } from './browser.mjs';

export const executable = process.env.FIREFOX ?? '/usr/bin/firefox-esr';

/** Why there is no Firefox here, or false. */
export const missing = existsSync(executable) ? false : `skipped: no Firefox at ${executable}`;

const preferences = {
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  // The shard of a test listens on 127.0.0.1. Firefox leaves loopback out and pairs nothing else with it; and without
  // permissions (fake devices do not count) it takes only the address of the default route.
  'media.peerconnection.ice.loopback': true,
  'permissions.default.camera': 1,
  'permissions.default.microphone': 1,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  'media.autoplay.default': 0,
  'media.autoplay.blocking_policy': 0,
  'media.gmp-manager.updateEnabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
};

/** A browser that ends with the test. */
export async function launchFirefox() {
  return puppeteer.launch({ browser: 'firefox', executablePath: executable, headless: true, extraPrefsFirefox: preferences, protocolTimeout: 60000 });
}

/** Opens ROOM as NAME and waits until it is joined. */
export async function joinFirefox(browser, base, room, name, options = {}) {
  const page = asPlaywright(await (await browser.createBrowserContext()).newPage());
  const hash = new URLSearchParams({ name, prejoin: 'skip', width: '320', height: '180', fps: '15', ...options });
  await page.goto(`${base}/${room}#${hash}`);
  await until(page, () => globalThis.roomgate?.phase === 'joined', 'joined', 30000);
  return page;
}

function asPlaywright(page) {
  const problems = [];
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('console', (message) => { if (message.type() === 'error' || message.type() === 'warn') problems.push(message.text()); });
  return {
    problems,
    goto: (url) => page.goto(url, { waitUntil: 'load', timeout: 30000 }),
    evaluate: (run, argument) => page.evaluate(run, argument),
    close: () => page.close(),
  };
}
