//! Small slips of the keyboard in the words that the grammar lives by: `serach` is search, `categry` category.
//!
//! Only slips that hardly make another English word are put right: two letters swapped, a letter twice, and in long
//! words a letter left out or an s for a c.

use std::borrow::Cow;

use super::pattern;
use super::vocabulary as v;
use super::words::{plural, singular};

/// The text with such words put right.
pub(super) fn spelled(text: &str) -> Cow<'_, str> {
    pattern!(r"\b[A-Za-z]{5,14}\b").replace_all(text, |found: &regex::Captures<'_>| {
        let word = &found[0];
        match corrected(&word.to_lowercase()) {
            Some(right) if word.starts_with(char::is_uppercase) => {
                let mut signs = right.chars();
                signs.next().map(|first| first.to_uppercase().chain(signs).collect()).unwrap_or_default()
            }
            Some(right) => right,
            None => word.to_owned(),
        }
    })
}

const VERBS: &[&str] = &[
    "search",
    "filter",
    "sort",
    "count",
    "export",
    "import",
    "delete",
    "remove",
    "total",
    "average",
    "title",
    "category",
    "status",
    "author",
    "number",
    "calendar",
    "statistics",
    "overdue",
    "required",
    "unique",
    "between",
];

fn corrected(word: &str) -> Option<String> {
    let lists = [
        VERBS,
        v::MONEY,
        v::DATE,
        v::INTEGER,
        v::LONG_TEXT,
        v::CHOICE_LIKE,
        v::TITLE_LIKE,
        v::THINGS,
        v::EMAIL,
    ];
    let known = || lists.iter().flat_map(|list| list.iter()).copied().filter(|known| known.len() > 4);
    let one = singular(word);
    if known().any(|known| known == word || known == one) {
        return None;
    }
    let many = one != word;
    let right = known().find(|known| slip(&one, known))?;
    Some(if many { plural(right) } else { right.to_owned() })
}

/// True when the word is the known one with one slip.
fn slip(word: &str, known: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (word.chars().collect(), known.chars().collect());
    let same = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    if same == 0 {
        return false;
    }
    let rest = |from_a: usize, from_b: usize| a.get(from_a..) == b.get(from_b..);
    if a.len() == b.len() {
        let swapped =
            a.get(same) == b.get(same + 1) && a.get(same + 1) == b.get(same) && rest(same + 2, same + 2);
        let soft = b.len() > 6
            && matches!((a.get(same), b.get(same)), (Some('c'), Some('s')) | (Some('s'), Some('c')));
        return (swapped && a.get(same).is_some()) || (soft && rest(same + 1, same + 1));
    }
    if a.len() + 1 == b.len() {
        return b.len() > 6 && rest(same, same + 1);
    }
    // A letter typed twice differs after the second of them.
    a.len() == b.len() + 1 && a.get(same) == a.get(same.saturating_sub(1)) && rest(same + 1, same)
}

#[cfg(test)]
mod tests {
    use super::spelled;

    #[test]
    fn slips_are_put_right_and_words_left_alone() {
        for (text, right) in [
            ("serach by categry", "search by category"),
            ("Expences", "Expenses"),
            ("fitler by staus", "filter by staus"),
            ("tittle", "title"),
            ("planets, prizes, contracts, massages", "planets, prizes, contracts, massages"),
            ("states and counties", "states and counties"),
        ] {
            assert_eq!(spelled(text), right);
        }
    }
}
