//! The wish to end the process: the first signal asks for it, a second one or the end of patience ends it as it stands.
//!
//! Heard on a thread of its own: whatever keeps the others from ending must not keep them from being ended.

use std::time::Duration;

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

/// Exit code of a process that could not stop in good order within its time.
const GIVEN_UP: i32 = 1;

/// The signals that ask the process to end.
struct Asking {
    term: Signal,
    int: Signal,
}

impl Asking {
    fn new() -> std::io::Result<Self> {
        Ok(Self { term: signal(SignalKind::terminate())?, int: signal(SignalKind::interrupt())? })
    }

    /// The exit code that shells know the next signal by: 128 and its number.
    async fn next(&mut self) -> i32 {
        let kind = tokio::select! {
            _ = self.term.recv() => SignalKind::terminate(),
            _ = self.int.recv() => SignalKind::interrupt(),
        };
        128 + kind.as_raw_value()
    }
}

/// Listens from now on. The answer comes with the first signal; from then on the process has `patience` to end.
///
/// # Errors
/// When signals cannot be heard.
pub(super) fn listen(patience: Duration) -> anyhow::Result<oneshot::Receiver<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut asking = {
        let _entered = runtime.enter();
        Asking::new().context("signals cannot be heard")?
    };
    let (ask, asked) = oneshot::channel();
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async move {
            asking.next().await;
            log::info!("asked to end");
            // Whoever waited for it may be gone; the patience counts all the same.
            let _ = ask.send(());
            tokio::select! {
                code = asking.next() => {
                    log::warn!("asked to end once more: the process ends as it stands");
                    std::process::exit(code);
                }
                () = tokio::time::sleep(patience) => {
                    log::error!("going down took longer than {} ms: the process ends as it stands", patience.as_millis());
                    std::process::exit(GIVEN_UP);
                }
            }
        });
    })?;
    Ok(asked)
}
