//! Looks at HTML: ids, labels, references to files, handlers. A scanner of tags, not a full parser: it reads what a
//! generator writes.

use std::collections::BTreeMap;

use super::lint::is_external;
use super::report::Problem;

/// One start tag.
#[derive(Debug)]
struct Tag {
    name: String,
    attributes: BTreeMap<String, String>,
    line: u32,
    /// Whether it stands inside a `label`.
    labelled: bool,
}

/// Attributes that name ids of the same page.
const REFERENCES: [&str; 5] = ["for", "aria-labelledby", "aria-describedby", "aria-controls", "form"];

/// Findings in one page; `exists` knows the files of the app.
pub(super) fn check(file: &str, source: &str, exists: &dyn Fn(&str) -> bool) -> Vec<Problem> {
    let tags = tags(source);
    let mut problems = Vec::new();
    let mut ids: BTreeMap<&str, u32> = BTreeMap::new();
    for tag in &tags {
        if let Some(id) = tag.attributes.get("id")
            && let Some(first) = ids.insert(id, tag.line)
        {
            problems.push(Problem::new(
                "html",
                file,
                Some(tag.line),
                format!("the id {id} is already used in line {first}"),
            ));
        }
    }
    for tag in &tags {
        let mut found =
            |rule, message: String| problems.push(Problem::new(rule, file, Some(tag.line), message));
        for (name, value) in &tag.attributes {
            if REFERENCES.contains(&name.as_str()) {
                for id in value.split_whitespace().filter(|id| !ids.contains_key(id)) {
                    found("html", format!("{name} names {id}, which no element has"));
                }
            }
            if name.starts_with("on") {
                found("security", format!("the inline handler {name} runs text as code"));
            }
            if matches!(name.as_str(), "src" | "href" | "action" | "data" | "poster") {
                reference(file, tag, value, exists, &mut found);
            }
        }
        if is_control(tag) && !has_label(tag, &tags) {
            found("html", format!("this {} has no label", tag.name));
        }
        if tag.name == "img" && !tag.attributes.contains_key("alt") {
            found("html", "this image has no alternative text".to_owned());
        }
        if tag.name == "html" && tag.attributes.get("lang").is_none_or(String::is_empty) {
            found("html", "the page does not say its language".to_owned());
        }
    }
    problems
}

fn reference(
    file: &str,
    tag: &Tag,
    value: &str,
    exists: &dyn Fn(&str) -> bool,
    found: &mut dyn FnMut(&'static str, String),
) {
    let address = value.trim();
    if address.to_ascii_lowercase().starts_with("javascript:") {
        found("security", "a javascript: address runs text as code".to_owned());
    } else if is_external(address) {
        // A link the reader follows is no resource the page loads.
        if tag.name != "a" {
            found("security", format!("{address} is loaded from outside"));
        }
    } else if !address.is_empty() && !address.starts_with('#') && !address.starts_with("data:") {
        let path = address.split(['?', '#']).next().unwrap_or(address).trim_start_matches("./");
        let folder = file.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
        if !exists(&format!("{folder}{path}")) {
            found("html", format!("{address} does not exist"));
        }
    }
}

fn is_control(tag: &Tag) -> bool {
    match tag.name.as_str() {
        "select" | "textarea" => true,
        "input" => !matches!(
            tag.attributes.get("type").map(String::as_str),
            Some("hidden" | "submit" | "button" | "reset" | "image")
        ),
        _ => false,
    }
}

fn has_label(tag: &Tag, tags: &[Tag]) -> bool {
    let own = ["aria-label", "aria-labelledby", "title"];
    let id = tag.attributes.get("id");
    tag.labelled
        || own.iter().any(|name| tag.attributes.contains_key(*name))
        || tags.iter().any(|label| label.name == "label" && id.is_some() && label.attributes.get("for") == id)
}

/// The start tags of a page; comments and the content of scripts and styles are passed over.
fn tags(source: &str) -> Vec<Tag> {
    let mut found: Vec<Tag> = Vec::new();
    let mut labels = 0_u32;
    let mut at = 0;
    while let Some(next) = source[at..].find('<') {
        let open = at + next;
        let rest = &source[open..];
        if rest.starts_with("<!--") {
            at = rest.find("-->").map_or(source.len(), |end| open + end + 3);
            continue;
        }
        if let Some(end_tag) = rest.strip_prefix("</") {
            if end_tag.to_ascii_lowercase().starts_with("label") {
                labels = labels.saturating_sub(1);
            }
            at = open + 2;
            continue;
        }
        if !rest[1..].starts_with(|c: char| c.is_ascii_alphabetic()) {
            at = open + 1;
            continue;
        }
        let line = u32::try_from(source[..open].matches('\n').count() + 1).unwrap_or(u32::MAX);
        let (name, attributes, length) = start_tag(rest);
        at = open + length;
        if matches!(name.as_str(), "script" | "style") {
            let end = source[at..].to_ascii_lowercase().find(&format!("</{name}"));
            at = end.map_or(source.len(), |end| at + end);
        }
        labels += u32::from(name == "label");
        found.push(Tag { name, attributes, line, labelled: labels > 0 });
    }
    found
}

/// Reads `<name a="b" c='d' e=f g>`; its name, its attributes and its length.
fn start_tag(rest: &str) -> (String, BTreeMap<String, String>, usize) {
    let name_end =
        rest[1..].find(|c: char| c.is_whitespace() || c == '>' || c == '/').map_or(rest.len(), |end| end + 1);
    let mut attributes = BTreeMap::new();
    let mut at = name_end;
    loop {
        at += rest[at..].find(|c: char| !c.is_whitespace() && c != '/').unwrap_or(rest.len() - at);
        if at >= rest.len() || rest[at..].starts_with('>') {
            let length = (at + 1).min(rest.len());
            return (rest[1..name_end].to_ascii_lowercase(), attributes, length);
        }
        let end = rest[at..].find(|c: char| c.is_whitespace() || matches!(c, '=' | '>' | '/'));
        // A name has at least one character, whatever it is.
        let first = rest[at..].chars().next().map_or(1, char::len_utf8);
        let name_end = end.map_or(rest.len(), |end| at + end.max(first));
        let name = rest[at..name_end].to_ascii_lowercase();
        at = name_end;
        let after = rest[at..].trim_start();
        let mut value = String::new();
        if let Some(given) = after.strip_prefix('=') {
            let given = given.trim_start();
            let start = rest.len() - given.len();
            let quote = given.chars().next().filter(|c| matches!(c, '"' | '\''));
            let (from, to) = match quote {
                Some(quote) => (start + 1, given[1..].find(quote).map_or(rest.len(), |end| start + 1 + end)),
                None => {
                    let end = given.find(|c: char| c.is_whitespace() || c == '>');
                    (start, end.map_or(rest.len(), |end| start + end))
                }
            };
            value = rest[from..to].replace("&amp;", "&");
            at = (to + usize::from(quote.is_some())).min(rest.len());
        }
        attributes.entry(name).or_insert(value);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(source: &str) -> Vec<String> {
        check("index.html", source, &|path| path == "app.js").iter().map(ToString::to_string).collect()
    }

    #[test]
    fn pages_are_read() {
        let cases = [
            ("<p id=a></p>\n<p id=\"a\">", "index.html:2: the id a is already used in line 1 (html)"),
            ("<label for='x'>", "index.html:1: for names x, which no element has (html)"),
            (
                "<div aria-labelledby='a b'><i id=b>",
                "index.html:1: aria-labelledby names a, which no element has (html)",
            ),
            (
                "<button onclick=\"go()\">",
                "index.html:1: the inline handler onclick runs text as code (security)",
            ),
            ("<script src=\"gone.js\"></script>", "index.html:1: gone.js does not exist (html)"),
            (
                "<link href=https://x.org/a.css>",
                "index.html:1: https://x.org/a.css is loaded from outside (security)",
            ),
            ("<a href='javascript:x'>", "index.html:1: a javascript: address runs text as code (security)"),
            ("<input name=x>", "index.html:1: this input has no label (html)"),
            ("<img src=app.js>", "index.html:1: this image has no alternative text (html)"),
            ("<html>", "index.html:1: the page does not say its language (html)"),
        ];
        for (source, expected) in cases {
            assert_eq!(found(source), [expected], "{source}");
        }
    }

    #[test]
    fn good_pages_pass() {
        let source = "<!doctype html><html lang=en><!-- <input> --><script type=module src=./app.js>\n'<input>'</script>
            <label>Name <input></label><label for=q>Q</label><input id=q><input type=submit><a href='#q'>x</a>
            <a href='https://example.org'>y</a><img alt='' src='data:image/png;base64,x'><input aria-label=z></html>";
        assert_eq!(found(source), [""; 0]);
    }

    proptest! {
        #[test]
        fn any_text_is_read(source in "[a-z<>/='\"! \né-]{0,60}") {
            let _ = found(&source);
        }
    }
}
