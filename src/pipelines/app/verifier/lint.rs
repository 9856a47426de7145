//! The security lint: ways in which a page could run text as code or talk to the outside. It reads tokens, so that words
//! in strings and comments do not count.

use super::report::Problem;
use super::tokens::{Kind, Token, tokens};

/// What is looked for, as the report says it.
pub(super) const RULES: [&str; 8] = [
    "eval and new Function",
    "innerHTML, outerHTML and insertAdjacentHTML with anything but an empty text",
    "document.write",
    "inline event handlers and javascript: addresses",
    "fetch, XMLHttpRequest, WebSocket, EventSource and sendBeacon",
    "dynamic import",
    "workers and importScripts",
    "resources from external addresses",
];

/// Functions that are wrong when they are called by their bare name.
const BARE_CALLS: [(&str, &str); 4] = [
    ("eval", "eval runs text as code"),
    ("Function", "Function runs text as code"),
    ("fetch", "fetch talks to the outside"),
    ("importScripts", "importScripts loads code"),
];
/// Things that are wrong when they are made.
const CONSTRUCTORS: [(&str, &str); 6] = [
    ("Function", "new Function runs text as code"),
    ("XMLHttpRequest", "XMLHttpRequest talks to the outside"),
    ("WebSocket", "WebSocket talks to the outside"),
    ("EventSource", "EventSource talks to the outside"),
    ("Worker", "a worker is code of its own"),
    ("SharedWorker", "a worker is code of its own"),
];

/// Findings in one script.
pub(super) fn script(file: &str, source: &str) -> Vec<Problem> {
    let tokens = tokens(source);
    let is = |index: usize, text: &str| tokens.get(index).is_some_and(|token: &Token<'_>| token.is(text));
    let mut problems = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        let mut found =
            |message: &str| problems.push(Problem::new("security", file, Some(token.line), message));
        let member = index > 0 && (is(index - 1, ".") || is(index - 1, "?."));
        let of_window =
            member && index > 1 && matches!(tokens[index - 2].text, "window" | "globalThis" | "self");
        let made = index > 0 && is(index - 1, "new");
        match token.kind {
            Kind::Word if !member || of_window => {
                let declared = index > 0 && is(index - 1, "function");
                if let Some((_, message)) = BARE_CALLS.iter().find(|(name, _)| *name == token.text)
                    && is(index + 1, "(")
                    && !made
                    && !declared
                {
                    found(message);
                }
                if let Some((_, message)) = CONSTRUCTORS.iter().find(|(name, _)| *name == token.text)
                    && made
                {
                    found(message);
                }
            }
            Kind::Word => match token.text {
                "innerHTML" | "outerHTML" if assigned_data(&tokens, index) => {
                    found("markup made from data can carry code; build elements instead");
                }
                "insertAdjacentHTML" => found("markup made from data can carry code; build elements instead"),
                "write" | "writeln" if tokens[index.saturating_sub(2)].is("document") => {
                    found("document.write can carry code");
                }
                "sendBeacon" => found("sendBeacon talks to the outside"),
                _ => {}
            },
            Kind::String | Kind::Template => {
                let content = token.content().trim_start_matches('`').trim_start().to_ascii_lowercase();
                if content.starts_with("javascript:") {
                    found("a javascript: address runs text as code");
                }
                let attribute_call = index > 1 && is(index - 1, "(") && tokens[index - 2].is("setAttribute");
                if attribute_call && content.starts_with("on") && content.chars().all(char::is_alphanumeric) {
                    found("an event handler as an attribute runs text as code");
                }
            }
            _ => {}
        }
    }
    problems
}

/// Whether something other than an empty string is put into the property.
fn assigned_data(tokens: &[Token<'_>], index: usize) -> bool {
    match tokens.get(index + 1) {
        Some(next) if next.is("=") => {
            let empty = tokens.get(index + 2).is_some_and(|value| matches!(value.text, "''" | "\"\"" | "``"));
            let ends = tokens.get(index + 3).is_none_or(|end| matches!(end.text, ";" | "}" | ")" | ","));
            !(empty && ends)
        }
        Some(next) => next.is("+="),
        None => false,
    }
}

/// Whether an address leads out of the app.
pub(super) fn is_external(address: &str) -> bool {
    let address = address.trim().to_ascii_lowercase();
    ["http:", "https:", "ws:", "wss:", "ftp:", "//"].iter().any(|scheme| address.starts_with(scheme))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dangers_are_found_with_their_line() {
        let cases = [
            "eval('1')",
            "new Function('a')",
            "Function('a')()",
            "window.eval(x)",
            "box.innerHTML = text",
            "box.innerHTML = '' + text",
            "box.innerHTML += text",
            "box.insertAdjacentHTML('beforeend', x)",
            "document.write(x)",
            "fetch('/x')",
            "new WebSocket('ws://x')",
            "navigator.sendBeacon('/x')",
            "link.href = 'javascript:alert(1)'",
            "box.setAttribute('onclick', 'x()')",
            "new Worker('x.js')",
        ];
        for code in cases {
            let found = script("a.js", &format!("\n{code};"));
            assert_eq!(found.len(), 1, "{code}: {found:?}");
            assert_eq!(found[0].line, Some(2));
        }
    }

    #[test]
    fn words_alone_are_no_danger() {
        let cases = [
            "// eval('1')",
            "const s = 'eval(1) fetch(2) innerHTML = x';",
            "store.fetch(1); const evaluate = 1; book.eval;",
            "box.innerHTML = '';",
            "if (box.innerHTML === x) {}",
            "button.onclick = () => {};",
            "file.write(x); box.setAttribute('one two', x);",
            "const r = /eval(1)/;",
            "typeof Function === 'function' && x instanceof Function",
        ];
        for code in cases {
            assert_eq!(script("a.js", code), [], "{code}");
        }
    }
}
