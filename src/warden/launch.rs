//! Starting the program: a second start of this binary sets the limits for itself and then becomes the program, so that
//! they hold from its first instruction and not for the warden.

use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use rustix::process::{Resource, Rlimit, setrlimit};

use crate::domain::warden::ProgramOrder;

/// Carries the limits to the second start; the program does not get to see it.
const LIMITS: &str = "CALLBOARD_WARDEN_LIMITS";
/// What shells answer when a program cannot be started.
const EXIT_NO_START: u8 = 126;

/// Starts the program; answers its process.
///
/// # Errors
/// Why it cannot be started.
pub(super) fn start(order: &ProgramOrder) -> Result<u32, String> {
    let program = order.command.first().ok_or("there is no program")?;
    let search = order.env.iter().find(|(name, _)| name == "PATH").map_or("", |(_, value)| value);
    let found = find(program, search).ok_or_else(|| format!("there is no program {program}"))?;
    let input = File::open(&order.input).map_err(|error| format!("its input cannot be opened: {error}"))?;
    let own =
        std::env::current_exe().map_err(|error| format!("the path of this program is not known: {error}"))?;
    let limits =
        [order.cpu_s.unwrap_or(0), order.memory_bytes.unwrap_or(0), order.file_bytes, order.open_files]
            .map(|limit| limit.to_string())
            .join(",");
    let child = Command::new(own)
        .args(["warden", "launch", &found])
        .args(order.command.iter().skip(1))
        .env_clear()
        .envs(order.env.iter().map(|(name, value)| (name, value)))
        .env(LIMITS, limits)
        .current_dir(&order.folder)
        .stdin(Stdio::from(input))
        .process_group(0)
        .spawn();
    child.map(|child| child.id()).map_err(|error| format!("{program} does not start: {error}"))
}

/// Where the program lies; a name without a slash is looked for on the path.
fn find(program: &str, search: &str) -> Option<String> {
    let is_program = |path: &Path| {
        use std::os::unix::fs::PermissionsExt;
        std::fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    if program.contains('/') {
        return is_program(Path::new(program)).then(|| program.to_owned());
    }
    let candidates = search.split(':').filter(|folder| !folder.is_empty());
    candidates
        .map(|folder| Path::new(folder).join(program))
        .find(|path| is_program(path))?
        .into_os_string()
        .into_string()
        .ok()
}

/// The second start: never comes back when all is well.
pub(super) fn become_program() -> ExitCode {
    let mut arguments = std::env::args_os().skip(3);
    let limits = std::env::var(LIMITS).unwrap_or_default();
    let Some(program) = arguments.next() else { return ExitCode::from(EXIT_NO_START) };
    let mut command = Command::new(&program);
    command.args(arguments).env_remove(LIMITS);
    let error = match limit(&limits) {
        Ok(()) => command.exec(),
        Err(error) => error,
    };
    use std::io::Write;
    let _ = writeln!(io::stderr(), "::error::{} cannot be started: {error}", program.to_string_lossy());
    ExitCode::from(EXIT_NO_START)
}

fn limit(limits: &str) -> io::Result<()> {
    let mut limits = limits.split(',').map(|limit| limit.parse::<u64>().ok().filter(|limit| *limit > 0));
    let mut next = || limits.next().flatten();
    let (cpu, memory, file, open) = (next(), next(), next(), next());
    no_new_rights()?;
    set(Resource::Core, Some(0), Some(0))?;
    // The program is told first; a second later it is ended.
    set(Resource::Cpu, cpu, cpu.map(|seconds| seconds + 1))?;
    set(Resource::Fsize, file, file)?;
    set(Resource::Nofile, open, open)?;
    // Last, for from here on this process itself may not get any more.
    set(Resource::As, memory, memory)
}

fn set(resource: Resource, current: Option<u64>, maximum: Option<u64>) -> io::Result<()> {
    if current.is_some() {
        setrlimit(resource, Rlimit { current, maximum })?;
    }
    Ok(())
}

/// A program that could become somebody else could not be ended by us.
#[cfg(target_os = "linux")]
fn no_new_rights() -> io::Result<()> {
    rustix::thread::set_no_new_privs(true)?;
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn no_new_rights() -> io::Result<()> {
    Ok(())
}
