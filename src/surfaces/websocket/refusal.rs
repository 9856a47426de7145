//! How an upgrade is refused: the problem as a plain HTTP response.

use actix_web::http::header;

use crate::surfaces::http::gate::log_refusal;
use crate::surfaces::http::problem::{MEDIA_TYPE, Problem};
use crate::surfaces::websocket::upgrade::Incoming;

/// Refuses an upgrade.
pub(in crate::surfaces) async fn refuse(incoming: Incoming, problem: &Problem) {
    let status = problem.status();
    log_refusal("a socket", problem);
    let retry_after = problem.header(&header::RETRY_AFTER).unwrap_or("5").to_owned();
    let mut headers = vec![("Content-Type", MEDIA_TYPE), ("Cache-Control", "no-store")];
    match status.as_u16() {
        401 => headers.push(("WWW-Authenticate", "Bearer")),
        405 => headers.push(("Allow", "GET")),
        426 => headers.push(("Sec-WebSocket-Version", "13")),
        429 | 503 => headers.push(("Retry-After", &retry_after)),
        _ => {}
    }
    let reason = status.canonical_reason().unwrap_or("");
    incoming.refuse(status.as_u16(), reason, &headers, &problem.document().to_string()).await;
}
