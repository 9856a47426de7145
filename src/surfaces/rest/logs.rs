//! `/api/runs/{id}/logs` and `/logs.txt`, and the same of a project.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::stream;
use serde_json::{Value, json};

use crate::auth::Caller;
use crate::domain::event::LogLevel;
use crate::service::Service;
use crate::service::logs::{LogOf, LogQuery};
use crate::surfaces::http::problem::Problem;
use crate::surfaces::http::query::{NoQuery, Query};
use crate::surfaces::rest::projects::project_id;
use crate::surfaces::rest::runs::run_id;

/// Lines of one answer when nothing is said.
const LINES_DEFAULT: usize = 200;
/// Lines of one answer at most.
const LINES_MAX: usize = 5_000;
/// Characters that may be searched for.
const SEARCH_CHARS_MAX: usize = 200;

/// The level of that name.
pub(super) fn level(text: &str) -> Option<LogLevel> {
    match text {
        "debug" => Some(LogLevel::Debug),
        "info" => Some(LogLevel::Info),
        "warning" => Some(LogLevel::Warning),
        "error" => Some(LogLevel::Error),
        _ => None,
    }
}

/// Names of all levels.
pub(super) const LEVELS: [&str; 4] = ["debug", "info", "warning", "error"];

/// `GET /api/runs/{id}/logs`: lines from `from` on; `level` is the least that is shown.
pub async fn of_run(
    request: HttpRequest,
    service: web::Data<Service>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    range(&request, &service, caller, LogOf::Run(run_id(&id)?)).await
}

/// `GET /api/projects/{id}/logs`: likewise, of lines that workers outside wrote for no run.
pub async fn of_room(
    request: HttpRequest,
    service: web::Data<Service>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    range(&request, &service, caller, LogOf::Room(project_id(&id)?)).await
}

async fn range(
    request: &HttpRequest,
    service: &Service,
    caller: Caller,
    of: LogOf,
) -> Result<HttpResponse, Problem> {
    let query = log_query(request.query_string())?;
    let page = service.logs(caller, of, query).await?;
    let lines: Vec<Value> = page
        .lines
        .iter()
        .map(|line| {
            json!({ "n": line.n, "at": line.at, "level": line.level, "agent": line.agent, "text": line.text })
        })
        .collect();
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(json!({ "lines": lines, "total": page.total, "gone": page.gone, "next_from": page.next_from })))
}

fn log_query(text: &str) -> Result<LogQuery, Problem> {
    let mut query = Query::of(text);
    let from = query.stated::<u64>("from", "the number of a line").unwrap_or(1);
    let limit = query.limit(LINES_DEFAULT, LINES_MAX);
    let agent = query.text("agent");
    let level = query.text("level").and_then(|text| {
        let level = level(&text);
        if level.is_none() {
            query.wrong("level", format!("must be one of {}", LEVELS.join(", ")));
        }
        level
    });
    let text = query.text("q");
    if text.as_ref().is_some_and(|text| text.chars().count() > SEARCH_CHARS_MAX) {
        query.wrong("q", format!("must have at most {SEARCH_CHARS_MAX} characters"));
    }
    query.finish()?;
    Ok(LogQuery { from, limit, agent, level, text })
}

/// `GET /api/runs/{id}/logs.txt`
pub async fn text_of_run(
    service: web::Data<Service>,
    caller: Caller,
    id: web::Path<String>,
    _: NoQuery,
) -> Result<HttpResponse, Problem> {
    let id = run_id(&id)?;
    text(&service, caller, LogOf::Run(id), format!("run-{id}.log")).await
}

/// `GET /api/projects/{id}/logs.txt`
pub async fn text_of_room(
    service: web::Data<Service>,
    caller: Caller,
    id: web::Path<String>,
    _: NoQuery,
) -> Result<HttpResponse, Problem> {
    let id = project_id(&id)?;
    text(&service, caller, LogOf::Room(id), format!("project-{id}.log")).await
}

async fn text(service: &Service, caller: Caller, of: LogOf, name: String) -> Result<HttpResponse, Problem> {
    let pieces = service.logs_text(caller, of).await?;
    let pieces =
        stream::unfold(pieces, |mut pieces| async move { pieces.recv().await.map(|piece| (piece, pieces)) });
    Ok(HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .streaming(pieces))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries() {
        let query = log_query("agent=intake&level=warning&from=12&limit=7&q=a+b").unwrap();
        assert_eq!((query.from, query.limit, query.level), (12, 7, Some(LogLevel::Warning)));
        assert_eq!((query.agent.as_deref(), query.text.as_deref()), (Some("intake"), Some("a b")));
        let long = format!("q={}", "x".repeat(201));
        for bad in ["level=loud", "from=-1", "from=x", "limit=0", "limit=5001", "agnet=x", &long] {
            assert!(log_query(bad).is_err(), "{bad}");
        }
        for name in LEVELS {
            assert!(level(name).is_some(), "{name}");
        }
    }
}
