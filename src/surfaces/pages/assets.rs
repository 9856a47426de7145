//! Static files, embedded in the binary.
//!
//! Pages ask for them below `/static/v-HASH`, where HASH stands for the content of all of them: such an address can be
//! kept for ever, and modules that import each other by relative paths stay within one version. The plain `/static`
//! serves the same files to others, to be asked for again each time.

use std::sync::OnceLock;

use actix_web::http::header::{self, EntityTag, Header, IfNoneMatch};
use actix_web::{HttpRequest, HttpResponse, web};
use rust_embed::{Embed, EmbeddedFile};
use sha2::{Digest, Sha256};

use crate::surfaces::http::routes::at;
use crate::surfaces::pages::{not_found, secure};

#[derive(Embed)]
#[folder = "static/"]
struct Files;

const FOR_EVER: &str = "public, max-age=31536000, immutable";
const ASK_AGAIN: &str = "no-cache";

/// Where pages find the static files.
pub fn base() -> &'static str {
    static BASE: OnceLock<String> = OnceLock::new();
    // A debug build reads the files from the source folder, where they change under a running server.
    if cfg!(debug_assertions) { "/static" } else { BASE.get_or_init(|| format!("/static/v-{}", version())) }
}

/// A name for the content of all files.
fn version() -> String {
    let mut hash = Sha256::new();
    for path in Files::iter() {
        hash.update(path.as_bytes());
        hash.update(Files::get(&path).map(|file| file.metadata.sha256_hash()).unwrap_or_default());
    }
    hex::encode(&hash.finalize()[..8])
}

/// Routes of the static files.
pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(at("/static/{path:.*}").get(serve).done())
        .service(at("/favicon.svg").get(icon).done())
        .service(at("/favicon.ico").get(icon).done());
}

async fn serve(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let path = path.into_inner();
    let (cache, path) = match path.split_once('/') {
        Some((version, rest)) if version.starts_with("v-") => {
            // A page of another version: what it gets is not what its address promises.
            let kept = !cfg!(debug_assertions) && base().ends_with(version);
            (if kept { FOR_EVER } else { ASK_AGAIN }, rest)
        }
        _ => (ASK_AGAIN, path.as_str()),
    };
    match Files::get(path) {
        Some(file) => answer(&request, path, file, cache),
        None => not_found(),
    }
}

/// A file at another address than its own, to be asked for again each time.
pub(crate) fn file(request: &HttpRequest, path: &str) -> HttpResponse {
    match Files::get(path) {
        Some(file) => answer(request, path, file, ASK_AGAIN),
        None => not_found(),
    }
}

async fn icon(request: HttpRequest) -> HttpResponse {
    file(&request, "favicon.svg")
}

fn answer(request: &HttpRequest, path: &str, file: EmbeddedFile, cache: &'static str) -> HttpResponse {
    let tag = EntityTag::new_strong(hex::encode(&file.metadata.sha256_hash()[..16]));
    let known = match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|known| known.weak_eq(&tag)),
        Err(_) => false,
    };
    let mut response = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header(header::ETag(tag)).insert_header((header::CACHE_CONTROL, cache));
    let mut response = if known {
        response.finish()
    } else {
        response.content_type(media_type(path)).body(file.data.into_owned())
    };
    secure(response.headers_mut());
    response
}

fn media_type(path: &str) -> String {
    let guess = mime_guess::from_path(path).first_or_octet_stream();
    let is_text = guess.type_() == "text" || guess.subtype() == "json";
    if is_text { format!("{guess}; charset=utf-8") } else { guess.to_string() }
}
