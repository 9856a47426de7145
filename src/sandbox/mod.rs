//! The child side of the script sandbox: QuickJS behind walls.
//!
//! The parent starts the own binary with an empty environment and writes one [`ScriptJob`] as JSON to its standard
//! input. The child first shuts itself in (`lockdown`), then reads the job and writes one [`ScriptLine`] per step as
//! soon as it is known. The JavaScript engine itself has no files, no network and no processes to offer; the walls are
//! there for the day on which it has a hole.
//!
//! Every test file of a step runs in a realm of its own, as under `node --test`. A realm gives the same answers every
//! time: `Math.random` is seeded, the clock starts at a fixed instant, output goes nowhere, there are no timers beyond
//! microtasks and `setImmediate`.

mod imports;
mod location;
#[cfg(target_os = "linux")]
mod lockdown;
mod realm;
mod steps;
#[cfg(test)]
mod tests;

use std::io::{self, Read, Write};
use std::process::ExitCode;

use crate::domain::script::{ScriptJob, ScriptLine, ScriptOutcome};

/// The largest job that is read. A mutation run with 300 mutants of 20 KB is a tenth of it.
const JOB_BYTES_MAX: u64 = 64 << 20;
/// What the child answers when it could not build its walls.
const EXIT_NO_WALLS: u8 = 3;
/// What the child answers to input that is no job.
const EXIT_BAD_JOB: u8 = 4;

/// The whole life of the child process: shut in, read the job, do it, leave.
pub fn child_main(stdin: impl Read, stdout: impl Write) -> ExitCode {
    let missing_walls = match shut_in() {
        Ok(missing) => missing,
        Err(error) => return refuse(EXIT_NO_WALLS, &format!("cannot build the walls: {error}")),
    };
    match serve(stdin, stdout, missing_walls) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => refuse(EXIT_BAD_JOB, &error.to_string()),
    }
}

/// Does a job in this process, without walls: for tests of what stands above the sandbox.
pub fn run_in_process(job: &ScriptJob, on_step: &mut dyn FnMut(usize, &ScriptOutcome)) -> Vec<ScriptOutcome> {
    let mut outcomes = Vec::with_capacity(job.steps.len());
    for (index, step) in job.steps.iter().enumerate() {
        let outcome = steps::run(job, step);
        on_step(index, &outcome);
        outcomes.push(outcome);
    }
    outcomes
}

fn serve(stdin: impl Read, mut stdout: impl Write, missing_walls: Vec<String>) -> io::Result<()> {
    let mut bytes = Vec::new();
    stdin.take(JOB_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > JOB_BYTES_MAX {
        return Err(io::Error::other(format!("the job is larger than {JOB_BYTES_MAX} bytes")));
    }
    let job: ScriptJob = serde_json::from_slice(&bytes)
        .map_err(|error| io::Error::other(format!("this is no job: {error}")))?;
    drop(bytes);
    write_line(&mut stdout, &ScriptLine::Ready { missing_walls })?;
    for (step, what) in job.steps.iter().enumerate() {
        write_line(&mut stdout, &ScriptLine::Step { step, outcome: steps::run(&job, what) })?;
    }
    Ok(())
}

fn write_line(stdout: &mut impl Write, line: &ScriptLine) -> io::Result<()> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    stdout.write_all(&text)?;
    stdout.flush()
}

#[cfg(target_os = "linux")]
fn shut_in() -> io::Result<Vec<String>> {
    lockdown::apply()
}

/// Other systems have the engine without files or network, and a process that can be killed.
#[cfg(not(target_os = "linux"))]
fn shut_in() -> io::Result<Vec<String>> {
    std::env::set_current_dir("/")?;
    Ok(vec!["resource limits and the system call filter exist on Linux alone".to_owned()])
}

fn refuse(code: u8, why: &str) -> ExitCode {
    // Nobody is left to tell when standard error is gone too.
    let _ = writeln!(io::stderr(), "sandbox: {why}");
    ExitCode::from(code)
}
