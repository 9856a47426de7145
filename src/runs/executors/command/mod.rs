//! Agents that are programs in any language: context in, printed lines out.
//!
//! A program finds the files of earlier agents in its folder and the context as JSON on standard input and in the file that
//! `CALLBOARD_CONTEXT` names. What it prints is the log; lines of a certain form say more (`line_commands`). It runs below a
//! warden, so that a stop reaches everything it starts.

mod folder;
mod line_commands;
mod lines;
mod program;
pub(super) mod records;
mod teller;
pub(super) mod text;

use std::path::{Path, PathBuf};
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use folder::Folder;
use program::{Heard, Program};
use records::MARK;
use teller::{Teller, Told};
use text::Secrets;

use crate::domain::warden::{ProgramEnd, ProgramOrder};
use crate::pipelines::policy::FailureClass;
use crate::pipelines::setup::CommandSpec;
use crate::pipelines::{AgentError, AgentInputs, AgentOutput};
use crate::runs::executors::{ExecutorHost, context};

/// How often a stop is looked for while the program is silent.
const POLL: Duration = Duration::from_millis(20);
/// With this a program says that it may work the next time, as `sysexits` has it.
const EXIT_TRY_AGAIN: i32 = 75;
const SIGNAL_CPU: i32 = 24;
const SIGNAL_FILE_SIZE: i32 = 25;

/// Runs programs.
#[derive(Clone, Debug)]
pub(super) struct Commands {
    /// The binary whose `warden` subcommand guards them.
    pub(super) binary: PathBuf,
    /// Where their folders are made.
    pub(super) work: PathBuf,
}

impl Commands {
    pub(super) fn execute(
        &self,
        spec: &CommandSpec,
        agent: &str,
        inputs: &AgentInputs,
        host: &dyn ExecutorHost,
    ) -> Result<AgentOutput, AgentError> {
        let mark = uuid::Uuid::new_v4().simple().to_string();
        let io =
            |what: &'static str| move |error: std::io::Error| AgentError::failed(format!("{what}: {error}"));
        let folder = Folder::make(&self.work, &mark, inputs)
            .map_err(io("the folder of the program cannot be made"))?;
        let context = context::of(host, agent, inputs, &spec.outputs).to_string();
        std::fs::write(folder.context(), &context)
            .map_err(io("the context of the program cannot be written"))?;
        let mut secrets = Secrets::default();
        let order = order(spec, agent, host, &folder, &mark, &mut secrets);
        let mut program = Program::start(&self.binary, order, &mark, &folder.record(), host.children())
            .map_err(io("the program cannot be started"))?;
        let mut teller = Teller::new(host, &folder, secrets, spec.limits.output_bytes);
        let mut no_start = None;
        let mut stopped = None;
        loop {
            if stopped.is_none()
                && let Err(why) = host.check()
            {
                program.stop(Duration::from_millis(spec.grace_ms));
                stopped = Some(why);
            }
            match program.heard.recv_timeout(POLL) {
                Ok(heard) => {
                    program.note(&heard);
                    match heard {
                        Heard::Output(lines) => teller.output(lines),
                        Heard::Errors(lines) => teller.errors(lines),
                        Heard::NoStart(why) => no_start = Some(why),
                        Heard::Closed | Heard::Ended(_) | Heard::WardenGone => {}
                    }
                }
                Err(RecvTimeoutError::Timeout) => teller.pause(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if program.is_over() {
                break;
            }
        }
        let end = program.finish();
        let told = teller.finish();
        if let Some(why) = stopped {
            return Err(why);
        }
        if let Some(why) = no_start {
            return Err(AgentError::failed(why));
        }
        judge(end, &told, spec)?;
        let mut files = told.files;
        for file in folder.collect(&spec.outputs, inputs, spec.limits.output_bytes)? {
            match files.iter_mut().find(|known| known.path == file.path) {
                Some(known) => *known = file,
                None => files.push(file),
            }
        }
        let summary = match (told.summary, files.len()) {
            (Some(summary), _) => summary,
            (None, 1) => "1 file".to_owned(),
            (None, count) => format!("{count} files"),
        };
        Ok(AgentOutput { files, summary })
    }
}

fn order(
    spec: &CommandSpec,
    agent: &str,
    host: &dyn ExecutorHost,
    folder: &Folder,
    mark: &str,
    secrets: &mut Secrets,
) -> ProgramOrder {
    let mut env = Vec::new();
    for name in &spec.env_allow {
        env.extend(std::env::var(name).ok().map(|value| (name.clone(), value)));
    }
    for name in &spec.secrets {
        if let Ok(value) = std::env::var(name) {
            secrets.add(&value);
            env.push((name.clone(), value));
        }
    }
    env.extend(spec.env.iter().map(|(name, value)| (name.clone(), value.clone())));
    let shown = |path: PathBuf| path.to_string_lossy().into_owned();
    let run = host.run();
    env.extend([
        ("CALLBOARD_AGENT".to_owned(), agent.to_owned()),
        ("CALLBOARD_RUN_ID".to_owned(), run.run.to_string()),
        ("CALLBOARD_PROJECT_ID".to_owned(), run.project.to_string()),
        ("CALLBOARD_CONTEXT".to_owned(), shown(folder.context())),
        (MARK.to_owned(), mark.to_owned()),
    ]);
    ProgramOrder {
        command: spec.command.clone(),
        env,
        folder: shown(folder.files()),
        input: shown(folder.context()),
        cpu_s: spec.limits.cpu_ms.map(|ms| ms.div_ceil(1000)),
        memory_bytes: spec.limits.memory_bytes,
        file_bytes: spec.limits.file_bytes,
        open_files: spec.limits.open_files,
    }
}

/// Whether the program did its work, by what it ended with.
fn judge(end: Option<ProgramEnd>, told: &Told, spec: &CommandSpec) -> Result<(), AgentError> {
    let said = &told.error;
    let Some(end) = end else {
        return Err(AgentError::passing(FailureClass::Transient, "the warden of the program was killed"));
    };
    let name = Path::new(spec.command.first().map_or("", String::as_str)).file_name();
    let name = name.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    match (end.exit_code, end.signal) {
        (Some(0), _) => Ok(()),
        (Some(EXIT_TRY_AGAIN), _) => {
            let message = match said {
                Some(error) => error.to_string(),
                None => format!("{name} asks to be tried again (exit code {EXIT_TRY_AGAIN})"),
            };
            Err(AgentError::passing(FailureClass::Transient, message))
        }
        // What it said of its failure says more than a number.
        (Some(_), _) if said.is_some() => Err(said.clone().unwrap_or(AgentError::Cancelled)),
        (Some(code), _) => {
            let why = told.last_words.as_deref().map(|said| format!(": {said}")).unwrap_or_default();
            Err(AgentError::failed(format!("{name} ended with exit code {code}{why}")))
        }
        (None, Some(SIGNAL_CPU)) => Err(AgentError::failed(format!(
            "{name} used more than {} ms of processor time",
            spec.limits.cpu_ms.unwrap_or_default()
        ))),
        (None, Some(SIGNAL_FILE_SIZE)) => Err(AgentError::failed(format!(
            "{name} wrote a file of more than {} bytes",
            spec.limits.file_bytes
        ))),
        (None, Some(signal)) => Err(AgentError::failed(format!("{name} was ended by signal {signal}"))),
        (None, None) => {
            Err(AgentError::passing(FailureClass::Transient, format!("{name} ended in an unknown way")))
        }
    }
}
