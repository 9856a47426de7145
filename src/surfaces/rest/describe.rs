//! `/api/openapi.json` and `/api/asyncapi.json`: kept by hand, held to the routes by a test.

use actix_web::HttpResponse;

use crate::surfaces::http::query::NoQuery;

/// The REST surface.
pub const OPENAPI: &str = include_str!("openapi.json");
/// The project room socket.
pub const ASYNCAPI: &str = include_str!("asyncapi.json");

/// `GET /api/openapi.json`
pub async fn openapi(_: NoQuery) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(OPENAPI)
}

/// `GET /api/asyncapi.json`
pub async fn asyncapi(_: NoQuery) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(ASYNCAPI)
}
