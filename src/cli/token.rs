//! `callboard token`

use std::process::ExitCode;

use clap::Subcommand;

use crate::auth::token::TokenFile;
use crate::cli::{Settings, say, say_error};
use crate::clock::{Clock, SystemClock};
use crate::domain::role::Role;

/// What can be done with tokens. A running server hears of it at once.
#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Make a token and print it once; only its hash is kept
    #[command(after_help = "Example:\n  callboard token create --role operator --name ci")]
    Create {
        /// What its bearer may do: viewer reads, operator starts and controls runs, admin manages clients
        #[arg(long, value_parser = role)]
        role: Role,
        /// What it is for
        #[arg(long, default_value = "")]
        name: String,
    },
    /// List tokens by their ids
    List,
    /// Forget a token
    Revoke {
        /// Its id, as `callboard token list` shows it
        id: String,
    },
}

fn role(text: &str) -> Result<Role, String> {
    Role::parse(text).ok_or_else(|| "a role is viewer, operator or admin".to_owned())
}

/// Does it.
pub(super) fn run(settings: &Settings, command: TokenCommand) -> anyhow::Result<ExitCode> {
    let file = TokenFile::in_dir(&settings.load()?.config.data_dir);
    match command {
        TokenCommand::Create { role, name } => {
            let (known, token) = file.create(role, &name, SystemClock.now())?;
            say(&token);
            say_error(&format!("token {} of role {}; it is not shown again", known.id, role.as_str()));
        }
        TokenCommand::List => {
            for token in file.snapshot()?.tokens {
                let (role, at) = (token.role.as_str(), token.created_at);
                say(format!("{}  {role:<8}  {at}  {}", token.id, token.name).trim_end());
            }
        }
        TokenCommand::Revoke { id } => {
            let revoked = file.revoke(&id)?;
            say_error(&format!("revoked {} of role {}", revoked.id, revoked.role.as_str()));
        }
    }
    Ok(ExitCode::SUCCESS)
}
