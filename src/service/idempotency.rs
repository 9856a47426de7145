//! Idempotency keys: the same key with the same request gets the same answer for a day; with another request it is a
//! mistake, and said to be one.

use sha2::{Digest, Sha256};

use crate::domain::time::Timestamp;
use crate::engine::{Engine, EngineError, KeptAnswer};
use crate::service::error::ServiceError;

/// How long an answer is kept.
pub const KEPT_FOR_MS: u64 = 24 * 60 * 60 * 1000;
/// Characters of a key.
const KEY_CHARS_MAX: usize = 255;

/// A key with the request it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The key in its scope: the same word on another operation is another key.
    pub key: String,
    /// Hash of the request's body.
    pub body_sha256: String,
}

impl IdempotencyKey {
    /// A key as a client sent it.
    ///
    /// # Errors
    /// When it is empty, too long or not visible ASCII.
    pub fn new(scope: &str, key: &str, body: &[u8]) -> Result<Self, ServiceError> {
        let well_formed =
            (1..=KEY_CHARS_MAX).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
        if !well_formed {
            let message = format!("must be 1 to {KEY_CHARS_MAX} visible ASCII characters");
            return Err(ServiceError::invalid("Idempotency-Key", message));
        }
        Ok(Self { key: format!("{scope}:{key}"), body_sha256: hex::encode(Sha256::digest(body)) })
    }

    /// The answer that was kept under this key.
    ///
    /// # Errors
    /// When the key stands for another request.
    pub async fn kept(
        &self,
        engine: &dyn Engine,
        now: Timestamp,
    ) -> Result<Option<KeptAnswer>, ServiceError> {
        match engine.idempotent_answer(self.key.clone(), now).await? {
            Some(kept) => self.same(kept).map(Some),
            None => Ok(None),
        }
    }

    /// The answer of a twin that was faster, when that is what `error` says.
    ///
    /// # Errors
    /// The error, when it says something else; or that the key stands for another request.
    pub fn of_twin(&self, error: EngineError) -> Result<KeptAnswer, ServiceError> {
        match error {
            EngineError::KeyTaken(kept) => self.same(*kept),
            other => Err(other.into()),
        }
    }

    /// An answer to keep under this key.
    pub fn keep(&self, status: u16, answer: String, now: Timestamp) -> KeptAnswer {
        KeptAnswer {
            body_sha256: self.body_sha256.clone(),
            status,
            answer,
            expires_at: now.plus_ms(KEPT_FOR_MS),
        }
    }

    /// `kept`, when it answers this very request.
    ///
    /// # Errors
    /// When it answers another one.
    pub fn same(&self, kept: KeptAnswer) -> Result<KeptAnswer, ServiceError> {
        if kept.body_sha256 == self.body_sha256 { Ok(kept) } else { Err(ServiceError::KeyReused) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_checked() {
        assert!(IdempotencyKey::new("generate:1", "a-key_1", b"").is_ok());
        for bad in ["", "white space", "ümlaut", "line\nend", &"x".repeat(256)] {
            assert!(IdempotencyKey::new("s", bad, b"").is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_same_word_elsewhere_is_another_key() {
        let one = IdempotencyKey::new("a", "k", b"").unwrap();
        let other = IdempotencyKey::new("b", "k", b"").unwrap();
        assert_ne!(one.key, other.key);
    }

    #[test]
    fn another_body_is_a_mistake() {
        let one = IdempotencyKey::new("a", "k", b"1").unwrap();
        let other = IdempotencyKey::new("a", "k", b"2").unwrap();
        let kept = one.keep(202, "{}".to_owned(), Timestamp(5));
        assert_eq!(kept.expires_at, Timestamp(5 + 86_400_000));
        assert!(one.same(kept.clone()).is_ok());
        assert!(matches!(other.same(kept), Err(ServiceError::KeyReused)));
    }
}
