//! Sessions of the sign-in page: what the cookie stands for, kept in `sessions.json` so that a restart signs nobody out.
//!
//! The cookie is chance and nothing else; only its hash is kept. It is given anew while it is used, and the one before
//! is good for a moment longer, for requests that were under way.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::auth::token::{TokenFileError, make_secret, read_or_default, sha256_hex, write_private};
use crate::domain::ids::ProjectId;
use crate::domain::role::Role;
use crate::domain::time::Timestamp;

/// Sessions that are kept; the oldest gives way.
const SESSIONS_MAX: usize = 1_000;
/// A cookie that is older than this is given anew with the next page.
const ROTATE_AFTER_MS: u64 = 15 * 60 * 1000;
/// How long the cookie before is still good.
const GRACE_MS: u64 = 60 * 1000;

/// What somebody signed in with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Source {
    /// A token that is looked up each time, by its hash.
    Token(String),
    /// What a signed token said.
    Claims {
        /// Its role.
        role: Role,
        /// Its projects; all when empty.
        projects: Vec<ProjectId>,
        /// What tells its bearer apart.
        subject: String,
    },
}

/// A session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Session {
    /// Stays the same whatever the cookie is.
    pub(super) number: u64,
    /// What somebody signed in with.
    pub(super) source: Source,
    /// When it ends.
    pub(super) expires_at: Timestamp,
    /// Hash of the cookie.
    sha256: String,
    /// Since when.
    rotated_at: Timestamp,
    /// Hash of the cookie before, and until when it is good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<(String, Timestamp)>,
}

/// All sessions.
pub(super) struct Sessions {
    path: PathBuf,
    kept: Mutex<HashMap<u64, Session>>,
}

impl Sessions {
    /// Those of a data directory.
    pub(super) fn open(data_dir: &Path) -> Result<Self, TokenFileError> {
        let path = data_dir.join("sessions.json");
        let kept: Vec<Session> = read_or_default(&path)?;
        let kept = kept.into_iter().map(|session| (session.number, session)).collect();
        Ok(Self { path, kept: Mutex::new(kept) })
    }

    /// Begins a session; answers the cookie.
    pub(super) fn begin(
        &self,
        source: Source,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<String, TokenFileError> {
        let cookie = make_secret()?;
        let mut kept = self.kept();
        kept.retain(|_, session| session.expires_at > now);
        while kept.len() >= SESSIONS_MAX {
            let oldest = kept.values().min_by_key(|session| session.rotated_at).map(|session| session.number);
            oldest.and_then(|number| kept.remove(&number));
        }
        // Below 2^53, and of chance: a number of before a restart is not met again.
        let number = loop {
            let mut bytes = [0; 8];
            crate::clock::random_bytes(&mut bytes).map_err(TokenFileError::NoRandom)?;
            let number = u64::from_le_bytes(bytes) >> 11;
            if !kept.contains_key(&number) {
                break number;
            }
        };
        let sha256 = sha256_hex(&cookie);
        kept.insert(number, Session { number, source, expires_at, sha256, rotated_at: now, before: None });
        self.write(&kept)?;
        Ok(cookie)
    }

    /// The session of a cookie.
    pub(super) fn find(&self, cookie: &str, now: Timestamp) -> Option<Session> {
        let sha256 = sha256_hex(cookie);
        let kept = self.kept();
        let found = kept.values().find(|session| {
            let before = session.before.as_ref();
            session.sha256 == sha256 || before.is_some_and(|(old, until)| *old == sha256 && *until > now)
        })?;
        (found.expires_at > now).then(|| found.clone())
    }

    /// Another cookie for a session whose cookie has served its time.
    pub(super) fn rotate(&self, number: u64, now: Timestamp) -> Result<Option<String>, TokenFileError> {
        let mut kept = self.kept();
        let Some(session) = kept.get_mut(&number) else { return Ok(None) };
        if now.since(session.rotated_at) < ROTATE_AFTER_MS {
            return Ok(None);
        }
        let cookie = make_secret()?;
        let old = std::mem::replace(&mut session.sha256, sha256_hex(&cookie));
        session.before = Some((old, now.plus_ms(GRACE_MS)));
        session.rotated_at = now;
        self.write(&kept)?;
        Ok(Some(cookie))
    }

    /// Ends a session.
    pub(super) fn end(&self, number: u64) -> Result<(), TokenFileError> {
        let mut kept = self.kept();
        if kept.remove(&number).is_some() {
            self.write(&kept)?;
        }
        Ok(())
    }

    /// Whether there is such a session.
    pub(super) fn knows(&self, number: u64) -> bool {
        self.kept().contains_key(&number)
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<u64, Session>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, kept: &HashMap<u64, Session>) -> Result<(), TokenFileError> {
        let all: Vec<&Session> = kept.values().collect();
        let text = serde_json::to_vec(&all).expect("sessions are plain data, which always has a JSON form");
        write_private(&self.path, &text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> Source {
        Source::Token("hash".into())
    }

    #[test]
    fn a_cookie_is_given_anew_and_the_one_before_fades() {
        let dir = tempfile::tempdir().unwrap();
        let sessions = Sessions::open(dir.path()).unwrap();
        let at = |ms: u64| Timestamp(0).plus_ms(ms);
        let first = sessions.begin(source(), at(0), at(10 * ROTATE_AFTER_MS)).unwrap();
        let number = sessions.find(&first, at(1)).unwrap().number;
        assert_eq!(sessions.rotate(number, at(1)).unwrap(), None);
        let second = sessions.rotate(number, at(ROTATE_AFTER_MS)).unwrap().unwrap();
        assert_ne!(first, second);
        let later = ROTATE_AFTER_MS + GRACE_MS;
        for (cookie, now, known) in
            [(&first, ROTATE_AFTER_MS, true), (&first, later, false), (&second, later, true)]
        {
            assert_eq!(sessions.find(cookie, at(now)).is_some(), known, "{now}");
        }
        assert_eq!(sessions.find(&second, at(10 * ROTATE_AFTER_MS)), None, "a session ends");
    }

    #[test]
    fn a_restart_signs_nobody_out_and_the_file_holds_no_cookie() {
        let dir = tempfile::tempdir().unwrap();
        let sessions = Sessions::open(dir.path()).unwrap();
        let cookie = sessions.begin(source(), Timestamp(0), Timestamp(1_000)).unwrap();
        let text = std::fs::read_to_string(dir.path().join("sessions.json")).unwrap();
        assert!(!text.contains(&cookie));
        let again = Sessions::open(dir.path()).unwrap();
        let session = again.find(&cookie, Timestamp(1)).unwrap();
        again.end(session.number).unwrap();
        assert!(!again.knows(session.number));
        assert_eq!(again.find(&cookie, Timestamp(1)), None);
    }
}
