//! Images of the pages whose addresses the operator has configured.

use std::collections::BTreeSet;
use std::time::Duration;

use http_client::header::CONTENT_TYPE;
use http_client::redirect::Policy;
use http_client::{Client, Url};

use crate::domain::run::RunInput;
use crate::service::Service;
use crate::service::error::ServiceError;

/// How long one answer may take.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Bytes of a page that are looked at.
const PAGE_BYTES_MAX: usize = 4 << 20;
/// Characters of a name made of an address.
const NAME_CHARS_MAX: usize = 120;

impl Service {
    /// Fetches what the configured pages show. Images of other hosts than those of the configured pages are left out: a
    /// page must not make this server ask its neighbours.
    pub(super) async fn inputs_of_pages(&self) -> Result<Vec<RunInput>, ServiceError> {
        let wrong = |message: String| ServiceError::invalid("params.pages", message);
        let pages: Vec<Url> =
            self.config().caption.pages.iter().filter_map(|page| Url::parse(page).ok()).collect();
        if pages.is_empty() {
            return Err(wrong("cannot be used: no pages are configured (caption.pages)".to_owned()));
        }
        let hosts: BTreeSet<(Option<&str>, Option<u16>)> =
            pages.iter().map(|page| (page.host_str(), page.port_or_known_default())).collect();
        // A redirect could lead to a host that nobody configured.
        let client = Client::builder()
            .timeout(TIMEOUT)
            .redirect(Policy::none())
            .build()
            .map_err(|error| ServiceError::Internal(error.to_string()))?;
        let mut seen = BTreeSet::new();
        let mut inputs = Vec::new();
        let limits = &self.config().limits;
        for page in &pages {
            let (_, html) = fetch(&client, page, PAGE_BYTES_MAX)
                .await
                .map_err(|why| wrong(format!("the page {page} cannot be had: {why}")))?;
            for address in images(&String::from_utf8_lossy(&html)) {
                let Ok(address) = page.join(&address) else { continue };
                let known = hosts.contains(&(address.host_str(), address.port_or_known_default()));
                if !known || !seen.insert(address.clone()) || inputs.len() >= limits.inputs_max {
                    continue;
                }
                let problem = |why: String| (String::new(), 0, Some(why));
                let (sha256, size, problem) = match fetch(&client, &address, limits.input_bytes_max).await {
                    Ok((kind, _)) if kind.starts_with("image/svg") => {
                        problem("SVG is not decoded".to_owned())
                    }
                    Ok((_, bytes)) => {
                        let artifacts = self.ground().artifacts.clone();
                        let blob = super::blocking(move || Ok(artifacts.blobs().put(&bytes)?)).await?;
                        (blob.sha256, blob.size, None)
                    }
                    Err(why) => problem(why),
                };
                inputs.push(RunInput { name: name_of(&address), sha256, size, problem });
            }
        }
        if inputs.is_empty() {
            return Err(wrong("the configured pages show no images of their own hosts".to_owned()));
        }
        Ok(inputs)
    }
}

async fn fetch(client: &Client, address: &Url, bytes_max: usize) -> Result<(String, Vec<u8>), String> {
    let without_address = |error: http_client::Error| error.without_url().to_string();
    let mut response = client.get(address.clone()).send().await.map_err(without_address)?;
    if !response.status().is_success() {
        return Err(format!("it was answered with {}", response.status().as_u16()));
    }
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let (kind, mut bytes) = (kind.to_ascii_lowercase(), Vec::new());
    while let Some(chunk) = response.chunk().await.map_err(without_address)? {
        if bytes.len() + chunk.len() > bytes_max {
            return Err(format!("it has more than {bytes_max} bytes"));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok((kind, bytes))
}

/// The `src` of every `img` of a page, in its order.
fn images(html: &str) -> Vec<String> {
    let lower = html.to_ascii_lowercase();
    let mut found = Vec::new();
    for (at, _) in lower.match_indices("<img") {
        let Some(length) = lower[at..].find('>') else { break };
        let (tag, tag_lower) = (&html[at..at + length], &lower[at..at + length]);
        let Some(start) = [" src=", "\nsrc=", "\tsrc="].iter().find_map(|name| tag_lower.find(name)) else {
            continue;
        };
        let value = &tag[start + 5..];
        let address = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => value[1..].split(quote).next(),
            _ => value.split([' ', '\n', '\t']).next(),
        };
        let address = address.unwrap_or_default().trim().replace("&amp;", "&");
        if !address.is_empty() && !address.starts_with("data:") {
            found.push(address);
        }
    }
    found
}

/// A plain name for the file at an address.
fn name_of(address: &Url) -> String {
    let last = address.path_segments().and_then(|mut parts| parts.next_back()).unwrap_or_default();
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '-' };
    let name: String = last.chars().map(plain).take(NAME_CHARS_MAX).collect();
    let name = name.trim_matches(['.', '-']).to_owned();
    if name.is_empty() { "image".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_of_a_page() {
        let page = "<IMG SRC='a.png'><img alt=\"x\" src=\"/b c.jpg?x=1&amp;y=2\" data-src=no><img\nsrc=c.gif >\
                    <img srcset=none><img src=\"data:image/png;base64,AA\"><imgx>";
        assert_eq!(images(page), ["a.png", "/b c.jpg?x=1&y=2", "c.gif"]);
        assert_eq!(images("<img src="), Vec::<String>::new());
        let name = |address: &str| name_of(&Url::parse(address).unwrap());
        assert_eq!(name("https://example.org/a/b%20c.jpg?x=1"), "b-20c.jpg");
        assert_eq!(name("https://example.org/"), "image");
        assert_eq!(name("https://example.org/.."), "image");
    }
}
