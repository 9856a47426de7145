//! From the words of a person to a plain form that patterns can be matched against.
//!
//! The plain form keeps the letter case (labels are made from it), separates everything by single spaces, writes
//! contractions out (`don't` becomes `do not`), numbers as digits and ranges as `1 to 5`.

use super::pattern;
use super::spelling::spelled;

/// The plain form of a clause.
pub(super) fn normalise(text: &str) -> String {
    let text = text.replace("\u{2019}", "'").replace("\u{2018}", "'");
    let text = pattern!(r"(?i)\bplus[ -]one\b").replace_all(&text, "plus-one");
    let text = pattern!(r"(?i)\b(?:min|minimum) (?:and|&|/|or) (?:max|maximum) (?P<what>[a-z]+)")
        .replace_all(&text, "minimum $what, maximum $what");
    let text = pattern!(r"(?i)\b(?P<name>[a-z]+) yes/no\b").replace_all(&text, "$name (yes/no)");
    let text = spelled(&text);
    let mut out: Vec<String> = Vec::new();
    let mut depth = 0_usize;
    for piece in pieces(&text) {
        match piece.as_str() {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if piece.chars().next().is_some_and(char::is_alphanumeric) {
            word(&piece, &mut out);
        } else {
            out.push(piece);
        }
    }
    join_numbers(&out)
}

/// Words and signs in order; what has no meaning to the grammar is left out.
fn pieces(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut out = Vec::new();
    let mut at = 0;
    let mut line_start = true;
    while at < chars.len() {
        let here = chars[at];
        let next = chars.get(at + 1).copied().unwrap_or(' ');
        if here == '\n' {
            line_start = true;
            at += 1;
            continue;
        }
        if here.is_whitespace() {
            at += 1;
            continue;
        }
        if line_start && at > 0 {
            // A bullet inside a sentence is the next item of a list.
            if matches!(here, '-' | '*' | '•' | '–' | '·' | '+') && next.is_whitespace() {
                let heads = !out.iter().any(|piece| piece == ":" || piece == ",");
                out.push(if heads { ":" } else { "," }.to_owned());
                line_start = false;
                at += 1;
                continue;
            }
            let digits = chars[at..].iter().take(3).take_while(|sign| sign.is_ascii_digit()).count();
            let after = chars.get(at + digits).copied().unwrap_or(' ');
            let space = chars.get(at + digits + 1).is_none_or(|sign| sign.is_whitespace());
            if digits > 0 && matches!(after, '.' | ')') && space {
                out.push(",".to_owned());
                line_start = false;
                at += digits + 1;
                continue;
            }
        }
        line_start = false;
        if here.is_alphanumeric() {
            let start = at;
            at += 1;
            while at < chars.len() {
                let sign = chars[at];
                let before = chars[at - 1];
                let after = chars.get(at + 1).copied().unwrap_or(' ');
                let digits = before.is_ascii_digit() && after.is_ascii_digit();
                let inside = match sign {
                    '-' | '\'' | '_' => after.is_alphanumeric() && before.is_alphanumeric() && !digits,
                    '.' | ':' => digits,
                    ',' => digits && thousands(&chars, at),
                    _ => sign.is_alphanumeric(),
                };
                if !inside {
                    break;
                }
                at += 1;
            }
            out.push(chars[start..at].iter().filter(|sign| **sign != ',').collect());
            continue;
        }
        let before_digit = at > 0 && chars[at - 1].is_ascii_digit();
        let sign = match here {
            '(' | '[' | '{' => "(",
            ')' | ']' | '}' => ")",
            ',' | ';' => ",",
            ':' => ":",
            '/' => "/",
            '&' => "and",
            '*' | '×' | '·' => "times",
            '+' => "plus",
            '=' if next == '>' => {
                at += 1;
                "->"
            }
            '=' => "is",
            '→' | '⇒' => "->",
            '-' if next == '>' => {
                at += 1;
                "->"
            }
            '<' if next == '=' => {
                at += 1;
                "at most"
            }
            '>' if next == '=' => {
                at += 1;
                "at least"
            }
            '<' if next.is_whitespace() || next.is_ascii_digit() => "less than",
            '>' if next.is_ascii_digit()
                || (next.is_whitespace() && at > 0 && chars[at - 1].is_whitespace()) =>
            {
                "more than"
            }
            '-' | '–' if before_digit && next.is_ascii_digit() => "to",
            '-' if next.is_ascii_digit() && (at == 0 || chars[at - 1].is_whitespace()) => "minus",
            '–' | '—' => ",",
            '-' if next.is_whitespace() && at > 0 && chars[at - 1].is_whitespace() => "minus",
            '.' if before_digit && next == '.' => {
                while chars.get(at + 1) == Some(&'.') {
                    at += 1;
                }
                "to"
            }
            '€' | '$' | '£' => "money",
            '%' => "percent",
            _ => "",
        };
        if !sign.is_empty() {
            out.push(sign.to_owned());
        }
        at += 1;
    }
    out
}

fn thousands(chars: &[char], comma: usize) -> bool {
    let digits = chars[comma + 1..].iter().take(4).take_while(|sign| sign.is_ascii_digit()).count();
    let before = chars[..comma].iter().rev().take(4).take_while(|sign| sign.is_ascii_digit()).count();
    digits == 3 && (1..=3).contains(&before)
}

/// Writes contractions out and drops the possessive.
fn word(piece: &str, out: &mut Vec<String>) {
    let low = piece.to_lowercase();
    let long = match low.as_str() {
        "cannot" | "can't" => "can not",
        "won't" => "will not",
        "let's" => "let us",
        "it's" => "it is",
        "that's" => "that is",
        "there's" => "there is",
        "i'm" => "I am",
        "e-mail" | "emails" | "e-mails" => "email",
        "todo" => "to-do",
        "todos" => "to-dos",
        "max" => "maximum",
        "min" => "minimum",
        _ => "",
    };
    if !long.is_empty() {
        out.extend(long.split(' ').map(str::to_owned));
        return;
    }
    for (ending, full) in
        [("n't", " not"), ("'d", " would"), ("'ll", " will"), ("'ve", " have"), ("'re", " are"), ("'s", "")]
    {
        if low.ends_with(ending)
            && let Some(stem) = piece.get(..piece.len().saturating_sub(ending.len()))
        {
            out.push(stem.to_owned());
            if !full.is_empty() {
                out.push(full.trim().to_owned());
            }
            return;
        }
    }
    out.push(piece.to_owned());
}

/// Joins with spaces; number words outside parentheses become digits. `one` alone stays a word (`one of`).
fn join_numbers(words: &[String]) -> String {
    let mut out: Vec<String> = Vec::with_capacity(words.len());
    let mut depth = 0_usize;
    let mut at = 0;
    while at < words.len() {
        match words[at].as_str() {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            let (number, used) = number_words(&words[at..]);
            if let Some(number) = number {
                out.push(number.to_string());
                at += used;
                continue;
            }
        }
        out.push(words[at].clone());
        at += 1;
    }
    out.join(" ")
}

/// The number that these words begin with, and how many of them it takes.
fn number_words(words: &[String]) -> (Option<u64>, usize) {
    let mut total = 0_u64;
    let mut part = 0_u64;
    let mut used = 0;
    for (index, word) in words.iter().take(6).enumerate() {
        let low = word.to_lowercase();
        if low == "a" && index == 0 {
            let next = words.get(1).map(|next| next.to_lowercase());
            if !matches!(next.as_deref(), Some("hundred" | "thousand" | "dozen")) {
                break;
            }
            part = 1;
            used = 1;
            continue;
        }
        match low.as_str() {
            "hundred" if used > 0 => part = part.max(1) * 100,
            "thousand" if used > 0 => {
                total += part.max(1) * 1000;
                part = 0;
            }
            "dozen" if used > 0 => part = part.max(1) * 12,
            "one" => {
                let next = words.get(index + 1).map(|next| next.to_lowercase());
                let after = words.get(index + 2).map(|next| next.to_lowercase());
                let range = matches!(next.as_deref(), Some("to" | "and" | "through"))
                    && after
                        .is_some_and(|after| small_number(&after).is_some() || after.parse::<u64>().is_ok());
                if range && used == 0 {
                    return (Some(1), 1);
                }
                let scale = matches!(next.as_deref(), Some("hundred" | "thousand" | "dozen"));
                if !scale {
                    break;
                }
                part += 1;
            }
            _ => match small_number(&low) {
                Some(number) => part += number,
                None => break,
            },
        }
        used = index + 1;
    }
    if used == 0 { (None, 0) } else { (Some(total + part), used) }
}

fn small_number(word: &str) -> Option<u64> {
    const WORDS: [(&str, u64); 27] = [
        ("zero", 0),
        ("two", 2),
        ("three", 3),
        ("four", 4),
        ("five", 5),
        ("six", 6),
        ("seven", 7),
        ("eight", 8),
        ("nine", 9),
        ("ten", 10),
        ("eleven", 11),
        ("twelve", 12),
        ("thirteen", 13),
        ("fourteen", 14),
        ("fifteen", 15),
        ("sixteen", 16),
        ("seventeen", 17),
        ("eighteen", 18),
        ("nineteen", 19),
        ("twenty", 20),
        ("thirty", 30),
        ("forty", 40),
        ("fifty", 50),
        ("sixty", 60),
        ("seventy", 70),
        ("eighty", 80),
        ("ninety", 90),
    ];
    WORDS.iter().find(|(name, _)| *name == word).map(|(_, number)| *number)
}

#[cfg(test)]
mod tests {
    use super::normalise;

    #[test]
    fn plain_form() {
        for (text, plain) in [
            ("Books with title, author (a; b)", "Books with title , author ( a , b )"),
            ("It can't be empty", "It can not be empty"),
            ("rating 1-5", "rating 1 to 5"),
            ("rating 1–5", "rating 1 to 5"),
            ("at most 20,000 books", "at most 20000 books"),
            ("at most twenty books", "at most 20 books"),
            ("one of a hundred", "one of 100"),
            ("no two books", "no 2 books"),
            ("open -> done → closed", "open -> done -> closed"),
            ("total = price * quantity", "total is price times quantity"),
            ("A book has:\n- title\n- author", "A book has : , title , author"),
            ("from 9:30, costs 1.5", "from 9:30 , costs 1.5"),
            ("the book's e-mail", "the book email"),
            ("", ""),
        ] {
            assert_eq!(normalise(text), plain, "{text}");
        }
    }
}
