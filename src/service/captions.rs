//! Texts for images after their run: what people decide about them, and files that carry them. The first decision about an
//! image stands; each is an event of the room.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::{StreamExt, stream};

use crate::auth::Caller;
use crate::auth::policy::Action;
use crate::broker::BrokerError;
use crate::domain::caption::{
    CaptionResults, CaptionedImage, DECIDED_EVENT, Decision, PIPELINE, RESULTS_FILE, Verdict,
};
use crate::domain::event::{Custom, EventBody, NewEvent};
use crate::domain::ids::{ProjectId, RunId};
use crate::domain::run::Run;
use crate::engine::{Batch, Change, EngineError};
use crate::pictures::decode::Format;
use crate::pictures::describe::describe;
use crate::service::error::{FieldError, ServiceError};
use crate::service::files::files_of;
use crate::service::{Service, blocking};

/// Decisions of one request.
pub const DECISIONS_MAX: usize = 1_000;

/// Decisions of one request that are made side by side.
const DECISIONS_AT_ONCE: usize = 32;
/// What deciding is called in the audit log.
const DEED: &str = "caption.decide";
/// Characters of a reason.
const REASON_CHARS_MAX: usize = 1_000;

/// How the notes of what was decided in a project begin.
pub(crate) fn prefix(project: ProjectId) -> String {
    format!("caption-decision/{project}/")
}

/// What somebody wants to decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// The image.
    pub item: String,
    /// Whether its text is good; with a text, that one.
    pub approve: bool,
    /// Another text, or the reason why not.
    pub text: Option<String>,
}

/// The texts of a run and what was decided about them.
#[derive(Clone, Debug)]
pub struct CaptionsView {
    /// The run.
    pub run: Run,
    /// Its texts.
    pub results: Arc<CaptionResults>,
    /// By image.
    pub decisions: BTreeMap<String, Decision>,
}

impl CaptionsView {
    /// The text that holds for an image: what was decided, else what the run wrote. None when it was rejected or there is
    /// none.
    pub fn text(&self, image: &CaptionedImage) -> Option<String> {
        match self.decisions.get(&image.item) {
            Some(decision) => decision.text.clone(),
            None => image.alt_text.clone(),
        }
    }
}

/// What became of a wish.
pub type Decided = Result<Decision, ServiceError>;

/// Whether a run has texts to decide on.
pub(crate) fn has_results(run: &Run) -> bool {
    run.pipeline == PIPELINE && files_of(run).iter().any(|file| file.path == RESULTS_FILE)
}

impl Service {
    /// The texts of a run and what was decided about them.
    ///
    /// # Errors
    /// When there is no such run, or it has no texts.
    pub async fn captions(&self, caller: Caller, id: RunId) -> Result<CaptionsView, ServiceError> {
        let run = self.run(caller, id).await?;
        self.captions_of(run).await
    }

    async fn captions_of(&self, run: Run) -> Result<CaptionsView, ServiceError> {
        let results = self.results_of(&run).await?;
        let prefix = format!("{}{}/", prefix(run.project_id), run.id);
        let mut decisions = BTreeMap::new();
        for (_, value) in self.ground().engine.notes(prefix, None, usize::MAX).await? {
            let decision: Decision = serde_json::from_str(&value)
                .map_err(|error| ServiceError::Internal(format!("a decision cannot be read: {error}")))?;
            decisions.insert(decision.item.clone(), decision);
        }
        Ok(CaptionsView { run, results, decisions })
    }

    async fn results_of(&self, run: &Run) -> Result<Arc<CaptionResults>, ServiceError> {
        if run.pipeline != PIPELINE {
            return Err(ServiceError::NotFound("text for images in this run"));
        }
        let file = files_of(run).into_iter().find(|file| file.path == RESULTS_FILE);
        let file = file.ok_or_else(|| match run.status.is_terminal() {
            true => ServiceError::NotFound("text for images in this run"),
            false => ServiceError::Conflict("the run has not written its texts yet".to_owned()),
        })?;
        let artifacts = self.ground().artifacts.clone();
        let bytes = blocking(move || Ok(artifacts.blobs().read(&file.sha256)?)).await?;
        let results = serde_json::from_slice(&bytes).map_err(|error| {
            ServiceError::Internal(format!("the results of a run cannot be read: {error}"))
        })?;
        Ok(Arc::new(results))
    }

    /// Decides about texts of a run, each for itself: what was decided already stays, and is said.
    ///
    /// # Errors
    /// When there is no such run, it has no texts, or the request holds none or too many.
    pub async fn decide(
        &self,
        caller: Caller,
        id: RunId,
        wishes: Vec<Wish>,
    ) -> Result<Vec<(String, Decided)>, ServiceError> {
        let run = self.run_for(caller, Action::ControlRuns, id).await?;
        if wishes.is_empty() || wishes.len() > DECISIONS_MAX {
            let message = format!("must be 1 to {DECISIONS_MAX}");
            return Err(ServiceError::invalid("decisions", message));
        }
        let results = self.results_of(&run).await?;
        let each = wishes
            .into_iter()
            .map(|wish| async { (wish.item.clone(), self.decide_in(caller, &run, &results, wish).await) });
        // Others have room between them.
        let decided: Vec<(String, Decided)> = stream::iter(each).buffered(DECISIONS_AT_ONCE).collect().await;
        self.deed(caller, DEED, run.id.to_string(), summed_up(&decided)).await;
        Ok(decided)
    }

    /// Decides about the text of one image.
    pub(super) async fn decide_one(&self, caller: Caller, run: &Run, wish: Wish) -> Decided {
        let results = self.results_of(run).await?;
        let item = wish.item.clone();
        let decided = self.decide_in(caller, run, &results, wish).await;
        let detail = match &decided {
            Ok(decision) => format!("{} {item}", decision.verdict.as_str()),
            Err(_) => item,
        };
        self.audited(caller, DEED, Some(run.id.to_string()), Some(detail), decided).await
    }

    async fn decide_in(&self, caller: Caller, run: &Run, results: &CaptionResults, wish: Wish) -> Decided {
        let image = results.images.iter().find(|image| image.item == wish.item);
        let Some(image) = image else {
            return Err(ServiceError::invalid("item", "names no image of this run"));
        };
        let (verdict, text, reason) = match (wish.approve, wish.text) {
            (false, reason) => {
                let reason = reason.filter(|reason| !reason.trim().is_empty());
                if reason.as_ref().is_some_and(|reason| reason.chars().count() > REASON_CHARS_MAX) {
                    let message = format!("must not be longer than {REASON_CHARS_MAX} characters");
                    return Err(ServiceError::invalid("text", message));
                }
                (Verdict::Rejected, None, reason)
            }
            (true, None) => match &image.alt_text {
                Some(text) => (Verdict::Approved, Some(text.clone()), None),
                None => {
                    return Err(ServiceError::invalid(
                        "text",
                        "is missing: the run wrote none for this image",
                    ));
                }
            },
            (true, Some(text)) => {
                let text = text.trim().to_owned();
                check_text(&text, results.max_length).map_err(|error| ServiceError::Invalid(vec![error]))?;
                let same = image.alt_text.as_ref() == Some(&text);
                (if same { Verdict::Approved } else { Verdict::Edited }, Some(text), None)
            }
        };
        let at = self.ground().clock.now();
        let decision = Decision { item: wish.item, verdict, text, reason, by: caller.name(), at };
        let name = format!("{}{}/{}", prefix(run.project_id), run.id, decision.item);
        let encode = |error: serde_json::Error| ServiceError::Internal(error.to_string());
        let value = serde_json::to_string(&decision).map_err(encode)?;
        let data = serde_json::to_value(&decision).map_err(encode)?;
        let said = EventBody::Event(Custom { name: DECIDED_EVENT.to_owned(), data });
        let events = vec![NewEvent { run_id: Some(run.id), body: said }];
        let batch = Batch::of([
            Change::NoteOnce { name: name.clone(), value },
            Change::Append { room: run.project_id, events },
        ]);
        match self.ground().broker.commit(batch).await {
            Ok(_) => Ok(decision),
            Err(BrokerError::Engine(EngineError::Taken)) => {
                let before = self.ground().engine.note(name).await?;
                let before: Option<Decision> = before.and_then(|text| serde_json::from_str(&text).ok());
                let (what, by) = before.map_or(("decided", String::new()), |before| {
                    (before.verdict.as_str(), format!(" by {}", before.by))
                });
                Err(ServiceError::Conflict(format!("the text of {} was {what} already{by}", decision.item)))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// An image of a run with its text in the metadata: its bytes and media type. Without `undecided`, only with a text
    /// that somebody has approved.
    ///
    /// # Errors
    /// When there is no such run or image, it has no such text, or its format takes none.
    pub async fn described(
        &self,
        caller: Caller,
        id: RunId,
        item: &str,
        undecided: bool,
    ) -> Result<(Vec<u8>, &'static str), ServiceError> {
        let view = self.captions(caller, id).await?;
        let image = view.results.images.iter().find(|image| image.item == item);
        let image = image.ok_or(ServiceError::NotFound("image"))?;
        let Some(text) = view.text(image) else {
            let why = if view.decisions.contains_key(item) {
                "the text of this image was rejected"
            } else {
                "this image has no text"
            };
            return Err(ServiceError::Conflict(why.to_owned()));
        };
        if !undecided && !view.decisions.contains_key(item) {
            let why = "nobody has approved the text of this image; ?undecided=true takes it as it is";
            return Err(ServiceError::Conflict(why.to_owned()));
        }
        let (language, sha256) = (view.results.language.clone(), image.sha256.clone());
        let artifacts = self.ground().artifacts.clone();
        let written = blocking(move || {
            let bytes = artifacts.blobs().read(&sha256)?;
            // What it is called may be anything; what it is decides how a browser takes it.
            let format = Format::of(&bytes).ok_or(ServiceError::NotFound("image"))?;
            let written = describe(&bytes, &text, &language);
            let written = written.map_err(|error| ServiceError::Conflict(error.to_string()))?;
            Ok((written, format.media_type()))
        });
        written.await
    }
}

/// What became of many wishes, for the audit log: how many of each, for each decision is an event of the room.
fn summed_up(decided: &[(String, Decided)]) -> String {
    let count = |verdict| {
        decided.iter().filter(|(_, decided)| decided.as_ref().is_ok_and(|it| it.verdict == verdict)).count()
    };
    let refused = decided.iter().filter(|(_, decided)| decided.is_err()).count();
    let (approved, edited) = (count(Verdict::Approved), count(Verdict::Edited));
    format!("{approved} approved, {edited} edited, {} rejected, {refused} refused", count(Verdict::Rejected))
}

fn check_text(text: &str, max: u64) -> Result<(), FieldError> {
    let length = text.chars().count();
    let message = if length == 0 {
        "must not be empty".to_owned()
    } else if length as u64 > max {
        format!("has {length} characters; at most {max} are allowed")
    } else if text.chars().any(char::is_control) {
        "must be one line without control characters".to_owned()
    } else {
        return Ok(());
    };
    Err(FieldError::new("text", message))
}
