//! The child processes of a run: which are alive, how many have ended, and how to end all of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, kill_process_group};

/// A child process that cannot be mistaken for a later one with the same pid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChildProcess {
    /// Its process id, which is also the id of its group.
    pub pid: u32,
    /// When it started, in clock ticks since the machine did; 0 where the system does not tell.
    pub started_ticks: u64,
}

impl ChildProcess {
    /// The process that has this pid now.
    pub fn of(pid: u32) -> Self {
        Self { pid, started_ticks: started_ticks(pid).unwrap_or(0) }
    }

    /// Whether this very process exists, a zombie included.
    pub fn is_alive(&self) -> bool {
        started_ticks(self.pid) == Some(self.started_ticks)
    }

    /// Whether this very process exists and has not ended.
    pub fn is_running(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        let state = stat.rsplit_once(')').and_then(|(_, fields)| fields.split_ascii_whitespace().next());
        self.is_alive() && !matches!(state, Some("Z" | "X"))
    }

    /// Sends a signal to its whole group, unless the pid belongs to another process by now.
    /// Answers whether there was a group to send it to.
    pub fn signal_group(&self, signal: Signal) -> bool {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        if started_ticks(self.pid).is_some_and(|ticks| ticks != self.started_ticks) {
            return false;
        }
        pid.is_some_and(|pid| kill_process_group(pid, signal).is_ok())
    }
}

/// Field 22 of `/proc/<pid>/stat`; the name in field 2 may hold spaces and brackets.
fn started_ticks(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_ascii_whitespace().nth(19)?.parse().ok()
}

/// Shared by everything that starts processes for a run. Cheap to clone; all clones are one registry.
#[derive(Clone, Debug, Default)]
pub struct ChildRegistry {
    inner: Arc<Mutex<Children>>,
}

#[derive(Debug, Default)]
struct Children {
    alive: BTreeMap<u64, (ChildProcess, Ending)>,
    /// Processes below wardens that have ended.
    guarded_ended: u64,
    /// Processes below wardens that could not be ended.
    guarded_left: u64,
    /// Wardens that have gone; they are none of the run's own processes.
    wardens_gone: u64,
    started: u64,
}

/// Who ends a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// A signal to its group.
    BySignal,
    /// The executor tells it, and it ends what is below it first.
    ByExecutor,
}

impl ChildRegistry {
    /// Counts a child in. It counts as ended when the ticket is dropped, so drop it after the child was waited for.
    #[must_use = "the child counts as ended when the ticket is dropped"]
    pub fn register(&self, pid: u32) -> ChildTicket {
        self.count_in(pid, Ending::BySignal)
    }

    /// Counts the warden of a program in. It hears of a stop from its executor and is never signalled from here, for
    /// what it guards would lose its guard.
    #[must_use = "the child counts as ended when the ticket is dropped"]
    pub fn register_warden(&self, pid: u32) -> ChildTicket {
        self.count_in(pid, Ending::ByExecutor)
    }

    fn count_in(&self, pid: u32, ending: Ending) -> ChildTicket {
        let child = ChildProcess::of(pid);
        let mut children = self.lock();
        let number = children.started;
        children.started += 1;
        children.alive.insert(number, (child, ending));
        ChildTicket { registry: self.clone(), number, child }
    }

    /// Children that were not waited for yet.
    pub fn alive(&self) -> Vec<ChildProcess> {
        self.lock().alive.values().map(|(child, _)| *child).collect()
    }

    /// How many were ever counted in.
    pub fn started(&self) -> u64 {
        self.lock().started
    }

    /// How many of them have ended.
    pub fn ended(&self) -> u64 {
        let children = self.lock();
        let gone = children.started - children.alive.len() as u64;
        gone - children.wardens_gone + children.guarded_ended
    }

    /// Processes that could not be ended, with those that were not waited for yet.
    pub fn left(&self) -> u64 {
        let children = self.lock();
        children.alive.len() as u64 + children.guarded_left
    }

    /// Sends a signal to the group of every living child; answers how many groups there were.
    pub fn signal_all(&self, signal: Signal) -> usize {
        let children: Vec<ChildProcess> = {
            let children = self.lock();
            let by_signal = children.alive.values().filter(|(_, ending)| *ending == Ending::BySignal);
            by_signal.map(|(child, _)| *child).collect()
        };
        children.iter().filter(|child| child.signal_group(signal)).count()
    }

    fn lock(&self) -> MutexGuard<'_, Children> {
        // The map is whole after every statement that changes it.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Stands for one living child.
#[derive(Debug)]
pub struct ChildTicket {
    registry: ChildRegistry,
    number: u64,
    child: ChildProcess,
}

impl ChildTicket {
    /// The child.
    pub fn child(&self) -> ChildProcess {
        self.child
    }

    /// The warden is gone: how many of the processes below it were ended, and how many could not be.
    pub fn finish(self, ended: u32, left: u32) {
        let mut children = self.registry.lock();
        children.wardens_gone += 1;
        children.guarded_ended += u64::from(ended);
        children.guarded_left += u64::from(left);
    }
}

impl Drop for ChildTicket {
    fn drop(&mut self) {
        self.registry.lock().alive.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    use super::*;

    #[test]
    fn children_are_counted_signalled_and_told_apart() {
        let registry = ChildRegistry::default();
        let mut child = Command::new("cat")
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::null())
            .process_group(0)
            .spawn()
            .expect("cat exists");
        let ticket = registry.register(child.id());
        assert_eq!((registry.started(), registry.ended()), (1, 0));
        assert!(ticket.child().is_alive());

        let impostor = ChildProcess { started_ticks: ticket.child().started_ticks + 1, ..ticket.child() };
        assert!(!impostor.is_alive());
        assert!(!impostor.signal_group(Signal::KILL));
        assert!(child.try_wait().expect("it is ours").is_none());

        assert_eq!(registry.clone().signal_all(Signal::KILL), 1);
        child.wait().expect("it is ours");
        let gone = ticket.child();
        drop(ticket);
        assert!(!gone.is_alive());
        assert_eq!((registry.started(), registry.ended(), registry.alive().len()), (1, 1, 0));
    }
}
