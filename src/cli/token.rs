//! `callboard token`

use std::process::ExitCode;

use clap::Subcommand;

use crate::auth::token::{NewToken, TokenFile};
use crate::cli::{Settings, say, say_error};
use crate::clock::{Clock, SystemClock};
use crate::domain::ids::ProjectId;
use crate::domain::role::Role;

/// The longest a token may last: ten years.
const DAYS_MAX: u64 = 3_650;

/// What can be done with tokens. A running server hears of it at once.
#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Make a token and print it once; only its hash is kept
    #[command(
        after_help = "Examples:\n  callboard token create --role operator --name ci\n  callboard token create \
        --role viewer --project 0190b5f0-8a52-7c5e-9d43-2f1b6c7d8e9f --expires 30d --name screen"
    )]
    Create {
        /// What its bearer may do: viewer reads, operator starts and controls runs, admin manages clients
        #[arg(long, value_parser = role)]
        role: Role,
        /// What it is for
        #[arg(long, default_value = "")]
        name: String,
        /// The project it is for, and nothing else; can be given several times
        #[arg(long = "project", value_name = "ID")]
        projects: Vec<ProjectId>,
        /// When it ends by itself: a number with m, h, d or w, like 30d
        #[arg(long, value_name = "TIME", value_parser = lasting)]
        expires: Option<u64>,
    },
    /// List tokens and share links by their ids
    List,
    /// Forget a token or a share link; what it had opened is closed
    Revoke {
        /// Its id, as `callboard token list` shows it
        id: String,
    },
}

fn role(text: &str) -> Result<Role, String> {
    Role::parse(text).ok_or_else(|| "a role is viewer, operator or admin".to_owned())
}

/// Milliseconds of `30d` and the like.
fn lasting(text: &str) -> Result<u64, String> {
    let wrong = || format!("a time is a number with m, h, d or w, like 30d, and at most {DAYS_MAX}d");
    let at = text.len().saturating_sub(1);
    let (number, unit) = text.is_char_boundary(at).then(|| text.split_at(at)).ok_or_else(wrong)?;
    let unit_ms = match unit {
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 24 * 3_600_000,
        "w" => 7 * 24 * 3_600_000,
        _ => return Err(wrong()),
    };
    let ms = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit_ms)).ok_or_else(wrong)?;
    if (1..=DAYS_MAX * 24 * 3_600_000).contains(&ms) { Ok(ms) } else { Err(wrong()) }
}

/// Does it.
pub(super) fn run(settings: &Settings, command: TokenCommand) -> anyhow::Result<ExitCode> {
    let file = TokenFile::in_dir(&settings.load()?.config.data_dir);
    let now = SystemClock.now();
    match command {
        TokenCommand::Create { role, name, projects, expires } => {
            let expires_at = expires.map(|ms| now.plus_ms(ms));
            let new = NewToken { role, name: &name, projects, expires_at, share: false };
            let (known, token) = file.create(new, now)?;
            say(&token);
            let until = expires_at.map(|at| format!(", good until {at}")).unwrap_or_default();
            say_error(&format!("token {} of role {}{until}; it is not shown again", known.id, role.as_str()));
        }
        TokenCommand::List => {
            for token in file.snapshot()?.tokens {
                let role = if token.share { "share" } else { token.role.as_str() };
                let ends = match token.expires_at {
                    None => "no end".to_owned(),
                    Some(at) if token.has_ended(now) => format!("ended {at}"),
                    Some(at) => format!("until {at}"),
                };
                let projects: String = token.projects.iter().map(|id| format!("  {id}")).collect();
                let (id, at, name) = (token.id, token.created_at, token.name);
                say(format!("{id}  {role:<8}  {at}  {ends:<30}{projects}  {name}").trim_end());
            }
        }
        TokenCommand::Revoke { id } => {
            let revoked = file.revoke(&id)?;
            say_error(&format!("revoked {} of role {}", revoked.id, revoked.role.as_str()));
        }
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long() {
        for (text, expected) in [
            ("30d", Some(30 * 24 * 3_600_000)),
            ("1w", Some(7 * 24 * 3_600_000)),
            ("90m", Some(90 * 60_000)),
            ("2h", Some(2 * 3_600_000)),
            ("0d", None),
            ("-1d", None),
            ("30", None),
            ("d", None),
            ("", None),
            ("1é", None),
            ("3651d", None),
            ("99999999999999999999d", None),
        ] {
            assert_eq!(lasting(text).ok(), expected, "{text}");
        }
    }
}
