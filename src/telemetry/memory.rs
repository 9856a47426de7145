//! Gives memory back that was let go of.
//!
//! The allocator of glibc keeps what is freed in the arena of each thread for the next who asks, and after a run of
//! agents that is as much as the server itself needs. Once the process is quiet again nobody asks.

/// Gives freed memory back to the system when the process has become quiet after work.
#[derive(Debug, Default)]
pub struct Tidier {
    /// Processor time of the process at the last look, in clock ticks.
    looked_at: u64,
    /// The same when memory was given back last.
    given_at: u64,
}

/// Ticks (of 10 ms) between two looks up to which the process counts as quiet.
const QUIET_TICKS: u64 = 10;
/// Ticks of work after which there may be something to give back.
const WORK_TICKS: u64 = 20;

impl Tidier {
    /// Looks whether it is time, and gives back what there is. To be called every few seconds; takes some
    /// milliseconds when there is something, and about ten microseconds when not.
    pub fn look(&mut self) {
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
        if super::system::process_ticks(&stat).is_some_and(|now| self.is_due(now)) {
            give_back();
        }
    }

    fn is_due(&mut self, now: u64) -> bool {
        let quiet = now.saturating_sub(self.looked_at) <= QUIET_TICKS;
        self.looked_at = now;
        let due = quiet && now.saturating_sub(self.given_at) >= WORK_TICKS;
        if due {
            self.given_at = now;
        }
        due
    }
}

/// Gives every whole page that holds nothing back to the system (`malloc_trim(3)`).
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code, reason = "a function of the C library, for which there is no safe wrapper")]
fn give_back() {
    // SAFETY: takes a number and no pointer, may be called from any thread at any time ("MT-Safe"), and touches nothing
    // that is in use.
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn give_back() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_given_back_once_after_work_and_in_quiet() {
        let mut tidier = Tidier::default();
        let due: Vec<bool> =
            [100, 250, 252, 252, 260, 272, 290, 400, 401].map(|ticks| tidier.is_due(ticks)).to_vec();
        // Work, work, quiet; nothing since; a little; work, work, work; quiet.
        assert_eq!(due, [false, false, true, false, false, false, false, false, true]);
    }
}
