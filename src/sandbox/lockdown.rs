//! What the child takes away from itself before it reads a byte of a job. After [`apply`] it can compute, read standard
//! input and write standard output, and nothing else: no file, no socket, no process, no other descriptor.

use std::collections::BTreeMap;
use std::io;

use nix::libc;
use rustix::process::{Resource, Rlimit, Signal, setrlimit};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

/// Address space on top of what the program has mapped at its start: heap of the scripts, the job, the outcomes.
const ADDRESS_SPACE_EXTRA_BYTES: u64 = 512 << 20;
/// Processor time of one child; the parent's limits strike long before.
const CPU_SECONDS_MAX: u64 = 600;
/// Three standard descriptors and none beside them.
const DESCRIPTORS_MAX: u64 = 3;

/// Builds the walls. Answers which of them this kernel does not offer.
///
/// # Errors
/// When a limit that every Linux has cannot be set.
pub(super) fn apply() -> io::Result<Vec<String>> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    std::env::set_current_dir("/")?;
    close_descriptors()?;
    limit_resources()?;
    let mut missing = Vec::new();
    // Also sets `no_new_privs`.
    if let Err(error) =
        filter().and_then(|program| seccompiler::apply_filter(&program).map_err(io::Error::other))
    {
        missing.push(format!("system call filter: {error}"));
    }
    Ok(missing)
}

fn close_descriptors() -> io::Result<()> {
    let mut open = Vec::new();
    for entry in std::fs::read_dir("/proc/self/fd")? {
        if let Some(descriptor) = entry?.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) {
            open.push(descriptor);
        }
    }
    for descriptor in open.into_iter().filter(|descriptor| *descriptor > 2) {
        // One of them was the listing itself and is closed by now.
        let _ = nix::unistd::close(descriptor);
    }
    Ok(())
}

fn limit_resources() -> io::Result<()> {
    let limits = [
        (Resource::As, mapped_bytes()? + ADDRESS_SPACE_EXTRA_BYTES),
        (Resource::Cpu, CPU_SECONDS_MAX),
        (Resource::Core, 0),
        (Resource::Fsize, 0),
        (Resource::Nproc, 0),
        (Resource::Nofile, DESCRIPTORS_MAX),
    ];
    for (resource, limit) in limits {
        setrlimit(resource, Rlimit { current: Some(limit), maximum: Some(limit) })?;
    }
    Ok(())
}

fn mapped_bytes() -> io::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let kibibytes: u64 = status
        .lines()
        .find_map(|line| line.strip_prefix("VmSize:"))
        .and_then(|size| size.trim().strip_suffix(" kB"))
        .and_then(|size| size.parse().ok())
        .ok_or_else(|| io::Error::other("/proc/self/status has no VmSize"))?;
    Ok(kibibytes * 1024)
}

/// Everything that is not listed answers "operation not permitted".
fn filter() -> io::Result<BpfProgram> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = [
        libc::SYS_brk,
        libc::SYS_clock_getres,
        libc::SYS_clock_gettime,
        libc::SYS_close,
        libc::SYS_exit,
        libc::SYS_exit_group,
        libc::SYS_futex,
        libc::SYS_getpid,
        libc::SYS_getrandom,
        libc::SYS_gettid,
        libc::SYS_gettimeofday,
        libc::SYS_madvise,
        libc::SYS_mremap,
        libc::SYS_munmap,
        libc::SYS_restart_syscall,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sched_yield,
        libc::SYS_sigaltstack,
        // `abort` sends its signal with it; the thread may signal nobody but itself.
        libc::SYS_tgkill,
    ]
    .into_iter()
    .map(|call| (call, Vec::new()))
    .collect();
    let own_pid = u64::from(std::process::id());
    rules.insert(libc::SYS_tgkill, vec![equals(0, own_pid)?]);
    rules.insert(libc::SYS_read, vec![equals(0, 0)?]);
    rules.insert(libc::SYS_write, vec![equals(0, 1)?, equals(0, 2)?]);
    rules.insert(libc::SYS_writev, vec![equals(0, 1)?, equals(0, 2)?]);
    rules.insert(libc::SYS_mmap, vec![not_executable()?]);
    rules.insert(libc::SYS_mprotect, vec![not_executable()?]);
    let arch = std::env::consts::ARCH.try_into().map_err(io::Error::other)?;
    SeccompFilter::new(rules, SeccompAction::Errno(libc::EPERM.cast_unsigned()), SeccompAction::Allow, arch)
        .and_then(TryInto::try_into)
        .map_err(io::Error::other)
}

fn equals(argument: u8, value: u64) -> io::Result<SeccompRule> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
        .and_then(|condition| SeccompRule::new(vec![condition]))
        .map_err(io::Error::other)
}

/// The third argument of `mmap` and `mprotect` is the protection.
fn not_executable() -> io::Result<SeccompRule> {
    let executable = u64::from(libc::PROT_EXEC.cast_unsigned());
    SeccompCondition::new(2, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(executable), 0)
        .and_then(|condition| SeccompRule::new(vec![condition]))
        .map_err(io::Error::other)
}
