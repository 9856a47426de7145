//! AUTOMATIC1111's web UI: one long request for the picture, and questions beside it for how far it is. A stop interrupts
//! what it works on.

use std::cell::Cell;
use std::time::{Duration, Instant};

use http_client::{RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio::time::MissedTickBehavior;

use super::server::{STOP_WITHIN, Server, decoded, nonsense};
use super::{Made, Wish, show};

use crate::domain::event::LogLevel;
use crate::pipelines::AgentError;
use crate::pipelines::image::outside::Backend;
use crate::pipelines::policy::FailureClass;
use crate::runs::executors::{ExecutorHost, net};

/// How long the answer to one question for how far it is is waited for.
const QUESTION_WITHIN: Duration = Duration::from_secs(5);

pub(super) fn make(server: &Server<'_>, wish: &Wish, host: &dyn ExecutorHost) -> Result<Made, AgentError> {
    let mut body = json!({
        "prompt": wish.prompt,
        "negative_prompt": server.spec.negative_prompt,
        "steps": wish.steps,
        "width": wish.width,
        "height": wish.height,
        "seed": wish.seed,
        "batch_size": 1,
        "n_iter": 1,
    });
    if let Some(model) = &server.spec.model {
        body["override_settings"] = json!({ "sd_model_checkpoint": model });
    }
    for (name, value) in &server.spec.request {
        match (&mut body[name], value) {
            // Settings go beside the model.
            (Value::Object(known), Value::Object(more)) => {
                known.extend(more.iter().map(|(name, value)| (name.clone(), value.clone())));
            }
            (place, value) => *place = value.clone(),
        }
    }
    let works = Cell::new(false);
    let made = net::run(host, ask(server, &body, &works, host));
    if made.is_err() && works.get() {
        net::run_for(STOP_WITHIN, server.tell("/sdapi/v1/interrupt", &json!({})));
    }
    let answer = made?;
    let encoded = answer["images"].get(0).and_then(Value::as_str).ok_or_else(|| nonsense("images"))?;
    // A text with JSON in it.
    let info: Value =
        answer["info"].as_str().and_then(|info| serde_json::from_str(info).ok()).unwrap_or_default();
    let model = info["sd_model_name"].as_str().map(|model| server.masked(model));
    Ok(Made {
        bytes: decoded(encoded)?,
        backend: Backend {
            executor: "automatic1111".into(),
            model: model.or_else(|| server.spec.model.clone()),
            seed: info["seed"].as_u64().filter(|seed| *seed != wish.seed),
        },
    })
}

/// The answer, once it is there. `works` says whether the server may be at work when this ends.
async fn ask(
    server: &Server<'_>,
    body: &Value,
    works: &Cell<bool>,
    host: &dyn ExecutorHost,
) -> Result<Value, AgentError> {
    works.set(true);
    let picture = async {
        let answer = server.send(server.post_patiently("/sdapi/v1/txt2img", body)).await?;
        server.json(answer).await
    };
    let mut picture = std::pin::pin!(picture);
    let mut ticks = tokio::time::interval(Duration::from_millis(server.spec.poll_ms));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first one is at once, and nothing is to be heard yet.
    ticks.tick().await;
    let mut watch = Watch { server, host, stands: Value::Null, moved: Instant::now(), mute: false };
    let watching = async {
        loop {
            ticks.tick().await;
            if let Err(why) = watch.look().await {
                return why;
            }
        }
    };
    tokio::select! {
        answer = &mut picture => {
            works.set(false);
            answer
        }
        why = watching => Err(why),
    }
}

/// How far the server is, as it was last heard.
struct Watch<'a> {
    server: &'a Server<'a>,
    host: &'a dyn ExecutorHost,
    stands: Value,
    moved: Instant,
    mute: bool,
}

impl Watch<'_> {
    /// Asks and shows; an error when nothing has moved for too long.
    async fn look(&mut self) -> Result<(), AgentError> {
        let question =
            self.server.get("/sdapi/v1/progress?skip_current_image=false").timeout(QUESTION_WITHIN);
        match self.ask(question).await {
            Ok(Some(heard)) => self.take(&heard),
            // Whoever cannot say how far it is has not stalled: the run's own limits hold.
            Ok(None) => {
                self.moved = Instant::now();
                self.say_mute("it has no /sdapi/v1/progress");
            }
            // The picture is what counts.
            Err(why) => self.say_mute(&why.to_string()),
        }
        let stall_ms = self.server.spec.patience.stall_ms;
        if self.moved.elapsed() < Duration::from_millis(stall_ms) {
            return Ok(());
        }
        let message = format!("the server was silent for {stall_ms} ms: the picture does not get on");
        Err(AgentError::passing(FailureClass::Transient, message))
    }

    /// What the server says; nothing when it cannot be asked that.
    async fn ask(&self, question: RequestBuilder) -> Result<Option<Value>, AgentError> {
        let answer = question.send().await.map_err(|error| self.server.broken(&error))?;
        match answer.status() {
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => Ok(None),
            status if status.is_success() => self.server.json(answer).await.map(Some),
            _ => Err(net::refusal(answer, &self.server.secrets).await),
        }
    }

    fn say_mute(&mut self, why: &str) {
        if !self.mute {
            self.mute = true;
            self.host.log(LogLevel::Warning, &format!("the server does not say how far it is: {why}"));
        }
    }

    fn take(&mut self, heard: &Value) {
        let state = &heard["state"];
        let stands = json!([heard["progress"], state["sampling_step"], state["job"], state["job_no"]]);
        if stands == self.stands {
            return;
        }
        self.stands = stands;
        self.moved = Instant::now();
        let percent = heard["progress"].as_f64().unwrap_or(0.0) * 100.0;
        let (step, of) =
            (state["sampling_step"].as_u64().unwrap_or(0), state["sampling_steps"].as_u64().unwrap_or(0));
        if step == 0 || of == 0 {
            return self.host.progress(percent, "the server begins");
        }
        self.host.progress(percent, &format!("step {step} of {of}"));
        let shown = heard["current_image"].as_str().and_then(|encoded| decoded(encoded).ok());
        if let Some(bytes) = shown {
            show(self.host, bytes, step, of);
        }
    }
}
