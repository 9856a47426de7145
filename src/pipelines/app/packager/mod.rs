//! Agent 12: describes the app and wraps it up. The same files give the same bytes: no clock, no chance, no machine.

mod archive;
mod provenance;
mod readme;
mod traceability;

use crate::pipelines::app::bundle;
use crate::pipelines::app::spec::{Brief, Requirements};
use crate::pipelines::app::verifier::report::Report;
use crate::pipelines::{AgentError, AgentHost, AgentInputs, AgentOutput, FileSet, OutputFile};

/// Files of an earlier attempt; a new one takes their place.
const OWN_FILES: [&str; 5] =
    ["README.md", "TRACEABILITY.md", "standalone.html", "provenance.json", "app.zip"];

/// What the pages about the app are written from.
struct Facts<'a> {
    /// The brief as the maker wrote it.
    words: &'a str,
    files: &'a FileSet,
    brief: Brief,
    requirements: Requirements,
    report: Report,
}

/// Joins the files of an app into one page.
pub type Bundle<'a> = &'a dyn Fn(&FileSet) -> Result<String, AgentError>;

/// The agent.
///
/// # Errors
/// See [`package`].
pub fn run(inputs: &AgentInputs, host: &dyn AgentHost) -> Result<AgentOutput, AgentError> {
    package(inputs, host, &bundle::standalone)
}

/// The agent, with the bundler handed in.
///
/// # Errors
/// When an earlier agent left something out, or the bundler cannot join the modules.
pub fn package(
    inputs: &AgentInputs,
    host: &dyn AgentHost,
    bundle: Bundle<'_>,
) -> Result<AgentOutput, AgentError> {
    let mut files = FileSet::default();
    for (path, bytes) in inputs.files.iter().filter(|(path, _)| !OWN_FILES.contains(path)) {
        files.insert(path, bytes.clone());
    }
    let facts = Facts {
        words: &inputs.brief,
        files: &files,
        brief: Brief::read(&files)?,
        requirements: Requirements::read(&files)?,
        report: Report::read(&files)?,
    };
    host.progress(10.0, "describing the app");
    let mut made = vec![
        OutputFile::text("README.md", readme::write(&facts)),
        OutputFile::text("TRACEABILITY.md", traceability::write(&facts)),
    ];
    host.check()?;
    host.progress(40.0, "joining the modules into one page");
    made.push(OutputFile::text("standalone.html", bundle(&files)?));
    let slug = facts.brief.slug.clone();
    for file in &made {
        files.insert(file.path.clone(), file.bytes.clone());
    }
    host.check()?;
    let provenance = provenance::write(inputs, &files)?;
    files.insert("provenance.json", provenance.clone().into_bytes());
    made.push(OutputFile::text("provenance.json", provenance));
    host.progress(70.0, "packing");
    let zip = archive::zip(&slug, &files, host)?;
    let summary = format!("{} files, {} as a zip", files.iter().count(), size(zip.len()));
    made.push(OutputFile { path: "app.zip".to_owned(), bytes: zip });
    host.progress(100.0, "packed");
    Ok(AgentOutput { files: made, summary })
}

/// `12.3 KB`.
fn size(bytes: usize) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{}.{} KB", bytes / 1_000, bytes % 1_000 / 100),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}

/// Words of the brief inside Markdown: one line, and nothing in it means anything to Markdown or HTML.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !plain.is_empty() {
            plain.push(' ');
        }
        for c in word.chars() {
            match c {
                '<' => plain.push_str("&lt;"),
                '>' => plain.push_str("&gt;"),
                '&' => plain.push_str("&amp;"),
                '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '~' => {
                    plain.push('\\');
                    plain.push(c);
                }
                c if c.is_control() => {}
                c => plain.push(c),
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_brief_stay_words() {
        let cases = [
            ("a | b", "a \\| b"),
            ("<script>x</script>\n\n# y", "&lt;script&gt;x&lt;/script&gt; \\# y"),
            ("  [a](b) `c` *d* _e_ ", "\\[a\\](b) \\`c\\` \\*d\\* \\_e\\_"),
            ("a\u{0}\u{1b}[31m", "a\\[31m"),
        ];
        for (text, expected) in cases {
            assert_eq!(plain(text), expected);
        }
    }

    #[test]
    fn sizes_are_short() {
        let cases = [(0, "0 bytes"), (999, "999 bytes"), (1_234, "1.2 KB"), (5_670_000, "5.6 MB")];
        for (bytes, expected) in cases {
            assert_eq!(size(bytes), expected);
        }
    }
}
