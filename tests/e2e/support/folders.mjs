// A folder that is gone when the test is.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** @param {import('node:test').TestContext} t */
export function temporaryFolder(t) {
  const folder = mkdtempSync(join(tmpdir(), 'roomgate-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
