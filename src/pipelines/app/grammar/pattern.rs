//! Fixed regular expressions of the grammar.
//!
//! There are more than a hundred of them and they live as long as the server, so what each one costs in memory matters.
//! `\w` names some 140,000 characters in 770 ranges, which is 30 KB of automaton wherever it stands; here it means the
//! same for ASCII and, beyond it, whole blocks of letters, which costs a tenth.

use regex::Regex;

/// A fixed regular expression, compiled once.
macro_rules! pattern {
    ($pattern:expr) => {{
        static PATTERN: std::sync::LazyLock<regex::Regex> =
            std::sync::LazyLock::new(|| $crate::pipelines::app::grammar::pattern::compile($pattern));
        &*PATTERN
    }};
}
pub(crate) use pattern;

/// What `\w` stands for: ASCII words, Latin to the end of the alphabets of the first plane without its blocks of
/// punctuation and symbols, the East Asian letters, and the planes above without emoji.
const WORD: &str = concat!(
    r"0-9A-Za-z_\x{AA}\x{B5}\x{BA}\x{C0}-\x{D6}\x{D8}-\x{F6}\x{F8}-\x{1FFF}\x{200C}\x{200D}\x{2C00}-\x{2DFF}",
    r"\x{3005}-\x{3007}\x{3031}-\x{FDFF}\x{FE70}-\x{FEFF}\x{FF10}-\x{FFDC}\x{10000}-\x{1EFFF}\x{20000}-\x{3FFFF}",
);

/// The regular expression of a fixed pattern, with the narrower `\w`.
pub(super) fn compile(pattern: &str) -> Regex {
    Regex::new(&with_word(pattern)).expect("a fixed pattern")
}

fn with_word(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() * 2);
    let mut in_class = false;
    let mut chars = pattern.chars();
    while let Some(next) = chars.next() {
        match next {
            '\\' => match chars.next() {
                Some('w') if in_class => out.push_str(WORD),
                Some('w') => out.extend(["[", WORD, "]"]),
                Some(escaped) => out.extend(['\\', escaped]),
                None => out.push('\\'),
            },
            _ => {
                in_class = (in_class || next == '[') && next != ']';
                out.push(next);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_any_alphabet_are_words() {
        let words = compile(r"(?i)^[\w'-]+$");
        for word in ["book", "B2_x", "café", "ÜBUNG", "Straße", "книга", "本", "don't", "naïve-ish", "ελλάδα"]
        {
            assert!(words.is_match(word), "{word}");
        }
    }

    #[test]
    fn punctuation_and_symbols_are_not() {
        let word = compile(r"\w");
        for text in ["–", "—", "“", "’", "×", "÷", "€", "…", "→", "😀", "·", " ", "。", "!", "«"]
        {
            assert!(!word.is_match(text), "{text}");
        }
    }

    #[test]
    fn a_word_in_a_class_and_alone() {
        assert_eq!(with_word(r"\[\w[^\w-]\\w"), format!(r"\[[{WORD}][^{WORD}-]\\w"));
    }
}
