//! `callboard generate`: one generation in this process, shown as it goes, its files written at the end.

mod files;
pub(super) mod progress;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use futures_util::StreamExt;
use serde_json::{Map, Value};

use crate::app::{App, AppOptions};
use crate::auth::Caller;
use crate::cli::temporary_dir::TemporaryDir;
use crate::cli::{FAILED, INTERRUPTED, Settings, say_error};
use crate::domain::event::{Completion, EventBody};
use crate::domain::run::{Project, RunStatus};
use crate::service::Service;
use crate::service::files::FilesOf;
use crate::service::projects::NewProject;
use crate::service::runs::GenerateRequest;
use crate::telemetry::logging;
use progress::Progress;

/// What is to be made, and where it goes.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  callboard generate \"A habit tracker: habits with name and days\" --out ./habits\n  \
    callboard generate \"An expense log\" --seed 7 --out ./log --force\n\nExits with 0 only when the run completed."
)]
pub(super) struct GenerateArgs {
    /// What is wanted, in your own words
    // A brief may begin with a bullet.
    #[arg(allow_hyphen_values = true)]
    brief: String,
    /// Which pipeline
    #[arg(long, default_value = "app")]
    pipeline: String,
    /// Another seed gives another variant; the same seed the same bytes
    #[arg(long)]
    seed: Option<u64>,
    /// Where the files go; a folder named after the project when absent
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write into a folder that is not empty
    #[arg(long)]
    force: bool,
    /// Show the lines of the log
    #[arg(short, long)]
    verbose: bool,
}

/// Generates, and answers 0 only when the run completed.
pub(super) fn run(settings: &Settings, args: GenerateArgs) -> anyhow::Result<ExitCode> {
    let mut config = settings.load()?.config;
    if let Some(out) = &args.out {
        // Told before the work and not after it.
        files::check_target(out, args.force)?;
    }
    logging::start(if args.verbose { &config.log_filter } else { "warn" });
    // What was not said to be kept goes with the command.
    let temporary = match settings.data_dir {
        Some(_) => None,
        None => Some(TemporaryDir::new()?),
    };
    if let Some(dir) = &temporary {
        config.data_dir = dir.path().to_owned();
    }
    actix_rt::System::new().block_on(async {
        let app = App::start(AppOptions { listens: false, ..AppOptions::new(config) }).await?;
        let done = generate(app.service(), &args).await;
        app.stop().await;
        done
    })
}

async fn generate(service: &Service, args: &GenerateArgs) -> anyhow::Result<ExitCode> {
    let mut params = Map::new();
    params.extend(args.seed.map(|seed| ("seed".to_owned(), Value::from(seed))));
    let new = NewProject {
        brief: args.brief.clone(),
        pipeline: Some(args.pipeline.clone()),
        params,
        ..NewProject::default()
    };
    let project = service.create_project(Caller::HOUSE, new, None).await?;
    let out = args.out.clone().unwrap_or_else(|| files::folder_for(&project.name));
    files::check_target(&out, args.force)?;
    let mut follow = service.follow(Caller::HOUSE, project.id, None).await?;
    let run = service.generate(Caller::HOUSE, project.id, GenerateRequest::default(), None).await?.run_id;
    let mut progress = Progress::new(args.verbose);
    let mut interrupted = false;
    let completion = loop {
        tokio::select! {
            frames = follow.frames.next() => {
                let frames = frames.context("the room of the run ended before the run did")?;
                let mut ended = None;
                for body in bodies(&frames) {
                    progress.show(&body);
                    if let EventBody::Completion(completion) = body {
                        ended = Some(completion);
                    }
                }
                if let Some(completion) = ended {
                    break completion;
                }
            }
            signal = tokio::signal::ctrl_c(), if !interrupted => {
                signal.context("signals cannot be heard")?;
                interrupted = true;
                say_error("cancelling …");
                service.cancel(Caller::HOUSE, run).await?;
            }
        }
    };
    progress.finish();
    finish(service, &out, &project, &completion).await
}

async fn finish(
    service: &Service,
    out: &Path,
    project: &Project,
    completion: &Completion,
) -> anyhow::Result<ExitCode> {
    match completion.status {
        RunStatus::Completed => {
            let written = files::write(service, FilesOf::Project(project.id), out).await?;
            progress::summary(completion, out, &written);
            Ok(ExitCode::SUCCESS)
        }
        RunStatus::Cancelled => {
            say_error(&completion.message);
            Ok(ExitCode::from(INTERRUPTED))
        }
        status => {
            say_error(&format!("{}: {}", status.as_str(), completion.message));
            if let Some(error) = &completion.error {
                say_error(&progress::error_line(error));
            }
            Ok(ExitCode::from(FAILED))
        }
    }
}

/// The events of a piece of the live stream: one line of data for each.
fn bodies(frames: &[u8]) -> Vec<EventBody> {
    let text = String::from_utf8_lossy(frames);
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.filter_map(|data| serde_json::from_str(data).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_from_the_stream() {
        let stream = "id: 1-1\ndata: {\"type\":\"event\",\"name\":\"a\",\"data\":1,\"seq\":1}\n\n:\n\n\
                      id: 1-2\ndata: {\"type\":\"event\",\"name\":\"b\",\"data\":2,\"seq\":2}\n\n";
        assert_eq!(bodies(stream.as_bytes()).len(), 2);
        assert!(bodies(b":\n\n").is_empty());
    }
}
