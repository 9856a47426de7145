//! Commands about runs of a server that is up, over the same addresses that any client uses.

mod client;
mod watch;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::cli::say;
use client::Client;

/// Which server, and with which token.
#[derive(Debug, Args)]
pub(super) struct Server {
    /// Where the server is
    #[arg(long, value_name = "URL", env = "CALLBOARD_URL", default_value = "http://127.0.0.1:8080")]
    url: String,
    /// A token of the role that the command needs
    #[arg(long, env = "CALLBOARD_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

/// Commands about runs of a server that is up.
#[derive(Debug, Subcommand)]
pub(super) enum RunCommand {
    /// List the newest run of every project, or all runs of one
    Runs {
        #[command(flatten)]
        server: Server,
        /// All runs of this project
        #[arg(long, value_name = "ID")]
        project: Option<String>,
        /// Only those in this state, like queued or running
        #[arg(long)]
        status: Option<String>,
        /// How many at most
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Follow a run until it ends; exits with 0 only when it completed
    Watch {
        #[command(flatten)]
        server: Server,
        /// The run
        run: String,
        /// Show the lines of the log
        #[arg(short, long)]
        verbose: bool,
    },
    /// Show a run again as it went, from its log
    Replay {
        #[command(flatten)]
        server: Server,
        /// The run
        run: String,
        /// How many times faster than it was, from 1 to 50
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=50))]
        speed: u32,
        /// Show the lines of the log
        #[arg(short, long)]
        verbose: bool,
    },
    /// Cancel a run
    Cancel {
        #[command(flatten)]
        server: Server,
        /// The run
        run: String,
    },
    /// Repeat a run that has ended, reusing what earlier agents made
    Retry {
        #[command(flatten)]
        server: Server,
        /// The run
        run: String,
        /// The first agent that works again; without it the first that did not end well
        #[arg(long, value_name = "AGENT")]
        from: Option<String>,
    },
    /// Pause a run after the agent that works
    Pause {
        #[command(flatten)]
        server: Server,
        /// The run
        run: String,
    },
    /// Let a paused run go on
    Resume {
        #[command(flatten)]
        server: Server,
        /// The run
        run: String,
    },
}

/// Does it.
pub(super) fn run(command: RunCommand) -> anyhow::Result<ExitCode> {
    actix_rt::System::new().block_on(async {
        match command {
            RunCommand::Runs { server, project, status, limit } => {
                list(&Client::new(&server)?, project.as_deref(), status.as_deref(), limit).await
            }
            RunCommand::Watch { server, run, verbose } => {
                watch::watch(&Client::new(&server)?, &run, verbose).await
            }
            RunCommand::Replay { server, run, speed, verbose } => {
                watch::replay(&Client::new(&server)?, &run, speed, verbose).await
            }
            RunCommand::Cancel { server, run } => control(&server, &run, "cancel", json!({})).await,
            RunCommand::Retry { server, run, from } => {
                let body = from.map_or_else(|| json!({}), |agent| json!({ "from_agent": agent }));
                control(&server, &run, "retry", body).await
            }
            RunCommand::Pause { server, run } => control(&server, &run, "pause", json!({})).await,
            RunCommand::Resume { server, run } => control(&server, &run, "resume", json!({})).await,
        }
    })
}

async fn control(server: &Server, run: &str, command: &str, body: Value) -> anyhow::Result<ExitCode> {
    let answer = Client::new(server)?.post(&["runs", run, command], &body).await?;
    say(&controlled(&answer));
    Ok(ExitCode::SUCCESS)
}

/// `<run> queued, 3 before it`
fn controlled(answer: &Value) -> String {
    let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
    let mut line = format!("{} {}", text("run_id"), text("status"));
    if answer["already"].is_string() {
        line.push_str(" (it had ended already)");
    }
    if let Some(ahead) = answer["position_in_queue"].as_u64() {
        line.push_str(&format!(", {ahead} before it"));
    }
    line
}

async fn list(
    client: &Client,
    project: Option<&str>,
    status: Option<&str>,
    limit: usize,
) -> anyhow::Result<ExitCode> {
    let limit = limit.to_string();
    let rows = match project {
        Some(project) => {
            let answer = client.get(&["projects", project, "runs"], &[("limit", &limit)]).await?;
            rows(&answer["runs"], "id", status)
        }
        None => {
            let mut query = vec![("limit", limit.as_str())];
            query.extend(status.map(|status| ("status", status)));
            rows(&client.get(&["projects"], &query).await?["projects"], "run_id", None)
        }
    };
    for row in rows {
        say(&row);
    }
    Ok(ExitCode::SUCCESS)
}

/// One line per run: id, state, progress, when, what it says or is called. Projects without a run have none.
fn rows(items: &Value, id: &str, status: Option<&str>) -> Vec<String> {
    let items = items.as_array().map(Vec::as_slice).unwrap_or_default();
    let shown = items.iter().filter(|item| item[id].is_string());
    let shown = shown.filter(|item| status.is_none_or(|status| item["status"] == status));
    shown
        .map(|item| {
            let text = |name: &str| item[name].as_str().unwrap_or_default();
            let says = if item["name"].is_string() { text("name") } else { text("message") };
            format!(
                "{}  {:<10}  {:>5.1} %  {}  {}",
                text(id),
                text("status"),
                item["progress"].as_f64().unwrap_or(0.0),
                text("created_at"),
                says
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_say_what_became_of_a_command() {
        let answer = json!({ "run_id": "r", "status": "queued", "position_in_queue": 3 });
        assert_eq!(controlled(&answer), "r queued, 3 before it");
        let answer = json!({ "run_id": "r", "status": "failed", "already": "failed" });
        assert_eq!(controlled(&answer), "r failed (it had ended already)");
    }

    #[test]
    fn runs_are_listed_and_projects_without_one_are_not() {
        let projects = json!([
            { "id": "p", "run_id": "r", "status": "running", "progress": 41.25, "created_at": "t", "name": "Habits" },
            { "id": "q", "run_id": null, "status": null, "progress": 0, "created_at": "t", "name": "Empty" },
        ]);
        assert_eq!(rows(&projects, "run_id", None), ["r  running      41.2 %  t  Habits"]);
        let runs =
            json!([{ "id": "r", "status": "failed", "progress": 10, "created_at": "t", "message": "no" }]);
        assert_eq!(rows(&runs, "id", Some("failed")), ["r  failed       10.0 %  t  no"]);
        assert!(rows(&runs, "id", Some("queued")).is_empty());
    }
}
