//! A running program as this server sees it: its warden, its output, and the record by which it is found again.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use super::lines::{Line, LineCutter};
use super::records;
use crate::domain::warden::{ProgramEnd, ProgramOrder, WardenOrder, WardenReport};
use crate::runs::executors::children::{ChildRegistry, ChildTicket};

/// Pieces of output that wait to be read; more lets the program wait.
const PIECES_WAITING_MAX: usize = 16;
/// Bytes that are read at once.
const PIECE_BYTES: usize = 64 * 1024;
/// How long output is waited for after the program and all that came of it have ended.
const LAST_OUTPUT_WITHIN: Duration = Duration::from_secs(1);
/// How long the warden may take beyond the grace before it is given up.
const WARDEN_PATIENCE: Duration = Duration::from_secs(6);

/// What is heard of a program.
#[derive(Debug)]
pub(super) enum Heard {
    /// Lines of standard output.
    Output(Vec<Line>),
    /// Lines of standard error.
    Errors(Vec<Line>),
    /// One of the two has ended.
    Closed,
    /// The program did not start.
    NoStart(String),
    /// It has ended, with all that came of it.
    Ended(ProgramEnd),
    /// The warden is gone without a last word.
    WardenGone,
}

/// A program and its warden. Dropping it ends both.
pub(super) struct Program {
    warden: Child,
    control: UnixStream,
    pub(super) heard: Receiver<Heard>,
    ticket: Option<ChildTicket>,
    mark: String,
    end: Option<ProgramEnd>,
    ended_at: Option<Instant>,
    give_up_at: Option<Instant>,
    open: u8,
}

impl Program {
    /// Starts the warden, writes down which process it is, and only then has the program started.
    pub(super) fn start(
        binary: &Path,
        order: ProgramOrder,
        mark: &str,
        record: &Path,
        children: &ChildRegistry,
    ) -> io::Result<Self> {
        let (control, theirs) = UnixStream::pair()?;
        let mut warden = Command::new(binary)
            .arg("warden")
            .env_clear()
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let ticket = children.register_warden(warden.id());
        let (sender, heard) = sync_channel(PIECES_WAITING_MAX);
        let (stdout, stderr) = (warden.stdout.take(), warden.stderr.take());
        let reports = BufReader::new(control.try_clone()?);
        let program = Self {
            warden,
            control,
            heard,
            ticket: Some(ticket),
            mark: mark.to_owned(),
            end: None,
            ended_at: None,
            give_up_at: None,
            open: 2,
        };
        records::write(record, program.warden.id(), mark)?;
        let (to_output, to_errors) = (sender.clone(), sender.clone());
        std::thread::spawn(move || read_lines(stdout, &to_output, Heard::Output));
        std::thread::spawn(move || read_lines(stderr, &to_errors, Heard::Errors));
        std::thread::spawn(move || read_reports(reports, &sender));
        let mut program = program;
        program.tell(&WardenOrder::Start(order))?;
        Ok(program)
    }

    fn tell(&mut self, order: &WardenOrder) -> io::Result<()> {
        let mut line = serde_json::to_vec(order)?;
        line.push(b'\n');
        self.control.write_all(&line)
    }

    /// Asks the program to end, and has it ended by force after the grace.
    pub(super) fn stop(&mut self, grace: Duration) {
        let grace_ms = u64::try_from(grace.as_millis()).unwrap_or(u64::MAX);
        // A warden that is gone has said so, or will have.
        let _ = self.tell(&WardenOrder::Stop { grace_ms });
        self.give_up_at.get_or_insert(Instant::now() + grace + WARDEN_PATIENCE);
    }

    /// Notes what was heard of its end.
    pub(super) fn note(&mut self, heard: &Heard) {
        match heard {
            Heard::Closed => self.open = self.open.saturating_sub(1),
            Heard::Ended(end) => {
                self.end = Some(*end);
                self.ended_at.get_or_insert_with(Instant::now);
            }
            Heard::WardenGone | Heard::NoStart(_) => {
                self.ended_at.get_or_insert_with(Instant::now);
            }
            Heard::Output(_) | Heard::Errors(_) => {}
        }
    }

    /// Whether nothing more is to be expected.
    pub(super) fn is_over(&self) -> bool {
        let quiet = self.ended_at.is_some_and(|at| self.open == 0 || at.elapsed() > LAST_OUTPUT_WITHIN);
        quiet || self.give_up_at.is_some_and(|at| Instant::now() > at)
    }

    /// What it ended with; none when the warden did not live to tell.
    pub(super) fn finish(mut self) -> Option<ProgramEnd> {
        self.bury();
        self.end
    }

    /// Ends what is left of the program and counts it.
    fn bury(&mut self) {
        let Some(ticket) = self.ticket.take() else { return };
        if self.end.is_none() {
            // Its descendants may have lost their warden: they are known by their mark.
            let _ = self.warden.kill();
            let end = records::end_marked(&self.mark);
            let _ = self.warden.wait();
            return ticket.finish(end.ended, end.left);
        }
        let _ = self.warden.wait();
        let end = self.end.unwrap_or_default();
        ticket.finish(end.ended, end.left);
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.bury();
    }
}

fn read_lines(source: Option<impl Read>, heard: &SyncSender<Heard>, wrap: fn(Vec<Line>) -> Heard) {
    let mut cutter = LineCutter::default();
    let mut piece = vec![0; PIECE_BYTES];
    if let Some(mut source) = source {
        loop {
            let mut lines = Vec::new();
            match source.read(&mut piece) {
                Ok(0) => break,
                Ok(length) => cutter.feed(&piece[..length], &mut lines),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
            // Nobody listens any more: what is still said is read and dropped, so that nobody waits to say it.
            if !lines.is_empty() && heard.send(wrap(lines)).is_err() {
                let _ = io::copy(&mut source, &mut io::sink());
                return;
            }
        }
    }
    if let Some(line) = cutter.finish() {
        let _ = heard.send(wrap(vec![line]));
    }
    let _ = heard.send(Heard::Closed);
}

fn read_reports(mut reports: impl BufRead, heard: &SyncSender<Heard>) {
    let mut line = String::new();
    loop {
        line.clear();
        let said = match reports.read_line(&mut line) {
            Ok(length) if length > 0 => serde_json::from_str::<WardenReport>(&line).ok(),
            _ => None,
        };
        let last = match said {
            Some(WardenReport::Started { .. }) => continue,
            Some(WardenReport::NoStart { message }) => Heard::NoStart(message),
            Some(WardenReport::Ended(end)) => Heard::Ended(end),
            None => Heard::WardenGone,
        };
        let _ = heard.send(last);
        return;
    }
}
