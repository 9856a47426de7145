//! Makes mutants: small changes of a source, each of which a good test notices.

use super::tokens::{Kind, Token, pairs, tokens};

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mutant {
    /// The kind of change.
    pub(super) operator: &'static str,
    pub(super) line: u32,
    start: usize,
    end: usize,
    replacement: String,
    /// Known to change nothing that can be observed.
    pub(super) equivalent: bool,
}

impl Mutant {
    /// The source with the change in it.
    pub(super) fn apply(&self, source: &str) -> String {
        format!("{}{}{}", &source[..self.start], self.replacement, &source[self.end..])
    }

    /// The lines that it changes, before and after, without the space around them.
    pub(super) fn lines(&self, source: &str) -> (String, String) {
        let from = source[..self.start].rfind('\n').map_or(0, |at| at + 1);
        let to = source[self.end..].find('\n').map_or(source.len(), |at| self.end + at);
        let after = format!("{}{}{}", &source[from..self.start], self.replacement, &source[self.end..to]);
        (squeeze(&source[from..to]), squeeze(&after))
    }
}

/// One line, at most 160 characters.
fn squeeze(text: &str) -> String {
    let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match joined.char_indices().nth(160) {
        Some((end, _)) => format!("{}…", &joined[..end]),
        None => joined,
    }
}

/// A token that stands for another, by operator.
const SWAPS: [(&str, &str, &str); 21] = [
    ("<", "<=", "boundary"),
    ("<=", "<", "boundary"),
    (">", ">=", "boundary"),
    (">=", ">", "boundary"),
    ("<", ">=", "relational"),
    ("<=", ">", "relational"),
    (">", "<=", "relational"),
    (">=", "<", "relational"),
    ("===", "!==", "equality"),
    ("!==", "===", "equality"),
    ("==", "!=", "equality"),
    ("!=", "==", "equality"),
    ("+", "-", "arithmetic"),
    ("-", "+", "arithmetic"),
    ("*", "/", "arithmetic"),
    ("/", "*", "arithmetic"),
    ("%", "*", "arithmetic"),
    ("+=", "-=", "arithmetic"),
    ("-=", "+=", "arithmetic"),
    ("&&", "||", "logical"),
    ("||", "&&", "logical"),
];
/// Properties and functions whose texts only people read.
const MESSAGE_KEYS: [&str; 9] =
    ["message", "label", "labelPlural", "title", "description", "placeholder", "text", "hint", "expected"];

/// Every mutant of a source, in the order of their places.
pub(super) fn mutants(source: &str) -> Vec<Mutant> {
    let tokens = tokens(source);
    let site = Site { tokens: &tokens, pairs: pairs(&tokens) };
    let mut found = Vec::new();
    for index in 0..tokens.len() {
        if site.in_module_statement(index) || site.in_for_update(index) {
            continue;
        }
        site.swap(index, &mut found);
        site.constant(index, &mut found);
        site.negation(index, &mut found);
        site.condition(index, &mut found);
        site.return_value(index, &mut found);
        site.call_statement(index, &mut found);
    }
    found
}

struct Site<'a> {
    tokens: &'a [Token<'a>],
    pairs: Vec<Option<usize>>,
}

impl Site<'_> {
    fn is(&self, index: usize, text: &str) -> bool {
        self.tokens.get(index).is_some_and(|token| token.is(text))
    }

    fn before(&self, index: usize) -> Option<&Token<'_>> {
        index.checked_sub(1).and_then(|before| self.tokens.get(before))
    }

    fn mutant(&self, operator: &'static str, from: usize, to: usize, replacement: &str) -> Mutant {
        Mutant {
            operator,
            line: self.tokens[from].line,
            start: self.tokens[from].start,
            end: self.tokens[to].end(),
            replacement: replacement.to_owned(),
            equivalent: false,
        }
    }

    fn swap(&self, index: usize, found: &mut Vec<Mutant>) {
        let token = self.tokens[index];
        if token.kind != Kind::Punct || !self.before(index).is_some_and(Token::ends_operand) {
            return;
        }
        let texts = |at: Option<&Token<'_>>| {
            at.is_some_and(|token| matches!(token.kind, Kind::String | Kind::Template))
        };
        // Texts that are joined are messages more often than not, and taking them apart gives NaN.
        let joins = matches!(token.text, "+" | "+=")
            && (texts(self.before(index)) || texts(self.tokens.get(index + 1)));
        if joins {
            return;
        }
        for (_, to, operator) in SWAPS.iter().filter(|(from, _, _)| *from == token.text) {
            let mut mutant = self.mutant(operator, index, index, to);
            mutant.equivalent = *operator == "boundary" && self.equality_was_ruled_out(index);
            found.push(mutant);
        }
    }

    /// `if (a === b) return …; … a < b`: with equal sides gone, the boundary cannot be reached.
    fn equality_was_ruled_out(&self, index: usize) -> bool {
        let (Some(left), Some(right)) = (self.before(index), self.tokens.get(index + 1)) else {
            return false;
        };
        // Longer operands than a name are not compared.
        let simple =
            |at: Option<&Token<'_>>| !at.is_some_and(|token| matches!(token.text, "." | "?." | "(" | "["));
        if !simple(index.checked_sub(2).and_then(|at| self.tokens.get(at)).filter(|token| token.text != "("))
            || !simple(self.tokens.get(index + 2))
        {
            return false;
        }
        (index.saturating_sub(40)..index).any(|at| {
            self.is(at, "===")
                && at > 0
                && self.tokens[at - 1].text == left.text
                && self.tokens.get(at + 1).is_some_and(|token| token.text == right.text)
                && self.is(at + 2, ")")
                && self.is(at + 3, "return")
                && !(at..index).any(|between| self.is(between, "function") || self.is(between, "=>"))
        })
    }

    fn constant(&self, index: usize, found: &mut Vec<Mutant>) {
        let token = self.tokens[index];
        let is_key = self.is(index + 1, ":") && !self.in_conditional(index);
        let is_member = self.before(index).is_some_and(|before| before.is(".") || before.is("?."));
        if is_key || is_member {
            return;
        }
        match token.kind {
            Kind::Word if token.text == "true" => found.push(self.mutant("boolean", index, index, "false")),
            Kind::Word if token.text == "false" => found.push(self.mutant("boolean", index, index, "true")),
            Kind::Number => {
                let replacement = match token.text.replace('_', "").parse::<u64>() {
                    Ok(1) => "0".to_owned(),
                    Ok(number) if number < u64::from(u32::MAX) => (number + 1).to_string(),
                    _ => return,
                };
                found.push(self.mutant("number", index, index, &replacement));
            }
            Kind::String if !token.content().is_empty() && !self.is_message(index) => {
                found.push(self.mutant("string", index, index, "''"));
            }
            _ => {}
        }
    }

    /// Whether the word before the colon belongs to `a ? b : c`.
    fn in_conditional(&self, index: usize) -> bool {
        let start = index.saturating_sub(30);
        let mut depth = 0_i32;
        for at in (start..index).rev() {
            match self.tokens[at].text {
                ")" | "]" | "}" => depth += 1,
                "(" | "[" | "{" if depth == 0 => return false,
                "(" | "[" | "{" => depth -= 1,
                "," | ";" if depth == 0 => return false,
                "?" if depth == 0 => return true,
                _ => {}
            }
        }
        false
    }

    /// Whether only people read this text.
    fn is_message(&self, index: usize) -> bool {
        let content = self.tokens[index].content();
        let sentence = content.contains(' ') && content.contains(char::is_alphabetic);
        let value_of_key = self.is(index.wrapping_sub(1), ":")
            && index >= 2
            && MESSAGE_KEYS.contains(&self.tokens[index - 2].content());
        let of_error =
            index >= 2 && self.is(index - 1, "(") && self.tokens[index - 2].text.ends_with("Error");
        let directive = content == "use strict";
        sentence || value_of_key || of_error || directive
    }

    fn negation(&self, index: usize, found: &mut Vec<Mutant>) {
        if self.is(index, "!") {
            found.push(self.mutant("negation", index, index, ""));
        }
    }

    fn condition(&self, index: usize, found: &mut Vec<Mutant>) {
        let word = self.tokens[index].text;
        if !(self.is(index, "if") || self.is(index, "while")) || !self.is(index + 1, "(") {
            return;
        }
        let Some(close) = self.pairs[index + 1].filter(|close| *close > index + 2) else { return };
        let literal = close == index + 3 && matches!(self.tokens[index + 2].text, "true" | "false");
        if literal {
            return;
        }
        found.push(self.mutant("condition", index + 2, close - 1, "false"));
        // A loop that never ends proves nothing but the time limit.
        if word == "if" {
            found.push(self.mutant("condition", index + 2, close - 1, "true"));
        }
    }

    fn return_value(&self, index: usize, found: &mut Vec<Mutant>) {
        let member = self.before(index).is_some_and(|before| before.is("."));
        if !self.is(index, "return") || member || self.is(index + 1, ";") || self.is(index + 1, "undefined") {
            return;
        }
        if let Some(end) = self.statement_end(index + 1) {
            found.push(self.mutant("return", index, end, "return;"));
        }
    }

    fn call_statement(&self, index: usize, found: &mut Vec<Mutant>) {
        let starts =
            self.before(index).is_some_and(|before| before.is(";") || before.is("{") || before.is("}"));
        let token = self.tokens[index];
        if !starts || token.kind != Kind::Word || !token.ends_operand() {
            return;
        }
        let mut at = index + 1;
        let mut called = false;
        while let Some(next) = self.tokens.get(at) {
            match next.text {
                "." | "?." if self.tokens.get(at + 1).is_some_and(|name| name.kind == Kind::Word) => at += 2,
                "?." => at += 1,
                "(" | "[" => {
                    called = next.text == "(";
                    let Some(close) = self.pairs[at].filter(|close| *close > at) else { return };
                    at = close + 1;
                }
                ";" if called
                    && !matches!(token.text, "if" | "while" | "for" | "switch" | "super" | "catch") =>
                {
                    found.push(self.mutant("call", index, at, ";"));
                    return;
                }
                _ => return,
            }
        }
    }

    /// The semicolon that ends the statement.
    fn statement_end(&self, from: usize) -> Option<usize> {
        let mut at = from;
        while let Some(token) = self.tokens.get(at) {
            if token.is(";") {
                return Some(at);
            }
            let opens = token.is("(") || token.is("[") || token.is("{") || token.text.ends_with("${");
            match self.pairs[at].filter(|close| opens && *close > at) {
                Some(close) => at = close + 1,
                None if token.is("}") || token.is(")") => return None,
                None => at += 1,
            }
        }
        None
    }

    /// Whether the token belongs to an `import` or to the list of an `export`.
    fn in_module_statement(&self, index: usize) -> bool {
        for at in (index.saturating_sub(60)..=index).rev() {
            match self.tokens[at].text {
                ";" if at < index => return false,
                "import" if self.is(at, "import") => return !self.is(at + 1, "("),
                "=" | "=>" | "function" | "return" => return false,
                _ => {}
            }
        }
        false
    }

    /// Whether the token belongs to the part of a `for` head that counts on: changing it only makes loops endless.
    fn in_for_update(&self, index: usize) -> bool {
        let mut depth = 0_i32;
        let mut semicolons = 0;
        for at in (index.saturating_sub(60)..index).rev() {
            match self.tokens[at].text {
                ")" | "]" | "}" => depth += 1,
                "(" if depth == 0 => return semicolons == 2 && at > 0 && self.is(at - 1, "for"),
                "[" | "{" if depth == 0 => return false,
                "(" | "[" | "{" => depth -= 1,
                ";" if depth == 0 => semicolons += 1,
                _ => {}
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn made(source: &str) -> Vec<String> {
        mutants(source).iter().map(|mutant| mutant.apply(source)).collect()
    }

    #[test]
    fn mutants_are_made() {
        let cases: [(&str, &[&str]); 22] = [
            ("a < b", &["a <= b", "a >= b"]),
            ("a >= b", &["a > b", "a < b"]),
            ("a === b", &["a !== b"]),
            ("a + b", &["a - b"]),
            ("a + 'x y'", &[]),
            ("-a", &[]),
            ("a * -b", &["a / -b"]),
            ("a && b || c", &["a || b || c", "a && b && c"]),
            ("!a", &["a"]),
            ("x = true", &["x = false"]),
            ("x = 0", &["x = 1"]),
            ("x = 1", &["x = 0"]),
            ("x = 'open'", &["x = ''"]),
            ("x = 'Title must not be empty.'", &[]),
            ("f({ field: 'title', message: 'no' })", &["f({ field: '', message: 'no' })"]),
            ("throw new Error('x')", &[]),
            ("import { a } from './a.js';", &[]),
            ("if (a) b", &["if (false) b", "if (true) b"]),
            ("while (a) b", &["while (false) b"]),
            ("return f({ a }, [b]);", &["return;"]),
            ("{ list.sort(f); }", &["{ ; }"]),
            ("`a < ${b}`; // a < b\n/a<b/", &[]),
        ];
        for (source, expected) in cases {
            assert_eq!(made(source), expected, "{source}");
        }
    }

    #[test]
    fn loops_are_not_made_endless() {
        let source = "for (let i = 0; i < n; i += 1) {}";
        assert_eq!(
            made(source),
            [
                "for (let i = 1; i < n; i += 1) {}",
                "for (let i = 0; i <= n; i += 1) {}",
                "for (let i = 0; i >= n; i += 1) {}"
            ]
        );
    }

    #[test]
    fn a_boundary_behind_an_equality_is_equivalent() {
        let found = mutants("(a, b) => { if (a === b) return 0; return a < b ? -1 : 1; }");
        let boundary: Vec<_> = found.iter().filter(|mutant| mutant.operator == "boundary").collect();
        assert_eq!(boundary.len(), 1);
        assert!(boundary[0].equivalent);
        let found = mutants("(a, b) => { if (a === c) return 0; return a < b ? -1 : 1; }");
        assert!(found.iter().all(|mutant| !mutant.equivalent));
    }

    #[test]
    fn lines_say_what_was_changed() {
        let source = "const a = 1;\n  if (a < 2) {\n    b();\n  }";
        let mutant =
            mutants(source).into_iter().find(|mutant| mutant.operator == "boundary").expect("there is a <");
        assert_eq!(mutant.line, 2);
        assert_eq!(mutant.lines(source), ("if (a < 2) {".to_owned(), "if (a <= 2) {".to_owned()));
    }

    proptest! {
        #[test]
        fn any_text_gives_mutants_that_differ(source in "[-a-z0-9 '`${}()<>=!&|?:;,.+\n]{0,80}|(if \\(a\\)|return b;|while|'x'|;|\\{|\\}| )*") {
            for mutant in mutants(&source) {
                prop_assert_ne!(mutant.apply(&source), source.clone());
                mutant.lines(&source);
            }
        }
    }
}
