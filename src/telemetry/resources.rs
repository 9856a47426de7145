//! What the machine has left: space on a disk, memory. Nothing is said of what cannot be told.

use std::path::Path;

/// How much there is, and how much of it is free.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Space {
    /// Free for this process.
    pub free_bytes: u64,
    /// In all.
    pub total_bytes: u64,
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
    let bytes = |name: &str| {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
    };
    Some(Space { free_bytes: bytes("MemAvailable:")?, total_bytes: bytes("MemTotal:")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_from_its_lines() {
        let text = "MemTotal:       2048 kB\nMemFree: 5 kB\nMemAvailable:   1024 kB\n";
        assert_eq!(memory_of(text), Some(Space { free_bytes: 1 << 20, total_bytes: 2 << 20 }));
        assert_eq!(memory_of("MemTotal: 2048 kB\n"), None);
    }

    #[test]
    fn a_disk_has_some_space() {
        let space = disk_space(Path::new("/")).unwrap();
        assert!(space.total_bytes > 0 && space.free_bytes <= space.total_bytes, "{space:?}");
        assert_eq!(disk_space(Path::new("/no/such/place")), None);
    }
}
