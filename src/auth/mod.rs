//! Who may do what: tokens, sessions, hosts, origins, limits and one table of rights.
//!
//! [`Auth`] is asked by every door, before anything else happens. It knows no HTTP library: doors hand in a [`Head`], so
//! the same checks run in front of the REST handlers and, called by hand, in front of every socket.

pub mod caller;
mod jwt;
pub mod limits;
pub mod origin;
pub mod policy;
mod session;
pub mod token;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

pub use self::caller::{Caller, TokenName};
pub use self::jwt::KeysError;
use crate::auth::caller::Scope;
use crate::auth::jwt::{Claims, Keys};
use crate::auth::limits::Limits;
use crate::auth::origin::{OriginError, Rim};
use crate::auth::session::{Session, Sessions, Source};
use crate::auth::token::{
    Credential, FoundAdminToken, KnownToken, NewToken, TokenFile, TokenFileError, sha256_hex,
};
use crate::clock::{Clock, SystemClock};
use crate::config::{AuthConfig, Config};
use crate::domain::ids::ProjectId;
use crate::domain::role::Role;
use crate::domain::time::Timestamp;

/// Name of the cookie that the sign-in page sets.
pub const SESSION_COOKIE: &str = "callboard_session";
/// Share links of one project that may be open at the same time.
const SHARES_MAX: usize = 100;
/// Why somebody may be refused at the rim, as figures say it.
const REFUSALS: [&str; 5] = ["token", "expired", "origin", "rate", "other"];
/// A day.
const DAY_MS: u64 = 24 * 3_600_000;

/// What is known of a request before anything was decided.
#[derive(Clone, Copy, Debug, Default)]
pub struct Head<'a> {
    /// The method, in capitals.
    pub method: &'a str,
    /// What follows the `?`, not decoded.
    pub query: &'a str,
    /// The `Host` header, or the authority of the request line; none also when there were several.
    pub host: Option<&'a str>,
    /// The `Origin` header.
    pub origin: Option<&'a str>,
    /// The `Authorization` header.
    pub authorization: Option<&'a str>,
    /// The `Cookie` header.
    pub cookie: Option<&'a str>,
    /// Whether a header says that a proxy passed the request on.
    pub forwarded: bool,
    /// The `X-Forwarded-For` header.
    pub forwarded_for: Option<&'a str>,
    /// The `Sec-Fetch-Site` header, by which browsers say whose page asks.
    pub fetch_site: Option<&'a str>,
    /// Who is at the other end.
    pub peer: Option<SocketAddr>,
}

/// Why somebody was not let in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// A token is needed and none came.
    #[error("this needs a token of role {}", .needed.as_str())]
    NoToken {
        /// What is needed.
        needed: Role,
    },
    /// A token came that nobody gave out, or that was taken back.
    #[error("this token is not known")]
    BadToken,
    /// A token came whose time is over.
    #[error("this token has expired")]
    Expired,
    /// The caller is known, and may, but not here.
    #[error("this token is bound to some projects, and this is not about one of them")]
    OutOfScope,
    /// Somebody comes too often.
    #[error("too many requests; try again in {retry_after_s} s")]
    TooMany {
        /// When to try again.
        retry_after_s: u64,
    },
    /// The caller is known, and may not.
    #[error("this needs role {}, and this caller has role {}", .needed.as_str(), .role.as_str())]
    Forbidden {
        /// What the caller has.
        role: Role,
        /// What is needed.
        needed: Role,
    },
    /// The request is not meant for this server, or comes from a page of another site.
    #[error(transparent)]
    Origin(#[from] OriginError),
}

/// Why the server may not start as it is configured.
#[derive(Debug, thiserror::Error)]
pub enum AuthSetupError {
    /// Anybody could use it.
    #[error(
        "listening on {0}, which other machines can reach, needs authentication: make a token with `callboard token \
         create --role operator`, set auth.tokens or CALLBOARD_ADMIN_TOKEN, or listen on 127.0.0.1"
    )]
    OpenToAll(SocketAddr),
    /// The tokens cannot be read or written.
    #[error(transparent)]
    Tokens(#[from] TokenFileError),
    /// The keys of signed tokens cannot be used.
    #[error(transparent)]
    Keys(#[from] KeysError),
}

/// Why somebody who was let in may not stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The token was taken back, or its bearer signed out.
    Revoked,
    /// Its time is over.
    Expired,
}

/// Why nobody signs in or hands out a link.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The token does not hold.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// There are as many links as there may be.
    #[error("a project may have at most {SHARES_MAX} share links; remove some")]
    TooManyShares,
    /// There is no such link.
    #[error("there is no such share link")]
    NoShare,
    /// What has to be kept cannot be kept.
    #[error(transparent)]
    File(#[from] TokenFileError),
}

/// The gate of the house; cheap to clone.
#[derive(Clone)]
pub struct Auth(Arc<Inner>);

struct Inner {
    rim: Rim,
    admin_sha256: String,
    config: AuthConfig,
    file: TokenFile,
    loopback: bool,
    known: RwLock<token::Snapshot>,
    keys: Option<Keys>,
    sessions: Sessions,
    limits: Limits,
    clock: Arc<dyn Clock>,
    /// Goes up whenever somebody may have lost a right.
    version: AtomicU64,
    /// Refusals at the rim, in the order of [`REFUSALS`].
    refused: [AtomicU64; REFUSALS.len()],
}

/// An [`Auth`] and what its making brought to light.
pub struct Opened {
    /// The gate.
    pub auth: Auth,
    /// An admin token that was made just now and is to be shown once.
    pub new_admin_token: Option<String>,
}

/// Whether a configuration may start, given how many tokens the data directory holds.
///
/// # Errors
/// When anybody who reaches the machine could use it.
pub fn check_exposure(config: &Config, tokens_in_file: usize) -> Result<(), AuthSetupError> {
    let closed = tokens_in_file > 0
        || !config.auth.tokens.is_empty()
        || config.auth.admin_token.is_some()
        || config.auth.takes_signed_tokens();
    if config.listen.ip().is_loopback() || closed {
        Ok(())
    } else {
        Err(AuthSetupError::OpenToAll(config.listen))
    }
}

impl Auth {
    /// [`Auth::open_at`] with the machine's clock.
    ///
    /// # Errors
    /// When the configuration is open to all, or the tokens cannot be read or written.
    pub fn open(config: &Config, address: SocketAddr) -> Result<Opened, AuthSetupError> {
        Self::open_at(config, address, Arc::new(SystemClock))
    }

    /// Reads the tokens of the data directory, makes the admin token at the first start, and refuses a configuration
    /// that would let anybody in. `address` is where the server listens in fact.
    ///
    /// # Errors
    /// When the configuration is open to all, or the tokens cannot be read or written.
    pub fn open_at(
        config: &Config,
        address: SocketAddr,
        clock: Arc<dyn Clock>,
    ) -> Result<Opened, AuthSetupError> {
        let file = TokenFile::in_dir(&config.data_dir);
        let known = file.snapshot()?;
        check_exposure(config, known.guards())?;
        let (admin_sha256, new_admin_token) = match &config.auth.admin_token {
            Some(token) => (sha256_hex(token.reveal()), None),
            None => match token::find_or_make_admin_token(&config.data_dir)? {
                FoundAdminToken::Kept(token) => (sha256_hex(&token), None),
                FoundAdminToken::Made(token) => (sha256_hex(&token), Some(token)),
            },
        };
        let inner = Inner {
            rim: Rim::new(config, address),
            admin_sha256,
            config: config.auth.clone(),
            file,
            loopback: address.ip().is_loopback(),
            known: RwLock::new(known),
            keys: Keys::open(&config.auth)?,
            sessions: Sessions::open(&config.data_dir)?,
            limits: Limits::new(&config.limits),
            clock,
            version: AtomicU64::new(0),
            refused: Default::default(),
        };
        Ok(Opened { auth: Auth(Arc::new(inner)), new_admin_token })
    }

    /// Whose request this is. Without a token a local client is an operator as long as nobody has made tokens; a wrong
    /// token is refused rather than ignored, so that a typing mistake is seen. A cookie that stands for nothing is
    /// ignored: browsers send it unasked, also that of another server on this machine.
    ///
    /// # Errors
    /// When a token came that is not known or whose time is over.
    pub fn identify(&self, head: &Head<'_>) -> Result<Caller, AuthError> {
        match token::of_head(head) {
            Some(Credential::Token(token)) => self.caller_of_token(&token),
            Some(Credential::Session(cookie)) => {
                Ok(self.caller_of_session(&cookie).unwrap_or_else(|| self.anonymous(head)))
            }
            None => Ok(self.anonymous(head)),
        }
    }

    /// Whose token this is; sockets ask with the token of their first message.
    ///
    /// # Errors
    /// When it is not known or its time is over.
    pub fn caller_of_token(&self, token: &str) -> Result<Caller, AuthError> {
        match self.caller_of_hash(&sha256_hex(token)) {
            Err(AuthError::BadToken) => self.caller_of_claims(&self.claims(token)?),
            found => found,
        }
    }

    fn caller_of_hash(&self, sha256: &str) -> Result<Caller, AuthError> {
        // Every comparison is made, each in constant time, so that neither the place nor the text can be measured.
        let mut found = token::same(sha256, &self.0.admin_sha256).then(|| Caller::of(Some(Role::Admin)));
        for (place, known) in (1..).zip(&self.0.config.tokens) {
            let higher = found.is_none_or(|found| found.role < Some(known.role));
            if token::same(sha256, &known.sha256) && higher {
                let token = TokenName::Configured(place);
                found = Some(Caller { token, ..Caller::of(Some(known.role)) });
            }
        }
        self.reread();
        let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
        match (found, known.find(sha256)) {
            (Some(found), None) => Ok(found),
            (Some(found), Some(known)) if found.role >= Some(known.role) => Ok(found),
            (_, Some(known)) if known.has_ended(self.now()) => Err(AuthError::Expired),
            (_, Some(known)) => Ok(Caller {
                token: known.short_id().map_or(TokenName::None, TokenName::Listed),
                scope: Scope::of(&known.projects).ok_or(AuthError::BadToken)?,
                expires_at: known.expires_at,
                ..Caller::of(Some(known.role))
            }),
            (None, None) => Err(AuthError::BadToken),
        }
    }

    fn claims(&self, token: &str) -> Result<Claims, AuthError> {
        let keys = self.0.keys.as_ref().filter(|_| jwt::looks_signed(token)).ok_or(AuthError::BadToken)?;
        if let Err(error) = keys.reread() {
            log::warn!("keeping the keys known so far: {error}");
        }
        keys.verify(token, self.now()).map_err(|refused| match refused {
            jwt::Refused::Bad => AuthError::BadToken,
            jwt::Refused::Expired => AuthError::Expired,
        })
    }

    fn caller_of_claims(&self, claims: &Claims) -> Result<Caller, AuthError> {
        let name = sha256_hex(&claims.subject);
        let name: [u8; 8] = name.as_bytes()[..8].try_into().map_err(|_| AuthError::BadToken)?;
        Ok(Caller {
            token: TokenName::Subject(name),
            scope: Scope::of(&claims.projects).ok_or(AuthError::BadToken)?,
            expires_at: Some(claims.expires_at),
            ..Caller::of(Some(claims.role))
        })
    }

    fn caller_of_session(&self, cookie: &str) -> Option<Caller> {
        let Session { number, source, expires_at, .. } = self.0.sessions.find(cookie, self.now())?;
        let found = match source {
            Source::Token(sha256) => self.caller_of_hash(&sha256),
            Source::Claims { role, projects, subject } => {
                self.caller_of_claims(&Claims { role, projects, subject, expires_at })
            }
        };
        let found = found.ok()?;
        let expires_at = found.expires_at.map_or(expires_at, |at| at.min(expires_at));
        Some(Caller { session: Some(number), expires_at: Some(expires_at), ..found })
    }

    /// The whole check of a request: is it meant for us, does it come from a page that may, whose is it, does it come
    /// too often.
    ///
    /// # Errors
    /// With the first check that fails.
    pub fn admit(&self, head: &Head<'_>) -> Result<Caller, AuthError> {
        self.checked(head).inspect_err(|error| self.count(error))
    }

    fn checked(&self, head: &Head<'_>) -> Result<Caller, AuthError> {
        origin::check_host(&self.0.rim, head.host)?;
        if changes_something(head.method) {
            origin::check_origin(&self.0.rim, head.host, head.origin)?;
        }
        let caller = self.let_in(head)?;
        if changes_something(head.method) && caller.session.is_some() {
            // A cookie is sent by the browser and not by the page: the page must be known.
            origin::check_page(head.origin, head.fetch_site)?;
        }
        Ok(caller)
    }

    /// The whole check of a WebSocket upgrade. Its origin is checked although it is a GET: browsers let any page open a
    /// socket to anywhere, cookies included.
    ///
    /// A caller without a role is let through when it came without a token: it may still send one as its first message.
    ///
    /// # Errors
    /// With the first check that fails.
    pub fn authorise_upgrade(&self, head: &Head<'_>) -> Result<Caller, AuthError> {
        let check = || {
            origin::check_host(&self.0.rim, head.host)?;
            origin::check_origin(&self.0.rim, head.host, head.origin)?;
            self.let_in(head)
        };
        check().inspect_err(|error| self.count(error))
    }

    fn count(&self, error: &AuthError) {
        let place = match error {
            AuthError::NoToken { .. } | AuthError::BadToken => 0,
            AuthError::Expired => 1,
            AuthError::Origin(_) => 2,
            AuthError::TooMany { .. } => 3,
            AuthError::Forbidden { .. } | AuthError::OutOfScope => 4,
        };
        self.0.refused[place].fetch_add(1, Ordering::Relaxed);
    }

    /// How often somebody was refused at the rim, by reason.
    pub fn refusals(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = self.0.refused.each_ref().map(|count| count.load(Ordering::Relaxed));
        REFUSALS.into_iter().zip(counts)
    }

    /// The checks of [`Auth::authorise_upgrade`] for a request that [`Auth::admit`] has let in and counted already.
    ///
    /// # Errors
    /// With the first check that fails.
    pub fn authorise_poll(&self, head: &Head<'_>) -> Result<Caller, AuthError> {
        origin::check_origin(&self.0.rim, head.host, head.origin)?;
        Ok(self.identify(head)?.from_address(Limits::seen_from(head)))
    }

    fn let_in(&self, head: &Head<'_>) -> Result<Caller, AuthError> {
        let (limits, address) = (&self.0.limits, self.0.limits.address(head));
        limits.may_try(address)?;
        let caller = self.identify(head).inspect_err(|_| limits.tried(address))?;
        limits.request(address, &caller)?;
        Ok(caller.from_address(Limits::seen_from(head)))
    }

    /// Whether somebody who was let in may stay.
    ///
    /// # Errors
    /// With why not.
    pub fn standing(&self, caller: &Caller) -> Result<(), Ended> {
        if caller.expires_at.is_some_and(|at| at <= self.now()) {
            return Err(Ended::Expired);
        }
        let signed_out = caller.session.is_some_and(|number| !self.0.sessions.knows(number));
        let taken_back = match caller.token {
            TokenName::Listed(id) => !self.0.known.read().unwrap_or_else(PoisonError::into_inner).knows(&id),
            _ => false,
        };
        if signed_out || taken_back { Err(Ended::Revoked) } else { Ok(()) }
    }

    /// Takes in what the command line has changed; answers a number that goes up whenever somebody may have lost a right.
    pub fn look(&self) -> u64 {
        self.reread();
        self.0.version.load(Ordering::Relaxed)
    }

    /// Signs somebody in with a token; answers the cookie of the new session and for how many seconds it is good.
    ///
    /// # Errors
    /// When the token does not hold, the address has tried too many, or the session cannot be kept.
    pub fn sign_in(&self, head: &Head<'_>, token: &str) -> Result<(String, u64), SignInError> {
        let address = self.0.limits.address(head);
        self.0.limits.may_try(address)?;
        self.begin_session(token).inspect_err(|error| {
            if matches!(error, SignInError::Auth(_)) {
                self.0.limits.tried(address);
            }
        })
    }

    fn begin_session(&self, token: &str) -> Result<(String, u64), SignInError> {
        let caller = self.caller_of_token(token)?;
        let now = self.now();
        let latest = now.plus_ms(self.0.config.session_days * DAY_MS);
        let expires_at = caller.expires_at.map_or(latest, |at| at.min(latest));
        let source = match caller.token {
            TokenName::Subject(_) => {
                let Claims { role, projects, subject, .. } = self.claims(token)?;
                Source::Claims { role, projects, subject }
            }
            _ => Source::Token(sha256_hex(token)),
        };
        Ok((self.0.sessions.begin(source, now, expires_at)?, expires_at.since(now) / 1000))
    }

    /// Ends the session of a caller, and what it had opened.
    ///
    /// # Errors
    /// When that cannot be kept.
    pub fn sign_out(&self, caller: &Caller) -> Result<(), SignInError> {
        if let Some(number) = caller.session {
            self.0.sessions.end(number)?;
            self.0.version.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Another cookie for a session whose cookie has served its time, and for how many seconds it is good.
    pub fn rotate(&self, caller: &Caller) -> Option<(String, u64)> {
        let (number, expires_at) = (caller.session?, caller.expires_at?);
        let now = self.now();
        match self.0.sessions.rotate(number, now) {
            Ok(cookie) => Some((cookie?, expires_at.since(now) / 1000)),
            Err(error) => {
                log::warn!("a session keeps its cookie: {error}");
                None
            }
        }
    }

    /// Hands out a link that reads one project; answers it and its token.
    ///
    /// # Errors
    /// When there are too many, or it cannot be kept.
    pub fn share(
        &self,
        project: ProjectId,
        name: &str,
        expires_in_ms: u64,
    ) -> Result<(KnownToken, String), SignInError> {
        if self.shares(project).len() >= SHARES_MAX {
            return Err(SignInError::TooManyShares);
        }
        let now = self.now();
        let expires_at = Some(now.plus_ms(expires_in_ms));
        let projects = vec![project];
        let new = NewToken { role: Role::Viewer, name, projects, expires_at, share: true };
        let made = self.0.file.create(new, now)?;
        self.reread();
        Ok(made)
    }

    /// The links of a project that hold.
    pub fn shares(&self, project: ProjectId) -> Vec<KnownToken> {
        self.reread();
        let now = self.now();
        let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
        let of_project =
            |token: &&KnownToken| token.share && token.projects == [project] && !token.has_ended(now);
        known.tokens.iter().filter(of_project).cloned().collect()
    }

    /// Takes a link back, and closes what it had opened.
    ///
    /// # Errors
    /// When there is no such link of this project, or that cannot be kept.
    pub fn unshare(&self, project: ProjectId, id: &str) -> Result<(), SignInError> {
        if self.shares(project).iter().all(|share| share.id != id) {
            return Err(SignInError::NoShare);
        }
        self.0.file.revoke(id)?;
        self.reread();
        Ok(())
    }

    /// Where the keys of signed tokens are fetched from.
    pub fn keys_address(&self) -> Option<&str> {
        self.0.keys.as_ref()?.address()
    }

    /// Takes in a key set that was fetched; answers how many keys it holds.
    ///
    /// # Errors
    /// When it holds none; those known so far stay.
    pub fn take_keys(&self, text: &str) -> Result<usize, KeysError> {
        self.0.keys.as_ref().map_or(Ok(0), |keys| keys.take_set(text))
    }

    /// Returns when a token came whose key is not known.
    pub async fn keys_wanted(&self) {
        match &self.0.keys {
            Some(keys) => keys.wanted().await,
            None => std::future::pending().await,
        }
    }

    /// How many connections there may be, and from where.
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// Whether this is the same gate.
    pub fn is(&self, other: &Auth) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// The rules for hosts and origins.
    pub fn rim(&self) -> &Rim {
        &self.0.rim
    }

    fn anonymous(&self, head: &Head<'_>) -> Caller {
        self.reread();
        let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
        let no_tokens = known.guards() == 0 && self.0.config.tokens.is_empty() && self.0.keys.is_none();
        // A proxy on this machine makes everybody's peer address a local one.
        let local =
            self.0.loopback && !head.forwarded && head.peer.is_some_and(|peer| peer.ip().is_loopback());
        Caller::of((local && no_tokens).then_some(Role::Operator))
    }

    /// Takes in tokens that the command line made or revoked while the server runs.
    fn reread(&self) {
        let stamp = self.0.file.stamp();
        if self.0.known.read().unwrap_or_else(PoisonError::into_inner).stamp == stamp {
            return;
        }
        match self.0.file.snapshot() {
            Ok(fresh) => {
                *self.0.known.write().unwrap_or_else(PoisonError::into_inner) = fresh;
                self.0.version.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => log::warn!("keeping the tokens known so far: {error}"),
        }
    }
}

/// Whether a request of this method may change something.
pub fn changes_something(method: &str) -> bool {
    !matches!(method, "GET" | "HEAD" | "OPTIONS")
}

#[cfg(test)]
mod tests;
