//! Signing in and out, and the way in through a share link.
//!
//! A token that is typed in becomes a session: from then on the browser sends a cookie that no script can read.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use crate::auth::policy::Action;
use crate::auth::{Auth, AuthError, Caller, SignInError};
use crate::surfaces::http::head_of;
use crate::surfaces::pages::{PageError, base, error, html};

/// A form with a longer body is not ours.
const FORM_BYTES_MAX: usize = 16 * 1024;

#[derive(Template)]
#[template(path = "pages/sign_in.html")]
struct Page<'a> {
    assets: &'static str,
    /// Where to go then.
    next: &'a str,
    /// Why it did not work.
    problem: &'a str,
    signed_in_as: Option<&'a str>,
}

#[derive(Deserialize)]
struct Form {
    #[serde(default)]
    token: String,
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    next: String,
}

/// Registers the addresses.
pub(super) fn configure(config: &mut web::ServiceConfig) {
    config
        .app_data(web::FormConfig::default().limit(FORM_BYTES_MAX))
        .service(
            web::resource("/sign-in")
                .route(web::get().to(show))
                .route(web::head().to(show))
                .route(web::post().to(sign_in)),
        )
        .service(web::resource("/sign-out").route(web::post().to(sign_out)))
        .service(web::resource("/share/{token}").route(web::get().to(open_share)));
}

/// The sign-in page for somebody who wanted to see another page.
pub(super) fn ask(next: &str) -> HttpResponse {
    page(StatusCode::UNAUTHORIZED, next, "", None).unwrap_or_else(|_| error(StatusCode::UNAUTHORIZED))
}

/// The same for somebody whose token is not enough.
pub(super) fn ask_for_more(next: &str, refused: &AuthError) -> HttpResponse {
    let problem = format!("You cannot see the dashboard: {refused}. Sign in with another token.");
    page(StatusCode::FORBIDDEN, next, &problem, None).unwrap_or_else(|_| error(StatusCode::FORBIDDEN))
}

fn page(
    status: StatusCode,
    next: &str,
    problem: &str,
    signed_in_as: Option<&str>,
) -> Result<HttpResponse, PageError> {
    let page = Page { assets: base(), next: local(next), problem, signed_in_as };
    let mut answer = html(status, &page)?;
    answer.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    // With `no-referrer`, which is what other pages say, browsers send forms with the origin `null`.
    answer.headers_mut().insert(header::REFERRER_POLICY, header::HeaderValue::from_static("same-origin"));
    if status == StatusCode::UNAUTHORIZED {
        let scheme = header::HeaderValue::from_static("Bearer realm=\"callboard\"");
        answer.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
    }
    Ok(answer)
}

async fn show(caller: Caller, asked: web::Query<Asked>) -> Result<HttpResponse, PageError> {
    let name = caller.session.map(|_| caller.name());
    page(StatusCode::OK, &asked.next, "", name.as_deref())
}

async fn sign_in(
    request: HttpRequest,
    auth: web::Data<Auth>,
    form: Result<web::Form<Form>, actix_web::Error>,
) -> Result<HttpResponse, PageError> {
    let Ok(web::Form(form)) = form else { return Ok(error(StatusCode::BAD_REQUEST)) };
    match auth.sign_in(&head_of(request.head()), form.token.trim()) {
        Ok((cookie, seconds)) => Ok(go(&auth, local(&form.next), Some((&cookie, seconds)))),
        Err(SignInError::Auth(refused)) => {
            log::info!("a sign-in was refused: {refused}");
            match refused {
                AuthError::TooMany { retry_after_s } => {
                    let problem = "Too many tries. Please wait a moment.";
                    let mut answer = page(StatusCode::TOO_MANY_REQUESTS, &form.next, problem, None)?;
                    answer.headers_mut().insert(header::RETRY_AFTER, retry_after_s.into());
                    Ok(answer)
                }
                AuthError::Expired => {
                    page(StatusCode::UNAUTHORIZED, &form.next, "This token has expired.", None)
                }
                _ => page(StatusCode::UNAUTHORIZED, &form.next, "This token is not known.", None),
            }
        }
        Err(failure) => {
            log::error!("a session could not be kept: {failure}");
            Ok(error(StatusCode::INTERNAL_SERVER_ERROR))
        }
    }
}

async fn sign_out(auth: web::Data<Auth>, caller: Caller) -> HttpResponse {
    match auth.sign_out(&caller) {
        Ok(()) => go(&auth, "/sign-in", Some(("", 0))),
        Err(failure) => {
            log::error!("a session could not be ended: {failure}");
            error(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

/// `GET /share/{token}`: a session that reads one project, and its page. Who may read it anyway keeps the session they have.
async fn open_share(
    request: HttpRequest,
    auth: web::Data<Auth>,
    caller: Caller,
    token: web::Path<String>,
) -> Result<HttpResponse, PageError> {
    let over = || {
        let problem = "This share link is not known, or its time is over.";
        page(StatusCode::NOT_FOUND, "/", problem, None)
    };
    let shared = auth.caller_of_token(&token).ok().and_then(|shared| match shared.scope {
        crate::auth::caller::Scope::Projects(set) => set.ids().first().copied(),
        crate::auth::caller::Scope::Everything => None,
    });
    let Some(project) = shared else {
        log::info!("a share link was refused: it is not known, or its time is over");
        return over();
    };
    let address = format!("/projects/{project}");
    if caller.may_in(Action::Read, project).is_ok() {
        return Ok(go(&auth, &address, None));
    }
    match auth.sign_in(&head_of(request.head()), &token) {
        Ok((cookie, seconds)) => Ok(go(&auth, &address, Some((&cookie, seconds)))),
        Err(_) => over(),
    }
}

/// Sends the browser somewhere else on this server, with a cookie.
fn go(auth: &Auth, address: &str, cookie: Option<(&str, u64)>) -> HttpResponse {
    let mut answer = HttpResponse::SeeOther();
    answer.insert_header((header::LOCATION, address)).insert_header((header::CACHE_CONTROL, "no-store"));
    if let Some((cookie, seconds)) = cookie {
        answer.append_header((header::SET_COOKIE, auth.rim().session_cookie(cookie, seconds)));
        // For the pages' scripts: whether there is somebody to sign out. It opens nothing.
        let hint = format!("callboard_signed_in=1; Path=/; Max-Age={seconds}; SameSite=Lax");
        answer.append_header((header::SET_COOKIE, hint));
    }
    answer.finish()
}

/// An address of ours; the board when it is none. Browsers read `//host` and `/\host` as another server.
fn local(next: &str) -> &str {
    let plain = next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if plain && next.starts_with('/') && !next.starts_with("//") { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_elsewhere() {
        for (next, expected) in [
            ("/projects/1?x=2", "/projects/1?x=2"),
            ("/", "/"),
            ("", "/"),
            ("//evil.example", "/"),
            ("/\\evil.example", "/"),
            ("https://evil.example", "/"),
            ("/a\r\nb", "/"),
            ("javascript:alert(1)", "/"),
        ] {
            assert_eq!(local(next), expected, "{next:?}");
        }
    }
}
