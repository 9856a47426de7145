//! Links that read one project: made, listed and taken back by who controls it.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use crate::auth::policy::Action;
use crate::auth::token::KnownToken;
use crate::auth::{Auth, Caller, SignInError};
use crate::service::Service;
use crate::service::error::FieldError;
use crate::surfaces::http::body::{Fields, JsonBody};
use crate::surfaces::http::problem::Problem;
use crate::surfaces::http::{base_url, head_of};
use crate::surfaces::rest::projects::project_id;

/// How long a link holds when nothing is said: a week.
const LASTS_MS: i64 = 7 * 24 * 3_600_000;
/// The shortest and the longest: a minute, a year.
const LASTS_MS_MIN: i64 = 60_000;
const LASTS_MS_MAX: i64 = 365 * 24 * 3_600_000;
/// Length of a link's name.
const NAME_CHARS_MAX: usize = 200;

fn document(share: &KnownToken) -> Value {
    json!({
        "id": share.id,
        "name": share.name,
        "created_at": share.created_at,
        "expires_at": share.expires_at,
    })
}

fn problem(error: SignInError) -> Problem {
    match error {
        SignInError::Auth(error) => error.into(),
        error @ SignInError::TooManyShares => {
            Problem::new(StatusCode::CONFLICT, "too-many-shares", error.to_string())
        }
        error @ SignInError::NoShare => Problem::not_found(error.to_string()),
        SignInError::File(error) => {
            log::error!("share links cannot be kept: {error}");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the link could not be kept")
        }
    }
}

/// `POST /api/projects/{id}/shares`
pub async fn create(
    request: HttpRequest,
    service: web::Data<Service>,
    auth: web::Data<Auth>,
    caller: Caller,
    id: web::Path<String>,
    body: JsonBody,
) -> Result<HttpResponse, Problem> {
    let id = project_id(&id)?;
    service.check_project(caller, Action::Share, id).await?;
    let mut fields = Fields::of(body.value)?;
    let name = fields.text("name").unwrap_or_default();
    let lasts_ms = fields.integer("expires_in_ms").unwrap_or(LASTS_MS);
    fields.finish().map_err(Problem::invalid)?;
    let mut wrong = Vec::new();
    if name.chars().count() > NAME_CHARS_MAX {
        wrong.push(FieldError::new("name", format!("must have at most {NAME_CHARS_MAX} characters")));
    }
    let expires_in_ms =
        u64::try_from(lasts_ms).ok().filter(|_| (LASTS_MS_MIN..=LASTS_MS_MAX).contains(&lasts_ms));
    let Some(expires_in_ms) = expires_in_ms.filter(|_| wrong.is_empty()) else {
        if expires_in_ms.is_none() {
            let message = format!("must be a whole number from {LASTS_MS_MIN} to {LASTS_MS_MAX}");
            wrong.push(FieldError::new("expires_in_ms", message));
        }
        return Err(Problem::invalid(wrong));
    };
    let (share, token) = auth.share(id, name.trim(), expires_in_ms).map_err(problem)?;
    service.deed(caller, "share.create", id.to_string(), format!("link {}", share.id)).await;
    let public = service.config().http.public_url.as_deref();
    let mut answer = document(&share);
    answer["url"] = json!(format!("{}/share/{token}", base_url(public, head_of(request.head()).host)));
    answer["token"] = json!(token);
    Ok(HttpResponse::Created().insert_header((header::CACHE_CONTROL, "no-store")).json(answer))
}

/// `GET /api/projects/{id}/shares`
pub async fn list(
    service: web::Data<Service>,
    auth: web::Data<Auth>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = project_id(&id)?;
    service.check_project(caller, Action::Share, id).await?;
    let shares: Vec<Value> = auth.shares(id).iter().map(document).collect();
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(json!({ "shares": shares })))
}

/// `DELETE /api/projects/{id}/shares/{share}`
pub async fn remove(
    service: web::Data<Service>,
    auth: web::Data<Auth>,
    caller: Caller,
    names: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let id = project_id(&names.0)?;
    caller.may_in(Action::Share, id)?;
    auth.unshare(id, &names.1).map_err(problem)?;
    service.deed(caller, "share.remove", id.to_string(), format!("link {}", names.1)).await;
    Ok(HttpResponse::NoContent().finish())
}
