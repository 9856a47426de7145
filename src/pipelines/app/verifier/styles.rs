//! Looks at CSS: every custom property that is used is defined, braces match, nothing comes from outside.

use std::collections::BTreeSet;

use super::lint::is_external;
use super::report::Problem;

/// The custom properties that a source (CSS, HTML or a script that sets them) defines.
pub(super) fn defined(source: &str) -> BTreeSet<String> {
    names(source)
        .filter(|(end, name)| {
            let after = source[*end..].trim_start_matches(['\'', '"']).trim_start();
            // `--x: 1` in a sheet, `setProperty('--x', 1)` in a script.
            after.starts_with(':')
                || (after.starts_with(',') && source[*end..].starts_with(['\'', '"'])) && !name.is_empty()
        })
        .map(|(_, name)| name.to_owned())
        .collect()
}

/// Findings in one style sheet; `known` are the properties that any file defines.
pub(super) fn check(file: &str, source: &str, known: &BTreeSet<String>) -> Vec<Problem> {
    let source = &without_comments(source);
    let line_of = |at: usize| u32::try_from(source[..at].matches('\n').count() + 1).ok();
    let mut problems = Vec::new();
    for (end, name) in names(source) {
        let start = end - name.len();
        let used = source[..start].trim_end().ends_with("var(");
        let has_fallback = source[end..].trim_start().starts_with(',');
        if used && !has_fallback && !known.contains(name) {
            problems.push(Problem::new("css-property", file, line_of(start), name));
        }
    }
    let mut open = Vec::new();
    for (at, next) in source.char_indices() {
        match next {
            '{' => open.push(at),
            '}' if open.pop().is_none() => {
                problems.push(Problem::new("css", file, line_of(at), "this brace closes nothing"));
            }
            _ => {}
        }
    }
    if let Some(at) = open.first() {
        problems.push(Problem::new("css", file, line_of(*at), "this brace is never closed"));
    }
    for (at, _) in source.match_indices("url(").chain(source.match_indices("@import")) {
        let address = source[at..].trim_start_matches("url(").trim_start_matches("@import").trim_start();
        if is_external(address.trim_start_matches("url(").trim_start_matches(['\'', '"'])) {
            problems.push(Problem::new("security", file, line_of(at), "this is loaded from outside"));
        }
    }
    problems
}

/// A value for a property that is used and not defined: a colour of the system by what the name says.
pub(super) fn stand_in(name: &str) -> Option<&'static str> {
    let says = |words: &[&str]| name.trim_start_matches('-').split('-').any(|part| words.contains(&part));
    let choices: [(&[&str], &str); 5] = [
        (&["background", "bg", "surface", "card", "page", "canvas"], "Canvas"),
        (&["text", "ink", "foreground", "fg", "muted"], "CanvasText"),
        (&["border", "line", "outline", "rule"], "GrayText"),
        (&["accent", "primary", "link", "focus", "brand"], "LinkText"),
        (&["space", "gap", "size", "radius", "pad", "padding", "margin", "width", "height"], "1rem"),
    ];
    choices.iter().find(|(words, _)| says(words)).map(|(_, value)| *value)
}

/// Every `--name` with the place where it ends.
fn names(source: &str) -> impl Iterator<Item = (usize, &str)> {
    source.match_indices("--").filter_map(move |(start, _)| {
        let inside = source[..start].ends_with(|c: char| c == '-' || c.is_alphanumeric() || c == '_');
        let rest = &source[start..];
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '-' || c == '_')).unwrap_or(rest.len());
        (!inside && end > 2).then(|| (start + end, &rest[..end]))
    })
}

/// Comments become spaces; places and lines stay.
fn without_comments(source: &str) -> String {
    let mut clean = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(start) = rest.find("/*") {
        clean.push_str(&rest[..start]);
        let end = rest[start + 2..].find("*/").map_or(rest.len(), |end| start + end + 4);
        clean.extend(rest[start..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        rest = &rest[end..];
    }
    clean.push_str(rest);
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_that_nobody_defines_are_found() {
        let sheet = ":root { --ink: #000; }\n/* var(--no) */\na { color: var(--ink); margin: var(--gap); top: var(--x, 1px); }";
        let known = defined(sheet);
        assert_eq!(known.iter().collect::<Vec<_>>(), ["--ink"]);
        let found = check("app.css", sheet, &known);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].message.as_str(), found[0].line), ("--gap", Some(3)));
        assert!(defined("box.style.setProperty('--gap', x); var(--a, --b)").contains("--gap"));
        assert!(!defined("a { color: var(--a, red) }").contains("--a"));
    }

    #[test]
    fn broken_and_foreign_sheets_are_found() {
        for sheet in [
            "a { }\n}",
            "a {\n b { }",
            "a { background: url(//x.org/a.png) }",
            "@import 'https://x.org/a.css';",
        ] {
            assert_eq!(check("a.css", sheet, &BTreeSet::new()).len(), 1, "{sheet}");
        }
        assert_eq!(check("a.css", "a { background: url(data:image/png;base64,x) }", &BTreeSet::new()), []);
    }

    #[test]
    fn stand_ins_follow_the_name() {
        let cases = [
            ("--surface-2", Some("Canvas")),
            ("--text", Some("CanvasText")),
            ("--gap-s", Some("1rem")),
            ("--zap", None),
        ];
        for (name, expected) in cases {
            assert_eq!(stand_in(name), expected, "{name}");
        }
    }
}
