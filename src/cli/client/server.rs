//! A server as a child process, of this very program.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};

use crate::cli::Settings;

/// How long a server may take to say where it listens.
const STARTS_WITHIN: Duration = Duration::from_secs(60);
/// Where a server writes what it has to say, inside its data directory.
const LOG_FILE: &str = "server.log";

/// How a server is started, again and again on the same data.
#[derive(Clone, Debug)]
pub(in crate::cli) struct ServerPlan {
    listen: String,
    data_dir: PathBuf,
    config: Option<PathBuf>,
    /// Variables of the environment that it gets besides ours.
    pub(in crate::cli) variables: Vec<(String, String)>,
}

/// A server that runs; dropped, it is killed.
pub(in crate::cli) struct ServerChild {
    child: Child,
    /// Where it listens.
    pub(in crate::cli) address: SocketAddr,
}

impl ServerPlan {
    /// The server of these settings on this data; without an address it takes a free port of this machine.
    pub(in crate::cli) fn new(settings: &Settings, data_dir: &Path) -> ServerPlan {
        ServerPlan {
            listen: settings.listen.clone().unwrap_or_else(|| "127.0.0.1:0".to_owned()),
            data_dir: data_dir.to_owned(),
            config: settings.config.clone(),
            variables: Vec::new(),
        }
    }

    /// From now on it listens there.
    pub(in crate::cli) fn stay_at(&mut self, address: SocketAddr) {
        self.listen = address.to_string();
    }

    /// Where it says what goes wrong.
    pub(in crate::cli) fn log_file(&self) -> PathBuf {
        self.data_dir.join(LOG_FILE)
    }

    /// Starts it and waits until it listens.
    ///
    /// # Errors
    /// When it does not.
    pub(in crate::cli) async fn start(&self) -> anyhow::Result<ServerChild> {
        let program = std::env::current_exe().context("the path of this program is not known")?;
        let log = OpenOptions::new().create(true).append(true).open(self.log_file())?;
        let mut command = Command::new(program);
        command.arg("serve").arg("--listen").arg(&self.listen).arg("--data-dir").arg(&self.data_dir);
        if let Some(config) = &self.config {
            command.arg("--config").arg(config);
        }
        command.envs(self.variables.iter().cloned());
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .context("the server cannot be started")?;
        let out = child.stdout.take().context("the server has no output")?;
        // From here on it dies with us.
        let mut child = ServerChild { child, address: SocketAddr::from(([0, 0, 0, 0], 0)) };
        let first = tokio::task::spawn_blocking(move || BufReader::new(out).lines().next());
        let line = tokio::time::timeout(STARTS_WITHIN, first)
            .await
            .context("the server did not start in time")??;
        let Some(Ok(line)) = line else {
            let status = child.child.wait()?;
            let said = std::fs::read_to_string(self.log_file()).unwrap_or_default();
            bail!(
                "the server did not start ({status}): {}",
                said.lines().last().unwrap_or("it said nothing")
            );
        };
        let address = line.strip_prefix("listening on http://").and_then(|address| address.parse().ok());
        child.address =
            address.with_context(|| format!("the server said {line:?} instead of its address"))?;
        Ok(child)
    }
}

impl ServerChild {
    /// Its process.
    pub(in crate::cli) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`, and nothing of it is left.
    ///
    /// # Errors
    /// When it ended before by itself: a server that crashes proves something else.
    pub(in crate::cli) fn kill(mut self) -> anyhow::Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("the server ended by itself before it was killed: {status}");
        }
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for ServerChild {
    fn drop(&mut self) {
        // It may have been killed and waited for already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
