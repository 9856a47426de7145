//! Lists of fields: `title, author, status (to read, reading, done) and rating 1 to 5`.

use super::kinds::{choice, infer, plain};
use super::known::FIELD_NOUNS;
use super::pattern::{Pattern, compile};
use super::vocabulary::{CHOICE_LIKE, SCALE};
use crate::pipelines::app::spec::FieldKind;

/// One field as the brief says it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Item {
    /// Its name, like `due date`.
    pub(super) name: String,
    /// What it holds.
    pub(super) kind: FieldKind,
    /// True when the words say what it holds, so that a name of another entity does not overrule it.
    pub(super) told: bool,
    /// `required`, `must be filled`.
    pub(super) required: bool,
    /// `optional`.
    pub(super) optional: bool,
    /// `unique`.
    pub(super) unique: bool,
    /// `no ratings`, `without a due date`.
    pub(super) removed: bool,
    /// The value a new record starts with.
    pub(super) default: Option<String>,
    /// `(quantity times price)`: the words of the formula.
    pub(super) formula: Option<String>,
}

/// More fields than this in one list are noise.
pub(super) const ITEMS_MAX: usize = 60;

/// The fields of a list in plain form.
pub(super) fn parse(list: &str) -> Vec<Item> {
    read(list).0
}

/// The fields of a list in plain form, and the parts that are no fields.
pub(super) fn read(list: &str) -> (Vec<Item>, Vec<String>) {
    let pieces = gather(&apart(split(list)));
    let mut items = Vec::new();
    let mut unread: Vec<String> = Vec::new();
    for (index, piece) in pieces.iter().enumerate() {
        match item(piece).filter(|_| index < ITEMS_MAX) {
            Some(item) => items.push(item),
            None if unread.len() < 3 => unread.push(piece.words.join(" ")),
            None => {}
        }
    }
    (items, unread)
}

/// `name location`: without commas a name is followed by the next field.
fn apart(pieces: Vec<Vec<String>>) -> Vec<Vec<String>> {
    let mut out = Vec::with_capacity(pieces.len());
    for piece in pieces {
        let words: Vec<String> = piece.iter().map(|word| word.to_lowercase()).collect();
        let leads = words.first().is_some_and(|word| ["name", "title"].contains(&word.as_str()));
        let field = |words: &[String]| {
            let name = plain(&words.join(" "));
            FIELD_NOUNS.contains(&name.as_str()) || !matches!(infer(&name), FieldKind::Text { .. })
        };
        let rest = words.get(1..).unwrap_or_default();
        let next = (1..=rest.len().min(2)).find(|len| field(&rest[..*len]));
        match next.filter(|_| leads) {
            Some(_) => {
                out.push(piece[..1].to_vec());
                // Each of the rest that is a field by itself stands alone.
                let mut at = 1;
                while at < piece.len() {
                    let len = (1..=2).rev().find(|len| words.get(at..at + len).is_some_and(field));
                    let len = len.unwrap_or(piece.len() - at);
                    out.push(piece[at..at + len].to_vec());
                    at += len;
                }
            }
            None => out.push(piece),
        }
    }
    out
}

/// One field before its words are read.
#[derive(Clone, Debug, Default)]
struct Piece {
    words: Vec<String>,
    choices: Vec<String>,
}

/// Cuts at commas and `and` outside parentheses.
fn split(list: &str) -> Vec<Vec<String>> {
    let tokens: Vec<&str> = list.split_whitespace().collect();
    let mut pieces: Vec<Vec<String>> = vec![Vec::new()];
    let mut depth = 0_usize;
    let mut at = 0;
    while at < tokens.len() {
        let token = tokens[at];
        let low = token.to_lowercase();
        match token {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ => {}
        }
        let last = pieces.last().expect("starts with one and only grows");
        let between = low == "and"
            && last.len() > 1
            && last.iter().rev().take(3).any(|word| word.eq_ignore_ascii_case("between"));
        let time = low == "and"
            && last.last().is_some_and(|word| word.eq_ignore_ascii_case("date"))
            && tokens.get(at + 1).is_some_and(|next| next.eq_ignore_ascii_case("time"))
            && last.len() > 1;
        let as_well = low == "as"
            && tokens.get(at + 1).is_some_and(|next| next.eq_ignore_ascii_case("well"))
            && tokens.get(at + 2).is_some_and(|next| next.eq_ignore_ascii_case("as"));
        let cut = depth == 0
            && (token == ","
                || token == "/"
                || low == "plus"
                || low == "but"
                || (low == "and" && !between && !time));
        if depth == 0 && as_well {
            pieces.push(Vec::new());
            at += 3;
            continue;
        }
        if cut {
            pieces.push(Vec::new());
        } else {
            pieces.last_mut().expect("starts with one and only grows").push(token.to_owned());
        }
        at += 1;
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

static MARKER: Pattern = Pattern::new(|| {
    compile(
        r"(?i)^(?P<name>.+?) (?::|(?:(?:that|which) )?(?:is|are|can be|may be|being)(?: (?:either|one of))?|either|one of|with (?:the )?(?:values?|choices|options)|of(?: either)?|such as|like|namely)(?: (?:either|one of))?(?: :)? (?P<first>.+)$",
    )
});

/// Puts together what belongs to one field: `either open, in progress or done` is three pieces so far.
fn gather(pieces: &[Vec<String>]) -> Vec<Piece> {
    let mut out: Vec<Piece> = Vec::new();
    let mut at = 0;
    while at < pieces.len() {
        let text = pieces[at].join(" ");
        let has_or = |index: usize| pieces[index].iter().any(|word| word.eq_ignore_ascii_case("or"));
        let end = (at..pieces.len().min(at + 12)).find(|index| has_or(*index));
        let outside = text.split(" (").next().unwrap_or(&text).to_owned();
        let marker = MARKER.captures(&outside).filter(|found| {
            let strong = [" either ", " one of ", " : ", " values ", " choices "];
            let told = strong.iter().any(|word| format!("{outside} ").contains(word));
            let name = plain(strip(&found["name"]));
            let first = found["first"].to_lowercase();
            let attribute = ["required", "optional", "unique", "mandatory", "empty", "filled"];
            !attribute.iter().any(|word| first.starts_with(word))
                && (told || (end.is_some() && CHOICE_LIKE.contains(&name.as_str())))
                && !name.is_empty()
        });
        if let Some(found) = marker {
            let stop = end.unwrap_or(pieces.len() - 1);
            let mut values = vec![found["first"].to_owned()];
            values.extend(pieces[at + 1..=stop].iter().map(|piece| piece.join(" ")));
            let choices = values.iter().flat_map(|value| values_of(value)).collect();
            let words = found["name"].split(' ').map(str::to_owned).collect();
            out.push(Piece { words, choices });
            at = stop + 1;
            continue;
        }
        if let Some(stop) = end
            && let Some((name, first)) = choice_start(&pieces[at])
            && (at..stop).all(|index| index == at || pieces[index].len() <= 3)
        {
            let mut values = vec![first];
            values.extend(pieces[at + 1..=stop].iter().map(|piece| piece.join(" ")));
            let choices: Vec<String> = values.iter().flat_map(|value| values_of(value)).collect();
            if choices.len() > 1 {
                out.push(Piece { words: name, choices });
                at = stop + 1;
                continue;
            }
        }
        out.push(Piece { words: pieces[at].clone(), choices: Vec::new() });
        at += 1;
    }
    out
}

/// `priority low` is a choice field and its first value.
fn choice_start(words: &[String]) -> Option<(Vec<String>, String)> {
    for take in [2, 1] {
        if words.len() > take && words.iter().all(|word| word != "(") {
            let skip = usize::from(["a", "an", "the", "its"].contains(&words[0].to_lowercase().as_str()));
            let name = words.get(skip..skip + take)?;
            if words.len() > skip + take && CHOICE_LIKE.contains(&plain(&name.join(" ")).as_str()) {
                return Some((name.to_vec(), words[skip + take..].join(" ")));
            }
        }
    }
    None
}

/// Values joined by `or`.
fn values_of(text: &str) -> Vec<String> {
    let mut out = vec![String::new()];
    for word in text.split_whitespace() {
        if word.eq_ignore_ascii_case("or") || word == "/" || word == "," || word == "|" {
            out.push(String::new());
        } else if let Some(last) = out.last_mut() {
            if !last.is_empty() {
                last.push(' ');
            }
            last.push_str(word);
        }
    }
    out.iter().map(|value| strip(value).to_owned()).filter(|value| !value.is_empty()).collect()
}

static LEADING: Pattern = Pattern::new(|| {
    compile(
        r"(?i)^(?:an?|the|its|their|his|her|my|our|your|some|one|also|exactly|any|with|own|and|or|either) ",
    )
});

/// Without leading articles.
pub(super) fn strip(words: &str) -> &str {
    let mut rest = words.trim();
    while let Some(found) = LEADING.find(rest) {
        rest = rest[found.end()..].trim_start();
    }
    rest
}

static RANGE: Pattern = Pattern::new(|| {
    compile(
        r"(?i)^(?P<name>.*?) ?(?:\b(?:from|between|of|in the range)(?: of)? )?(?P<min>\d+(?:\.\d+)?) (?:to|and|until|through) (?P<max>\d+(?:\.\d+)?)(?: stars?| points?)?$",
    )
});
static OUT_OF: Pattern = Pattern::new(|| {
    compile(r"(?i)^(?P<name>.*?) ?(?:\bout of|\bup to|\b1 to) (?P<max>\d+)(?: stars?| points?)?$")
});
static LENGTH: Pattern = Pattern::new(|| {
    compile(
        r"(?i)^(?P<name>.*?) ?(?:\bof )?(?:\b(?:at most|up to|maximum(?: of)?|no more than|limited to|not longer than) )(?P<max>\d+) (?:characters|chars|letters|signs)(?: long)?$",
    )
});
static BOUND: Pattern = Pattern::new(|| {
    compile(
        r"(?i)^(?P<name>.*?) ?\b(?P<side>at least|at most|minimum(?: of)?|maximum(?: of)?|not more than|no more than|not less than) (?P<number>\d+(?:\.\d+)?)$",
    )
});
static UNIT: Pattern = Pattern::new(|| {
    compile(
        r"(?i)^(?P<name>.*?) ?\b(?:in|as) (?:an? |the )?(?P<unit>euros?|dollars?|pounds?|money|cents?|minutes?|hours?|days?|pages?|kg|kilograms?|grams?|km|kilomet(?:er|re)s?|met(?:er|re)s?|lit(?:er|re)s?|number|whole number|text|date|list|percent|degrees)$",
    )
});
static STARTS: Pattern = Pattern::new(|| {
    compile(r"(?i)^(?:default(?: is| :)?|starts? (?:as|with)|initially|by default) (?P<value>.+)$")
});
static FORMULA: Pattern =
    Pattern::new(|| compile(r"(?i)^(?:is )?[\w -]+ (?:times|plus|minus|multiplied by) [\w -]+$"));

fn item(piece: &Piece) -> Option<Item> {
    let mut text = piece.words.join(" ");
    let mut inside = String::new();
    if let Some(open) = text.find('(') {
        let rest = text[open + 1..].replace(['(', ')'], " ");
        let (content, after) = match text[open + 1..].find(')') {
            Some(close) => (
                text[open + 1..open + 1 + close].replace('(', " "),
                text[open + 2 + close..].replace(['(', ')'], " "),
            ),
            None => (rest, String::new()),
        };
        inside = content.trim().to_owned();
        text = format!("{} {}", text[..open].trim(), after.trim()).trim().to_owned();
    }
    let mut item = Item {
        name: String::new(),
        kind: FieldKind::Text { max_length: None },
        told: false,
        required: false,
        optional: false,
        unique: false,
        removed: false,
        default: None,
        formula: None,
    };
    let mut told: Option<FieldKind> = None;
    text = text.replace(')', " ").trim().to_owned();
    text = qualifiers(&text, &mut item, &mut told);
    text = ranges(&text, &mut told);
    item.name = text.clone();
    let mut choices = piece.choices.clone();
    attributes(&inside, &mut item, &mut told, &mut choices);
    item.name = clean_name(&item.name);
    if !item.removed {
        item.name = one_of_many(&item.name);
    }
    if item.name.is_empty() || item.name.split(' ').count() > 4 {
        return None;
    }
    if choices.len() > 1 {
        let words: Vec<String> = choices.iter().map(|word| word.to_lowercase()).collect();
        let yes_no =
            words.len() == 2 && words.contains(&"yes".to_owned()) && words.contains(&"no".to_owned());
        told = Some(if yes_no { FieldKind::Boolean } else { choice(&choices) });
    }
    item.told = told.is_some();
    item.kind = match told {
        Some(FieldKind::Integer { min, max }) => number(&item.name, min, max),
        Some(kind) => kind,
        None => infer(&item.name),
    };
    if let Some(default) = &item.default {
        let value = super::words::kebab(default);
        item.default = match &item.kind {
            FieldKind::Choice { choices } => {
                choices.iter().any(|choice| choice.value == value).then_some(value)
            }
            FieldKind::Boolean => matches!(value.as_str(), "true" | "false" | "yes" | "no").then(|| {
                if matches!(value.as_str(), "true" | "yes") { "true".to_owned() } else { "false".to_owned() }
            }),
            _ => Some(default.clone()),
        };
    }
    Some(item)
}

/// A number field with bounds: the name says which kind of number.
pub(super) fn number(name: &str, min: Option<f64>, max: Option<f64>) -> FieldKind {
    let name = plain(name);
    let last = name.rsplit(' ').next().unwrap_or_default();
    if let (Some(min), Some(max)) = (min, max)
        && SCALE.contains(&last)
        && max <= 10.0
        && min < max
    {
        return FieldKind::Rating { min, max };
    }
    let whole = [min, max].iter().flatten().all(|value| value.fract() == 0.0);
    match infer(&name) {
        FieldKind::Money { .. } => FieldKind::Money { min, max },
        FieldKind::Decimal { .. } => FieldKind::Decimal { min, max },
        _ if whole => FieldKind::Integer { min, max },
        _ => FieldKind::Decimal { min, max },
    }
}

/// Words before and after the name: `an optional`, `required`, `whether it is`, `list of`.
fn qualifiers(text: &str, item: &mut Item, told: &mut Option<FieldKind>) -> String {
    let mut rest = text.to_owned();
    loop {
        let low = rest.to_lowercase();
        let cut = |prefix: &str| low.starts_with(prefix).then(|| rest[prefix.len()..].trim().to_owned());
        let stripped = strip(&rest).to_owned();
        if stripped != rest {
            rest = stripped;
        } else if let Some(left) =
            cut("optional ").or_else(|| cut("optionally ")).or_else(|| cut("possibly "))
        {
            item.optional = true;
            rest = left;
        } else if let Some(left) = cut("required ").or_else(|| cut("mandatory ")) {
            item.required = true;
            rest = left;
        } else if let Some(left) = cut("unique ") {
            item.unique = true;
            rest = left;
        } else if let Some(left) = cut("no ").or_else(|| cut("without ")).or_else(|| cut("not ")) {
            item.removed = true;
            rest = left;
        } else if let Some(left) =
            ["whether it is ", "whether they are ", "whether it was ", "whether it has been ", "whether "]
                .iter()
                .find_map(|prefix| cut(prefix))
        {
            *told = Some(FieldKind::Boolean);
            rest = left.trim_end_matches(" or not").to_owned();
        } else if let Some(left) =
            ["list of ", "set of ", "several ", "multiple ", "many "].iter().find_map(|prefix| cut(prefix))
        {
            let dates = matches!(infer(&left), FieldKind::Date | FieldKind::Dates);
            *told = Some(if dates { FieldKind::Dates } else { FieldKind::Tags });
            rest = left;
        } else if let Some(left) = ["number of ", "count of "].iter().find_map(|prefix| cut(prefix)) {
            *told = Some(FieldKind::Integer { min: None, max: None });
            rest = left;
        } else if let Some(left) = cut("amount of money") {
            rest = format!("amount {left}").trim().to_owned();
        } else {
            break;
        }
    }
    // `paid or unpaid`, `sold or not sold`
    if let Some((one, other)) = rest.to_lowercase().split_once(" or ")
        && [format!("un{one}"), format!("not {one}")].iter().any(|no| no == other)
    {
        *told = Some(FieldKind::Boolean);
        return one.to_owned();
    }
    let low = rest.to_lowercase();
    for (ending, kind) in [
        (" flag", FieldKind::Boolean),
        (" checkbox", FieldKind::Boolean),
        (" tick box", FieldKind::Boolean),
        (" or not", FieldKind::Boolean),
        (" yes / no", FieldKind::Boolean),
        (" yes or no", FieldKind::Boolean),
        (" list", FieldKind::Tags),
    ] {
        if low.ends_with(ending) {
            *told = Some(kind);
            return rest[..rest.len() - ending.len()].to_owned();
        }
    }
    for (ending, what) in [
        (" that is required", 0),
        (" which is required", 0),
        (" is required", 0),
        (" that must be unique", 1),
        (" that is unique", 1),
        (" which is unique", 1),
        (" which must be unique", 1),
        (" that is optional", 2),
        (" which is optional", 2),
        (" if any", 2),
        (" if known", 2),
    ] {
        if low.ends_with(ending) {
            match what {
                0 => item.required = true,
                1 => item.unique = true,
                _ => item.optional = true,
            }
            return rest[..rest.len() - ending.len()].to_owned();
        }
    }
    rest
}

fn parse_number(text: &str) -> Option<f64> {
    // Beyond this a number plus one is hardly another number, and no form could say so.
    text.parse::<f64>().ok().filter(|value| value.abs() < 1e12)
}

/// `rating 1 to 5`, `quantity between 0 and 1000`, `title of at most 80 characters`, `price in euros`.
fn ranges(text: &str, told: &mut Option<FieldKind>) -> String {
    let text = text.replace(" that is ", " ").replace(" which is ", " ").replace(" being ", " ");
    let text = text.as_str();
    if let Some(found) = LENGTH.captures(text) {
        *told = Some(match infer(strip(&found["name"])) {
            FieldKind::LongText { .. } => FieldKind::LongText { max_length: found["max"].parse().ok() },
            _ => FieldKind::Text { max_length: found["max"].parse().ok() },
        });
        return found["name"].to_owned();
    }
    if let Some(found) = RANGE.captures(text) {
        let (min, max) = (parse_number(&found["min"]), parse_number(&found["max"]));
        if min <= max {
            *told = Some(FieldKind::Integer { min, max });
            return found["name"].to_owned();
        }
    }
    if let Some(found) = OUT_OF.captures(text) {
        let scale = SCALE.contains(&plain(&found["name"]).rsplit(' ').next().unwrap_or_default());
        let min = if scale { Some(1.0) } else { None };
        *told = Some(FieldKind::Integer { min, max: parse_number(&found["max"]) });
        return found["name"].to_owned();
    }
    if let Some(found) = BOUND.captures(text) {
        let value = parse_number(&found["number"]);
        let side = found["side"].to_lowercase();
        let low = side.starts_with("at least") || side.starts_with("min") || side.ends_with("less than");
        *told = Some(FieldKind::Integer { min: value.filter(|_| low), max: value.filter(|_| !low) });
        return found["name"].to_owned();
    }
    if let Some(found) = UNIT.captures(text) {
        *told = Some(unit(&found["unit"]));
        return found["name"].to_owned();
    }
    if let Some(name) = text.strip_suffix(" money") {
        *told = Some(FieldKind::Money { min: None, max: None });
        return name.trim_end_matches(" in").to_owned();
    }
    text.to_owned()
}

fn unit(word: &str) -> FieldKind {
    let low = word.to_lowercase();
    let starts = |list: &[&str]| list.iter().any(|unit| low.starts_with(unit));
    if starts(&["euro", "dollar", "pound", "money", "cent"]) {
        FieldKind::Money { min: None, max: None }
    } else if starts(&["minute", "day", "page", "whole"]) {
        FieldKind::Integer { min: None, max: None }
    } else if low == "text" {
        FieldKind::Text { max_length: None }
    } else if low == "date" {
        FieldKind::Date
    } else if low == "list" {
        FieldKind::Tags
    } else {
        FieldKind::Decimal { min: None, max: None }
    }
}

/// What stands in parentheses: values, or words about the field.
fn attributes(inside: &str, item: &mut Item, told: &mut Option<FieldKind>, choices: &mut Vec<String>) {
    if FORMULA.is_match(inside) {
        item.formula = Some(inside.to_owned());
        return;
    }
    let inside = inside.strip_prefix("one of ").or_else(|| inside.strip_prefix("either ")).unwrap_or(inside);
    let inside = inside.replace(": ", "");
    let cut: Vec<&str> = inside.split(" , ").collect();
    for (index, part) in cut.iter().enumerate() {
        for value in values_of(part) {
            let low = value.to_lowercase();
            match low.as_str() {
                "required" | "mandatory" | "not empty" => item.required = true,
                "optional" => item.optional = true,
                "unique" => item.unique = true,
                "text" | "short text" | "one line" => *told = Some(FieldKind::Text { max_length: None }),
                "long text" | "several lines" | "multiline" => {
                    *told = Some(FieldKind::LongText { max_length: None })
                }
                "whole number" | "integer" | "number" => {
                    *told = Some(FieldKind::Integer { min: None, max: None })
                }
                "decimal" | "decimal number" => *told = Some(FieldKind::Decimal { min: None, max: None }),
                "money" | "euro" | "euros" | "dollars" | "pounds" => {
                    *told = Some(FieldKind::Money { min: None, max: None });
                }
                "date" => *told = Some(FieldKind::Date),
                "time" => *told = Some(FieldKind::Time),
                "date and time" => *told = Some(FieldKind::DateTime),
                "boolean" | "checkbox" | "true" | "false" => *told = Some(FieldKind::Boolean),
                "email" => *told = Some(FieldKind::Email),
                "link" | "url" => *told = Some(FieldKind::Url),
                "phone" => *told = Some(FieldKind::Phone),
                "list" | "tags" => *told = Some(FieldKind::Tags),
                _ => {
                    if let Some(found) = STARTS.captures(&value) {
                        item.default = Some(found["value"].to_owned());
                    } else if let Some(stem) =
                        low.strip_suffix(" by default").or_else(|| low.strip_suffix(" default"))
                    {
                        item.default = Some(stem.to_owned());
                        choices.push(stem.to_owned());
                    } else {
                        let before = told.clone();
                        let rest = ranges(&format!("{} {value}", item.name), told);
                        let changed = *told != before;
                        if changed && rest.trim() == item.name.trim() {
                            continue;
                        }
                        *told = before;
                        // The last value may follow an `and`.
                        let last = index + 1 == cut.len();
                        match value.split_once(" and ").filter(|_| last) {
                            Some((one, two)) => choices.extend([one.to_owned(), two.to_owned()]),
                            None => {
                                let value = value.strip_prefix("and ").unwrap_or(&value);
                                choices.push(value.to_owned());
                            }
                        }
                    }
                }
            }
        }
    }
}

static TRAILING: Pattern =
    Pattern::new(|| compile(r"(?i)(?:^| )(?:too|etc|each|as well|field|fields|please|for each|of it|:)$"));

/// `due dates` and `categories` of many things are the due date and the category of each.
fn one_of_many(name: &str) -> String {
    let (lead, last) = name.rsplit_once(' ').map_or(("", name), |(lead, last)| (lead, last));
    let one = super::words::singular(&last.to_lowercase());
    let single = [
        "date", "deadline", "priority", "category", "status", "rating", "type", "birthday", "color",
        "colour", "amount", "price",
    ];
    if one == last.to_lowercase()
        || !single.contains(&one.as_str())
        || matches!(infer(name), FieldKind::Dates)
    {
        return name.to_owned();
    }
    format!("{lead} {one}").trim().to_owned()
}

fn clean_name(text: &str) -> String {
    let mut name = strip(text).trim().to_owned();
    while let Some(found) = TRAILING.find(&name) {
        name.truncate(found.start());
    }
    name.trim_matches(|sign: char| !sign.is_alphanumeric()).to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::text::normalise;
    use super::*;

    fn read(list: &str) -> Vec<String> {
        parse(&normalise(list))
            .into_iter()
            .map(|item| {
                let mut out = format!(
                    "{}:{}",
                    item.name,
                    serde_json::to_value(&item.kind).expect("plain data")["type"]
                );
                if let FieldKind::Choice { choices } = &item.kind {
                    let values: Vec<&str> = choices.iter().map(|choice| choice.value.as_str()).collect();
                    out += &format!("[{}]", values.join("|"));
                }
                if let FieldKind::Integer { min, max } | FieldKind::Money { min, max } = &item.kind
                    && (min.is_some() || max.is_some())
                {
                    out += &format!(
                        "[{}..{}]",
                        min.map_or(String::new(), |v| v.to_string()),
                        max.map_or(String::new(), |v| v.to_string())
                    );
                }
                if let FieldKind::Rating { min, max } = &item.kind {
                    out += &format!("[{min}..{max}]");
                }
                for (set, sign) in
                    [(item.required, "!"), (item.optional, "?"), (item.unique, "#"), (item.removed, "-")]
                {
                    if set {
                        out += sign;
                    }
                }
                out.replace('"', "")
            })
            .collect()
    }

    #[test]
    fn lists() {
        for (list, expected) in [
            (
                "title, author, status (to read, reading, done) and rating 1 to 5",
                vec![
                    "title:text",
                    "author:text",
                    "status:choice[to-read|reading|done]",
                    "rating:rating[1..5]",
                ],
            ),
            ("a name, an optional note", vec!["name:text", "note:long-text?"]),
            ("a required title and a unique code", vec!["title:text!", "code:text#"]),
            ("title (required, unique), price in euros", vec!["title:text!#", "price:money"]),
            ("quantity between 0 and 1000 and notes", vec!["quantity:integer[0..1000]", "notes:long-text"]),
            (
                "a status that is either open, in progress or done, and a due date",
                vec!["status:choice[open|in-progress|done]", "due date:date"],
            ),
            (
                "priority low, medium or high, notes",
                vec!["priority:choice[low|medium|high]", "notes:long-text"],
            ),
            (
                "name and type: fruit, vegetable or herb",
                vec!["name:text", "type:choice[fruit|vegetable|herb]"],
            ),
            ("whether it is paid", vec!["paid:boolean"]),
            ("paid (yes/no)", vec!["paid:boolean"]),
            (
                "title, no ratings, without a due date",
                vec!["title:text", "ratings:rating[1..5]-", "due date:date-"],
            ),
            ("number of pages", vec!["pages:integer"]),
            ("price at least 0", vec!["price:money[0..]"]),
            ("start, end", vec!["start:date-time", "end:date-time"]),
            ("size (S, M, L and XL)", vec!["size:choice[s|m|l|xl]"]),
        ] {
            assert_eq!(read(list), expected, "{list}");
        }
    }
}
