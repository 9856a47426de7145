//! A server in a process of its own, so that what it costs is not mixed with what its clients cost.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use callboard::app::{App, AppOptions};
use callboard::config::load::{Sources, load};
use callboard::config::{Durability, Secret};
use callboard::pipelines::Pipeline;
use serde_json::Value;

/// The admin token of the server.
pub const ADMIN_TOKEN: &str = "bench-admin-token-0123456789abcdef";

/// A server that this bench started as a child: the same program, called with `serve DIRECTORY`.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub url: String,
    http: reqwest::Client,
}

/// When this program was called to be the server, is it until its standard input ends.
///
/// # Errors
/// When the server cannot be started.
pub fn serve_when_asked(pipelines: Option<fn(&str) -> Option<Pipeline>>) -> anyhow::Result<bool> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [what, directory, ..] = &words[..] else { return Ok(false) };
    if what != "serve" {
        return Ok(false);
    }
    let mut config = load(&Sources::default()).map_err(|problems| anyhow::anyhow!("{problems}"))?.config;
    config.listen = "127.0.0.1:0".parse()?;
    config.data_dir = directory.into();
    config.store.durability = Durability::Disk;
    config.auth.admin_token = Some(Secret::new(ADMIN_TOKEN));
    let mut options = AppOptions::new(config);
    if let Some(pipelines) = pipelines {
        options.pipelines = pipelines;
    }
    actix_rt::System::new().block_on(async {
        let app = App::start(options).await?;
        let mut out = std::io::stdout();
        writeln!(out, "http://{}", app.address().context("it listens")?)?;
        out.flush()?;
        let ended = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
        let _ = ended.await;
        app.stop().await;
        anyhow::Ok(())
    })?;
    Ok(true)
}

impl Server {
    /// Starts one.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start(directory: &Path) -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("serve")
            .arg(directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let out = child.stdout.take().context("its output is piped")?;
        BufReader::new(out).read_line(&mut line)?;
        anyhow::ensure!(line.starts_with("http://"), "the server did not come up: {line:?}");
        Ok(Self { child, url: line.trim().to_owned(), http: reqwest::Client::new() })
    }

    /// Asks with JSON and answers JSON.
    ///
    /// # Errors
    /// When the answer is not a success.
    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let answer = self.http.post(format!("{}{path}", self.url)).json(body).send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        anyhow::ensure!(status.is_success(), "{path}: {status} {text}");
        Ok(serde_json::from_str(&text)?)
    }

    /// Gets something.
    ///
    /// # Errors
    /// When the answer is not a success.
    pub async fn get(&self, path: &str) -> anyhow::Result<reqwest::Response> {
        Ok(self.http.get(format!("{}{path}", self.url)).send().await?.error_for_status()?)
    }

    /// The address of a room's socket.
    pub fn socket_url(&self, project: &str) -> String {
        format!("{}/api/ws/projects/{project}", self.url.replacen("http", "ws", 1))
    }

    /// Processor time it has used.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let (_, after_name) = stat.rsplit_once(')').context("a name in parentheses")?;
        let fields: Vec<&str> = after_name.split_whitespace().collect();
        // utime and stime, in ticks of 10 ms.
        let ticks = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
        Ok(Duration::from_millis(ticks * 10))
    }

    /// The most memory it has had at once, in MiB.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn memory_peak_mib(&self) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find(|line| line.starts_with("VmHWM")).context("a peak of memory")?;
        let kib: u64 = line.split_whitespace().nth(1).context("a number")?.parse()?;
        Ok(kib / 1024)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// The middle of some durations.
pub fn median(durations: &mut [Duration]) -> Duration {
    durations.sort();
    durations[durations.len() / 2]
}

/// A runtime for the clients.
///
/// # Errors
/// When it cannot be made.
pub fn clients() -> anyhow::Result<Arc<tokio::runtime::Runtime>> {
    Ok(Arc::new(tokio::runtime::Builder::new_current_thread().enable_all().build()?))
}
