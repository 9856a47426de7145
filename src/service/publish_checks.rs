//! What is published from outside is checked here, field by field.

use serde_json::Value;

use crate::artifacts::{ArtifactPath, LINE_BYTES_MAX};
use crate::config::LimitsConfig;
use crate::domain::event::EventBody;
use crate::domain::run::RunStatus;
use crate::runs::outside::LEASE_MS;
use crate::service::error::{FieldError, ServiceError};
use crate::service::publish::{ITEMS_MAX, Publication};

/// Lines of one log event.
const LINES_MAX: usize = 1_000;
/// Characters of names.
const NAME_CHARS_MAX: usize = 200;
/// Characters of messages.
const MESSAGE_CHARS_MAX: usize = 4_000;

/// Whether all of them may be said.
pub(super) fn check_items(items: &[Publication], limits: &LimitsConfig) -> Result<(), ServiceError> {
    if items.is_empty() || items.len() > ITEMS_MAX {
        return Err(ServiceError::invalid("body", format!("must hold 1 to {ITEMS_MAX} events")));
    }
    let several = items.len() > 1;
    let mut wrong = Vec::new();
    for (place, item) in items.iter().enumerate() {
        for mut error in check_item(item, limits) {
            if several {
                error.field = format!("{place}.{}", error.field);
            }
            wrong.push(error);
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(ServiceError::Invalid(wrong)) }
}

fn check_item(item: &Publication, limits: &LimitsConfig) -> Vec<FieldError> {
    let mut check = Check(Vec::new());
    if let Some(producer) = &item.producer {
        check.text("producer", &producer.producer, 1, NAME_CHARS_MAX);
    }
    if let Some(lease_ms) = item.lease_ms {
        let (min, max) = (LEASE_MS.start(), LEASE_MS.end());
        check.that("lease_ms", LEASE_MS.contains(&lease_ms), &format!("must be from {min} to {max}"));
        check.that("lease_ms", item.producer.is_some(), "must come with producer, epoch and seq");
        let begins =
            matches!(&item.body, EventBody::StatusUpdate(update) if update.status == RunStatus::Running);
        check.that("lease_ms", begins, "must come with a status_update that says running");
    }
    match &item.body {
        EventBody::StatusUpdate(update) => {
            check.percent("progress", update.progress);
            check.text("message", &update.message, 0, MESSAGE_CHARS_MAX);
            check.that("status", !update.status.is_terminal(), "is terminal; publish a completion");
        }
        EventBody::AgentUpdate(update) => {
            check.text("agent", &update.agent, 1, NAME_CHARS_MAX);
            check.text("title", &update.title, 0, NAME_CHARS_MAX);
            check.text("message", &update.message, 0, MESSAGE_CHARS_MAX);
            check.percent("progress", update.progress);
            let in_range = (1..=1_000).contains(&update.total) && (1..=update.total).contains(&update.index);
            check.that("index", in_range, "must be from 1 to total, and total at most 1000");
        }
        EventBody::Log(log) => {
            let count = (1..=LINES_MAX).contains(&log.lines.len());
            check.that("lines", count, &format!("must hold 1 to {LINES_MAX} lines"));
            let short = log.lines.iter().all(|line| line.text.len() <= LINE_BYTES_MAX);
            check.that("lines", short, &format!("must each have at most {LINE_BYTES_MAX} bytes"));
            let single = log.lines.iter().all(|line| !line.text.contains(['\n', '\r']));
            check.that("lines", single, "must not hold line ends");
            check.text("agent", log.agent.as_deref().unwrap_or_default(), 0, NAME_CHARS_MAX);
        }
        EventBody::Artifact(artifact) => {
            if let Err(error) = ArtifactPath::parse(&artifact.path) {
                check.that("path", false, &error.to_string());
            }
            let hash = artifact.sha256.len() == 64
                && artifact.sha256.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
            check.that("sha256", hash, "must be 64 lower-case hexadecimal digits");
            check.text("media_type", &artifact.media_type, 1, NAME_CHARS_MAX);
            check.url("url", &artifact.url);
        }
        EventBody::Completion(completion) => {
            check.that("status", completion.status.is_terminal(), "must be a terminal state");
            check.text("message", &completion.message, 0, MESSAGE_CHARS_MAX);
            if let Some(error) = &completion.error {
                // The state of the room carries it to everyone who joins.
                check.text("error.message", &error.message, 1, MESSAGE_CHARS_MAX);
                check.text("error.agent", error.agent.as_deref().unwrap_or_default(), 0, NAME_CHARS_MAX);
                check.text("error.file", error.file.as_deref().unwrap_or_default(), 0, MESSAGE_CHARS_MAX);
            }
            if let Some(url) = &completion.download_url {
                check.url("download_url", url);
            }
        }
        EventBody::Event(event) => {
            check.text("name", &event.name, 1, NAME_CHARS_MAX);
            let size = json_bytes(&event.data);
            let max = limits.event_bytes_max;
            check.that("data", size <= max, &format!("has {size} bytes as JSON; at most {max} are allowed"));
        }
    }
    check.0
}

fn json_bytes(value: &Value) -> usize {
    /// Counts what is written and keeps nothing of it.
    struct Count(usize);

    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    let mut count = Count(0);
    serde_json::to_writer(&mut count, value).expect("counting cannot fail, and a value has text keys");
    count.0
}

/// Wrong fields of one event.
struct Check(Vec<FieldError>);

impl Check {
    fn that(&mut self, field: &str, holds: bool, message: &str) {
        if !holds {
            self.0.push(FieldError::new(field, message));
        }
    }

    fn text(&mut self, field: &str, text: &str, min: usize, max: usize) {
        let fits = (min..=max).contains(&text.chars().count());
        self.that(field, fits, &format!("must have {min} to {max} characters"));
    }

    fn percent(&mut self, field: &str, value: f64) {
        self.that(field, (0.0..=100.0).contains(&value), "must be from 0 to 100");
    }

    /// Pages turn these into links: an address of another scheme could be a script.
    fn url(&mut self, field: &str, url: &str) {
        let own = url.starts_with('/') && !url.starts_with("//") && !url.contains('\\');
        let safe = own || url.starts_with("https://") || url.starts_with("http://");
        let plain = url.len() <= 2_000 && url.bytes().all(|byte| byte.is_ascii_graphic());
        self.that(field, safe && plain, "must be an http or https address, or a path of this server");
    }
}

#[cfg(test)]
#[path = "publish_tests.rs"]
mod tests;
