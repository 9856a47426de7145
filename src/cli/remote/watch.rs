//! A run as it goes, and once more as it went.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use futures_util::StreamExt;
use serde_json::Value;

use crate::cli::generate::progress::{Progress, error_line};
use crate::cli::remote::client::Client;
use crate::cli::{FAILED, INTERRUPTED, say, say_error};
use crate::domain::event::{Completion, EventBody};
use crate::domain::run::RunStatus;
use crate::domain::time::Timestamp;

/// Events of one page of the log.
const PAGE_EVENTS: &str = "1000";
/// Pauses of a run are not sat through when it is replayed.
const REPLAY_PAUSE_MAX: Duration = Duration::from_secs(5);
/// Before a stream that broke is opened again, and how often that is tried in a row.
const RECONNECT_PAUSE: Duration = Duration::from_secs(1);
const RECONNECTS_MAX: usize = 30;

/// Follows a run until it ends.
pub(super) async fn watch(client: &Client, run: &str, verbose: bool) -> anyhow::Result<ExitCode> {
    let project = project_of(client, run).await?;
    let mut shown = Shown::new(run, verbose);
    let mut position = None;
    let mut failures = 0;
    loop {
        // What has happened already, then what happens.
        while shown.completion.is_none() {
            let page = page(client, &project, position.as_deref()).await?;
            page["events"].as_array().into_iter().flatten().for_each(|event| shown.show(event));
            position = page["position"].as_str().map(str::to_owned);
            if page["more"] != true {
                break;
            }
        }
        if let Some(completion) = &shown.completion {
            shown.progress.finish();
            return Ok(ended(completion));
        }
        match follow(client, &project, &mut position, &mut shown).await {
            Ok(()) => failures = 0,
            Err(error) if failures < RECONNECTS_MAX => {
                failures += 1;
                log::debug!("the stream broke: {error:#}");
            }
            Err(error) => return Err(error),
        }
        if shown.completion.is_none() {
            actix_rt::time::sleep(RECONNECT_PAUSE).await;
        }
    }
}

/// Live events until the run ends or the stream does.
async fn follow(
    client: &Client,
    project: &str,
    position: &mut Option<String>,
    shown: &mut Shown<'_>,
) -> anyhow::Result<()> {
    let since = position.clone().unwrap_or_default();
    let response = client.stream(&["projects", project, "events"], &[("since", &since)]).await?;
    let mut stream = response.bytes_stream();
    let mut waiting = Vec::new();
    while let Some(chunk) = stream.next().await {
        waiting.extend_from_slice(&chunk?);
        while let Some(end) = waiting.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = waiting.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            let Some(data) = line.trim_end().strip_prefix("data: ") else { continue };
            let Ok(event) = serde_json::from_str::<Value>(data) else { continue };
            shown.show(&event);
            if let Some(at) = event["position"].as_str() {
                *position = Some(at.to_owned());
            }
        }
        if shown.completion.is_some() {
            return Ok(());
        }
    }
    Ok(())
}

/// Shows a run again, so many times faster than it was.
pub(super) async fn replay(
    client: &Client,
    run: &str,
    speed: u32,
    verbose: bool,
) -> anyhow::Result<ExitCode> {
    let project = project_of(client, run).await?;
    let mut shown = Shown::new(run, verbose);
    let mut position = None;
    let mut last: Option<Timestamp> = None;
    loop {
        let page = page(client, &project, position.as_deref()).await?;
        for event in page["events"].as_array().into_iter().flatten().filter(|event| event["run_id"] == run) {
            let at = serde_json::from_value::<Timestamp>(event["timestamp"].clone()).ok();
            if let (Some(at), Some(last)) = (at, last) {
                let pause = Duration::from_millis(at.since(last)) / speed.max(1);
                actix_rt::time::sleep(pause.min(REPLAY_PAUSE_MAX)).await;
            }
            last = at.or(last);
            shown.show(event);
        }
        position = page["position"].as_str().map(str::to_owned);
        if shown.completion.is_some() || page["more"] != true {
            break;
        }
    }
    shown.progress.finish();
    match &shown.completion {
        Some(completion) => Ok(ended(completion)),
        None => bail!("the run has not ended yet; watch it with `callboard watch {run}`"),
    }
}

async fn project_of(client: &Client, run: &str) -> anyhow::Result<String> {
    let run = client.get(&["runs", run], &[]).await?;
    run["project_id"]
        .as_str()
        .map(str::to_owned)
        .context("the server does not say to which project the run belongs")
}

async fn page(client: &Client, project: &str, since: Option<&str>) -> anyhow::Result<Value> {
    let mut query = vec![("limit", PAGE_EVENTS)];
    query.extend(since.map(|since| ("since", since)));
    client.get(&["projects", project, "events"], &query).await
}

fn ended(completion: &Completion) -> ExitCode {
    match completion.status {
        RunStatus::Completed => {
            say(&completion.message);
            ExitCode::SUCCESS
        }
        status => {
            say_error(&format!("{}: {}", status.as_str(), completion.message));
            if let Some(error) = &completion.error {
                say_error(&error_line(error));
            }
            ExitCode::from(if status == RunStatus::Cancelled { INTERRUPTED } else { FAILED })
        }
    }
}

/// What was shown of a run.
struct Shown<'a> {
    run: &'a str,
    progress: Progress,
    status: Option<RunStatus>,
    completion: Option<Completion>,
}

impl<'a> Shown<'a> {
    fn new(run: &'a str, verbose: bool) -> Self {
        Self { run, progress: Progress::new(verbose), status: None, completion: None }
    }

    /// Events of other runs of the project are not shown.
    fn show(&mut self, event: &Value) {
        if event["run_id"] != self.run || self.completion.is_some() {
            return;
        }
        let Ok(body) = serde_json::from_value::<EventBody>(event.clone()) else { return };
        match &body {
            // The completion says the same, and stands at the end.
            EventBody::StatusUpdate(update) if update.status.is_terminal() => {}
            EventBody::StatusUpdate(update) if self.status != Some(update.status) => {
                self.status = Some(update.status);
                self.progress.say(&format!("{}: {}", update.status.as_str(), update.message));
            }
            EventBody::Completion(completion) => self.completion = Some(completion.clone()),
            _ => self.progress.show(&body),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_run_is_shown_until_it_ends() {
        let mut shown = Shown::new("r", false);
        let completion = |run: &str, message: &str| {
            json!({
                "type": "completion", "seq": 1, "position": "1-1", "timestamp": "2026-11-20T09:30:00.000Z",
                "project_id": "p", "run_id": run, "status": "completed", "success": true, "message": message,
                "duration_ms": 1, "artifacts": 0, "download_url": null, "error": null, "evidence": null
            })
        };
        shown.show(&completion("q", "another"));
        assert!(shown.completion.is_none());
        shown.show(&completion("r", "this"));
        shown.show(&completion("r", "too late"));
        assert_eq!(shown.completion.unwrap().message, "this");
    }
}
