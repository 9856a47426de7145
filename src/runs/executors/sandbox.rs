//! The parent side of the script sandbox: starts the own binary as a child, hands it a job, reads its lines, and ends it
//! when the run is cancelled, a step takes too long or the child dies.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::domain::script::{ScriptError, ScriptJob, ScriptLine, ScriptOutcome, ScriptStep};
use crate::runs::executors::children::{ChildRegistry, ChildTicket};

/// How often a cancel is looked for while the child is silent.
const POLL: Duration = Duration::from_millis(20);
/// How much longer than a step's own limit the child may be silent; it covers the start of the process and native work
/// of the engine that its own clock cannot interrupt.
const SILENCE_GRACE: Duration = Duration::from_secs(2);
/// One line of the child: 20,000 tests with long names stay below.
const LINE_BYTES_MAX: u64 = 64 << 20;
/// Lines that wait to be read; more lets the child wait.
const LINES_WAITING_MAX: usize = 64;
/// What is kept of standard error.
const STDERR_BYTES_MAX: u64 = 4 << 10;

/// Runs script jobs in child processes.
#[derive(Clone, Debug)]
pub struct Sandbox {
    program: PathBuf,
    children: ChildRegistry,
    overall: Duration,
}

/// Why a job has no outcome.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The caller asked for it.
    #[error("cancelled")]
    Cancelled,
    /// The whole job took longer than it may.
    #[error("the script job did not end within {0:?}")]
    Deadline(Duration),
    /// The child did not start, or did not understand its job.
    #[error("the script sandbox does not start: {0}")]
    NoStart(String),
    /// The child said something that is not in the protocol.
    #[error("the script sandbox does not make sense: {0}")]
    Protocol(String),
}

impl Sandbox {
    /// `program` is the binary whose `sandbox` subcommand is the child side. Every child is counted in `children`.
    /// A job that takes longer than `overall` ends with [`SandboxError::Deadline`].
    pub fn new(program: impl Into<PathBuf>, children: ChildRegistry, overall: Duration) -> Self {
        Self { program: program.into(), children, overall }
    }

    /// The running program as its own sandbox.
    ///
    /// # Errors
    /// When the system does not say where the program is.
    pub fn of_this_program(children: ChildRegistry, overall: Duration) -> std::io::Result<Self> {
        Ok(Self::new(std::env::current_exe()?, children, overall))
    }

    /// The children of this sandbox.
    pub fn children(&self) -> &ChildRegistry {
        &self.children
    }

    /// Does a job; blocks. `cancelled` is asked at least every 50 ms; `on_step` hears each outcome as it is known.
    /// When the child dies, the step it was at gets the outcome and a fresh child goes on with the next.
    ///
    /// # Errors
    /// When the job was cancelled, took too long, or the child cannot work at all.
    pub fn run(
        &self,
        job: &ScriptJob,
        cancelled: &dyn Fn() -> bool,
        on_step: &mut dyn FnMut(usize, &ScriptOutcome),
    ) -> Result<Vec<ScriptOutcome>, SandboxError> {
        let until = Instant::now() + self.overall;
        let mut outcomes = Vec::with_capacity(job.steps.len());
        let mut rest = job.clone();
        while outcomes.len() < job.steps.len() {
            if cancelled() {
                return Err(SandboxError::Cancelled);
            }
            rest.steps = job.steps[outcomes.len()..].to_vec();
            let mut sitting =
                Sitting { until, overall: self.overall, cancelled, on_step, outcomes: &mut outcomes };
            let mut child = Inmate::start(self, &rest)?;
            match sitting.listen(&mut child, job)? {
                Listening::Complete => break,
                Listening::Silent => sitting.settle(ScriptOutcome::TimedOut),
                Listening::Gone { ready } => {
                    let (status, stderr) = child.end();
                    if !ready {
                        return Err(SandboxError::NoStart(format!("{status}: {}", stderr.trim())));
                    }
                    let step = &job.steps[sitting.outcomes.len()];
                    sitting.settle(epitaph(step, status, &stderr));
                }
            }
        }
        Ok(outcomes)
    }
}

/// What one child said.
enum Listening {
    Complete,
    /// Nothing for longer than a step may take.
    Silent,
    Gone {
        ready: bool,
    },
}

/// Outcomes of a job across its children.
struct Sitting<'a> {
    overall: Duration,
    until: Instant,
    cancelled: &'a dyn Fn() -> bool,
    on_step: &'a mut dyn FnMut(usize, &ScriptOutcome),
    outcomes: &'a mut Vec<ScriptOutcome>,
}

impl Sitting<'_> {
    fn settle(&mut self, outcome: ScriptOutcome) {
        (self.on_step)(self.outcomes.len(), &outcome);
        self.outcomes.push(outcome);
    }

    fn listen(&mut self, child: &mut Inmate, job: &ScriptJob) -> Result<Listening, SandboxError> {
        let patience = Duration::from_millis(job.step_ms) + SILENCE_GRACE;
        let first = self.outcomes.len();
        let mut ready = false;
        let mut heard = Instant::now();
        loop {
            if self.outcomes.len() == job.steps.len() {
                return Ok(Listening::Complete);
            }
            if (self.cancelled)() {
                return Err(SandboxError::Cancelled);
            }
            match child.lines.recv_timeout(POLL) {
                Ok(line) => {
                    heard = Instant::now();
                    match serde_json::from_slice(&line) {
                        Ok(ScriptLine::Ready { missing_walls }) => {
                            ready = true;
                            for wall in missing_walls {
                                log::warn!("the script sandbox runs without its {wall}");
                            }
                        }
                        Ok(ScriptLine::Step { step, outcome }) if first + step == self.outcomes.len() => {
                            self.settle(outcome);
                        }
                        Ok(ScriptLine::Step { step, .. }) => {
                            return Err(SandboxError::Protocol(format!("step {step} is out of turn")));
                        }
                        // Half a line is what a child that dies while it writes leaves behind.
                        Err(_) if !line.ends_with(b"\n") => return Ok(Listening::Gone { ready }),
                        Err(error) => return Err(SandboxError::Protocol(error.to_string())),
                    }
                }
                Err(RecvTimeoutError::Timeout) if Instant::now() >= self.until => {
                    return Err(SandboxError::Deadline(self.overall));
                }
                Err(RecvTimeoutError::Timeout) if heard.elapsed() > patience => return Ok(Listening::Silent),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(Listening::Gone { ready }),
            }
        }
    }
}

/// A living child with the threads that feed and read it. Dropping it ends its group and waits for it.
struct Inmate {
    process: Child,
    lines: Receiver<Vec<u8>>,
    threads: Vec<JoinHandle<()>>,
    stderr: Option<JoinHandle<String>>,
    ticket: Option<ChildTicket>,
}

impl Inmate {
    fn start(sandbox: &Sandbox, job: &ScriptJob) -> Result<Self, SandboxError> {
        let input = serde_json::to_vec(job).map_err(|error| SandboxError::Protocol(error.to_string()))?;
        let mut process = Command::new(&sandbox.program)
            .arg("sandbox")
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|error| SandboxError::NoStart(format!("{}: {error}", sandbox.program.display())))?;
        let ticket = sandbox.children.register(process.id());
        let mut stdin = process.stdin.take().expect("standard input is piped");
        let stdout = process.stdout.take().expect("standard output is piped");
        let stderr = process.stderr.take().expect("standard error is piped");
        let (sender, lines) = sync_channel(LINES_WAITING_MAX);
        let threads = vec![
            // A child that dies early closes the pipe; what it died of is told elsewhere.
            std::thread::spawn(move || drop(stdin.write_all(&input))),
            std::thread::spawn(move || read_lines(stdout, &sender)),
        ];
        let stderr = Some(std::thread::spawn(move || {
            let mut kept = Vec::new();
            let mut stderr = stderr.take(STDERR_BYTES_MAX);
            let _ = stderr.read_to_end(&mut kept);
            let _ = std::io::copy(&mut stderr.into_inner(), &mut std::io::sink());
            String::from_utf8_lossy(&kept).into_owned()
        }));
        Ok(Self { process, lines, threads, stderr, ticket: Some(ticket) })
    }

    /// Ends the child if it still lives; what it ended with and what it said on standard error.
    fn end(&mut self) -> (ExitStatus, String) {
        let status = match self.process.try_wait() {
            Ok(Some(status)) => status,
            // Its pipe is closed, so it is about to end by itself; what it ends with is worth waiting for.
            _ => self.wait_a_little(),
        };
        self.bury();
        let stderr = self.stderr.take().and_then(|reader| reader.join().ok()).unwrap_or_default();
        (status, stderr)
    }

    fn wait_a_little(&mut self) -> ExitStatus {
        let until = Instant::now() + SILENCE_GRACE;
        while Instant::now() < until {
            if let Ok(Some(status)) = self.process.try_wait() {
                return status;
            }
            std::thread::park_timeout(Duration::from_millis(1));
        }
        self.kill();
        self.process.wait().unwrap_or_else(|_| ExitStatus::from_raw(Signal::KILL.as_raw()))
    }

    fn kill(&mut self) {
        if let Some(ticket) = &self.ticket {
            ticket.child().signal_group(Signal::KILL);
        }
        let _ = self.process.kill();
    }

    fn bury(&mut self) {
        self.kill();
        let _ = self.process.wait();
        // Only now: a child counts as ended when nothing is left of it.
        self.ticket = None;
    }
}

impl Drop for Inmate {
    fn drop(&mut self) {
        self.bury();
        // The reader may be waiting for room in the channel.
        let (_, closed) = sync_channel(0);
        self.lines = closed;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
        if let Some(stderr) = self.stderr.take() {
            let _ = stderr.join();
        }
    }
}

fn read_lines(stdout: impl Read, lines: &SyncSender<Vec<u8>>) {
    let mut stdout = BufReader::new(stdout);
    loop {
        let mut line = Vec::new();
        match (&mut stdout).take(LINE_BYTES_MAX).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) if lines.send(line).is_err() => return,
            Ok(_) => {}
        }
    }
}

/// What a child that died leaves as the outcome of the step it was at.
fn epitaph(step: &ScriptStep, status: ExitStatus, stderr: &str) -> ScriptOutcome {
    const OUT_OF_TIME: Signal = Signal::XCPU;
    match status.signal() {
        Some(signal) if signal == OUT_OF_TIME.as_raw() => return ScriptOutcome::TimedOut,
        // Nobody here sent it: the system ran out of memory.
        Some(signal) if signal == Signal::KILL.as_raw() => return ScriptOutcome::OutOfMemory,
        Some(_) if stderr.contains("memory allocation of") => return ScriptOutcome::OutOfMemory,
        _ => {}
    }
    let file = match step {
        ScriptStep::Parse { path } => path.clone(),
        ScriptStep::Test { entries, .. } => entries.first().cloned().unwrap_or_default(),
    };
    let message = match stderr.trim() {
        "" => format!("the script process died: {status}"),
        stderr => format!("the script process died: {status}: {stderr}"),
    };
    ScriptOutcome::Error { error: ScriptError { file, line: None, message } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_death_becomes_the_outcome_of_the_step() {
        let step = ScriptStep::Parse { path: "a.js".to_owned() };
        let by = |signal: Signal| ExitStatus::from_raw(signal.as_raw());
        assert_eq!(epitaph(&step, by(Signal::XCPU), ""), ScriptOutcome::TimedOut);
        assert_eq!(epitaph(&step, by(Signal::KILL), ""), ScriptOutcome::OutOfMemory);
        assert_eq!(
            epitaph(&step, by(Signal::ABORT), "memory allocation of 9 bytes failed"),
            ScriptOutcome::OutOfMemory
        );
        match epitaph(&step, by(Signal::SEGV), "") {
            ScriptOutcome::Error { error } => {
                assert_eq!(error.file, "a.js");
                assert!(error.message.contains("signal: 11"), "{error}");
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_program_that_is_not_there_is_said() {
        let sandbox = Sandbox::new("/nowhere/callboard", ChildRegistry::default(), Duration::from_secs(5));
        let job = ScriptJob {
            files: Default::default(),
            steps: vec![ScriptStep::Parse { path: "a.js".to_owned() }],
            memory_bytes: 1 << 20,
            step_ms: 100,
        };
        let error = sandbox.run(&job, &|| false, &mut |_, _| {}).expect_err("there is no such program");
        assert!(error.to_string().contains("/nowhere/callboard"), "{error}");
        // A program that ends at once and speaks no protocol is no sandbox.
        let sandbox = Sandbox::new("/bin/false", ChildRegistry::default(), Duration::from_secs(5));
        assert!(matches!(sandbox.run(&job, &|| false, &mut |_, _| {}), Err(SandboxError::NoStart(_))));
        assert_eq!((sandbox.children().started(), sandbox.children().ended()), (1, 1));
    }
}
