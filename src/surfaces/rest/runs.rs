//! Starting, showing and controlling runs.

use actix_web::http::header::HeaderMap;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use crate::auth::Caller;
use crate::domain::control::Lane;
use crate::domain::ids::RunId;
use crate::service::Service;
use crate::service::control::Verdict;
use crate::service::idempotency::IdempotencyKey;
use crate::service::runs::{GenerateRequest, Generated, OnConflict, RUNS_LISTED_MAX};
use crate::surfaces::http::body::{Fields, JsonBody};
use crate::surfaces::http::problem::Problem;
use crate::surfaces::http::query::{NoQuery, Query};
use crate::surfaces::rest::projects::{project_id, ws_url};
use crate::surfaces::rest::wire;

/// The run that an address names; what is no id names none.
pub(super) fn run_id(text: &str) -> Result<RunId, Problem> {
    text.parse().map_err(|_| Problem::not_found("there is no such run"))
}

/// The `Idempotency-Key` of a request, in the scope of its operation.
pub(super) fn idempotency_key(
    headers: &HeaderMap,
    scope: &str,
    body: &[u8],
) -> Result<Option<IdempotencyKey>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    // What is not ASCII is refused as an empty key is.
    let key = value.to_str().unwrap_or_default();
    Ok(Some(IdempotencyKey::new(scope, key, body)?))
}

/// `POST /api/projects/{id}/generate`
pub async fn generate(
    request: HttpRequest,
    service: web::Data<Service>,
    caller: Caller,
    id: web::Path<String>,
    body: JsonBody,
) -> Result<HttpResponse, Problem> {
    let id = project_id(&id)?;
    let key = idempotency_key(request.headers(), &format!("generate:{id}"), &body.bytes)?;
    let generated = service.generate(caller, id, generate_request(body.value)?, key).await?;
    Ok(accepted(&generated, &ws_url(&request, &service, id)))
}

fn accepted(generated: &Generated, ws_url: &str) -> HttpResponse {
    HttpResponse::Accepted().json(json!({
        "run_id": generated.run_id,
        "status": generated.status,
        "position_in_queue": generated.position_in_queue,
        "starts_in": generated.starts_in,
        "ws_url": ws_url,
    }))
}

fn generate_request(body: Value) -> Result<GenerateRequest, Problem> {
    let mut fields = Fields::of(body)?;
    let request = GenerateRequest {
        params: fields.object("params").unwrap_or_default(),
        priority: fields.integer("priority").unwrap_or(0),
        lane: fields.one_of("lane", &Lane::NAMES, Lane::parse).unwrap_or_default(),
        on_conflict: fields.one_of("on_conflict", &OnConflict::NAMES, OnConflict::parse).unwrap_or_default(),
    };
    fields.finish().map_err(Problem::invalid)?;
    Ok(request)
}

/// `GET /api/projects/{id}/runs`
pub async fn of_project(
    request: HttpRequest,
    service: web::Data<Service>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let mut query = Query::of(request.query_string());
    let limit = query.limit(50, RUNS_LISTED_MAX);
    query.finish()?;
    let runs = service.runs_of(caller, project_id(&id)?, limit).await?;
    let mut listed = Vec::with_capacity(runs.len());
    for run in runs {
        listed.push(wire::run_view(&service.view_of(run).await?));
    }
    Ok(HttpResponse::Ok().json(json!({ "runs": listed })))
}

/// `GET /api/runs/{id}`
pub async fn show(
    service: web::Data<Service>,
    caller: Caller,
    id: web::Path<String>,
    _: NoQuery,
) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(wire::run_view(&service.run_view(caller, run_id(&id)?).await?)))
}

/// `POST /api/runs/{id}/cancel`
pub async fn cancel(
    service: web::Data<Service>,
    caller: Caller,
    id: web::Path<String>,
    body: JsonBody,
) -> Result<HttpResponse, Problem> {
    let id = run_id(&id)?;
    Fields::of(body.value)?.finish().map_err(Problem::invalid)?;
    let cancelled = service.cancel(caller, id).await?;
    let mut document = json!({ "run_id": id, "status": cancelled.status });
    if let Some(already) = cancelled.already {
        document["already"] = json!(already);
        return Ok(HttpResponse::Ok().json(document));
    }
    Ok(HttpResponse::Accepted().json(document))
}

/// `POST /api/runs/{id}/retry`
pub async fn retry(
    request: HttpRequest,
    service: web::Data<Service>,
    caller: Caller,
    id: web::Path<String>,
    body: JsonBody,
) -> Result<HttpResponse, Problem> {
    let id = run_id(&id)?;
    let key = idempotency_key(request.headers(), &format!("retry:{id}"), &body.bytes)?;
    let mut fields = Fields::of(body.value)?;
    let from_agent = fields.text("from_agent");
    fields.finish().map_err(Problem::invalid)?;
    let generated = service.retry(caller, id, from_agent, key).await?;
    let project = service.run(caller, generated.run_id).await?.project_id;
    Ok(accepted(&generated, &ws_url(&request, &service, project)))
}

/// `POST /api/runs/{id}/pause`
pub async fn pause(
    service: web::Data<Service>,
    caller: Caller,
    id: web::Path<String>,
    body: JsonBody,
) -> Result<HttpResponse, Problem> {
    let id = run_id(&id)?;
    Fields::of(body.value)?.finish().map_err(Problem::invalid)?;
    let status = service.pause(caller, id).await?;
    Ok(HttpResponse::Accepted().json(json!({ "run_id": id, "status": status })))
}

/// `POST /api/runs/{id}/resume`
pub async fn resume(
    service: web::Data<Service>,
    caller: Caller,
    id: web::Path<String>,
    body: JsonBody,
) -> Result<HttpResponse, Problem> {
    let id = run_id(&id)?;
    Fields::of(body.value)?.finish().map_err(Problem::invalid)?;
    let status = service.resume(caller, id).await?;
    Ok(HttpResponse::Accepted().json(json!({ "run_id": id, "status": status })))
}

/// `POST /api/runs/{id}/approve`
pub async fn approve(
    service: web::Data<Service>,
    caller: Caller,
    id: web::Path<String>,
    body: JsonBody,
) -> Result<HttpResponse, Problem> {
    answer(&service, caller, &id, body, Verdict::Approve).await
}

/// `POST /api/runs/{id}/reject`
pub async fn reject(
    service: web::Data<Service>,
    caller: Caller,
    id: web::Path<String>,
    body: JsonBody,
) -> Result<HttpResponse, Problem> {
    answer(&service, caller, &id, body, Verdict::Reject).await
}

async fn answer(
    service: &Service,
    caller: Caller,
    id: &str,
    body: JsonBody,
    verdict: Verdict,
) -> Result<HttpResponse, Problem> {
    let id = run_id(id)?;
    let mut fields = Fields::of(body.value)?;
    let (item, text) = (fields.text("item"), fields.text("text"));
    fields.finish().map_err(Problem::invalid)?;
    let status = service.answer(caller, id, verdict, item, text).await?;
    Ok(HttpResponse::Ok().json(json!({ "run_id": id, "status": status })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_of_generate() {
        let empty = generate_request(json!({})).unwrap();
        assert_eq!((empty.priority, empty.on_conflict), (0, OnConflict::Reject));
        let full = json!({ "params": { "seed": 1 }, "priority": -5, "on_conflict": "replace" });
        let full = generate_request(full).unwrap();
        assert_eq!((full.priority, full.on_conflict, full.params.len()), (-5, OnConflict::Replace, 1));
        for bad in [
            json!({ "priority": "high" }),
            json!({ "priority": 1.5 }),
            json!({ "on_conflict": "wait" }),
            json!({ "on_conflict": 1 }),
            json!({ "lane": "fast" }),
            json!({ "params": "seed" }),
            json!({ "seed": 1 }),
            json!([]),
        ] {
            assert!(generate_request(bad.clone()).is_err(), "{bad}");
        }
    }
}
