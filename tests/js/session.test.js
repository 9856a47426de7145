// The session is plain data: time and chance come from here, and every effect is looked at.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { emptyState } from '../../static/js/client/fold.js';
import { OPEN_LIMIT_MS, PING_EVERY_MS, PONG_LIMIT_MS, Session, STABLE_MS } from '../../static/js/client/session.js';

const RUN = '01980000-0000-7000-8000-000000000001';
const frame = (session, message, now = 0) => session.frame(JSON.stringify(message), now);
const names = (effects) => effects.map((effect) => effect.do);
const welcome = (more = {}) => ({
  type: 'connection', seq: 4, position: 'e-4', resumed: false, gap: null, state: emptyState(), ...more,
});
const event = (seq, more = {}) => ({
  type: 'status_update', seq, position: `e-${seq}`, timestamp: '2026-11-20T09:30:00.000Z', run_id: RUN,
  status: 'running', progress: seq, message: `event ${seq}`, eta: null, ...more,
});

function connected(options = {}) {
  const session = new Session({ random: () => 0.5, ...options });
  session.start(0);
  frame(session, welcome(), 0);
  return session;
}

describe('joining', () => {
  test('asks for everything at first and takes the state of the welcome', () => {
    const session = new Session({ random: () => 0.5 });
    assert.deepEqual(session.start(0), [{ do: 'open', since: null }, { do: 'status' }]);
    assert.equal(session.status, 'connecting');
    const effects = frame(session, welcome());
    assert.deepEqual(names(effects), ['status', 'deliver']);
    assert.equal(session.status, 'connected');
    assert.equal(session.position, 'e-4');
  });

  test('goes on from what the page was rendered with', () => {
    const session = new Session({ random: () => 0.5, state: emptyState(), position: 'e-7' });
    assert.deepEqual(session.start(0)[0], { do: 'open', since: 'e-7' });
    frame(session, { type: 'connection', seq: 7, position: 'e-7', resumed: true, gap: null });
    assert.deepEqual(names(frame(session, event(8))), ['deliver']);
    assert.equal(session.state.progress, 8);
  });

  test('a position without its state is not used', () => {
    const session = new Session({ random: () => 0.5, position: 'e-7' });
    assert.equal(session.start(0)[0].since, null);
  });

  test('a gap comes with a fresh state, and the listeners hear of it', () => {
    const session = new Session({ random: () => 0.5, state: emptyState(), position: 'e-1' });
    session.start(0);
    const gap = { from_seq: 2, to_seq: 9 };
    const effects = frame(session, welcome({ seq: 9, position: 'e-9', gap, state: { ...emptyState(), progress: 60 } }));
    assert.deepEqual(effects.at(-1).message.gap, gap);
    assert.equal(session.state.progress, 60);
    assert.deepEqual(names(frame(session, event(10))), ['deliver']);
  });
});

describe('order', () => {
  test('what was applied is dropped, what follows is applied', () => {
    const session = connected();
    assert.deepEqual(names(frame(session, event(5))), ['deliver']);
    assert.deepEqual(frame(session, event(5)), []);
    assert.deepEqual(frame(session, event(2)), []);
    assert.deepEqual(names(frame(session, event(6))), ['deliver']);
    assert.equal(session.position, 'e-6');
    assert.equal(session.state.message, 'event 6');
  });

  test('a hole asks again from the same position, then for a fresh state', () => {
    const session = connected();
    frame(session, event(5));
    const effects = frame(session, event(8), 100);
    assert.deepEqual(effects.map(({ do: name, since }) => [name, since]), [
      ['close', undefined], ['fail', undefined], ['open', 'e-5'], ['status', undefined],
    ]);
    assert.equal(session.state.progress, 5, 'nothing after the hole was applied');
    frame(session, { type: 'connection', seq: 5, position: 'e-5', resumed: true, gap: null }, 200);
    assert.deepEqual(names(frame(session, event(9), 300)), ['close', 'fail', 'status'], 'not at once the second time');
    assert.equal(session.status, 'reconnecting');
    assert.equal(session.timeUp(session.deadline)[0].since, null);
  });

  test('a server that resumes somewhere else is not believed', () => {
    const session = connected();
    session.closed(1006, '', 100);
    session.timeUp(session.deadline);
    const effects = frame(session, { type: 'connection', seq: 90, position: 'e-90', resumed: true, gap: null }, 200);
    assert.deepEqual(names(effects), ['close', 'fail', 'open', 'status']);
  });

  test('messages outside the log move nothing', () => {
    const session = connected();
    for (const message of [{ type: 'presence', viewers: 2 }, { type: 'pong' }, { type: 'preview' }, { type: 'novel' }]) {
      assert.deepEqual(names(frame(session, message)), ['deliver']);
    }
    assert.deepEqual(names(frame(session, { type: 'error', code: 'bad', message: 'no' })), ['deliver', 'fail']);
    assert.equal(session.position, 'e-4');
  });

  test('hostile frames are reported and change nothing', () => {
    const session = connected();
    for (const text of ['', '{', 'null', '[]', '7', '"x"', '{}', '{"type":7}']) {
      assert.deepEqual(names(session.frame(text, 0)), ['fail'], text);
    }
    assert.equal(session.status, 'connected');
    assert.equal(session.position, 'e-4');
  });
});

describe('coming back', () => {
  test('with full jitter from the first retry on, at the position', () => {
    const session = connected();
    const waits = [];
    let now = 0;
    for (let turn = 0; turn < 9; turn += 1) {
      assert.deepEqual(names(session.closed(1006, '', now)), ['status']);
      assert.equal(session.status, 'reconnecting');
      waits.push(session.retryAt - now);
      now = session.deadline;
      assert.deepEqual(session.timeUp(now)[0], { do: 'open', since: 'e-4' });
    }
    assert.deepEqual(waits, [1000, 1500, 2250, 3375, 5062, 7593, 11390, 15000, 15000]);
  });

  test('at least five tries while hidden, then it waits for somebody to look', () => {
    const session = connected({ visible: false });
    let tries = 0;
    let now = 0;
    while (session.closed(1006, '', now).length > 0 && session.status === 'reconnecting') {
      now = session.deadline;
      session.timeUp(now);
      tries += 1;
    }
    assert.equal(tries, 5);
    assert.equal(session.status, 'offline');
    assert.equal(session.deadline, null);
    assert.deepEqual(session.visibility(true, now)[0], { do: 'open', since: 'e-4' });
  });

  test('a visible page never gives up', () => {
    const session = connected();
    let now = 0;
    for (let turn = 0; turn < 200; turn += 1) {
      session.closed(1006, '', now);
      assert.equal(session.status, 'reconnecting');
      now = session.deadline;
      session.timeUp(now);
    }
  });

  test('a wake ends a wait', () => {
    const session = connected();
    session.closed(1006, '', 0);
    assert.deepEqual(session.wake(1)[0], { do: 'open', since: 'e-4' });
    assert.deepEqual(session.wake(2), [], 'one socket is enough');
  });

  test('only a connection that held starts again at the shortest wait', () => {
    const session = connected();
    session.closed(1006, '', 1);
    session.timeUp(session.deadline);
    frame(session, { type: 'connection', seq: 4, position: 'e-4', resumed: true, gap: null }, 5000);
    session.closed(1006, '', 5000 + STABLE_MS - 1);
    assert.equal(session.failures, 2);
    session.timeUp(session.deadline);
    frame(session, { type: 'connection', seq: 4, position: 'e-4', resumed: true, gap: null }, 50000);
    session.closed(1006, '', 50000 + STABLE_MS);
    assert.equal(session.failures, 1);
  });

  test('close codes: 4000 to 4499 come back, 4500 to 4999 do not', () => {
    for (const [code, status] of [
      [1000, 'reconnecting'], [1001, 'reconnecting'], [1006, 'reconnecting'], [1012, 'reconnecting'],
      [4000, 'reconnecting'], [4499, 'reconnecting'], [4500, 'stopped'], [4999, 'stopped'],
    ]) {
      const session = connected();
      session.closed(code, 'because', 10);
      assert.equal(session.status, status, String(code));
      if (status === 'stopped') {
        assert.equal(session.deadline, null);
        assert.deepEqual(session.wake(20), []);
      }
    }
  });

  test('the slot that a closing server gives is kept, and used once', () => {
    const session = connected();
    assert.deepEqual(names(frame(session, { type: 'shutdown', reconnect_in_ms: 7000 }, 1000)), ['deliver']);
    session.closed(4000, '', 1500);
    assert.equal(session.retryAt, 8000);
    assert.deepEqual(session.wake(2000), [], 'looking at the page does not jump the queue');
    assert.deepEqual(session.timeUp(8000)[0], { do: 'open', since: 'e-4' });
    session.closed(1006, '', 8100);
    assert.equal(session.retryAt, 8100 + 1500);
  });
});

describe('a server that goes down', () => {
  test('after a slot that finds nobody the jitter is full again', () => {
    const session = connected();
    frame(session, { type: 'shutdown', reconnect_in_ms: 0 }, 1000);
    session.closed(4000, '', 1000);
    assert.equal(session.retryAt, 1000);
    const waits = [];
    let now = 1000;
    for (let turn = 0; turn < 3; turn += 1) {
      session.timeUp(now);
      session.closed(1006, '', now);
      waits.push(session.retryAt - now);
      now = session.retryAt;
    }
    assert.deepEqual(waits, [1500, 2250, 3375], 'half of each ceiling, as chance is half here');
  });

  test('a slot that is no time is none', () => {
    for (const wrong of [undefined, null, 'soon', NaN, -5, 1e300]) {
      const session = connected();
      frame(session, { type: 'shutdown', reconnect_in_ms: wrong }, 1000);
      session.closed(4000, '', 1500);
      assert.equal(session.retryAt, 2500, String(wrong));
    }
  });
});

describe('dead connections', () => {
  test('a ping every 30 s, and the end when nothing follows', () => {
    const session = connected();
    assert.equal(session.deadline, PING_EVERY_MS);
    assert.deepEqual(session.timeUp(PING_EVERY_MS), [{ do: 'send', text: '{"type":"ping"}' }]);
    assert.equal(session.deadline, PING_EVERY_MS + PONG_LIMIT_MS);
    assert.deepEqual(names(session.timeUp(session.deadline)), ['close', 'status']);
    assert.equal(session.status, 'reconnecting');
  });

  test('any frame proves that the other side is there', () => {
    const session = connected();
    session.timeUp(PING_EVERY_MS);
    frame(session, event(5), PING_EVERY_MS + 1);
    assert.equal(session.deadline, 2 * PING_EVERY_MS);
  });

  test('a wake while connected asks, and does not put the end off', () => {
    const session = connected();
    assert.deepEqual(names(session.wake(1000)), ['send']);
    const end = 1000 + PONG_LIMIT_MS;
    session.wake(5000);
    assert.equal(session.deadline, end);
  });

  test('a socket that never says anything is given up', () => {
    const session = new Session({ random: () => 0.5 });
    session.start(0);
    assert.equal(session.deadline, OPEN_LIMIT_MS);
    assert.deepEqual(names(session.timeUp(OPEN_LIMIT_MS)), ['close', 'status']);
  });
});

describe('stopping', () => {
  test('ends everything and can be started again', () => {
    const session = connected();
    assert.deepEqual(names(session.stop()), ['close', 'status']);
    assert.equal(session.deadline, null);
    assert.deepEqual(frame(session, event(5)), []);
    assert.deepEqual(session.closed(1006, '', 5), []);
    assert.deepEqual(session.start(10)[0], { do: 'open', since: 'e-4' });
  });
});

test('whatever happens in whatever order: the state is a prefix of the log, and never steps back', () => {
  const total = 40;
  const log = Array.from({ length: total }, (_, at) => event(at + 1));
  for (let seed = 1; seed <= 300; seed += 1) {
    let chance = seed;
    const random = () => {
      chance = (chance * 48271) % 2147483647;
      return chance / 2147483647;
    };
    const session = new Session({ random });
    let now = 0;
    let socket = null;
    let before = 0;
    const carry = (effects) => {
      for (const effect of effects) {
        if (effect.do === 'open') socket = { next: effect.since === null ? null : Number(effect.since.slice(2)) };
        if (effect.do === 'close') socket = null;
      }
    };
    carry(session.start(now));
    for (let turn = 0; turn < 400 && session.seq !== total; turn += 1) {
      now += Math.floor(random() * 3000);
      const dice = random();
      if (socket === null || dice < 0.05) {
        if (socket !== null) carry(session.closed(1006, '', now));
        socket = session.status === 'connecting' ? socket : null;
        if (session.deadline !== null && session.status === 'reconnecting') {
          now = Math.max(now, session.deadline);
          carry(session.timeUp(now));
        }
      } else if (!session.welcomed) {
        const at = socket.next ?? Math.floor(random() * 10);
        const resumed = socket.next !== null;
        const state = { ...emptyState(), progress: at, run: { id: RUN, queued_at: '', started_at: '', ended_at: null } };
        socket.next = at;
        carry(frame(session, { type: 'connection', seq: at, position: `e-${at}`, resumed, gap: null, ...(resumed ? {} : { state }) }, now));
      } else {
        // Mostly the next event; now and then an old one, or one too far.
        const skip = dice > 0.95 ? 3 : dice > 0.9 ? -2 : 0;
        const at = Math.min(total - 1, Math.max(0, socket.next + skip));
        if (skip === 0) socket.next = Math.min(total, socket.next + 1);
        carry(frame(session, log[at], now));
      }
      const applied = session.state?.progress ?? 0;
      if (session.holes === 0) assert.ok(applied >= before, `seed ${seed}: ${applied} after ${before}`);
      before = applied;
      if (session.seq !== null && session.seq > 0) assert.equal(applied, session.seq, `seed ${seed}`);
    }
    assert.equal(session.seq, total, `seed ${seed} arrives`);
  }
});
