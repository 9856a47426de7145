//! `POST /command` and `GET /status`.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde_json::{Map, Value, json};

use crate::auth::Caller;
use crate::auth::policy::Action;
use crate::domain::ids::RunId;
use crate::service::Service;
use crate::service::error::ServiceError;
use crate::service::projects::NewProject;
use crate::service::runs::GenerateRequest;
use crate::surfaces::http::body::{Fields, JsonBody};
use crate::surfaces::http::problem::Problem;
use crate::surfaces::http::query::NoQuery;
use crate::surfaces::rest::wire;
use crate::surfaces::socketio::house::Lobby;
use crate::surfaces::vocabulary::IMAGE_PIPELINE;

/// Params of a picture that a command may give.
const PARAMS: [&str; 4] = ["steps", "width", "height", "seed"];

/// What the machine is to do.
#[derive(Debug, PartialEq)]
enum Command {
    /// Make a picture.
    Generate { prompt: String, params: Map<String, Value> },
    /// End a job: the one that is named, or the one that works.
    Stop { job: Option<RunId> },
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Generate,
    Stop,
}

impl Kind {
    fn parse(name: &str) -> Option<Self> {
        match name {
            "generate" => Some(Self::Generate),
            "stop" => Some(Self::Stop),
            _ => None,
        }
    }
}

impl Command {
    fn read(body: Value) -> Result<Self, Problem> {
        let mut fields = Fields::of(body)?;
        let kind = fields.one_of("command", &["generate", "stop"], Kind::parse);
        let kind = fields.required("command", kind);
        let command = if kind == Some(Kind::Stop) {
            let job = fields.text("job_id").map(|text| text.parse::<RunId>());
            if matches!(job, Some(Err(_))) {
                fields.wrong("job_id", "must be the UUID of a job");
            }
            Self::Stop { job: job.and_then(Result::ok) }
        } else {
            let prompt = fields.text("prompt");
            let prompt = match kind {
                Some(_) => fields.required("prompt", prompt),
                None => prompt,
            };
            let given = PARAMS.iter().filter_map(|name| {
                fields.integer(name).map(|number| ((*name).to_owned(), Value::from(number)))
            });
            let params = given.collect();
            Self::Generate { prompt: prompt.unwrap_or_default(), params }
        };
        fields.finish().map_err(Problem::invalid)?;
        Ok(command)
    }
}

/// `POST /command`
pub(super) async fn command(
    service: web::Data<Service>,
    lobby: web::Data<Lobby>,
    caller: Caller,
    _: NoQuery,
    body: JsonBody,
) -> Result<HttpResponse, Problem> {
    match Command::read(body.value)? {
        Command::Generate { prompt, params } => generate(&service, caller, prompt, params).await,
        Command::Stop { job } => stop(&service, &lobby, caller, job).await,
    }
}

async fn generate(
    service: &Service,
    caller: Caller,
    prompt: String,
    params: Map<String, Value>,
) -> Result<HttpResponse, Problem> {
    let new =
        NewProject { id: None, name: None, brief: prompt, pipeline: Some(IMAGE_PIPELINE.to_owned()), params };
    let project = service.create_project(caller, new, None).await.map_err(as_prompt)?;
    let generated = service.generate(caller, project.id, GenerateRequest::default(), None).await?;
    Ok(HttpResponse::Accepted().json(json!({
        "job_id": generated.run_id,
        "status": generated.status,
        "position_in_queue": generated.position_in_queue,
        "project_id": project.id,
        "project_url": wire::project_path(project.id),
    })))
}

/// Here the brief is called prompt, and params stand beside it.
fn as_prompt(error: ServiceError) -> Problem {
    match error {
        ServiceError::Invalid(mut errors) => {
            for error in &mut errors {
                match error.field.as_str() {
                    "brief" => error.field = "prompt".to_owned(),
                    field => error.field = field.strip_prefix("params.").unwrap_or(field).to_owned(),
                }
            }
            Problem::invalid(errors)
        }
        error => error.into(),
    }
}

async fn stop(
    service: &Service,
    lobby: &Lobby,
    caller: Caller,
    job: Option<RunId>,
) -> Result<HttpResponse, Problem> {
    let job = match job {
        Some(job) => job,
        // Which one works is known to those of the whole server.
        None => {
            caller.may(Action::ControlRuns).map_err(ServiceError::from)?;
            let detail = "no picture is being made";
            let nothing = || Problem::new(StatusCode::CONFLICT, "conflict", detail);
            working(&lobby.status()).ok_or_else(nothing)?
        }
    };
    let run = service.run(caller, job).await?;
    if run.pipeline != IMAGE_PIPELINE {
        return Err(Problem::not_found("there is no such job"));
    }
    let cancelled = service.cancel(caller, job).await?;
    let mut answer = json!({ "job_id": job, "status": cancelled.status });
    if let Some(already) = cancelled.already {
        answer["already"] = json!(already);
        return Ok(HttpResponse::Ok().json(answer));
    }
    Ok(HttpResponse::Accepted().json(answer))
}

/// The job that a status speaks of.
fn working(status: &str) -> Option<RunId> {
    let status: Value = serde_json::from_str(status).ok()?;
    status["job_id"].as_str()?.parse().ok()
}

/// `GET /status`
pub(super) async fn status(
    lobby: web::Data<Lobby>,
    caller: Caller,
    _: NoQuery,
) -> Result<HttpResponse, Problem> {
    caller.may(Action::Read).map_err(ServiceError::from)?;
    Ok(HttpResponse::Ok().content_type("application/json").body(lobby.status().to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read() {
        let full = json!({ "command": "generate", "prompt": "a ball", "steps": 4, "seed": 9 });
        let params = json!({ "steps": 4, "seed": 9 }).as_object().unwrap().clone();
        assert_eq!(Command::read(full).unwrap(), Command::Generate { prompt: "a ball".into(), params });
        assert_eq!(Command::read(json!({ "command": "stop" })).unwrap(), Command::Stop { job: None });
        for bad in [
            json!({}),
            json!({ "command": "generate" }),
            json!({ "command": "dance", "prompt": "a ball" }),
            json!({ "command": "stop", "prompt": "a ball" }),
            json!({ "command": "stop", "job_id": "7" }),
            json!({ "command": "generate", "prompt": "a ball", "steps": "4" }),
            json!({ "command": "generate", "prompt": "a ball", "colour": "red" }),
        ] {
            assert!(Command::read(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_job_of_a_status() {
        let job = RunId::generate();
        assert_eq!(working(&json!({ "job_id": job }).to_string()), Some(job));
        assert_eq!(working(r#"{"job_id":null}"#), None);
    }
}
