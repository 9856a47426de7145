//! Images that a project is given: taken in one by one or as a form, listed, fetched, removed.

use std::time::Duration;

use actix_multipart::Multipart;
use actix_web::http::{StatusCode, header};
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse, web};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::auth::Caller;
use crate::domain::ids::ProjectId;
use crate::service::Service;
use crate::service::inputs::ProjectInput;
use crate::surfaces::http::problem::Problem;
use crate::surfaces::http::query::{NoQuery, Query};
use crate::surfaces::rest::files::{serve, tail_of};
use crate::surfaces::rest::projects::project_id;
use crate::surfaces::rest::runs::run_id;
use crate::surfaces::rest::wire::encoded_path;

/// Files of one form.
const FILES_MAX: usize = 100;
/// Bytes of all files of one form.
const FORM_BYTES_MAX: usize = 256 << 20;
/// Between two pieces of a body.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// For a whole body: what is read takes room that others wait for.
const READ_MAX: Duration = Duration::from_secs(600);
/// What of a body has to come in each second beyond that: slower ones hold their connection for the sake of holding it.
const BYTES_PER_SECOND_MIN: u64 = 4 * 1024;

/// `GET /api/projects/{id}/inputs`
pub async fn list(
    service: web::Data<Service>,
    caller: Caller,
    id: web::Path<String>,
    _: NoQuery,
) -> Result<HttpResponse, Problem> {
    let id = project_id(&id)?;
    let inputs: Vec<Value> = service.inputs(caller, id).await?.iter().map(|input| wire(id, input)).collect();
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(json!({ "inputs": inputs })))
}

/// `POST /api/projects/{id}/inputs`: a form with files, or one file as the body and its name in the query.
pub async fn add(
    request: HttpRequest,
    service: web::Data<Service>,
    caller: Caller,
    id: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let id = project_id(&id)?;
    // Before anything is read.
    service.may_give(caller, id).await?;
    let mut query = Query::of(request.query_string());
    let name = query.text("name");
    query.finish()?;
    let max = service.config().limits.input_bytes_max;
    let is_form = request.content_type().eq_ignore_ascii_case("multipart/form-data");
    // What is not announced may be as much as is allowed at all.
    let most = if is_form { FORM_BYTES_MAX } else { max };
    let _room = service.room_for_upload(announced(&request).unwrap_or(most).min(most)).await?;
    let files = match (is_form, name) {
        (true, None) => of_form(&request, payload, max).await?,
        (true, Some(_)) => {
            return Err(Problem::bad_request("a form names its files itself: leave ?name out"));
        }
        (false, Some(name)) => vec![(name, of_body(&request, payload, max).await?)],
        (false, None) => {
            let detail = "send multipart/form-data, or one file as the body with ?name=";
            return Err(Problem::bad_request(detail));
        }
    };
    let added = service.add_inputs(caller, id, files).await?;
    let inputs: Vec<Value> = added.iter().map(|input| wire(id, input)).collect();
    Ok(HttpResponse::Created().json(json!({ "inputs": inputs })))
}

/// `GET /api/projects/{id}/inputs/{name}`
pub async fn one(
    request: HttpRequest,
    service: web::Data<Service>,
    caller: Caller,
    names: web::Path<(String, String)>,
    _: NoQuery,
) -> Result<HttpResponse, Problem> {
    let name = tail_of(request.uri().path(), "/inputs/")?;
    serve(&request, &service.input(caller, project_id(&names.0)?, &name).await?)
}

/// `DELETE /api/projects/{id}/inputs/{name}`
pub async fn remove(
    request: HttpRequest,
    service: web::Data<Service>,
    caller: Caller,
    names: web::Path<(String, String)>,
    _: NoQuery,
) -> Result<HttpResponse, Problem> {
    let name = tail_of(request.uri().path(), "/inputs/")?;
    service.remove_input(caller, project_id(&names.0)?, &name).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `GET /api/runs/{id}/inputs/{name}`
pub async fn one_of_run(
    request: HttpRequest,
    service: web::Data<Service>,
    caller: Caller,
    names: web::Path<(String, String)>,
    _: NoQuery,
) -> Result<HttpResponse, Problem> {
    let name = tail_of(request.uri().path(), "/inputs/")?;
    serve(&request, &service.run_input(caller, run_id(&names.0)?, &name).await?)
}

fn wire(id: ProjectId, input: &ProjectInput) -> Value {
    json!({
        "name": input.name,
        "size": input.size,
        "sha256": input.sha256,
        "at": input.at,
        "url": format!("/api/projects/{id}/inputs/{}", encoded_path(&input.name)),
    })
}

fn too_large(max: usize) -> Problem {
    let detail = format!("a file is larger than {max} bytes");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail)
}

/// How long a body may take: as long as it is not silent for too long, and comes at some pace.
struct Patience {
    began: Instant,
    bytes: u64,
}

impl Patience {
    fn new() -> Self {
        Self { began: Instant::now(), bytes: 0 }
    }

    /// Waits for the next piece.
    async fn next<T>(&self, piece: impl Future<Output = T>) -> Result<T, Problem> {
        let until = self.until(Instant::now());
        tokio::time::timeout_at(until, piece)
            .await
            .map_err(|_| Problem::new(StatusCode::REQUEST_TIMEOUT, "timeout", "the body came too slowly"))
    }

    fn until(&self, now: Instant) -> Instant {
        let by_pace = Duration::from_secs(self.bytes / BYTES_PER_SECOND_MIN);
        (now + SILENCE_MAX).min(self.began + SILENCE_MAX + by_pace).min(self.began + READ_MAX)
    }

    fn came(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }
}

/// The length that a request announces.
fn announced(request: &HttpRequest) -> Option<usize> {
    request.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

async fn of_body(request: &HttpRequest, mut payload: web::Payload, max: usize) -> Result<Vec<u8>, Problem> {
    if announced(request).is_some_and(|length| length > max) {
        return Err(too_large(max));
    }
    let (mut bytes, mut patience) = (Vec::new(), Patience::new());
    while let Some(chunk) = patience.next(payload.next()).await? {
        let chunk =
            chunk.map_err(|error| Problem::bad_request(format!("the body cannot be read: {error}")))?;
        patience.came(chunk.len());
        if bytes.len() + chunk.len() > max {
            return Err(too_large(max));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

async fn of_form(
    request: &HttpRequest,
    payload: web::Payload,
    max: usize,
) -> Result<Vec<(String, Vec<u8>)>, Problem> {
    let unreadable = |error: actix_multipart::MultipartError| {
        Problem::bad_request(format!("the form cannot be read: {error}"))
    };
    let mut form = Multipart::from_request(request, &mut payload.into_inner())
        .await
        .map_err(|error| Problem::bad_request(error.to_string()))?;
    let (mut files, mut total, mut patience) = (Vec::new(), 0, Patience::new());
    while let Some(field) = patience.next(form.next()).await? {
        let mut field = field.map_err(unreadable)?;
        if files.len() == FILES_MAX {
            return Err(Problem::bad_request(format!(
                "a form holds at most {FILES_MAX} files; send another one"
            )));
        }
        let name = field.content_disposition().and_then(|said| said.get_filename()).map(str::to_owned);
        let Some(name) = name else {
            let detail =
                format!("the part {} of the form is no file", field.name().unwrap_or("without a name"));
            return Err(Problem::bad_request(detail));
        };
        // Browsers send the name alone; what stands before it would be a folder of the sender.
        let name = name.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
        let mut bytes = Vec::new();
        while let Some(chunk) = patience.next(field.next()).await? {
            let chunk = chunk.map_err(unreadable)?;
            patience.came(chunk.len());
            total += chunk.len();
            if bytes.len() + chunk.len() > max {
                return Err(too_large(max));
            }
            if total > FORM_BYTES_MAX {
                let detail = format!("the files of one form have at most {FORM_BYTES_MAX} bytes together");
                return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail));
            }
            bytes.extend_from_slice(&chunk);
        }
        files.push((name, bytes));
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_has_as_long_as_its_size_takes_at_some_pace_and_is_never_silent_for_long() {
        let mut patience = Patience::new();
        let after = |seconds| patience.began + Duration::from_secs(seconds);
        let (now, later, much_later) = (after(0), after(25), after(10_000));
        let limit = |patience: &Patience, now| (patience.until(now) - patience.began).as_secs();
        assert_eq!((limit(&patience, now), limit(&patience, later)), (30, 30));
        patience.came(BYTES_PER_SECOND_MIN as usize * 10);
        assert_eq!((limit(&patience, now), limit(&patience, later)), (30, 40));
        patience.came(32 << 20);
        assert_eq!(
            (limit(&patience, later), limit(&patience, much_later)),
            (55, READ_MAX.as_secs()),
            "at no pace does it take room for longer than that"
        );
    }
}
