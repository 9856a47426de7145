//! Signed tokens (JWT, RFC 7519): HS256 with a secret, RS256, ES256 and EdDSA with public keys from a file or an address.
//!
//! A key is bound to the one algorithm it is for, so a token cannot choose how it is verified: `none` is no algorithm here,
//! and a public key is never taken for a secret. The claims are read and judged here and not by the library, strictly: a
//! claim of the wrong type is refused and not passed over.

use std::path::PathBuf;
use std::sync::{PoisonError, RwLock};

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use tokio::sync::Notify;

use crate::auth::caller::SCOPE_MAX;
use crate::auth::token::{Stamp, stamp_of};
use crate::config::AuthConfig;
use crate::domain::ids::ProjectId;
use crate::domain::role::Role;
use crate::domain::time::Timestamp;

/// How far clocks may differ where a token says when it begins.
const SKEW_MS: u64 = 60_000;
/// A token that is longer is not looked at.
const TOKEN_BYTES_MAX: usize = 8 * 1024;
/// Keys that are kept of a set.
const KEYS_MAX: usize = 64;

/// A key with the one algorithm it is for.
#[derive(Clone)]
struct Key {
    id: Option<String>,
    algorithm: Algorithm,
    decoding: DecodingKey,
}

/// Why keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The file cannot be read.
    #[error("the keys in {path} cannot be read: {error}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// There is no key in it.
    #[error("{0} holds no public key for RS256, ES256 or EdDSA: neither as PEM nor as a JSON key set")]
    NoKey(String),
}

/// Why a signed token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// It is none of ours, or not as it must be.
    Bad,
    /// Its time is over.
    Expired,
}

/// What a token says that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claims {
    pub(super) role: Role,
    pub(super) projects: Vec<ProjectId>,
    pub(super) expires_at: Timestamp,
    /// Issuer and subject.
    pub(super) subject: String,
}

/// As they stand in the token.
#[derive(Deserialize)]
struct Written {
    exp: f64,
    nbf: Option<f64>,
    iat: Option<f64>,
    iss: Option<String>,
    aud: Option<Audience>,
    sub: Option<String>,
    role: String,
    projects: Option<Vec<String>>,
    rooms: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// The keys, and what a token must say.
pub(super) struct Keys {
    secret: Option<Key>,
    file: Option<PathBuf>,
    of_file: RwLock<(Vec<Key>, Stamp)>,
    of_address: RwLock<Vec<Key>>,
    address: Option<String>,
    issuer: Option<String>,
    audience: Option<String>,
    /// A token names a key that is not known yet.
    wanted: Notify,
}

impl Keys {
    /// Those of a configuration; none when signed tokens are not taken.
    pub(super) fn open(config: &AuthConfig) -> Result<Option<Self>, KeysError> {
        if !config.takes_signed_tokens() {
            return Ok(None);
        }
        let secret = config.jwt_secret.as_ref().map(|secret| Key {
            id: None,
            algorithm: Algorithm::HS256,
            decoding: DecodingKey::from_secret(secret.reveal().as_bytes()),
        });
        let keys = Self {
            secret,
            file: config.jwt_keys.clone(),
            of_file: RwLock::default(),
            of_address: RwLock::default(),
            address: config.jwt_keys_url.clone(),
            issuer: config.jwt_issuer.clone(),
            audience: config.jwt_audience.clone(),
            wanted: Notify::new(),
        };
        keys.reread()?;
        Ok(Some(keys))
    }

    /// Takes in a file of keys that was changed.
    pub(super) fn reread(&self) -> Result<(), KeysError> {
        let Some(path) = &self.file else { return Ok(()) };
        let stamp = stamp_of(path);
        if stamp.is_some() && self.of_file.read().unwrap_or_else(PoisonError::into_inner).1 == stamp {
            return Ok(());
        }
        let text =
            std::fs::read_to_string(path).map_err(|error| KeysError::Io { path: path.clone(), error })?;
        let keys = read(&text).ok_or_else(|| KeysError::NoKey(path.display().to_string()))?;
        *self.of_file.write().unwrap_or_else(PoisonError::into_inner) = (keys, stamp);
        Ok(())
    }

    /// Where keys are fetched from.
    pub(super) fn address(&self) -> Option<&str> {
        self.address.as_deref()
    }

    /// Takes in what was fetched; answers how many keys it holds.
    pub(super) fn take_set(&self, text: &str) -> Result<usize, KeysError> {
        let keys = read(text).ok_or_else(|| KeysError::NoKey("the answer".to_owned()))?;
        let count = keys.len();
        *self.of_address.write().unwrap_or_else(PoisonError::into_inner) = keys;
        Ok(count)
    }

    /// Returns when a token came whose key is not known.
    pub(super) async fn wanted(&self) {
        self.wanted.notified().await;
    }

    /// What a token says, when it was signed with one of our keys and holds now.
    pub(super) fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, Refused> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(Refused::Bad);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| Refused::Bad)?;
        let fits = |key: &Key| {
            let same_id = key.id.is_none() || header.kid.is_none() || key.id == header.kid;
            key.algorithm == header.alg && same_id
        };
        let mut known: Vec<Key> = self.secret.iter().filter(|key| fits(key)).cloned().collect();
        known.extend(
            self.of_file.read().unwrap_or_else(PoisonError::into_inner).0.iter().filter(|k| fits(k)).cloned(),
        );
        known.extend(
            self.of_address
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .iter()
                .filter(|k| fits(k))
                .cloned(),
        );
        let mut validation = Validation::new(header.alg);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        let written = known.iter().find_map(|key| {
            jsonwebtoken::decode::<Written>(token, &key.decoding, &validation).ok().map(|found| found.claims)
        });
        match written {
            Some(written) => self.judge(written, now),
            None => {
                if self.address.is_some() {
                    // Its keys may have been changed a moment ago.
                    self.wanted.notify_one();
                }
                Err(Refused::Bad)
            }
        }
    }

    fn judge(&self, written: Written, now: Timestamp) -> Result<Claims, Refused> {
        let moment = |seconds: f64| moment(seconds).ok_or(Refused::Bad);
        if self.issuer.is_some() && written.iss != self.issuer {
            return Err(Refused::Bad);
        }
        if let Some(ours) = &self.audience {
            let meant = match &written.aud {
                Some(Audience::One(one)) => one == ours,
                Some(Audience::Several(several)) => several.contains(ours),
                None => false,
            };
            if !meant {
                return Err(Refused::Bad);
            }
        }
        let latest_begin = now.plus_ms(SKEW_MS);
        for begins in [written.nbf, written.iat].into_iter().flatten() {
            if moment(begins)? > latest_begin {
                return Err(Refused::Bad);
            }
        }
        let named = [written.projects, written.rooms];
        let mut projects = Vec::new();
        for id in named.iter().flatten().flatten() {
            let id: ProjectId = id.parse().map_err(|_| Refused::Bad)?;
            if !projects.contains(&id) {
                projects.push(id);
            }
        }
        // A list that names nothing means nothing, and not everything.
        if projects.len() > SCOPE_MAX || (projects.is_empty() && named.iter().any(Option::is_some)) {
            return Err(Refused::Bad);
        }
        let role = Role::parse(&written.role).ok_or(Refused::Bad)?;
        if role == Role::Admin && !projects.is_empty() {
            return Err(Refused::Bad);
        }
        let expires_at = moment(written.exp)?;
        if expires_at <= now {
            return Err(Refused::Expired);
        }
        let subject = format!("{}|{}", written.iss.unwrap_or_default(), written.sub.unwrap_or_default());
        Ok(Claims { role, projects, expires_at, subject })
    }
}

/// A NumericDate: seconds since 1970, possibly with a fraction.
#[expect(clippy::cast_possible_truncation, reason = "what is out of range is thrown away")]
fn moment(seconds: f64) -> Option<Timestamp> {
    const LATEST: f64 = 253_402_300_799.0;
    (0.0..=LATEST).contains(&seconds).then_some(Timestamp((seconds * 1000.0) as i64))
}

/// Whether a text may be a signed token: three parts with dots between them.
pub(super) fn looks_signed(token: &str) -> bool {
    token.split('.').count() == 3
}

/// The keys of a text: PEM blocks or a JSON key set. None when there is no key in it.
fn read(text: &str) -> Option<Vec<Key>> {
    let mut keys = if text.trim_start().starts_with('{') { of_set(text)? } else { of_pem(text) };
    keys.truncate(KEYS_MAX);
    (!keys.is_empty()).then_some(keys)
}

fn of_pem(text: &str) -> Vec<Key> {
    let blocks = text.match_indices("-----BEGIN").filter_map(|(at, _)| {
        let rest = &text[at..];
        let end = rest.find("-----END")? + "-----END".len();
        let end = end + rest[end..].find("-----")? + "-----".len();
        Some(&rest[..end])
    });
    let key = |algorithm, decoding| Key { id: None, algorithm, decoding };
    blocks
        .filter_map(|block| {
            let bytes = block.as_bytes();
            let rsa = || DecodingKey::from_rsa_pem(bytes).map(|found| key(Algorithm::RS256, found));
            let ec = || DecodingKey::from_ec_pem(bytes).map(|found| key(Algorithm::ES256, found));
            let ed = || DecodingKey::from_ed_pem(bytes).map(|found| key(Algorithm::EdDSA, found));
            // A private key has no place where tokens are only verified.
            (!block.contains("PRIVATE")).then(|| rsa().or_else(|_| ec()).or_else(|_| ed()).ok()).flatten()
        })
        .collect()
}

/// Keys of other kinds in a set are passed over: issuers publish what others need as well.
fn of_set(text: &str) -> Option<Vec<Key>> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<serde_json::Value>,
    }
    let set: Set = serde_json::from_str(text).ok()?;
    let keys = set.keys.into_iter().filter_map(|value| {
        let jwk: Jwk = serde_json::from_value(value).ok()?;
        let algorithm = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => Algorithm::RS256,
            AlgorithmParameters::EllipticCurve(ec) if ec.curve == EllipticCurve::P256 => Algorithm::ES256,
            AlgorithmParameters::OctetKeyPair(ed) if ed.curve == EllipticCurve::Ed25519 => Algorithm::EdDSA,
            // A secret in a key set would be one that was published.
            _ => return None,
        };
        let named = jwk.common.key_algorithm.map(|named| named.to_string());
        let other_use = matches!(jwk.common.public_key_use, Some(PublicKeyUse::Encryption));
        if other_use || named.is_some_and(|named| named != format!("{algorithm:?}")) {
            return None;
        }
        let decoding = DecodingKey::from_jwk(&jwk).ok()?;
        Some(Key { id: jwk.common.key_id, algorithm, decoding })
    });
    Some(keys.collect())
}

#[cfg(test)]
mod tests;
