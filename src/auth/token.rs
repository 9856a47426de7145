//! Tokens: made, kept as hashes in `tokens.json`, found in a request, compared in constant time.
//!
//! A token is 32 random bytes, so one round of SHA-256 is enough: there is nothing to guess that a slow hash would make
//! slower.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::auth::caller::Scope;
use crate::auth::{Head, SESSION_COOKIE};
use crate::clock::random_bytes;
use crate::domain::ids::ProjectId;
use crate::domain::role::Role;
use crate::domain::time::Timestamp;

/// What every token begins with, so that scanners for leaked secrets can find it.
const TOKEN_PREFIX: &str = "cb_";
/// Readable by the owner alone.
const FILE_MODE: u32 = 0o600;
/// Tokens of one data directory, share links included.
pub const TOKENS_MAX: usize = 10_000;
/// Tokens whose time was over for so long are cleared away with the next change.
const ENDED_KEPT_MS: u64 = 30 * 24 * 3_600_000;

/// A token of the file: everything but the token itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownToken {
    /// By which it is listed and revoked.
    pub id: String,
    /// What it is for, in its maker's words.
    pub name: String,
    /// What its bearer may do.
    pub role: Role,
    /// Of its text, hexadecimal.
    pub sha256: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// The projects it is for; all when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub projects: Vec<ProjectId>,
    /// When it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Whether it is the token of a share link: handed around, and no sign that somebody wanted authentication.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub share: bool,
}

/// A token that somebody wants.
#[derive(Clone, Debug)]
pub struct NewToken<'a> {
    /// What its bearer may do.
    pub role: Role,
    /// What it is for, in its maker's words.
    pub name: &'a str,
    /// The projects it is for; all when empty.
    pub projects: Vec<ProjectId>,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// Whether it is for a share link.
    pub share: bool,
}

impl NewToken<'_> {
    /// For everything and for ever.
    pub fn of(role: Role, name: &str) -> NewToken<'_> {
        NewToken { role, name, projects: Vec::new(), expires_at: None, share: false }
    }
}

/// Why tokens could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum TokenFileError {
    /// The file cannot be read or written.
    #[error("cannot use {path}: {error}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The file does not hold what we wrote.
    #[error("{path} is damaged: {error}")]
    Damaged {
        /// Which.
        path: PathBuf,
        /// Where.
        error: serde_json::Error,
    },
    /// The operating system has no random bytes.
    #[error("the operating system gives no random bytes: {0}")]
    NoRandom(getrandom::Error),
    /// No token has that id.
    #[error("there is no token with id {0}")]
    NotFound(String),
    /// There are as many as may be.
    #[error("there are {TOKENS_MAX} tokens, as many as there may be; revoke some")]
    TooMany,
    /// A token names more projects than it may, or an admin token names any.
    #[error(
        "a token may name at most {} projects, and one of role admin none: it is for the whole server",
        crate::auth::caller::SCOPE_MAX
    )]
    BadScope,
}

/// Which state of the file was read: inode, length and time of change; none while there is no file.
pub type Stamp = Option<(u64, u64, i64, i64)>;

/// The tokens as they stood at a stamp.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The tokens.
    pub tokens: Vec<KnownToken>,
    /// Which state of the file.
    pub stamp: Stamp,
    by_sha256: HashMap<String, usize>,
    by_id: HashMap<[u8; 8], usize>,
}

impl Snapshot {
    fn new(tokens: Vec<KnownToken>, stamp: Stamp) -> Self {
        let by_sha256 =
            tokens.iter().enumerate().map(|(place, token)| (token.sha256.clone(), place)).collect();
        let by_id = tokens.iter().enumerate().filter_map(|(place, token)| Some((token.short_id()?, place)));
        Self { by_id: by_id.collect(), tokens, stamp, by_sha256 }
    }

    /// The token of that hash. What could be measured of this says something of the hash, from which there is no way back
    /// to the token.
    pub fn find(&self, sha256: &str) -> Option<&KnownToken> {
        self.tokens.get(*self.by_sha256.get(sha256)?)
    }

    /// Whether there is a token of that id.
    pub fn knows(&self, id: &[u8; 8]) -> bool {
        self.by_id.contains_key(id)
    }

    /// How many tokens show that somebody wants authentication.
    pub fn guards(&self) -> usize {
        self.tokens.iter().filter(|token| !token.share).count()
    }
}

impl KnownToken {
    /// Its id in the form callers carry.
    pub fn short_id(&self) -> Option<[u8; 8]> {
        self.id.as_bytes().try_into().ok()
    }

    /// Whether its time is over.
    pub fn has_ended(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }
}

/// `tokens.json` of a data directory. Every change replaces the file as a whole.
#[derive(Clone, Debug)]
pub struct TokenFile {
    path: PathBuf,
}

impl TokenFile {
    /// The file of that data directory; it need not exist yet.
    pub fn in_dir(data_dir: &Path) -> Self {
        Self { path: data_dir.join("tokens.json") }
    }

    /// Which state the file is in now.
    pub fn stamp(&self) -> Stamp {
        stamp_of(&self.path)
    }

    /// All tokens.
    ///
    /// # Errors
    /// When the file is there but cannot be read.
    pub fn snapshot(&self) -> Result<Snapshot, TokenFileError> {
        // Stamp before reading: a change in between is then seen as a change next time.
        let stamp = self.stamp();
        Ok(Snapshot::new(read_or_default(&self.path)?, stamp))
    }

    /// Makes a token and keeps its hash. The token itself is in the answer and nowhere else.
    ///
    /// # Errors
    /// When there are too many, its scope is not one, or the file cannot be read or written.
    pub fn create(&self, new: NewToken<'_>, now: Timestamp) -> Result<(KnownToken, String), TokenFileError> {
        let whole = new.role != Role::Admin || new.projects.is_empty();
        if Scope::of(&new.projects).is_none() || !whole {
            return Err(TokenFileError::BadScope);
        }
        let _alone = self.alone()?;
        let mut tokens = self.snapshot()?.tokens;
        tokens.retain(|token| token.expires_at.is_none_or(|at| at.plus_ms(ENDED_KEPT_MS) > now));
        if tokens.len() >= TOKENS_MAX {
            return Err(TokenFileError::TooMany);
        }
        // The id is short; two tokens must never share one.
        let (id, text, sha256) = loop {
            let text = format!("{TOKEN_PREFIX}{}", make_secret()?);
            let sha256 = sha256_hex(&text);
            let id = sha256[..8].to_owned();
            if tokens.iter().all(|token| token.id != id) {
                break (id, text, sha256);
            }
        };
        let NewToken { role, name, projects, expires_at, share } = new;
        let name = name.to_owned();
        let known = KnownToken { id, name, role, sha256, created_at: now, projects, expires_at, share };
        tokens.push(known.clone());
        self.write(&tokens)?;
        Ok((known, text))
    }

    /// Forgets a token; a running server refuses it from then on and closes what it had opened.
    ///
    /// # Errors
    /// When there is no such token, or the file cannot be read or written.
    pub fn revoke(&self, id: &str) -> Result<KnownToken, TokenFileError> {
        let _alone = self.alone()?;
        let mut tokens = self.snapshot()?.tokens;
        let place = tokens
            .iter()
            .position(|token| token.id == id)
            .ok_or_else(|| TokenFileError::NotFound(id.to_owned()))?;
        let revoked = tokens.remove(place);
        self.write(&tokens)?;
        Ok(revoked)
    }

    /// Nobody else changes the file as long as this is held: server and command line both do.
    fn alone(&self) -> Result<fs::File, TokenFileError> {
        let path = self.path.with_extension("lock");
        let lock = || -> io::Result<fs::File> {
            fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
            let file = fs::OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .mode(FILE_MODE)
                .open(&path)?;
            rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive)?;
            Ok(file)
        };
        lock().map_err(|error| TokenFileError::Io { path: path.clone(), error })
    }

    fn write(&self, tokens: &[KnownToken]) -> Result<(), TokenFileError> {
        let text =
            serde_json::to_vec_pretty(tokens).expect("tokens are plain data, which always has a JSON form");
        write_private(&self.path, &text)
    }
}

/// What became of the search for an admin token.
#[derive(Debug)]
pub enum FoundAdminToken {
    /// It was made at an earlier start.
    Kept(String),
    /// It was made now.
    Made(String),
}

/// The admin token of the data directory, made when there is none.
///
/// # Errors
/// When it can be neither read nor written.
pub fn find_or_make_admin_token(data_dir: &Path) -> Result<FoundAdminToken, TokenFileError> {
    let path = data_dir.join("admin-token");
    match fs::read_to_string(&path) {
        Ok(text) if !text.trim().is_empty() => return Ok(FoundAdminToken::Kept(text.trim().to_owned())),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(TokenFileError::Io { path, error }),
    }
    let token = format!("{TOKEN_PREFIX}{}", make_secret()?);
    write_private(&path, format!("{token}\n").as_bytes())?;
    Ok(FoundAdminToken::Made(token))
}

/// By what a request says whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// A token.
    Token(String),
    /// The cookie of a session.
    Session(String),
}

/// What a request shows: bearer header, then `?token=`, then the session cookie, which browsers send unasked.
pub fn of_head(head: &Head<'_>) -> Option<Credential> {
    let bearer = head.authorization.and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
    });
    let in_query = || {
        let mut pairs = head.query.split('&').filter_map(|pair| pair.split_once('='));
        let (_, value) = pairs.find(|(name, _)| *name == "token")?;
        Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
    };
    let cookie = || {
        let mut pairs = head.cookie?.split(';').filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(name, _)| *name == SESSION_COOKIE).map(|(_, value)| value.to_owned())
    };
    let filled = |text: &String| !text.is_empty();
    let token = bearer.filter(filled).or_else(|| in_query().filter(filled)).map(Credential::Token);
    token.or_else(|| cookie().filter(filled).map(Credential::Session))
}

/// Hash of a token's text, hexadecimal.
pub fn sha256_hex(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

/// Whether two hashes are the same, in a time that does not depend on where they differ.
pub fn same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

/// 32 bytes of chance, hexadecimal.
pub(super) fn make_secret() -> Result<String, TokenFileError> {
    let mut bytes = [0_u8; 32];
    random_bytes(&mut bytes).map_err(TokenFileError::NoRandom)?;
    Ok(hex::encode(bytes))
}

/// Which state a file is in now.
pub(super) fn stamp_of(path: &Path) -> Stamp {
    let meta = fs::metadata(path).ok()?;
    Some((meta.ino(), meta.len(), meta.mtime(), meta.mtime_nsec()))
}

/// What a file of ours holds; the default while there is none.
pub(super) fn read_or_default<T: DeserializeOwned + Default>(path: &Path) -> Result<T, TokenFileError> {
    match fs::read_to_string(path) {
        Ok(text) => serde_json::from_str(&text)
            .map_err(|error| TokenFileError::Damaged { path: path.to_owned(), error }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(T::default()),
        Err(error) => Err(TokenFileError::Io { path: path.to_owned(), error }),
    }
}

/// Replaces a file as a whole: whoever reads sees the old one or the new one, never a piece.
pub(super) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), TokenFileError> {
    let failed = |error| TokenFileError::Io { path: path.to_owned(), error };
    let dir = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(dir).map_err(failed)?;
    let temporary = path.with_extension(format!("tmp-{}", std::process::id()));
    let write = || -> io::Result<()> {
        // A file that a crash left behind may have another mode, so it is not written over.
        match fs::remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file =
            fs::OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        fs::File::open(dir)?.sync_all()
    };
    write().map_err(failed)
}
