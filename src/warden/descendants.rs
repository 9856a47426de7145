//! The processes below this one, as the system lists them.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use rustix::process::{Pid, Signal, kill_process};

/// Rounds of looking for processes that were made while others were being frozen.
const FREEZE_ROUNDS_MAX: usize = 100;

/// From now on processes whose parent ends become children of this one.
#[cfg(target_os = "linux")]
pub(super) fn adopt_orphans() -> io::Result<()> {
    let this = rustix::process::getpid();
    rustix::process::set_child_subreaper(Some(this))?;
    Ok(())
}

/// Other systems hand orphans to their first process: what leaves its group there is out of reach.
#[cfg(not(target_os = "linux"))]
pub(super) fn adopt_orphans() -> io::Result<()> {
    Ok(())
}

/// All that live below this process, those that only wait to be reaped not among them.
pub(super) fn alive() -> BTreeSet<u32> {
    let mut children: BTreeMap<u32, Vec<(u32, bool)>> = BTreeMap::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        // One that ended meanwhile is none.
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        let Some((_, fields)) = stat.rsplit_once(')') else { continue };
        let mut fields = fields.split_ascii_whitespace();
        let state = fields.next().unwrap_or_default();
        let Some(parent) = fields.next().and_then(|parent| parent.parse().ok()) else { continue };
        children.entry(parent).or_default().push((pid, matches!(state, "Z" | "X")));
    }
    let mut found = BTreeSet::new();
    let mut open = vec![std::process::id()];
    while let Some(parent) = open.pop() {
        for (pid, gone) in children.remove(&parent).unwrap_or_default() {
            open.push(pid);
            if !gone {
                found.insert(pid);
            }
        }
    }
    found
}

/// Sends a signal to one process; one that has ended meanwhile needs none.
pub(super) fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

/// Stops all of them, so that none can make another while they are killed one by one.
pub(super) fn freeze_all() -> BTreeSet<u32> {
    let mut frozen = BTreeSet::new();
    for _ in 0..FREEZE_ROUNDS_MAX {
        let new: Vec<u32> = alive().difference(&frozen).copied().collect();
        if new.is_empty() {
            break;
        }
        for pid in new {
            signal(pid, Signal::STOP);
            frozen.insert(pid);
        }
    }
    frozen
}
