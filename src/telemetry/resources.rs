//! What the machine has left: space on a disk, memory. Nothing is said of what cannot be told.

use std::path::Path;

use crate::telemetry::system::kib_line;

/// How much there is, and how much of it is free.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Space {
    /// Free for this process.
    pub free_bytes: u64,
    /// In all.
    pub total_bytes: u64,
}

impl Space {
    /// How much of it is free, to a tenth of a percent; none of nothing.
    pub fn free_percent(self) -> Option<f64> {
        let percent = 100.0 * self.free_bytes as f64 / self.total_bytes as f64;
        (self.total_bytes > 0).then(|| (percent * 10.0).round() / 10.0)
    }
}

/// The file system that a path is on.
pub fn disk_space(path: &Path) -> Option<Space> {
    let found = rustix::fs::statvfs(path).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
    Some(Space { free_bytes: bytes(found.f_bavail), total_bytes: bytes(found.f_blocks) })
}

/// Memory of the machine; what caches hold and would give back counts as free.
pub fn memory_space() -> Option<Space> {
    memory_of(&std::fs::read_to_string("/proc/meminfo").ok()?)
}

fn memory_of(meminfo: &str) -> Option<Space> {
    Some(Space {
        free_bytes: kib_line(meminfo, "MemAvailable:")?,
        total_bytes: kib_line(meminfo, "MemTotal:")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_from_its_lines() {
        let text = "MemTotal:       2048 kB\nMemFree: 5 kB\nMemAvailable:   1024 kB\n";
        assert_eq!(memory_of(text), Some(Space { free_bytes: 1 << 20, total_bytes: 2 << 20 }));
        assert_eq!(memory_of("MemTotal: 2048 kB\n"), None);
        for (free_bytes, total_bytes, percent) in [(1, 3, Some(33.3)), (0, 5, Some(0.0)), (0, 0, None)] {
            assert_eq!(Space { free_bytes, total_bytes }.free_percent(), percent);
        }
    }

    #[test]
    fn a_disk_has_some_space() {
        let space = disk_space(Path::new("/")).unwrap();
        assert!(space.total_bytes > 0 && space.free_bytes <= space.total_bytes, "{space:?}");
        assert_eq!(disk_space(Path::new("/no/such/place")), None);
    }
}
