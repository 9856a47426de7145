// `node:test` as far as generated tests use it. Tests are collected while a file loads and run after it, one by one, in
// the order in which they stand. Nothing here calls a method that a test could have replaced: lists are linked by hand,
// results go straight to the host.
(function (report) {
  'use strict';
  const NativePromise = Promise;
  const NativeTypeError = TypeError;
  const isCallable = (value) => typeof value === 'function';

  const list = () => ({ __proto__: null, first: null, last: null });
  const append = (target, value) => {
    const link = { __proto__: null, value, next: null };
    if (target.last === null) target.first = link;
    else target.last.next = link;
    target.last = link;
  };
  const prepend = (target, value) => {
    target.first = { __proto__: null, value, next: target.first };
    if (target.last === null) target.last = target.first;
  };

  const group = (parent, name) => ({
    __proto__: null, parent, name, body: null, skip: null, todo: null,
    children: list(), before: list(), after: list(), beforeEach: list(), afterEach: list(), failed: 0,
  });
  const root = group(null, '');
  let current = root;
  let stopped = false;
  const immediates = list();

  const fullName = (node) => {
    if (node.parent === null || node.parent === root) return node.name;
    return fullName(node.parent) + ' > ' + node.name;
  };
  const say = (node, passed, message, error) => {
    let stack;
    try {
      stack = error === undefined || error === null ? undefined : error.stack;
    } catch {
      stack = undefined;
    }
    if (report(fullName(node), passed, message, typeof stack === 'string' ? stack : undefined)) stopped = true;
    if (!passed) for (let at = node.parent; at !== null; at = at.parent) at.failed += 1;
  };
  const inWords = (error) => {
    try {
      if (error === null) return 'threw null, which is also what the engine throws when its memory is full';
      if (typeof error === 'object' && typeof error.message === 'string') {
        return `${error.name}: ${error.message}`;
      }
      return `threw ${typeof error === 'string' ? error : `${error}`}`;
    } catch {
      return 'threw a value that cannot be shown';
    }
  };

  // test(name?, options?, body?)
  const read = (parent, first, second, third) => {
    const name = typeof first === 'string' ? first : isCallable(first) ? first.name || '<anonymous>' : '<anonymous>';
    const body = isCallable(first) ? first : isCallable(second) ? second : isCallable(third) ? third : null;
    let options = null;
    if (first !== null && typeof first === 'object') options = first;
    else if (second !== null && typeof second === 'object') options = second;
    const node = group(parent, name);
    node.body = body;
    if (options !== null) {
      node.skip = mode(options.skip);
      node.todo = mode(options.todo);
    }
    return node;
  };
  const mode = (value) => (value === undefined || value === false ? null : typeof value === 'string' ? value : '');
  const settled = () => new NativePromise((resolve) => resolve(undefined));

  const test = (first, second, third) => {
    const node = read(current, first, second, third);
    append(current.children, { __proto__: null, suite: false, node });
    return settled();
  };
  const describe = (first, second, third) => {
    const node = read(current, first, second, third);
    append(current.children, { __proto__: null, suite: true, node });
    if (node.skip === null && node.body !== null) {
      const outer = current;
      current = node;
      try {
        node.body({ __proto__: null, name: node.name });
      } catch (error) {
        node.body = () => { throw error; };
        append(node.children, { __proto__: null, suite: false, node: named(node, '<suite body>', node.body) });
      } finally {
        current = outer;
      }
    }
    return settled();
  };
  const named = (parent, name, body) => {
    const node = group(parent, name);
    node.body = body;
    return node;
  };
  const variants = (make) => {
    const set = (word) => (first, second, third) => {
      const found = read(current, first, second, third);
      return make(found.name, { __proto__: null, [word]: true }, found.body === null ? undefined : found.body);
    };
    make.skip = set('skip');
    make.todo = set('todo');
    make.only = (first, second, third) => make(first, second, third);
    return make;
  };
  variants(test);
  variants(describe);

  const hook = (which, order) => (body) => { order(current[which], body); };
  const before = hook('before', append);
  const after = hook('after', append);
  const beforeEach = hook('beforeEach', append);
  const afterEach = hook('afterEach', append);

  const call = (body, context) => {
    if (body.length < 2) return body(context);
    return new NativePromise((resolve, reject) => {
      const returned = body(context, (error) => {
        if (error === undefined || error === null) resolve(undefined);
        else reject(error);
      });
      if (returned !== undefined) reject(new NativeTypeError('a test takes a callback or returns a promise, not both'));
    });
  };
  const each = async (hooks, context) => {
    for (let link = hooks.first; link !== null; link = link.next) await link.value(context);
  };

  async function runTest(node) {
    if (stopped) return;
    if (node.skip !== null || node.body === null) {
      say(node, true, node.body === null ? 'skipped: no body' : `skipped${node.skip ? `: ${node.skip}` : ''}`);
      return;
    }
    let running = settled();
    const context = {
      name: node.name,
      test(first, second, third) {
        const child = read(node, first, second, third);
        const previous = running;
        running = (async () => {
          await previous;
          await runTest(child);
        })();
        return running;
      },
      skip(reason) { node.skip = mode(reason === undefined ? true : reason); },
      todo(reason) { node.todo = mode(reason === undefined ? true : reason); },
      diagnostic() {},
      before(body) { return body(context); },
      after(body) { append(node.after, body); },
      beforeEach(body) { append(node.beforeEach, body); },
      afterEach(body) { prepend(node.afterEach, body); },
    };
    const outwards = list();
    const inwards = list();
    for (let at = node.parent; at !== null; at = at.parent) {
      prepend(inwards, at.beforeEach);
      append(outwards, at.afterEach);
    }
    let failed = false;
    let error;
    const attempt = async (what) => {
      try {
        await what();
      } catch (thrown) {
        if (!failed) error = thrown;
        failed = true;
      }
    };
    await attempt(async () => {
      for (let link = inwards.first; link !== null; link = link.next) await each(link.value, context);
      await call(node.body, context);
    });
    await attempt(() => running);
    await attempt(() => each(node.after, context));
    for (let link = outwards.first; link !== null; link = link.next) await attempt(() => each(link.value, context));
    if (node.todo !== null) say(node, true, `todo${node.todo ? `: ${node.todo}` : ''}`);
    else if (failed) say(node, false, inWords(error), error);
    else if (node.failed > 0) say(node, false, `${node.failed} ${node.failed === 1 ? 'subtest' : 'subtests'} failed`);
    else say(node, true, node.skip === null ? undefined : `skipped${node.skip ? `: ${node.skip}` : ''}`);
  }

  const failAll = (node, message, error) => {
    for (let link = node.children.first; link !== null && !stopped; link = link.next) {
      if (link.value.suite) failAll(link.value.node, message, error);
      else say(link.value.node, false, message, error);
    }
  };
  async function runSuite(node) {
    if (stopped) return;
    if (node.skip !== null) {
      say(node, true, `skipped${node.skip ? `: ${node.skip}` : ''}`);
      return;
    }
    try {
      await each(node.before, { __proto__: null, name: node.name });
    } catch (error) {
      failAll(node, `before: ${inWords(error)}`, error);
      return;
    }
    for (let link = node.children.first; link !== null && !stopped; link = link.next) {
      if (link.value.suite) await runSuite(link.value.node);
      else await runTest(link.value.node);
    }
    try {
      await each(node.after, { __proto__: null, name: node.name });
    } catch (error) {
      say(named(node, '<after>', null), false, inWords(error), error);
    }
  }

  return {
    __proto__: null,
    run: () => runSuite(root),
    setImmediate(body, ...values) {
      append(immediates, () => body(...values));
    },
    immediate() {
      const link = immediates.first;
      if (link === null) return false;
      immediates.first = link.next;
      if (immediates.first === null) immediates.last = null;
      link.value();
      return true;
    },
    api: { __proto__: null, test, it: test, describe, suite: describe, before, after, beforeEach, afterEach },
  };
})
