// The official client in Node against the echo example: polling, WebSocket, and the upgrade between them.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { WAYS, client, soon, startEcho, until } from './support/echo.mjs';

let server;
before(async () => { server = await startEcho('--connect-timeout-ms', '5000'); });
after(() => server.stop());

/** Runs `act` with a connected client of each way. */
function everyWay(name, act) {
  for (const [way, options] of Object.entries(WAYS)) {
    test(`${way}: ${name}`, async () => {
      const here = client(server.url, { ...options, auth: { token: 'abc' } });
      try {
        await here.happens('connect');
        if (way === 'upgrade') await until('the upgrade', () => here.socket.io.engine.transport.name === 'websocket');
        await act(here, way);
      } finally {
        here.socket.disconnect();
      }
    });
  }
}

everyWay('says who it is and hears it back', async ({ hear }) => {
  assert.deepEqual(await hear('auth'), [{ token: 'abc' }]);
});

everyWay('hears every argument back, in order', async ({ socket, hear }) => {
  for (const args of [[], [1, '2', { 3: [true, null] }], ['äöü €\u2028 "quoted" \\'], [1.5, -0.25, 1e21]]) {
    socket.emit('message', ...args);
    assert.deepEqual(await hear('message-back'), args);
  }
  for (let n = 0; n < 50; n += 1) socket.emit('message', n);
  for (let n = 0; n < 50; n += 1) assert.deepEqual(await hear('message-back'), [n]);
});

everyWay('carries bytes, deep inside as well', async ({ socket, hear }) => {
  const bytes = Buffer.from([0, 1, 2, 0x1e, 255]);
  socket.emit('message', bytes, { inside: [Buffer.from('two'), 'text'] });
  const [first, second] = await hear('message-back');
  assert.deepEqual([Buffer.from(first), Buffer.from(second.inside[0]).toString(), second.inside[1]], [bytes, 'two', 'text']);
});

everyWay('gets acknowledgements, and gives them', async ({ socket, hear }) => {
  assert.deepEqual(await soon('ack', socket.emitWithAck('message-with-ack', { a: 1 })), { a: 1 });
  const back = await soon('ack', socket.emitWithAck('message-with-ack', Buffer.from([1, 2, 3])));
  assert.deepEqual(Buffer.from(back), Buffer.from([1, 2, 3]));
  socket.on('question', (text, answer) => answer(`${text}?`, Buffer.from([9])));
  socket.emit('message-to-answer', 'really');
  const [text, bytes] = await hear('answer');
  assert.deepEqual([text, Buffer.from(bytes)], ['really?', Buffer.from([9])]);
});

everyWay('carries what is nearly as large as may be', async ({ socket, hear }) => {
  const long = 'x'.repeat(400_000);
  socket.emit('message', long);
  assert.deepEqual(await hear('message-back'), [long]);
});

everyWay('outlives several heartbeats', async ({ socket }) => {
  let pings = 0;
  socket.io.on('ping', () => { pings += 1; });
  await until('three heartbeats', () => pings >= 3);
  assert.equal(socket.connected, true);
});

test('namespaces share a connection, and one that is not there is refused', async () => {
  const main = client(server.url, { forceNew: false });
  const custom = client(`${server.url}/custom`, { forceNew: false });
  const other = client(`${server.url}/random`, { forceNew: false });
  const error = await other.happens('connect_error');
  assert.equal(error.message, 'Invalid namespace');
  custom.socket.emit('message', 'custom');
  assert.deepEqual(await custom.hear('message-back'), ['custom']);
  custom.socket.disconnect();
  main.socket.emit('message', 'main');
  assert.deepEqual(await main.hear('message-back'), ['main']);
  for (const one of [main, other]) one.socket.disconnect();
});

test('a client that is cut off comes back by itself', async () => {
  const here = client(server.url, WAYS.upgrade);
  await here.happens('connect');
  const before = here.socket.id;
  here.socket.io.engine.close();
  await here.happens('connect');
  assert.notEqual(here.socket.id, before);
  here.socket.disconnect();
});

test('an upgraded client finds its old session refused', async () => {
  const here = client(server.url, WAYS.upgrade);
  await here.happens('connect');
  await until('the upgrade', () => here.socket.io.engine.transport.name === 'websocket');
  const response = await fetch(`${server.url}/socket.io/?EIO=4&transport=polling&sid=${here.socket.io.engine.id}`);
  assert.equal(response.status, 400);
  here.socket.disconnect();
});
