// A real server with a data directory of its own. CALLBOARD_URL names one that runs already.

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const START_LIMIT_MS = 20000;
const STOP_LIMIT_MS = 10000;

/** @returns {Promise<{ url: string, stop: () => Promise<void> }>} */
export async function startServer() {
  if (process.env.CALLBOARD_URL) return { url: process.env.CALLBOARD_URL.replace(/\/$/, ''), stop: async () => {} };
  const data = await mkdtemp(join(tmpdir(), 'callboard-browser-'));
  const binary = process.env.CALLBOARD_BIN ?? join(root, 'target/debug/callboard');
  const child = spawn(binary, ['serve', '--listen', '127.0.0.1:0', '--data-dir', data], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  const url = await addressOf(child).catch(async (error) => {
    child.kill('SIGKILL');
    await rm(data, { recursive: true, force: true });
    throw error;
  });
  return {
    url,
    async stop() {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
      await ended;
      clearTimeout(timer);
      await rm(data, { recursive: true, force: true });
    },
  };
}

function addressOf(child) {
  return new Promise((resolve, reject) => {
    const said = [];
    const timer = setTimeout(() => reject(new Error(`no address within ${START_LIMIT_MS} ms:\n${said.join('\n')}`)), START_LIMIT_MS);
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        said.push(line);
        const found = /listening on (http:\/\/[\w.:[\]]+)/.exec(line);
        if (!found) return;
        clearTimeout(timer);
        resolve(found[1]);
      });
    }
    child.once('error', reject);
    child.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`the server ended with ${code}:\n${said.join('\n')}`));
    });
  });
}
