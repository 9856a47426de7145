//! The command line: one file per subcommand, and the exit code. Only here is anything written to standard output.

mod bench;
mod check_config;
mod client;
mod generate;
mod remote;
mod serve;
mod temporary_dir;
mod token;
mod verify;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};

use crate::config::load::{Loaded, Sources, load};

/// Exit code for a configuration that cannot be used and for anything else that failed.
const FAILED: u8 = 1;
/// Exit code of a run that a person interrupted: 128 and the number of SIGINT, as shells have it.
const INTERRUPTED: u8 = 130;

/// Runs multi-agent generation jobs and shows every step of them live.
#[derive(Debug, Parser)]
#[command(
    name = "callboard",
    version,
    about,
    after_help = "Without a command it serves: `callboard` is \
    `callboard serve`.\n\nExamples:\n  callboard\n  callboard serve --listen 127.0.0.1:9000 --data-dir ./data\n  \
    callboard generate \"A reading list: books with title, author and rating\" --out ./books\n\nEvery setting is also \
    a variable of the environment; `callboard check-config` lists them."
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve pages, API and sockets (the default)
    Serve,
    /// Run one generation here, with live progress, and write its files
    Generate(generate::GenerateArgs),
    /// Print the effective configuration and every problem with it
    CheckConfig,
    /// Make, list and revoke access tokens
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Prove on a server that no event is lost, doubled or reordered, whatever happens to clients and server
    Verify(verify::VerifyArgs),
    /// Measure fan-out, joins, appends and idle connections of a server
    Bench(bench::BenchArgs),
    #[command(flatten)]
    Run(remote::RunCommand),
}

/// Settings that any command takes.
#[derive(Clone, Debug, Default, Args)]
struct Settings {
    /// Address and port to listen on; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, global = true, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Folder for everything durable [default: ./data]
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<String>,
    /// Configuration file (TOML)
    #[arg(long, global = true, value_name = "FILE", env = "CALLBOARD_CONFIG")]
    config: Option<PathBuf>,
}

impl Settings {
    /// The configuration of file, environment and flags.
    fn load(&self) -> anyhow::Result<Loaded> {
        let file = match &self.config {
            None => None,
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("the configuration file {} cannot be read", path.display()))?;
                Some((path.display().to_string(), text))
            }
        };
        let utf8 = |text: OsString| text.into_string().ok();
        let flags = [("listen", &self.listen), ("data_dir", &self.data_dir)];
        let sources = Sources {
            file,
            variables: std::env::vars_os().filter_map(|(k, v)| Some((utf8(k)?, utf8(v)?))).collect(),
            flags: flags.into_iter().filter_map(|(key, value)| Some((key, value.clone()?))).collect(),
        };
        Ok(load(&sources)?)
    }
}

/// Reads the arguments, does what they say and answers the exit code.
pub fn run() -> ExitCode {
    // Before anything else: this child process must hold nothing of ours.
    if std::env::args_os().nth(1).is_some_and(|argument| argument == "sandbox") {
        return crate::sandbox::child_main(std::io::stdin().lock(), std::io::stdout().lock());
    }
    if std::env::args_os().nth(1).is_some_and(|argument| argument == "warden") {
        return crate::warden::child_main();
    }
    let Cli { command, settings } = Cli::parse();
    let done = match command.unwrap_or(Command::Serve) {
        Command::Serve => serve::run(&settings),
        Command::Generate(args) => generate::run(&settings, args),
        Command::CheckConfig => check_config::run(&settings),
        Command::Token(command) => token::run(&settings, command),
        Command::Verify(args) => verify::run(&settings, args),
        Command::Bench(args) => bench::run(&settings, args),
        Command::Run(command) => remote::run(command),
    };
    done.unwrap_or_else(|error| {
        say_error(&format!("callboard: {error:#}"));
        ExitCode::from(FAILED)
    })
}

/// One line on standard output. A closed pipe is not worth a word: whoever read has seen enough.
fn say(line: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// One line on standard error.
fn say_error(line: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn arguments_are_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_stand_before_or_behind_the_command() {
        for arguments in [
            &["callboard", "--listen", "127.0.0.1:1"][..],
            &["callboard", "serve", "--listen", "127.0.0.1:1"],
            &["callboard", "--listen", "127.0.0.1:1", "serve"],
        ] {
            let cli = Cli::try_parse_from(arguments).unwrap();
            assert_eq!(cli.settings.listen.as_deref(), Some("127.0.0.1:1"), "{arguments:?}");
        }
        assert!(Cli::try_parse_from(["callboard", "generate"]).is_err(), "a brief is needed");
        assert!(Cli::try_parse_from(["callboard", "watch", "r", "--url", "http://h"]).is_ok());
        assert!(Cli::try_parse_from(["callboard", "replay", "r", "--speed", "51"]).is_err());
        assert!(Cli::try_parse_from(["callboard", "token", "create"]).is_err(), "a role is needed");
    }
}
