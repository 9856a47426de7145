//! `callboard check-config`

use std::process::ExitCode;

use crate::app;
use crate::auth;
use crate::auth::token::TokenFile;
use crate::cli::{FAILED, Settings, say, say_error};
use crate::config::load::Loaded;
use crate::config::settings;

/// Prints the effective configuration with where each value comes from, then what is wrong with it.
pub(super) fn run(settings: &Settings) -> anyhow::Result<ExitCode> {
    let loaded = settings.load()?;
    say(&listing(&loaded));
    for warning in &loaded.warnings {
        say_error(&format!("warning: {warning}"));
    }
    let graphs = app::describe_pipelines(&loaded.config)?;
    graphs.iter().for_each(|graph| say(graph));
    let tokens = TokenFile::in_dir(&loaded.config.data_dir).snapshot().map(|found| found.guards());
    let problem = match tokens {
        Ok(tokens) => auth::check_exposure(&loaded.config, tokens).err().map(|error| error.to_string()),
        Err(error) => Some(error.to_string()),
    };
    match problem {
        None => Ok(ExitCode::SUCCESS),
        Some(problem) => {
            say_error(&format!("problem: {problem}"));
            Ok(ExitCode::from(FAILED))
        }
    }
}

fn listing(loaded: &Loaded) -> String {
    let mut lines = Vec::new();
    for setting in settings::ALL {
        let place = loaded.written_in.get(setting.key).map_or("default", String::as_str);
        lines.push(format!("# {} ({})", setting.meaning, setting.variable()));
        lines.push(format!("{} = {} # {place}", setting.key, (setting.show)(&loaded.config)));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::config::load::{Sources, load};

    #[test]
    fn the_listing_is_a_configuration_file() {
        let loaded = load(&Sources::default()).unwrap();
        let text = listing(&loaded).replace("admin_token = \"\"", "");
        let sources = Sources { file: Some(("listing".into(), text)), ..Sources::default() };
        assert_eq!(load(&sources).unwrap().config, Config::default());
    }
}
