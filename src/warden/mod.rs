//! The warden of a program: a small process between this server and a program that an agent runs.
//!
//! It takes in every process that comes of the program, however it left its group or session (it is their subreaper), so
//! that a stop reaches all of them and nothing is left. It ends them when it is told to, when the program has ended, and at
//! once when the server is gone: its standard input is a socket whose other end the server holds.
//!
//! What it does not reach: a process that another service of the machine starts on the program's behalf, and descendants of
//! a warden that was itself killed, which the server then looks for by a mark in their environment.

mod descendants;
mod launch;

use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use rustix::process::{Signal, WaitOptions, wait};

use crate::domain::warden::{ProgramEnd, WardenOrder, WardenReport};

/// How often processes are looked for while they are being ended.
const TICK: Duration = Duration::from_millis(10);
/// How long what a program leaves behind has to end by itself.
const LEFTOVER_GRACE: Duration = Duration::from_millis(300);
/// How long processes are killed before the rest is given up: a process in the middle of disk work ends when that does.
const KILL_PATIENCE: Duration = Duration::from_secs(4);
/// What the warden ends with when it cannot do its work.
const EXIT_BROKEN: u8 = 3;

/// The whole life of the process.
pub fn child_main() -> ExitCode {
    if std::env::args_os().nth(2).is_some_and(|argument| argument == "launch") {
        return launch::become_program();
    }
    match guard() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell when standard error is gone too.
            let _ = writeln!(io::stderr(), "warden: {error}");
            ExitCode::from(EXIT_BROKEN)
        }
    }
}

/// What the threads of the warden hear.
enum Heard {
    Stop(Duration),
    ServerGone,
    Ended {
        pid: u32,
        exit_code: Option<i32>,
        signal: Option<i32>,
    },
    /// No child is left; as all orphans become children, nothing is left at all.
    Alone,
}

fn guard() -> io::Result<()> {
    // A copy that the program does not inherit.
    let mut control = UnixStream::from(rustix::io::fcntl_dupfd_cloexec(io::stdin(), 3)?);
    let mut orders = BufReader::new(control.try_clone()?);
    let Some(WardenOrder::Start(order)) = next_order(&mut orders)? else { return Ok(()) };
    descendants::adopt_orphans()?;
    let pid = match launch::start(&order) {
        Ok(pid) => pid,
        Err(message) => return say(&mut control, &WardenReport::NoStart { message }),
    };
    say(&mut control, &WardenReport::Started { pid })?;
    let (sender, heard) = channel();
    let from_server = sender.clone();
    std::thread::spawn(move || listen(&mut orders, &from_server));
    std::thread::spawn(move || reap(&sender));
    let mut ladder = Ladder::new(pid);
    loop {
        let first = match heard.recv_timeout(TICK) {
            Ok(what) => Some(what),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => break,
        };
        if ladder.hear_all(first, &heard) || ladder.step() {
            break;
        }
    }
    // The server may be gone; then nobody hears it.
    let _ = say(&mut control, &WardenReport::Ended(ladder.report()));
    Ok(())
}

fn next_order(orders: &mut impl BufRead) -> io::Result<Option<WardenOrder>> {
    let mut line = String::new();
    if orders.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    serde_json::from_str(&line).map(Some).map_err(io::Error::other)
}

fn say(control: &mut UnixStream, report: &WardenReport) -> io::Result<()> {
    let mut line = serde_json::to_vec(report)?;
    line.push(b'\n');
    control.write_all(&line)
}

fn listen(orders: &mut impl BufRead, heard: &Sender<Heard>) {
    while let Ok(Some(order)) = next_order(orders) {
        if let WardenOrder::Stop { grace_ms } = order {
            let _ = heard.send(Heard::Stop(Duration::from_millis(grace_ms)));
        }
    }
    let _ = heard.send(Heard::ServerGone);
}

fn reap(heard: &Sender<Heard>) {
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) => {
                let pid = pid.as_raw_nonzero().get().unsigned_abs();
                let (exit_code, signal) = (status.exit_status(), status.terminating_signal());
                let _ = heard.send(Heard::Ended { pid, exit_code, signal });
            }
            Ok(None) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => {
                let _ = heard.send(Heard::Alone);
                return;
            }
        }
    }
}

/// Ends processes: asked first, then by force, until none is left.
struct Ladder {
    program: u32,
    end: ProgramEnd,
    /// When force begins; none while the program may work.
    force_at: Option<Instant>,
    forced_since: Option<Instant>,
    /// Processes that were seen since the ladder began.
    seen: BTreeSet<u32>,
    asked: BTreeSet<u32>,
    program_ended: bool,
}

impl Ladder {
    fn new(program: u32) -> Self {
        Self {
            program,
            end: ProgramEnd::default(),
            force_at: None,
            forced_since: None,
            seen: BTreeSet::new(),
            asked: BTreeSet::new(),
            program_ended: false,
        }
    }

    /// Takes all that waits to be heard, and answers whether nobody is left. A step looks through all processes of the
    /// machine: a crowd that has ended is worth one of them, not one each.
    fn hear_all(&mut self, first: Option<Heard>, heard: &Receiver<Heard>) -> bool {
        let mut alone = false;
        for what in first.into_iter().chain(heard.try_iter()) {
            alone |= matches!(what, Heard::Alone);
            self.hear(what);
        }
        alone
    }

    fn hear(&mut self, heard: Heard) {
        match heard {
            Heard::Stop(grace) => self.begin(grace),
            Heard::ServerGone => self.begin(Duration::ZERO),
            Heard::Ended { pid, exit_code, signal } if pid == self.program => {
                (self.end.exit_code, self.end.signal) = (exit_code, signal);
                self.program_ended = true;
                self.begin(LEFTOVER_GRACE);
            }
            Heard::Ended { .. } | Heard::Alone => {}
        }
    }

    fn begin(&mut self, grace: Duration) {
        let force_at = Instant::now() + grace;
        self.force_at = Some(self.force_at.map_or(force_at, |earlier| earlier.min(force_at)));
    }

    /// Answers whether the rest is given up.
    fn step(&mut self) -> bool {
        let Some(force_at) = self.force_at else { return false };
        let alive = descendants::alive();
        self.seen.extend(&alive);
        if Instant::now() < force_at {
            for pid in alive {
                if self.asked.insert(pid) {
                    descendants::signal(pid, Signal::TERM);
                    // A stopped process would not hear it.
                    descendants::signal(pid, Signal::CONT);
                }
            }
            return false;
        }
        if alive.is_empty() {
            return false;
        }
        self.end.forced = true;
        let since = *self.forced_since.get_or_insert_with(Instant::now);
        self.seen.extend(descendants::freeze_all());
        for pid in descendants::alive() {
            descendants::signal(pid, Signal::KILL);
        }
        since.elapsed() > KILL_PATIENCE
    }

    fn report(&self) -> ProgramEnd {
        let left = u32::try_from(descendants::alive().len()).unwrap_or(u32::MAX);
        let seen = u32::try_from(self.seen.len()).unwrap_or(u32::MAX);
        ProgramEnd { ended: seen.saturating_sub(left), left, ..self.end }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_that_has_ended_is_heard_at_once() {
        let (sender, heard) = channel();
        let mut ladder = Ladder::new(7);
        for pid in 1..1_000 {
            sender.send(Heard::Ended { pid, exit_code: Some(0), signal: None }).unwrap();
        }
        assert!(!ladder.hear_all(heard.recv().ok(), &heard), "others may live");
        assert!(heard.try_recv().is_err(), "nothing is left for another step");
        assert!(ladder.program_ended && ladder.force_at.is_some());
        sender.send(Heard::Alone).unwrap();
        assert!(ladder.hear_all(None, &heard));
    }
}
