// A real server with a data directory of its own. CALLBOARD_BIN names another binary than the debug build.

import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const START_LIMIT_MS = 20000;
const STOP_LIMIT_MS = 10000;

/**
 * @param {Record<string, string>} [settings] environment variables
 * @param {Record<string, string>} [files] name to text of files of its configuration folder; `callboard.toml` is read
 * @returns {Promise<{ url: string, kill: () => Promise<void>, revive: () => Promise<void>, stop: () => Promise<void>, folder: string }>}
 *   `kill` leaves it no time for anything, `revive` starts it again with the same data at the same address. `folder` is that of the configuration.
 */
export async function startServer(settings = {}, files = null) {
  const data = await mkdtemp(join(tmpdir(), 'callboard-browser-'));
  const folder = await mkdtemp(join(tmpdir(), 'callboard-config-'));
  const forget = () => Promise.all([data, folder].map((path) => rm(path, { recursive: true, force: true })));
  for (const [name, text] of Object.entries(files ?? {})) await writeFile(join(folder, name), text, { mode: 0o755 });
  const config = files === null ? [] : ['--config', join(folder, 'callboard.toml')];
  let running = await launch(data, '127.0.0.1:0', settings, config).catch(async (error) => {
    await forget();
    throw error;
  });
  const { url } = running;
  return {
    url,
    folder,
    async kill() {
      running.child.kill('SIGKILL');
      await running.ended;
    },
    async revive() {
      running = await launch(data, new URL(url).host, settings, config);
    },
    async stop() {
      running.child.kill('SIGTERM');
      const timer = setTimeout(() => running.child.kill('SIGKILL'), STOP_LIMIT_MS);
      await running.ended;
      clearTimeout(timer);
      await forget();
    },
  };
}

async function launch(data, listen, settings, config) {
  const binary = process.env.CALLBOARD_BIN ?? join(root, 'target/debug/callboard');
  const child = spawn(binary, ['serve', '--listen', listen, '--data-dir', data, ...config], {
    cwd: root,
    env: { ...process.env, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  const url = await addressOf(child).catch((error) => {
    child.kill('SIGKILL');
    throw error;
  });
  return { child, ended, url };
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
