//! Joins the files of an app into one HTML file that works from a double click.
//!
//! Modules cannot be loaded from a disk or into a frame without an origin, so each becomes a function that returns its
//! exports, in the order in which they need each other. The content security policy names the hash of the one script and
//! of the one style sheet.

mod graph;
mod mask;
mod module;

use regex::Regex;
use sha2::{Digest, Sha256};

use crate::pipelines::{AgentError, FileSet};

const PAGE: &str = "index.html";

/// The app as one HTML file.
///
/// # Errors
/// When a file is missing, an import leads nowhere or in a circle, or a module does something that cannot be joined
/// (default or re-exports, dynamic imports); names file and line.
pub fn standalone(files: &FileSet) -> Result<String, AgentError> {
    let html = files.text(PAGE)?;
    let tags = Tags::new();
    let entry = tags
        .script
        .captures(html)
        .ok_or_else(|| failed(PAGE, 1, "the page has no <script type=\"module\" src=\"…\">"))?;
    let script = graph::join(files, &entry[1])?.replace("</script", "<\\/script").replace("<!--", "<\\!--");
    let script = format!("\n{script}");
    let style = styles(files, html, &tags)?;

    let mut page = String::with_capacity(html.len() + script.len() + style.len());
    let mut styled = false;
    for line in html.lines() {
        if tags.style.is_match(line) {
            // All sheets stand where the first one stood.
            if !styled {
                page.push_str(&format!("  <style>{style}</style>\n"));
                styled = true;
            }
        } else if let Some(found) = tags.script.find(line) {
            page.push_str(&line[..found.start()]);
            page.push_str("<script type=\"module\">");
            page.push_str(&script);
            page.push_str("</script>");
            page.push_str(&line[found.end()..]);
            page.push('\n');
        } else {
            let line = with_data(files, html, line, &tags)?;
            page.push_str(&tags.policy.replace(&line, |found: &regex::Captures| {
                format!("{}{}\"", &found[1], policy(&script, &style))
            }));
            page.push('\n');
        }
    }
    Ok(page)
}

struct Tags {
    script: Regex,
    style: Regex,
    image: Regex,
    policy: Regex,
}

impl Tags {
    fn new() -> Self {
        let regex = |pattern: &str| Regex::new(pattern).expect("the pattern is a constant");
        Self {
            script: regex(r#"<script type="module" src="([^"]+)"></script>"#),
            style: regex(r#"<link rel="stylesheet" href="([^"]+)">"#),
            image: regex(r#"(href|src)="([^":#]+\.svg)""#),
            policy: regex(r#"(http-equiv="Content-Security-Policy" content=")[^"]*""#),
        }
    }
}

/// All style sheets of the page, in their order.
fn styles(files: &FileSet, html: &str, tags: &Tags) -> Result<String, AgentError> {
    let mut joined = String::from("\n");
    for found in tags.style.captures_iter(html) {
        let sheet = files.text(&found[1]).map_err(|_| missing(html, &found[1]))?;
        joined.push_str(&sheet.replace("</style", "<\\/style"));
        if !joined.ends_with('\n') {
            joined.push('\n');
        }
    }
    Ok(joined)
}

/// The line with its pictures written into it.
fn with_data(files: &FileSet, html: &str, line: &str, tags: &Tags) -> Result<String, AgentError> {
    let mut result = String::new();
    let mut end = 0;
    for found in tags.image.captures_iter(line) {
        let whole = found.get(0).expect("group 0 is the match");
        let svg = files.text(&found[2]).map_err(|_| missing(html, &found[2]))?;
        result.push_str(&line[end..whole.start()]);
        result.push_str(&format!("{}=\"data:image/svg+xml,{}\"", &found[1], percent_encoded(svg)));
        end = whole.end();
    }
    result.push_str(&line[end..]);
    Ok(result)
}

fn missing(html: &str, path: &str) -> AgentError {
    let line = html.lines().position(|line| line.contains(path)).unwrap_or(0) + 1;
    failed(PAGE, line, &format!("the page asks for {path}, which is not there"))
}

fn failed(file: &str, line: usize, message: &str) -> AgentError {
    AgentError::Failed {
        message: message.to_owned(),
        file: Some(file.to_owned()),
        line: u32::try_from(line).ok(),
    }
}

fn policy(script: &str, style: &str) -> String {
    let hash = |text: &str| format!("'sha256-{}'", base64(&Sha256::digest(text.as_bytes())));
    format!(
        "default-src 'none'; script-src {}; style-src {}; img-src data:; base-uri 'none'; form-action 'none'",
        hash(script),
        hash(style)
    )
}

fn percent_encoded(text: &str) -> String {
    const KEPT: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'/')
        .remove(b':')
        .remove(b'=')
        .remove(b' ');
    let compact = text.split_whitespace().collect::<Vec<_>>().join(" ");
    percent_encoding::utf8_percent_encode(&compact, KEPT).to_string()
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut encoded = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            if place <= chunk.len() {
                let letter = (bits >> (18 - 6 * place)) & 63;
                encoded.push(char::from(LETTERS[letter as usize]));
            } else {
                encoded.push('=');
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests;
