//! A look at what was written: labels, ids and names that must fit together, and calls that must not be there.

use std::collections::BTreeSet;

use regex::Regex;

use crate::pipelines::{AgentError, OutputFile};

/// Ways to turn a text into markup or code; the data of a person must never go through one.
const FORBIDDEN: [&str; 8] = [
    "innerHTML",
    "outerHTML",
    "insertAdjacentHTML",
    "document.write",
    "eval(",
    "new Function",
    "createContextualFragment",
    "setHTMLUnsafe",
];

/// Elements that a person fills in.
const NEEDS_LABEL: [&str; 3] = ["input", "select", "textarea"];

/// Checks `index.html` against itself and against the modules.
///
/// # Errors
/// Names the first file and line that does not hold.
pub(super) fn page(files: &[OutputFile]) -> Result<(), AgentError> {
    let text = |file: &OutputFile| String::from_utf8_lossy(&file.bytes).into_owned();
    let html = files.iter().find(|file| file.path == "index.html").map(text).unwrap_or_default();
    let ids = check_html(&html)?;
    for file in files.iter().filter(|file| file.path.ends_with(".js")) {
        check_script(&file.path, &text(file), &ids)?;
    }
    for file in files.iter().filter(|file| file.path.ends_with(".css")) {
        check_style(&file.path, &text(file))?;
    }
    Ok(())
}

fn fails(file: &str, line: usize, message: impl Into<String>) -> AgentError {
    AgentError::Failed {
        message: message.into(),
        file: Some(file.to_owned()),
        line: u32::try_from(line).ok(),
    }
}

/// The ids of the page, once it holds.
fn check_html(html: &str) -> Result<BTreeSet<String>, AgentError> {
    let tag = Regex::new(r#"<([a-z][a-z0-9]*)((?:[^>"]|"[^"]*")*)>"#).expect("the pattern is a constant");
    let attribute = Regex::new(r#"([a-z-]+)="([^"]*)""#).expect("the pattern is a constant");
    let mut ids = BTreeSet::new();
    let mut labelled = BTreeSet::new();
    let mut inputs = Vec::new();
    let mut targets = Vec::new();
    let mut seen = BTreeSet::new();
    for found in tag.captures_iter(html) {
        let (whole, name) = (found.get(0).expect("group 0 is the match"), &found[1]);
        let line = html[..whole.start()].matches('\n').count() + 1;
        let get = |wanted: &str| {
            attribute.captures_iter(&found[2]).find(|pair| &pair[1] == wanted).map(|pair| pair[2].to_owned())
        };
        seen.insert(name.to_owned());
        if let Some(id) = get("id")
            && !ids.insert(id.clone())
        {
            return Err(fails("index.html", line, format!("the id \"{id}\" is there twice")));
        }
        match name {
            "html" if get("lang").is_none() => {
                return Err(fails("index.html", line, "the page does not say its language"));
            }
            "img" if get("alt").is_none() => {
                return Err(fails("index.html", line, "an image has no alternative text"));
            }
            "label" => labelled.extend(get("for")),
            "a" => targets.extend(
                get("href").and_then(|href| href.strip_prefix('#').map(str::to_owned)).map(|id| (id, line)),
            ),
            _ if NEEDS_LABEL.contains(&name) && get("type").as_deref() != Some("hidden") => {
                inputs.push((get("id"), get("aria-label"), line));
            }
            _ => {}
        }
    }
    for required in ["title", "main", "header", "meta"] {
        if !seen.contains(required) {
            return Err(fails("index.html", 1, format!("the page has no <{required}>")));
        }
    }
    for (id, own_label, line) in inputs {
        if own_label.is_none() && !id.is_some_and(|id| labelled.contains(&id)) {
            return Err(fails("index.html", line, "an input has no label"));
        }
    }
    for (id, line) in targets {
        if !ids.contains(&id) {
            return Err(fails("index.html", line, format!("a link leads to \"#{id}\", which is not there")));
        }
    }
    if !html.contains("http-equiv=\"Content-Security-Policy\"") {
        return Err(fails("index.html", 1, "the page has no content security policy"));
    }
    Ok(ids)
}

fn check_script(path: &str, source: &str, ids: &BTreeSet<String>) -> Result<(), AgentError> {
    let wanted = Regex::new(r"byId\(root, '([^']+)'\)").expect("the pattern is a constant");
    for (index, line) in source.lines().enumerate() {
        if let Some(found) = FORBIDDEN.iter().find(|call| line.contains(*call)) {
            return Err(fails(path, index + 1, format!("{found} can turn a text into markup or code")));
        }
        for found in wanted.captures_iter(line) {
            if !ids.contains(&found[1]) {
                return Err(fails(path, index + 1, format!("index.html has no element \"{}\"", &found[1])));
            }
        }
    }
    Ok(())
}

/// Nothing may be loaded from elsewhere, and braces must close: a lost one silently drops the rest of the sheet.
fn check_style(path: &str, source: &str) -> Result<(), AgentError> {
    let mut open = 0_i32;
    for (index, line) in source.lines().enumerate() {
        if line.contains("url(") || line.contains("@import") {
            return Err(fails(path, index + 1, "a style sheet must not load anything"));
        }
        for character in line.chars() {
            open += match character {
                '{' => 1,
                '}' => -1,
                _ => 0,
            };
        }
        if open < 0 {
            return Err(fails(path, index + 1, "a brace closes what was never opened"));
        }
    }
    if open != 0 {
        return Err(fails(path, source.lines().count(), "a brace is never closed"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "<html lang=\"en\"><head><title>T</title>\n<meta http-equiv=\"Content-Security-Policy\" content=\"\">\n\
                        </head><body><header></header><main id=\"main\"></main></body></html>";

    fn html(text: &str) -> Result<(), AgentError> {
        page(&[OutputFile::text("index.html", text)])
    }

    fn script(text: &str) -> Result<(), AgentError> {
        page(&[OutputFile::text("index.html", GOOD), OutputFile::text("src/ui/x.js", text)])
    }

    fn line_of(result: Result<(), AgentError>) -> u32 {
        match result.unwrap_err() {
            AgentError::Failed { line: Some(line), .. } => line,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn mistakes_in_the_page_are_found_with_their_line() {
        html(GOOD).unwrap();
        for (broken, line) in [
            (GOOD.replace("<main id=\"main\">", "<main id=\"main\"><input id=\"x\">"), 3),
            (GOOD.replace("<header>", "<header id=\"main\">"), 3),
            (GOOD.replace("<header>", "<header><img src=\"x\">"), 3),
            (GOOD.replace("<header>", "<header><a href=\"#gone\">x</a>"), 3),
            (GOOD.replace(" lang=\"en\"", ""), 1),
            (GOOD.replace("Content-Security-Policy", "refresh"), 1),
        ] {
            assert_eq!(line_of(html(&broken)), line, "{broken}");
        }
        html(&GOOD.replace("<header>", "<header><label for=\"x\">X</label><input id=\"x\">")).unwrap();
    }

    #[test]
    fn mistakes_in_scripts_and_styles_are_found_with_their_line() {
        script("byId(root, 'main');").unwrap();
        assert_eq!(line_of(script("\nbyId(root, 'tools');")), 2);
        assert_eq!(line_of(script("\n\nnode.innerHTML = text;")), 3);
        let style =
            |text: &str| page(&[OutputFile::text("index.html", GOOD), OutputFile::text("a.css", text)]);
        style("a { b: c }\n").unwrap();
        assert_eq!(line_of(style("a {\n}\n}\n")), 3);
        assert_eq!(line_of(style("a { b: url(x) }")), 1);
        assert_eq!(line_of(style("a {\n")), 1);
    }
}
