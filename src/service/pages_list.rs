//! Images of the pages whose addresses the operator has configured.

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use http_client::header::CONTENT_TYPE;
use http_client::redirect::Policy;
use http_client::{Client, Url};
use tokio::time::Instant;

use crate::artifacts::Artifacts;
use crate::domain::run::RunInput;
use crate::service::Service;
use crate::service::error::ServiceError;

/// How long one answer may take.
const EACH_MAX: Duration = Duration::from_secs(20);
/// How long all pages and their images may take together.
const ALL_MAX: Duration = Duration::from_secs(120);
/// Images that are fetched side by side.
const AT_ONCE: usize = 4;
/// Bytes of a page that are looked at.
const PAGE_BYTES_MAX: usize = 4 << 20;
/// Characters of a name made of an address.
const NAME_CHARS_MAX: usize = 120;
/// Pages that are named when none can be had.
const NAMED_MAX: usize = 3;

/// What gathering may take.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    each: Duration,
    all: Duration,
    image_bytes_max: usize,
    images_max: usize,
}

/// Why something was not had.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Refused {
    why: String,
    timed_out: bool,
}

impl Refused {
    fn new(why: impl Into<String>) -> Self {
        Self { why: why.into(), timed_out: false }
    }
}

impl Service {
    /// Fetches what the configured pages show.
    pub(super) async fn inputs_of_pages(&self) -> Result<Vec<RunInput>, ServiceError> {
        let limits = &self.config().limits;
        let (image_bytes_max, images_max) = (limits.input_bytes_max, limits.inputs_max);
        let bounds = Bounds { each: EACH_MAX, all: ALL_MAX, image_bytes_max, images_max };
        gather(&self.config().caption.pages, bounds, &self.ground().artifacts).await
    }
}

/// Fetches what pages show. Images of other hosts than those of the pages are left out: a page must not make this server
/// ask its neighbours. A page or an image that cannot be had is an input with that problem; when no page can be had, that is
/// the fault of whoever serves them and said to be.
async fn gather(
    pages: &[String],
    bounds: Bounds,
    artifacts: &Artifacts,
) -> Result<Vec<RunInput>, ServiceError> {
    let wrong = |message: String| ServiceError::invalid("params.pages", message);
    if pages.is_empty() {
        return Err(wrong("cannot be used: no pages are configured (caption.pages)".to_owned()));
    }
    // A redirect could lead to a host that nobody configured.
    let client = Client::builder()
        .timeout(bounds.each)
        .redirect(Policy::none())
        .build()
        .map_err(|error| ServiceError::Internal(error.to_string()))?;
    let until = Instant::now() + bounds.all;
    let parsed: Vec<Result<Url, &String>> =
        pages.iter().map(|page| Url::parse(page).map_err(|_| page)).collect();
    let hosts: BTreeSet<_> =
        parsed.iter().flatten().map(|page| (page.host_str(), page.port_or_known_default())).collect();
    let (mut addresses, mut seen, mut failed) = (Vec::new(), BTreeSet::new(), Vec::new());
    for page in &parsed {
        let page = match page {
            Ok(page) => page,
            Err(_) => {
                let what = "a page of caption.pages".to_owned();
                failed.push((what, Refused::new("its address cannot be read")));
                continue;
            }
        };
        match in_time(until, bounds.all, fetch(&client, page, PAGE_BYTES_MAX)).await {
            Ok((_, html)) => {
                let found = images(&String::from_utf8_lossy(&html));
                let found = found
                    .iter()
                    .filter_map(|address| page.join(address).ok())
                    .filter(|address| hosts.contains(&(address.host_str(), address.port_or_known_default())));
                addresses.extend(found.filter(|address| seen.insert(address.clone())));
            }
            Err(refused) => failed.push((shown(page), refused)),
        }
        if addresses.len() > bounds.images_max {
            let (count, max) = (addresses.len(), bounds.images_max);
            let message = format!("show {count} images and perhaps more; a run is given at most {max}");
            return Err(wrong(message));
        }
    }
    if failed.len() == pages.len() {
        return Err(none_of(&failed));
    }
    if addresses.is_empty() && failed.is_empty() {
        return Err(wrong("show no images of their own hosts".to_owned()));
    }
    let had = stream::iter(addresses).map(|address| {
        let client = &client;
        async move {
            let fetched = fetch(client, &address, bounds.image_bytes_max);
            let fetched = in_time(until, bounds.all, fetched).await;
            image(name_of(&address), fetched, artifacts).await
        }
    });
    let mut inputs = Vec::new();
    let mut had = std::pin::pin!(had.buffered(AT_ONCE));
    while let Some(input) = had.next().await {
        inputs.push(input?);
    }
    inputs.extend(failed.into_iter().map(|(page, refused)| RunInput {
        name: plain(&format!("page-{}", page.split_once("://").map_or(&*page, |(_, rest)| rest)), "page"),
        sha256: String::new(),
        size: 0,
        problem: Some(format!("the page {page} cannot be had: {}", refused.why)),
    }));
    Ok(inputs)
}

/// No page can be had.
fn none_of(failed: &[(String, Refused)]) -> ServiceError {
    let said: Vec<String> =
        failed.iter().take(NAMED_MAX).map(|(page, refused)| format!("{page}: {}", refused.why)).collect();
    let message = format!("no configured page can be had: {}", said.join("; "));
    match failed.iter().any(|(_, refused)| refused.timed_out) {
        true => ServiceError::RemoteTimeout(message),
        false => ServiceError::Remote(message),
    }
}

/// What was fetched, as an input of a run.
async fn image(
    name: String,
    fetched: Result<(String, Vec<u8>), Refused>,
    artifacts: &Artifacts,
) -> Result<RunInput, ServiceError> {
    let problem = match fetched {
        Ok((kind, _)) if kind.starts_with("image/svg") => "SVG is not decoded".to_owned(),
        Ok((_, bytes)) => {
            let artifacts = artifacts.clone();
            let blob = super::blocking(move || Ok(artifacts.blobs().put(&bytes)?)).await?;
            return Ok(RunInput { name, sha256: blob.sha256, size: blob.size, problem: None });
        }
        Err(refused) => refused.why,
    };
    Ok(RunInput { name, sha256: String::new(), size: 0, problem: Some(problem) })
}

/// The answer, unless the time for all of them is up before.
async fn in_time<T>(
    until: Instant,
    all: Duration,
    answer: impl Future<Output = Result<T, Refused>>,
) -> Result<T, Refused> {
    tokio::time::timeout_at(until, answer).await.unwrap_or_else(|_| {
        let why = format!("the time for all pages together, {} s, was up", all.as_secs());
        Err(Refused { why, timed_out: true })
    })
}

async fn fetch(client: &Client, address: &Url, bytes_max: usize) -> Result<(String, Vec<u8>), Refused> {
    let refused = |error: http_client::Error| {
        let timed_out = error.is_timeout();
        let why = if timed_out {
            "it was not answered in time".to_owned()
        } else {
            error.without_url().to_string()
        };
        Refused { why, timed_out }
    };
    let mut response = client.get(address.clone()).send().await.map_err(refused)?;
    if !response.status().is_success() {
        return Err(Refused::new(format!("it was answered with {}", response.status().as_u16())));
    }
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let (kind, mut bytes) = (kind.to_ascii_lowercase(), Vec::new());
    while let Some(chunk) = response.chunk().await.map_err(refused)? {
        if bytes.len() + chunk.len() > bytes_max {
            return Err(Refused::new(format!("it has more than {bytes_max} bytes")));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok((kind, bytes))
}

/// The `src` of every `img` of a page, in its order. A tag ends at the next bracket, so that each byte belongs to one tag
/// and a page is read once; what stands behind a bracket within an attribute is not seen.
fn images(html: &str) -> Vec<String> {
    let mut found = Vec::new();
    for tag in html.split('<').skip(1) {
        let tag = tag.split('>').next().unwrap_or_default();
        let (Some(name), Some(attributes)) = (tag.get(..3), tag.get(3..)) else { continue };
        if !name.eq_ignore_ascii_case("img") || !attributes.starts_with([' ', '\t', '\n', '\r', '\x0C', '/'])
        {
            continue;
        }
        let address = source(attributes).unwrap_or_default().trim().replace("&amp;", "&");
        if !address.is_empty() && !address.to_ascii_lowercase().starts_with("data:") {
            found.push(address);
        }
    }
    found
}

/// The value of `src` among attributes.
fn source(attributes: &str) -> Option<&str> {
    let mut rest = attributes;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        let end = rest.find(|c: char| c.is_ascii_whitespace() || c == '=' || c == '/').unwrap_or(rest.len());
        let (name, behind) = rest.split_at(end);
        let Some(value) = behind.trim_ascii_start().strip_prefix('=') else {
            if behind.is_empty() {
                return None;
            }
            rest = behind;
            continue;
        };
        let value = value.trim_ascii_start();
        let (value, behind) = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => value[1..].split_once(quote).unwrap_or((&value[1..], "")),
            _ => value.split_at(value.find(|c: char| c.is_ascii_whitespace()).unwrap_or(value.len())),
        };
        if name.eq_ignore_ascii_case("src") {
            return Some(value);
        }
        if behind.is_empty() {
            return None;
        }
        rest = behind;
    }
}

/// An address as it may be told: without what somebody signs in with, and without its query.
fn shown(address: &Url) -> String {
    let mut shown = address.clone();
    // Neither can fail for an address with a host, and another has no such parts.
    let _ = (shown.set_username(""), shown.set_password(None));
    shown.set_query(None);
    shown.set_fragment(None);
    shown.to_string()
}

/// A plain name for the file at an address.
fn name_of(address: &Url) -> String {
    plain(address.path_segments().and_then(|mut parts| parts.next_back()).unwrap_or_default(), "image")
}

fn plain(text: &str, otherwise: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '-' };
    let name: String = text.chars().map(plain).take(NAME_CHARS_MAX).collect();
    let name = name.trim_matches(['.', '-']).to_owned();
    if name.is_empty() { otherwise.to_owned() } else { name }
}

#[cfg(test)]
#[path = "pages_list_tests.rs"]
mod tests;
