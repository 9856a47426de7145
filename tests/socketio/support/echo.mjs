// The echo example as a process of its own, and clients that wait for one thing at a time.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { io } from 'socket.io-client';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const PATIENCE_MS = 60000;

/** The three ways a client may come. */
export const WAYS = {
  polling: { transports: ['polling'] },
  websocket: { transports: ['websocket'] },
  upgrade: { transports: ['polling', 'websocket'] },
};

/** Starts the echo server; `flags` are those of the example. */
export async function startEcho(...flags) {
  const binary = process.env.CALLBOARD_ECHO_BIN ?? `${root}target/debug/examples/socketio_echo`;
  const child = spawn(binary, ['--listen', '127.0.0.1:0', ...flags], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  const first = await Promise.race([once(createInterface({ input: child.stdout }), 'line'), ended]);
  const url = /listening on (\S+)/.exec(first[0])?.[1];
  if (!url) throw new Error(`the echo server ended with ${first[0]}`);
  return {
    url,
    async stop() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** A client; `hear(name)` answers the arguments of the next event of that name, whether it came already or not. */
export function client(url, options = {}) {
  const socket = io(url, { forceNew: true, reconnectionDelay: 50, reconnectionDelayMax: 200, ...options });
  const heard = [];
  const waiting = [];
  socket.onAny((name, ...args) => {
    const place = waiting.findIndex((one) => one.name === name);
    if (place < 0) heard.push({ name, args });
    else waiting.splice(place, 1)[0].resolve(args);
  });
  const hear = (name) => {
    const place = heard.findIndex((one) => one.name === name);
    if (place >= 0) return Promise.resolve(heard.splice(place, 1)[0].args);
    return soon(`event ${name}`, new Promise((resolve) => waiting.push({ name, resolve })));
  };
  const happens = (name) => soon(name, new Promise((resolve) => socket.once(name, resolve)));
  return { socket, hear, heard, happens };
}

/** A promise that may not take for ever. */
export function soon(what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited too long for ${what}`)), PATIENCE_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Waits until `ask` answers something true. */
export async function until(what, ask) {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > deadline) throw new Error(`waited too long for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
