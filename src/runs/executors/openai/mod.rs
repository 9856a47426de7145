//! Agents that are models: any server that speaks the chat-completions protocol, streamed.
//!
//! The reply goes line by line into the log of the run, as one group, so that whoever joins late reads the text so far there
//! like any other log. Then it is read as files and checked; what does not hold is sent back. Whether the files do what
//! they should is for later agents to judge.

mod files;
mod stream;
mod telling;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http_client::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use http_client::{Client, RequestBuilder, Response};
use serde_json::{Value, json};

use stream::{Reply, StreamFault, Usage};
use telling::{Share, Telling};

use crate::domain::event::LogLevel;
use crate::domain::pipeline::ReplyForm;
use crate::domain::run::TokenUsage;
use crate::domain::script::{ScriptJob, ScriptOutcome, ScriptStep};
use crate::pipelines::modelled::Portion;
use crate::pipelines::policy::FailureClass;
use crate::pipelines::setup::OpenAiSpec;
use crate::pipelines::{AgentError, AgentInputs, AgentOutput, OutputFile, modelled, prompt};
use crate::runs::executors::command::text::Secrets;
use crate::runs::executors::net::sse::SseParser;
use crate::runs::executors::{ExecutorHost, net};

/// Bytes of a reply.
const REPLY_BYTES_MAX: usize = 8 << 20;
/// Bytes of text that stand for a token where a server does not count.
const BYTES_PER_TOKEN: u64 = 4;
/// Tokens that stand for an image: what servers ask that count by tiles of 512 pixels, for four of them. Images are sent as
/// copies of at most 640 pixels a side.
const TOKENS_PER_IMAGE: u64 = 765;
/// What is told of a reply that does not hold.
const WRONG_MAX: usize = 20;
const PARSE_MEMORY_BYTES: u64 = 64 << 20;
const PARSE_MS: u64 = 2_000;

pub(super) fn execute(
    spec: &OpenAiSpec,
    inputs: &AgentInputs,
    host: &dyn ExecutorHost,
) -> Result<AgentOutput, AgentError> {
    let mut secrets = Secrets::default();
    let key = std::env::var(&spec.key_env).ok().filter(|key| !key.is_empty());
    key.iter().for_each(|key| secrets.add(key));
    for name in &spec.secrets {
        std::env::var(name).iter().for_each(|value| secrets.add(value));
    }
    let asking = Asking { spec, host, secrets: &secrets, client: net::client(spec.patience)?, key };
    let portions = modelled::portions(spec.stands_for.as_deref(), inputs)?;
    let (count, mut used, mut made) = (portions.len(), 0, Vec::new());
    for (number, portion) in portions.into_iter().enumerate() {
        if count > 1 {
            host.progress(number as f64 / count as f64 * 100.0, &format!("part {} of {count}", number + 1));
        }
        let share = 1.0 / count as f64;
        let whole = Share { from: number as f64 * share, of: share };
        made.push(asking.portion(&portion, whole, &mut used)?);
    }
    let files = modelled::join(spec.stands_for.as_deref(), made)?;
    let summary = format!("{} by {}, {used} tokens", plural(files.len()), spec.model);
    Ok(AgentOutput { files, summary })
}

/// A question, with images each behind its name when there are some.
fn content(asked: String, images: &[OutputFile]) -> Value {
    if images.is_empty() {
        return Value::String(asked);
    }
    let mut parts = vec![json!({ "type": "text", "text": asked })];
    for image in images {
        let url = format!("data:image/jpeg;base64,{}", BASE64.encode(&image.bytes));
        parts.push(json!({ "type": "text", "text": format!("Image {}:", image.path) }));
        parts.push(json!({ "type": "image_url", "image_url": { "url": url } }));
    }
    Value::Array(parts)
}

fn plural(files: usize) -> String {
    if files == 1 { "1 file".to_owned() } else { format!("{files} files") }
}

/// What a JavaScript engine says of the scripts among the files.
fn scripts(files: &[OutputFile], host: &dyn ExecutorHost) -> Result<Vec<String>, AgentError> {
    let sources = files.iter().filter(|file| file.path.ends_with(".js") || file.path.ends_with(".mjs"));
    let sources: Vec<(String, String)> = sources
        .filter_map(|file| Some((file.path.clone(), String::from_utf8(file.bytes.clone()).ok()?)))
        .collect();
    if sources.is_empty() {
        return Ok(Vec::new());
    }
    let job = ScriptJob {
        steps: sources.iter().map(|(path, _)| ScriptStep::Parse { path: path.clone() }).collect(),
        files: sources.into_iter().collect(),
        memory_bytes: PARSE_MEMORY_BYTES,
        step_ms: PARSE_MS,
    };
    let outcomes = host.run_scripts(&job, &mut |_, _| ())?;
    Ok(outcomes
        .into_iter()
        .filter_map(|outcome| match outcome {
            ScriptOutcome::Error { error } => Some(error.to_string()),
            _ => None,
        })
        .collect())
}

struct Asking<'a> {
    spec: &'a OpenAiSpec,
    host: &'a dyn ExecutorHost,
    secrets: &'a Secrets,
    client: Client,
    key: Option<String>,
}

impl Asking<'_> {
    /// The files of one portion, once they hold.
    fn portion(
        &self,
        portion: &Portion,
        whole: Share,
        used: &mut u64,
    ) -> Result<Vec<OutputFile>, AgentError> {
        let (spec, host, secrets) = (self.spec, self.host, self.secrets);
        let example = spec.stands_for.as_deref().and_then(modelled::example);
        let asked = prompt::render(&spec.prompt, &portion.inputs, &spec.outputs, example)?;
        let system = match spec.reply {
            ReplyForm::Files => prompt::SYSTEM_FILES,
            ReplyForm::Json => prompt::SYSTEM_JSON,
        };
        let mut messages = vec![
            json!({ "role": "system", "content": system }),
            json!({ "role": "user", "content": content(asked, &portion.images) }),
        ];
        for round in 0..=spec.repairs_max {
            self.within_budget()?;
            let reply = self.ask(&messages, whole, used)?;
            let wrong = match files::read(&reply, spec, &portion.inputs) {
                Ok(files) => match scripts(&files, host)? {
                    wrong if wrong.is_empty() => return Ok(files),
                    wrong => wrong,
                },
                Err(wrong) => wrong,
            };
            for line in wrong.iter().take(WRONG_MAX) {
                host.log(LogLevel::Warning, &secrets.mask(line));
            }
            if round == spec.repairs_max {
                let message =
                    format!("the reply of {} does not hold: {}", spec.model, secrets.mask(&wrong[0]));
                return Err(AgentError::failed(message));
            }
            let list: String = wrong.iter().take(WRONG_MAX).map(|line| format!("- {line}\n")).collect();
            messages.push(json!({ "role": "assistant", "content": reply }));
            messages.push(json!({ "role": "user", "content": format!(
                "This does not hold:\n{list}\nMend it, and reply again with everything, in the same form."
            ) }));
        }
        Err(AgentError::failed("the model was not asked"))
    }

    fn within_budget(&self) -> Result<(), AgentError> {
        let used = self.host.use_tokens(TokenUsage::default());
        match self.spec.run_tokens_max {
            Some(max) if used >= max => {
                Err(AgentError::failed(format!("the run has used {used} tokens; {max} are allowed")))
            }
            _ => Ok(()),
        }
    }

    /// One reply, whole. What it cost is counted however it ends.
    fn ask(&self, messages: &[Value], whole: Share, used: &mut u64) -> Result<String, AgentError> {
        let mut reply = Reply::default();
        let mut telling = Telling::new(self.host, self.secrets, &self.spec.model, whole);
        let result = net::run(self.host, self.receive(messages, &mut reply, &mut telling));
        telling.finish();
        // A request that was refused cost nothing.
        let answered = reply.usage.is_some() || !reply.text.is_empty();
        if answered {
            let (usage, counted) = match reply.usage {
                Some(usage) => (usage, "counted by the server"),
                None => (estimate(messages, &reply.text), "estimated: the server counts none"),
            };
            let tokens = usage.prompt_tokens + usage.completion_tokens;
            *used += tokens;
            let of_run = self.host.use_tokens(TokenUsage {
                prompt_tokens: usage.prompt_tokens,
                completion_tokens: usage.completion_tokens,
                cost: self
                    .spec
                    .prices
                    .map(|prices| prices.cost(usage.prompt_tokens, usage.completion_tokens)),
            });
            self.host.metric("tokens", *used as f64);
            self.host.metric("tokens_of_run", of_run as f64);
            self.host.log(
                LogLevel::Info,
                &format!(
                    "{tokens} tokens, {} asked and {} answered ({counted}); {of_run} in this run",
                    usage.prompt_tokens, usage.completion_tokens
                ),
            );
        }
        result?;
        match reply.finish.as_deref() {
            Some("length") => Err(AgentError::failed(
                "the reply was cut because it was too long for the model or for reply_tokens_max",
            )),
            Some("content_filter") => Err(AgentError::failed("the server refused to answer this")),
            _ => Ok(reply.text),
        }
    }

    fn request(&self, messages: &[Value]) -> Result<RequestBuilder, AgentError> {
        let spec = self.spec;
        let mut body = json!({
            "model": spec.model,
            "messages": messages,
            "stream": true,
            "stream_options": { "include_usage": true },
        });
        if let Some(temperature) = spec.temperature {
            body["temperature"] = json!(temperature);
        }
        if let Some(tokens) = spec.reply_tokens_max {
            body["max_tokens"] = json!(tokens);
        }
        let mut request = self
            .client
            .post(format!("{}/chat/completions", spec.base_url))
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "text/event-stream, application/json")
            .body(body.to_string());
        for (name, value) in &spec.headers {
            let (name, value) = (HeaderName::try_from(name), HeaderValue::try_from(value));
            let (Ok(name), Ok(value)) = (name, value) else {
                return Err(AgentError::failed("one of the headers that were set is none"));
            };
            request = request.header(name, value);
        }
        if let Some(key) = &self.key {
            let mut value = HeaderValue::try_from(format!("Bearer {key}"))
                .map_err(|_| AgentError::failed(format!("the value of {} is no key", spec.key_env)))?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        Ok(request)
    }

    async fn receive(
        &self,
        messages: &[Value],
        reply: &mut Reply,
        telling: &mut Telling<'_>,
    ) -> Result<(), AgentError> {
        let broken = |error: http_client::Error| net::broken(&error, self.spec.patience);
        let response = self.request(messages)?.send().await.map_err(broken)?;
        if !response.status().is_success() {
            return Err(net::refusal(response, self.secrets).await);
        }
        let kind =
            response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if kind.starts_with("application/json") {
            return self.receive_whole(response, reply, telling).await;
        }
        let mut response = response;
        let mut parser = SseParser::default();
        while !reply.done {
            let chunk = match response.chunk().await {
                Ok(chunk) => chunk,
                // What could still come is the end mark and a count.
                Err(error) if reply.finish.is_some() => {
                    self.host.log(LogLevel::Debug, &format!("after the end of the reply: {}", broken(error)));
                    None
                }
                Err(error) => return Err(broken(error)),
            };
            let Some(chunk) = chunk else { break };
            let events = parser
                .feed(&chunk)
                .map_err(|_| AgentError::failed("the server sent an event that is larger than any may be"))?;
            for event in events {
                let new = reply.take(&event).map_err(|fault| self.fault(fault))?;
                telling.take(&new);
            }
            if reply.text.len() > REPLY_BYTES_MAX {
                return Err(AgentError::failed(format!("the reply is larger than {REPLY_BYTES_MAX} bytes")));
            }
        }
        match (reply.done, &reply.finish) {
            (true, _) => Ok(()),
            // Some servers leave the end mark out; that the reply is whole was said all the same.
            (false, Some(_)) => {
                self.host.log(LogLevel::Debug, "the stream ended without its end mark");
                Ok(())
            }
            (false, None) => Err(AgentError::passing(
                FailureClass::Transient,
                "the stream broke off before the end of the reply",
            )),
        }
    }

    /// A server that does not stream.
    async fn receive_whole(
        &self,
        mut response: Response,
        reply: &mut Reply,
        telling: &mut Telling<'_>,
    ) -> Result<(), AgentError> {
        let mut bytes = Vec::new();
        while let Some(chunk) =
            response.chunk().await.map_err(|error| net::broken(&error, self.spec.patience))?
        {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > REPLY_BYTES_MAX {
                return Err(AgentError::failed(format!("the reply is larger than {REPLY_BYTES_MAX} bytes")));
            }
        }
        let new = reply.take_json(&String::from_utf8_lossy(&bytes)).map_err(|fault| self.fault(fault))?;
        telling.take(&new);
        Ok(())
    }

    fn fault(&self, fault: StreamFault) -> AgentError {
        let message = match fault {
            StreamFault::Said(said) => {
                format!("the server broke the reply off: {}", self.secrets.mask(&said))
            }
            StreamFault::Nonsense(error) => format!("the server does not speak the protocol: {error}"),
        };
        AgentError::passing(FailureClass::Transient, message)
    }
}

/// What a server that does not count has probably used.
fn estimate(messages: &[Value], reply: &str) -> Usage {
    let (mut bytes, mut images) = (0, 0);
    for message in messages {
        match &message["content"] {
            Value::String(text) => bytes += text.len() as u64,
            Value::Array(parts) => {
                for part in parts {
                    bytes += part["text"].as_str().map_or(0, |text| text.len() as u64);
                    images += u64::from(part["image_url"].is_object());
                }
            }
            _ => {}
        }
    }
    Usage {
        prompt_tokens: bytes.div_ceil(BYTES_PER_TOKEN) + images * TOKENS_PER_IMAGE,
        completion_tokens: (reply.len() as u64).div_ceil(BYTES_PER_TOKEN),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_counts_is_estimated_with_its_images() {
        let image = OutputFile { path: "a.jpg".into(), bytes: vec![0; 90_000] };
        let asked = |images: &[OutputFile]| {
            let messages = [
                json!({ "role": "system", "content": "12345678" }),
                json!({ "role": "user", "content": content("1234".to_owned(), images) }),
            ];
            let used = estimate(&messages, "12345");
            assert_eq!(used.completion_tokens, 2);
            used.prompt_tokens
        };
        assert_eq!(asked(&[]), 3);
        // Their names are texts beside them.
        let name = "Image a.jpg:".len() as u64;
        assert_eq!(asked(std::slice::from_ref(&image)), (12 + name) / 4 + 765);
        assert_eq!(asked(&[image.clone(), image]), (12 + 2 * name) / 4 + 2 * 765);
    }
}
