//! A panic of an agent is a failure of that agent, with the place where it happened.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use crate::pipelines::AgentError;

/// Where a panic happened: file and line.
type Place = (String, u32);

thread_local! {
    /// Some while an agent works on this thread; the place of its panic once there was one.
    static AGENT: RefCell<Option<Option<Place>>> = const { RefCell::new(None) };
}

/// Does `work`; a panic becomes a failure.
pub(crate) fn caught<T>(work: impl FnOnce() -> Result<T, AgentError>) -> Result<T, AgentError> {
    install_hook();
    AGENT.set(Some(None));
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    let place = AGENT.take().flatten();
    result.unwrap_or_else(|payload| {
        let (file, line) = place.map(|(file, line)| (shortened(&file), line)).unzip();
        Err(AgentError::Failed { message: format!("panicked: {}", text(payload.as_ref())), file, line })
    })
}

/// The hook notes the place for threads of agents and leaves all others to the hook that was there before.
fn install_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let place = info.location().map(|place| (place.file().to_owned(), place.line()));
            // A panic while the thread's locals are going away is none of an agent.
            let noted = AGENT.try_with(|agent| match &mut *agent.borrow_mut() {
                Some(noted) => {
                    *noted = place;
                    true
                }
                None => false,
            });
            if !noted.unwrap_or(false) {
                before(info);
            }
        }));
    });
}

fn text(payload: &(dyn Any + Send)) -> &str {
    if let Some(text) = payload.downcast_ref::<&str>() {
        text
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text
    } else {
        "without a message"
    }
}

/// Sources of other crates have the paths of the machine that built us; those say nothing to a reader.
fn shortened(file: &str) -> String {
    let slashed = file.replace('\\', "/");
    let after = |mark: &str, parts: usize| {
        let rest = &slashed[slashed.find(mark)? + mark.len()..];
        rest.splitn(parts + 1, '/').nth(parts)
    };
    after("/registry/src/", 1).or_else(|| after("/rustc/", 1)).unwrap_or(&slashed).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_has_message_file_and_line() {
        let line = line!() + 1;
        let failed = caught::<()>(|| panic!("no {}", "template")).unwrap_err();
        assert_eq!(
            failed,
            AgentError::Failed {
                message: "panicked: no template".to_owned(),
                file: Some("src/runs/executors/panics.rs".to_owned()),
                line: Some(line)
            }
        );
        assert_eq!(caught(|| Ok(7)), Ok(7));
    }

    #[test]
    fn paths_of_the_building_machine_are_cut() {
        for (path, expected) in [
            ("src/pipelines/app/intake.rs", "src/pipelines/app/intake.rs"),
            ("/home/x/.cargo/registry/src/index-1/regex-1.0/src/lib.rs", "regex-1.0/src/lib.rs"),
            ("/rustc/abcdef/library/core/src/option.rs", "library/core/src/option.rs"),
        ] {
            assert_eq!(shortened(path), expected);
        }
    }
}
