// Every view of the built-in client, light and dark, wide and 360 px: axe-core finds nothing serious, the page's own
// Content-Security-Policy is not violated, and nothing scrolls sideways.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join, launch } from './support/browser.mjs';
import { startShard } from './support/programs.mjs';

const axe = readFileSync(fileURLToPath(new URL('./node_modules/axe-core/axe.min.js', import.meta.url)), 'utf8');
const sizes = { wide: { width: 1280, height: 800 }, phone: { width: 360, height: 740 } };

async function inspect(page, view) {
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(axe);
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    for (const [size, viewport] of Object.entries(sizes)) {
      await page.setViewportSize(viewport);
      const found = await page.evaluate(async () => {
        const { violations } = await globalThis.axe.run(document, { resultTypes: ['violations'] });
        return violations
          .filter((v) => ['serious', 'critical'].includes(v.impact))
          .map((v) => `${v.id}: ${v.nodes.map((node) => node.html.slice(0, 120)).join(' | ')}`);
      });
      assert.deepEqual(found, [], `${view}, ${colorScheme}, ${size}`);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(overflow <= 0, `${view}, ${size}: scrolls sideways by ${overflow} px`);
    }
  }
  await page.setViewportSize(sizes.wide);
}

// What the menu offers that opens something to look at.
const opens = /connection|device|sound/i;

async function menuItems(page) {
  await page.getByRole('button', { name: 'More', exact: true }).click();
  const names = await page.getByRole('menuitem').allInnerTexts();
  await inspect(page, 'the menu');
  await page.keyboard.press('Escape');
  const chosen = names.map((name) => name.trim()).filter((name) => opens.test(name));
  assert.ok(chosen.length >= 2, `the menu has ${names}`);
  return chosen;
}

async function menuItem(page, name) {
  await page.getByRole('button', { name: 'More', exact: true }).click();
  await page.getByRole('menuitem', { name }).click();
}

test('nothing serious for axe-core in any view', { timeout: 180000 }, async (t) => {
  const shard = await startShard('shard-0');
  t.after(() => shard.program.stop());
  const browser = await launch();
  t.after(() => browser.close());
  const base = `http://${shard.address.replace('127.0.0.1', 'localhost')}`;
  const problems = [];

  const context = await browser.newContext();
  const page = await context.newPage();
  page.on('console', (message) => { if (message.type() === 'error') problems.push(message.text()); });
  await page.goto(`${base}/`);
  await page.getByRole('textbox').first().waitFor();
  await inspect(page, 'start');
  await page.goto(`${base}/views`);
  await page.getByRole('button', { name: 'Join', exact: true }).waitFor();
  await inspect(page, 'pre-join');

  const ada = await join(browser, base, 'views', 'Ada');
  const ben = await join(browser, base, 'views', 'Ben');
  await inspect(ada, 'meeting');
  await ada.getByRole('button', { name: /chat/i }).click();
  await inspect(ada, 'chat');
  await ada.getByRole('button', { name: /people/i }).click();
  await inspect(ada, 'people');
  for (const item of await menuItems(ada)) {
    await menuItem(ada, item);
    await inspect(ada, `more: ${item}`);
    await ada.keyboard.press('Escape');
  }
  await ben.getByRole('button', { name: /leave/i }).click();
  await inspect(ben, 'ended');
  assert.deepEqual([...problems, ...ada.problems, ...ben.problems], []);
});
