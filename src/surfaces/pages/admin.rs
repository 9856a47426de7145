//! The dashboard of who operates the server. What it shows comes live over Socket.IO; the page itself holds no figures.

use askama::Template;

use crate::surfaces::pages::base;

#[derive(Template)]
#[template(path = "pages/admin.html")]
pub(super) struct Page {
    assets: &'static str,
    version: &'static str,
}

impl Page {
    pub(super) fn new() -> Self {
        Self { assets: base(), version: env!("CARGO_PKG_VERSION") }
    }
}
