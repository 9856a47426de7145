//! What the machine says of itself, from `/proc`; figures that cannot be read are left out.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use crate::telemetry::resources::{Space, disk_space, memory_space};

/// A sample of the machine; PROTOCOL section 7.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SystemSample {
    /// Share of all processors that were busy since the sample before, 0 to 100; none for the first.
    pub cpu_percent: Option<f64>,
    /// Share of one processor that this process used since the sample before; may pass 100 on several.
    pub process_cpu_percent: Option<f64>,
    /// Memory of this process that is in RAM.
    pub memory_bytes: Option<u64>,
    /// Memory of the machine.
    pub memory_total_bytes: Option<u64>,
    /// Memory of the machine that is to be had without pushing anything out.
    pub memory_available_bytes: Option<u64>,
    /// Space on the disk with the data directory.
    pub disk_total_bytes: Option<u64>,
    /// What of it is free.
    pub disk_free_bytes: Option<u64>,
    /// Load averages over 1, 5 and 15 minutes.
    pub load: Option<[f64; 3]>,
}

impl SystemSample {
    /// Memory of the machine.
    pub fn memory(&self) -> Option<Space> {
        Some(Space { free_bytes: self.memory_available_bytes?, total_bytes: self.memory_total_bytes? })
    }

    /// The disk with the data directory.
    pub fn disk(&self) -> Option<Space> {
        Some(Space { free_bytes: self.disk_free_bytes?, total_bytes: self.disk_total_bytes? })
    }
}

/// Samples the machine; keeps what it needs to tell rates.
#[derive(Debug, Default)]
pub struct SystemSampler {
    before: Mutex<Option<Ticks>>,
    disk: Option<PathBuf>,
}

/// Processor time since the start of the machine, in clock ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ticks {
    busy: u64,
    total: u64,
    process: u64,
    processors: u64,
}

impl SystemSampler {
    /// A sampler that also looks at the disk that this folder is on.
    pub fn of_disk(folder: PathBuf) -> Self {
        Self { disk: Some(folder), ..Self::default() }
    }

    /// Reads the machine now. Cheap: a few small files of `/proc`, which never wait for a disk.
    pub fn sample(&self) -> SystemSample {
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        let ticks = ticks(&read("/proc/stat"), &read("/proc/self/stat"));
        let before =
            std::mem::replace(&mut *self.before.lock().unwrap_or_else(PoisonError::into_inner), ticks);
        let (cpu_percent, process_cpu_percent) = match (before, ticks) {
            (Some(before), Some(now)) => rates(before, now),
            _ => (None, None),
        };
        let memory = memory_space();
        let disk = self.disk.as_deref().and_then(disk_space);
        SystemSample {
            cpu_percent,
            process_cpu_percent,
            memory_bytes: kib_line(&read("/proc/self/status"), "VmRSS:"),
            memory_total_bytes: memory.map(|memory| memory.total_bytes),
            memory_available_bytes: memory.map(|memory| memory.free_bytes),
            disk_total_bytes: disk.map(|disk| disk.total_bytes),
            disk_free_bytes: disk.map(|disk| disk.free_bytes),
            load: load(&read("/proc/loadavg")),
        }
    }
}

fn ticks(stat: &str, process_stat: &str) -> Option<Ticks> {
    let line = stat.lines().find(|line| line.starts_with("cpu "))?;
    // user, nice, system, idle, iowait, irq, softirq, steal; guest time is part of user time already.
    let fields: Vec<u64> =
        line.split_whitespace().skip(1).take(8).map_while(|field| field.parse().ok()).collect();
    let total: u64 = fields.iter().sum();
    let idle = fields.get(3)? + fields.get(4)?;
    let processors =
        stat.lines().filter(|line| line.starts_with("cpu") && !line.starts_with("cpu ")).count().max(1)
            as u64;
    Some(Ticks { busy: total - idle, total, process: process_ticks(process_stat)?, processors })
}

/// Processor time that a process has used, in clock ticks, from its `/proc/PID/stat`.
pub(super) fn process_ticks(process_stat: &str) -> Option<u64> {
    // The name of the program stands in parentheses and may hold anything, parentheses too.
    let mut after_name = process_stat.rsplit_once(')')?.1.split_whitespace();
    let user: u64 = after_name.nth(11)?.parse().ok()?;
    let system: u64 = after_name.next()?.parse().ok()?;
    Some(user + system)
}

/// Threads of a process, from its `/proc/PID/stat`.
pub(super) fn process_threads(process_stat: &str) -> Option<u64> {
    process_stat.rsplit_once(')')?.1.split_whitespace().nth(17)?.parse().ok()
}

fn rates(before: Ticks, now: Ticks) -> (Option<f64>, Option<f64>) {
    let total = now.total.saturating_sub(before.total);
    if total == 0 {
        return (None, None);
    }
    let share = |ticks: u64| 100.0 * ticks as f64 / total as f64;
    let rounded = |percent: f64| (percent * 10.0).round() / 10.0;
    let machine = share(now.busy.saturating_sub(before.busy)).min(100.0);
    let process = share(now.process.saturating_sub(before.process)) * now.processors as f64;
    (Some(rounded(machine)), Some(rounded(process)))
}

/// A figure that stands in KiB behind `name`, in bytes.
pub(super) fn kib_line(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
}

fn load(loadavg: &str) -> Option<[f64; 3]> {
    let mut fields = loadavg.split_whitespace().map(|field| field.parse().ok());
    Some([fields.next()??, fields.next()??, fields.next()??])
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 50 0 25 400 25 0 0 0 0 0\ncpu1 1 2 3\nintr 1\n";
    const PROCESS: &str = "42 (call) board) S 1 42 42 0 -1 4194304 1 0 0 0 30 12 0 0 20 0 4 0 1 1 1";

    #[test]
    fn reads_what_the_kernel_writes() {
        assert_eq!(ticks(STAT, PROCESS), Some(Ticks { busy: 150, total: 1000, process: 42, processors: 2 }));
        assert_eq!(process_threads(PROCESS), Some(4));
        assert_eq!(kib_line("VmPeak:  9 kB\nVmRSS:\t    2048 kB\n", "VmRSS:"), Some(2048 * 1024));
        assert_eq!(load("0.52 0.58 1.59 1/389 12345"), Some([0.52, 0.58, 1.59]));
    }

    #[test]
    fn says_nothing_where_there_is_nothing() {
        for text in ["", "cpu", "cpu 1 2", "x y z"] {
            assert_eq!(ticks(text, PROCESS), None, "{text}");
            assert_eq!(ticks(STAT, text), None, "{text}");
            assert_eq!(process_threads(text), None, "{text}");
            assert_eq!(load(text), None, "{text}");
            assert_eq!(kib_line(text, "VmRSS:"), None, "{text}");
        }
    }

    #[test]
    fn rates_are_told_from_the_second_sample_on() {
        let before = ticks(STAT, PROCESS).unwrap();
        let now = Ticks { busy: 200, total: 1100, process: 67, processors: 2 };
        assert_eq!(rates(before, now), (Some(50.0), Some(50.0)));
        assert_eq!(rates(before, before), (None, None));
        assert_eq!(SystemSampler::default().sample().cpu_percent, None);
    }
}
