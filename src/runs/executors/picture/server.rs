//! Asking a server of pictures: requests with its headers and its key, answers that are bounded.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http_client::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use http_client::{Client, Method, RequestBuilder, Response};
use serde_json::Value;

use crate::pipelines::AgentError;
use crate::pipelines::image::picture::PICTURE_BYTES_MAX;
use crate::pipelines::setup::{PictureProtocol, PictureServerSpec};
use crate::runs::executors::command::text::Secrets;
use crate::runs::executors::net;

/// Bytes of an answer that holds a picture: base64 makes it a third longer, and something stands beside it.
const ANSWER_BYTES_MAX: usize = PICTURE_BYTES_MAX / 3 * 4 + (4 << 20);
/// How long a server may take to hear that a picture is not wanted any more.
pub(super) const STOP_WITHIN: Duration = Duration::from_millis(1_500);

/// A server of pictures.
pub(super) struct Server<'a> {
    pub(super) spec: &'a PictureServerSpec,
    pub(super) secrets: Secrets,
    /// Waits for the next byte as long as was set.
    client: Client,
    /// Waits for as long as it takes.
    patient: Client,
    headers: HeaderMap,
}

impl<'a> Server<'a> {
    pub(super) fn new(spec: &'a PictureServerSpec) -> Result<Self, AgentError> {
        let mut secrets = Secrets::default();
        for name in &spec.secrets {
            std::env::var(name).iter().for_each(|value| secrets.add(value));
        }
        let mut headers = HeaderMap::new();
        for (name, value) in &spec.headers {
            let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) else {
                return Err(AgentError::failed("one of the headers that were set is none"));
            };
            headers.insert(name, value);
        }
        let key = spec.key_env.as_ref().and_then(|name| Some((name, std::env::var(name).ok()?)));
        if let Some((name, key)) = key.filter(|(_, key)| !key.is_empty()) {
            secrets.add(&key);
            // The web UI knows users with passwords, the others keys.
            let basic = spec.protocol == PictureProtocol::Automatic1111 && key.contains(':');
            let value = match basic {
                true => {
                    let encoded = BASE64_STANDARD.encode(&key);
                    secrets.add(&encoded);
                    format!("Basic {encoded}")
                }
                false => format!("Bearer {key}"),
            };
            let mut value = HeaderValue::try_from(value)
                .map_err(|_| AgentError::failed(format!("the value of {name} is no key")))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let (client, patient) = (net::client(spec.patience)?, net::patient_client(spec.patience)?);
        Ok(Self { spec, secrets, client, patient, headers })
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.spec.base_url)
    }

    pub(super) fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(self.url(path)).headers(self.headers.clone())
    }

    pub(super) fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.client.request(Method::POST, self.url(path)).headers(self.headers.clone()).json(body)
    }

    /// Like `post`, but the answer may take as long as it likes.
    pub(super) fn post_patiently(&self, path: &str, body: &Value) -> RequestBuilder {
        self.patient.request(Method::POST, self.url(path)).headers(self.headers.clone()).json(body)
    }

    /// An address that the server named: it may lie anywhere, and no key is sent there.
    pub(super) fn elsewhere(&self, url: &str) -> RequestBuilder {
        self.client.get(url)
    }

    pub(super) fn broken(&self, error: &http_client::Error) -> AgentError {
        net::broken(error, self.spec.patience)
    }

    /// The answer to a request, when it is a success.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Response, AgentError> {
        let response = request.send().await.map_err(|error| self.broken(&error))?;
        if !response.status().is_success() {
            return Err(net::refusal(response, &self.secrets).await);
        }
        Ok(response)
    }

    /// The whole answer.
    pub(super) async fn bytes(&self, mut response: Response) -> Result<Vec<u8>, AgentError> {
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.broken(&error))? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > ANSWER_BYTES_MAX {
                let message = format!("the answer of the server has more than {ANSWER_BYTES_MAX} bytes");
                return Err(AgentError::failed(message));
            }
        }
        Ok(bytes)
    }

    /// The whole answer, as JSON.
    pub(super) async fn json(&self, response: Response) -> Result<Value, AgentError> {
        let bytes = self.bytes(response).await?;
        serde_json::from_slice(&bytes).map_err(|error| {
            AgentError::failed(format!(
                "the server does not speak the protocol: its answer is not JSON: {error}"
            ))
        })
    }

    /// What a server says, fit for a log.
    pub(super) fn masked(&self, text: &str) -> String {
        crate::runs::executors::command::text::safe(&text.replace(['\n', '\r'], " "), 0, &self.secrets)
    }

    /// Tells the server something that nothing hangs on.
    pub(super) async fn tell(&self, path: &str, body: &Value) {
        match self.post(path, body).send().await {
            Ok(answer) if answer.status().is_success() => {}
            Ok(answer) => log::warn!("a server of pictures answered {} to {path}", answer.status()),
            Err(error) => log::warn!("a server of pictures did not hear {path}: {}", error.without_url()),
        }
    }
}

/// A picture in base64, also as a data address.
pub(super) fn decoded(text: &str) -> Result<Vec<u8>, AgentError> {
    let encoded = match text.strip_prefix("data:") {
        Some(data) => data.split_once(',').map_or(data, |(_, encoded)| encoded),
        None => text,
    };
    BASE64_STANDARD
        .decode(encoded.trim())
        .map_err(|error| AgentError::failed(format!("the picture of the server is no base64: {error}")))
}

/// An answer without what it should hold.
pub(super) fn nonsense(missing: &str) -> AgentError {
    AgentError::failed(format!("the server does not speak the protocol: its answer has no {missing}"))
}
