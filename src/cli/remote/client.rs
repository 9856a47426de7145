//! A small client of the REST surface.

use anyhow::{Context, bail};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::cli::remote::Server;

/// Speaks with one server.
pub(super) struct Client {
    http: http_client::Client,
    base: String,
    token: Option<String>,
}

impl Client {
    pub(super) fn new(server: &Server) -> anyhow::Result<Self> {
        let base = server.url.trim_end_matches('/').to_owned();
        if !(base.starts_with("http://") || base.starts_with("https://")) {
            bail!("{base} is not the address of a server; it begins with http:// or https://");
        }
        Ok(Self { http: http_client::Client::new(), base, token: server.token.clone() })
    }

    /// `GET /api/…`
    pub(super) async fn get(&self, path: &[&str], query: &[(&str, &str)]) -> anyhow::Result<Value> {
        self.answer(self.http.get(self.address(path, query))).await
    }

    /// `POST /api/…`
    pub(super) async fn post(&self, path: &[&str], body: &Value) -> anyhow::Result<Value> {
        self.answer(self.http.post(self.address(path, &[])).json(body)).await
    }

    /// A live stream of server-sent events.
    pub(super) async fn stream(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> anyhow::Result<http_client::Response> {
        let request = self.http.get(self.address(path, query)).header("Accept", "text/event-stream");
        let response = self.send(request).await?;
        match response.status().is_success() {
            true => Ok(response),
            false => bail!("{}", problem(&response.text().await.unwrap_or_default())),
        }
    }

    async fn answer(&self, request: http_client::RequestBuilder) -> anyhow::Result<Value> {
        let response = self.send(request).await?;
        let status = response.status();
        let text = response.text().await.context("the answer broke off")?;
        if !status.is_success() {
            bail!("{} ({})", problem(&text), status.as_u16());
        }
        serde_json::from_str(&text).context("the answer is not JSON; is this a callboard server?")
    }

    async fn send(&self, request: http_client::RequestBuilder) -> anyhow::Result<http_client::Response> {
        let request = match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        request.send().await.with_context(|| format!("the server at {} cannot be reached", self.base))
    }

    fn address(&self, path: &[&str], query: &[(&str, &str)]) -> String {
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let path: String = path.iter().map(|part| format!("/{}", encode(part))).collect();
        let query: Vec<String> =
            query.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{}/api{path}{mark}{}", self.base, query.join("&"))
    }
}

/// What a problem document says.
fn problem(text: &str) -> String {
    let Ok(document) = serde_json::from_str::<Value>(text) else { return "the server refused".to_owned() };
    let detail = document["detail"].as_str().or_else(|| document["title"].as_str());
    let fields = document["errors"].as_array().map(Vec::as_slice).unwrap_or_default().iter();
    let fields: Vec<String> = fields
        .map(|error| {
            let text = |name: &str| error[name].as_str().unwrap_or_default();
            format!("{}: {}", text("field"), text("message"))
        })
        .collect();
    match fields.is_empty() {
        true => detail.unwrap_or("the server refused").to_owned(),
        false => fields.join("; "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_encoded() {
        let server = Server { url: "http://h:1/".to_owned(), token: None };
        let client = Client::new(&server).unwrap();
        assert_eq!(
            client.address(&["runs", "a/b?"], &[("since", "1 2")]),
            "http://h:1/api/runs/a%2Fb%3F?since=1%202"
        );
        assert!(Client::new(&Server { url: "h:1".to_owned(), token: None }).is_err());
    }

    #[test]
    fn problems_say_what_is_wrong() {
        assert_eq!(problem(r#"{ "title": "Conflict", "detail": "the run is over" }"#), "the run is over");
        let fields = r#"{ "detail": "d", "errors": [{ "field": "priority", "message": "must be small" }] }"#;
        assert_eq!(problem(fields), "priority: must be small");
        assert_eq!(problem("<html>"), "the server refused");
    }
}
