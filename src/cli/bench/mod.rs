//! `callboard bench`: what deliveries, joins, appends and idle connections of a server cost on this machine.
//!
//! The load is one thread that reads raw frames and looks into none but for the stamp of its publisher, so that what is
//! seen is the server. It runs on the same machine and takes its share of the processors; the report says how large.

mod fan;
mod floor;
mod histogram;
mod listeners;
mod process;
mod quiet;
mod report;

use std::cell::RefCell;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use serde_json::json;

use crate::cli::bench::fan::Fan;
use crate::cli::bench::process::Process;
use crate::cli::bench::report::Report;
use crate::cli::client::Target;
use crate::cli::client::http::Http;
use crate::cli::client::server::ServerPlan;
use crate::cli::temporary_dir::TemporaryDir;
use crate::cli::{Settings, say, say_error};
use crate::domain::ids::ProjectId;

/// Files that are open besides sockets.
const OTHER_FILES: u64 = 200;
/// Publishers of the second append scenario.
const PUBLISHERS: usize = 16;

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Scenario {
    /// One room, one event at a time
    Fan,
    /// One room, several events in flight
    Burst,
    /// Many small rooms, several events in flight
    Rooms,
    /// Joins: a short log, a long one, a long one from its start
    Join,
    /// Appends without listeners: one publisher, and several
    Append,
    /// Memory of idle connections
    Idle,
}

/// What is measured.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  callboard bench\n  callboard bench --scenarios fan,burst --sockets 10000 --seconds 10\n  \
    callboard bench --url http://127.0.0.1:8080 --pid $(pgrep -x callboard)\n\nStarts a server of its own, of this very \
    program: build with --release. With --url processor time and memory are seen only with --pid, on the same machine."
)]
pub(super) struct BenchArgs {
    /// Which scenarios, separated by commas; all when absent
    #[arg(long, value_enum, value_delimiter = ',', value_name = "NAMES")]
    scenarios: Vec<Scenario>,
    /// Sockets in the one room of `fan` and `burst`
    #[arg(long, default_value_t = 1_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    sockets: u32,
    /// Rooms of `rooms`
    #[arg(long, default_value_t = 100, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rooms: u32,
    /// Sockets in each room of `rooms`
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    room_sockets: u32,
    /// Events in flight of `burst` and `rooms`
    #[arg(long, default_value_t = 16, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    in_flight: u32,
    /// Bytes of an event on the wire, about
    #[arg(long, default_value_t = 256, value_name = "N", value_parser = clap::value_parser!(u32).range(240..=60_000))]
    bytes: u32,
    /// Events of the long log of `join`
    #[arg(long, default_value_t = 10_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    log_events: u32,
    /// Idle connections of `idle`
    #[arg(long, default_value_t = 2_000, value_name = "N", value_parser = clap::value_parser!(u32).range(10..=100_000))]
    idle: u32,
    /// How long each scenario is measured
    #[arg(long, default_value_t = 3, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// A server that runs already, like http://127.0.0.1:8080
    #[arg(long)]
    url: Option<String>,
    /// The token to show it (operator)
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// Its process
    #[arg(long, value_name = "PID", requires = "url")]
    pid: Option<u32>,
}

/// The server that is measured.
struct Ground {
    target: Target,
    process: Option<Process>,
    /// Projects that were made.
    made: RefCell<Vec<ProjectId>>,
}

/// Makes projects whose rooms can be used.
async fn make_rooms(ground: &Ground, count: usize) -> anyhow::Result<Vec<ProjectId>> {
    let mut http = Http::new(ground.target.clone());
    let body =
        json!({ "name": "Benchmark", "brief": "A list of books with title and rating 1 to 5." }).to_string();
    let mut rooms = Vec::with_capacity(count);
    for _ in 0..count {
        let answer = http.post("/api/projects", &body).await?.expect(201)?.json()?;
        let id: ProjectId =
            answer["id"].as_str().unwrap_or_default().parse().context("a project without an id")?;
        rooms.push(id);
        ground.made.borrow_mut().push(id);
    }
    Ok(rooms)
}

/// Measures and says what came out.
pub(super) fn run(settings: &Settings, args: BenchArgs) -> anyhow::Result<ExitCode> {
    actix_rt::System::new().block_on(async {
        tokio::select! {
            done = bench(settings, &args) => done,
            _ = tokio::signal::ctrl_c() => bail!("interrupted"),
        }
    })
}

async fn bench(settings: &Settings, args: &BenchArgs) -> anyhow::Result<ExitCode> {
    let many = args.sockets.max(args.rooms * args.room_sockets).max(args.idle);
    allow_files(u64::from(many) * 2 + OTHER_FILES)?;
    let report = match &args.url {
        Some(url) => {
            let target = Target::parse(url, args.token.clone())?;
            let process = args.pid.map(Process::of);
            if process.is_some_and(|process| process.cpu().is_none()) {
                bail!("process {} cannot be looked at", args.pid.unwrap_or_default());
            }
            let ground = Ground { target, process, made: RefCell::default() };
            let measured = measure(&ground, args, format!("server at {url}")).await;
            tidy(&ground).await;
            measured?
        }
        None => {
            let temporary = TemporaryDir::new()?;
            let data_dir = match &settings.data_dir {
                Some(dir) => PathBuf::from(dir),
                None => temporary.path().to_owned(),
            };
            std::fs::create_dir_all(&data_dir)?;
            let mut plan = ServerPlan::new(settings, &data_dir);
            plan.variables.push(("CALLBOARD_HTTP_CONNECTIONS_MAX".to_owned(), (many * 2 + 100).to_string()));
            let server = plan.start().await?;
            let ground = Ground {
                target: Target::local(server.address, args.token.clone()),
                process: Some(Process::of(server.pid())),
                made: RefCell::default(),
            };
            let measured = measure(&ground, args, "its own server".to_owned()).await;
            server.kill()?;
            measured?
        }
    };
    report.table().iter().for_each(|line| say(line));
    say(&report.json().to_string());
    Ok(ExitCode::SUCCESS)
}

async fn measure(ground: &Ground, args: &BenchArgs, server: String) -> anyhow::Result<Report> {
    let wanted = |scenario| args.scenarios.is_empty() || args.scenarios.contains(&scenario);
    let size = |number: u32| number as usize;
    let (bytes, time) = (size(args.bytes), Duration::from_secs(args.seconds));
    let (processor, cores) = process::machine();
    let debug = cfg!(debug_assertions);
    let load_average = process::load_average();
    let mut report = Report { processor, cores, debug, load_average, server, bytes, ..Report::default() };
    let one_room = Fan { rooms: 1, sockets_per_room: size(args.sockets), in_flight: 1, bytes, time };
    let fans = [
        (Scenario::Fan, "one room", one_room),
        (Scenario::Burst, "one room, in flight", Fan { in_flight: size(args.in_flight), ..one_room }),
        (
            Scenario::Rooms,
            "many rooms",
            Fan {
                rooms: size(args.rooms),
                sockets_per_room: size(args.room_sockets),
                in_flight: size(args.in_flight),
                ..one_room
            },
        ),
    ];
    // First, while the server's memory is what it was at the start.
    if wanted(Scenario::Idle) {
        say_error("idle …");
        report.idle = Some(quiet::idle(ground, size(args.idle)).await.context("idle")?);
    }
    if wanted(Scenario::Append) {
        say_error("append …");
        for publishers in [1, PUBLISHERS] {
            report.appends.push(quiet::append(ground, publishers, bytes, time).await.context("append")?);
        }
    }
    if fans.iter().any(|(scenario, ..)| wanted(*scenario)) {
        say_error("floor …");
        report.floor_us = Some(floor::send_us(size(args.sockets), bytes, Duration::from_secs(1)).await?);
    }
    for (scenario, name, fan) in fans {
        if wanted(scenario) {
            say_error(&format!("{name} …"));
            report.fans.push((name, fan::measure(ground, fan).await.context(name)?));
        }
    }
    if wanted(Scenario::Join) {
        say_error("join …");
        report.joins = quiet::joins(ground, size(args.log_events), bytes, time).await.context("join")?;
    }
    Ok(report)
}

/// Removes what was made on somebody's server.
async fn tidy(ground: &Ground) {
    let mut http = Http::new(ground.target.clone());
    for room in ground.made.take() {
        let removed = http.request("DELETE", &format!("/api/projects/{room}"), "", None).await;
        if !removed.is_ok_and(|answer| answer.status == 204) {
            say_error(&format!("project {room} stays behind"));
        }
    }
}

/// Sockets are files: as many may be open as are needed, here and in the server that inherits it.
fn allow_files(needed: u64) -> anyhow::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < needed) {
        if limit.maximum.is_some_and(|maximum| maximum < needed) {
            bail!("{needed} open files are needed, and this machine allows {}", limit.maximum.unwrap_or(0));
        }
        setrlimit(Resource::Nofile, Rlimit { current: Some(needed), maximum: limit.maximum })?;
    }
    Ok(())
}
