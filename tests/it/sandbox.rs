//! The script sandbox as a real child process: its walls, its limits, its end.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use callboard::domain::script::{ScriptJob, ScriptOutcome, ScriptStep};
use callboard::runs::executors::children::ChildRegistry;
use callboard::runs::executors::sandbox::{Sandbox, SandboxError};

fn sandbox() -> Sandbox {
    Sandbox::new(env!("CARGO_BIN_EXE_callboard"), ChildRegistry::default(), Duration::from_secs(60))
}

fn job(sources: &[&str]) -> ScriptJob {
    let files: BTreeMap<_, _> = sources
        .iter()
        .enumerate()
        .map(|(index, source)| {
            let head = "import { test } from 'node:test';\nimport { equal } from 'node:assert/strict';\n";
            (format!("{index}.test.js"), format!("{head}{source}"))
        })
        .collect();
    let steps = files
        .keys()
        .map(|path| ScriptStep::Test {
            entries: vec![path.clone()],
            replace: BTreeMap::new(),
            stop_at_first_failure: false,
        })
        .collect();
    ScriptJob { files, steps, memory_bytes: 64 << 20, step_ms: 3_000 }
}

fn passed(outcome: &ScriptOutcome) -> bool {
    matches!(outcome, ScriptOutcome::Tested { tests } if !tests.is_empty() && tests.iter().all(|test| test.passed))
}

const GOOD: &str = "test('good', () => equal(1, 1));";

#[test]
fn good_and_bad_steps_stand_side_by_side() {
    let mut job = job(&[
        GOOD,
        "import 'std';",
        "test('bomb', () => { const a = []; while (true) a.push(new Array(10000).fill(1)); });",
        "test('deep', () => { const f = () => f() + 1; f(); });",
        "import '../../etc/passwd';",
        "import fs from 'node:fs';",
        "const a = ;",
        "for (let i = 0; i < 10000; i += 1) test(`t${i}`, () => console.log('x'.repeat(10000)));",
        "test('Array', () => { Array.prototype.push = null; Promise.prototype.then = null; equal(1, 2); });",
        GOOD,
    ]);
    job.step_ms = 20_000;
    let sandbox = sandbox();
    let mut heard = Vec::new();
    let outcomes = sandbox.run(&job, &|| false, &mut |step, _| heard.push(step)).expect("the job ends");
    assert_eq!(heard, (0..10).collect::<Vec<_>>());
    assert!(passed(&outcomes[0]), "{:?}", outcomes[0]);
    // With no memory left for an error object the engine throws null, which a test can do too.
    let bomb = &outcomes[2];
    let failed = matches!(bomb, ScriptOutcome::Tested { tests } if !tests[0].passed);
    assert!(*bomb == ScriptOutcome::OutOfMemory || failed, "{bomb:?}");
    assert!(matches!(&outcomes[3], ScriptOutcome::Tested { tests } if !tests[0].passed));
    for (step, line) in [(1, 3), (4, 3), (5, 3), (6, 3)] {
        match &outcomes[step] {
            ScriptOutcome::Error { error } => assert_eq!(error.line, Some(line), "{error}"),
            other => panic!("step {step}: {other:?}"),
        }
    }
    match &outcomes[7] {
        ScriptOutcome::Tested { tests } => assert_eq!(tests.len(), 10_000),
        other => panic!("{other:?}"),
    }
    assert!(matches!(&outcomes[8], ScriptOutcome::Tested { tests } if !tests[0].passed));
    assert!(passed(&outcomes[9]));
    assert_eq!((sandbox.children().started(), sandbox.children().ended()), (1, 1));
}

#[test]
fn a_loop_costs_its_step_alone() {
    let mut job = job(&[GOOD, "test('loop', () => { while (true); });", GOOD]);
    job.step_ms = 500;
    let sandbox = sandbox();
    let outcomes = sandbox.run(&job, &|| false, &mut |_, _| {}).expect("the job ends");
    assert_eq!(outcomes[1], ScriptOutcome::TimedOut);
    assert!(passed(&outcomes[0]) && passed(&outcomes[2]));
    assert_eq!(sandbox.children().started(), 1);
}

#[test]
fn a_cancel_ends_the_child_at_once() {
    let mut job = job(&["while (true);"]);
    job.step_ms = 60_000;
    let sandbox = sandbox();
    let cancel = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let running = scope.spawn(|| sandbox.run(&job, &|| cancel.load(Ordering::SeqCst), &mut |_, _| {}));
        let until = Instant::now() + Duration::from_secs(10);
        while sandbox.children().alive().is_empty() {
            assert!(Instant::now() < until, "no child was started");
            std::thread::yield_now();
        }
        let child = sandbox.children().alive()[0];
        assert!(child.is_alive());
        cancel.store(true, Ordering::SeqCst);
        let asked = Instant::now();
        let ended = running.join().expect("no panic");
        assert!(matches!(ended, Err(SandboxError::Cancelled)), "{ended:?}");
        assert!(asked.elapsed() < Duration::from_secs(1), "it took {:?}", asked.elapsed());
        assert!(!child.is_alive());
    });
    assert_eq!((sandbox.children().alive().len(), sandbox.children().ended()), (0, 1));
}

#[test]
fn a_child_that_is_killed_costs_one_step() {
    let mut job = job(&[GOOD, "while (true);", GOOD]);
    job.step_ms = 60_000;
    let sandbox = sandbox();
    let children = sandbox.children().clone();
    let outcomes = sandbox
        .run(&job, &|| false, &mut |step, _| {
            if step == 0 {
                children.signal_all(rustix::process::Signal::KILL);
            }
        })
        .expect("a fresh child goes on");
    assert!(passed(&outcomes[0]));
    assert_eq!(outcomes[1], ScriptOutcome::OutOfMemory);
    assert!(passed(&outcomes[2]), "{:?}", outcomes[2]);
    assert_eq!((children.started(), children.ended()), (2, 2));
}

#[test]
fn the_whole_job_has_a_deadline() {
    let mut job = job(&["while (true);"]);
    job.step_ms = 60_000;
    let sandbox =
        Sandbox::new(env!("CARGO_BIN_EXE_callboard"), ChildRegistry::default(), Duration::from_millis(300));
    let started = Instant::now();
    let ended = sandbox.run(&job, &|| false, &mut |_, _| {});
    assert!(matches!(ended, Err(SandboxError::Deadline(_))), "{ended:?}");
    assert!(started.elapsed() < Duration::from_secs(5));
    assert_eq!(sandbox.children().alive().len(), 0);
}

#[cfg(target_os = "linux")]
#[test]
fn the_child_stands_behind_its_walls() {
    let mut job = job(&["while (true);"]);
    job.step_ms = 60_000;
    let sandbox = sandbox();
    let cancel = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let running = scope.spawn(|| sandbox.run(&job, &|| cancel.load(Ordering::SeqCst), &mut |_, _| {}));
        let until = Instant::now() + Duration::from_secs(10);
        let read = |name: &str| {
            let pid = sandbox.children().alive().first().map(|child| child.pid)?;
            std::fs::read_to_string(format!("/proc/{pid}/{name}")).ok()
        };
        // The filter is the last wall.
        while !read("status").is_some_and(|status| status.contains("Seccomp:\t2")) {
            assert!(Instant::now() < until, "the walls were never built: {:?}", read("status"));
            std::thread::yield_now();
        }
        let status = read("status").expect("the child lives");
        assert!(status.contains("NoNewPrivs:\t1"), "{status}");
        let limits = read("limits").expect("the child lives");
        for (name, limit) in [("Max open files", "3"), ("Max processes", "0"), ("Max file size", "0")] {
            let line = limits.lines().find(|line| line.starts_with(name)).expect("a known limit");
            let values: Vec<_> = line[name.len()..].split_whitespace().take(2).collect();
            assert_eq!(values, [limit, limit], "{line}");
        }
        let pid = sandbox.children().alive()[0].pid;
        let mut descriptors: Vec<_> = std::fs::read_dir(format!("/proc/{pid}/fd"))
            .expect("the child lives")
            .map(|entry| entry.expect("it is readable").file_name().into_string().expect("a number"))
            .collect();
        descriptors.sort();
        assert_eq!(descriptors, ["0", "1", "2"]);
        assert_eq!(read("environ").as_deref(), Some(""));
        assert_eq!(std::fs::read_link(format!("/proc/{pid}/cwd")).expect("it lives").to_str(), Some("/"));
        cancel.store(true, Ordering::SeqCst);
        assert!(matches!(running.join().expect("no panic"), Err(SandboxError::Cancelled)));
    });
}

#[test]
fn many_mutants_run_in_one_child() {
    let mut job = job(&["import { add } from './src/add.js';\ntest('adds', () => equal(add(1, 2), 3));"]);
    job.files.insert("src/add.js".to_owned(), "export const add = (a, b) => a + b;\n".to_owned());
    job.steps = (0..300)
        .map(|mutant| ScriptStep::Test {
            entries: vec!["0.test.js".to_owned()],
            replace: BTreeMap::from([(
                "src/add.js".to_owned(),
                format!("export const add = (a, b) => a + b + {};", mutant % 2),
            )]),
            stop_at_first_failure: true,
        })
        .collect();
    let sandbox = sandbox();
    let outcomes = sandbox.run(&job, &|| false, &mut |_, _| {}).expect("the job ends");
    assert_eq!(outcomes.iter().filter(|outcome| passed(outcome)).count(), 150);
    assert_eq!(sandbox.children().started(), 1);
}
