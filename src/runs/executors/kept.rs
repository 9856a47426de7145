//! What an agent needs to go on in the middle of its work: one file per agent beside the log of its run, replaced as the
//! agent gets on. It only saves work: an agent whose file is missing, torn or of other inputs begins at the start, and its
//! output is the same.

use std::cell::Cell;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use crate::artifacts::LogStore;
use crate::domain::ids::RunId;

/// Between two times that a state is kept, at least.
const KEEP_EVERY: Duration = Duration::from_secs(4);
/// A state is kept only after this share of the work so far was done since the last time: however large it is and however
/// long the work, it is written a few times only.
const SHARE: u32 = 4;
/// Bytes of the hash before a state.
const HASH_BYTES: usize = 32;

/// The kept state of one agent.
pub(crate) struct KeptState<'a> {
    logs: &'a LogStore,
    run: RunId,
    /// Name of its file.
    name: String,
    /// Hash of all that decides the output of the agent.
    key: &'a str,
    began: Instant,
    kept_at: Cell<Instant>,
}

impl<'a> KeptState<'a> {
    pub(crate) fn new(logs: &'a LogStore, run: RunId, agent: &str, key: &'a str) -> Self {
        let now = Instant::now();
        Self { logs, run, name: format!("{agent}.kept"), key, began: now, kept_at: Cell::new(now) }
    }

    /// Whether it is worth the write.
    pub(crate) fn is_time(&self) -> bool {
        let since = self.kept_at.get().elapsed();
        since >= KEEP_EVERY && since * SHARE >= self.began.elapsed()
    }

    pub(crate) fn keep(&self, state: &[u8]) {
        self.kept_at.set(Instant::now());
        let parts = [self.hash(state).as_slice(), state].concat();
        if let Err(error) = self.logs.put_beside(self.run, &self.name, &parts) {
            log::warn!("the state of an agent cannot be kept: {error}");
        }
    }

    pub(crate) fn read(&self) -> Option<Vec<u8>> {
        let mut kept = self.logs.read_beside(self.run, &self.name)?;
        let state = kept.get(HASH_BYTES..)?;
        (self.hash(state).as_slice() == &kept[..HASH_BYTES]).then(|| kept.split_off(HASH_BYTES))
    }

    /// Removes it: the agent is done.
    pub(crate) fn forget(&self) {
        self.logs.remove_beside(self.run, &self.name);
    }

    /// Of inputs and state, so that neither a torn file nor one of other inputs is taken up.
    fn hash(&self, state: &[u8]) -> [u8; HASH_BYTES] {
        let mut hash = Sha256::new();
        hash.update(self.key.as_bytes());
        hash.update(state);
        hash.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_taken_up_for_the_same_inputs_alone() {
        let folder = tempfile::tempdir().unwrap();
        let logs = LogStore::open(folder.path()).unwrap();
        let run = RunId::generate();
        let kept = KeptState::new(&logs, run, "renderer", "inputs");
        assert_eq!(kept.read(), None);
        kept.keep(b"half");
        kept.keep(b"more than half");
        assert_eq!(kept.read().as_deref(), Some(&b"more than half"[..]));
        assert_eq!(KeptState::new(&logs, run, "renderer", "others").read(), None);
        assert_eq!(KeptState::new(&logs, run, "finisher", "inputs").read(), None);
        let file = folder.path().join(run.to_string()).join("renderer.kept");
        let bytes = std::fs::read(&file).unwrap();
        std::fs::write(&file, &bytes[..bytes.len() - 1]).unwrap();
        assert_eq!(kept.read(), None);
        std::fs::write(&file, b"short").unwrap();
        assert_eq!(kept.read(), None);
        kept.keep(b"again");
        kept.forget();
        assert_eq!(kept.read(), None);
    }
}
