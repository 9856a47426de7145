//! Host and origin: is a request meant for this server, and does it come from a page that may use it.
//!
//! The host check ends DNS rebinding: a page of `evil.example` whose name suddenly points at this machine still says
//! `Host: evil.example`. The origin check ends cross-site requests and sockets; a client that is no browser sends no
//! `Origin` and is judged by its token.

use std::net::{IpAddr, SocketAddr};

use crate::auth::SESSION_COOKIE;
use crate::config::Config;

/// Which hosts and origins are ours.
#[derive(Clone, Debug)]
pub struct Rim {
    /// Whether clients reach us over TLS.
    secure: bool,
    listen: IpAddr,
    hosts: Vec<String>,
    origins: Vec<String>,
}

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    /// No host, or several, or one that cannot be read.
    #[error("the request must name exactly one host")]
    NoHost,
    /// A host that is not ours.
    #[error("this server is not known as {0}; an operator can add the name to http.allowed_hosts")]
    StrangeHost(String),
    /// A page of another site.
    #[error("pages of {0} may not use this server; an operator can add the origin to http.allowed_origins")]
    StrangeOrigin(String),
    /// A change with a cookie, and no word from the browser which page wants it.
    #[error("a change with the session cookie needs an Origin header; programs send a token instead")]
    NoOrigin,
}

impl Rim {
    /// The rules of a configuration for a server that listens on `address`.
    pub fn new(config: &Config, address: SocketAddr) -> Self {
        let lower = |items: &[String]| items.iter().map(|item| item.to_ascii_lowercase()).collect::<Vec<_>>();
        let mut hosts = lower(&config.http.allowed_hosts);
        let mut origins = lower(&config.http.allowed_origins);
        if let Some(url) = &config.http.public_url {
            let url = url.to_ascii_lowercase();
            hosts.extend(url.split_once("://").map(|(_, host)| host.to_owned()));
            origins.push(url);
        }
        let secure = config.http.public_url.as_deref().is_some_and(|url| url.starts_with("https://"));
        Self { secure, listen: address.ip(), hosts, origins }
    }

    /// The `Set-Cookie` of a session: no script reads it, no other site sends it along with a change, and over TLS it
    /// never leaves in the open. An empty cookie that is good for no time takes it back.
    pub fn session_cookie(&self, cookie: &str, seconds: u64) -> String {
        let secure = if self.secure { "; Secure" } else { "" };
        format!("{SESSION_COOKIE}={cookie}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")
    }

    /// Whether pages of this origin were allowed in by the configuration, and so may read answers as well.
    pub fn is_configured_origin(&self, origin: &str) -> bool {
        self.origins.iter().any(|known| known.eq_ignore_ascii_case(origin))
    }
}

/// Checks the `Host` of a request. Ports are not compared: a port may be mapped on the way, and rebinding is about names.
///
/// # Errors
/// When the host is missing or is not ours.
pub fn check_host(rim: &Rim, host: Option<&str>) -> Result<(), OriginError> {
    let host = host.ok_or(OriginError::NoHost)?.to_ascii_lowercase();
    let (name, _port) = split_port(&host).ok_or(OriginError::NoHost)?;
    if rim.hosts.iter().any(|known| *known == host || known == name) {
        return Ok(());
    }
    let ours = match name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        // Listening on all addresses, we do not know which of them are ours; but only names can be rebound.
        Ok(address) => address == rim.listen || address.is_loopback() || rim.listen.is_unspecified(),
        Err(_) => name == "localhost" || name.ends_with(".localhost"),
    };
    if ours { Ok(()) } else { Err(OriginError::StrangeHost(shown(&host))) }
}

/// Checks the `Origin` of a request that changes something or opens a socket: absent, our own, or configured.
///
/// # Errors
/// When it is another site's, or `null`: what generated pages in a sandbox say.
pub fn check_origin(rim: &Rim, host: Option<&str>, origin: Option<&str>) -> Result<(), OriginError> {
    let Some(origin) = origin else { return Ok(()) };
    let strange = || OriginError::StrangeOrigin(shown(origin));
    if rim.is_configured_origin(origin) {
        return Ok(());
    }
    let lower = origin.to_ascii_lowercase();
    let (authority, default_port) = match lower.split_once("://") {
        Some(("http", authority)) => (authority, "80"),
        Some(("https", authority)) => (authority, "443"),
        _ => return Err(strange()),
    };
    let host = host.unwrap_or_default().to_ascii_lowercase();
    match (split_port(authority), split_port(&host)) {
        (Some((origin_name, origin_port)), Some((host_name, host_port)))
            if origin_name == host_name
                && origin_port.unwrap_or(default_port) == host_port.unwrap_or(default_port) =>
        {
            Ok(())
        }
        _ => Err(strange()),
    }
}

/// Checks that a browser says which page wants a change that is made with a cookie. An origin that came was checked by
/// [`check_origin`] already.
///
/// # Errors
/// When nothing says so.
pub fn check_page(origin: Option<&str>, fetch_site: Option<&str>) -> Result<(), OriginError> {
    let known = origin.is_some() || matches!(fetch_site, Some("same-origin" | "none"));
    if known { Ok(()) } else { Err(OriginError::NoOrigin) }
}

/// Name and port of `example.org:80` or `[::1]:80`; none when it is neither.
fn split_port(authority: &str) -> Option<(&str, Option<&str>)> {
    let (name, port) = if authority.starts_with('[') {
        let end = authority.find(']')? + 1;
        let rest = &authority[end..];
        let port = if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) };
        (&authority[..end], port)
    } else {
        match authority.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (authority, None),
        }
    };
    let name_is_well_formed =
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._[]:".contains(&b));
    let port_is_well_formed = port.is_none_or(|port| !port.is_empty() && port.parse::<u16>().is_ok());
    (name_is_well_formed && port_is_well_formed).then_some((name, port))
}

/// What strangers sent, short enough and plain enough to be said back.
fn shown(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_graphic()).take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rim(listen: &str, hosts: &[&str], origins: &[&str]) -> Rim {
        let mut config = Config::default();
        config.http.allowed_hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        config.http.allowed_origins = origins.iter().map(|origin| (*origin).to_owned()).collect();
        Rim::new(&config, listen.parse().unwrap())
    }

    #[test]
    fn hosts() {
        let loopback = rim("127.0.0.1:8080", &["Board.example", "ported.example:9000"], &[]);
        let one = rim("192.0.2.1:80", &[], &[]);
        let all = rim("0.0.0.0:80", &[], &[]);
        for (rim, host, expected) in [
            (&loopback, "127.0.0.1:8080", true),
            (&loopback, "127.0.0.1", true),
            (&loopback, "LOCALHOST:1", true),
            (&loopback, "app.localhost:8080", true),
            (&loopback, "[::1]:8080", true),
            (&loopback, "board.example", true),
            (&loopback, "BOARD.example:443", true),
            (&loopback, "ported.example:9000", true),
            (&loopback, "ported.example", false),
            (&loopback, "evil.example", false),
            (&loopback, "localhost.evil.example", false),
            (&loopback, "127.0.0.1.evil.example", false),
            (&loopback, "192.0.2.1", false),
            (&loopback, "", false),
            (&loopback, ":8080", false),
            (&loopback, "localhost:", false),
            (&loopback, "localhost:99999", false),
            (&loopback, "localhost:80:80", false),
            (&loopback, "[::1", false),
            (&loopback, "[::1]x", false),
            (&loopback, "user@localhost", false),
            (&one, "192.0.2.1:80", true),
            (&one, "192.0.2.2:80", false),
            (&all, "192.0.2.2:80", true),
            (&all, "evil.example", false),
        ] {
            assert_eq!(check_host(rim, Some(host)).is_ok(), expected, "{host:?} {rim:?}");
        }
        assert_eq!(check_host(&loopback, None), Err(OriginError::NoHost));
    }

    #[test]
    fn origins() {
        let rim = rim("127.0.0.1:8080", &[], &["https://app.example.org"]);
        for (host, origin, expected) in [
            ("localhost:8080", None, true),
            ("localhost:8080", Some("http://localhost:8080"), true),
            ("localhost:8080", Some("HTTP://LOCALHOST:8080"), true),
            ("localhost", Some("http://localhost"), true),
            ("localhost:80", Some("http://localhost"), true),
            ("localhost", Some("https://localhost:443"), true),
            ("localhost:8080", Some("http://localhost:8081"), false),
            ("localhost:8080", Some("http://localhost"), false),
            ("localhost:8080", Some("http://127.0.0.1:8080"), false),
            ("localhost:8080", Some("http://evil.example"), false),
            ("localhost:8080", Some("https://app.example.org"), true),
            ("localhost:8080", Some("https://app.example.org.evil.example"), false),
            ("localhost:8080", Some("http://app.example.org"), false),
            ("localhost:8080", Some("null"), false),
            ("localhost:8080", Some(""), false),
            ("localhost:8080", Some("file://"), false),
            ("localhost:8080", Some("http://localhost:8080/x"), false),
        ] {
            assert_eq!(check_origin(&rim, Some(host), origin).is_ok(), expected, "{host} {origin:?}");
        }
    }

    #[test]
    fn the_public_address_is_ours() {
        let config = Config {
            http: crate::config::HttpConfig {
                public_url: Some("https://board.example".into()),
                ..Config::default().http
            },
            ..Config::default()
        };
        let rim = Rim::new(&config, "127.0.0.1:1".parse().unwrap());
        assert!(check_host(&rim, Some("board.example")).is_ok());
        assert!(check_origin(&rim, Some("127.0.0.1:1"), Some("https://board.example")).is_ok());
    }

    proptest::proptest! {
        #[test]
        fn never_panics(host in ".*", origin in ".*") {
            let rim = rim("127.0.0.1:8080", &[], &[]);
            let _ = check_host(&rim, Some(&host));
            let _ = check_origin(&rim, Some(&host), Some(&origin));
        }
    }
}
