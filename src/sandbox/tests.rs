use std::collections::BTreeMap;

use super::*;
use crate::domain::script::{ScriptError, ScriptStep, TestResult};

fn job(files: &[(&str, &str)], entries: &[&str]) -> ScriptJob {
    ScriptJob {
        files: files.iter().map(|(path, source)| ((*path).to_owned(), (*source).to_owned())).collect(),
        steps: vec![ScriptStep::Test {
            entries: entries.iter().map(|entry| (*entry).to_owned()).collect(),
            replace: BTreeMap::new(),
            stop_at_first_failure: false,
        }],
        memory_bytes: 64 << 20,
        step_ms: 5_000,
    }
}

fn run_one(job: &ScriptJob) -> ScriptOutcome {
    run_in_process(job, &mut |_, _| {}).remove(0)
}

/// Runs one test file that may import what it likes from the harness.
fn run_body(body: &str) -> ScriptOutcome {
    let source = format!(
        "import {{ test, it, describe, before, after, beforeEach, afterEach }} from 'node:test';\n\
         import assert, {{ equal, deepEqual, ok, throws, rejects, match }} from 'node:assert/strict';\n{body}"
    );
    run_one(&job(&[("test/a.test.js", &source)], &["test/a.test.js"]))
}

fn tests(outcome: ScriptOutcome) -> Vec<TestResult> {
    match outcome {
        ScriptOutcome::Tested { tests } => tests,
        other => panic!("expected tests, got {other:?}"),
    }
}

fn error(outcome: ScriptOutcome) -> ScriptError {
    match outcome {
        ScriptOutcome::Error { error } => error,
        other => panic!("expected an error, got {other:?}"),
    }
}

fn verdicts(outcome: ScriptOutcome) -> Vec<(String, bool)> {
    tests(outcome).into_iter().map(|test| (test.name, test.passed)).collect()
}

fn message_of(body: &str) -> String {
    let mut found = tests(run_body(body));
    assert_eq!(found.len(), 1, "{found:?}");
    let test = found.remove(0);
    assert!(!test.passed, "{body} passed");
    test.message.expect("a failing test says why")
}

#[test]
fn tests_import_files_and_pass() {
    let job = job(
        &[
            (
                "src/core/add.js",
                "import { zero } from './zero.js';\nexport const add = (a, b) => a + b + zero;",
            ),
            ("src/core/zero.js", "export const zero = 0;"),
            (
                "test/add.test.js",
                "import { test } from 'node:test';\nimport assert from 'node:assert/strict';\n\
                 import { add } from '../src/core/add.js';\n\
                 test('R1.1 adds', () => assert.equal(add(1, 2), 3));\ntest('fails', () => assert.equal(add(1, 2), 4));",
            ),
        ],
        &["test/add.test.js"],
    );
    let found = tests(run_one(&job));
    assert_eq!(found[0].name, "R1.1 adds");
    assert!(found[0].passed);
    assert_eq!(
        found[1].message.as_deref(),
        Some("AssertionError: expected values to be strictly equal: 3 !== 4 (test/add.test.js:5)")
    );
}

#[test]
fn suites_hooks_and_subtests_run_in_order() {
    let outcome = run_body(
        "const seen = [];
         before(() => seen.push('before'));
         beforeEach(() => seen.push('each'));
         describe('outer', () => {
           beforeEach(() => seen.push('inner'));
           afterEach(() => seen.push('after'));
           it('one', () => { seen.push('one'); });
           describe('deep', () => { it('two', async () => { await null; seen.push('two'); }); });
         });
         test('parent', async (t) => {
           await t.test('child', () => {});
           t.test('not awaited', () => { throw new Error('no'); });
         });
         test('order', () => deepEqual(seen,
           ['before', 'each', 'inner', 'one', 'after', 'each', 'inner', 'two', 'after', 'each', 'each', 'each', 'each']));",
    );
    let expected = [
        ("outer > one", true),
        ("outer > deep > two", true),
        ("parent > child", true),
        ("parent > not awaited", false),
        ("parent", false),
        ("order", true),
    ];
    let found = tests(outcome);
    let names: Vec<_> = found.iter().map(|test| (test.name.as_str(), test.passed)).collect();
    assert_eq!(names, expected, "{found:#?}");
}

#[test]
fn skipped_and_todo_tests_say_so() {
    let found = tests(run_body(
        "test.skip('a', () => { throw 1; }); test('b', { skip: 'later' }, () => { throw 1; });
         test.todo('c'); test('d', { todo: true }, () => { throw 1; }); test('e', (t) => t.skip('here'));",
    ));
    let messages: Vec<_> = found.iter().map(|test| test.message.as_deref().unwrap_or("-")).collect();
    assert_eq!(messages, ["skipped", "skipped: later", "skipped: no body", "todo", "skipped: here"]);
    assert!(found.iter().all(|test| test.passed));
}

#[test]
fn asynchronous_tests_are_awaited() {
    let found = verdicts(run_body(
        "test('resolves', async () => { await Promise.resolve(); equal(1, 1); });
         test('rejects', async () => { await null; throw new Error('late'); });
         test('callback', (t, done) => { setImmediate(() => done()); });
         test('callback fails', (t, done) => { setImmediate(() => done(new Error('x'))); });
         test('asserts', async () => { await rejects(async () => { throw new TypeError('bad'); }, /bad/); });",
    ));
    let passed: Vec<_> = found.iter().map(|(_, passed)| *passed).collect();
    assert_eq!(passed, [true, false, true, false, true]);
}

#[test]
fn a_test_that_waits_for_ever_fails() {
    let found = tests(run_body("test('waits', () => new Promise(() => {}));"));
    assert_eq!((found[0].name.as_str(), found[0].passed), ("(a test that never ends)", false));
}

#[test]
fn a_rejection_nobody_handles_fails() {
    let found = tests(run_body("test('x', () => { Promise.reject(new Error('lost')); });"));
    assert_eq!((found[1].name.as_str(), found[1].passed), ("(unhandled rejection)", false));
    assert_eq!(found[1].message.as_deref(), Some("Error: lost"));
    assert_eq!(
        tests(run_body("test('x', async () => { try { await Promise.reject(1); } catch {} });")).len(),
        1
    );
}

#[test]
fn failures_name_the_first_difference() {
    let cases = [
        ("deepEqual({ a: [1, { b: 2 }] }, { a: [1, { b: 3 }] })", "at .a[1].b: 2 !== 3"),
        ("deepEqual([1, 2], [1])", "2 elements, expected 1: [1, 2] !== [1]"),
        ("deepEqual({}, { a: 1 })", "a is missing"),
        ("deepEqual({ a: 1 }, {})", "a is not expected"),
        ("deepEqual(new Set([1]), new Set([2]))", "2 is not in the set"),
        ("deepEqual(new Map([[1, 'x']]), new Map([[1, 'y']]))", "at .get(1): \"x\" !== \"y\""),
        ("deepEqual(new Date(0), new Date(1))", "Date(0) !== Date(1)"),
        ("deepEqual([], {})", "[] !== {}"),
        ("equal(0, -0)", "0 !== -0"),
        ("equal('a', 'b', 'words')", "words (expected values to be strictly equal: \"a\" !== \"b\")"),
        ("ok(0)", "expected a truthy value, got 0"),
        ("throws(() => {})", "missing expected exception"),
        ("throws(() => { throw new Error('no') }, /yes/)", "does not match /yes/"),
        (
            "throws(() => { throw new Error('no') }, { message: 'yes' })",
            "message of the error differs: \"no\" !== \"yes\"",
        ),
        ("match('abc', /x/)", "\"abc\" does not match /x/"),
        ("assert.doesNotMatch('abc', /a/)", "\"abc\" matches /a/"),
        ("assert.notEqual(1, 1)", "expected a value other than 1"),
        ("assert.notDeepEqual([1], [1])", "expected a value not deep-equal to [1]"),
        ("assert.fail('words')", "words"),
        ("assert(false)", "expected a truthy value, got false"),
        ("throw null", "threw null"),
        ("throw 'words'", "threw words"),
    ];
    for (body, expected) in cases {
        let message = message_of(&format!("test('x', () => {{ {body} }});"));
        assert!(message.contains(expected), "{body}\n  says {message}\n  wanted {expected}");
    }
}

#[test]
fn assertions_that_hold_pass() {
    let cases = [
        "deepEqual({ a: [1, { b: NaN }] }, { a: [1, { b: NaN }] })",
        "const a = {}; a.self = a; const b = {}; b.self = b; deepEqual(a, b)",
        "deepEqual(new Set([{ a: 1 }]), new Set([{ a: 1 }]))",
        "throws(() => { throw new TypeError('x') }, TypeError)",
        "throws(() => { throw new TypeError('x') }, (error) => error.message === 'x')",
        "throws(() => { throw new TypeError('x') }, { name: 'TypeError', message: /x/ })",
        "throws(() => equal(1, 2), { code: 'ERR_ASSERTION', actual: 1, expected: 2 })",
        "match('abc', /b/g)",
        "deepEqual(structuredClone({ a: [new Date(5)] }), { a: [new Date(5)] })",
        "equal(typeof setTimeout, 'undefined')",
        "equal(new Date().toISOString().slice(0, 10), '2026-01-15')",
        "ok(Date.now() < Date.now())",
        "ok(new Date(2020, 1, 1) instanceof Date && Math.random() < 1)",
    ];
    for body in cases {
        let found = tests(run_body(&format!("test('x', () => {{ {body} }});")));
        assert!(found[0].passed, "{body}: {:?}", found[0].message);
    }
}

#[test]
fn errors_carry_file_and_line() {
    let cases = [
        ("export const a = 1;\nexport const b = ;\n", "src/x.js", Some(2), "SyntaxError"),
        ("export const a = 1;\n\nthrow new Error('at load');", "src/x.js", Some(3), "Error: at load"),
        ("\nexport const a = missing.field;", "src/x.js", Some(2), "missing is not defined"),
        ("import '../../etc/passwd';", "src/x.js", Some(1), "cannot import '../../etc/passwd'"),
        ("\nimport { readFileSync } from 'node:fs';", "src/x.js", Some(2), "cannot import 'node:fs'"),
        ("import './gone.js';", "src/x.js", Some(1), "cannot import './gone.js'"),
        ("import * as std from 'std';", "src/x.js", Some(1), "cannot import 'std'"),
        ("throw 'words';", "test/a.test.js", None, "threw words"),
        ("await new Promise(() => {});", "test/a.test.js", None, "never finishes loading"),
    ];
    for (source, file, line, message) in cases {
        let job =
            job(&[("src/x.js", source), ("test/a.test.js", "import '../src/x.js';")], &["test/a.test.js"]);
        let found = error(run_one(&job));
        assert_eq!((found.file.as_str(), found.line), (file, line), "{source}: {found}");
        assert!(found.message.contains(message), "{source}: {found}");
    }
}

#[test]
fn a_missing_export_is_an_error() {
    let job = job(
        &[("src/x.js", "export const a = 1;"), ("test/a.test.js", "import { b } from '../src/x.js';")],
        &["test/a.test.js"],
    );
    assert!(error(run_one(&job)).message.contains("'b'"));
}

#[test]
fn modules_may_import_each_other() {
    let job = job(
        &[
            ("a.js", "import { b } from './b.js';\nexport const a = () => b();\nexport const one = 1;"),
            ("b.js", "import { one } from './a.js';\nexport const b = () => one;"),
            (
                "t.js",
                "import { test } from 'node:test';\nimport { a } from './a.js';\ntest('x', () => { if (a() !== 1) throw 1; });",
            ),
        ],
        &["t.js"],
    );
    assert_eq!(verdicts(run_one(&job)), [("x".to_owned(), true)]);
}

#[test]
fn parsing_neither_runs_nor_needs_imports() {
    let mut job = job(
        &[
            ("good.js", "import { x } from './nowhere.js';\nthrow new Error(x);"),
            ("bad.js", "const a = 1;\nconst a = 2;"),
        ],
        &[],
    );
    job.steps =
        ["good.js", "bad.js", "gone.js"].map(|path| ScriptStep::Parse { path: path.to_owned() }).to_vec();
    let mut heard = Vec::new();
    let outcomes = run_in_process(&job, &mut |step, _| heard.push(step));
    assert_eq!(heard, [0, 1, 2]);
    assert_eq!(outcomes[0], ScriptOutcome::Parsed);
    assert_eq!(error(outcomes[1].clone()).line, Some(2));
    assert_eq!(error(outcomes[2].clone()).message, "the job has no such file");
}

#[test]
fn mutants_stand_in_and_stop_at_the_first_failure() {
    let mut job = job(
        &[
            ("src/x.js", "export const x = 1;"),
            (
                "a.js",
                "import { test } from 'node:test';\nimport { equal } from 'node:assert/strict';\n\
                 import { x } from './src/x.js';\ntest('one', () => equal(x, 1));\ntest('two', () => equal(x, 1));",
            ),
        ],
        &[],
    );
    let step = |replace: &[(&str, &str)]| ScriptStep::Test {
        entries: vec!["a.js".to_owned()],
        replace: replace.iter().map(|(path, source)| ((*path).to_owned(), (*source).to_owned())).collect(),
        stop_at_first_failure: true,
    };
    job.steps = vec![step(&[("src/x.js", "export const x = 2;")]), step(&[])];
    let outcomes = run_in_process(&job, &mut |_, _| {});
    assert_eq!(verdicts(outcomes[0].clone()), [("one".to_owned(), false)]);
    assert_eq!(verdicts(outcomes[1].clone()), [("one".to_owned(), true), ("two".to_owned(), true)]);
}

#[test]
fn loops_end_at_the_wall_clock() {
    let cases = [
        "while (true) {}",
        "test('x', () => { for (;;) { try { while (true) {} } catch {} } });",
        "test('x', async () => { while (true) await null; });",
        "test('x', () => { /^(a+)+$/.test('a'.repeat(40) + 'b'); });",
        "const again = () => setImmediate(again); again(); await new Promise(() => {});",
        "test('x', () => { const end = Date.now() + 1e12; while (Date.now() < end); });",
    ];
    for body in cases {
        let source = format!("import {{ test }} from 'node:test';\n{body}");
        let mut job = job(&[("a.js", &source)], &["a.js"]);
        job.step_ms = 150;
        assert_eq!(run_one(&job), ScriptOutcome::TimedOut, "{body}");
    }
}

#[test]
fn bombs_hit_the_memory_limit() {
    let cases = [
        "const a = []; while (true) a.push(new Array(1000).fill(1));",
        "test('x', () => { let s = 'x'; while (true) s += s; });",
        "test('x', () => { const a = []; for (;;) a.push({ a: { b: a.length } }); });",
        "new ArrayBuffer(1e9);",
    ];
    for body in cases {
        let source = format!("import {{ test }} from 'node:test';\n{body}");
        let mut job = job(&[("a.js", &source)], &["a.js"]);
        job.memory_bytes = 8 << 20;
        let outcome = run_one(&job);
        // A string that outgrows the engine's own bound is an ordinary error.
        let bounded = matches!(&outcome, ScriptOutcome::Tested { tests } if !tests[0].passed);
        assert!(outcome == ScriptOutcome::OutOfMemory || bounded, "{body}: {outcome:?}");
    }
}

#[test]
fn deep_recursion_is_an_ordinary_failure() {
    let message = message_of("test('x', () => { const f = () => f() + 1; f(); });");
    assert!(message.contains("stack"), "{message}");
    let nested = format!("const a = {}1{};", "[".repeat(100_000), "]".repeat(100_000));
    assert!(matches!(run_body(&nested), ScriptOutcome::Error { .. }));
}

#[test]
fn tricks_with_prototypes_change_no_verdict() {
    let tricks = "
      Array.prototype.push = () => 0; Object.prototype.passed = true; Promise.prototype.then = function () { return this; };
      String.prototype.slice = () => ''; Object.is = () => true; Object.keys = () => []; Function.prototype.call = () => {};
      Object.defineProperty(Object.prototype, 'next', { get() { return null; }, set() {}, configurable: true });
      Object.defineProperty(Array.prototype, 0, { set() {}, configurable: true });
      globalThis.Promise = null; Error.prototype.toString = () => ''; Map.prototype.get = () => 1;
      test('lies', () => equal(1, 2)); test('throws', () => { throw { get message() { throw 1; }, get stack() { throw 2; } }; });
      test('deep', () => deepEqual({ a: 1 }, { a: 2 })); test('true', async () => { await null; equal(1, 1); });";
    let passed: Vec<_> = verdicts(run_body(tricks)).into_iter().map(|(_, passed)| passed).collect();
    assert_eq!(passed, [false, false, false, true]);
}

#[test]
fn the_harness_cannot_be_reached() {
    let found = tests(run_body(
        "test('x', () => { equal(typeof globalThis.__callboard, 'undefined'); equal(typeof print, 'undefined');
           equal(typeof std, 'undefined'); equal(typeof os, 'undefined'); equal(typeof require, 'undefined');
           throws(() => { assert.equal = () => {}; }, TypeError); });",
    ));
    assert!(found[0].passed, "{:?}", found[0].message);
}

#[test]
fn floods_are_bounded() {
    let found = tests(run_body(
        "for (let i = 0; i < 10000; i += 1) test(`t${i}`, () => { console.log('x'.repeat(1000)); ok(true); });",
    ));
    assert_eq!(found.len(), 10_000);
    let message = message_of("test('x', () => { throw new Error('y'.repeat(1e6)); });");
    assert!(message.chars().count() < 2_100);
    let outcome = run_body("for (let i = 0; i < 20001; i += 1) test('t', () => {});");
    assert_eq!(error(outcome).message, "more than 20000 tests");
    let found = tests(run_body("test('\\ud800 half', () => {});"));
    assert!(found[0].passed);
}

#[test]
fn realms_share_nothing() {
    let source = "import { test } from 'node:test';\nimport { equal } from 'node:assert/strict';\n\
                  test('fresh', () => { equal(globalThis.mark, undefined); globalThis.mark = 1; });";
    let job = job(&[("a.js", source), ("b.js", source)], &["a.js", "b.js"]);
    assert!(tests(run_one(&job)).iter().all(|test| test.passed));
    let random = "test('x', () => { throw `${Math.random()} ${Date.now()}`; });";
    assert_eq!(message_of(random), message_of(random));
}

#[test]
fn the_line_protocol_says_ready_and_then_each_step() {
    let job = job(&[("a.js", "export const a = 1;")], &["a.js"]);
    let mut written = Vec::new();
    serve(serde_json::to_vec(&job).expect("a job is JSON").as_slice(), &mut written, vec![])
        .expect("it is a job");
    let lines: Vec<ScriptLine> = String::from_utf8(written)
        .expect("JSON is UTF-8")
        .lines()
        .map(|line| serde_json::from_str(line).expect("each line is one value"))
        .collect();
    assert_eq!(lines[0], ScriptLine::Ready { missing_walls: vec![] });
    assert_eq!(lines[1], ScriptLine::Step { step: 0, outcome: ScriptOutcome::Tested { tests: vec![] } });
    assert!(serve("nonsense".as_bytes(), &mut Vec::new(), vec![]).is_err());
}
