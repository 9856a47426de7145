//! Who may do what, through the front door: tokens, sessions, share links, signed tokens, limits.

mod limits;
mod pages;
mod requests;
mod sockets;

use callboard::auth::token::{NewToken, TokenFile};
use callboard::clock::{Clock, SystemClock};
use callboard::domain::role::Role;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Error as SocketError;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::helpers::{Socket, TestApp, spawn_app};

const BRIEF: &str = "A list of notes with title and text.";
/// The secret of signed tokens of these tests.
const SECRET: &str = "a secret that is long enough for HS256";

fn file(app: &TestApp) -> TokenFile {
    TokenFile::in_dir(app.dir.path())
}

/// Makes a token as the command line does; answers its id and the token.
fn token(app: &TestApp, role: Role, projects: &[&str], lasts_ms: Option<u64>) -> (String, String) {
    let now = SystemClock.now();
    let projects = projects.iter().map(|id| id.parse().unwrap()).collect();
    let expires_at = lasts_ms.map(|ms| now.plus_ms(ms));
    let new = NewToken { projects, expires_at, ..NewToken::of(role, "test") };
    let (known, token) = file(app).create(new, now).unwrap();
    (known.id, token)
}

/// A server that asks for tokens, with two projects and an operator's token.
async fn closed() -> (TestApp, [String; 2], String) {
    let app = spawn_app().await;
    let projects = [app.project(BRIEF).await, app.project(BRIEF).await];
    let (_, operator) = token(&app, Role::Operator, &[], None);
    (app, projects, operator)
}

/// The status of a request, and what it was told.
async fn ask(app: &TestApp, method: &str, path: &str, token: &str) -> (u16, Value) {
    let mut request = app.http.request(method.parse().unwrap(), app.url(path));
    if !token.is_empty() {
        request = request.bearer_auth(token);
    }
    if method != "GET" {
        request = request.json(&json!({}));
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

/// A signed token (HS256).
fn signed(claims: &Value) -> String {
    encode(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
}

fn seconds_from_now(seconds: i64) -> i64 {
    SystemClock.now().0 / 1000 + seconds
}

/// Opens the socket of a room with these headers; or the status it was refused with.
async fn open(
    app: &TestApp,
    project: &str,
    query: &str,
    headers: &[(&'static str, &str)],
) -> Result<Socket, u16> {
    let url = format!("ws://{}/api/ws/projects/{project}{query}", app.address);
    let mut request = url.into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    match tokio_tungstenite::connect_async(request).await {
        Ok((stream, _)) => Ok(Socket { stream, connection: Value::Null }),
        Err(SocketError::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}
