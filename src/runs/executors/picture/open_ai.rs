//! OpenAI's images: one request, one picture, in base64 or at an address. There is nothing to hear meanwhile; a stop drops
//! the connection.

use http_client::Url;
use serde_json::json;

use super::server::{Server, decoded, nonsense};
use super::{Made, Wish};

use crate::domain::event::LogLevel;
use crate::pipelines::AgentError;
use crate::pipelines::image::outside::Backend;
use crate::runs::executors::{ExecutorHost, net};

pub(super) fn make(server: &Server<'_>, wish: &Wish, host: &dyn ExecutorHost) -> Result<Made, AgentError> {
    let mut body =
        json!({ "prompt": wish.prompt, "n": 1, "size": format!("{}x{}", wish.width, wish.height) });
    if let Some(model) = &server.spec.model {
        body["model"] = json!(model);
    }
    for (name, value) in &server.spec.request {
        body[name] = value.clone();
    }
    let bytes = net::run(host, async {
        let answer = server.send(server.post("/images/generations", &body)).await?;
        let answer = server.json(answer).await?;
        let picture = answer["data"].get(0).ok_or_else(|| nonsense("data"))?;
        if let Some(prompt) = picture["revised_prompt"].as_str() {
            host.log(LogLevel::Info, &server.masked(&format!("the server made of the prompt: {prompt}")));
        }
        match (picture["b64_json"].as_str(), picture["url"].as_str()) {
            (Some(encoded), _) => decoded(encoded),
            (None, Some(url)) if url.starts_with("data:") => decoded(url),
            (None, Some(url)) => fetched(server, url).await,
            (None, None) => Err(nonsense("b64_json and no url")),
        }
    })?;
    let backend = Backend { executor: "openai".into(), model: server.spec.model.clone(), seed: None };
    Ok(Made { bytes, backend })
}

/// The picture at the address that the server named, which may be one of its own without a host.
async fn fetched(server: &Server<'_>, url: &str) -> Result<Vec<u8>, AgentError> {
    let base = Url::parse(&server.spec.base_url);
    let address =
        base.and_then(|base| base.join(url)).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let address =
        address.ok_or_else(|| AgentError::failed("the address of the picture is none that can be asked"))?;
    let answer = server.send(server.elsewhere(address.as_str())).await?;
    server.bytes(answer).await
}
