//! A thin client of a server, for the commands that prove and measure one: HTTP/1.1, server-sent events and WebSocket
//! straight over TCP.
//!
//! Nothing here is lenient: a tool that proves something must see what is not as the protocol says, and a tool that
//! measures must cost less than what it measures.

pub(super) mod http;
pub(super) mod room;
pub(super) mod server;
pub(super) mod socket;
pub(super) mod sse;

use std::net::{SocketAddr, ToSocketAddrs};

use anyhow::{Context, bail};

/// Where a server is, and who asks.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// Its address.
    pub(super) address: SocketAddr,
    /// What goes into `Host`.
    pub(super) host: String,
    /// The token to show, if any.
    pub(super) token: Option<String>,
}

impl Target {
    /// A server on this machine.
    pub(super) fn local(address: SocketAddr, token: Option<String>) -> Target {
        Target { address, host: address.to_string(), token }
    }

    /// The server that an address like `http://127.0.0.1:8080` names.
    ///
    /// # Errors
    /// When it is none, or its name is not known.
    pub(super) fn parse(url: &str, token: Option<String>) -> anyhow::Result<Target> {
        let Some(rest) = url.strip_prefix("http://") else {
            bail!("{url} does not begin with http://, and nothing else is spoken here");
        };
        let host = rest.trim_end_matches('/');
        if host.is_empty() || host.contains(['/', '?', '#', '@', ' ']) {
            bail!("{url} must be http://HOST:PORT and nothing more");
        }
        let with_port = match host.rsplit_once(':') {
            Some((_, port)) if port.parse::<u16>().is_ok() => host.to_owned(),
            _ => format!("{host}:80"),
        };
        let mut found =
            with_port.to_socket_addrs().with_context(|| format!("the name in {url} is not known"))?;
        let address = found.next().with_context(|| format!("the name in {url} has no address"))?;
        Ok(Target { address, host: host.to_owned(), token })
    }

    /// The lines of a request's head that every request has.
    pub(super) fn head(&self, method: &str, path: &str) -> String {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.host);
        if let Some(token) = &self.token {
            head.push_str(&format!("Authorization: Bearer {token}\r\n"));
        }
        head
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_servers() {
        let target = Target::parse("http://127.0.0.1:9000/", None).unwrap();
        assert_eq!(
            (target.address.to_string(), target.host.as_str()),
            ("127.0.0.1:9000".into(), "127.0.0.1:9000")
        );
        assert_eq!(Target::parse("http://127.0.0.1", None).unwrap().address.port(), 80);
        for bad in ["https://127.0.0.1:1", "127.0.0.1:1", "http://", "http://a/b", "http://u@127.0.0.1:1"] {
            assert!(Target::parse(bad, None).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_token_is_shown_in_the_head() {
        let target = Target::parse("http://127.0.0.1:1", Some("t".into())).unwrap();
        assert!(target.head("GET", "/x").contains("\r\nAuthorization: Bearer t\r\n"));
    }
}
