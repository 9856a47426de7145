//! The sockets of the product, saying everything back: for any WebSocket conformance suite.
//!
//! `echo [ADDRESS]` listens on 127.0.0.1:9001 when nothing is said, on every path, and takes messages of up to 16 MiB in up
//! to 65,536 fragments. Everything else is the server as it is: routes, workers, limits of HTTP, heartbeat.

#[path = "echo/handler.rs"]
mod handler;

use std::io::Write;

use anyhow::Context;
use callboard::app::{App, AppOptions};
use callboard::config::load::{Sources, load};

fn main() -> anyhow::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9001".to_owned());
    let mut config = load(&Sources::default()).map_err(|problems| anyhow::anyhow!("{problems}"))?.config;
    config.listen = address.parse().with_context(|| format!("{address} is no address with a port"))?;
    let dir = std::env::temp_dir().join(format!("callboard-echo-{}", std::process::id()));
    config.data_dir = dir.clone();
    let mut options = AppOptions::new(config);
    options.upgrades = Some(handler::enter);
    let done = actix_rt::System::new().block_on(async {
        let app = App::start(options).await?;
        let listening = app.address().context("it listens")?;
        writeln!(std::io::stdout().lock(), "listening on ws://{listening}")?;
        app.run_until_signal().await
    });
    // Nothing was kept in it.
    let _ = std::fs::remove_dir_all(dir);
    done
}
