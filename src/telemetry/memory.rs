//! Gives memory back that was let go of.
//!
//! The allocator of glibc keeps what is freed in the arena of each thread for the next who asks, and after a run of
//! agents that is as much as the server itself needs. Once the process is quiet again nobody asks.
//!
//! It also learns: each large piece that is freed raises the size up to which pieces are cut from the arenas, where
//! one small piece in use keeps everything below it. [`prepare`] ends that learning.

/// Gives freed memory back to the system when the process has become quiet after work.
#[derive(Debug, Default)]
pub struct Tidier {
    /// Processor time of the process at the last look, in clock ticks.
    looked_at: u64,
    /// The same when memory was given back last.
    given_at: u64,
    /// Threads of the process then: what a thread held comes free when it ends, some time after the work.
    threads: u64,
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
        let now = super::system::process_ticks(&stat).zip(super::system::process_threads(&stat));
        if now.is_some_and(|(ticks, threads)| self.is_due(ticks, threads)) {
            give_back();
        }
    }

    fn is_due(&mut self, now: u64, threads: u64) -> bool {
        let quiet = now.saturating_sub(self.looked_at) <= QUIET_TICKS;
        self.looked_at = now;
        let worked = now.saturating_sub(self.given_at) >= WORK_TICKS;
        let due = quiet && (worked || threads < self.threads);
        if due {
            self.given_at = now;
            self.threads = threads;
        }
        due
    }
}

/// Bytes from which on a piece of memory is a mapping of its own, given back the moment it is freed. Frames, lines and
/// nodes of the store are smaller; files, texts and tables of agents are larger.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const OWN_MAPPING_BYTES: libc::c_int = 64 * 1024;
/// Bytes free at the end of an arena from which on they are given back.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const FREE_END_BYTES: libc::c_int = 128 * 1024;

/// Fixes from which size on memory is given back when it is freed (`mallopt(3)`). To be called once, before the first
/// thread. What the environment says (`MALLOC_MMAP_THRESHOLD_`, `MALLOC_TRIM_THRESHOLD_`) goes before.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code, reason = "a function of the C library, for which there is no safe wrapper")]
pub fn prepare() {
    let choices = [
        ("MALLOC_MMAP_THRESHOLD_", libc::M_MMAP_THRESHOLD, OWN_MAPPING_BYTES),
        ("MALLOC_TRIM_THRESHOLD_", libc::M_TRIM_THRESHOLD, FREE_END_BYTES),
    ];
    for (variable, name, bytes) in choices {
        if std::env::var_os(variable).is_none() {
            // SAFETY: takes two numbers and no pointer; called while there is one thread.
            unsafe {
                libc::mallopt(name, bytes);
            }
        }
    }
}

/// Nothing to fix where the allocator is another one.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn prepare() {}

/// Gives every whole page that holds nothing back to the system (`malloc_trim(3)`), and lets go of code: a page of it that
/// runs again is there at once, for the system keeps the file in its cache as long as there is room.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code, reason = "a function of the C library, for which there is no safe wrapper")]
fn give_back() {
    // SAFETY: takes a number and no pointer, may be called from any thread at any time ("MT-Safe"), and touches nothing
    // that is in use.
    unsafe {
        libc::malloc_trim(0);
    }
    let_go_of_code();
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn give_back() {}

/// Unmaps the pages of the own program's code (`madvise(2)`, `MADV_DONTNEED`). When one page is needed the kernel maps its neighbours
/// too, so what ran once, at the start or in a run, makes most of the code resident for good.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code, reason = "a function of the C library, for which there is no safe wrapper")]
fn let_go_of_code() {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let program = std::fs::read_link("/proc/self/exe").unwrap_or_default();
    // The breakpoints of a debugger stand in the pages themselves.
    if read("/proc/self/status").lines().any(|line| line.trim_end() == "TracerPid:\t0") {
        for (from, to) in code_of(&read("/proc/self/maps"), &program.to_string_lossy()) {
            // SAFETY: these pages are a private mapping of a file that the kernel keeps from being written while it runs, and
            // nobody may write to them: read again they hold the same.
            unsafe {
                libc::madvise(std::ptr::with_exposed_provenance_mut(from), to - from, libc::MADV_DONTNEED);
            }
        }
    }
}

/// Where the code of a program lies: the mappings of its file that can run and cannot be written (`proc_pid_maps(5)`).
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn code_of(maps: &str, program: &str) -> Vec<(usize, usize)> {
    let mapping = |line: &str| {
        let mut fields = line.splitn(6, ' ');
        let (range, rights) = (fields.next()?, fields.next()?);
        let path = fields.nth(3)?.trim_start();
        let (from, to) = range.split_once('-')?;
        let range = (usize::from_str_radix(from, 16).ok()?, usize::from_str_radix(to, 16).ok()?);
        (rights == "r-xp" && path == program && range.0 < range.1).then_some(range)
    };
    maps.lines().filter_map(mapping).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_given_back_once_after_work_and_in_quiet() {
        let mut tidier = Tidier::default();
        let due: Vec<bool> =
            [100, 250, 252, 252, 260, 272, 290, 400, 401].map(|ticks| tidier.is_due(ticks, 9)).to_vec();
        // Work, work, quiet; nothing since; a little; work, work, work; quiet.
        assert_eq!(due, [false, false, true, false, false, false, false, false, true]);
    }

    #[test]
    fn it_is_given_back_again_when_threads_of_the_work_have_ended() {
        let mut tidier = Tidier::default();
        let due = [(100, 9), (101, 9), (102, 9), (103, 5), (104, 5), (105, 7), (106, 6), (107, 3)]
            .map(|(ticks, threads)| tidier.is_due(ticks, threads));
        // Work, quiet; nothing; threads end; nothing; others come and go; more end than came.
        assert_eq!(due, [false, true, false, true, false, false, false, true]);
    }

    #[test]
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    fn code_is_what_runs_of_the_own_file_and_cannot_be_written() {
        let maps = "\
55d0a0000000-55d0a0400000 r--p 00000000 fe:00 1234                       /opt/call board
55d0a0400000-55d0a1a00000 r-xp 00400000 fe:00 1234                       /opt/call board
55d0a1a00000-55d0a1b00000 rwxp 01a00000 fe:00 1234                       /opt/call board
7f0000000000-7f0000100000 r-xp 00000000 fe:00 99                         /usr/lib/libc.so.6
7f0000200000-7f0000300000 r-xp 00000000 00:00 0
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
";
        assert_eq!(code_of(maps, "/opt/call board"), [(0x55d0_a040_0000, 0x55d0_a1a0_0000)]);
        assert_eq!(code_of(maps, "/opt/call"), []);
        assert_eq!(code_of("garbage\n\n1-2\n", ""), []);
    }

    #[test]
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    fn a_program_whose_code_was_let_go_of_runs_on() {
        let program = std::fs::read_link("/proc/self/exe").expect("this is Linux");
        let maps = std::fs::read_to_string("/proc/self/maps").expect("this is Linux");
        assert!(!code_of(&maps, &program.to_string_lossy()).is_empty(), "where its code is, is known");
        for _ in 0..3 {
            let_go_of_code();
        }
        assert_eq!("1 2 3".split(' ').filter_map(|number| number.parse::<u8>().ok()).sum::<u8>(), 6);
    }
}
