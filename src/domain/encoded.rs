//! How long texts are once they are JSON: what bounds a message must count what is sent, not what was said. The browser
//! counts alike (`static/js/client/fold.js`).

use std::borrow::Cow;

/// Ends a text that was cut.
const ELLIPSIS: &str = "…";

/// Bytes of the text in JSON, without its quotation marks.
pub fn json_bytes(text: &str) -> usize {
    text.bytes().map(byte_in_json).sum()
}

/// The text when it has at most `bytes_max` bytes in JSON, else its beginning and an ellipsis in so many.
pub fn cut_to(text: &str, bytes_max: usize) -> Cow<'_, str> {
    // Most texts are far too short to be counted.
    if text.len() * 6 <= bytes_max || json_bytes(text) <= bytes_max {
        return Cow::Borrowed(text);
    }
    let mut left = bytes_max.saturating_sub(ELLIPSIS.len());
    let mut end = text.len();
    for (place, character) in text.char_indices() {
        let size = if character.is_ascii() { byte_in_json(character as u8) } else { character.len_utf8() };
        if size > left {
            end = place;
            break;
        }
        left -= size;
    }
    Cow::Owned(format!("{}{ELLIPSIS}", &text[..end]))
}

/// What `serde_json` and `JSON.stringify` make of it.
fn byte_in_json(byte: u8) -> usize {
    match byte {
        b'"' | b'\\' | 0x08 | b'\t' | b'\n' | 0x0c | b'\r' => 2,
        0..0x20 => 6,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_too_long_is_cut_between_characters() {
        for (text, bytes_max, expected) in [
            ("short", 64, "short"),
            ("exactly", 7, "exactly"),
            ("one more", 7, "one …"),
            ("ööö", 6, "ööö"),
            ("öööö", 6, "ö…"),
            ("\u{1}\u{1}", 12, "\u{1}\u{1}"),
            ("\u{1}\u{1}\u{1}", 12, "\u{1}…"),
            ("🎭🎭", 7, "🎭…"),
            ("\"\"\"\"", 6, "\"…"),
        ] {
            assert_eq!(cut_to(text, bytes_max), expected, "{text:?} to {bytes_max}");
        }
    }

    proptest! {
        #[test]
        fn counts_what_is_written(text in "(?s).{0,60}", bytes_max in 3usize..80) {
            let written = |text: &str| serde_json::to_string(text).unwrap().len() - 2;
            prop_assert_eq!(json_bytes(&text), written(&text));
            prop_assert!(written(&cut_to(&text, bytes_max)) <= bytes_max);
        }
    }
}
