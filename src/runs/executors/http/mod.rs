//! Agents that are servers: the context goes out in one POST; back comes a result, a stream of events, or an address to ask
//! for how it stands. A stop closes the connection, and removes the work at its address when there is one.

mod answer;
mod sign;

use std::cell::Cell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http_client::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use http_client::{Client, Method, RequestBuilder, Response, StatusCode, Url};
use serde_json::{Value, json};

use answer::{Making, Outcome, Said, Standing};

use crate::domain::event::LogLevel;
use crate::pipelines::glob::fits;
use crate::pipelines::policy::FailureClass;
use crate::pipelines::setup::HttpSpec;
use crate::pipelines::{AgentError, AgentInputs, AgentOutput};
use crate::runs::executors::command::text::Secrets;
use crate::runs::executors::net::sse::SseParser;
use crate::runs::executors::{ExecutorHost, context, net};

/// How long a worker may take to hear that its work is not wanted any more.
const REMOVE_WITHIN: Duration = Duration::from_millis(1_500);
/// What an answer may have beside its files: names, messages, the third that base64 adds.
const ANSWER_EXTRA_BYTES: u64 = 4 << 20;
/// The longest pause that a worker may ask for between two questions.
const POLL_MS_MAX: u64 = 60_000;

pub(super) fn execute(
    spec: &HttpSpec,
    agent: &str,
    inputs: &AgentInputs,
    host: &dyn ExecutorHost,
) -> Result<AgentOutput, AgentError> {
    let mut secrets = Secrets::default();
    let signing = spec.signing_env.as_ref().map(|name| {
        std::env::var(name)
            .map_err(|_| AgentError::failed(format!("the variable {name} that signs requests is not set")))
    });
    let signing = signing.transpose()?;
    signing.iter().for_each(|secret| secrets.add(secret));
    for name in &spec.secrets {
        std::env::var(name).iter().for_each(|value| secrets.add(value));
    }
    let url =
        Url::parse(&spec.url).map_err(|error| AgentError::failed(format!("url is no address: {error}")))?;
    let judged = Cell::new(false);
    let asking =
        Asking { spec, client: net::client(spec.patience)?, signing, url, secrets: &secrets, judged };
    let body = body(host, agent, inputs, spec).to_string();
    let run = host.run();
    let mut making = Making::new(host, &secrets, spec.output_bytes);
    let mut status_url = None;
    // The same until the work has come to an end: whoever loses an answer, or its life, asks for the same work again. After
    // that it would be answered with that end.
    let ends: u32 =
        host.kept().and_then(|kept| std::str::from_utf8(&kept).ok()?.parse().ok()).unwrap_or_default();
    let key = match ends {
        0 => format!("{}/{agent}", run.run),
        ends => format!("{}/{agent}/{ends}", run.run),
    };
    let asked = asking.ask(body, key, &mut making, &mut status_url, host);
    let outcome = net::run(host, asked);
    if let (Err(AgentError::Cancelled), Some(url)) = (&outcome, &status_url) {
        asking.remove(url);
        asking.judged.set(true);
    }
    let made = outcome.and_then(|outcome| making.finish(outcome));
    if made.is_err() && asking.judged.get() {
        host.keep((ends + 1).to_string().as_bytes());
    }
    let (mut files, summary) = made?;
    if !spec.outputs.is_empty() {
        files.retain(|file| {
            let fits = spec.outputs.iter().any(|pattern| fits(pattern, &file.path));
            if !fits {
                host.log(
                    LogLevel::Warning,
                    &format!("{} fits none of the outputs and is left out", file.path),
                );
            }
            fits
        });
    }
    let count = files.len();
    let summary =
        summary.unwrap_or_else(|| if count == 1 { "1 file".to_owned() } else { format!("{count} files") });
    Ok(AgentOutput { files, summary })
}

/// The context, with the files of earlier agents in it.
fn body(host: &dyn ExecutorHost, agent: &str, inputs: &AgentInputs, spec: &HttpSpec) -> Value {
    let mut body = context::of(host, agent, inputs, &spec.outputs);
    let files = inputs.files.iter().map(|(path, bytes)| match std::str::from_utf8(bytes) {
        Ok(text) => json!({ "path": path, "size": bytes.len(), "text": text }),
        Err(_) => json!({ "path": path, "size": bytes.len(), "base64": BASE64_STANDARD.encode(bytes) }),
    });
    body["files"] = files.collect();
    body
}

struct Asking<'a> {
    spec: &'a HttpSpec,
    client: Client,
    signing: Option<String>,
    url: Url,
    secrets: &'a Secrets,
    /// Whether the work has come to an end over there, good or bad.
    judged: Cell<bool>,
}

impl Asking<'_> {
    fn request(&self, method: Method, url: &Url, body: String) -> Result<RequestBuilder, AgentError> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.spec.headers {
            let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) else {
                return Err(AgentError::failed(format!("{name} is no header, or its value is none")));
            };
            headers.insert(name, value);
        }
        if let Some(secret) = &self.signing {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
            let path = match url.query() {
                Some(query) => format!("{}?{query}", url.path()),
                None => url.path().to_owned(),
            };
            let signature = sign::signature(secret, now, method.as_str(), &path, body.as_bytes());
            headers.insert(sign::TIMESTAMP, HeaderValue::from(now));
            headers.extend(
                HeaderValue::try_from(signature)
                    .ok()
                    .map(|value| (HeaderName::from_static(sign::SIGNATURE), value)),
            );
        }
        let request = self.client.request(method, url.clone()).headers(headers);
        Ok(if body.is_empty() {
            request
        } else {
            request.header(CONTENT_TYPE, "application/json").body(body)
        })
    }

    fn broken(&self, error: &http_client::Error) -> AgentError {
        net::broken(error, self.spec.patience)
    }

    async fn ask(
        &self,
        body: String,
        key: String,
        making: &mut Making<'_>,
        status_url: &mut Option<Url>,
        host: &dyn ExecutorHost,
    ) -> Result<Outcome, AgentError> {
        let request = self
            .request(Method::POST, &self.url, body)?
            .header(ACCEPT, "application/json, application/x-ndjson, text/event-stream")
            .header("idempotency-key", key);
        let response = request.send().await.map_err(|error| self.broken(&error))?;
        if !response.status().is_success() {
            return Err(net::refusal(response, self.secrets).await);
        }
        let address = response.headers().get(LOCATION).and_then(|address| address.to_str().ok());
        if let Some(address) = address {
            let address = self.url.join(address).map_err(|error| {
                AgentError::failed(format!("the address where the work stands is none: {error}"))
            })?;
            if address.origin() != self.url.origin() {
                return Err(AgentError::failed("the address where the work stands lies on another server"));
            }
            *status_url = Some(address);
        }
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match (kind.as_str(), &status_url) {
            ("text/event-stream", _) => self.events(response, making).await,
            ("application/x-ndjson" | "application/jsonl" | "application/json-lines", _) => {
                self.json_lines(response, making).await
            }
            (_, Some(url)) if response.status() == StatusCode::ACCEPTED => self.poll(url, making, host).await,
            _ => self.whole(response).await,
        }
    }

    async fn whole(&self, response: Response) -> Result<Outcome, AgentError> {
        let bytes = self.bytes(response).await?;
        self.judged.set(true);
        serde_json::from_slice(&bytes)
            .map_err(|error| AgentError::failed(format!("the answer of the server is no result: {error}")))
    }

    async fn bytes(&self, mut response: Response) -> Result<Vec<u8>, AgentError> {
        let bytes_max = self.spec.output_bytes / 2 * 3 + ANSWER_EXTRA_BYTES;
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.broken(&error))? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() as u64 > bytes_max {
                return Err(AgentError::failed(format!("the answer has more than {bytes_max} bytes")));
            }
        }
        Ok(bytes)
    }

    async fn events(&self, mut response: Response, making: &mut Making<'_>) -> Result<Outcome, AgentError> {
        let mut parser = SseParser::default();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.broken(&error))? {
            let events =
                parser.feed(&chunk).map_err(|_| AgentError::failed("an event is larger than any may be"))?;
            for event in events {
                if let Some(end) = take(making, event.data.as_bytes()).transpose() {
                    self.judged.set(true);
                    return end;
                }
            }
        }
        Err(broke_off())
    }

    async fn json_lines(
        &self,
        mut response: Response,
        making: &mut Making<'_>,
    ) -> Result<Outcome, AgentError> {
        let line_bytes_max = self.spec.output_bytes / 2 * 3 + ANSWER_EXTRA_BYTES;
        let mut line: Vec<u8> = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.broken(&error))? {
            for piece in chunk.split_inclusive(|byte| *byte == b'\n') {
                line.extend_from_slice(piece);
                if line.len() as u64 > line_bytes_max {
                    return Err(AgentError::failed(format!("a line has more than {line_bytes_max} bytes")));
                }
                if line.ends_with(b"\n")
                    && let Some(end) = take(making, &std::mem::take(&mut line)).transpose()
                {
                    self.judged.set(true);
                    return end;
                }
            }
        }
        // The last line needs no end.
        let end = take(making, &line).transpose();
        self.judged.set(end.is_some());
        end.unwrap_or_else(|| Err(broke_off()))
    }

    async fn poll(
        &self,
        url: &Url,
        making: &Making<'_>,
        host: &dyn ExecutorHost,
    ) -> Result<Outcome, AgentError> {
        let mut misses = 0;
        loop {
            let response = match self.request(Method::GET, url, String::new())?.send().await {
                Ok(response) => response,
                // The work goes on over there; a question that is lost is asked again.
                Err(error) => {
                    misses += 1;
                    if misses > 3 {
                        return Err(self.broken(&error));
                    }
                    host.log(LogLevel::Warning, "a question for how the work stands got no answer");
                    tokio::time::sleep(Duration::from_millis(self.spec.poll_ms)).await;
                    continue;
                }
            };
            misses = 0;
            if !response.status().is_success() {
                return Err(net::refusal(response, self.secrets).await);
            }
            let asked_ms = response
                .headers()
                .get(RETRY_AFTER)
                .and_then(|seconds| seconds.to_str().ok()?.trim().parse::<u64>().ok())
                .map(|seconds| seconds.saturating_mul(1_000).min(POLL_MS_MAX));
            let bytes = self.bytes(response).await?;
            let standing: Standing = serde_json::from_slice(&bytes).map_err(|error| {
                AgentError::failed(format!("how the work stands cannot be read: {error}"))
            })?;
            self.judged.set(matches!(standing.status.as_str(), "completed" | "failed" | "cancelled"));
            match standing.status.as_str() {
                "completed" => return Ok(standing.outcome),
                "failed" | "cancelled" => {
                    let said = standing.message;
                    return Err(match standing.outcome.error {
                        Some(refused) => refused.into_error(self.secrets),
                        None if said.is_empty() => {
                            AgentError::failed(format!("the work {}", standing.status))
                        }
                        None => AgentError::failed(self.secrets.mask(&said).into_owned()),
                    });
                }
                _ => {
                    if let Some(value) = standing.progress {
                        making.progress(value, &standing.message);
                    }
                }
            }
            tokio::time::sleep(Duration::from_millis(asked_ms.unwrap_or(self.spec.poll_ms))).await;
        }
    }

    /// Nobody wants the work any more. Whether the worker hears it changes nothing for the run.
    fn remove(&self, url: &Url) {
        let Ok(request) = self.request(Method::DELETE, url, String::new()) else { return };
        net::run_for(REMOVE_WITHIN, async {
            if let Err(error) = request.send().await {
                log::warn!(
                    "a worker did not hear that its work is not wanted any more: {}",
                    error.without_url()
                );
            }
        });
    }
}

fn take(making: &mut Making<'_>, json: &[u8]) -> Result<Option<Outcome>, AgentError> {
    if json.trim_ascii().is_empty() {
        return Ok(None);
    }
    let said: Said = serde_json::from_slice(json)
        .map_err(|error| AgentError::failed(format!("an event of the server cannot be read: {error}")))?;
    making.take(said)
}

fn broke_off() -> AgentError {
    AgentError::passing(FailureClass::Transient, "the stream broke off before the result")
}
