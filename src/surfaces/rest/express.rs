//! The short way of a publication: what most of them look like is recognised as it comes in, before any route is tried.
//!
//! It does what the gate, the route and the handler do, with the same functions. Whatever is not plain, and whatever is
//! refused before something was begun, goes the long way and is answered there.

use actix_http::{RequestHead, Response};
use actix_web::body::BoxBody;
use actix_web::http::header::{self, HeaderMap};
use actix_web::{HttpResponse, ResponseError};
use bytes::Bytes;

use crate::auth::{Auth, Caller};
use crate::domain::ids::ProjectId;
use crate::service::Service;
use crate::service::error::ServiceError;
use crate::service::publish::{Publication, Published};
use crate::surfaces::http::front::{Express, ExpressAnswer, Turn};
use crate::surfaces::http::problem::Problem;
use crate::surfaces::http::{gate, head_of, json};
use crate::surfaces::rest::publications::{accepted, publications};

/// Headers with which a publication is not a plain one.
const NOT_PLAIN: [header::HeaderName; 3] =
    [header::ORIGIN, header::CONTENT_ENCODING, header::ACCESS_CONTROL_REQUEST_METHOD];

/// Takes plain publications.
pub struct Publications {
    service: Service,
    auth: Auth,
}

impl Publications {
    /// Publishes through this service what comes from callers whom this gate lets in.
    pub fn new(service: Service, auth: Auth) -> Self {
        Self { service, auth }
    }
}

impl Express for Publications {
    fn take(&self, head: &RequestHead, body: &Bytes, turn: &Turn) -> Option<ExpressAnswer> {
        let project = project_of(head)?;
        // The gate describes what it lets pass, when somebody reads it.
        if !is_plain(head.headers()) || log::log_enabled!(log::Level::Debug) {
            return None;
        }
        if body.is_empty() || body.len() > self.service.config().limits.body_bytes_max {
            return None;
        }
        let caller = self.auth.admit(&head_of(head)).ok()?;
        let items = publications(json::parse(body).ok()?, self.service.now()).ok()?;
        let (service, turn) = (self.service.clone(), turn.clone());
        Some(Box::pin(async move {
            let published = publish(&service, &turn, caller, project, items).await;
            let mut answer = match published {
                Ok(published) => accepted(&published),
                Err(error) => Problem::from(error).error_response(),
            };
            gate::careful(answer.headers_mut());
            into_response(answer)
        }))
    }
}

async fn publish(
    service: &Service,
    turn: &Turn,
    caller: Caller,
    project: ProjectId,
    items: Vec<Publication>,
) -> Result<Published, ServiceError> {
    let publishing = service.publish(caller, project, items, None).await?;
    turn.pass();
    publishing.published().await
}

fn into_response(answer: HttpResponse) -> Response<BoxBody> {
    answer.into()
}

/// The project, when the address is that of its events as it is usually written.
fn project_of(head: &RequestHead) -> Option<ProjectId> {
    if head.uri.query().is_some() {
        return None;
    }
    head.uri.path().strip_prefix("/api/projects/")?.strip_suffix("/events")?.parse().ok()
}

/// Whether the headers say nothing but that the body is JSON.
fn is_plain(headers: &HeaderMap) -> bool {
    let json = headers.get(header::CONTENT_TYPE).is_some_and(|value| value == "application/json");
    json && !headers.contains_key("idempotency-key")
        && !NOT_PLAIN.iter().any(|name| headers.contains_key(name))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    const PROJECT: &str = "0192f0c1-2345-7abc-8def-0123456789ab";

    fn head(path: &str, headers: &[(&str, &str)]) -> RequestHead {
        let request = headers.iter().fold(TestRequest::post().uri(path), |request, (name, value)| {
            request.append_header((*name, *value))
        });
        let mut head = RequestHead::default();
        let made = request.to_request();
        head.uri = made.uri().clone();
        head.headers = made.head().headers().clone();
        head
    }

    #[test]
    fn only_the_usual_address_is_known() {
        let known = |path: &str| project_of(&head(path, &[])).is_some();
        assert!(known(&format!("/api/projects/{PROJECT}/events")));
        for path in [
            format!("/api/projects/{PROJECT}/events?token=x"),
            format!("/api/projects/{PROJECT}/events/"),
            format!("/api/projects/{PROJECT}/logs"),
            format!("/api/projects/{PROJECT}"),
            format!("/api//projects/{PROJECT}/events"),
            "/api/projects/%30192f0c1-2345-7abc-8def-0123456789ab/events".to_owned(),
            "/api/projects/x/events".to_owned(),
            "/api/projects//events".to_owned(),
        ] {
            assert!(!known(&path), "{path}");
        }
    }

    #[test]
    fn only_plain_json_is_taken() {
        let plain = |headers: &[(&str, &str)]| is_plain(head("/", headers).headers());
        let json = ("content-type", "application/json");
        assert!(plain(&[json, ("host", "x"), ("authorization", "Bearer x"), ("accept", "*/*")]));
        assert!(!plain(&[]));
        assert!(!plain(&[("content-type", "application/json; charset=utf-8")]));
        for more in [
            ("origin", "http://x"),
            ("idempotency-key", "k"),
            ("content-encoding", "gzip"),
            ("access-control-request-method", "POST"),
        ] {
            assert!(!plain(&[json, more]), "{more:?}");
        }
    }
}
