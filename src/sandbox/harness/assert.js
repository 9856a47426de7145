// `node:assert/strict` as far as generated tests use it. Messages name the first difference and where it lies.
(function () {
  'use strict';
  const is = Object.is;
  const keysOf = Object.keys;
  const symbolsOf = Object.getOwnPropertySymbols;
  const prototypeOf = Object.getPrototypeOf;
  const isArray = Array.isArray;
  const tagOf = Function.prototype.call.bind(Object.prototype.toString);
  const has = Function.prototype.call.bind(Object.prototype.hasOwnProperty);
  const isEnumerable = Function.prototype.call.bind(Object.prototype.propertyIsEnumerable);
  const text = String;
  const json = JSON.stringify;
  const timeOf = Function.prototype.call.bind(Date.prototype.getTime);
  const NativeMap = Map;
  const NativeRegExp = RegExp;
  const exec = Function.prototype.call.bind(RegExp.prototype.exec);
  const slice = Function.prototype.call.bind(String.prototype.slice);
  const SHOWN_CHARS_MAX = 300;

  const show = (value, depth = 0) => {
    switch (typeof value) {
      case 'string': return json(value);
      case 'bigint': return `${value}n`;
      case 'symbol': return text(value);
      case 'function': return `[Function ${value.name || '(anonymous)'}]`;
      case 'number': return is(value, -0) ? '-0' : text(value);
      case 'object': break;
      default: return text(value);
    }
    if (value === null) return 'null';
    const tag = tagOf(value);
    if (tag === '[object Date]') return `Date(${timeOf(value)})`;
    if (tag === '[object RegExp]') return text(value);
    if (tag === '[object Error]') return `[${value.name}: ${value.message}]`;
    if (depth > 3) return isArray(value) ? '[…]' : '{…}';
    let parts = '';
    const add = (part) => { parts += parts === '' ? part : `, ${part}`; return parts.length < SHOWN_CHARS_MAX; };
    if (isArray(value)) {
      for (let at = 0; at < value.length; at += 1) if (!add(show(value[at], depth + 1))) return `[${parts}, …]`;
      return `[${parts}]`;
    }
    if (tag === '[object Map]' || tag === '[object Set]') {
      value.forEach((entry, key) => add(tag === '[object Map]' ? `${show(key, depth + 1)} => ${show(entry, depth + 1)}` : show(entry, depth + 1)));
      return `${tag === '[object Map]' ? 'Map' : 'Set'} {${slice(parts, 0, SHOWN_CHARS_MAX)}}`;
    }
    const keys = keysOf(value);
    for (let at = 0; at < keys.length; at += 1) {
      if (!add(`${keys[at]}: ${show(value[keys[at]], depth + 1)}`)) return `{ ${parts}, … }`;
    }
    return parts === '' ? '{}' : `{ ${parts} }`;
  };
  const shown = (value) => {
    try {
      return show(value);
    } catch {
      return '(a value that cannot be shown)';
    }
  };

  // Where two values first differ, in words; null when they are equal.
  const difference = (actual, expected, path, seen) => {
    const here = (why) => `${path === '' ? '' : `at ${path}: `}${why}`;
    const unlike = () => here(`${shown(actual)} !== ${shown(expected)}`);
    if (is(actual, expected)) return null;
    if (typeof actual !== 'object' || typeof expected !== 'object' || actual === null || expected === null) return unlike();
    if (seen.get(actual) === expected) return null;
    seen.set(actual, expected);
    const tag = tagOf(actual);
    if (tag !== tagOf(expected) || isArray(actual) !== isArray(expected)) return unlike();
    if (prototypeOf(actual) !== prototypeOf(expected)) return here('the prototypes differ');
    if (tag === '[object Date]' && !is(timeOf(actual), timeOf(expected))) return unlike();
    if (tag === '[object RegExp]' && text(actual) !== text(expected)) return unlike();
    if (tag === '[object Error]' && (actual.name !== expected.name || actual.message !== expected.message)) return unlike();
    if (tag === '[object Number]' || tag === '[object String]' || tag === '[object Boolean]') {
      if (!is(actual.valueOf(), expected.valueOf())) return unlike();
    }
    if (tag === '[object Map]') return mapDifference(actual, expected, path, seen, here);
    if (tag === '[object Set]') return setDifference(actual, expected, seen, here);
    if (isArray(actual) && actual.length !== expected.length) {
      return here(`${actual.length} elements, expected ${expected.length}: ${shown(actual)} !== ${shown(expected)}`);
    }
    const mine = ownKeys(actual);
    const theirs = ownKeys(expected);
    for (let at = 0; at < theirs.length; at += 1) {
      const key = theirs[at];
      const step = isArray(actual) ? `${path}[${text(key)}]` : `${path}.${text(key)}`;
      if (!has(actual, key)) return here(`${text(key)} is missing: ${shown(actual)} !== ${shown(expected)}`);
      const found = difference(actual[key], expected[key], step, seen);
      if (found !== null) return found;
    }
    for (let at = 0; at < mine.length; at += 1) {
      if (!has(expected, mine[at])) return here(`${text(mine[at])} is not expected: ${shown(actual)} !== ${shown(expected)}`);
    }
    return null;
  };
  const ownKeys = (value) => {
    const keys = keysOf(value);
    const symbols = symbolsOf(value);
    for (let at = 0; at < symbols.length; at += 1) if (isEnumerable(value, symbols[at])) keys[keys.length] = symbols[at];
    return keys;
  };
  const mapDifference = (actual, expected, path, seen, here) => {
    if (actual.size !== expected.size) return here(`${actual.size} entries, expected ${expected.size}`);
    let found = null;
    expected.forEach((entry, key) => {
      if (found !== null) return;
      if (!actual.has(key)) found = here(`no entry for ${shown(key)}`);
      else found = difference(actual.get(key), entry, `${path}.get(${shown(key)})`, seen);
    });
    return found;
  };
  const setDifference = (actual, expected, seen, here) => {
    if (actual.size !== expected.size) return here(`${actual.size} values, expected ${expected.size}`);
    let found = null;
    expected.forEach((entry) => {
      if (found !== null || actual.has(entry)) return;
      let present = false;
      actual.forEach((mine) => { if (difference(mine, entry, '', new NativeMap()) === null) present = true; });
      if (!present) found = here(`${shown(entry)} is not in the set`);
    });
    return found;
  };
  const deep = (actual, expected) => difference(actual, expected, '', new NativeMap());

  class AssertionError extends Error {
    constructor({ message, actual, expected, operator }) {
      super(message);
      this.name = 'AssertionError';
      this.code = 'ERR_ASSERTION';
      this.actual = actual;
      this.expected = expected;
      this.operator = operator;
    }
  }
  const refuse = (given, message, actual, expected, operator) => {
    if (given instanceof Error) throw given;
    throw new AssertionError({ message: given === undefined ? message : `${given} (${message})`, actual, expected, operator });
  };

  const ok = (value, message) => {
    if (!value) refuse(message, `expected a truthy value, got ${shown(value)}`, value, true, '==');
  };
  const assert = (value, message) => ok(value, message);
  const equal = (actual, expected, message) => {
    if (!is(actual, expected)) {
      refuse(message, `expected values to be strictly equal: ${shown(actual)} !== ${shown(expected)}`, actual, expected, 'strictEqual');
    }
  };
  const notEqual = (actual, expected, message) => {
    if (is(actual, expected)) refuse(message, `expected a value other than ${shown(expected)}`, actual, expected, 'notStrictEqual');
  };
  const deepEqual = (actual, expected, message) => {
    const found = deep(actual, expected);
    if (found !== null) refuse(message, `expected values to be strictly deep-equal: ${found}`, actual, expected, 'deepStrictEqual');
  };
  const notDeepEqual = (actual, expected, message) => {
    if (deep(actual, expected) === null) {
      refuse(message, `expected a value not deep-equal to ${shown(expected)}`, actual, expected, 'notDeepStrictEqual');
    }
  };
  const fail = (message) => refuse(message instanceof Error ? message : undefined, message === undefined ? 'failed' : text(message), undefined, undefined, 'fail');
  const ifError = (value) => {
    if (value !== null && value !== undefined) refuse(undefined, `got unwanted error: ${shown(value)}`, value, null, 'ifError');
  };
  const pattern = (regexp) => {
    if (!(regexp instanceof NativeRegExp)) throw new TypeError('the second argument must be a regular expression');
  };
  const matches = (regexp, value) => { regexp.lastIndex = 0; return exec(regexp, value) !== null; };
  const match = (value, regexp, message) => {
    pattern(regexp);
    if (typeof value !== 'string' || !matches(regexp, value)) refuse(message, `${shown(value)} does not match ${text(regexp)}`, value, regexp, 'match');
  };
  const doesNotMatch = (value, regexp, message) => {
    pattern(regexp);
    if (typeof value === 'string' && matches(regexp, value)) refuse(message, `${shown(value)} matches ${text(regexp)}`, value, regexp, 'doesNotMatch');
  };

  const checkThrown = (thrown, expected, message, operator) => {
    if (expected === undefined) return;
    const wrong = (why) => refuse(message, why, thrown, expected, operator);
    if (expected instanceof NativeRegExp) {
      if (!matches(expected, text(thrown))) wrong(`the error ${shown(thrown)} does not match ${text(expected)}`);
    } else if (typeof expected === 'function') {
      if (expected.prototype !== undefined && thrown instanceof expected) return;
      if (expected === Error || Error.isPrototypeOf(expected)) throw thrown;
      if (expected(thrown) !== true) wrong('the validation function did not return true');
    } else {
      const keys = keysOf(expected);
      if (expected instanceof Error) { keys[keys.length] = 'name'; keys[keys.length] = 'message'; }
      for (let at = 0; at < keys.length; at += 1) {
        const wanted = expected[keys[at]];
        const got = thrown === null || thrown === undefined ? undefined : thrown[keys[at]];
        if (wanted instanceof NativeRegExp && typeof got === 'string') {
          if (!matches(wanted, got)) wrong(`${keys[at]} of the error, ${shown(got)}, does not match ${text(wanted)}`);
        } else {
          const found = deep(got, wanted);
          if (found !== null) wrong(`${keys[at]} of the error differs: ${found}`);
        }
      }
    }
  };
  const split = (expected, message) => (typeof expected === 'string' ? [undefined, expected] : [expected, message]);
  const throws = (body, expected, message) => {
    const [wanted, given] = split(expected, message);
    let thrown;
    try {
      body();
    } catch (error) {
      thrown = { error };
    }
    if (thrown === undefined) refuse(given, 'missing expected exception', undefined, wanted, 'throws');
    else checkThrown(thrown.error, wanted, given, 'throws');
  };
  const doesNotThrow = (body, message) => {
    try {
      body();
    } catch (error) {
      refuse(typeof message === 'string' ? message : undefined, `got unwanted exception: ${shown(error)}`, error, undefined, 'doesNotThrow');
    }
  };
  const rejects = async (promise, expected, message) => {
    const [wanted, given] = split(expected, message);
    let thrown;
    try {
      await (typeof promise === 'function' ? promise() : promise);
    } catch (error) {
      thrown = { error };
    }
    if (thrown === undefined) refuse(given, 'missing expected rejection', undefined, wanted, 'rejects');
    else checkThrown(thrown.error, wanted, given, 'rejects');
  };
  const doesNotReject = async (promise, message) => {
    try {
      await (typeof promise === 'function' ? promise() : promise);
    } catch (error) {
      refuse(typeof message === 'string' ? message : undefined, `got unwanted rejection: ${shown(error)}`, error, undefined, 'doesNotReject');
    }
  };

  const functions = {
    ok, equal, strictEqual: equal, notEqual, notStrictEqual: notEqual, deepEqual, deepStrictEqual: deepEqual,
    notDeepEqual, notDeepStrictEqual: notDeepEqual, throws, doesNotThrow, rejects, doesNotReject, match, doesNotMatch,
    fail, ifError, AssertionError, strict: assert,
  };
  for (const name of keysOf(functions)) assert[name] = functions[name];
  return Object.freeze(assert);
})
