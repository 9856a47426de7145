//! ComfyUI: a workflow goes into its queue; what it says on its socket is progress, what stands in its history is the
//! outcome. The socket may break or be missing: the history is asked all the same. A stop takes the work out of the queue, or
//! interrupts it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http_client::StatusCode;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};
use tokio::sync::oneshot;

use super::comfy_ui_socket::{Heard, Listening};
use super::server::{STOP_WITHIN, Server, nonsense};
use super::{Made, Wish, show};

use crate::domain::event::LogLevel;
use crate::pipelines::AgentError;
use crate::pipelines::image::outside::Backend;
use crate::pipelines::image::workflow;
use crate::pipelines::policy::FailureClass;
use crate::pipelines::setup::PictureServerSpec;
use crate::runs::executors::{ExecutorHost, net};

/// Questions in a row that may get no answer.
const MISSES_MAX: u32 = 3;
/// Looks in a row that find the work neither in the queue nor in the history: between the two it is moved.
const LOST_LOOKS: u32 = 3;
/// What is told of nodes that are refused.
const WRONG_MAX: usize = 5;

pub(super) fn make(
    server: &Server<'static>,
    wish: &Wish,
    host: &dyn ExecutorHost,
) -> Result<Made, AgentError> {
    let empty = Value::Null;
    let filled = workflow::filled(server.spec.workflow.as_ref().unwrap_or(&empty), &values(server, wish));
    let samplers = filled
        .as_object()
        .map_or(0, |nodes| nodes.values().filter(|node| !node["inputs"]["steps"].is_null()).count());
    let standing = Arc::new(Mutex::new(Standing::Unnamed));
    let bytes = net::run(host, work(server, &filled, samplers, &standing, host));
    if bytes.is_err()
        && let Standing::Named(id) = std::mem::replace(&mut *lock(&standing), Standing::GivenUp)
    {
        net::run_for(STOP_WITHIN, stop(server, &id));
    }
    Ok(Made {
        bytes: bytes?,
        backend: Backend { executor: "comfyui".into(), model: model(server, &filled), seed: None },
    })
}

fn values(server: &Server<'_>, wish: &Wish) -> Map<String, Value> {
    let values = json!({
        "prompt": wish.prompt,
        "negative_prompt": server.spec.negative_prompt,
        "model": server.spec.model.as_deref().unwrap_or_default(),
        "seed": wish.seed,
        "steps": wish.steps,
        "width": wish.width,
        "height": wish.height,
    });
    values.as_object().cloned().unwrap_or_default()
}

/// The model that was set, or the first one that a node loads.
fn model(server: &Server<'_>, workflow: &Value) -> Option<String> {
    let nodes = workflow.as_object().into_iter().flat_map(Map::values);
    let mut loaded = nodes.filter_map(|node| {
        let inputs = &node["inputs"];
        inputs["ckpt_name"].as_str().or(inputs["unet_name"].as_str()).map(str::to_owned)
    });
    server.spec.model.clone().or_else(|| loaded.next())
}

/// What is to be taken back when nobody wants the picture any more.
enum Standing {
    /// The server has not answered yet.
    Unnamed,
    /// The server has this to do.
    Named(String),
    /// The server is done with it.
    Done,
    /// Nobody waits: whoever hears of the name takes the work back.
    GivenUp,
}

fn lock(standing: &Mutex<Standing>) -> MutexGuard<'_, Standing> {
    standing.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From the queue to the picture.
async fn work(
    server: &Server<'static>,
    workflow: &Value,
    samplers: usize,
    standing: &Arc<Mutex<Standing>>,
    host: &dyn ExecutorHost,
) -> Result<Vec<u8>, AgentError> {
    let client_id = uuid::Uuid::new_v4().simple().to_string();
    // First the socket, so that nothing is missed.
    let listening = Listening::open(server, &client_id).await;
    if let Err(why) = &listening {
        host.log(LogLevel::Warning, &format!("no steps and previews will be heard: {}", server.masked(why)));
    }
    let prompt_id = put(server.spec, workflow, &client_id, standing.clone()).await?;
    let mut watch = Watch {
        server,
        host,
        prompt_id: &prompt_id,
        samplers: Samplers::of(samplers),
        moved: Instant::now(),
        running: false,
    };
    let entry = watch.until_done(listening.ok()).await;
    // Whatever the outcome, the server is done with it; a picture that does not get on is stopped.
    if entry.is_ok() {
        *lock(standing) = Standing::Done;
    }
    let entry = entry?;
    failed(server, &entry)?;
    let image = image_of(&entry).ok_or_else(|| {
        AgentError::failed("the workflow made no picture: it needs a node that saves one, like SaveImage")
    })?;
    let part = |name: &str| {
        utf8_percent_encode(image[name].as_str().unwrap_or_default(), NON_ALPHANUMERIC).to_string()
    };
    let address =
        format!("/view?filename={}&subfolder={}&type={}", part("filename"), part("subfolder"), part("type"));
    let answer = server.send(server.get(&address)).await?;
    server.bytes(answer).await
}

/// Puts the workflow into the queue; answers its name there. On a thread of its own: a server that was asked does the work
/// whether or not somebody still waits, and only its answer says what is to be taken back then.
async fn put(
    spec: &'static PictureServerSpec,
    workflow: &Value,
    client_id: &str,
    standing: Arc<Mutex<Standing>>,
) -> Result<String, AgentError> {
    let (answer, answered) = oneshot::channel();
    let (workflow, client_id) = (workflow.clone(), client_id.to_owned());
    let thread = std::thread::Builder::new().name("comfyui-prompt".to_owned());
    let started = thread.spawn(move || {
        net::run_to_end(async {
            let server = match Server::new(spec) {
                Ok(server) => server,
                Err(why) => return drop(answer.send(Err(why))),
            };
            let queued = queued(&server, &workflow, &client_id).await;
            if let Ok(id) = &queued {
                let given_up = match &mut *lock(&standing) {
                    Standing::GivenUp => true,
                    known => {
                        *known = Standing::Named(id.clone());
                        false
                    }
                };
                if given_up {
                    log::info!("what was cancelled while ComfyUI took it in is taken back");
                    stop(&server, id).await;
                }
            }
            // Nobody waits any more when the run has ended meanwhile.
            let _ = answer.send(queued);
        });
    });
    let cannot =
        |why: &str| AgentError::passing(FailureClass::Transient, format!("no request can be made: {why}"));
    started.map_err(|error| cannot(&error.to_string()))?;
    answered.await.unwrap_or_else(|_| Err(cannot("its thread ended early")))
}

/// Puts the workflow into the queue; answers its name there.
async fn queued(server: &Server<'_>, workflow: &Value, client_id: &str) -> Result<String, AgentError> {
    let body = json!({ "prompt": workflow, "client_id": client_id });
    let answer = server.post("/prompt", &body).send().await.map_err(|error| server.broken(&error))?;
    if answer.status() == StatusCode::BAD_REQUEST {
        let said = server.json(answer).await.unwrap_or_default();
        return Err(AgentError::failed(format!(
            "the server refuses the workflow: {}",
            server.masked(&refused(&said))
        )));
    }
    if !answer.status().is_success() {
        return Err(net::refusal(answer, &server.secrets).await);
    }
    let answer = server.json(answer).await?;
    answer["prompt_id"].as_str().map(str::to_owned).ok_or_else(|| nonsense("prompt_id"))
}

/// Why a workflow is refused, with the nodes that are at fault.
fn refused(said: &Value) -> String {
    let error = &said["error"];
    let mut text = error["message"].as_str().or(error.as_str()).unwrap_or("no reason was given").to_owned();
    let nodes = said["node_errors"].as_object().into_iter().flatten();
    let errors = nodes.flat_map(|(id, node)| {
        let class = node["class_type"].as_str().unwrap_or("a node");
        node["errors"].as_array().into_iter().flatten().map(move |error| {
            let of = |name: &str| error[name].as_str().unwrap_or_default();
            format!("; {class} ({id}): {} {}", of("message"), of("details"))
        })
    });
    text.extend(errors.take(WRONG_MAX));
    text
}

/// Why the server gave the work up, when it did.
fn failed(server: &Server<'_>, entry: &Value) -> Result<(), AgentError> {
    let status = &entry["status"];
    if status["status_str"] != "error" {
        return Ok(());
    }
    for message in status["messages"].as_array().into_iter().flatten() {
        let said = &message[1];
        match message[0].as_str() {
            Some("execution_interrupted") => {
                return Err(AgentError::failed("the work was interrupted at the server"));
            }
            Some("execution_error") => {
                let text = format!(
                    "{}: {}",
                    said["node_type"].as_str().unwrap_or("a node"),
                    said["exception_message"].as_str().unwrap_or("no reason was given").trim()
                );
                return Err(AgentError::failed(format!("the server failed: {}", server.masked(&text))));
            }
            _ => {}
        }
    }
    Err(AgentError::failed("the server failed and gave no reason"))
}

/// The picture of an entry of the history: one that was saved before one that is only shown.
fn image_of(entry: &Value) -> Option<&Value> {
    let outputs = entry["outputs"].as_object()?;
    let images = || outputs.values().filter_map(|output| output["images"].as_array()).flatten();
    images().find(|image| image["type"] == "output").or_else(|| images().next())
}

/// Takes the work back: out of the queue, or away from the machine. Work of others goes on.
async fn stop(server: &Server<'_>, prompt_id: &str) {
    server.tell("/queue", &json!({ "delete": [prompt_id] })).await;
    let heard = async { server.json(server.send(server.get("/queue")).await?).await };
    match heard.await {
        Ok(queue) if !is_in(&queue["queue_running"], prompt_id) => {}
        // Where it cannot be said, it is more likely ours than not.
        Ok(_) | Err(_) => server.tell("/interrupt", &json!({ "prompt_id": prompt_id })).await,
    }
}

fn is_in(queue: &Value, prompt_id: &str) -> bool {
    queue.as_array().is_some_and(|items| items.iter().any(|item| item[1] == prompt_id))
}

/// How far the nodes are that work in steps.
struct Samplers {
    expected: usize,
    begun: Vec<String>,
}

impl Samplers {
    fn of(expected: usize) -> Self {
        Self { expected, begun: Vec::new() }
    }

    /// The share of the whole after a step of a node, in percent.
    fn percent(&mut self, node: &str, step: u64, of: u64) -> f64 {
        let place = self.begun.iter().position(|known| known == node).unwrap_or_else(|| {
            self.begun.push(node.to_owned());
            self.begun.len() - 1
        });
        let all = self.expected.max(self.begun.len()) as f64;
        (place as f64 + step as f64 / of.max(1) as f64) * 100.0 / all
    }
}

/// How the work stands.
struct Watch<'a> {
    server: &'a Server<'a>,
    host: &'a dyn ExecutorHost,
    prompt_id: &'a str,
    samplers: Samplers,
    moved: Instant,
    running: bool,
}

impl Watch<'_> {
    /// Waits for the entry in the history.
    async fn until_done(&mut self, mut listening: Option<Listening>) -> Result<Value, AgentError> {
        let pause = Duration::from_millis(self.server.spec.poll_ms);
        let (mut misses, mut lost, mut step) = (0, 0, (0, 0));
        let mut next_look = tokio::time::Instant::now() + pause;
        loop {
            let heard = match &mut listening {
                Some(socket) => tokio::select! {
                    heard = socket.next(self.prompt_id) => Some(heard),
                    () = tokio::time::sleep_until(next_look) => None,
                },
                None => {
                    tokio::time::sleep_until(next_look).await;
                    None
                }
            };
            match heard {
                Some(Heard::Step { node, step: at, of }) => {
                    step = (at, of);
                    self.moves();
                    let percent = self.samplers.percent(&node, at, of);
                    self.host.progress(percent, &format!("step {at} of {of}"));
                    continue;
                }
                Some(Heard::Preview(bytes)) => {
                    self.moves();
                    // One that belongs to no step is that of somebody else's work.
                    if step.1 > 0 {
                        show(self.host, bytes, step.0, step.1);
                    }
                    continue;
                }
                Some(Heard::Moved) => {
                    self.moves();
                    continue;
                }
                Some(Heard::Done) => self.moves(),
                Some(Heard::Closed) => {
                    self.host
                        .log(LogLevel::Warning, "the server closed its socket: no more steps will be heard");
                    listening = None;
                    continue;
                }
                None => {}
            }
            next_look = tokio::time::Instant::now() + pause;
            match self.look().await {
                Ok(Found::Done(entry)) => return Ok(entry),
                Ok(Found::Waits) => (misses, lost) = (0, 0),
                Ok(Found::Nowhere) => lost += 1,
                Err(AgentError::Passing { class: FailureClass::Transient, message })
                    if misses < MISSES_MAX =>
                {
                    misses += 1;
                    self.host.log(LogLevel::Warning, &format!("a question got no answer: {message}"));
                }
                Err(why) => return Err(why),
            }
            if lost >= LOST_LOOKS {
                let message = "the server has lost the work: it is neither in its queue nor in its history";
                return Err(AgentError::passing(FailureClass::Transient, message));
            }
            let stall_ms = self.server.spec.patience.stall_ms;
            if self.running && self.moved.elapsed() >= Duration::from_millis(stall_ms) {
                let message = format!("the server was silent for {stall_ms} ms: the picture does not get on");
                return Err(AgentError::passing(FailureClass::Transient, message));
            }
        }
    }

    fn moves(&mut self) {
        self.moved = Instant::now();
        self.running = true;
    }

    async fn look(&mut self) -> Result<Found, AgentError> {
        let history = self.server.send(self.server.get(&format!("/history/{}", self.prompt_id))).await?;
        let mut history = self.server.json(history).await?;
        if let Some(entry) = history.get_mut(self.prompt_id) {
            return Ok(Found::Done(entry.take()));
        }
        let queue = self.server.send(self.server.get("/queue")).await?;
        let queue = self.server.json(queue).await?;
        if is_in(&queue["queue_running"], self.prompt_id) {
            if !self.running {
                self.moves();
            }
            return Ok(Found::Waits);
        }
        Ok(if is_in(&queue["queue_pending"], self.prompt_id) { Found::Waits } else { Found::Nowhere })
    }
}

/// Where the work was found.
enum Found {
    /// In the history: this is its entry.
    Done(Value),
    /// In the queue.
    Waits,
    Nowhere,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_samplers_share_the_progress_and_it_never_falls() {
        let mut samplers = Samplers::of(2);
        let said = [("3", 1, 4), ("3", 4, 4), ("9", 1, 2), ("9", 2, 2)];
        let percents: Vec<f64> =
            said.iter().map(|(node, step, of)| samplers.percent(node, *step, *of)).collect();
        assert_eq!(percents, [12.5, 50.0, 75.0, 100.0]);
        assert_eq!(Samplers::of(0).percent("1", 1, 0), 100.0);
    }

    #[test]
    fn a_saved_picture_comes_before_a_shown_one() {
        let entry = json!({ "outputs": {
            "1": { "images": [{ "filename": "a", "type": "temp" }] },
            "2": { "text": ["x"] },
            "3": { "images": [{ "filename": "b", "type": "output" }] },
        } });
        assert_eq!(image_of(&entry).unwrap()["filename"], "b");
        assert_eq!(image_of(&json!({ "outputs": { "2": {} } })), None);
    }

    #[test]
    fn a_refusal_names_the_nodes() {
        let said = json!({
            "error": { "message": "Prompt outputs failed validation" },
            "node_errors": { "4": { "class_type": "CheckpointLoaderSimple", "errors": [
                { "message": "Value not in list", "details": "ckpt_name: 'x'" },
            ] } },
        });
        let text = refused(&said);
        assert_eq!(
            text,
            "Prompt outputs failed validation; CheckpointLoaderSimple (4): Value not in list ckpt_name: 'x'"
        );
        assert_eq!(refused(&Value::Null), "no reason was given");
    }
}
