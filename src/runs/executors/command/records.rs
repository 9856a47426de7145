//! Which processes are ours: a record per attempt, so that a server which was killed finds them again, and a mark in the
//! environment of everything that comes of a program, for what has lost its warden.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

use crate::domain::warden::ProgramEnd;
use crate::runs::executors::children::ChildProcess;

/// The variable that holds the mark.
pub(super) const MARK: &str = "CALLBOARD_ATTEMPT";
/// How long processes are ended before the rest is given up.
const PATIENCE: Duration = Duration::from_secs(4);
/// How long a warden of an earlier start has to clear up by itself: it saw that its server is gone.
const WARDEN_PATIENCE: Duration = Duration::from_secs(5);
/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(10);

#[derive(Serialize, Deserialize)]
struct Record {
    pid: u32,
    started_ticks: u64,
    /// Process ids and ticks count from the start of the machine.
    machine_boot: String,
    mark: String,
}

/// Writes down which process an attempt is.
pub(super) fn write(record: &Path, pid: u32, mark: &str) -> io::Result<()> {
    let child = ChildProcess::of(pid);
    let record_of = Record {
        pid,
        started_ticks: child.started_ticks,
        machine_boot: machine_boot(),
        mark: mark.to_owned(),
    };
    let part = record.with_extension("part");
    fs::write(&part, serde_json::to_vec(&record_of)?)?;
    fs::rename(part, record)
}

fn machine_boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// Ends what programs of earlier starts of this server have left, and removes their folders. Blocks until that is done.
pub(in crate::runs::executors) fn end_leftovers(work: &Path) {
    let Ok(entries) = fs::read_dir(work) else { return };
    for entry in entries.flatten() {
        let folder = entry.path();
        let read = fs::read(folder.join("process.json")).ok();
        if let Some(record) = read.and_then(|bytes| serde_json::from_slice::<Record>(&bytes).ok())
            && record.machine_boot == machine_boot()
        {
            let warden = ChildProcess { pid: record.pid, started_ticks: record.started_ticks };
            let since = Instant::now();
            while warden.is_running() && since.elapsed() < WARDEN_PATIENCE {
                std::thread::sleep(PAUSE);
            }
            let stubborn = warden.is_running() && warden.signal_group(Signal::KILL);
            let end = end_marked(&record.mark);
            if stubborn || end.ended + end.left > 0 {
                log::warn!(
                    "a program of an earlier start was still there: {} processes ended, {} left",
                    end.ended,
                    end.left
                );
            }
        }
        if let Err(error) = fs::remove_dir_all(&folder) {
            log::warn!("the folder {} of an earlier start stays: {error}", folder.display());
        }
    }
}

/// Ends every process that carries the mark.
pub(super) fn end_marked(mark: &str) -> ProgramEnd {
    let needle = format!("{MARK}={mark}");
    let since = Instant::now();
    let mut seen: BTreeMap<u32, ChildProcess> = BTreeMap::new();
    loop {
        let alive = marked(needle.as_bytes());
        for process in &alive {
            seen.insert(process.pid, *process);
        }
        if alive.is_empty() || since.elapsed() > PATIENCE {
            let left = u32::try_from(alive.len()).unwrap_or(u32::MAX);
            let ended = u32::try_from(seen.len()).unwrap_or(u32::MAX).saturating_sub(left);
            return ProgramEnd { ended, left, forced: ended > 0, ..ProgramEnd::default() };
        }
        // First none of them can make another, then they go.
        for signal in [Signal::STOP, Signal::KILL] {
            for process in &alive {
                if process.is_alive()
                    && let Some(pid) = i32::try_from(process.pid).ok().and_then(Pid::from_raw)
                {
                    let _ = kill_process(pid, signal);
                }
            }
        }
        std::thread::sleep(PAUSE);
    }
}

/// Processes whose environment holds this entry, zombies not among them: those have none.
fn marked(needle: &[u8]) -> Vec<ChildProcess> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        // Those of other users cannot be read, and are none of ours.
        let Ok(environment) = fs::read(entry.path().join("environ")) else { continue };
        if environment.split(|byte| *byte == 0).any(|entry| entry == needle) {
            found.push(ChildProcess::of(pid));
        }
    }
    found
}
