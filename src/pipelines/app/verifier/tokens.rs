//! Cuts JavaScript into tokens: enough to tell code from strings, template literals, regular expressions and comments.
//! Never fails; what it cannot read becomes punctuation, and the engine says later that the file does not compile.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Names and keywords, private names included.
    Word,
    Number,
    String,
    /// A piece of a template literal: from a backtick or `}` to the next `${` or backtick.
    Template,
    Regex,
    Punct,
}

/// A token by its place in the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
    pub(super) start: usize,
    /// From 1.
    pub(super) line: u32,
}

impl Token<'_> {
    pub(super) fn end(&self) -> usize {
        self.start + self.text.len()
    }

    /// Whether it is this punctuation or this word.
    pub(super) fn is(&self, text: &str) -> bool {
        matches!(self.kind, Kind::Punct | Kind::Word) && self.text == text
    }

    /// Whether an expression can end with it: what follows is a binary operator, not a unary one.
    pub(super) fn ends_operand(&self) -> bool {
        match self.kind {
            Kind::Word => !OPERATOR_WORDS.contains(&self.text),
            Kind::Number | Kind::String | Kind::Regex => true,
            Kind::Template => self.text.ends_with('`') && self.text.len() > 1,
            Kind::Punct => matches!(self.text, ")" | "]" | "}"),
        }
    }

    /// The content of a string without its quotes; escapes stay as they are.
    pub(super) fn content(&self) -> &str {
        match self.kind {
            Kind::String if self.text.len() >= 2 => &self.text[1..self.text.len() - 1],
            _ => self.text,
        }
    }
}

/// Words after which an expression begins.
const OPERATOR_WORDS: [&str; 18] = [
    "return",
    "typeof",
    "case",
    "in",
    "of",
    "delete",
    "void",
    "throw",
    "new",
    "else",
    "do",
    "instanceof",
    "await",
    "yield",
    "import",
    "export",
    "default",
    "extends",
];

/// Longest first, so that the first that fits is the right one.
const PUNCTUATION: [&str; 54] = [
    ">>>=", "...", "===", "!==", "**=", "<<=", ">>=", ">>>", "&&=", "||=", "??=", "=>", "==", "!=", "<=",
    ">=", "&&", "||", "??", "?.", "++", "--", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<", ">>",
    "**", "{", "}", "(", ")", "[", "]", ";", ",", "<", ">", "+", "-", "*", "/", "%", "&", "|", "^", "!", "~",
    "?",
];

/// The tokens of a file without white space and comments.
pub(super) fn tokens(source: &str) -> Vec<Token<'_>> {
    Reader { source, at: 0, line: 1, found: Vec::new(), brackets: Vec::new() }.read()
}

struct Reader<'a> {
    source: &'a str,
    at: usize,
    line: u32,
    found: Vec<Token<'a>>,
    brackets: Vec<Bracket>,
}

/// What an open bracket is, for what may follow its end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bracket {
    /// `${` inside a template literal.
    Template,
    /// The head of `if`, `while`, `for` or `with`: a statement follows.
    Head,
    /// Any other.
    Plain,
}

impl<'a> Reader<'a> {
    fn read(mut self) -> Vec<Token<'a>> {
        // After `)` of a statement head a slash begins a regular expression.
        let mut after_head = false;
        while let Some(next) = self.rest().chars().next() {
            let rest = self.rest();
            if next.is_whitespace() {
                self.skip(next.len_utf8());
            } else if rest.starts_with("//") || (self.at == 0 && rest.starts_with("#!")) {
                self.skip(rest.find('\n').unwrap_or(rest.len()));
            } else if let Some(comment) = rest.strip_prefix("/*") {
                self.skip(comment.find("*/").map_or(rest.len(), |end| end + 4));
            } else if next == '"' || next == '\'' {
                self.push(Kind::String, string_length(rest, next));
            } else if next == '`' {
                self.template();
            } else if next == '}' && self.brackets.last() == Some(&Bracket::Template) {
                self.brackets.pop();
                self.template();
            } else if next.is_ascii_digit()
                || (next == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit()))
            {
                self.push(Kind::Number, number_length(rest));
            } else if is_word(next) || next == '#' || next == '\\' {
                let length = rest.char_indices().skip(1).find(|(_, c)| !is_word(*c) && *c != '\\');
                self.push(Kind::Word, length.map_or(rest.len(), |(end, _)| end));
            } else if next == '/' && (after_head || !self.divides()) && regex_length(rest).is_some() {
                self.push(Kind::Regex, regex_length(rest).unwrap_or(1));
            } else {
                after_head = self.punctuation(rest, next);
                continue;
            }
            if !next.is_whitespace() && !rest.starts_with("//") && !rest.starts_with("/*") {
                after_head = false;
            }
        }
        self.found
    }

    /// Reads one punctuation mark; whether it ended the head of a statement.
    fn punctuation(&mut self, rest: &str, next: char) -> bool {
        let known = PUNCTUATION.iter().find(|mark| rest.starts_with(**mark));
        // `a?.5:b` is a conditional with a number.
        let known = known.map(|mark| {
            if *mark == "?." && rest[2..].starts_with(|c: char| c.is_ascii_digit()) { "?" } else { mark }
        });
        let mark = known.map_or(next.len_utf8(), str::len);
        let mut ended_head = false;
        match next {
            '(' | '[' | '{' => {
                let head = next == '('
                    && self
                        .found
                        .last()
                        .is_some_and(|token| matches!(token.text, "if" | "while" | "for" | "with"));
                self.brackets.push(if head { Bracket::Head } else { Bracket::Plain });
            }
            ')' | ']' | '}' => ended_head = self.brackets.pop() == Some(Bracket::Head),
            _ => {}
        }
        self.push(Kind::Punct, mark);
        ended_head
    }

    fn rest(&self) -> &'a str {
        &self.source[self.at..]
    }

    fn skip(&mut self, length: usize) {
        let length = length.min(self.source.len() - self.at);
        let skipped = &self.source.as_bytes()[self.at..self.at + length];
        self.line += u32::try_from(skipped.iter().filter(|byte| **byte == b'\n').count()).unwrap_or(0);
        self.at += length;
    }

    fn push(&mut self, kind: Kind, length: usize) {
        let text = &self.rest()[..length.min(self.rest().len())];
        self.found.push(Token { kind, text, start: self.at, line: self.line });
        self.skip(length);
    }

    /// Reads from a backtick or `}` to the next `${` or backtick.
    fn template(&mut self) {
        let rest = self.rest();
        let mut escaped = false;
        let mut previous = ' ';
        for (end, next) in rest.char_indices().skip(1) {
            if escaped {
                escaped = false;
                previous = ' ';
                continue;
            }
            match next {
                '\\' => escaped = true,
                '`' => return self.push(Kind::Template, end + 1),
                '{' if previous == '$' => {
                    self.push(Kind::Template, end + 1);
                    self.brackets.push(Bracket::Template);
                    return;
                }
                _ => {}
            }
            previous = next;
        }
        self.push(Kind::Template, rest.len());
    }

    /// Whether a slash after the last token divides.
    fn divides(&self) -> bool {
        match self.found.last() {
            None => false,
            // A block ends more often before a regular expression than an object does before a division; neither is usual.
            Some(last) if last.is("}") => false,
            Some(last) if last.is("++") || last.is("--") => true,
            Some(last) => last.ends_operand(),
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

fn string_length(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (end, next) in rest.char_indices().skip(1) {
        match next {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            // A string ends with its line, closed or not.
            '\n' => return end,
            next if next == quote => return end + 1,
            _ => {}
        }
    }
    rest.len()
}

fn number_length(rest: &str) -> usize {
    let hexadecimal = rest.starts_with("0x") || rest.starts_with("0X");
    let mut previous = ' ';
    for (end, next) in rest.char_indices() {
        let sign_of_exponent = (next == '+' || next == '-') && matches!(previous, 'e' | 'E') && !hexadecimal;
        if !(next.is_ascii_alphanumeric() || next == '.' || next == '_' || sign_of_exponent) {
            return end;
        }
        previous = next;
    }
    rest.len()
}

fn regex_length(rest: &str) -> Option<usize> {
    let mut escaped = false;
    let mut in_class = false;
    for (end, next) in rest.char_indices().skip(1) {
        match next {
            '\n' => return None,
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '[' => in_class = true,
            ']' => in_class = false,
            '/' if !in_class => {
                let flags = rest[end + 1..].find(|c: char| !is_word(c)).unwrap_or(rest.len() - end - 1);
                return Some(end + 1 + flags);
            }
            _ => {}
        }
    }
    None
}

/// For each bracket the index of its partner.
pub(super) fn pairs(tokens: &[Token<'_>]) -> Vec<Option<usize>> {
    let mut pairs = vec![None; tokens.len()];
    let mut open: Vec<usize> = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        // `${` opens inside a template and its `}` begins the next piece of it.
        let opens = matches!(token.text, "(" | "[" | "{") && token.kind == Kind::Punct;
        let closes = matches!(token.text, ")" | "]" | "}") && token.kind == Kind::Punct;
        if token.kind == Kind::Template {
            if token.text.starts_with('}') {
                open.pop();
            }
            if token.text.ends_with("${") {
                open.push(index);
            }
        } else if opens {
            open.push(index);
        } else if closes && let Some(partner) = open.pop() {
            pairs[index] = Some(partner);
            pairs[partner] = Some(index);
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(source: &str) -> Vec<&str> {
        tokens(source).iter().map(|token| token.text).collect()
    }

    #[test]
    fn sources_are_cut() {
        let cases: [(&str, &[&str]); 15] = [
            ("a+b // c\n/* d */ e", &["a", "+", "b", "e"]),
            ("x = a / b / c", &["x", "=", "a", "/", "b", "/", "c"]),
            ("x = /[/]\\//g.test(y)", &["x", "=", "/[/]\\//g", ".", "test", "(", "y", ")"]),
            ("if (a) /x/.test(b)", &["if", "(", "a", ")", "/x/", ".", "test", "(", "b", ")"]),
            ("(a) / 2", &["(", "a", ")", "/", "2"]),
            ("return /x/", &["return", "/x/"]),
            ("`a${b + `c${d}`}e`", &["`a${", "b", "+", "`c${", "d", "}`", "}e`"]),
            ("`${{ a: 1 }.a}`", &["`${", "{", "a", ":", "1", "}", ".", "a", "}`"]),
            ("`$\\{a}`", &["`$\\{a}`"]),
            ("'it\\'s' + \"\\\\\"", &["'it\\'s'", "+", "\"\\\\\""]),
            ("a?.b ?? c?.5:1e-3", &["a", "?.", "b", "??", "c", "?", ".5", ":", "1e-3"]),
            ("a>>>=b===c=>d", &["a", ">>>=", "b", "===", "c", "=>", "d"]),
            ("i++ / 2", &["i", "++", "/", "2"]),
            ("class A { #x = 0x1F; }", &["class", "A", "{", "#x", "=", "0x1F", ";", "}"]),
            ("'open\nnext", &["'open", "next"]),
        ];
        for (source, expected) in cases {
            assert_eq!(texts(source), expected, "{source}");
        }
    }

    #[test]
    fn lines_are_counted_through_everything() {
        let source = "a\n/* \n */ b\n`\n${c}\n` d";
        let lines: Vec<_> = tokens(source).iter().map(|token| (token.text, token.line)).collect();
        assert_eq!(lines, [("a", 1), ("b", 3), ("`\n${", 4), ("c", 5), ("}\n`", 5), ("d", 6)]);
    }

    #[test]
    fn brackets_find_their_partner() {
        let source = "f(`${g(1)}`, [2])";
        let found = tokens(source);
        let pairs = pairs(&found);
        assert_eq!(pairs[1], Some(found.len() - 1));
        assert_eq!(found[pairs[4].expect("g is called")].text, ")");
    }

    proptest! {
        #[test]
        fn any_text_is_cut_without_loss(source in "[-a-z0-9 '\"`${}()/\\\\*\n=<>!&|.;é]{0,80}") {
            let found = tokens(&source);
            let mut end = 0;
            for token in &found {
                prop_assert!(token.start >= end && !token.text.is_empty());
                prop_assert_eq!(&source[token.start..token.end()], token.text);
                end = token.end();
            }
            pairs(&found);
        }
    }
}
