//! Every change of a run, with what is said about it. Pure: the run as it is in, the run as it is to be and its events
//! out; the two go to the engine as one batch that compares and sets.

mod control;
mod endings;
#[cfg(test)]
mod tests;

pub(crate) use control::*;
pub(crate) use endings::*;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::artifacts::media_type;
use crate::domain::event::{
    AgentUpdate, Artifact, Completion, Custom, Eta, EventBody, LogLines, NewEvent, StatusUpdate,
};
use crate::domain::ids::ProjectId;
use crate::domain::run::{AgentManifest, AgentStatus, ManifestFile, Run, RunStatus, TokenUsage};
use crate::domain::time::Timestamp;
use crate::engine::{Batch, Change};
use crate::runs::executors::desk::{Early, EarlyPreview};
use crate::runs::files::{archive_url, file_url};
use crate::runs::{plan, recovery, retry};

/// Files that an agent may show before it is done.
const EARLY_FILES_MAX: usize = 1_000;

/// A run as it is to be and what is said about it.
#[derive(Clone, Debug)]
pub(crate) struct Transition {
    /// The run; its version is the one it was read with.
    pub(crate) run: Run,
    /// What is said, in order.
    pub(crate) events: Vec<EventBody>,
}

impl Transition {
    /// Nothing yet.
    pub(crate) fn unchanged(run: &Run) -> Self {
        Self::of(run)
    }

    fn of(run: &Run) -> Self {
        Self { run: run.clone(), events: Vec::new() }
    }

    /// The same with these log lines said first.
    pub(crate) fn after_lines(mut self, lines: Vec<LogLines>) -> Self {
        self.events.splice(0..0, lines.into_iter().map(EventBody::Log));
        self
    }

    /// This change and one that was made of its run, as one.
    pub(crate) fn and(mut self, next: Transition) -> Self {
        self.events.extend(next.events);
        Self { run: next.run, events: self.events }
    }

    /// All of it as one batch.
    pub(crate) fn into_batch(self) -> Batch {
        let events = append(&self.run, self.events);
        let expected_version = self.run.version;
        Batch::of([Change::UpdateRun { run: self.run, expected_version }, events])
    }

    /// The same with figures of an agent said.
    pub(crate) fn with_metrics(mut self, index: usize, metrics: BTreeMap<String, f64>) -> Self {
        if !metrics.is_empty() {
            let data = serde_json::json!({ "agent": self.run.agents[index].agent, "values": metrics });
            self.events.push(EventBody::Event(Custom { name: "metrics".to_owned(), data }));
        }
        self
    }

    /// The same with what models have used on record, by agent.
    pub(crate) fn with_used(mut self, used: BTreeMap<Arc<str>, TokenUsage>) -> Self {
        for (agent, used) in used {
            if let Some(record) = self.run.agents.iter_mut().find(|record| *record.agent == *agent) {
                record.usage = Some(record.usage.unwrap_or_default().and(used));
            }
        }
        self
    }

    fn say_status(&mut self, message: impl Into<String>, eta: Option<Eta>) {
        self.run.message = message.into();
        self.events.push(EventBody::StatusUpdate(StatusUpdate {
            status: self.run.status,
            progress: self.run.progress,
            message: self.run.message.clone(),
            eta,
        }));
    }

    fn say_agent(&mut self, index: usize, message: String, progress: f64) {
        let record = &self.run.agents[index];
        self.events.push(EventBody::AgentUpdate(AgentUpdate {
            agent: record.agent.clone(),
            title: record.title.clone(),
            index: place(index),
            total: place(self.run.agents.len() - 1),
            status: record.status.unwrap_or(AgentStatus::Started),
            message,
            progress,
            duration_ms: record.duration_ms,
        }));
    }

    /// Says the files of an agent, those that it has shown before not again.
    fn say_files(&mut self, index: usize) {
        let (project, record) = (self.run.project_id, &self.run.agents[index]);
        let files = record.output.iter().flat_map(|output| &output.files);
        let files = files.filter(|file| !record.early.contains(file));
        self.events.extend(files.map(|file| EventBody::Artifact(artifact(project, &record.agent, file))));
    }

    fn end(mut self, status: RunStatus, message: String, now: Timestamp) -> Self {
        self.run.status = status;
        // A run that ends while its clocks stand has not worked since they do.
        self.run.control.go_on(now);
        self.run.control.paused = None;
        self.run.control.gate = None;
        // Of an agent that did not come to its end, the last picture is what there is to see.
        for agent in self.run.agents.iter_mut().filter(|agent| plan::is_done(agent)) {
            agent.preview = None;
        }
        self.run.ended_at = Some(now);
        self.run.lease = None;
        if status == RunStatus::Completed {
            self.run.progress = 100.0;
        }
        self.say_status(message.clone(), None);
        let artifacts = plan::files_of(&self.run).len();
        self.events.push(EventBody::Completion(Completion {
            status,
            success: status == RunStatus::Completed,
            message,
            duration_ms: self.run.worked_ms(now),
            artifacts: u64::try_from(artifacts).unwrap_or(u64::MAX),
            download_url: (artifacts > 0).then(|| archive_url(self.run.project_id)),
            error: self.run.error.clone(),
            evidence: self.run.evidence.clone(),
        }));
        self
    }

    /// An agent that was at work stops without a result of its own.
    fn stop_agent(&mut self, index: Option<usize>, status: AgentStatus, message: &str, now: Timestamp) {
        let Some(index) = index else { return };
        let record = &mut self.run.agents[index];
        record.status = Some(status);
        let until = self.run.control.halted_at.unwrap_or(now);
        record.duration_ms = record.started_at.map(|started| until.since(started));
        let message = format!("{message} {} agent", record.agent);
        self.say_agent(index, message, 0.0);
    }

    /// Agents that are still at work when the run ends stop with it.
    fn stop_others(&mut self, now: Timestamp) {
        for index in recovery::all_at_work(&self.run).collect::<Vec<_>>() {
            self.stop_agent(Some(index), AgentStatus::Skipped, "Stopped", now);
        }
    }
}

/// Events of a run as a change.
pub(crate) fn append(run: &Run, events: Vec<EventBody>) -> Change {
    let events = events.into_iter().map(|body| NewEvent { run_id: Some(run.id), body }).collect();
    Change::Append { room: run.project_id, events }
}

/// What is said of a run that was accepted.
pub(crate) fn queued(run: &Run) -> Vec<EventBody> {
    vec![EventBody::StatusUpdate(StatusUpdate {
        status: RunStatus::Queued,
        progress: run.progress,
        message: run.message.clone(),
        eta: None,
    })]
}

/// The run was admitted by this boot.
pub(crate) fn starting(run: &Run, boot_id: &str) -> Transition {
    let mut change = Transition::of(run);
    change.run.status = RunStatus::Starting;
    change.run.lease = Some(boot_id.to_owned());
    change.say_status("Starting", None);
    change
}

/// The run works, beginning at an agent (none when all it needs is on record).
pub(crate) fn running(run: &Run, first: Option<usize>, eta: Option<Eta>, now: Timestamp) -> Transition {
    let mut change = Transition::of(run);
    change.run.status = RunStatus::Running;
    let halted = run.control.halted_at.is_some();
    change.run.control.go_on(now);
    let resumed = run.started_at.is_some() && !halted;
    change.run.started_at.get_or_insert(now);
    let message = match first.filter(|_| resumed) {
        Some(first) => {
            let attempt = run.crash_attempts + 1;
            format!("Resumed after a restart at {} agent (attempt {attempt})", run.agents[first].agent)
        }
        None if resumed => "Resumed after a restart".to_owned(),
        None if halted => "Goes on".to_owned(),
        None => "Running".to_owned(),
    };
    let pauses = retry::pauses_left(run, now);
    let pauses = pauses.iter().map(|(index, left_ms)| {
        format!("; {} agent is tried again in {}", run.agents[*index].agent, seconds(*left_ms))
    });
    let message = pauses.fold(message, |message, pause| message + &pause);
    change.say_status(message, eta);
    change
}

/// An agent begins.
pub(crate) fn agent_started(run: &Run, index: usize, now: Timestamp) -> Transition {
    let mut change = Transition::of(run);
    let record = &mut change.run.agents[index];
    record.status = Some(AgentStatus::Started);
    record.started_at = Some(now);
    record.retry_at = None;
    record.duration_ms = None;
    record.output = None;
    record.early.clear();
    record.preview = None;
    record.summary = None;
    record.shortfall = None;
    let message = match record.failed_tries {
        0 => format!("Starting {} agent", record.agent),
        failed => format!("Starting {} agent, try {}", record.agent, failed + 1),
    };
    change.say_agent(index, message, 0.0);
    change
}

/// An agent goes on: how far it is, how far the run is.
pub(crate) fn agent_progress(
    run: &Run,
    index: usize,
    (percent, message): (f64, String),
    (progress, eta): (f64, Option<Eta>),
) -> Transition {
    let mut change = Transition::of(run);
    change.run.agents[index].status = Some(AgentStatus::Progress);
    change.run.progress = progress;
    // That it will pause is what matters more.
    let silent = message.is_empty() || run.status == RunStatus::Pausing;
    let status = if silent { run.message.clone() } else { message.clone() };
    change.say_agent(index, message, percent);
    change.say_status(status, eta);
    change
}

/// What an agent made and what the run looks like with it.
pub(crate) struct AgentDone {
    /// Its place, from 0.
    pub(crate) index: usize,
    /// Its files.
    pub(crate) output: AgentManifest,
    /// One sentence about them.
    pub(crate) summary: String,
    /// How long it worked.
    pub(crate) took_ms: u64,
    /// How far the run is.
    pub(crate) progress: f64,
    /// How long the rest will take.
    pub(crate) eta: Option<Eta>,
    /// Its condition did not hold.
    pub(crate) skipped: bool,
    /// What it could not do.
    pub(crate) shortfall: Option<String>,
}

/// An agent is done; its files are durable already.
pub(crate) fn agent_completed(run: &Run, done: AgentDone) -> Transition {
    let mut change = Transition::of(run);
    let record = &mut change.run.agents[done.index];
    record.status = Some(if done.skipped { AgentStatus::Skipped } else { AgentStatus::Completed });
    record.duration_ms = Some(done.took_ms);
    record.output = Some(done.output);
    record.shortfall = done.shortfall;
    let message = match done.skipped {
        true => format!("Skipped {} agent: {}", record.agent, done.summary),
        false => format!("Completed {} agent in {}", record.agent, seconds(done.took_ms)),
    };
    record.summary = Some(done.summary);
    change.run.progress = done.progress;
    change.say_files(done.index);
    let record = &mut change.run.agents[done.index];
    record.early.clear();
    // Whoever has just heard of it may still fetch it; a file of the output takes its place.
    let output = record.output.iter().flat_map(|output| &output.files);
    if record.preview.as_ref().is_some_and(|preview| output.into_iter().any(|file| file.path == preview.path))
    {
        record.preview = None;
    }
    change.say_agent(done.index, message.clone(), 100.0);
    change.say_status(message, done.eta);
    change
}

/// An agent shows files and figures while it works.
pub(crate) fn agent_shows(run: &Run, index: usize, early: Early) -> Transition {
    let mut change = Transition::of(run);
    let (project, record) = (run.project_id, &mut change.run.agents[index]);
    let mut events = Vec::new();
    for file in early.files {
        events.push(EventBody::Artifact(artifact(project, &record.agent, &file)));
        record.early.retain(|known| known.path != file.path);
        if record.early.len() < EARLY_FILES_MAX {
            record.early.push(file);
        }
    }
    if let Some(preview) = early.preview {
        record.preview = Some(preview.file);
    }
    let told = early.told.into_iter();
    events.extend(told.map(|(name, data)| EventBody::Event(Custom { name: name.to_owned(), data })));
    change.events.extend(events);
    change.with_metrics(index, early.metrics)
}

/// Where to fetch a preview: the address changes with the picture, so that no cache shows an older one.
pub(crate) fn preview_url(run: &Run, preview: &EarlyPreview) -> String {
    let url = file_url(run.project_id, &preview.file.path);
    format!("{url}?v={}", &preview.file.sha256[..preview.file.sha256.len().min(12)])
}

/// The newest preview as it goes to readers; it is not in the log.
pub(crate) fn preview_message(run: &Run, index: usize, preview: &EarlyPreview, url: &str) -> String {
    let message = serde_json::json!({
        "type": "preview",
        "project_id": run.project_id,
        "run_id": run.id,
        "agent": run.agents[index].agent,
        "step": preview.step,
        "of": preview.of,
        "url": url,
    });
    message.to_string()
}

/// Agents need not work: earlier outputs are taken.
pub(crate) fn reused(run: &Run, agents: &[usize], progress: f64, eta: Option<Eta>) -> Transition {
    let mut change = Transition::of(run);
    change.run.progress = progress;
    for &index in agents {
        let record = &mut change.run.agents[index];
        record.status = Some(AgentStatus::Reused);
        let message = format!("Reused the output of {} agent", record.agent);
        change.say_files(index);
        change.say_agent(index, message, 100.0);
    }
    change.say_status(format!("Reused the output of {}", counted(agents.len(), "agent")), eta);
    change
}

/// All agents are done; `partial` when one of them could not do all of its work.
pub(crate) fn completed(run: &Run, now: Timestamp) -> Transition {
    let took_ms = run.worked_ms(now);
    let files = plan::files_of(run).len();
    let (agents, files) = (counted(run.agents.len(), "agent"), counted(files, "file"));
    let mut message = format!("Completed {agents} in {}, {files}", seconds(took_ms));
    let short: Vec<&str> = run.agents.iter().filter_map(|agent| agent.shortfall.as_deref()).collect();
    if short.is_empty() {
        return Transition::of(run).end(RunStatus::Completed, message, now);
    }
    message.push_str(&format!("; {}", short.join("; ")));
    Transition::of(run).end(RunStatus::Partial, message, now)
}

fn artifact(project: ProjectId, agent: &str, file: &ManifestFile) -> Artifact {
    Artifact {
        path: file.path.clone(),
        media_type: media_type(&file.path),
        size: file.size,
        sha256: file.sha256.clone(),
        url: file_url(project, &file.path),
        agent: Some(agent.to_owned()),
    }
}

fn place(index: usize) -> u32 {
    u32::try_from(index + 1).unwrap_or(u32::MAX)
}

fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn seconds(ms: u64) -> String {
    format!("{}.{}s", ms / 1_000, ms % 1_000 / 100)
}
