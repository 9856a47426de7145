//! What the executor of programs and the warden of a program say to each other: one JSON object per line, over a socket
//! that is the warden's standard input.

use serde::{Deserialize, Serialize};

/// What the warden is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum WardenOrder {
    /// Start the program; said once, first. Until then nothing runs that would have to be found again.
    Start(ProgramOrder),
    /// End it: asked first, by force after the grace.
    Stop {
        /// How long it has to end by itself.
        grace_ms: u64,
    },
}

/// A program to be started. Its standard output and error are the warden's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramOrder {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Its whole environment.
    pub env: Vec<(String, String)>,
    /// Where it works.
    pub folder: String,
    /// What it reads from standard input.
    pub input: String,
    /// Processor time of one process, in seconds.
    pub cpu_s: Option<u64>,
    /// Address space of one process.
    pub memory_bytes: Option<u64>,
    /// Size of one file.
    pub file_bytes: u64,
    /// Files that one process has open.
    pub open_files: u64,
}

/// What the warden answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum WardenReport {
    /// The program was started.
    Started {
        /// Its process.
        pid: u32,
    },
    /// The program cannot be started.
    NoStart {
        /// Why.
        message: String,
    },
    /// The program has ended, and so have all processes that came of it; always the last word.
    Ended(ProgramEnd),
}

/// How a program and what came of it ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramEnd {
    /// What the program ended with.
    pub exit_code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Processes that ended after the warden began to end them.
    pub ended: u32,
    /// Processes that could not be ended.
    pub left: u32,
    /// Whether they had to be ended by force.
    pub forced: bool,
}
