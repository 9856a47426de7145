//! Fetches the key set of signed tokens: at the start, every few minutes, and when a token names a key that is not known.

use std::time::Duration;

use anyhow::Context;

use crate::auth::Auth;

/// How long a key set is taken for fresh.
const FRESH_FOR: Duration = Duration::from_secs(300);
/// Never more often than this, whatever tokens come.
const REST: Duration = Duration::from_secs(2);
/// How long an answer may take.
const WITHIN: Duration = Duration::from_secs(10);
/// Bytes of a key set.
const BYTES_MAX: usize = 256 * 1024;

/// Fetches until the server ends. A set that cannot be fetched or holds no key leaves the one before in place.
pub(super) async fn keep(auth: Auth) {
    let Some(address) = auth.keys_address().map(str::to_owned) else { return };
    loop {
        match fetch(&address).await.and_then(|text| Ok(auth.take_keys(&text)?)) {
            Ok(count) => log::debug!("{count} keys of signed tokens were fetched"),
            Err(error) => log::warn!("the keys of signed tokens could not be fetched: {error:#}"),
        }
        tokio::time::sleep(REST).await;
        // A timeout is the usual way on.
        let _ = tokio::time::timeout(FRESH_FOR, auth.keys_wanted()).await;
    }
}

async fn fetch(address: &str) -> anyhow::Result<String> {
    let no_redirect = http_client::redirect::Policy::none();
    let client = http_client::Client::builder().timeout(WITHIN).redirect(no_redirect).build()?;
    let mut answer = client.get(address).send().await?.error_for_status()?;
    anyhow::ensure!(answer.status().is_success(), "the answer was {}", answer.status());
    let mut bytes = Vec::new();
    while let Some(piece) = answer.chunk().await? {
        anyhow::ensure!(
            bytes.len() + piece.len() <= BYTES_MAX,
            "the key set has more than {BYTES_MAX} bytes"
        );
        bytes.extend_from_slice(&piece);
    }
    String::from_utf8(bytes).context("the key set is not text")
}
