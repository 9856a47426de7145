//! Makes a line of a program safe to keep and to show: secrets masked, colours kept, every other control of a terminal taken
//! out or made visible.

use std::borrow::Cow;

use super::lines::LINE_BYTES_MAX;

/// What stands in the place of a secret.
const MASK: &str = "***";
/// Shorter values would mask half the alphabet.
const SECRET_CHARS_MIN: usize = 4;
/// Values that an agent may have masked.
const SECRETS_MAX: usize = 256;

/// Values that must not be shown.
#[derive(Clone, Debug, Default)]
pub(in crate::runs::executors) struct Secrets {
    /// Longest first, so that one which holds another is masked whole.
    values: Vec<String>,
}

impl Secrets {
    /// Masks a value from now on; of one with several lines, each line as well.
    pub(in crate::runs::executors) fn add(&mut self, value: &str) {
        for value in std::iter::once(value).chain(value.lines()) {
            let value = value.trim();
            let is_new = !self.values.iter().any(|known| known == value);
            if value.chars().count() >= SECRET_CHARS_MIN && is_new && self.values.len() < SECRETS_MAX {
                self.values.push(value.to_owned());
            }
        }
        self.values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    }

    /// The text with every secret masked.
    pub(in crate::runs::executors) fn mask<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut masked = Cow::Borrowed(text);
        for value in &self.values {
            if masked.contains(value.as_str()) {
                masked = Cow::Owned(masked.replace(value.as_str(), MASK));
            }
        }
        masked
    }
}

/// The line as it may be kept: masked, safe and short, with what was cut said at its end.
pub(in crate::runs::executors) fn safe(text: &str, cut_bytes: u64, secrets: &Secrets) -> String {
    let clean = without_controls(text);
    let mut masked = secrets.mask(&clean).into_owned();
    let mut cut = cut_bytes;
    if masked.len() > LINE_BYTES_MAX - 64 || cut > 0 {
        let end = masked.floor_char_boundary(LINE_BYTES_MAX - 64);
        cut += (masked.len() - end) as u64;
        masked.truncate(end);
        masked.push_str(&format!(" … [{cut} bytes cut]"));
    }
    masked
}

/// A line that was made safe, without its colours: for where they cannot be shown.
pub(super) fn without_colours(safe: &str) -> String {
    let mut plain = String::with_capacity(safe.len());
    let mut rest = safe;
    while let Some(at) = rest.find('\u{1b}') {
        plain.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        rest = &rest[sequence(rest).0..];
    }
    plain.push_str(rest);
    plain
}

/// Keeps `ESC [ … m` (colours), drops other sequences, and shows other control characters as pictures of themselves.
fn without_controls(text: &str) -> Cow<'_, str> {
    if !text.contains(is_control) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(is_control) {
        clean.push_str(&rest[..at]);
        let control = rest[at..].chars().next().unwrap_or_default();
        rest = &rest[at + control.len_utf8()..];
        if control == '\u{1b}' {
            let (length, is_colour) = sequence(rest);
            if is_colour {
                clean.push(control);
                clean.push_str(&rest[..length]);
            }
            rest = &rest[length..];
        } else if u32::from(control) < 0x20 {
            clean.extend(char::from_u32(0x2400 + u32::from(control)));
        } else {
            clean.push('\u{fffd}');
        }
    }
    clean.push_str(rest);
    Cow::Owned(clean)
}

/// Controls, and the characters that turn the direction of text and so let it seem what it is not.
fn is_control(letter: char) -> bool {
    (letter.is_control() && letter != '\t')
        || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

/// How long the sequence after an escape is, and whether it sets colours.
fn sequence(rest: &str) -> (usize, bool) {
    let bytes = rest.as_bytes();
    match bytes.first() {
        Some(b'[') => {
            let end = bytes[1..].iter().position(|byte| !(0x20..=0x3f).contains(byte)).map(|at| at + 1);
            match end {
                Some(end) if (0x40..=0x7e).contains(&bytes[end]) => {
                    let plain =
                        bytes[1..end].iter().all(|byte| byte.is_ascii_digit() || b";:".contains(byte));
                    (end + 1, bytes[end] == b'm' && plain)
                }
                Some(end) => (end, false),
                None => (rest.len(), false),
            }
        }
        // Strings to the terminal: titles, links, pictures. They end with a bell or with `ESC \`.
        Some(b']' | b'P' | b'X' | b'^' | b'_') => {
            let end = rest.char_indices().find_map(|(at, letter)| match letter {
                '\u{7}' | '\u{9c}' => Some(at + letter.len_utf8()),
                '\u{1b}' if at > 0 => Some(at + 1 + usize::from(rest[at + 1..].starts_with('\\'))),
                _ => None,
            });
            (end.unwrap_or(rest.len()), false)
        }
        // Two-character sequences, some with a character between.
        Some(b'(' | b')' | b'#' | b'%' | b' ') => (rest.chars().take(2).map(char::len_utf8).sum(), false),
        Some(0x30..=0x7e) => (1, false),
        _ => (0, false),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn colours_stay_and_nothing_else_does() {
        for (text, expected) in [
            ("plain\ttext", "plain\ttext"),
            ("\u{1b}[1;31mred\u{1b}[0m", "\u{1b}[1;31mred\u{1b}[0m"),
            ("\u{1b}[38;2;1;2;3mx\u{1b}[m", "\u{1b}[38;2;1;2;3mx\u{1b}[m"),
            ("a\u{1b}[2J\u{1b}[1;1Hb\u{1b}[?25l", "ab"),
            ("\u{1b}]0;title\u{7}x", "x"),
            ("\u{1b}]8;;http://evil\u{1b}\\link\u{1b}]8;;\u{1b}\\", "link"),
            ("\u{1b}P1$r\u{1b}\\x", "x"),
            ("\u{1b}(Bx\u{1b}cy\u{1b}7", "xy"),
            ("bell\u{7} null\0 del\u{7f} c1\u{9b}31m", "bell\u{2407} null\u{2400} del\u{fffd} c1\u{fffd}31m"),
            ("\u{202e}gpj.exe", "\u{fffd}gpj.exe"),
            ("end\u{1b}", "end"),
            ("end\u{1b}[31", "end"),
            ("end\u{1b}]0;never", "end"),
            ("\u{1b}[<script>m", "cript>m"),
        ] {
            assert_eq!(without_controls(text), expected, "{text:?}");
        }
    }

    #[test]
    fn secrets_are_masked_whole_wherever_they_stand() {
        let mut secrets = Secrets::default();
        secrets.add("hunter2");
        secrets.add("hunter2-long");
        secrets.add("abc");
        secrets.add("first line\nsecond line");
        assert_eq!(secrets.mask("hunter2 hunter2-long abc"), "*** *** abc");
        assert_eq!(secrets.mask("the second line"), "the ***");
        // Colours within a secret do not hide it from a reader, but an agent that wants to tell it can always do so.
        let long = format!("{}hunter2{}", "x".repeat(LINE_BYTES_MAX - 67), "y".repeat(900));
        let shown = safe(&long, 5, &secrets);
        assert!(!shown.contains("hunter2") && !shown.contains("hunt"), "{}", &shown[shown.len() - 80..]);
        assert!(shown.len() <= LINE_BYTES_MAX && shown.ends_with(" bytes cut]"));
    }

    proptest! {
        #[test]
        fn no_control_is_left(text in "[\\x00-\\x7f\u{9b}\u{202e}ö\\x1b\\[\\]m;0-9]{0,60}") {
            let clean = without_controls(&text).into_owned();
            let mut rest = clean.as_str();
            while let Some(at) = rest.find(is_control) {
                prop_assert!(rest[at..].starts_with("\u{1b}["), "{:?}", clean);
                let (length, is_colour) = sequence(&rest[at + 1..]);
                prop_assert!(is_colour);
                rest = &rest[at + 1 + length..];
            }
        }
    }
}
