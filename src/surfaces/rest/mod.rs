//! REST; PROTOCOL section 2.
//!
//! [`configure`] registers every route. It needs a [`Service`] in the app data, and [`crate::surfaces::http::gate::pass`]
//! around the app.

pub mod captions;
pub mod describe;
pub mod events;
pub mod express;
pub mod files;
pub mod health;
pub mod inputs;
pub mod logs;
pub mod projects;
pub mod publications;
pub mod queue;
pub mod runs;
pub mod shares;
pub mod wire;

use actix_web::http::{StatusCode, header};
use actix_web::web::{self, ServiceConfig};

use crate::service::Service;
use crate::surfaces::admin;
use crate::surfaces::http::body::BodyLimit;
use crate::surfaces::http::problem::Problem;
use crate::surfaces::http::routes::{at, not_found};

/// Every address with its methods, HEAD aside: what the API description must say, and a test holds it to that.
pub const ROUTES: &[(&str, &[&str])] = &[
    ("/api/projects", &["GET", "POST"]),
    ("/api/projects/{id}", &["GET", "PATCH", "DELETE"]),
    ("/api/projects/{id}/generate", &["POST"]),
    ("/api/projects/{id}/runs", &["GET"]),
    ("/api/projects/{id}/events", &["GET", "POST"]),
    ("/api/projects/{id}/files", &["GET"]),
    ("/api/projects/{id}/files/{path}", &["GET"]),
    ("/api/projects/{id}/archive.zip", &["GET"]),
    ("/api/projects/{id}/inputs", &["GET", "POST"]),
    ("/api/projects/{id}/inputs/{name}", &["GET", "DELETE"]),
    ("/api/projects/{id}/shares", &["GET", "POST"]),
    ("/api/projects/{id}/shares/{share}", &["DELETE"]),
    ("/api/projects/{id}/logs", &["GET"]),
    ("/api/projects/{id}/logs.txt", &["GET"]),
    ("/api/runs/{id}", &["GET"]),
    ("/api/runs/{id}/cancel", &["POST"]),
    ("/api/runs/{id}/retry", &["POST"]),
    ("/api/runs/{id}/pause", &["POST"]),
    ("/api/runs/{id}/resume", &["POST"]),
    ("/api/runs/{id}/approve", &["POST"]),
    ("/api/runs/{id}/reject", &["POST"]),
    ("/api/runs/{id}/captions", &["GET", "POST"]),
    ("/api/runs/{id}/captions.csv", &["GET"]),
    ("/api/runs/{id}/described/{name}", &["GET"]),
    ("/api/runs/{id}/inputs/{name}", &["GET"]),
    ("/api/runs/{id}/files", &["GET"]),
    ("/api/runs/{id}/files/{path}", &["GET"]),
    ("/api/runs/{id}/archive.zip", &["GET"]),
    ("/api/runs/{id}/logs", &["GET"]),
    ("/api/runs/{id}/logs.txt", &["GET"]),
    ("/api/queue", &["GET"]),
    ("/api/queue/pause", &["POST"]),
    ("/api/queue/resume", &["POST"]),
    ("/api/admin/stats", &["GET"]),
    ("/api/admin/history", &["GET"]),
    ("/api/admin/rooms", &["GET"]),
    ("/api/admin/alerts", &["GET"]),
    ("/api/admin/alerts/{id}/acknowledge", &["POST"]),
    ("/api/admin/audit", &["GET"]),
    ("/websocket/clients", &["GET"]),
    ("/websocket/broadcast", &["POST"]),
    ("/websocket/disconnect/{client_id}", &["POST"]),
    ("/websocket/stats", &["GET"]),
    ("/api/openapi.json", &["GET"]),
    ("/api/asyncapi.json", &["GET"]),
    ("/healthz", &["GET"]),
    ("/readyz", &["GET"]),
    ("/metrics", &["GET"]),
    ("/command", &["POST"]),
    ("/status", &["GET"]),
];

/// Registers every route of this surface, and a problem document for every other address under `/api`.
pub fn configure(config: &mut ServiceConfig, service: &Service) {
    let limit = BodyLimit(service.config().limits.body_bytes_max);
    config
        .app_data(web::Data::new(service.clone()))
        .app_data(web::Data::new(limit))
        .service(at("/healthz").get(health::alive).done())
        .service(at("/readyz").get(health::ready).done())
        .service(at("/metrics").get(health::metrics).done())
        .service(at("/websocket/clients").get(admin::clients::list).done())
        .service(at("/websocket/broadcast").post(admin::clients::broadcast).done())
        .service(at("/websocket/disconnect/{client_id}").post(admin::clients::disconnect).done())
        .service(at("/websocket/stats").get(admin::clients::stats).done())
        .service(
            // Patterns are tried in this order, so the address that is asked most often comes first.
            web::scope("/api")
                .service(at("/projects/{id}/events").get(events::read).post(publications::publish).done())
                .service(at("/projects").get(projects::list).post(projects::create).done())
                .service(
                    at("/projects/{id}")
                        .get(projects::show)
                        .patch(projects::update)
                        .delete(projects::remove)
                        .done(),
                )
                .service(at("/projects/{id}/generate").post(runs::generate).done())
                .service(at("/projects/{id}/runs").get(runs::of_project).done())
                .service(at("/projects/{id}/files").get(files::list).done())
                .service(at("/projects/{id}/files/{path:.*}").get(files::one).done())
                .service(at("/projects/{id}/archive.zip").get(files::archive).done())
                .service(at("/projects/{id}/inputs").get(inputs::list).post(inputs::add).done())
                .service(at("/projects/{id}/inputs/{name:.*}").get(inputs::one).delete(inputs::remove).done())
                .service(at("/projects/{id}/shares").get(shares::list).post(shares::create).done())
                .service(at("/projects/{id}/shares/{share}").delete(shares::remove).done())
                .service(at("/runs/{id}").get(runs::show).done())
                .service(at("/runs/{id}/cancel").post(runs::cancel).done())
                .service(at("/runs/{id}/retry").post(runs::retry).done())
                .service(at("/runs/{id}/pause").post(runs::pause).done())
                .service(at("/runs/{id}/resume").post(runs::resume).done())
                .service(at("/runs/{id}/approve").post(runs::approve).done())
                .service(at("/runs/{id}/reject").post(runs::reject).done())
                .service(at("/runs/{id}/captions").get(captions::show).post(captions::decide).done())
                .service(at("/runs/{id}/captions.csv").get(captions::table).done())
                .service(at("/runs/{id}/described/{name:.*}").get(captions::described).done())
                .service(at("/runs/{id}/inputs/{name:.*}").get(inputs::one_of_run).done())
                .service(at("/runs/{id}/files").get(files::list_of_run).done())
                .service(at("/runs/{id}/files/{path:.*}").get(files::one_of_run).done())
                .service(at("/runs/{id}/archive.zip").get(files::archive_of_run).done())
                .service(at("/runs/{id}/logs").get(logs::of_run).done())
                .service(at("/runs/{id}/logs.txt").get(logs::text_of_run).done())
                .service(at("/projects/{id}/logs").get(logs::of_room).done())
                .service(at("/projects/{id}/logs.txt").get(logs::text_of_room).done())
                .service(at("/queue").get(queue::show).done())
                .service(at("/queue/pause").post(queue::pause).done())
                .service(at("/queue/resume").post(queue::resume).done())
                .service(at("/admin/stats").get(admin::stats).done())
                .service(at("/admin/history").get(admin::watch::history).done())
                .service(at("/admin/rooms").get(admin::clients::rooms).done())
                .service(at("/admin/alerts").get(admin::watch::alerts).done())
                .service(at("/admin/alerts/{id}/acknowledge").post(admin::watch::acknowledge).done())
                .service(at("/admin/audit").get(admin::watch::audit).done())
                .service(at("/openapi.json").get(describe::openapi).done())
                .service(at("/asyncapi.json").get(describe::asyncapi).done())
                // A request that came here did not ask for an upgrade: those are taken over before routing.
                .service(at("/ws/projects/{id}").get(upgrade_required).done())
                .default_service(web::to(not_found)),
        );
}

async fn upgrade_required() -> Result<&'static str, Problem> {
    let detail = "this address speaks WebSocket; ask for an upgrade";
    Err(Problem::new(StatusCode::UPGRADE_REQUIRED, "upgrade-required", detail)
        .with_header(header::UPGRADE, "websocket"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_says_every_route_and_no_other() {
        let document: serde_json::Value = serde_json::from_str(describe::OPENAPI).unwrap();
        let mut described = Vec::new();
        for (path, operations) in document["paths"].as_object().unwrap() {
            for (method, operation) in operations.as_object().unwrap() {
                described.push((path.clone(), method.to_uppercase()));
                assert!(operation["responses"].is_object(), "{method} {path} says what it answers");
                assert!(operation["summary"].is_string(), "{method} {path} says what it does");
                // The gate stands in front of everything.
                for status in ["400", "401", "421", "429"] {
                    assert!(operation["responses"].get(status).is_some(), "{method} {path} says {status}");
                }
                let bodies = operation["requestBody"]["content"].as_object();
                for (media_type, body) in bodies.into_iter().flatten() {
                    assert!(body.get("example").is_some(), "{method} {path} shows a body as {media_type}");
                }
            }
        }
        let mut served: Vec<(String, String)> = ROUTES
            .iter()
            .flat_map(|(path, methods)| {
                methods.iter().map(|method| ((*path).to_owned(), (*method).to_owned()))
            })
            .collect();
        described.sort();
        served.sort();
        assert_eq!(described, served);
    }

    #[test]
    fn the_description_of_sockets_names_every_message() {
        let document: serde_json::Value = serde_json::from_str(describe::ASYNCAPI).unwrap();
        let messages = document["components"]["messages"].as_object().unwrap();
        for name in [
            "connection",
            "status_update",
            "agent_update",
            "log",
            "artifact",
            "preview",
            "completion",
            "event",
            "presence",
            "pong",
            "error",
            "shutdown",
            "broadcast",
            "ping",
            "ack",
            "get_state",
            "cancel",
            "auth",
        ] {
            assert!(messages.contains_key(name), "{name}");
        }
    }
}
