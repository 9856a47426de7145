//! Where an error happened: reads the stack texts of the engine.

use std::collections::BTreeMap;

/// The first frame of a stack that lies in one of the files.
pub(super) fn first_frame(stack: &str, files: &BTreeMap<String, String>) -> Option<(String, u32)> {
    stack.lines().filter_map(frame).find(|(file, _)| files.contains_key(file.as_str()))
}

/// Reads `    at name (file:line:column)` and `    at file:line:column`.
fn frame(line: &str) -> Option<(String, u32)> {
    let place = line.trim().strip_prefix("at ")?;
    let place = match place.rfind('(') {
        Some(open) => place[open + 1..].strip_suffix(')')?,
        None => place,
    };
    let (rest, column) = place.rsplit_once(':')?;
    column.parse::<u32>().ok()?;
    let (file, line) = rest.rsplit_once(':')?;
    Some((file.to_owned(), line.parse().ok()?))
}

/// The line on which the source names this module, from 1.
pub(super) fn line_of_import(source: &str, specifier: &str) -> Option<u32> {
    let quoted = [format!("'{specifier}'"), format!("\"{specifier}\"")];
    let at = source.lines().position(|line| quoted.iter().any(|quoted| line.contains(quoted.as_str())))?;
    u32::try_from(at + 1).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_both_kinds_are_read() {
        let cases = [
            ("    at add (src/core/store.js:12:3)", Some(("src/core/store.js", 12))),
            ("    at src/core/store.js:7:1", Some(("src/core/store.js", 7))),
            ("    at <anonymous> (test/a.test.js:4:9)", Some(("test/a.test.js", 4))),
            ("    at call (native)", None),
            ("nonsense", None),
            ("    at (::)", None),
        ];
        for (line, expected) in cases {
            assert_eq!(frame(line), expected.map(|(file, line)| (file.to_owned(), line)), "{line}");
        }
    }

    #[test]
    fn frames_outside_the_files_are_passed_over() {
        let files = BTreeMap::from([("a.js".to_owned(), String::new())]);
        let stack = "    at equal (node:assert/strict:3:1)\n    at x (a.js:5:2)\n";
        assert_eq!(first_frame(stack, &files), Some(("a.js".to_owned(), 5)));
    }
}
