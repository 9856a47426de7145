//! Asking servers: one client with its patience, and what their refusals mean for a retry.
//!
//! An agent has a thread of its own; the requests of one are carried out on it by a small runtime. A stop drops whatever is
//! under way, and with it the connection.

pub(super) mod sse;

use std::future::Future;
use std::time::Duration;

use http_client::header::{DATE, HeaderMap, RETRY_AFTER};
use http_client::{Client, Response, StatusCode};

use crate::pipelines::AgentError;
use crate::pipelines::policy::FailureClass;
use crate::pipelines::setup::Patience;
use crate::runs::executors::ExecutorHost;
use crate::runs::executors::command::text::{Secrets, safe};

/// How often a stop is looked for.
const POLL: Duration = Duration::from_millis(20);
/// What is kept of the answer of a server that refuses.
const REFUSAL_BYTES_MAX: usize = 2 * 1024;

/// Does the work unless the agent is told to stop.
pub(super) fn run<T>(
    host: &dyn ExecutorHost,
    work: impl Future<Output = Result<T, AgentError>>,
) -> Result<T, AgentError> {
    runtime()?.block_on(async {
        tokio::select! {
            done = work => done,
            why = stopped(host) => Err(why),
        }
    })
}

/// Does the work, at most for so long.
pub(super) fn run_for(limit: Duration, work: impl Future<Output = ()>) {
    if let Ok(runtime) = runtime() {
        // What is not done by then is not done at all.
        let _ = runtime.block_on(async { tokio::time::timeout(limit, work).await });
    }
}

/// Does the work however long it takes, where nobody can tell it to stop.
pub(super) fn run_to_end(work: impl Future<Output = ()>) {
    if let Ok(runtime) = runtime() {
        runtime.block_on(work);
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, AgentError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
        AgentError::passing(FailureClass::Transient, format!("no request can be made: {error}"))
    })
}

async fn stopped(host: &dyn ExecutorHost) -> AgentError {
    loop {
        tokio::time::sleep(POLL).await;
        if let Err(why) = host.check() {
            return why;
        }
    }
}

/// A client that waits as long as was said. It follows no redirect: keys and signatures are for the address that was set.
pub(super) fn client(patience: Patience) -> Result<Client, AgentError> {
    built(Client::builder().read_timeout(Duration::from_millis(patience.stall_ms)), patience)
}

/// A client that waits for an answer for as long as it takes, where something else says whether it comes.
pub(super) fn patient_client(patience: Patience) -> Result<Client, AgentError> {
    built(Client::builder(), patience)
}

fn built(builder: http_client::ClientBuilder, patience: Patience) -> Result<Client, AgentError> {
    builder
        .connect_timeout(Duration::from_millis(patience.connect_ms))
        .redirect(http_client::redirect::Policy::none())
        .user_agent(concat!("callboard/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| AgentError::failed(format!("no request can be made: {}", chain(&error))))
}

/// A request that got no answer, or one that broke off.
pub(super) fn broken(error: &http_client::Error, patience: Patience) -> AgentError {
    let message = match error {
        _ if error.is_builder() => return AgentError::failed(chain(error)),
        _ if error.is_connect() => format!("the server cannot be reached: {}", chain(error)),
        _ if error.is_timeout() => format!("the server was silent for {} ms", patience.stall_ms),
        _ => format!("the connection broke: {}", chain(error)),
    };
    AgentError::passing(FailureClass::Transient, message)
}

/// An error with its causes, without the address: that may hold a key.
fn chain(error: &http_client::Error) -> String {
    let mut source: Option<&dyn std::error::Error> = std::error::Error::source(error);
    let mut text = String::new();
    while let Some(error) = source {
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&error.to_string());
        source = error.source();
    }
    if text.is_empty() { error.to_string() } else { text }
}

/// What a refusal means for a retry.
pub(super) fn class(status: StatusCode, headers: &HeaderMap) -> FailureClass {
    let retry_after_ms = retry_after_ms(headers);
    match status.as_u16() {
        429 => FailureClass::RateLimited { retry_after_ms },
        500..=599 if retry_after_ms.is_some() => FailureClass::RateLimited { retry_after_ms },
        408 | 425 | 500..=599 => FailureClass::Transient,
        _ => FailureClass::Permanent,
    }
}

/// Seconds, or a date, which counts from the date of the answer: clocks need not agree.
fn retry_after_ms(headers: &HeaderMap) -> Option<u64> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(seconds.saturating_mul(1000));
    }
    let date = |text: &str| jiff::fmt::rfc2822::parse(text).ok().map(|date| date.timestamp());
    let from = date(headers.get(DATE)?.to_str().ok()?)?;
    u64::try_from(date(text)?.duration_since(from).as_millis()).ok()
}

/// The answer of a server that did not do what it was asked.
pub(super) async fn refusal(mut response: Response, secrets: &Secrets) -> AgentError {
    let status = response.status();
    let class = class(status, response.headers());
    let mut bytes = Vec::new();
    while bytes.len() < REFUSAL_BYTES_MAX {
        match response.chunk().await {
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Ok(None) | Err(_) => break,
        }
    }
    bytes.truncate(REFUSAL_BYTES_MAX);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let said = serde_json::from_str::<serde_json::Value>(&text).ok().and_then(|json| {
        let error = &json["error"];
        let said = error["message"].as_str().or(error.as_str()).or(json["message"].as_str());
        said.or(json["detail"].as_str()).map(str::to_owned)
    });
    let said = safe(said.unwrap_or(text).replace(['\n', '\r'], " ").trim(), 0, secrets);
    let message = match said.is_empty() {
        true => format!("the server answered {status}"),
        false => format!("the server answered {status}: {said}"),
    };
    match class {
        FailureClass::Permanent => AgentError::failed(message),
        class => AgentError::passing(class, message),
    }
}

#[cfg(test)]
mod tests {
    use http_client::header::HeaderValue;

    use super::*;

    #[test]
    fn refusals_say_whether_and_when_to_come_back() {
        let date = "Wed, 21 Oct 2026 07:28:00 GMT";
        for (status, retry_after, expected) in [
            (429, None, FailureClass::RateLimited { retry_after_ms: None }),
            (429, Some("3"), FailureClass::RateLimited { retry_after_ms: Some(3_000) }),
            (
                503,
                Some("Wed, 21 Oct 2026 07:28:30 GMT"),
                FailureClass::RateLimited { retry_after_ms: Some(30_000) },
            ),
            (503, Some("Wed, 21 Oct 2026 07:27:00 GMT"), FailureClass::Transient),
            (500, None, FailureClass::Transient),
            (408, None, FailureClass::Transient),
            (404, None, FailureClass::Permanent),
            (302, None, FailureClass::Permanent),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(DATE, HeaderValue::from_static(date));
            if let Some(value) = retry_after {
                headers.insert(RETRY_AFTER, HeaderValue::from_static(value));
            }
            assert_eq!(
                class(StatusCode::from_u16(status).unwrap(), &headers),
                expected,
                "{status} {retry_after:?}"
            );
        }
    }
}
