//! A running program as this server sees it: its warden, its output, and the record by which it is found again.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::lines::{Line, LineCutter};
use super::records;
use crate::domain::warden::{ProgramEnd, ProgramOrder, WardenOrder, WardenReport};
use crate::runs::executors::children::{ChildRegistry, ChildTicket};

/// Pieces of output that wait to be read; more lets the program wait.
const PIECES_WAITING_MAX: usize = 16;
/// Bytes that are read at once.
const PIECE_BYTES: usize = 64 * 1024;
/// Bytes of output that are looked through for what was printed before an error: as many as a pipe can hold.
const BEFORE_ERRORS_BYTES_MAX: usize = 1024 * 1024;
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
        let of_outputs = sender.clone();
        std::thread::spawn(move || read_outputs(stdout, stderr, &of_outputs));
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

/// One of the two things that a program prints to.
struct Source<R> {
    /// None once it has ended.
    from: Option<R>,
    cutter: LineCutter,
    wrap: fn(Vec<Line>) -> Heard,
}

impl<R: Read> Source<R> {
    fn new(from: Option<R>, wrap: fn(Vec<Line>) -> Heard) -> Self {
        Self { from, cutter: LineCutter::default(), wrap }
    }

    /// Reads what is there; answers how many bytes that were, and the lines that are whole with it.
    fn read(&mut self, piece: &mut [u8]) -> (usize, Vec<Line>) {
        let mut lines = Vec::new();
        let read = self.from.as_mut().map(|from| from.read(piece));
        match read {
            Some(Ok(length)) if length > 0 => {
                self.cutter.feed(&piece[..length], &mut lines);
                return (length, lines);
            }
            Some(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Some(_) => self.from = None,
            None => {}
        }
        (0, lines)
    }

    /// Hands lines on, and after the last ones that no more will come. Once nobody listens any more, what is still said is
    /// dropped, so that nobody waits to say it.
    fn tell(&mut self, mut lines: Vec<Line>, heard: &SyncSender<Heard>) {
        let ended = self.from.is_none();
        if ended {
            lines.extend(std::mem::take(&mut self.cutter).finish());
        }
        if !lines.is_empty() {
            let _ = heard.send((self.wrap)(lines));
        }
        if ended {
            let _ = heard.send(Heard::Closed);
        }
    }
}

/// Whether there is something to read, or nothing will come any more; waits for that when it `may_wait`.
fn ready<'a>(sources: impl IntoIterator<Item = &'a dyn AsFd>, may_wait: bool) -> Vec<bool> {
    let mut polled: Vec<PollFd<'_>> =
        sources.into_iter().map(|source| PollFd::from_borrowed_fd(source.as_fd(), PollFlags::IN)).collect();
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    loop {
        match poll(&mut polled, (!may_wait).then_some(&at_once)) {
            Ok(_) => return polled.iter().map(|polled| !polled.revents().is_empty()).collect(),
            Err(rustix::io::Errno::INTR) => {}
            // Whoever cannot ask waits where it reads.
            Err(_) => return vec![true; polled.len()],
        }
    }
}

/// Reads both outputs. Lines of standard error are told after the whole lines of standard output that were in its pipe before
/// them, so that what a program says of its failure stands behind what it did before.
fn read_outputs<O: Read + AsFd, E: Read + AsFd>(
    stdout: Option<O>,
    stderr: Option<E>,
    heard: &SyncSender<Heard>,
) {
    let mut piece = vec![0; PIECE_BYTES];
    let (mut output, mut errors) = (Source::new(stdout, Heard::Output), Source::new(stderr, Heard::Errors));
    while let (Some(out), Some(err)) = (&output.from, &errors.from) {
        let is_ready = ready([out as &dyn AsFd, err], true);
        if !is_ready[1] {
            let (_, lines) = output.read(&mut piece);
            output.tell(lines, heard);
            continue;
        }
        // Whatever was printed before these errors can be read now.
        let (_, said) = errors.read(&mut piece);
        let mut before = 0;
        while before < BEFORE_ERRORS_BYTES_MAX
            && let Some(out) = &output.from
            && ready([out as &dyn AsFd], false)[0]
        {
            let (length, lines) = output.read(&mut piece);
            output.tell(lines, heard);
            before += length;
        }
        errors.tell(said, heard);
    }
    while output.from.is_some() {
        let (_, lines) = output.read(&mut piece);
        output.tell(lines, heard);
    }
    while errors.from.is_some() {
        let (_, lines) = errors.read(&mut piece);
        errors.tell(lines, heard);
    }
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
