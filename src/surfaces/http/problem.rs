//! Errors over HTTP: `application/problem+json` (RFC 9457), and the one table from what went wrong to a status.

use std::fmt;

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::{HttpResponse, ResponseError};
use serde_json::{Map, Value, json};

use crate::auth::AuthError;
use crate::auth::origin::OriginError;
use crate::service::error::{FieldError, ServiceError};

/// Media type of a problem.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// When to try again at a server that goes down, in seconds: about as long as one takes to come back.
const DRAINING_RETRY_AFTER_S: &str = "5";

/// An answer that says what went wrong.
#[derive(Clone, Debug)]
pub struct Problem {
    status: StatusCode,
    kind: &'static str,
    detail: String,
    errors: Vec<FieldError>,
    more: Map<String, Value>,
    headers: Vec<(header::HeaderName, String)>,
}

impl Problem {
    /// A problem of this kind; the kind is the end of its `type`.
    pub fn new(status: StatusCode, kind: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            kind,
            detail: detail.into(),
            errors: Vec::new(),
            more: Map::new(),
            headers: Vec::new(),
        }
    }

    /// Something asked for is not there.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", detail)
    }

    /// The request cannot be read.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", detail)
    }

    /// Fields are wrong.
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [one] => format!("{} {}", one.field, one.message),
            several => format!("{} fields are not as they must be", several.len()),
        };
        Self { errors, ..Self::new(StatusCode::BAD_REQUEST, "invalid", detail) }
    }

    /// The server goes down; somebody else, or itself, takes work soon.
    pub fn draining(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "draining", detail)
            .with_header(header::RETRY_AFTER, DRAINING_RETRY_AFTER_S)
    }

    /// The same with one more member.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }

    /// The same with a header.
    pub fn with_header(mut self, name: header::HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Its HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// A header that it is sent with.
    pub fn header(&self, name: &header::HeaderName) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Its kind: the end of its `type`.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// What went wrong, in words.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The document.
    pub fn document(&self) -> Value {
        let mut document = json!({
            "type": format!("urn:callboard:problem:{}", self.kind),
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        if let Value::Object(members) = &mut document {
            if !self.errors.is_empty() {
                let errors = self.errors.iter();
                let errors = errors.map(|e| json!({ "field": e.field, "message": e.message })).collect();
                members.insert("errors".to_owned(), Value::Array(errors));
            }
            members.extend(self.more.clone());
        }
        document
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status, self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let mut answer = HttpResponse::build(self.status);
        answer.insert_header((header::CONTENT_TYPE, MEDIA_TYPE));
        answer.insert_header((header::CACHE_CONTROL, "no-store"));
        for (name, value) in &self.headers {
            answer.insert_header((name.clone(), value.as_str()));
        }
        answer.body(self.document().to_string())
    }
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        let detail = error.to_string();
        match error {
            AuthError::NoToken { .. } | AuthError::BadToken => {
                Self::new(StatusCode::UNAUTHORIZED, "unauthorised", detail)
                    .with_header(header::WWW_AUTHENTICATE, "Bearer realm=\"callboard\"")
            }
            AuthError::Expired => Self::new(StatusCode::UNAUTHORIZED, "expired", detail)
                .with_header(header::WWW_AUTHENTICATE, "Bearer realm=\"callboard\", error=\"invalid_token\""),
            AuthError::Forbidden { .. } => Self::new(StatusCode::FORBIDDEN, "forbidden", detail),
            AuthError::OutOfScope => Self::new(StatusCode::FORBIDDEN, "out-of-scope", detail),
            AuthError::TooMany { retry_after_s } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", detail)
                    .with_header(header::RETRY_AFTER, retry_after_s.to_string())
            }
            AuthError::Origin(OriginError::NoOrigin) => Self::new(StatusCode::FORBIDDEN, "no-origin", detail),
            AuthError::Origin(OriginError::NoHost) => Self::bad_request(detail),
            AuthError::Origin(OriginError::StrangeHost(_)) => {
                Self::new(StatusCode::MISDIRECTED_REQUEST, "strange-host", detail)
            }
            AuthError::Origin(OriginError::StrangeOrigin(_)) => {
                Self::new(StatusCode::FORBIDDEN, "strange-origin", detail)
            }
        }
    }
}

impl From<ServiceError> for Problem {
    fn from(error: ServiceError) -> Self {
        let detail = error.to_string();
        let conflict = |kind| Self::new(StatusCode::CONFLICT, kind, detail.clone());
        match error {
            ServiceError::Auth(error) => error.into(),
            ServiceError::Invalid(errors) => Self::invalid(errors),
            ServiceError::NotFound(_) => Self::not_found(detail),
            ServiceError::Taken => conflict("taken"),
            ServiceError::RunActive(run) => conflict("run-active").with("run_id", run.to_string()),
            ServiceError::Conflict(_) => conflict("conflict"),
            ServiceError::KeyReused => Self::new(StatusCode::CONFLICT, "idempotency-key-reused", detail),
            ServiceError::Fenced { epoch, .. } => conflict("fenced").with("epoch", epoch),
            ServiceError::OutOfSequence { epoch, expected, .. } => {
                conflict("out-of-sequence").with("epoch", epoch).with("expected", expected)
            }
            ServiceError::QueueFull { retry_after_s } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "queue-full", detail)
                    .with_header(header::RETRY_AFTER, retry_after_s.to_string())
            }
            ServiceError::Draining => Self::draining(detail),
            ServiceError::Unavailable => Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail)
                .with_header(header::RETRY_AFTER, "1"),
            ServiceError::Remote(_) => Self::new(StatusCode::BAD_GATEWAY, "remote", detail),
            ServiceError::RemoteTimeout(_) => {
                Self::new(StatusCode::GATEWAY_TIMEOUT, "remote-timeout", detail)
            }
            ServiceError::DiskFull => Self::new(StatusCode::INSUFFICIENT_STORAGE, "disk-full", detail),
            ServiceError::Internal(_) => {
                // Logged here, where it becomes an answer; what it says is not for the caller.
                log::error!("a request failed: {error:?}");
                let told = "something went wrong on the server; its log says more";
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", told)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::RunId;
    use crate::domain::role::Role;

    #[test]
    fn every_error_has_its_status() {
        let strange = |text: &str| text.to_owned();
        for (error, status) in [
            (ServiceError::Auth(AuthError::NoToken { needed: Role::Viewer }), 401),
            (ServiceError::Auth(AuthError::BadToken), 401),
            (ServiceError::Auth(AuthError::Forbidden { role: Role::Viewer, needed: Role::Admin }), 403),
            (ServiceError::Auth(AuthError::Expired), 401),
            (ServiceError::Auth(AuthError::OutOfScope), 403),
            (ServiceError::Auth(AuthError::TooMany { retry_after_s: 3 }), 429),
            (ServiceError::Auth(OriginError::NoHost.into()), 400),
            (ServiceError::Auth(OriginError::NoOrigin.into()), 403),
            (ServiceError::Auth(OriginError::StrangeHost(strange("x")).into()), 421),
            (ServiceError::Auth(OriginError::StrangeOrigin(strange("x")).into()), 403),
            (ServiceError::invalid("brief", "is missing"), 400),
            (ServiceError::NotFound("project"), 404),
            (ServiceError::Taken, 409),
            (ServiceError::RunActive(RunId::generate()), 409),
            (ServiceError::Conflict("no".into()), 409),
            (ServiceError::KeyReused, 409),
            (ServiceError::Fenced { producer: "p".into(), epoch: 2 }, 409),
            (ServiceError::OutOfSequence { producer: "p".into(), epoch: 2, expected: 4, given: 5 }, 409),
            (ServiceError::QueueFull { retry_after_s: 3 }, 429),
            (ServiceError::Draining, 503),
            (ServiceError::Unavailable, 503),
            (ServiceError::DiskFull, 507),
            (ServiceError::Remote("no page".into()), 502),
            (ServiceError::RemoteTimeout("no page".into()), 504),
            (ServiceError::Internal("secret".into()), 500),
        ] {
            let problem = Problem::from(error);
            let document = problem.document();
            assert_eq!(problem.status().as_u16(), status, "{document}");
            assert_eq!(document["status"], status);
            for member in ["type", "title", "detail"] {
                assert!(document[member].as_str().is_some_and(|text| !text.is_empty()), "{document}");
            }
            assert!(!document.to_string().contains("secret"));
        }
    }

    #[test]
    fn wrong_fields_are_listed() {
        let document = Problem::from(ServiceError::invalid("brief", "must not be empty")).document();
        assert_eq!(document["errors"], json!([{ "field": "brief", "message": "must not be empty" }]));
    }

    #[test]
    fn the_answer_is_a_problem_document_with_its_headers() {
        let answer = Problem::from(ServiceError::QueueFull { retry_after_s: 3 }).error_response();
        assert_eq!(answer.headers().get("content-type").unwrap(), MEDIA_TYPE);
        assert_eq!(answer.headers().get("retry-after").unwrap(), "3");
    }
}
