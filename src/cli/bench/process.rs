//! What a process has used so far, from `/proc`.

use std::time::Duration;

/// A process that is looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Process(u32);

impl Process {
    /// The process of this number.
    pub(super) fn of(pid: u32) -> Process {
        Process(pid)
    }

    /// This one.
    pub(super) fn own() -> Process {
        Process(std::process::id())
    }

    /// Processor time of all its threads, in steps of a clock tick; none when it cannot be read.
    pub(super) fn cpu(self) -> Option<Duration> {
        let ticks = ticks(&std::fs::read_to_string(format!("/proc/{}/stat", self.0)).ok()?)?;
        Some(Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64))
    }

    /// Its memory in RAM, in bytes; none when it cannot be read.
    pub(super) fn memory_bytes(self) -> Option<u64> {
        resident_bytes(&std::fs::read_to_string(format!("/proc/{}/status", self.0)).ok()?)
    }
}

/// User and system time, after the name in parentheses, which may hold anything.
fn ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(user + system)
}

fn resident_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
}

/// The processor of this machine and how many of it there are.
pub(super) fn machine() -> (String, usize) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    (model.map_or_else(|| "unknown processor".to_owned(), |(_, name)| name.to_owned()), cores)
}

/// Processes that wanted to run, over the last minute.
pub(super) fn load_average() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().and_then(|load| load.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_kernel_writes() {
        let stat = "42 (call) board) S 1 42 42 0 -1 4194304 1 0 0 0 30 12 0 0 20 0 4 0 1 1 1";
        assert_eq!(ticks(stat), Some(42));
        assert_eq!(resident_bytes("VmPeak:  9 kB\nVmRSS:\t    2048 kB\n"), Some(2048 * 1024));
        assert_eq!((ticks(""), resident_bytes("")), (None, None));
    }

    #[test]
    fn this_process_can_be_looked_at() {
        assert!(Process::own().cpu().is_some());
        assert!(Process::own().memory_bytes().unwrap() > 100_000);
    }
}
