//! Who may do what: tokens, hosts, origins and one table of rights.
//!
//! [`Auth`] is asked by every door, before anything else happens. It knows no HTTP library: doors hand in a [`Head`], so
//! the same checks run in front of the REST handlers and, called by hand, in front of every socket.

pub mod origin;
pub mod policy;
pub mod token;

use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};

use crate::auth::origin::{OriginError, Rim};
use crate::auth::policy::Action;
use crate::auth::token::{FoundAdminToken, TokenFile, TokenFileError, sha256_hex};
use crate::config::{AuthConfig, Config};
use crate::domain::role::Role;

/// Name of the cookie that the sign-in page sets.
pub const SESSION_COOKIE: &str = "callboard_session";

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
    /// Who is at the other end.
    pub peer: Option<SocketAddr>,
}

/// Who asks, once that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// What they may do; none at all for a stranger.
    pub role: Option<Role>,
    /// By what they are told apart from others of that role.
    pub token: TokenName,
}

/// By what callers of one role are told apart. Says nothing that helps to guess a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TokenName {
    /// By nothing: no token, or the admin token.
    #[default]
    None,
    /// The id under which `callboard token list` shows it.
    Listed([u8; 8]),
    /// Its place among those of the configuration, from 1.
    Configured(u16),
}

impl Caller {
    /// The house itself: the command line, which holds the data directory in its hands.
    pub const HOUSE: Caller = Caller::of(Some(Role::Admin));

    /// Somebody of a role, without more to be known by.
    pub const fn of(role: Option<Role>) -> Self {
        Self { role, token: TokenName::None }
    }

    /// As others see them, like `operator 3fa9c1d2`.
    pub fn name(self) -> String {
        let role = self.role.map_or("nobody", Role::as_str);
        match self.token {
            TokenName::None => role.to_owned(),
            TokenName::Listed(id) => format!("{role} {}", String::from_utf8_lossy(&id)),
            TokenName::Configured(place) => format!("{role} #{place}"),
        }
    }

    /// Whether this caller may do that.
    ///
    /// # Errors
    /// When not; a stranger is told to show a token, anybody else that it is not enough.
    pub fn may(self, action: Action) -> Result<(), AuthError> {
        let needed = policy::needs(action);
        match self.role {
            Some(role) if role >= needed => Ok(()),
            Some(role) => Err(AuthError::Forbidden { role, needed }),
            None => Err(AuthError::NoToken { needed }),
        }
    }
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
    let closed = tokens_in_file > 0 || !config.auth.tokens.is_empty() || config.auth.admin_token.is_some();
    if config.listen.ip().is_loopback() || closed {
        Ok(())
    } else {
        Err(AuthSetupError::OpenToAll(config.listen))
    }
}

impl Auth {
    /// Reads the tokens of the data directory, makes the admin token at the first start, and refuses a configuration
    /// that would let anybody in. `address` is where the server listens in fact.
    ///
    /// # Errors
    /// When the configuration is open to all, or the tokens cannot be read or written.
    pub fn open(config: &Config, address: SocketAddr) -> Result<Opened, AuthSetupError> {
        let file = TokenFile::in_dir(&config.data_dir);
        let known = file.snapshot()?;
        check_exposure(config, known.tokens.len())?;
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
        };
        Ok(Opened { auth: Auth(Arc::new(inner)), new_admin_token })
    }

    /// Whose request this is. Without a token a local client is an operator as long as nobody has made tokens; a wrong
    /// token is refused rather than ignored, so that a typing mistake is seen.
    ///
    /// # Errors
    /// When a token came that is not known.
    pub fn identify(&self, head: &Head<'_>) -> Result<Caller, AuthError> {
        match token::of_head(head) {
            Some(token) => self.caller_of_token(&token),
            None => Ok(self.anonymous(head)),
        }
    }

    /// Whose token this is; sockets ask with the token of their first message.
    ///
    /// # Errors
    /// When it is not known.
    pub fn caller_of_token(&self, token: &str) -> Result<Caller, AuthError> {
        let sha256 = sha256_hex(token);
        // Every comparison is made, each in constant time, so that neither the place nor the text can be measured.
        let mut found = token::same(&sha256, &self.0.admin_sha256).then_some((Role::Admin, TokenName::None));
        self.reread();
        let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
        let listed = |id: &str| id.as_bytes().try_into().map_or(TokenName::None, TokenName::Listed);
        let in_file = known.tokens.iter().map(|token| (token.role, listed(&token.id), &token.sha256));
        let in_config = (1..).zip(&self.0.config.tokens);
        let in_config =
            in_config.map(|(place, token)| (token.role, TokenName::Configured(place), &token.sha256));
        for (role, name, known_sha256) in in_file.chain(in_config) {
            if token::same(&sha256, known_sha256) && found.is_none_or(|(highest, _)| highest < role) {
                found = Some((role, name));
            }
        }
        found.map(|(role, token)| Caller { role: Some(role), token }).ok_or(AuthError::BadToken)
    }

    /// The whole check of a request: is it meant for us, does it come from a page that may, whose is it.
    ///
    /// # Errors
    /// With the first check that fails.
    pub fn admit(&self, head: &Head<'_>) -> Result<Caller, AuthError> {
        origin::check_host(&self.0.rim, head.host)?;
        if changes_something(head.method) {
            origin::check_origin(&self.0.rim, head.host, head.origin)?;
        }
        self.identify(head)
    }

    /// The whole check of a WebSocket upgrade. Its origin is checked although it is a GET: browsers let any page open a
    /// socket to anywhere, cookies included.
    ///
    /// A caller without a role is let through when it came without a token: it may still send one as its first message.
    ///
    /// # Errors
    /// With the first check that fails.
    pub fn authorise_upgrade(&self, head: &Head<'_>) -> Result<Caller, AuthError> {
        origin::check_host(&self.0.rim, head.host)?;
        origin::check_origin(&self.0.rim, head.host, head.origin)?;
        self.identify(head)
    }

    /// The rules for hosts and origins.
    pub fn rim(&self) -> &Rim {
        &self.0.rim
    }

    fn anonymous(&self, head: &Head<'_>) -> Caller {
        self.reread();
        let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
        let no_tokens = known.tokens.is_empty() && self.0.config.tokens.is_empty();
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
            Ok(fresh) => *self.0.known.write().unwrap_or_else(PoisonError::into_inner) = fresh,
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
