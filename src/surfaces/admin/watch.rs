//! Samples, alerts and the audit log over REST.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

use crate::auth::Caller;
use crate::domain::ids::AuditId;
use crate::service::Service;
use crate::surfaces::admin::clients::answer;
use crate::surfaces::admin::wire;
use crate::surfaces::http::body::{Fields, JsonBody};
use crate::surfaces::http::problem::Problem;
use crate::surfaces::http::query::{NoQuery, Query};

/// Entries of one answer when nothing is said.
const ENTRIES_DEFAULT: usize = 50;
/// Entries of one answer at most.
const ENTRIES_MAX: usize = 500;

/// `GET /api/admin/history`
pub async fn history(
    service: web::Data<Service>,
    caller: Caller,
    _: NoQuery,
) -> Result<HttpResponse, Problem> {
    Ok(answer(&json!({ "samples": service.history(caller)? })))
}

/// `GET /api/admin/alerts`
pub async fn alerts(
    service: web::Data<Service>,
    caller: Caller,
    _: NoQuery,
) -> Result<HttpResponse, Problem> {
    Ok(answer(&wire::alerts(&service.alerts(caller).await?)))
}

/// `POST /api/admin/alerts/{id}/acknowledge`
pub async fn acknowledge(
    service: web::Data<Service>,
    caller: Caller,
    id: web::Path<String>,
    body: JsonBody,
) -> Result<HttpResponse, Problem> {
    Fields::of(body.value)?.finish().map_err(Problem::invalid)?;
    let id: u64 = id.parse().map_err(|_| Problem::not_found("there is no such alert"))?;
    Ok(answer(&json!(service.acknowledge(caller, id).await?)))
}

/// `GET /api/admin/audit`
pub async fn audit(
    request: HttpRequest,
    service: web::Data<Service>,
    caller: Caller,
) -> Result<HttpResponse, Problem> {
    let mut query = Query::of(request.query_string());
    let limit = query.limit(ENTRIES_DEFAULT, ENTRIES_MAX);
    let before = query.parsed::<AuditId>("cursor", "the `next_cursor` of an answer");
    query.finish()?;
    // One more than is shown says whether there are older ones.
    let mut entries = service.audit_log(caller, before, limit + 1).await?;
    let more = entries.len() > limit;
    entries.truncate(limit);
    let next = entries.last().filter(|_| more).map(|entry| entry.id);
    Ok(answer(&json!({ "entries": entries, "next_cursor": next })))
}
