//! The one table of what can be set: key, meaning, what is allowed, how it is taken and shown.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::config::given::Given;
use crate::config::{Config, Durability, Secret, TokenHash};
use crate::domain::role::Role;

/// One setting.
pub struct Setting {
    /// Its key in the file, like `runs.concurrency`.
    pub key: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// What may be given.
    pub allowed: &'static str,
    /// Takes a value; none when it is not allowed.
    pub set: fn(&mut Config, Given<'_>) -> Option<()>,
    /// The value as it would be written in the file, secrets masked.
    pub show: fn(&Config) -> String,
    /// Whether a wrong value may not be repeated in a message.
    pub secret: bool,
}

impl Setting {
    /// The variable of the environment that sets it, like `CALLBOARD_RUNS_CONCURRENCY`.
    pub fn variable(&self) -> String {
        format!("CALLBOARD_{}", self.key.replace('.', "_").to_uppercase())
    }
}

/// Every setting, in the order in which they are shown.
pub const ALL: &[Setting] = &[
    Setting {
        key: "listen",
        meaning: "address and port to listen on; port 0 takes a free one",
        allowed: "an address with a port, like 127.0.0.1:8080, [::1]:8080 or localhost:8080",
        set: |config, given| put(&mut config.listen, address(given.text()?)),
        show: |config| quoted(&config.listen.to_string()),
        secret: false,
    },
    Setting {
        key: "data_dir",
        meaning: "folder for everything durable; made when missing",
        allowed: "a path",
        set: |config, given| put(&mut config.data_dir, given.filled_text().map(PathBuf::from)),
        show: |config| quoted(&config.data_dir.to_string_lossy()),
        secret: false,
    },
    Setting {
        key: "log_filter",
        meaning: "what is logged, like info or callboard=debug,actix_server=warn",
        allowed: "log levels, each alone or behind a module and =: off, error, warn, info, debug, trace",
        set: |config, given| {
            put(&mut config.log_filter, given.text().filter(|f| is_filter(f)).map(str::to_owned))
        },
        show: |config| quoted(&config.log_filter),
        secret: false,
    },
    Setting {
        key: "http.allowed_hosts",
        meaning: "names in the Host header besides the listen address and localhost",
        allowed: "a list of host names, each with or without a port",
        set: |config, given| {
            put(
                &mut config.http.allowed_hosts,
                given.list().filter(|list| list.iter().all(|name| is_host(name))),
            )
        },
        show: |config| list(&config.http.allowed_hosts),
        secret: false,
    },
    Setting {
        key: "http.allowed_origins",
        meaning: "origins besides our own that may change things and open sockets",
        allowed: "a list of origins, like https://app.example.org",
        set: |config, given| {
            put(
                &mut config.http.allowed_origins,
                given.list().filter(|list| list.iter().all(|origin| is_origin(origin))),
            )
        },
        show: |config| list(&config.http.allowed_origins),
        secret: false,
    },
    Setting {
        key: "http.public_url",
        meaning: "the address clients see when a proxy stands in front",
        allowed: "an origin, like https://callboard.example.org, or nothing",
        set: |config, given| match given.text()? {
            "" => put(&mut config.http.public_url, Some(None)),
            url => put(&mut config.http.public_url, is_origin(url).then(|| Some(url.to_owned()))),
        },
        show: |config| quoted(config.http.public_url.as_deref().unwrap_or_default()),
        secret: false,
    },
    Setting {
        key: "http.workers",
        meaning: "HTTP worker threads",
        allowed: "a whole number from 1 to 64",
        set: |config, given| put(&mut config.http.workers, given.size(1, 64)),
        show: |config| config.http.workers.to_string(),
        secret: false,
    },
    Setting {
        key: "http.connections_max",
        meaning: "connections that are open at the same time",
        allowed: "a whole number from 10 to 1000000",
        set: |config, given| put(&mut config.http.connections_max, given.size(10, 1_000_000)),
        show: |config| config.http.connections_max.to_string(),
        secret: false,
    },
    Setting {
        key: "http.drain_ms",
        meaning: "how long the server waits for its clients when it goes down",
        allowed: "milliseconds, from 0 to 600000",
        set: |config, given| put(&mut config.http.drain_ms, given.number(0, 600_000)),
        show: |config| config.http.drain_ms.to_string(),
        secret: false,
    },
    Setting {
        key: "limits.body_bytes_max",
        meaning: "size of a request's body",
        allowed: "bytes, from 1024 to 67108864",
        set: |config, given| put(&mut config.limits.body_bytes_max, given.size(1024, 64 << 20)),
        show: |config| config.limits.body_bytes_max.to_string(),
        secret: false,
    },
    Setting {
        key: "limits.brief_chars_max",
        meaning: "length of a brief in characters",
        allowed: "a whole number from 1 to 200000",
        set: |config, given| put(&mut config.limits.brief_chars_max, given.size(1, 200_000)),
        show: |config| config.limits.brief_chars_max.to_string(),
        secret: false,
    },
    Setting {
        key: "limits.name_chars_max",
        meaning: "length of a project's name in characters",
        allowed: "a whole number from 1 to 1000",
        set: |config, given| put(&mut config.limits.name_chars_max, given.size(1, 1000)),
        show: |config| config.limits.name_chars_max.to_string(),
        secret: false,
    },
    Setting {
        key: "limits.frame_bytes_max",
        meaning: "size of one WebSocket message from a client",
        allowed: "bytes, from 1024 to 16777216",
        set: |config, given| put(&mut config.limits.frame_bytes_max, given.size(1024, 16 << 20)),
        show: |config| config.limits.frame_bytes_max.to_string(),
        secret: false,
    },
    Setting {
        key: "limits.event_bytes_max",
        meaning: "size of the data of an event that an application publishes",
        allowed: "bytes, from 256 to 1048576",
        set: |config, given| put(&mut config.limits.event_bytes_max, given.size(256, 1 << 20)),
        show: |config| config.limits.event_bytes_max.to_string(),
        secret: false,
    },
    Setting {
        key: "runs.concurrency",
        meaning: "runs that work at the same time",
        allowed: "a whole number from 1 to 64",
        set: |config, given| put(&mut config.runs.concurrency, given.size(1, 64)),
        show: |config| config.runs.concurrency.to_string(),
        secret: false,
    },
    Setting {
        key: "runs.queue_max",
        meaning: "runs that may wait for their turn",
        allowed: "a whole number from 0 to 100000",
        set: |config, given| put(&mut config.runs.queue_max, given.size(0, 100_000)),
        show: |config| config.runs.queue_max.to_string(),
        secret: false,
    },
    Setting {
        key: "runs.agent_timeout_ms",
        meaning: "how long one agent may take",
        allowed: "milliseconds, from 100 to 86400000",
        set: |config, given| put(&mut config.runs.agent_timeout_ms, given.number(100, 86_400_000)),
        show: |config| config.runs.agent_timeout_ms.to_string(),
        secret: false,
    },
    Setting {
        key: "runs.run_timeout_ms",
        meaning: "how long one run may take",
        allowed: "milliseconds, from 100 to 604800000",
        set: |config, given| put(&mut config.runs.run_timeout_ms, given.number(100, 604_800_000)),
        show: |config| config.runs.run_timeout_ms.to_string(),
        secret: false,
    },
    Setting {
        key: "store.durability",
        meaning: "how safe a commit is: disk survives loss of power, system survives a crash of the server",
        allowed: "disk or system",
        set: |config, given| {
            let durability = match given.text()? {
                "disk" => Durability::Disk,
                "system" => Durability::System,
                _ => return None,
            };
            put(&mut config.store.durability, Some(durability))
        },
        show: |config| {
            quoted(match config.store.durability {
                Durability::Disk => "disk",
                Durability::System => "system",
            })
        },
        secret: false,
    },
    Setting {
        key: "socketio.ping_interval_ms",
        meaning: "time between Socket.IO heartbeats",
        allowed: "a whole number from 50 to 3600000",
        set: |config, given| put(&mut config.socketio.ping_interval_ms, given.number(50, 3_600_000)),
        show: |config| config.socketio.ping_interval_ms.to_string(),
        secret: false,
    },
    Setting {
        key: "socketio.ping_timeout_ms",
        meaning: "how long a Socket.IO client may take to answer a heartbeat",
        allowed: "a whole number from 50 to 3600000",
        set: |config, given| put(&mut config.socketio.ping_timeout_ms, given.number(50, 3_600_000)),
        show: |config| config.socketio.ping_timeout_ms.to_string(),
        secret: false,
    },
    Setting {
        key: "socketio.connect_timeout_ms",
        meaning: "how long a Socket.IO session may take to come into a namespace",
        allowed: "a whole number from 50 to 3600000",
        set: |config, given| put(&mut config.socketio.connect_timeout_ms, given.number(50, 3_600_000)),
        show: |config| config.socketio.connect_timeout_ms.to_string(),
        secret: false,
    },
    Setting {
        key: "socketio.max_payload_bytes",
        meaning: "size of one Socket.IO message or body",
        allowed: "a whole number from 1024 to 67108864",
        set: |config, given| put(&mut config.socketio.max_payload_bytes, given.size(1024, 67_108_864)),
        show: |config| config.socketio.max_payload_bytes.to_string(),
        secret: false,
    },
    Setting {
        key: "socketio.packets_per_second_max",
        meaning: "packets a Socket.IO session may send per second; faster ones are slowed down",
        allowed: "a whole number from 1 to 1000000",
        set: |config, given| put(&mut config.socketio.packets_per_second_max, given.number(1, 1_000_000)),
        show: |config| config.socketio.packets_per_second_max.to_string(),
        secret: false,
    },
    Setting {
        key: "socketio.idle_sessions_max",
        meaning: "Socket.IO sessions that nobody has come in over; the oldest gives way",
        allowed: "a whole number from 16 to 1000000",
        set: |config, given| put(&mut config.socketio.idle_sessions_max, given.size(16, 1_000_000)),
        show: |config| config.socketio.idle_sessions_max.to_string(),
        secret: false,
    },
    Setting {
        key: "auth.tokens",
        meaning: "tokens by their hash, besides those of `callboard token create`",
        allowed: "a list of role:hash, the role viewer, operator or admin, the hash the SHA-256 of the token in \
                  lower-case hexadecimal",
        set: |config, given| {
            put(&mut config.auth.tokens, given.list()?.iter().map(|item| token_hash(item)).collect())
        },
        show: |config| {
            list(
                &config
                    .auth
                    .tokens
                    .iter()
                    .map(|token| format!("{}:…", token.role.as_str()))
                    .collect::<Vec<_>>(),
            )
        },
        secret: true,
    },
    Setting {
        key: "admin_token",
        meaning: "the admin token; when none is set one is made at the first start",
        allowed: "1 to 512 visible ASCII characters",
        set: |config, given| {
            let secret = given.text().filter(|text| is_token(text)).map(|text| Some(Secret::new(text)));
            put(&mut config.auth.admin_token, secret)
        },
        show: |config| quoted(config.auth.admin_token.as_ref().map_or("", |_| "********")),
        secret: true,
    },
];

fn put<T>(place: &mut T, value: Option<T>) -> Option<()> {
    *place = value?;
    Some(())
}

fn address(text: &str) -> Option<SocketAddr> {
    // A name would need a resolver, and could mean several addresses; this one name has one meaning everywhere.
    match text.strip_prefix("localhost:") {
        Some(port) => Some(SocketAddr::from((std::net::Ipv4Addr::LOCALHOST, port.parse().ok()?))),
        None => text.parse().ok(),
    }
}

fn is_host(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b))
}

fn is_origin(text: &str) -> bool {
    text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).is_some_and(is_host)
}

fn is_token(text: &str) -> bool {
    (1..=512).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn is_filter(text: &str) -> bool {
    let is_level = |level: &str| {
        ["off", "error", "warn", "info", "debug", "trace"].contains(&level.to_ascii_lowercase().as_str())
    };
    text.split(',').map(str::trim).all(|part| match part.split_once('=') {
        Some((module, level)) => !module.is_empty() && is_level(level),
        None => is_level(part),
    })
}

fn token_hash(text: &str) -> Option<TokenHash> {
    let (role, sha256) = text.split_once(':')?;
    let well_formed =
        sha256.len() == 64 && sha256.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    well_formed.then_some(())?;
    Some(TokenHash { role: Role::parse(role)?, sha256: sha256.to_owned() })
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn list(items: &[String]) -> String {
    toml::Value::Array(items.iter().cloned().map(toml::Value::String).collect()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_read_back_from_how_they_are_shown() {
        let defaults = Config::default();
        for setting in ALL.iter().filter(|setting| setting.key != "admin_token") {
            let shown: toml::Table = format!("value = {}", (setting.show)(&defaults)).parse().unwrap();
            let mut config = Config::default();
            assert!((setting.set)(&mut config, Given(&shown["value"])).is_some(), "{}", setting.key);
            assert_eq!(config, defaults, "{}", setting.key);
        }
    }

    #[test]
    fn says_no_to_what_is_not_allowed() {
        for (key, value) in [
            ("listen", "8080"),
            ("listen", "example.org:80"),
            ("data_dir", " "),
            ("log_filter", "loud"),
            ("log_filter", "=info"),
            ("http.allowed_origins", "example.org"),
            ("http.allowed_origins", "https://a/b"),
            ("http.public_url", "ftp://a"),
            ("http.allowed_hosts", "a b"),
            ("runs.concurrency", "0"),
            ("store.durability", "maybe"),
            ("auth.tokens", "operator:abc"),
            ("auth.tokens", "root:0000000000000000000000000000000000000000000000000000000000000000"),
            ("admin_token", ""),
            ("admin_token", "with white space in it"),
        ] {
            let setting = ALL.iter().find(|setting| setting.key == key).unwrap();
            let value = toml::Value::String(value.into());
            assert!((setting.set)(&mut Config::default(), Given(&value)).is_none(), "{key} = {value}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let mut config = Config::default();
        config.auth.admin_token = Some(Secret::new("0123456789abcdef"));
        config.auth.tokens = vec![TokenHash { role: Role::Viewer, sha256: "ab".repeat(32) }];
        let shown: String = ALL.iter().map(|setting| (setting.show)(&config)).collect();
        assert!(!shown.contains("0123456789abcdef") && !shown.contains("abab"), "{shown}");
        assert!(!format!("{config:?}").contains("0123456789abcdef"));
    }
}
