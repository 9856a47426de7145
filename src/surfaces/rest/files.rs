//! Files of a run, one by one or all in one archive; those of a project are its newest run's that has any.
//!
//! What is served here was generated: a page among it must never act as a page of ours. Every file is put into a
//! sandbox with an origin of its own, cannot be taken for another type, and needs no cookie to work.

use actix_files::NamedFile;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::stream;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::auth::Caller;
use crate::service::Service;
use crate::service::archive::Archive;
use crate::service::files::{FilesOf, StoredFile, files_of};
use crate::surfaces::http::problem::Problem;
use crate::surfaces::http::query::Query;
use crate::surfaces::rest::projects::project_id;
use crate::surfaces::rest::runs::run_id;
use crate::surfaces::rest::wire;

/// What a generated page may do: run and show itself out of its own files. It has no origin of ours, asks no server
/// anything, and sends no form anywhere.
const SANDBOX: &str = "sandbox allow-scripts allow-forms allow-downloads allow-modals; default-src 'none'; \
     script-src 'self' 'unsafe-inline' data: blob:; style-src 'self' 'unsafe-inline' data: blob:; \
     img-src 'self' data: blob:; font-src 'self' data:; media-src 'self' data: blob:; connect-src 'none'; \
     frame-src 'none'; form-action 'none'; base-uri 'none'; frame-ancestors 'self'";

/// `GET /api/projects/{id}/files`
pub async fn list(
    request: HttpRequest,
    service: web::Data<Service>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    list_of(&request, &service, caller, FilesOf::Project(project_id(&id)?)).await
}

/// `GET /api/runs/{id}/files`
pub async fn list_of_run(
    request: HttpRequest,
    service: web::Data<Service>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    list_of(&request, &service, caller, FilesOf::Run(run_id(&id)?)).await
}

async fn list_of(
    request: &HttpRequest,
    service: &Service,
    caller: Caller,
    of: FilesOf,
) -> Result<HttpResponse, Problem> {
    Query::of(request.query_string()).finish()?;
    let run = service.files_run(caller, of).await?;
    let files = run.as_ref().map(files_of).unwrap_or_default();
    let files: Vec<Value> = files.iter().map(|file| wire::file(of, file)).collect();
    let run = run.map(|run| json!({ "id": run.id, "status": run.status }));
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(json!({ "files": files, "run": run })))
}

/// `GET /api/projects/{id}/files/{path}`
pub async fn one(
    request: HttpRequest,
    service: web::Data<Service>,
    caller: Caller,
    names: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    one_of(&request, &service, caller, FilesOf::Project(project_id(&names.0)?)).await
}

/// `GET /api/runs/{id}/files/{path}`
pub async fn one_of_run(
    request: HttpRequest,
    service: web::Data<Service>,
    caller: Caller,
    names: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    one_of(&request, &service, caller, FilesOf::Run(run_id(&names.0)?)).await
}

async fn one_of(
    request: &HttpRequest,
    service: &Service,
    caller: Caller,
    of: FilesOf,
) -> Result<HttpResponse, Problem> {
    let mut query = Query::of(request.query_string());
    // Makes the address of a content its own, so that no cache shows an older one.
    query.text("v");
    query.finish()?;
    let path = decoded_path(request.uri().path())?;
    serve(request, &service.file(caller, of, &path).await?)
}

/// The path behind `/files/`, decoded exactly once from what the client sent. The router's own value is not taken: it
/// leaves some characters encoded, and decoding that again would decode others twice.
fn decoded_path(uri_path: &str) -> Result<String, Problem> {
    tail_of(uri_path, "/files/")
}

/// The same behind another word.
pub(super) fn tail_of(uri_path: &str, behind: &str) -> Result<String, Problem> {
    let encoded = uri_path.split_once(behind).map_or("", |(_, rest)| rest);
    percent_decode_str(encoded)
        .decode_utf8()
        .map(|path| path.into_owned())
        .map_err(|_| Problem::bad_request("the path is not UTF-8"))
}

pub(super) fn serve(request: &HttpRequest, stored: &StoredFile) -> Result<HttpResponse, Problem> {
    let etag = format!("\"{}\"", stored.file.sha256);
    if matches_etag(request.headers(), &etag) {
        let mut answer = HttpResponse::NotModified().finish();
        isolate(answer.headers_mut(), &etag);
        return Ok(answer);
    }
    let media_type = with_charset(&stored.file.media_type).parse();
    let file = NamedFile::open(&stored.stored_at)
        .map_err(|_| Problem::not_found("there is no such file"))?
        .set_content_type(media_type.unwrap_or(mime_guess::mime::APPLICATION_OCTET_STREAM))
        .use_etag(false)
        .use_last_modified(false)
        .disable_content_disposition();
    let mut answer = file.into_response(request);
    if answer.status() == StatusCode::RANGE_NOT_SATISFIABLE {
        let range = answer.headers().get(header::CONTENT_RANGE).and_then(|range| range.to_str().ok());
        let range = range.unwrap_or_default().to_owned();
        let detail = format!("the file has {} bytes", stored.file.size);
        return Err(Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, "range", detail)
            .with_header(header::CONTENT_RANGE, range));
    }
    isolate(answer.headers_mut(), &etag);
    Ok(answer)
}

fn isolate(headers: &mut HeaderMap, etag: &str) {
    let mut set = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    set(header::ETAG, etag);
    // The path may hold other content after the next run, so it is asked for again each time.
    set(header::CACHE_CONTROL, "no-cache");
    set(header::CONTENT_SECURITY_POLICY, SANDBOX);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    // Modules of a sandboxed page are fetched with the origin `null`.
    set(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    set(HeaderName::from_static("cross-origin-resource-policy"), "cross-origin");
}

/// `If-None-Match` compares weakly, and `*` is anything (RFC 9110 section 13.1.2).
fn matches_etag(headers: &HeaderMap, etag: &str) -> bool {
    headers.get_all(header::IF_NONE_MATCH).filter_map(|value| value.to_str().ok()).any(|value| {
        value.trim() == "*"
            || value.split(',').map(|tag| tag.trim().trim_start_matches("W/")).any(|tag| tag == etag)
    })
}

fn with_charset(media_type: &str) -> String {
    if media_type.contains("charset=") {
        return media_type.to_owned();
    }
    let textual = media_type.starts_with("text/")
        || matches!(media_type, "application/json" | "application/javascript" | "image/svg+xml");
    if textual { format!("{media_type}; charset=utf-8") } else { media_type.to_owned() }
}

/// `GET /api/projects/{id}/archive.zip`
pub async fn archive(
    request: HttpRequest,
    service: web::Data<Service>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    archive_of(&request, &service, caller, FilesOf::Project(project_id(&id)?)).await
}

/// `GET /api/runs/{id}/archive.zip`
pub async fn archive_of_run(
    request: HttpRequest,
    service: web::Data<Service>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    archive_of(&request, &service, caller, FilesOf::Run(run_id(&id)?)).await
}

async fn archive_of(
    request: &HttpRequest,
    service: &Service,
    caller: Caller,
    of: FilesOf,
) -> Result<HttpResponse, Problem> {
    Query::of(request.query_string()).finish()?;
    let (name, archive) = service.archive(caller, of).await?;
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{name}\""))
        .map_err(|_| Problem::bad_request("the name of the archive cannot be said"))?;
    let mut answer = match archive {
        Archive::Packed(stored) => serve(request, &stored)?,
        Archive::Made(_) if *request.method() == Method::HEAD => {
            HttpResponse::Ok().content_type("application/zip").finish()
        }
        Archive::Made(pieces) => {
            let pieces = stream::unfold(pieces, |mut pieces| async move {
                pieces.recv().await.map(|piece| (piece, pieces))
            });
            HttpResponse::Ok().content_type("application/zip").streaming(pieces)
        }
    };
    answer.headers_mut().insert(header::CONTENT_DISPOSITION, disposition);
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_decoded_once() {
        for (uri, expected) in [
            ("/api/projects/x/files/src/a.js", "src/a.js"),
            ("/api/projects/x/files/a%20b", "a b"),
            ("/api/projects/x/files/%252e%252e/x", "%2e%2e/x"),
            ("/api/projects/x/files/%2e%2e/x", "../x"),
            ("/api/projects/x/files/files/x", "files/x"),
            ("/api/projects/x/files/a%00b", "a\0b"),
            ("/api/projects/x/files/", ""),
        ] {
            assert_eq!(decoded_path(uri).unwrap(), expected, "{uri}");
        }
        assert!(decoded_path("/api/projects/x/files/%ff").is_err());
    }

    #[test]
    fn tags_are_compared_weakly() {
        for (value, expected) in [
            ("\"abc\"", true),
            ("W/\"abc\"", true),
            ("\"x\", \"abc\"", true),
            ("*", true),
            ("\"abcd\"", false),
            ("abc", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, HeaderValue::from_str(value).unwrap());
            assert_eq!(matches_etag(&headers, "\"abc\""), expected, "{value}");
        }
    }

    #[test]
    fn text_says_its_charset() {
        assert_eq!(with_charset("text/html"), "text/html; charset=utf-8");
        assert_eq!(with_charset("text/html; charset=utf-8"), "text/html; charset=utf-8");
        assert_eq!(with_charset("application/zip"), "application/zip");
    }
}
