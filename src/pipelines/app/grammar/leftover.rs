//! Words of an understood clause that nothing was built from: `on Tuesdays` of `sort by rating on Tuesdays`. They are
//! said to be not covered rather than passed over.

use super::draft::{Clause, Draft, plain_parts};
use super::pattern;
use super::vocabulary::{COLOURS, MOODS, SYNONYMS};

/// The words, with the small word before each; none when the whole clause was understood.
pub(super) fn leftover(clause: &Clause, draft: &Draft) -> Option<String> {
    let mut names: Vec<String> = Vec::new();
    for entity in &draft.entities {
        names.extend(plain_parts(&entity.label));
        for field in &entity.fields {
            let parts = plain_parts(&field.label);
            for group in SYNONYMS {
                if parts.last().is_some_and(|last| group.contains(&last.as_str()))
                    || group.contains(&parts.join(" ").as_str())
                {
                    names.extend(group.iter().flat_map(|word| word.split(' ').map(str::to_owned)));
                }
            }
            names.extend(parts);
            if let crate::pipelines::app::spec::FieldKind::Choice { choices } = &field.kind {
                names.extend(choices.iter().flat_map(|choice| plain_parts(&choice.label)));
            }
        }
    }
    let raw: Vec<&str> = clause.low.split_whitespace().collect();
    let open: Vec<bool> = raw
        .iter()
        .zip(&clause.words)
        .map(|(raw, word)| {
            let spoken = |word: &str| {
                SMALL.contains(&word)
                    || MOODS.contains(&word)
                    || COLOURS.contains(&word)
                    || names.iter().any(|name| name == word)
            };
            let parts = plain_parts(raw);
            !(spoken(raw)
                || spoken(word)
                || acts(word)
                || acts(raw)
                || parts.iter().all(|part| spoken(part) || acts(part))
                || related(raw, &names)
                || !raw.chars().any(char::is_alphabetic))
        })
        .collect();
    let mut said: Vec<String> = Vec::new();
    let mut at = 0;
    while at < raw.len() {
        if !open[at] {
            at += 1;
            continue;
        }
        let small =
            ["on", "in", "at", "for", "to", "from", "with", "by", "per", "of", "every", "each", "after"];
        let from = if at > 0 && small.contains(&raw[at - 1]) { at - 1 } else { at };
        let mut end = at + 1;
        while end < raw.len() && open[end] {
            end += 1;
        }
        said.push(format!("`{}`", raw[from..end].join(" ")));
        at = end;
    }
    said.truncate(3);
    (!said.is_empty()).then(|| said.join(", "))
}

/// When a clause asks for a list alone, words about an order or a day were passed over.
pub(super) fn of_a_list(clause: &Clause) -> Option<String> {
    let words: Vec<String> = clause
        .low
        .split_whitespace()
        .filter(|word| {
            [
                "today",
                "yesterday",
                "first",
                "last",
                "latest",
                "recent",
                "recently",
                "soon",
                "month",
                "top",
                "current",
            ]
            .contains(word)
        })
        .map(|word| format!("`{word}`"))
        .collect();
    (!words.is_empty()).then(|| words.join(", "))
}

/// `unpaid` and `not paid`, `completed` and `complete`: a form of a word that is known.
fn related(word: &str, names: &[String]) -> bool {
    let bare = word.strip_prefix("un").unwrap_or(word);
    let stem = |word: &str| -> String {
        ["ing", "ed", "es", "ly", "s", "d", "e"]
            .iter()
            .find_map(|ending| word.strip_suffix(ending))
            .filter(|stem| stem.len() > 2)
            .unwrap_or(word)
            .to_owned()
    };
    let wanted = stem(bare);
    names.iter().any(|name| stem(name) == wanted)
}

fn acts(word: &str) -> bool {
    pattern!(
        r"^(?:mak|add|creat|enter|insert|regist|edit|chang|updat|modif|renam|correct|delet|remov|eras|list|show|display|brows|view|see|look|manag|maintain|search|find|filter|sort|order|rank|group|count|total|sum|averag|calculat|comput|mark|set|tick|check|cross|complet|mov|drag|drop|warn|alert|notif|highlight|point|remind|export|import|download|upload|undo|redo|undone|redone|revert|quiz|ask|test|practi|learn|play|scor|tak|us|keep|stor|record|track|log|sav|book|overlap|clash|collid|exceed|allow|requir|need|fill|leav|limit|restrict|narrow|select|choos|pick|switch|toggl|go|goes|chang|transition|flag|colou?r|styl|theme|look|feel|design|belong|assign|shown|seen|found|made|put|giv|open|click|backup|restor|load|read|writ|print|answer|summari|tell|know|get|want|like|spend|spent|ru?n out|reorder|finish|done|start|end|begin|expir|pass|approach|due|overdue|empty|blank|miss|duplicat|uniqu|mandator|optional|option|default|possib|allowed|permitt|forbid|forbidden|prevent|refus|reject|accept|valid)(?:e?s|d|ed|e|ing|able|ible|ion|er|ment|y|ies|ied|ted|ting|ged|ging|ped|ping|ned|ning|atory|ory|ally|red|ring|[a-z]?ation)?$"
    )
    .is_match(word)
}

const SMALL: &[&str] = &[
    "a",
    "an",
    "the",
    "this",
    "that",
    "these",
    "those",
    "it",
    "its",
    "them",
    "they",
    "their",
    "i",
    "we",
    "you",
    "me",
    "us",
    "my",
    "our",
    "your",
    "one",
    "ones",
    "some",
    "any",
    "all",
    "every",
    "each",
    "both",
    "no",
    "not",
    "none",
    "without",
    "with",
    "and",
    "or",
    "but",
    "nor",
    "also",
    "too",
    "as",
    "well",
    "by",
    "per",
    "of",
    "in",
    "on",
    "at",
    "to",
    "from",
    "for",
    "into",
    "onto",
    "over",
    "through",
    "than",
    "then",
    "when",
    "whenever",
    "if",
    "where",
    "which",
    "who",
    "whose",
    "what",
    "how",
    "many",
    "much",
    "whether",
    "while",
    "so",
    "such",
    "is",
    "are",
    "be",
    "been",
    "being",
    "was",
    "were",
    "has",
    "have",
    "had",
    "do",
    "does",
    "did",
    "can",
    "cannot",
    "could",
    "may",
    "might",
    "must",
    "shall",
    "should",
    "will",
    "would",
    "let",
    "there",
    "here",
    "able",
    "only",
    "just",
    "always",
    "never",
    "ever",
    "at-most",
    "most",
    "least",
    "more",
    "less",
    "fewer",
    "equal",
    "same",
    "other",
    "another",
    "two",
    "up",
    "down",
    "out",
    "off",
    "back",
    "again",
    "away",
    "under",
    "below",
    "above",
    "between",
    "within",
    "across",
    "before",
    "after",
    "until",
    "since",
    "during",
    "within",
    "inclusive",
    "including",
    "include",
    "either",
    "neither",
    "otherwise",
    "together",
    "separate",
    "separately",
    "please",
    "user",
    "people",
    "person",
    "app",
    "application",
    "page",
    "screen",
    "table",
    "list",
    "view",
    "button",
    "box",
    "field",
    "form",
    "file",
    "data",
    "thing",
    "item",
    "entry",
    "record",
    "everything",
    "something",
    "anything",
    "nothing",
    "text",
    "word",
    "keyword",
    "letter",
    "character",
    "char",
    "sign",
    "number",
    "value",
    "figure",
    "figures",
    "statistic",
    "stat",
    "statistics",
    "stats",
    "dashboard",
    "insight",
    "summary",
    "overview",
    "report",
    "key",
    "chart",
    "calendar",
    "month",
    "monthly",
    "agenda",
    "board",
    "boards",
    "kanban",
    "column",
    "columns",
    "lane",
    "swimlane",
    "card",
    "cards",
    "streak",
    "streaks",
    "row",
    "consecutive",
    "current",
    "currently",
    "day",
    "days",
    "daily",
    "once",
    "today",
    "yesterday",
    "now",
    "date",
    "time",
    "csv",
    "json",
    "spreadsheet",
    "format",
    "formats",
    "last",
    "latest",
    "newest",
    "oldest",
    "earliest",
    "first",
    "lowest",
    "highest",
    "largest",
    "smallest",
    "biggest",
    "cheapest",
    "expensive",
    "best",
    "worst",
    "top",
    "longest",
    "shortest",
    "most-recent",
    "recent",
    "recently",
    "ascending",
    "descending",
    "alphabetical",
    "alphabetically",
    "reverse",
    "high",
    "low",
    "z",
    "order",
    "ordering",
    "minimum",
    "maximum",
    "minimal",
    "maximal",
    "mean",
    "double",
    "duplicate",
    "conflict",
    "range",
    "long",
    "length",
    "limit",
    "greater",
    "larger",
    "smaller",
    "higher",
    "lower",
    "bigger",
    "shorter",
    "longer",
    "negative",
    "positive",
    "zero",
    "percent",
    "money",
    "times",
    "time",
    "plus",
    "minus",
    "->",
    "step",
    "steps",
    "state",
    "states",
    "stage",
    "action",
    "actions",
    "mistake",
    "mistakes",
    "easily",
    "easy",
    "quickly",
    "quick",
    "simple",
    "simply",
    "directly",
    "nicely",
    "clearly",
    "immediately",
    "fast",
    "convenient",
    "friendly",
    "mode",
    "palette",
    "layout",
    "background",
    "accent",
    "touch",
    "tone",
    "tones",
    "appearance",
    "interface",
    "ui",
    "visually",
    "very",
    "rather",
    "slightly",
    "really",
    "quite",
    "bit",
    "kind",
    "sort",
    "way",
    "ability",
    "function",
    "feature",
    "possible",
    "necessary",
    "allowed",
    "single",
    "multiple",
    "several",
    "different",
    "existing",
    "new",
    "old",
    "whole",
    "full",
    "complete",
    "exact",
    "exactly",
    "part",
    "parts",
    "content",
    "contents",
    "name",
    "title",
    "stock",
    "running",
    "past",
    "passed",
    "late",
    "soon",
    "attention",
    "red",
    "question",
    "questions",
    "right",
    "wrong",
    "correct",
    "random",
    "randomly",
    "me",
    "quiz",
    "flashcard",
    "flash",
    "mine",
    "own",
    "itself",
    "themselves",
    "he",
    "she",
    "someone",
    "somebody",
    "everyone",
    "anyone",
    "room",
    "total",
    "totals",
    "sum",
    "sums",
    "average",
    "averages",
    "about",
    "like",
    "yes",
    "whatever",
    "case",
    "capital",
    "upper",
    "insensitive",
    "regardless",
    "clear",
    "cleared",
    "reset",
    "backup",
    "copy",
    "computer",
    "device",
    "disk",
    "place",
    "position",
    "detail",
    "details",
    "via",
    "next",
    "previous",
    "later",
    "earlier",
    "anytime",
    "archive",
    "fewest",
    "hundred",
    "thousand",
    "shopping",
    "packing",
    "grocery",
    "groceries",
    "taken",
    "eaten",
    "lists",
    "apps",
    "team",
    "small",
    "to-do",
    "to-dos",
    "half",
    "rule",
    "rules",
    "warning",
    "notice",
    "badge",
    "yet",
    "still",
    "already",
];

#[cfg(test)]
mod tests {
    use super::super::{read, understand};

    #[test]
    fn tails_are_said() {
        for (sentence, said) in [
            ("sort by rating on Tuesdays", Some("`on tuesdays`")),
            ("search by title with voice commands", Some("`with voice commands`")),
            ("sort by rating, highest first", None),
            ("users can quickly find books by title", None),
            ("count per status", None),
            ("filter by status for librarians", Some("`for librarians`")),
            ("mark a book as done", None),
        ] {
            let brief = format!("Books with title, status (open, done) and rating 1 to 5. {sentence}.");
            let understanding = understand(&read(&brief));
            let last = understanding.verdicts.last().expect("the sentence itself");
            match said {
                Some(words) => assert!(
                    last.problem.as_ref().is_some_and(|problem| problem.contains(words)),
                    "{sentence}: {last:?}"
                ),
                None => assert_eq!(last.problem, None, "{sentence}"),
            }
        }
    }
}
