//! Hides comments, strings, templates and regular expressions of a JavaScript source, so that what is left can be
//! searched for keywords.

/// The source with every hidden byte replaced by a space; lines and offsets stay the same.
pub(super) fn mask(source: &str) -> String {
    let mut masked: Vec<u8> = source.bytes().collect();
    Scanner { source: source.as_bytes(), at: 0, masked: &mut masked }.code(None);
    // Only whole runs of bytes were replaced, by ASCII.
    String::from_utf8(masked).unwrap_or_default()
}

struct Scanner<'a> {
    source: &'a [u8],
    at: usize,
    masked: &'a mut Vec<u8>,
}

impl Scanner<'_> {
    fn byte(&self, ahead: usize) -> u8 {
        self.source.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn hide(&mut self, from: usize) {
        let to = self.at.min(self.source.len());
        for byte in &mut self.masked[from.min(to)..to] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
    }

    /// Code up to the end, or up to the brace that closes a `${` of a template.
    fn code(&mut self, closing: Option<u8>) {
        let mut depth = 0_usize;
        while self.at < self.source.len() {
            let from = self.at;
            match (self.byte(0), self.byte(1)) {
                (b'/', b'/') => self.until(from, b"\n"),
                (b'/', b'*') => self.until(from, b"*/"),
                (quote @ (b'\'' | b'"'), _) => self.string(quote),
                (b'`', _) => self.template(),
                (b'/', _) if self.starts_regex() => self.regex(),
                (b'{', _) => {
                    depth += 1;
                    self.at += 1;
                }
                (b'}', _) => {
                    if depth == 0 && closing.is_some() {
                        return;
                    }
                    depth = depth.saturating_sub(1);
                    self.at += 1;
                }
                _ => self.at += 1,
            }
        }
    }

    fn until(&mut self, from: usize, end: &[u8]) {
        // Past the opening marks, so that `/*/` does not close itself.
        self.at += 2;
        while self.at < self.source.len() && !self.source[self.at..].starts_with(end) {
            self.at += 1;
        }
        self.at = (self.at + end.len()).min(self.source.len());
        self.hide(from);
    }

    fn string(&mut self, quote: u8) {
        let from = self.at;
        self.at += 1;
        while self.at < self.source.len() && self.byte(0) != quote && self.byte(0) != b'\n' {
            self.at += if self.byte(0) == b'\\' { 2 } else { 1 };
        }
        self.at = (self.at + 1).min(self.source.len());
        self.hide(from);
    }

    fn template(&mut self) {
        let mut from = self.at;
        self.at += 1;
        while self.at < self.source.len() {
            match (self.byte(0), self.byte(1)) {
                (b'`', _) => {
                    self.at += 1;
                    self.hide(from);
                    return;
                }
                (b'$', b'{') => {
                    self.at += 2;
                    self.hide(from);
                    self.code(Some(b'}'));
                    from = self.at;
                    self.at += 1;
                }
                (b'\\', _) => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.hide(from);
    }

    /// A slash after a value divides; anywhere else it starts a regular expression.
    fn starts_regex(&self) -> bool {
        let before = String::from_utf8_lossy(&self.masked[..self.at]);
        let before = before.trim_end();
        let word = before
            .rsplit(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'))
            .next()
            .unwrap_or_default();
        if matches!(word, "return" | "typeof" | "case" | "in" | "of" | "delete" | "void" | "throw" | "new") {
            return true;
        }
        // A hidden string or template leaves spaces, and what follows one divides; that is rare enough to be decided by
        // the byte that stood there.
        let last = self.source[..self.at].iter().rev().find(|byte| !byte.is_ascii_whitespace());
        !last.is_some_and(|byte| {
            byte.is_ascii_alphanumeric()
                || matches!(byte, b'_' | b'$' | b')' | b']' | b'}' | b'\'' | b'"' | b'`')
        })
    }

    fn regex(&mut self) {
        let from = self.at;
        let mut in_class = false;
        self.at += 1;
        while self.at < self.source.len() && self.byte(0) != b'\n' {
            match self.byte(0) {
                b'\\' => self.at += 1,
                b'[' => in_class = true,
                b']' => in_class = false,
                b'/' if !in_class => break,
                _ => {}
            }
            self.at += 1;
        }
        self.at = (self.at + 1).min(self.source.len());
        self.hide(from);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_not_code_is_hidden() {
        let cases = [
            ("a // export\nb", "a          \nb"),
            ("a /* import\n*/ b", "a          \n   b"),
            ("f('it\\'s') + \"x\"", "f(       ) +    "),
            ("`a ${b} c`", "     b    "),
            ("`${`${x}`}`;", "      x    ;"),
            ("x = /[/']/g; y", "x =       g; y"),
            ("a / b / c", "a / b / c"),
            ("return /'/.test(a)", "return    .test(a)"),
        ];
        for (source, expected) in cases {
            let masked = mask(source);
            assert_eq!(masked.len(), source.len(), "{source}");
            assert_eq!(masked, expected, "{source}");
        }
    }

    proptest! {
        #[test]
        fn any_text_keeps_its_length_and_lines(source in "[a-z/*'\"`${}\\\\\\[\\] \nä]{0,60}") {
            let masked = mask(&source);
            prop_assert_eq!(masked.len(), source.len());
            prop_assert_eq!(masked.matches('\n').count(), source.matches('\n').count());
        }
    }
}
