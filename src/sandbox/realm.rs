//! One JavaScript realm: an engine with its own heap, the files it may import and the test harness.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Instant;

use rquickjs::promise::PromiseState;
use rquickjs::{
    CatchResultExt, CaughtError, Context, Ctx, Function, Module, Object, Promise, Runtime, Value,
};

use super::imports::{FileLoader, FileResolver, Refused, Sources};
use super::location::first_frame;
use crate::domain::script::{ScriptError, TestResult};

/// Stack of the scripts. The main thread has 8 MiB, a thread of a pool 2 MiB.
const STACK_BYTES_MAX: usize = 512 << 10;
/// Tests of one step; more is a flood.
const TESTS_MAX: usize = 20_000;
const NAME_CHARS_MAX: usize = 500;
const MESSAGE_CHARS_MAX: usize = 2_000;

const GLOBALS: &str = include_str!("harness/globals.js");
const TEST: &str = include_str!("harness/test.js");
const ASSERT: &str = include_str!("harness/assert.js");
/// Where the harness hands itself to the built-in modules; gone before the first file of the job is loaded.
const HANDOVER: &str = "__callboard";
const TEST_MODULE: &str = "const api = globalThis.__callboard.test;
export const test = api.test, it = api.it, describe = api.describe, suite = api.suite, before = api.before,
  after = api.after, beforeEach = api.beforeEach, afterEach = api.afterEach;
export default test;";
const ASSERT_MODULE: &str = "const assert = globalThis.__callboard.assert;
export const { ok, equal, strictEqual, notEqual, notStrictEqual, deepEqual, deepStrictEqual, notDeepEqual,
  notDeepStrictEqual, throws, doesNotThrow, rejects, doesNotReject, match, doesNotMatch, fail, ifError,
  AssertionError, strict } = assert;
export { assert };
export default assert;";

/// Why a realm could not do what it was asked.
#[derive(Debug)]
pub(super) enum Trouble {
    Script(ScriptError),
    TimedOut,
    OutOfMemory,
}

/// What a realm is allowed.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub(super) memory_bytes: u64,
    pub(super) deadline: Instant,
}

/// Tests as they end.
#[derive(Default)]
struct Ledger {
    tests: Vec<TestResult>,
    overflow: bool,
}

pub(super) struct Realm {
    // Before the runtime, so that it is dropped before it.
    context: Context,
    _runtime: Runtime,
    sources: Sources,
    refused: Refused,
    expired: Rc<Cell<bool>>,
    /// Rejected promises that nobody has handled, and the words of the last.
    unhandled: Rc<RefCell<(i32, String)>>,
}

impl Realm {
    /// `lenient` lets imports of files that do not exist through.
    pub(super) fn new(sources: Sources, limits: Limits, lenient: bool) -> Result<Self, Trouble> {
        let runtime = Runtime::new().map_err(|_| Trouble::OutOfMemory)?;
        runtime.set_memory_limit(usize::try_from(limits.memory_bytes).unwrap_or(usize::MAX));
        runtime.set_max_stack_size(STACK_BYTES_MAX);
        let refused = Refused::default();
        runtime.set_loader(
            FileResolver { sources: Rc::clone(&sources), refused: Rc::clone(&refused), lenient },
            FileLoader { sources: Rc::clone(&sources), lenient },
        );
        let expired = Rc::new(Cell::new(false));
        let expiry = Rc::clone(&expired);
        runtime.set_interrupt_handler(Some(Box::new(move || {
            if Instant::now() >= limits.deadline {
                expiry.set(true);
            }
            expiry.get()
        })));
        let unhandled = Rc::new(RefCell::new((0, String::new())));
        let tracked = Rc::clone(&unhandled);
        runtime.set_host_promise_rejection_tracker(Some(Box::new(move |_, _, reason, handled| {
            let mut unhandled = tracked.borrow_mut();
            if handled {
                unhandled.0 -= 1;
            } else {
                *unhandled = (unhandled.0 + 1, words_of(&reason));
            }
        })));
        let context = Context::full(&runtime).map_err(|_| Trouble::OutOfMemory)?;
        Ok(Self { context, _runtime: runtime, sources, refused, expired, unhandled })
    }

    /// Compiles a file without running it.
    pub(super) fn parse(&self, path: &str, source: &str) -> Result<(), Trouble> {
        self.context.with(|ctx| {
            let compiled = Module::declare(ctx.clone(), path, source).catch(&ctx);
            compiled.map(drop).map_err(|error| self.trouble(error, path))
        })
    }

    /// Loads a test file and runs its tests. `stop` ends the run after the first test that fails.
    pub(super) fn test(&self, entry: &str, stop: bool) -> Result<Vec<TestResult>, Trouble> {
        let ledger = Rc::new(RefCell::new(Ledger::default()));
        let done = self.context.with(|ctx| self.run_tests(&ctx, entry, stop, &ledger));
        let mut ledger = ledger.borrow_mut();
        done?;
        if ledger.overflow {
            return Err(Trouble::Script(ScriptError {
                file: entry.to_owned(),
                line: None,
                message: format!("more than {TESTS_MAX} tests"),
            }));
        }
        let (count, words) = &*self.unhandled.borrow();
        if *count > 0 && !(stop && ledger.tests.iter().any(|test| !test.passed)) {
            ledger.tests.push(failed(entry, "(unhandled rejection)", words));
        }
        Ok(std::mem::take(&mut ledger.tests))
    }

    fn run_tests(
        &self,
        ctx: &Ctx<'_>,
        entry: &str,
        stop: bool,
        ledger: &Rc<RefCell<Ledger>>,
    ) -> Result<(), Trouble> {
        let harness =
            self.furnish(ctx, entry, stop, ledger).catch(ctx).map_err(|error| self.trouble(error, entry))?;
        let immediate: Function<'_> =
            harness.get("immediate").catch(ctx).map_err(|error| self.trouble(error, entry))?;
        let source = self.sources.get(entry).map_or("", String::as_str);
        let loaded = Module::declare(ctx.clone(), entry, source)
            .and_then(Module::eval)
            .catch(ctx)
            .map_err(|error| self.trouble(error, entry))?;
        if !self.settle(ctx, &loaded.1, &immediate, entry)? {
            return Err(self.script_error(
                entry,
                "the file never finishes loading: it waits for something that never happens",
            ));
        }
        let run: Function<'_> = harness.get("run").catch(ctx).map_err(|error| self.trouble(error, entry))?;
        let ended: Promise<'_> = run.call(()).catch(ctx).map_err(|error| self.trouble(error, entry))?;
        if !self.settle(ctx, &ended, &immediate, entry)? {
            let waiting = "a test never ended: it waits for something that never happens";
            ledger.borrow_mut().tests.push(failed(entry, "(a test that never ends)", waiting));
        }
        Ok(())
    }

    /// Gives the realm its globals, `node:test` and `node:assert/strict`; answers the harness.
    fn furnish<'js>(
        &self,
        ctx: &Ctx<'js>,
        entry: &str,
        stop: bool,
        ledger: &Rc<RefCell<Ledger>>,
    ) -> rquickjs::Result<Object<'js>> {
        let harness_script = |source: &str, name: &str| -> rquickjs::Result<Function<'js>> {
            let mut options = rquickjs::context::EvalOptions::default();
            options.filename = Some(name.to_owned());
            ctx.eval_with_options(source, options)
        };
        harness_script(GLOBALS, "callboard:globals")?.call::<_, ()>(())?;
        let sources = Rc::clone(&self.sources);
        let ledger = Rc::clone(ledger);
        let entry = entry.to_owned();
        let report = Function::new(
            ctx.clone(),
            move |name: Value<'js>, passed: bool, message: Value<'js>, stack: Value<'js>| -> bool {
                let mut ledger = ledger.borrow_mut();
                if ledger.tests.len() >= TESTS_MAX {
                    ledger.overflow = true;
                    return true;
                }
                let mut message = text_of(&message).map(|text| shortened(text, MESSAGE_CHARS_MAX));
                if let (Some(message), Some(stack)) = (&mut message, text_of(&stack))
                    && let Some((file, line)) = first_frame(&stack, &sources)
                {
                    message.push_str(&format!(" ({file}:{line})"));
                }
                let name = shortened(text_of(&name).unwrap_or_default(), NAME_CHARS_MAX);
                ledger.tests.push(TestResult { file: entry.clone(), name, passed, message });
                stop && !passed
            },
        )?;
        let harness: Object<'js> = harness_script(TEST, "node:test")?.call((report,))?;
        let assert: Value<'js> = harness_script(ASSERT, "node:assert/strict")?.call(())?;
        let handover = Object::new(ctx.clone())?;
        handover.set("test", harness.get::<_, Object<'js>>("api")?)?;
        handover.set("assert", assert)?;
        let globals = ctx.globals();
        globals.set(HANDOVER, handover)?;
        globals.set("setImmediate", harness.get::<_, Function<'js>>("setImmediate")?)?;
        Module::evaluate(ctx.clone(), "node:test", TEST_MODULE)?.finish::<()>()?;
        Module::evaluate(ctx.clone(), "node:assert/strict", ASSERT_MODULE)?.finish::<()>()?;
        globals.remove(HANDOVER)?;
        Ok(harness)
    }

    /// Does what is waiting until the promise has an answer; false when nothing is waiting and it has none.
    fn settle(
        &self,
        ctx: &Ctx<'_>,
        promise: &Promise<'_>,
        immediate: &Function<'_>,
        entry: &str,
    ) -> Result<bool, Trouble> {
        while promise.state() == PromiseState::Pending {
            if self.expired.get() {
                return Err(Trouble::TimedOut);
            }
            if ctx.execute_pending_job() {
                continue;
            }
            let ran = immediate.call::<_, bool>(()).catch(ctx).map_err(|error| self.trouble(error, entry))?;
            if !ran {
                return if self.expired.get() { Err(Trouble::TimedOut) } else { Ok(false) };
            }
        }
        match promise.result::<Value<'_>>() {
            Some(result) => {
                result.catch(ctx).map(drop).map_err(|error| self.trouble(error, entry))?;
                Ok(true)
            }
            None => Ok(false),
        }
    }

    fn trouble(&self, error: CaughtError<'_>, entry: &str) -> Trouble {
        if self.expired.get() {
            return Trouble::TimedOut;
        }
        if let Some(refused) = self.refused.borrow_mut().take() {
            return Trouble::Script(refused);
        }
        match error {
            // The engine throws null when there is no memory left for an error object.
            CaughtError::Value(value) if value.is_null() => Trouble::OutOfMemory,
            CaughtError::Value(value) => self.script_error(entry, &format!("threw {}", words_of(&value))),
            CaughtError::Error(rquickjs::Error::Allocation) => Trouble::OutOfMemory,
            CaughtError::Error(error) => self.script_error(entry, &error.to_string()),
            CaughtError::Exception(exception) => {
                let message = exception.message().unwrap_or_default();
                if is_out_of_memory(&message) {
                    return Trouble::OutOfMemory;
                }
                let name: String = exception.as_object().get("name").unwrap_or_else(|_| "Error".to_owned());
                let place = exception.stack().and_then(|stack| first_frame(&stack, &self.sources));
                let (file, line) = place.map_or((entry.to_owned(), None), |(file, line)| (file, Some(line)));
                let message = shortened(format!("{name}: {message}"), MESSAGE_CHARS_MAX);
                Trouble::Script(ScriptError { file, line, message })
            }
        }
    }

    fn script_error(&self, file: &str, message: &str) -> Trouble {
        let message = shortened(message.to_owned(), MESSAGE_CHARS_MAX);
        Trouble::Script(ScriptError { file: file.to_owned(), line: None, message })
    }
}

/// Whether the engine says that its heap is full.
pub(super) fn is_out_of_memory(message: &str) -> bool {
    message == "out of memory" || message.starts_with("InternalError: out of memory")
}

fn failed(file: &str, name: &str, message: &str) -> TestResult {
    TestResult {
        file: file.to_owned(),
        name: name.to_owned(),
        passed: false,
        message: Some(message.to_owned()),
    }
}

/// The text of a string value; half characters are replaced, so that any name can be reported.
fn text_of(value: &Value<'_>) -> Option<String> {
    let string = value.as_string()?;
    Some(string.to_string().unwrap_or_else(|_| "(text that is not Unicode)".to_owned()))
}

fn words_of(value: &Value<'_>) -> String {
    let message = value.as_exception().map(|exception| {
        let name: String = exception.as_object().get("name").unwrap_or_else(|_| "Error".to_owned());
        format!("{name}: {}", exception.message().unwrap_or_default())
    });
    let text =
        message.or_else(|| text_of(value)).unwrap_or_else(|| format!("a value of type {}", value.type_of()));
    shortened(text, MESSAGE_CHARS_MAX)
}

fn shortened(text: String, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
