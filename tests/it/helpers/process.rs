//! A real server in a process of its own, that can be killed.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};

use reqwest::Response;
use serde_json::{Value, json};

use crate::helpers::{ADMIN_TOKEN, SOON, wait_for};

/// A server in a process of its own.
pub(crate) struct Server {
    /// The process.
    pub(crate) child: Child,
    /// What it says.
    pub(crate) lines: std::io::Lines<BufReader<ChildStdout>>,
    /// Where it listens.
    pub(crate) address: String,
}

impl Server {
    /// Starts a command that says where it listens.
    pub(crate) fn start(mut command: Command) -> Server {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the server must start");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.next().expect("it says where it listens").unwrap();
        let address = line.strip_prefix("listening on http://").expect(&line).to_owned();
        Server { child, lines, address }
    }

    /// One whose runs stop at an agent.
    pub(crate) fn gated(dir: &Path, when: &str, agent: &str) -> Server {
        Server::gated_with(dir, when, agent, &[])
    }

    /// The same with settings by their variables.
    pub(crate) fn gated_with(dir: &Path, when: &str, agent: &str, settings: &[(&str, &str)]) -> Server {
        let program = PathBuf::from(env!("CARGO_BIN_EXE_callboard"));
        let mut command = Command::new(program.parent().unwrap().join("examples/gated_server"));
        command.arg(dir).arg(when).arg(agent).env("CALLBOARD_ADMIN_TOKEN", ADMIN_TOKEN);
        command.envs(settings.iter().copied()).stderr(Stdio::null());
        Server::start(command)
    }

    /// The server as it is.
    pub(crate) fn plain(dir: &Path) -> Server {
        Server::with(dir, &[])
    }

    /// The server with settings by their variables.
    pub(crate) fn with(dir: &Path, settings: &[(&str, &str)]) -> Server {
        let mut command = command(dir);
        command.envs(settings.iter().copied()).stderr(Stdio::null());
        Server::start(command)
    }

    /// A gated server's run has arrived.
    pub(crate) fn wait_until_held(&mut self) {
        assert_eq!(self.lines.next().expect("the server must live").unwrap(), "held");
    }

    /// Ends it as a loss of power would, for this process.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Waits until it has ended by itself.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        wait_for("the server to end", async || self.child.try_wait().unwrap()).await
    }

    /// An address on this server.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// GET with an answer in JSON.
    pub(crate) async fn get(&self, path: &str) -> Value {
        reqwest::get(self.url(path)).await.unwrap().json().await.unwrap()
    }

    /// POST of JSON with an answer in JSON.
    pub(crate) async fn post(&self, path: &str, body: Value) -> Value {
        self.try_post(path, body).await.unwrap().json().await.unwrap()
    }

    /// POST of JSON, when the server lives to answer.
    pub(crate) async fn try_post(&self, path: &str, body: Value) -> reqwest::Result<Response> {
        reqwest::Client::new().post(self.url(path)).timeout(SOON).json(&body).send().await
    }

    /// Makes a project; answers its id.
    pub(crate) async fn project(&self, brief: &str) -> String {
        let project = self.post("/api/projects", json!({ "name": "Test", "brief": brief })).await;
        project["id"].as_str().unwrap_or_else(|| panic!("{project}")).to_owned()
    }

    /// Starts a run; answers its id.
    pub(crate) async fn generate(&self, project: &str) -> String {
        let accepted = self.post(&format!("/api/projects/{project}/generate"), json!({})).await;
        accepted["run_id"].as_str().unwrap_or_else(|| panic!("{accepted}")).to_owned()
    }

    /// Waits until a run has ended; answers it.
    pub(crate) async fn run_ended(&self, run: &str) -> Value {
        wait_for("the run to end", async || {
            let run = self.get(&format!("/api/runs/{run}")).await;
            run["ended_at"].is_string().then_some(run)
        })
        .await
    }

    /// All files of a project.
    pub(crate) async fn zip(&self, project: &str) -> Vec<u8> {
        let url = self.url(&format!("/api/projects/{project}/archive.zip"));
        reqwest::get(url).await.unwrap().bytes().await.unwrap().to_vec()
    }

    /// The whole log of a project.
    pub(crate) async fn log(&self, project: &str) -> Vec<Value> {
        let mut events = Vec::new();
        let mut since = String::new();
        loop {
            let page = self.get(&format!("/api/projects/{project}/events?limit=1000{since}")).await;
            events.extend(page["events"].as_array().unwrap_or_else(|| panic!("{page}")).iter().cloned());
            if page["more"] != true {
                return events;
            }
            since = format!("&since={}", page["position"].as_str().unwrap());
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The server's command on a data directory.
pub(crate) fn command(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_callboard"));
    command.env("CALLBOARD_ADMIN_TOKEN", ADMIN_TOKEN);
    command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(dir);
    command
}

/// Starts a server that must refuse to; answers its exit code and what it said.
pub(crate) fn refused(mut command: Command) -> (Option<i32>, String) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    // A server that listens says so at once, and would otherwise be waited for without end.
    let first = BufReader::new(child.stdout.take().unwrap()).lines().next();
    if let Some(line) = first {
        child.kill().unwrap();
        child.wait().unwrap();
        panic!("the server must refuse to start, but said {line:?}");
    }
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    let Output { status, .. } = child.wait_with_output().unwrap();
    (status.code(), said)
}
