//! How long after the end of a step its viewers hear of it, and whether viewers that stop reading delay the steps:
//! `cargo bench --bench steps [-- STEPS WIDTH HEIGHT VIEWERS STALLED ROUNDS]`.
//!
//! The server is a process of its own and renders with the built-in agents; the renderer alone is wrapped, so that it writes
//! down when a step ended, before the preview is made of it. The viewers are sockets in this process: Socket.IO clients in
//! one half of the rounds, sockets of the project's room in the other. Both processes read the same clock.

#![allow(clippy::print_stdout, clippy::unwrap_used, unreachable_pub, missing_docs, reason = "a bench")]

#[allow(dead_code, reason = "shared by several benches")]
mod support;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use callboard::domain::event::LogLevel;
use callboard::domain::script::{ScriptJob, ScriptOutcome};
use callboard::pipelines::{self, AgentError, AgentHost, AgentInputs, AgentOutput, OutputFile, Pipeline};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use socket2::{Domain, Socket, Type};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use self::support::Server;

/// Where the server writes when steps ended, in its directory.
const STEPS_FILE: &str = "steps.txt";
const PROMPT: &str = "a red glass ball and a golden cube on a wooden table at sunset";
/// Bytes that the kernel takes for a viewer that stalls.
const STALLED_RECEIVE_BYTES: usize = 4 * 1024;

/// Nanoseconds since 1970.
fn now_ns() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}

static IMAGE: OnceLock<Pipeline> = OnceLock::new();

/// The built-in pipeline with a renderer that says when a step ended.
fn timed(name: &str) -> Option<Pipeline> {
    if name != "image" {
        return None;
    }
    let image = IMAGE.get_or_init(|| {
        let image = pipelines::find("image").unwrap();
        let mut agents = image.agents.to_vec();
        agents.iter_mut().find(|agent| agent.name == "renderer").unwrap().run = render;
        Pipeline { agents: agents.leak(), ..image.clone() }
    });
    Some(image.clone())
}

fn render(inputs: &AgentInputs, host: &dyn AgentHost) -> Result<AgentOutput, AgentError> {
    let image = pipelines::find("image").ok_or_else(|| AgentError::failed("no pipeline for pictures"))?;
    let renderer = image.agents.iter().find(|agent| agent.name == "renderer");
    let renderer = renderer.ok_or_else(|| AgentError::failed("no renderer"))?;
    // The directory that the server was called with.
    let directory = std::env::args().nth(2).unwrap_or_default();
    let host = Timed { host, path: Path::new(&directory).join(STEPS_FILE), step: Cell::new(0) };
    (renderer.run)(inputs, &host)
}

/// The house, with a note of each step.
struct Timed<'a> {
    host: &'a dyn AgentHost,
    path: std::path::PathBuf,
    step: Cell<u64>,
}

impl AgentHost for Timed<'_> {
    fn log(&self, level: LogLevel, text: &str) {
        self.host.log(level, text);
    }

    /// The renderer says how far it is as the first thing after a step.
    fn progress(&self, percent: f64, message: &str) {
        let at = now_ns();
        self.host.progress(percent, message);
        self.step.set(self.step.get() + 1);
        let file = std::fs::File::options().create(true).append(true).open(&self.path);
        if let Ok(mut file) = file {
            let _ = writeln!(file, "{} {at}", self.step.get());
        }
    }

    fn check(&self) -> Result<(), AgentError> {
        self.host.check()
    }

    fn preview(&self, file: &OutputFile, step: u64, of: u64) {
        self.host.preview(file, step, of);
    }

    fn safe_point(&self, state: &dyn Fn() -> Vec<u8>) -> Result<(), AgentError> {
        self.host.safe_point(state)
    }

    fn run_scripts(
        &self,
        job: &ScriptJob,
        on_step: &mut dyn FnMut(usize, &ScriptOutcome),
    ) -> Result<Vec<ScriptOutcome>, AgentError> {
        self.host.run_scripts(job, on_step)
    }
}

/// How a viewer watches.
#[derive(Clone, Copy, Debug)]
enum Door {
    SocketIo,
    Room,
}

type Stream = WebSocketStream<tokio::net::TcpStream>;

#[derive(Clone, Copy)]
struct Sizes {
    steps: u64,
    width: u64,
    height: u64,
    viewers: u64,
    stalled: u64,
    rounds: u64,
}

/// What some rounds came to.
#[derive(Default)]
struct Measured {
    /// From the end of a step to a viewer, in nanoseconds.
    delays: Vec<u64>,
    /// From the end of a step to the end of the next one.
    steps: Vec<u64>,
    /// Steps that a viewer did not hear of by themselves: a newer one had taken their place.
    passed_over: u64,
}

fn main() -> anyhow::Result<()> {
    if support::serve_when_asked(Some(timed))? {
        return Ok(());
    }
    let given: Vec<u64> = std::env::args().filter_map(|word| word.parse().ok()).collect();
    let size = |place: usize, usual: u64| given.get(place).copied().unwrap_or(usual);
    let sizes = Sizes {
        steps: size(0, 60),
        width: size(1, 384),
        height: size(2, 256),
        viewers: size(3, 100),
        stalled: size(4, 5),
        rounds: size(5, 3),
    };
    println!(
        "{} steps of {} x {} pixels, {} viewers, load average {}",
        sizes.steps,
        sizes.width,
        sizes.height,
        sizes.viewers,
        std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim()
    );
    support::clients()?.block_on(async {
        println!("| viewers | stalled | heard | passed over | p50 ms | p99 ms | max ms | within 50 ms | step p50 ms | step p99 ms |");
        println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
        for door in [Door::SocketIo, Door::Room] {
            let mut measured = [Measured::default(), Measured::default()];
            for _ in 0..sizes.rounds {
                // In turns, so that a change of the machine meets both.
                round(door, 0, sizes, &mut measured[0]).await?;
                round(door, sizes.stalled, sizes, &mut measured[1]).await?;
            }
            for (stalled, measured) in [0, sizes.stalled].into_iter().zip(&mut measured) {
                measured.print(door, stalled);
            }
        }
        println!("load average after it: {}", std::fs::read_to_string("/proc/loadavg")?.trim());
        anyhow::Ok(())
    })
}

/// One picture with its viewers.
async fn round(door: Door, stalled: u64, sizes: Sizes, measured: &mut Measured) -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let server = Server::start(directory.path())?;
    let project = json!({
        "name": "Steps", "brief": PROMPT, "pipeline": "image",
        "params": { "steps": sizes.steps, "width": sizes.width, "height": sizes.height },
    });
    let project = server.post("/api/projects", &project).await?;
    let project = project["id"].as_str().context("an id")?.to_owned();
    let mut asleep = Vec::new();
    for _ in 0..stalled {
        asleep.push(open(&server, door, &project, Some(STALLED_RECEIVE_BYTES)).await?);
    }
    let mut watching = tokio::task::JoinSet::new();
    for _ in 0..sizes.viewers {
        let stream = open(&server, door, &project, None).await?;
        watching.spawn(async move {
            let view = view(stream, door, sizes.steps);
            tokio::time::timeout(Duration::from_secs(300), view).await?
        });
    }
    server.post(&format!("/api/projects/{project}/generate"), &json!({})).await?;
    let mut heard = Vec::new();
    while let Some(viewer) = watching.join_next().await {
        heard.push(viewer??);
    }
    drop(asleep);
    let ended = std::fs::read_to_string(directory.path().join(STEPS_FILE))?;
    let ended: BTreeMap<u64, u64> = ended
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter_map(|(step, at)| Some((step.parse().ok()?, at.parse().ok()?)))
        .collect();
    anyhow::ensure!(ended.len() as u64 == sizes.steps, "{} of {} steps ended", ended.len(), sizes.steps);
    for heard in &heard {
        for (step, ended_at) in &ended {
            match heard.get(step) {
                Some(at) => measured.delays.push(at.saturating_sub(*ended_at)),
                None => measured.passed_over += 1,
            }
        }
    }
    let times: Vec<u64> = ended.into_values().collect();
    measured.steps.extend(times.windows(2).map(|pair| pair[1] - pair[0]));
    Ok(())
}

/// Opens a socket as a viewer would, up to where it is let in. `receive_bytes` bounds what the kernel takes for it.
async fn open(
    server: &Server,
    door: Door,
    project: &str,
    receive_bytes: Option<usize>,
) -> anyhow::Result<Stream> {
    let address: std::net::SocketAddr = server.url.trim_start_matches("http://").parse()?;
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    if let Some(bytes) = receive_bytes {
        socket.set_recv_buffer_size(bytes)?;
    }
    socket.connect(&address.into())?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    let stream = tokio::net::TcpStream::from_std(socket.into())?;
    let url = match door {
        Door::SocketIo => format!("ws://{address}/socket.io/?EIO=4&transport=websocket"),
        Door::Room => server.socket_url(project),
    };
    let (mut stream, _) = tokio_tungstenite::client_async(url, stream).await?;
    match door {
        Door::SocketIo => {
            until(&mut stream, "0{").await?;
            stream.send(Message::text("40")).await?;
            until(&mut stream, "40{").await?;
        }
        Door::Room => until(&mut stream, r#"{"type":"connection""#).await?,
    }
    Ok(stream)
}

async fn until(stream: &mut Stream, begin: &str) -> anyhow::Result<()> {
    loop {
        let message = stream.next().await.context("a message")??;
        if message.to_text().is_ok_and(|text| text.starts_with(begin)) {
            return Ok(());
        }
    }
}

/// When each step was heard of first.
async fn view(mut stream: Stream, door: Door, steps: u64) -> anyhow::Result<BTreeMap<u64, u64>> {
    let mut heard = BTreeMap::new();
    while let Some(message) = stream.next().await {
        let at = now_ns();
        let Message::Text(text) = message? else { continue };
        let step = match door {
            Door::SocketIo if text == "2" => {
                stream.send(Message::text("3")).await?;
                continue;
            }
            Door::SocketIo if text.starts_with(r#"42["progress""#) => {
                let event: Value = serde_json::from_str(&text[2..])?;
                event[1]["step"].as_u64()
            }
            Door::Room if text.starts_with('{') && text.contains(r#""type":"preview""#) => {
                serde_json::from_str::<Value>(&text)?["step"].as_u64()
            }
            _ => None,
        };
        if let Some(step) = step.filter(|step| *step > 0) {
            heard.entry(step).or_insert(at);
            if step >= steps {
                return Ok(heard);
            }
        }
    }
    anyhow::bail!("the socket ended before the last step")
}

impl Measured {
    fn print(&mut self, door: Door, stalled: u64) {
        self.delays.sort_unstable();
        self.steps.sort_unstable();
        let at = |of: &[u64], share: f64| {
            let place = ((of.len() as f64 * share).ceil() as usize).clamp(1, of.len().max(1)) - 1;
            of.get(place).copied().unwrap_or(0) as f64 / 1e6
        };
        let within = self.delays.iter().filter(|delay| **delay <= 50_000_000).count();
        println!(
            "| {door:?} | {stalled} | {} | {} | {:.1} | {:.1} | {:.1} | {:.2} % | {:.0} | {:.0} |",
            self.delays.len(),
            self.passed_over,
            at(&self.delays, 0.5),
            at(&self.delays, 0.99),
            at(&self.delays, 1.0),
            within as f64 * 100.0 / self.delays.len().max(1) as f64,
            at(&self.steps, 0.5),
            at(&self.steps, 0.99),
        );
    }
}
