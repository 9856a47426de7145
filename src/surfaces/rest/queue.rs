//! The queue as a whole: shown, paused, let go on.

use actix_web::{HttpResponse, web};
use serde_json::{Value, json};

use crate::auth::Caller;
use crate::domain::control::Lane;
use crate::service::Service;
use crate::service::control::QueueView;
use crate::surfaces::http::body::{Fields, JsonBody};
use crate::surfaces::http::problem::Problem;
use crate::surfaces::http::query::NoQuery;

/// `GET /api/queue`
pub async fn show(service: web::Data<Service>, caller: Caller, _: NoQuery) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(document(&service.queue(caller).await?)))
}

/// `POST /api/queue/pause`
pub async fn pause(
    service: web::Data<Service>,
    caller: Caller,
    body: JsonBody,
) -> Result<HttpResponse, Problem> {
    Fields::of(body.value)?.finish().map_err(Problem::invalid)?;
    Ok(HttpResponse::Ok().json(document(&service.pause_queue(caller, true).await?)))
}

/// `POST /api/queue/resume`
pub async fn resume(
    service: web::Data<Service>,
    caller: Caller,
    body: JsonBody,
) -> Result<HttpResponse, Problem> {
    Fields::of(body.value)?.finish().map_err(Problem::invalid)?;
    Ok(HttpResponse::Ok().json(document(&service.pause_queue(caller, false).await?)))
}

/// The queue as it is on the wire.
pub fn document(view: &QueueView) -> Value {
    let lanes: serde_json::Map<String, Value> = Lane::NAMES
        .into_iter()
        .zip(view.waiting)
        .map(|(lane, depth)| (lane.to_owned(), depth.into()))
        .collect();
    json!({
        "paused": view.paused,
        "active": view.active,
        "active_max": view.active_max,
        "queue_depth": view.waiting.iter().sum::<usize>(),
        "lanes": lanes,
        "resting": view.resting,
        "oldest_queued_ms": view.oldest_queued_ms,
    })
}
