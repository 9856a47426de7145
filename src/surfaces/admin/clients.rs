//! Management of clients; PROTOCOL section 4.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Map, Value, json};

use crate::auth::Caller;
use crate::broker::clients::{ClientQuery, ClientType, Surface};
use crate::domain::channel::CHANNELS;
use crate::domain::ids::ClientId;
use crate::service::Service;
use crate::surfaces::admin::wire;
use crate::surfaces::http::body::{Fields, JsonBody};
use crate::surfaces::http::problem::Problem;
use crate::surfaces::http::query::{NoQuery, Query};

/// Clients of one answer when nothing is said.
const CLIENTS_DEFAULT: usize = 100;
/// Clients of one answer at most.
const CLIENTS_MAX: usize = 1_000;
/// Rooms of one answer when nothing is said.
const ROOMS_DEFAULT: usize = 50;
/// Rooms of one answer at most.
const ROOMS_MAX: usize = 500;

pub(super) fn answer(document: &Value) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(document)
}

/// `GET /websocket/clients`
pub async fn list(
    request: HttpRequest,
    service: web::Data<Service>,
    caller: Caller,
) -> Result<HttpResponse, Problem> {
    let mut query = Query::of(request.query_string());
    let wanted = ClientQuery {
        limit: query.limit(CLIENTS_DEFAULT, CLIENTS_MAX),
        surface: one_of(&mut query, "surface", Surface::ALL, Surface::as_str),
        kind: one_of(&mut query, "type", ClientType::ALL, ClientType::as_str),
        reads: None,
        text: query.text("q"),
    };
    query.finish()?;
    let view = service.clients(caller, &wanted).await?;
    let clients: Vec<Value> = view.clients.iter().map(wire::client).collect();
    let closed: Vec<Value> = view.closed.iter().map(wire::closing).collect();
    Ok(answer(&json!({ "clients": clients, "total": view.total, "closed": closed })))
}

/// What a parameter names; a word that names nothing is refused with those that do.
fn one_of<T: Copy, const N: usize>(
    query: &mut Query,
    field: &'static str,
    known: [T; N],
    name: fn(T) -> &'static str,
) -> Option<T> {
    let text = query.text(field)?;
    let found = known.into_iter().find(|one| name(*one) == text);
    if found.is_none() {
        query.wrong(field, format!("must be one of {}", known.map(name).join(", ")));
    }
    found
}

/// `POST /websocket/broadcast`
pub async fn broadcast(
    service: web::Data<Service>,
    caller: Caller,
    body: JsonBody,
) -> Result<HttpResponse, Problem> {
    let mut fields = Fields::of(body.value)?;
    let (message, channel) = (fields.any("message").unwrap_or(Value::Null), fields.text("channel"));
    fields.finish().map_err(Problem::invalid)?;
    let told = service.broadcast(caller, message, channel).await?;
    Ok(answer(&json!({ "clients": told })))
}

/// `POST /websocket/disconnect/{client_id}`
pub async fn disconnect(
    service: web::Data<Service>,
    caller: Caller,
    id: web::Path<String>,
    body: JsonBody,
) -> Result<HttpResponse, Problem> {
    let mut fields = Fields::of(body.value)?;
    let reason = fields.text("reason");
    fields.finish().map_err(Problem::invalid)?;
    let id: ClientId = id.parse().map_err(|_| Problem::not_found("there is no such client"))?;
    service.disconnect(caller, id, reason).await?;
    Ok(answer(&json!({ "client_id": id, "disconnected": true })))
}

/// `GET /websocket/stats`
pub async fn stats(service: web::Data<Service>, caller: Caller, _: NoQuery) -> Result<HttpResponse, Problem> {
    let stats = service.stats(caller).await?;
    let (_, readers) = service.rooms(caller, 0).await?;
    let mut channels = Map::new();
    for channel in CHANNELS {
        let query = ClientQuery {
            reads: Some(channel.to_owned()),
            surface: Some(Surface::Channels),
            ..ClientQuery::default()
        };
        let subscribers = service.clients(caller, &query).await?.total;
        if subscribers > 0 {
            channels.insert(channel.to_owned(), json!(subscribers));
        }
    }
    let (broker, sockets) = (&stats.broker, &stats.broker.sockets);
    Ok(answer(&json!({
        "clients": broker.connections.total,
        "by_surface": broker.connections.by_surface,
        "by_type": broker.connections.by_client_type,
        "channels": channels,
        "rooms": readers,
        "totals": {
            "published": broker.events.published_total,
            "delivered": broker.events.delivered_total,
            "closed": sockets.closed.values().sum::<u64>(),
        },
        "lagging": sockets.lagging,
        "queued_bytes": sockets.queued_bytes,
    })))
}

/// `GET /api/admin/rooms`
pub async fn rooms(
    request: HttpRequest,
    service: web::Data<Service>,
    caller: Caller,
) -> Result<HttpResponse, Problem> {
    let mut query = Query::of(request.query_string());
    let limit = query.limit(ROOMS_DEFAULT, ROOMS_MAX);
    query.finish()?;
    let (rooms, total) = service.rooms(caller, limit).await?;
    let rooms: Vec<Value> = rooms.iter().map(wire::room).collect();
    Ok(answer(&json!({ "rooms": rooms, "total": total })))
}
