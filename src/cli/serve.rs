//! `callboard serve`

use std::process::ExitCode;

use crate::app::{App, AppOptions};
use crate::auth;
use crate::auth::token::TokenFile;
use crate::cli::{Settings, say, say_error};
use crate::telemetry::{logging, memory};

/// Serves until the process is asked to end.
pub(super) fn run(settings: &Settings) -> anyhow::Result<ExitCode> {
    memory::prepare();
    let loaded = settings.load()?;
    // Before anything is made on disk; the app asks the same again.
    let tokens = TokenFile::in_dir(&loaded.config.data_dir).snapshot()?.guards();
    auth::check_exposure(&loaded.config, tokens)?;
    logging::start(&loaded.config.log_filter);
    loaded.warnings.iter().for_each(|warning| log::warn!("{warning}"));
    actix_rt::System::new().block_on(async move {
        let app = App::start(AppOptions::new(loaded.config)).await?;
        if let Some(token) = app.new_admin_token() {
            say_error(&format!("admin token, shown this once: {token}"));
        }
        if let Some(address) = app.address() {
            say(&format!("listening on http://{address}"));
        }
        app.run_until_signal().await?;
        Ok(ExitCode::SUCCESS)
    })
}
