//! Fixed regular expressions of the grammar.
//!
//! There are more than a hundred of them and they live as long as the server, so what each one costs in memory matters.
//! `\w` names some 140,000 characters in 770 ranges, which is 30 KB of automaton wherever it stands; here it means the
//! same for ASCII and, beyond it, whole blocks of letters, which costs a tenth.
//!
//! What a search needs beside the expression, some 40 KB, is kept with it for the next search, for as many threads as ever
//! searched at once. It would outlive every brief, so each thread has handles of its own ([`Pattern`]), which end with it.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::LazyLock;

use regex::{Captures, Match, Regex, Replacer};

thread_local! {
    /// The handles of this thread, by the address of their pattern. They share the automaton, not what a search needs.
    static HANDLES: RefCell<HashMap<usize, Rc<Regex>>> = RefCell::default();
}

/// A fixed regular expression, compiled once, and searched by each thread with memory of its own.
pub(super) struct Pattern(LazyLock<Regex>);

impl Pattern {
    /// The pattern that `build` makes when it is first needed.
    pub(super) const fn new(build: fn() -> Regex) -> Self {
        Self(LazyLock::new(build))
    }

    fn handle(&'static self) -> Rc<Regex> {
        let address = std::ptr::from_ref(self).addr();
        HANDLES.with_borrow_mut(|handles| {
            Rc::clone(handles.entry(address).or_insert_with(|| Rc::new(Regex::clone(&self.0))))
        })
    }

    /// See [`Regex::is_match`].
    pub(super) fn is_match(&'static self, text: &str) -> bool {
        self.handle().is_match(text)
    }

    /// See [`Regex::find`].
    pub(super) fn find<'t>(&'static self, text: &'t str) -> Option<Match<'t>> {
        self.handle().find(text)
    }

    /// See [`Regex::captures`].
    pub(super) fn captures<'t>(&'static self, text: &'t str) -> Option<Captures<'t>> {
        self.handle().captures(text)
    }

    /// See [`Regex::captures_at`].
    pub(super) fn captures_at<'t>(&'static self, text: &'t str, from: usize) -> Option<Captures<'t>> {
        self.handle().captures_at(text, from)
    }

    /// See [`Regex::find_iter`]; all are found before the first is given.
    pub(super) fn find_iter<'t>(&'static self, text: &'t str) -> impl Iterator<Item = Match<'t>> + use<'t> {
        self.handle().find_iter(text).collect::<Vec<_>>().into_iter()
    }

    /// See [`Regex::split`]; all are found before the first is given.
    pub(super) fn split<'t>(&'static self, text: &'t str) -> impl Iterator<Item = &'t str> + use<'t> {
        self.handle().split(text).collect::<Vec<_>>().into_iter()
    }

    /// See [`Regex::replace`].
    pub(super) fn replace<'t>(&'static self, text: &'t str, by: impl Replacer) -> Cow<'t, str> {
        self.handle().replace(text, by)
    }

    /// See [`Regex::replace_all`].
    pub(super) fn replace_all<'t>(&'static self, text: &'t str, by: impl Replacer) -> Cow<'t, str> {
        self.handle().replace_all(text, by)
    }
}

/// A fixed regular expression, compiled once.
macro_rules! pattern {
    ($pattern:expr) => {{
        static PATTERN: $crate::pipelines::app::grammar::pattern::Pattern =
            $crate::pipelines::app::grammar::pattern::Pattern::new(|| {
                $crate::pipelines::app::grammar::pattern::compile($pattern)
            });
        &PATTERN
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

    #[test]
    fn each_thread_searches_with_memory_of_its_own() {
        let pattern: &'static Pattern = pattern!(r"^(\w+) (\w+)$");
        let other = std::thread::spawn(|| {
            assert_eq!(pattern.captures("two words").expect("they match")[2], *"words");
            assert!(Rc::ptr_eq(&pattern.handle(), &pattern.handle()), "a thread searches with one handle");
        });
        other.join().expect("it ended well");
        HANDLES
            .with_borrow(|mine| assert!(mine.is_empty(), "what another thread needed is held by this one"));
    }
}
