//! Tokens: made, kept as hashes in `tokens.json`, found in a request, compared in constant time.
//!
//! A token is 32 random bytes, so one round of SHA-256 is enough: there is nothing to guess that a slow hash would make
//! slower.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::auth::{Head, SESSION_COOKIE};
use crate::clock::random_bytes;
use crate::domain::role::Role;
use crate::domain::time::Timestamp;

/// What every token begins with, so that scanners for leaked secrets can find it.
const TOKEN_PREFIX: &str = "cb_";
/// Readable by the owner alone.
const FILE_MODE: u32 = 0o600;

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
        let meta = fs::metadata(&self.path).ok()?;
        Some((meta.ino(), meta.len(), meta.mtime(), meta.mtime_nsec()))
    }

    /// All tokens.
    ///
    /// # Errors
    /// When the file is there but cannot be read.
    pub fn snapshot(&self) -> Result<Snapshot, TokenFileError> {
        // Stamp before reading: a change in between is then seen as a change next time.
        let stamp = self.stamp();
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Snapshot::default()),
            Err(error) => return Err(TokenFileError::Io { path: self.path.clone(), error }),
        };
        let tokens = serde_json::from_str(&text)
            .map_err(|error| TokenFileError::Damaged { path: self.path.clone(), error })?;
        Ok(Snapshot { tokens, stamp })
    }

    /// Makes a token and keeps its hash. The token itself is in the answer and nowhere else.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn create(
        &self,
        role: Role,
        name: &str,
        now: Timestamp,
    ) -> Result<(KnownToken, String), TokenFileError> {
        let mut tokens = self.snapshot()?.tokens;
        let text = make_token()?;
        let sha256 = sha256_hex(&text);
        let known =
            KnownToken { id: sha256[..8].to_owned(), name: name.to_owned(), role, sha256, created_at: now };
        tokens.push(known.clone());
        self.write(&tokens)?;
        Ok((known, text))
    }

    /// Forgets a token; a running server refuses it from then on.
    ///
    /// # Errors
    /// When there is no such token, or the file cannot be read or written.
    pub fn revoke(&self, id: &str) -> Result<KnownToken, TokenFileError> {
        let mut tokens = self.snapshot()?.tokens;
        let place = tokens
            .iter()
            .position(|token| token.id == id)
            .ok_or_else(|| TokenFileError::NotFound(id.to_owned()))?;
        let revoked = tokens.remove(place);
        self.write(&tokens)?;
        Ok(revoked)
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
    let token = make_token()?;
    write_private(&path, format!("{token}\n").as_bytes())?;
    Ok(FoundAdminToken::Made(token))
}

/// The token of a request: bearer header, then session cookie, then `?token=`.
pub fn of_head(head: &Head<'_>) -> Option<String> {
    let bearer = head.authorization.and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
    });
    let cookie = || {
        let pairs = head.cookie?.split(';').filter_map(|pair| pair.trim().split_once('='));
        pairs.filter(|(name, _)| *name == SESSION_COOKIE).map(|(_, value)| value.to_owned()).next()
    };
    let in_query = || {
        let pairs = head.query.split('&').filter_map(|pair| pair.split_once('='));
        let (_, value) = pairs.into_iter().find(|(name, _)| *name == "token")?;
        Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
    };
    bearer.or_else(cookie).or_else(in_query).filter(|token| !token.is_empty())
}

/// Hash of a token's text, hexadecimal.
pub fn sha256_hex(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

/// Whether two hashes are the same, in a time that does not depend on where they differ.
pub fn same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

fn make_token() -> Result<String, TokenFileError> {
    let mut bytes = [0_u8; 32];
    random_bytes(&mut bytes).map_err(TokenFileError::NoRandom)?;
    Ok(format!("{TOKEN_PREFIX}{}", hex::encode(bytes)))
}

/// Replaces a file as a whole: whoever reads sees the old one or the new one, never a piece.
fn write_private(path: &Path, bytes: &[u8]) -> Result<(), TokenFileError> {
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
