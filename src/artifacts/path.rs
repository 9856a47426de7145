//! Relative paths of files, checked once and safe from then on.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Bytes of a path; what file systems and archives take everywhere.
pub const PATH_BYTES_MAX: usize = 1024;
/// Bytes of one segment; what file systems take as a name.
const SEGMENT_BYTES_MAX: usize = 255;

/// A relative path with `/` that stays below its root on every system. It is not percent-decoded here: `%2e%2e` is a
/// plain name. Whoever takes a path from a URL decodes it once and then parses it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ArtifactPath(String);

/// Why a text is no path of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPath {
    /// Nothing.
    #[error("is empty")]
    Empty,
    /// Too long.
    #[error("is too long, or one of its names is")]
    TooLong,
    /// `/etc/passwd`, `C:\`, `c:file`.
    #[error("is absolute or names a drive")]
    Absolute,
    /// `.` or `..`.
    #[error("contains `.` or `..`")]
    Dots,
    /// `a//b`, `a/`.
    #[error("contains an empty name")]
    EmptySegment,
    /// A backslash, NUL, or another control character.
    #[error("contains a backslash or a control character")]
    BadCharacter,
}

impl ArtifactPath {
    /// Checks a path.
    ///
    /// # Errors
    /// When it may leave its root or cannot be a file's path on every system.
    pub fn parse(text: &str) -> Result<Self, BadPath> {
        if text.is_empty() {
            return Err(BadPath::Empty);
        }
        if text.len() > PATH_BYTES_MAX {
            return Err(BadPath::TooLong);
        }
        if text.starts_with('/') || names_a_drive(text) {
            return Err(BadPath::Absolute);
        }
        if text.chars().any(|c| c == '\\' || c.is_control() || is_invisible(c)) {
            return Err(BadPath::BadCharacter);
        }
        for segment in text.split('/') {
            match segment {
                "" => return Err(BadPath::EmptySegment),
                "." | ".." => return Err(BadPath::Dots),
                _ if segment.len() > SEGMENT_BYTES_MAX => return Err(BadPath::TooLong),
                _ => {}
            }
        }
        Ok(Self(text.to_owned()))
    }

    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its media type, by its ending.
    pub fn media_type(&self) -> String {
        media_type(&self.0)
    }
}

/// `c:` in front has a meaning of its own on some systems, whatever follows.
fn names_a_drive(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 2 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':'
}

/// Line separators and marks that turn the direction of text: they make a path look like another one.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// The media type of a file, by the ending of its path; unknown ones are plain bytes.
pub fn media_type(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    let guessed = match ending.as_deref() {
        // RFC 9239; older tables have other names for it.
        Some("js" | "mjs" | "cjs") => "text/javascript",
        Some("ts" | "tsx" | "jsx") => "text/plain",
        Some("md") => "text/markdown",
        Some("toml") => "application/toml",
        Some("map") => "application/json",
        None if matches!(name, "LICENSE" | "README" | "Makefile" | "Dockerfile") => "text/plain",
        _ => mime_guess::from_path(name).first_raw().unwrap_or("application/octet-stream"),
    };
    let is_text = guessed.starts_with("text/")
        || matches!(guessed, "application/toml" | "application/xml" | "image/svg+xml");
    if is_text { format!("{guessed}; charset=utf-8") } else { guessed.to_owned() }
}

impl fmt::Display for ArtifactPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for ArtifactPath {
    type Err = BadPath;

    fn from_str(text: &str) -> Result<Self, BadPath> {
        Self::parse(text)
    }
}

impl TryFrom<String> for ArtifactPath {
    type Error = BadPath;

    fn try_from(text: String) -> Result<Self, BadPath> {
        Self::parse(&text)
    }
}

impl From<ArtifactPath> for String {
    fn from(path: ArtifactPath) -> String {
        path.0
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Component, Path};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn takes_what_a_project_may_contain() {
        for good in [
            "index.html",
            "src/core/store.js",
            "a b/c.txt",
            "docs/überblick.md",
            "..a/b..",
            "...",
            ".gitignore",
            "%2e%2e/%2fetc",
            "日本/語.txt",
            "ab:c/d",
        ] {
            assert_eq!(ArtifactPath::parse(good).map(String::from), Ok(good.to_owned()), "{good}");
        }
    }

    #[test]
    fn refuses_what_leaves_its_root_or_deceives() {
        let long_name = format!("a/{}", "n".repeat(256));
        let long_path = "d/".repeat(512) + "f";
        for (bad, why) in [
            ("", BadPath::Empty),
            ("/", BadPath::Absolute),
            ("/etc/passwd", BadPath::Absolute),
            ("//server/share", BadPath::Absolute),
            ("C:/windows", BadPath::Absolute),
            ("c:file", BadPath::Absolute),
            ("c:", BadPath::Absolute),
            ("..", BadPath::Dots),
            (".", BadPath::Dots),
            ("../x", BadPath::Dots),
            ("a/../../x", BadPath::Dots),
            ("a/./b", BadPath::Dots),
            ("a/..", BadPath::Dots),
            ("a//b", BadPath::EmptySegment),
            ("a/", BadPath::EmptySegment),
            ("a\\b", BadPath::BadCharacter),
            ("..\\..\\x", BadPath::BadCharacter),
            ("a\0.txt", BadPath::BadCharacter),
            ("a\nb", BadPath::BadCharacter),
            ("a\u{7f}b", BadPath::BadCharacter),
            ("a\u{85}b", BadPath::BadCharacter),
            ("gpj.\u{202e}exe", BadPath::BadCharacter),
            (&long_name, BadPath::TooLong),
            (&long_path, BadPath::TooLong),
        ] {
            assert_eq!(ArtifactPath::parse(bad), Err(why), "{bad:?}");
        }
    }

    #[test]
    fn knows_media_types() {
        for (path, expected) in [
            ("src/a.js", "text/javascript; charset=utf-8"),
            ("a.MJS", "text/javascript; charset=utf-8"),
            ("index.html", "text/html; charset=utf-8"),
            ("style.css", "text/css; charset=utf-8"),
            ("README.md", "text/markdown; charset=utf-8"),
            ("package.json", "application/json"),
            ("logo.svg", "image/svg+xml; charset=utf-8"),
            ("a.png", "image/png"),
            ("a.zip", "application/zip"),
            ("LICENSE", "text/plain; charset=utf-8"),
            ("data", "application/octet-stream"),
            ("dir.js/data", "application/octet-stream"),
        ] {
            assert_eq!(media_type(path), expected, "{path}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_taken_stays_below_its_root(text in r"[a-c./\\: \x00-\x1f]{0,12}|\PC{0,20}") {
            if let Ok(path) = ArtifactPath::parse(&text) {
                prop_assert!(Path::new(path.as_str()).components().all(|part| matches!(part, Component::Normal(_))));
            }
        }
    }
}
