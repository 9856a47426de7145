//! `POST /api/projects/{id}/events`: a worker outside publishes what it does, one event or an array of them.

use std::sync::Arc;

use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use crate::auth::Caller;
use crate::domain::event::{
    AgentUpdate, Artifact, Completion, Custom, Eta, EventBody, Evidence, LogLine, LogLines, RunError,
    StatusUpdate,
};
use crate::domain::ids::RunId;
use crate::domain::run::{AgentStatus, RunStatus};
use crate::domain::time::Timestamp;
use crate::service::Service;
use crate::service::error::FieldError;
use crate::service::publish::{ITEMS_MAX, ProducerSeq, Publication, Published};
use crate::surfaces::http::body::{Fields, JsonBody};
use crate::surfaces::http::front::Turn;
use crate::surfaces::http::problem::Problem;
use crate::surfaces::rest::logs::{LEVELS, level};
use crate::surfaces::rest::projects::project_id;
use crate::surfaces::rest::runs::idempotency_key;

const TYPES: [&str; 6] = ["log", "agent_update", "status_update", "artifact", "completion", "event"];
const AGENT_STATES: [&str; 6] = ["started", "progress", "completed", "failed", "skipped", "reused"];

/// `POST /api/projects/{id}/events`
pub async fn publish(
    request: HttpRequest,
    service: web::Data<Service>,
    caller: Caller,
    id: web::Path<String>,
    body: JsonBody,
) -> Result<HttpResponse, Problem> {
    let id = project_id(&id)?;
    let key = idempotency_key(request.headers(), &format!("publish:{id}"), &body.bytes)?;
    let items = publications(body.value, service.now())?;
    let publishing = service.publish(caller, id, items, key).await?;
    if let Some(turn) = request.extensions().get::<Turn>() {
        // What the same publisher sends next comes later in the log whatever happens, and may share the commit.
        turn.pass();
    }
    Ok(accepted(&publishing.published().await?))
}

pub(super) fn accepted(published: &Published) -> HttpResponse {
    let mut document = json!({
        "position": published.position.to_string(),
        "accepted": published.accepted,
        "duplicates": published.duplicates,
    });
    if let Some(run) = published.run_id {
        document["run_id"] = json!(run);
    }
    HttpResponse::Accepted().json(document)
}

pub(super) fn publications(body: Value, now: Timestamp) -> Result<Vec<Publication>, Problem> {
    let items = match body {
        Value::Array(items) if items.len() > ITEMS_MAX => {
            let error = FieldError::new("body", format!("must hold 1 to {ITEMS_MAX} events"));
            return Err(Problem::invalid(vec![error]));
        }
        Value::Array(items) => {
            items.into_iter().enumerate().map(|(place, item)| (format!("{place}."), item)).collect()
        }
        one => vec![(String::new(), one)],
    };
    let mut publications = Vec::with_capacity(items.len());
    let mut wrong = Vec::new();
    for (prefix, item) in items {
        match publication(prefix, item, now) {
            Ok(publication) => publications.push(publication),
            Err(errors) => wrong.extend(errors),
        }
    }
    if wrong.is_empty() { Ok(publications) } else { Err(Problem::invalid(wrong)) }
}

fn publication(prefix: String, item: Value, now: Timestamp) -> Result<Publication, Vec<FieldError>> {
    let mut fields = Fields::under(prefix.clone(), item).map_err(|error| vec![error])?;
    let kind = fields.one_of("type", &TYPES, |name| TYPES.into_iter().find(|known| *known == name));
    let kind = fields.required("type", kind);
    let run_id = fields.text("run_id").map(|text| {
        let id = text.parse::<RunId>();
        if id.is_err() {
            fields.wrong("run_id", "must be the id of a run");
        }
        id
    });
    let producer = producer(&mut fields);
    let lease_ms = natural(&mut fields, "lease_ms");
    let Some(kind) = kind else {
        // Which fields belong there is not known without a type.
        return Err(fields.errors());
    };
    let body = match kind {
        "log" => log(&mut fields, &prefix, now).map(EventBody::Log),
        "agent_update" => agent_update(&mut fields).map(EventBody::AgentUpdate),
        "status_update" => status_update(&mut fields, &prefix).map(EventBody::StatusUpdate),
        "artifact" => artifact(&mut fields).map(EventBody::Artifact),
        "completion" => completion(&mut fields, &prefix).map(EventBody::Completion),
        _ => custom(&mut fields).map(EventBody::Event),
    };
    fields.finish()?;
    match body {
        Some(body) => Ok(Publication { run_id: run_id.and_then(Result::ok), body, producer, lease_ms }),
        None => Err(vec![FieldError::new(format!("{prefix}type"), "has fields that cannot be read")]),
    }
}

fn producer(fields: &mut Fields) -> Option<ProducerSeq> {
    let producer = fields.text("producer");
    let epoch = natural(fields, "epoch");
    let seq = natural(fields, "seq");
    match (producer, epoch, seq) {
        (Some(producer), Some(epoch), Some(seq)) => Some(ProducerSeq { producer, epoch, seq }),
        (None, None, None) => None,
        _ => {
            fields.wrong("producer", "must come with epoch and seq, or none of the three");
            None
        }
    }
}

fn natural(fields: &mut Fields, name: &'static str) -> Option<u64> {
    let number = fields.integer(name)?;
    let natural = u64::try_from(number).ok();
    if natural.is_none() {
        fields.wrong(name, "must not be negative");
    }
    natural
}

fn run_status(fields: &mut Fields) -> Option<RunStatus> {
    let names = RunStatus::ALL.map(RunStatus::as_str);
    let status = fields.one_of("status", &names, RunStatus::parse);
    fields.required("status", status)
}

fn status_update(fields: &mut Fields, prefix: &str) -> Option<StatusUpdate> {
    let status = run_status(fields);
    let progress = fields.number("progress").unwrap_or(0.0);
    let message = fields.text("message").unwrap_or_default();
    let eta = fields.object("eta").and_then(|eta| {
        let inner = Fields::under(format!("{prefix}eta."), Value::Object(eta)).ok();
        fields.nested(inner, |eta| {
            let (low, high) = (natural(eta, "low_ms"), natural(eta, "high_ms"));
            Some(Eta { low_ms: eta.required("low_ms", low)?, high_ms: eta.required("high_ms", high)? })
        })
    });
    Some(StatusUpdate { status: status?, progress, message, eta })
}

fn agent_update(fields: &mut Fields) -> Option<AgentUpdate> {
    let agent = fields.text("agent");
    let agent = fields.required("agent", agent);
    let status = fields.one_of("status", &AGENT_STATES, |name| {
        serde_json::from_value::<AgentStatus>(Value::String(name.to_owned())).ok()
    });
    let status = fields.required("status", status);
    let index = natural(fields, "index").unwrap_or(1);
    let total = natural(fields, "total").unwrap_or(index);
    let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    let title = fields.text("title");
    let message = fields.text("message").unwrap_or_default();
    let ended = status.is_some_and(AgentStatus::is_ended);
    let progress = fields.number("progress").unwrap_or(if ended { 100.0 } else { 0.0 });
    let duration_ms = natural(fields, "duration_ms");
    let agent = agent?;
    Some(AgentUpdate {
        title: title.unwrap_or_else(|| agent.clone()),
        agent,
        index: small(index),
        total: small(total),
        status: status?,
        message,
        progress,
        duration_ms,
    })
}

fn log(fields: &mut Fields, prefix: &str, now: Timestamp) -> Option<LogLines> {
    let level = fields.one_of("level", &LEVELS, level).or(None);
    let agent = fields.text("agent");
    let lines = fields.list("lines");
    let lines = fields.required("lines", lines)?;
    let mut read = Vec::with_capacity(lines.len());
    for (place, line) in lines.into_iter().enumerate() {
        // A line is a text, or an object as in the log; its number is given by the server.
        let line = match line {
            Value::String(text) => Some(LogLine { n: 0, at: now, text: text.into() }),
            other => {
                let inner = match Fields::under(format!("{prefix}lines.{place}."), other) {
                    Ok(inner) => Some(inner),
                    Err(error) => {
                        fields.wrong(&format!("lines.{place}"), error.message);
                        None
                    }
                };
                fields.nested(inner, |line| {
                    line.any("n");
                    let at = line.text("at").and_then(|text| {
                        let at = text.parse::<Timestamp>().ok();
                        if at.is_none() {
                            line.wrong("at", "must be a time as RFC 3339 writes it");
                        }
                        at
                    });
                    let text = line.text("text");
                    let text: Arc<str> = line.required("text", text)?.into();
                    Some(LogLine { n: 0, at: at.unwrap_or(now), text })
                })
            }
        };
        read.extend(line);
    }
    Some(LogLines {
        level: level.unwrap_or(crate::domain::event::LogLevel::Info),
        agent,
        lines: read,
        skipped: None,
    })
}

fn artifact(fields: &mut Fields) -> Option<Artifact> {
    let path = fields.text("path");
    let path = fields.required("path", path);
    let media_type = fields.text("media_type");
    let size = natural(fields, "size");
    let size = fields.required("size", size);
    let sha256 = fields.text("sha256");
    let sha256 = fields.required("sha256", sha256);
    let url = fields.text("url");
    let url = fields.required("url", url);
    let agent = fields.text("agent");
    let path = path?;
    let guessed = || mime_guess::from_path(&path).first_or_octet_stream().essence_str().to_owned();
    let media_type = media_type.unwrap_or_else(guessed);
    Some(Artifact { path, media_type, size: size?, sha256: sha256?, url: url?, agent })
}

fn completion(fields: &mut Fields, prefix: &str) -> Option<Completion> {
    let status = run_status(fields);
    let success = fields.boolean("success");
    let message = fields.text("message").unwrap_or_default();
    let duration_ms = natural(fields, "duration_ms").unwrap_or(0);
    let artifacts = natural(fields, "artifacts").unwrap_or(0);
    let download_url = fields.text("download_url");
    let error = fields.object("error").and_then(|error| {
        let inner = Fields::under(format!("{prefix}error."), Value::Object(error)).ok();
        fields.nested(inner, |error| {
            let (agent, message) = (error.text("agent"), error.text("message"));
            let message = error.required("message", message);
            let file = error.text("file");
            let line = natural(error, "line").and_then(|line| u32::try_from(line).ok());
            Some(RunError { agent, message: message?, file, line })
        })
    });
    let evidence = fields.object("evidence").and_then(|evidence| {
        let inner = Fields::under(format!("{prefix}evidence."), Value::Object(evidence)).ok();
        fields.nested(inner, |evidence| {
            let mut count = |name| natural(evidence, name).unwrap_or(0);
            let (ended, left, took_ms) =
                (count("processes_ended"), count("processes_left"), count("took_ms"));
            let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
            Some(Evidence { processes_ended: small(ended), processes_left: small(left), took_ms })
        })
    });
    let status = status?;
    let succeeded = status == RunStatus::Completed;
    if success.is_some_and(|success| success != succeeded) {
        fields.wrong("success", "must say the same as status");
    }
    Some(Completion {
        status,
        success: succeeded,
        message,
        duration_ms,
        artifacts,
        download_url,
        error,
        evidence,
    })
}

fn custom(fields: &mut Fields) -> Option<Custom> {
    let name = fields.text("name");
    let name = fields.required("name", name);
    let data = fields.any("data").unwrap_or(Value::Null);
    Some(Custom { name: name?, data })
}

#[cfg(test)]
#[path = "publications_tests.rs"]
mod tests;
