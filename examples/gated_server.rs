//! The very same server, but a run stops at a given agent until the process is killed: crash tests need to know where
//! a run is.
//!
//! `gated_server DATA_DIR (before|after) AGENT [PORT]`, with settings from the environment, prints the address, then `held` once a run has arrived.
//! With `ask` instead a person is asked about what the agent made, and nothing is held.

use std::borrow::Cow;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context;
use callboard::app::{App, AppOptions};
use callboard::config::load::{Sources, load};
use callboard::domain::ids::RunId;
use callboard::pipelines::policy::Gate;
use callboard::pipelines::{self, Pipeline};
use callboard::runs::executors::AgentGate;

/// The pipeline of apps with a question.
static ASKING: OnceLock<Pipeline> = OnceLock::new();

fn asking(agent: &str) -> anyhow::Result<Pipeline> {
    let app = pipelines::find("app").context("there is a pipeline for apps")?;
    let mut agents = app.agents.to_vec();
    let place = agents.iter().position(|known| known.name == agent).context("there is no such agent")?;
    agents[place].policy.gate =
        Some(Gate { question: Cow::Borrowed("Is this what you want?"), timeout_ms: None });
    // It lives as long as this program.
    Ok(Pipeline { agents: agents.leak(), ..app.clone() })
}

struct Hold {
    after: bool,
    agent: String,
}

impl Hold {
    fn hold(&self, stopped: &dyn Fn() -> bool) {
        say("held");
        while !stopped() {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl AgentGate for Hold {
    fn before_agent(&self, _: RunId, agent: &str, stopped: &dyn Fn() -> bool) {
        if !self.after && agent == self.agent {
            self.hold(stopped);
        }
    }

    fn after_agent(&self, _: RunId, agent: &str, stopped: &dyn Fn() -> bool) {
        if self.after && agent == self.agent {
            self.hold(stopped);
        }
    }
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}

fn main() -> anyhow::Result<()> {
    let mut words = std::env::args().skip(1);
    let mut word = |what: &str| words.next().with_context(|| format!("{what} is missing"));
    let (data_dir, when, agent) = (word("the data directory")?, word("before or after")?, word("the agent")?);
    let port = word("the port").unwrap_or_else(|_| "0".into());
    let sources = Sources { variables: std::env::vars().collect(), ..Sources::default() };
    let mut config = load(&sources).map_err(|problems| anyhow::anyhow!("{problems}"))?.config;
    config.listen = format!("127.0.0.1:{port}").parse()?;
    config.data_dir = PathBuf::from(data_dir);
    let mut options = AppOptions::new(config);
    let program = std::env::current_exe()?;
    let folder = program.parent().and_then(|folder| folder.parent()).context("this program has no folder")?;
    options.sandbox_program = Some(folder.join("callboard"));
    if when == "ask" {
        let pipeline = asking(&agent)?;
        ASKING.get_or_init(|| pipeline);
        options.pipelines = |name| ASKING.get().filter(|pipeline| pipeline.name == name).cloned();
    } else {
        options.gate = Some(Arc::new(Hold { after: when == "after", agent }));
    }
    actix_rt::System::new().block_on(async {
        let app = App::start(options).await?;
        say(&format!("listening on http://{}", app.address().context("it listens")?));
        app.run_until_signal().await
    })
}
