//! `callboard verify`: proves on a real server that no event is lost, doubled or reordered, whatever happens.
//!
//! Clients follow rooms over sockets and server-sent events in turn; they are cut off, leave, stall and come back with
//! their positions, while runs and an application's events go on and the server is killed and started again. Each client
//! folds what it hears by itself. At the end every one of them is compared with the server's log and state.

mod client;
mod plan;
mod report;
mod truth;
mod witness;
mod work;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::cli::client::Target;
use crate::cli::client::http::Http;
use crate::cli::client::server::{ServerChild, ServerPlan};
use crate::cli::temporary_dir::TemporaryDir;
use crate::cli::verify::client::{Board, Client, Phase};
use crate::cli::verify::plan::{Chance, ClientPlan, moments};
use crate::cli::verify::report::Report;
use crate::cli::verify::truth::Truth;
use crate::cli::verify::witness::Witness;
use crate::cli::{FAILED, Settings, say, say_error};
use crate::domain::ids::ProjectId;
use crate::domain::run::RunStatus;

/// How long clients may take to hear what is left once it is calm.
const SETTLES_WITHIN: Duration = Duration::from_secs(60);
/// Whose numbers are whose; clients have their own from 1,000 on.
const RUNS: u64 = 1;
const KILLS: u64 = 2;
const PUBLISHERS: u64 = 100;

/// What is to be proved.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  callboard verify\n  callboard verify --clients 200 --drop-every 5 --drop-for 2 --runs 20 \
    --restarts 10 --seconds 90 --seed 1\n  callboard verify --url http://127.0.0.1:8080 --restarts 0\n\nWithout --url it \
    starts a server of its own on a data directory that goes afterwards; that one can be killed. A seed plans the same \
    faults again; what the machine makes of them differs.\n\nExits with 0 only when every client has heard every event \
    once and in order, and its own fold is the server's state."
)]
pub(super) struct VerifyArgs {
    /// How many clients follow the rooms
    #[arg(long, default_value_t = 40, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    clients: u64,
    /// Mean seconds between two faults of a client: cut, leave, or stall
    #[arg(long, default_value_t = 5.0, value_name = "S", value_parser = seconds)]
    drop_every: f64,
    /// Mean seconds until it goes on
    #[arg(long, default_value_t = 2.0, value_name = "S", value_parser = seconds)]
    drop_for: f64,
    /// How often the server is killed (kill -9) and started again; with --url it must be 0
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u64).range(0..=1_000))]
    restarts: Option<u64>,
    /// How many runs of the pipeline `app` go on meanwhile
    #[arg(long, default_value_t = 4, value_name = "M", value_parser = clap::value_parser!(u64).range(0..=1_000))]
    runs: u64,
    /// Rooms over which clients, runs and events are spread
    #[arg(long, default_value_t = 4, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000))]
    rooms: u64,
    /// Events per second that are published into each room from outside
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u64).range(0..=1_000))]
    rate: u64,
    /// How long faults go on; runs are waited for after that
    #[arg(long, default_value_t = 20.0, value_name = "S", value_parser = seconds)]
    seconds: f64,
    /// Plans the faults; one is chosen and shown when absent
    #[arg(long, value_name = "X")]
    seed: Option<u64>,
    /// A server that runs already, like http://127.0.0.1:8080
    #[arg(long)]
    url: Option<String>,
    /// The token to show it (operator)
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// Keep the projects that were made on the server of --url
    #[arg(long)]
    keep: bool,
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().filter(|seconds| (0.05..=86_400.0).contains(seconds));
    seconds.ok_or_else(|| "must be seconds from 0.05 to 86400".to_owned())
}

/// Proves it, and answers 0 only when it holds.
pub(super) fn run(settings: &Settings, args: VerifyArgs) -> anyhow::Result<ExitCode> {
    let restarts = match (&args.url, args.restarts) {
        (Some(_), Some(1..)) => bail!("a server that is not ours cannot be killed: --url needs --restarts 0"),
        (Some(_), _) => 0,
        (None, restarts) => restarts.unwrap_or(2),
    };
    actix_rt::System::new().block_on(async {
        tokio::select! {
            done = verify(settings, &args, restarts) => done,
            _ = tokio::signal::ctrl_c() => bail!("interrupted"),
        }
    })
}

async fn verify(settings: &Settings, args: &VerifyArgs, restarts: u64) -> anyhow::Result<ExitCode> {
    let seed = match args.seed {
        Some(seed) => seed,
        // Any number will do, and a short one is easier to type again.
        None => uuid::Uuid::new_v4().as_u128() as u64 % 1_000_000,
    };
    let (report, good) = if let Some(url) = &args.url {
        let target = Target::parse(url, args.token.clone())?;
        let report = Proof::new(args, seed, target).await?.run(None).await?;
        let good = report.good();
        (report, good)
    } else {
        let mut temporary = match &settings.data_dir {
            Some(_) => None,
            None => Some(TemporaryDir::new()?),
        };
        let data_dir = match (&temporary, &settings.data_dir) {
            (Some(dir), _) => dir.path().to_owned(),
            (None, dir) => PathBuf::from(dir.as_deref().unwrap_or_default()),
        };
        let done = on_own_server(settings, args, seed, restarts, &data_dir).await;
        let good = done.as_ref().is_ok_and(Report::good);
        if let (false, Some(dir)) = (good, &mut temporary) {
            dir.keep();
            say_error(&format!("the server's data and server.log are kept in {}", dir.path().display()));
        }
        (done?, good)
    };
    report.table().iter().for_each(|line| say(line));
    say(&report.json().to_string());
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::from(FAILED) })
}

async fn on_own_server(
    settings: &Settings,
    args: &VerifyArgs,
    seed: u64,
    restarts: u64,
    data_dir: &Path,
) -> anyhow::Result<Report> {
    std::fs::create_dir_all(data_dir)?;
    let mut plan = ServerPlan::new(settings, data_dir);
    let server = plan.start().await?;
    plan.stay_at(server.address);
    let target = Target::local(server.address, args.token.clone());
    let proof = Proof::new(args, seed, target).await?;
    let moments = moments(&mut Chance::new(seed, KILLS), restarts, Duration::from_secs_f64(args.seconds));
    let began = proof.began;
    let moments = moments.into_iter().map(|moment| began + moment).collect();
    let board = proof.board.clone();
    let killing = actix_rt::spawn(work::kill(server, plan, Chance::new(seed, KILLS + 1), moments, board));
    proof.run(Some(killing)).await
}

/// A proof that goes on.
struct Proof<'a> {
    args: &'a VerifyArgs,
    seed: u64,
    target: Target,
    rooms: Vec<ProjectId>,
    board: Rc<Board>,
    began: Instant,
}

impl<'a> Proof<'a> {
    async fn new(args: &'a VerifyArgs, seed: u64, target: Target) -> anyhow::Result<Proof<'a>> {
        let mut http = Http::new(target.clone());
        let mut rooms = Vec::new();
        for room in 0..args.rooms.min(args.clients) {
            let name = format!("Proof {seed}, room {}", room + 1);
            rooms.push(work::make_project(&mut http, &name).await.context("a project cannot be made")?);
        }
        say_error(&format!(
            "seed {seed}: {} clients, {} rooms, {} runs, at {}",
            args.clients,
            rooms.len(),
            args.runs,
            target.address
        ));
        Ok(Proof { args, seed, target, rooms, board: Rc::default(), began: Instant::now() })
    }

    fn room_of(&self, number: u64) -> ProjectId {
        self.rooms[(number % self.rooms.len() as u64) as usize]
    }

    async fn run(self, killing: Option<JoinHandle<anyhow::Result<ServerChild>>>) -> anyhow::Result<Report> {
        let args = self.args;
        let storm = Duration::from_secs_f64(args.seconds);
        let (phases, clients) = self.start_clients();
        let (calming, publishing) = watch::channel(Phase::Storm);
        let publishers: Vec<_> = (PUBLISHERS..)
            .zip(&self.rooms)
            .map(|(actor, room)| {
                let chance = Chance::new(self.seed, actor);
                let (target, board, phase) = (self.target.clone(), self.board.clone(), publishing.clone());
                actix_rt::spawn(work::publish(target, *room, chance, args.rate, board, phase))
            })
            .collect();
        // The last of them starts early enough to be killed at.
        let starts = moments(&mut Chance::new(self.seed, RUNS), args.runs, storm.mul_f64(0.8));
        let runs: Vec<_> = (0..)
            .zip(starts)
            .map(|(number, start)| {
                let (target, room, board) = (self.target.clone(), self.room_of(number), self.board.clone());
                actix_rt::spawn(work::run(target, room, number, self.began + start, board))
            })
            .collect();

        let watching = actix_rt::spawn(show(self.board.clone(), args.clients, args.runs, self.began));
        sleep(storm.saturating_sub(self.began.elapsed())).await;
        let server = match killing {
            Some(killing) => Some(killing.await??),
            None => None,
        };
        calming.send_replace(Phase::Calm(0));
        let mut published = Vec::new();
        for publisher in publishers {
            published.push(publisher.await??);
        }
        let mut ended: BTreeMap<&'static str, u64> = BTreeMap::new();
        for run in runs {
            let status: RunStatus = run.await??;
            *ended.entry(status.as_str()).or_default() += 1;
        }

        let mut http = Http::new(self.target.clone());
        self.settle(&mut http, &phases, clients.tasks).await?;
        watching.abort();
        let mut report = self.measure(&mut http, &published, &clients.witnesses).await?;
        report.runs = ended;
        if args.url.is_some() && !args.keep {
            for room in &self.rooms {
                http.request("DELETE", &format!("/api/projects/{room}"), "", None).await?;
            }
        }
        drop(server);
        Ok(report)
    }

    fn start_clients(&self) -> (Vec<watch::Sender<Phase>>, Clients) {
        let args = self.args;
        let phases: Vec<_> = self.rooms.iter().map(|_| watch::channel(Phase::Storm).0).collect();
        let mut clients = Clients { tasks: Vec::new(), witnesses: Vec::new() };
        let (every, lasts) =
            (Duration::from_secs_f64(args.drop_every), Duration::from_secs_f64(args.drop_for));
        for number in 0..args.clients {
            let witness = Rc::new(RefCell::new(Witness::default()));
            let plan = ClientPlan::new(self.seed, number, every, lasts);
            let phase = phases[(number % self.rooms.len() as u64) as usize].subscribe();
            let room = self.room_of(number);
            let client =
                Client::new(self.target.clone(), room, plan, witness.clone(), self.board.clone(), phase);
            clients.tasks.push(actix_rt::spawn(client.live()));
            clients.witnesses.push((room, witness));
        }
        (phases, clients)
    }

    /// Nothing goes wrong any more: every client may hear the rest.
    async fn settle(
        &self,
        http: &mut Http,
        phases: &[watch::Sender<Phase>],
        tasks: Vec<JoinHandle<()>>,
    ) -> anyhow::Result<()> {
        for (phase, room) in phases.iter().zip(&self.rooms) {
            let (head, _) = Truth::of_state(http, *room).await?;
            phase.send_replace(Phase::Calm(head.seq));
        }
        let until = Instant::now() + SETTLES_WITHIN;
        for task in tasks {
            let left = until.saturating_duration_since(Instant::now());
            // A client that does not get there is found out by what it has missed.
            let abort = task.abort_handle();
            if let Ok(ended) = timeout(left, task).await {
                ended.context("a client failed")?;
            } else {
                abort.abort();
            }
        }
        Ok(())
    }

    async fn measure(
        &self,
        http: &mut Http,
        published: &[u64],
        witnesses: &[(ProjectId, Rc<RefCell<Witness>>)],
    ) -> anyhow::Result<Report> {
        let board = &self.board;
        let mut report = Report {
            seed: self.seed,
            rooms: self.rooms.len() as u64,
            published: published.iter().sum(),
            reconnects: board.connections.get().saturating_sub(self.args.clients),
            drops: board.drops.get(),
            stalls: board.stalls.get(),
            broken: board.broken.get(),
            kills: board.kills.get(),
            ..Report::default()
        };
        for (room, taken) in self.rooms.iter().zip(published) {
            let truth = Truth::read(http, *room, *taken).await?;
            report.events += truth.events.len() as u64;
            report.log_complaints.extend(truth.complaints.iter().cloned());
            for (_, witness) in witnesses.iter().filter(|(of, _)| of == room) {
                report.clients.push(witness.borrow().findings(&truth));
            }
        }
        report.seconds = self.began.elapsed().as_secs_f64();
        Ok(report)
    }
}

/// The clients of a proof.
struct Clients {
    tasks: Vec<JoinHandle<()>>,
    witnesses: Vec<(ProjectId, Rc<RefCell<Witness>>)>,
}

/// Says how it goes: in one line that changes, or now and then where nobody looks.
async fn show(board: Rc<Board>, clients: u64, runs: u64, began: Instant) {
    let terminal = std::io::stderr().is_terminal();
    loop {
        sleep(Duration::from_secs(if terminal { 1 } else { 5 })).await;
        let line = format!(
            "{:>4} s  {}/{clients} connected  {} delivered  {} published  {} reconnects  {} kills  {}/{runs} runs ended",
            began.elapsed().as_secs(),
            board.connected.get(),
            board.delivered.get(),
            board.published.get(),
            board.connections.get().saturating_sub(clients),
            board.kills.get(),
            board.runs_ended.get(),
        );
        if terminal {
            use std::io::Write;
            let _ = write!(std::io::stderr().lock(), "\r\x1b[2K{line}");
            if board.runs_ended.get() == runs && board.connected.get() == 0 {
                let _ = writeln!(std::io::stderr().lock());
            }
        } else {
            say_error(&line);
        }
    }
}
