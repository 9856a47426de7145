//! What a field holds, guessed from its name.

use super::vocabulary as v;
use super::words::{kebab, label, parts, singular};
use crate::pipelines::app::spec::{Choice, FieldKind};

/// The words of a name in the singular, joined: `Wrong answers` is `wrong answer`.
pub(super) fn plain(name: &str) -> String {
    let words: Vec<String> = parts(name).iter().map(|word| singular(word)).collect();
    words.join(" ")
}

fn is(list: &[&str], name: &str) -> bool {
    if list.contains(&name) {
        return true;
    }
    // `unit price` is a price; for lists with longer entries the last two words are tried before the last one.
    let words: Vec<&str> = name.split(' ').collect();
    let tail = |count: usize| words[words.len().saturating_sub(count)..].join(" ");
    list.contains(&tail(2).as_str()) || list.contains(&tail(1).as_str())
}

/// The type that the name of a field suggests; one line of text when it suggests nothing.
pub(super) fn infer(name: &str) -> FieldKind {
    let name = plain(name);
    let text = FieldKind::Text { max_length: None };
    let integer = FieldKind::Integer { min: None, max: None };
    // `pages read`, `date finished`, `amount paid`: the first word is what it is.
    if let Some((first, last)) = name.split_once(' ')
        && !last.contains(' ')
        && (last.ends_with("ed")
            || ["read", "paid", "spent", "lent", "due", "owed", "run", "done", "won"].contains(&last))
        && (is(v::INTEGER, first) || is(v::MONEY, first) || is(v::DECIMAL, first) || first == "date")
        && !is(v::DATES, &name)
        && !is(v::DATE, last)
    {
        return infer(first);
    }
    if let Some(last) = name.strip_prefix("last ")
        && (last.ends_with("ed") || ["read", "seen", "used", "done"].contains(&last))
    {
        return FieldKind::Date;
    }
    if name.starts_with("rsvp") {
        return choice(&["no answer".to_owned(), "coming".to_owned(), "not coming".to_owned()]);
    }
    if name.starts_with("time of day") {
        return FieldKind::Time;
    }
    match name.as_str() {
        "start" | "end" | "begin" | "beginning" | "finish" | "start date time" | "end date time" => {
            return FieldKind::DateTime;
        }
        _ => {}
    }
    if is(v::DATES, &name) && !name.ends_with("start") {
        return FieldKind::Dates;
    }
    if is(v::EMAIL, &name) {
        return FieldKind::Email;
    }
    if is(v::PHONE, &name) {
        return FieldKind::Phone;
    }
    // A serial or card number is a name, not something to calculate with.
    let number_names = [
        "serial", "card", "account", "order", "invoice", "part", "room", "model", "house", "article", "id",
        "isbn",
    ];
    if name.ends_with(" number") && number_names.iter().any(|word| name.starts_with(word)) {
        return text;
    }
    if is(v::URL, &name) {
        return FieldKind::Url;
    }
    if is(v::TAGS, &name) {
        return FieldKind::Tags;
    }
    if name.ends_with("date and time") || name.ends_with("datetime") {
        return FieldKind::DateTime;
    }
    if name == "time" || name.ends_with(" time") {
        let minutes = [
            "cooking",
            "preparation",
            "prep",
            "reading",
            "travel",
            "waiting",
            "baking",
            "playing",
            "play",
            "running",
            "driving",
            "total",
            "cook",
            "bake",
        ];
        return if minutes.iter().any(|word| name.starts_with(word)) { integer } else { FieldKind::Time };
    }
    if is(v::DATE, &name) {
        return FieldKind::Date;
    }
    if is(v::RATING, &name) {
        return FieldKind::Rating { min: 1.0, max: 5.0 };
    }
    if is(v::STATE_LIKE, &name) {
        return choice(&["open".to_owned(), "in progress".to_owned(), "done".to_owned()]);
    }
    if name == "priority" {
        return choice(&["low".to_owned(), "medium".to_owned(), "high".to_owned()]);
    }
    if v::BOOLEAN.contains(&name.as_str()) || name.starts_with("is ") {
        return FieldKind::Boolean;
    }
    if name.starts_with("minimum ") || name.starts_with("maximum ") {
        return match infer(name.split_once(' ').map_or("", |(_, rest)| rest)) {
            FieldKind::Text { .. } => integer,
            kind => kind,
        };
    }
    if is(v::MONEY, &name) {
        return FieldKind::Money { min: None, max: None };
    }
    if is(v::DECIMAL, &name) {
        return FieldKind::Decimal { min: None, max: None };
    }
    if is(v::INTEGER, &name) {
        return integer;
    }
    if is(v::LONG_TEXT, &name) {
        return FieldKind::LongText { max_length: None };
    }
    text
}

/// A choice field with these values; none twice.
pub(super) fn choice(labels: &[String]) -> FieldKind {
    let mut choices: Vec<Choice> = Vec::new();
    for words in labels {
        let value = kebab(words);
        if !value.is_empty() && choices.iter().all(|choice| choice.value != value) {
            choices.push(Choice { value, label: label(words) });
        }
    }
    FieldKind::Choice { choices }
}

/// True for what can be added up and compared.
pub(super) fn is_number(kind: &FieldKind) -> bool {
    matches!(
        kind,
        FieldKind::Integer { .. }
            | FieldKind::Decimal { .. }
            | FieldKind::Money { .. }
            | FieldKind::Rating { .. }
            | FieldKind::Derived { .. }
    )
}

/// True for what a text search can look into.
pub(super) fn is_text(kind: &FieldKind) -> bool {
    matches!(
        kind,
        FieldKind::Text { .. }
            | FieldKind::LongText { .. }
            | FieldKind::Email
            | FieldKind::Url
            | FieldKind::Phone
            | FieldKind::Tags
    )
}

/// True for what lies on a day.
pub(super) fn is_day(kind: &FieldKind) -> bool {
    matches!(kind, FieldKind::Date | FieldKind::DateTime)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_type() {
        let name = |field: &str| {
            let json = serde_json::to_value(infer(field)).expect("kinds are plain data");
            json["type"].as_str().expect("tagged").to_owned()
        };
        for (field, kind) in [
            ("title", "text"),
            ("unit price", "money"),
            ("notes", "long-text"),
            ("due date", "date"),
            ("deadline", "date"),
            ("start", "date-time"),
            ("start time", "time"),
            ("quantity", "integer"),
            ("minimum", "integer"),
            ("minimum quantity", "integer"),
            ("email", "email"),
            ("phone number", "phone"),
            ("serial number", "text"),
            ("website", "url"),
            ("tags", "tags"),
            ("wrong answers", "tags"),
            ("days done", "dates"),
            ("paid", "boolean"),
            ("rating", "rating"),
            ("priority", "choice"),
            ("status", "choice"),
            ("weight", "decimal"),
            ("answer", "text"),
        ] {
            assert_eq!(name(field), kind, "{field}");
        }
    }
}
