// The openai executor against a model server that somebody else wrote, streaming.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { startServer } from '../browser/support/server.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const LIMIT_MS = 20000;

let folder;
let model;
let server;

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => probe.once('listening', resolve));
  const { port } = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

async function until(what, ask) {
  const deadline = Date.now() + LIMIT_MS;
  for (;;) {
    const found = await ask();
    if (found) return found;
    assert.ok(Date.now() < deadline, `waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

before(async () => {
  const port = await freePort();
  const main = join(here, 'node_modules/@dwmkerr/mock-llm/dist/main.js');
  model = spawn(process.execPath, [main, '--config', join(here, 'mock-llm.yaml')], {
    env: { ...process.env, HOST: '127.0.0.1', PORT: String(port) },
    stdio: 'ignore',
  });
  const address = `http://127.0.0.1:${port}`;
  await until('the model server', () => fetch(`${address}/health`).then((answer) => answer.ok, () => false));
  folder = await mkdtemp(join(tmpdir(), 'callboard-models-'));
  await writeFile(join(folder, 'ask.jinja'), 'Write a poem about {{ brief }}.');
  const config = join(folder, 'callboard.toml');
  await writeFile(config, `[[pipeline.poems.agent]]
name = "poet"
executor = "openai"
base_url = "${address}/v1"
model = "somebody-else"
prompt = "ask.jinja"
outputs = ["poem.txt"]
`);
  server = await startServer({ CALLBOARD_CONFIG: config });
});

after(async () => {
  await server?.stop();
  model?.kill();
  if (folder) await rm(folder, { recursive: true, force: true });
});

const call = async (path, body) => {
  const answer = await fetch(`${server.url}${path}`, body && {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body),
  });
  return answer.json();
};

test('a reply of a foreign server becomes files, lines and a count', async () => {
  const project = await call('/api/projects', { brief: 'roses', pipeline: 'poems' });
  const { run_id: id } = await call(`/api/projects/${project.id}/generate`, {});
  const run = await until('the end of the run', async () => {
    const now = await call(`/api/runs/${id}`);
    return ['completed', 'failed'].includes(now.status) ? now : null;
  });
  assert.equal(run.status, 'completed', JSON.stringify(run.error));
  const poem = await fetch(`${server.url}/api/projects/${project.id}/files/poem.txt`);
  assert.equal(await poem.text(), 'Roses are röd\nand streamed\n');
  const { lines } = await call(`/api/runs/${id}/logs?limit=100`);
  const texts = lines.map((line) => line.text);
  assert.equal(texts[0], '::group::Reply of somebody-else');
  assert.ok(texts.includes('Roses are röd'));
  assert.ok(texts.some((text) => /^\d+ tokens, \d+ asked and \d+ answered \(estimated/.test(text)), texts.join('\n'));
});
