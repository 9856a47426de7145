// Makes a realm answer the same every time: chance is seeded, the clock starts at a fixed instant and goes on by one
// millisecond whenever it is read. Runs once per realm, before any other script.
(function () {
  'use strict';
  const START = 1768478400000; // 2026-01-15T12:00:00Z
  const RealDate = Date;
  const construct = Reflect.construct;
  let now = START;
  const tick = () => now++;

  function Date_(...parts) {
    if (new.target === undefined) return new RealDate(tick()).toString();
    return construct(RealDate, parts.length === 0 ? [tick()] : parts, new.target);
  }
  const define = (target, name, value) =>
    Object.defineProperty(target, name, { value, writable: true, enumerable: false, configurable: true });
  define(Date_, 'name', 'Date');
  define(Date_, 'length', 7);
  define(Date_, 'now', function now() { return tick(); });
  define(Date_, 'parse', RealDate.parse);
  define(Date_, 'UTC', RealDate.UTC);
  Object.defineProperty(Date_, 'prototype', { value: RealDate.prototype, writable: false });
  define(RealDate.prototype, 'constructor', Date_);
  define(globalThis, 'Date', Date_);
  define(globalThis, 'performance', { now: () => tick() - START });

  let state = 0x9e3779b9;
  define(Math, 'random', function random() {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 4294967296;
  });

  const quiet = () => {};
  const console = {};
  for (const name of ['log', 'info', 'warn', 'error', 'debug', 'trace', 'dir', 'table', 'group', 'groupEnd', 'assert']) {
    console[name] = quiet;
  }
  define(globalThis, 'console', console);
  delete globalThis.print;

  define(globalThis, 'structuredClone', function structuredClone(value) {
    const seen = new Map();
    const copy = (source) => {
      if (typeof source === 'function' || typeof source === 'symbol') throw new TypeError('value cannot be cloned');
      if (source === null || typeof source !== 'object') return source;
      if (seen.has(source)) return seen.get(source);
      let target;
      if (source instanceof RealDate) target = new RealDate(source.getTime());
      else if (source instanceof RegExp) target = new RegExp(source.source, source.flags);
      else if (Array.isArray(source)) target = new Array(source.length);
      else if (source instanceof Map || source instanceof Set) target = new source.constructor();
      else if (source instanceof Error) target = new source.constructor(source.message);
      else target = {};
      seen.set(source, target);
      if (source instanceof Map) source.forEach((entry, key) => target.set(copy(key), copy(entry)));
      else if (source instanceof Set) source.forEach((entry) => target.add(copy(entry)));
      else for (const key of Object.keys(source)) target[key] = copy(source[key]);
      return target;
    };
    return copy(value);
  });
})
