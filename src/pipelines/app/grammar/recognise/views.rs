//! Search, filter, sort.

use super::super::draft::{Clause, field_named, fields_in, singles, values_in};
use super::super::kinds::{is_day, is_text, plain};
use super::super::pattern;
use super::{Answer, Context};
use crate::pipelines::app::spec::{Entity, FieldKind, Intent};

/// `search by title`, `filter by status`, `sort by rating, highest first`, also together.
pub(in crate::pipelines::app::grammar) fn views(clause: &Clause, context: &mut Context) -> Answer {
    let verbs = pattern!(
        r" (?P<search>search(?:ed|ing|able|es)?|find|look up|looking up|full-text search)(?P<a> )|(?P<filter> filter(?:ed|ing|able|s)? | only show | show only | narrow(?:ed)? | restrict )|(?P<sort> sort(?:ed|ing|able|s)? | ordered by | (?:be|is|are) ordered | order (?:them |it |the list |the \S+ )?by | in order of | rank(?:ed)? | (?:newest|oldest|latest|earliest|cheapest|most expensive|highest|best)(?: [\w-]+){1,2} first | newest first | oldest first | latest first | earliest first | cheapest first | most expensive first | highest first | lowest first | largest first | smallest first | best first | longest first | shortest first | alphabetical(?:ly)? )"
    );
    let mut hits: Vec<(u8, usize, usize)> = Vec::new();
    let mut from = 0;
    while let Some(found) = verbs.captures(clause.low.get(from..).unwrap_or_default()) {
        let whole = found.get(0).expect("a match has a whole");
        let kind = if found.name("search").is_some() {
            0
        } else if found.name("filter").is_some() {
            1
        } else {
            2
        };
        hits.push((kind, from + whole.start(), from + whole.end()));
        from += whole.end() - 1;
    }
    if hits.is_empty() {
        return Answer::Pass;
    }
    // `sort by name, newest first` is one sorting.
    let mut kept: Vec<(u8, usize, usize)> = Vec::new();
    for hit in hits {
        if !(hit.0 == 2 && kept.last().is_some_and(|last| last.0 == 2)) {
            kept.push(hit);
        }
    }
    let mut problem = None;
    for (index, (kind, start, end)) in kept.iter().enumerate() {
        let stop = kept.get(index + 1).map_or(clause.low.len(), |next| next.1 + 1);
        let own = clause.low.get(*end..stop).unwrap_or_default().trim().to_owned();
        let bare = own.trim_matches(|sign: char| sign == ',' || sign == '/' || sign == ' ');
        let tail = if bare.is_empty() || bare == "and" || bare == "or" {
            let last = kept.last().map_or(*end, |last| last.2);
            clause.low.get(last..).unwrap_or_default().trim().to_owned()
        } else {
            own
        };
        let phrase = clause.low.get(*start..stop).unwrap_or_default().to_owned();
        let before = clause.low.get(..*start).unwrap_or_default().to_owned();
        let answer = match kind {
            0 => search(clause, context, &tail),
            1 => filter(clause, context, &tail),
            _ => sort(clause, context, &tail, &phrase, &before),
        };
        if let Err(reason) = answer {
            problem = Some(reason);
        }
    }
    problem.map_or(Answer::Done, Answer::Refused)
}

/// The words after `by`, cut into names.
fn names(tail: &str) -> Vec<String> {
    let after = pattern!(r"^(?:.*? )??(?:by|for|in|on|through|across|over|within|with) (?P<names>.+)$")
        .captures(tail)
        .map_or_else(|| tail.to_owned(), |found| found["names"].to_owned());
    pattern!(r" (?:,|and|or|/|as well as|by) |, ")
        .split(
            &format!(" {after} ").replace(" , ", "  , ").replace(" and ", "  and ").replace(" or ", "  or "),
        )
        .map(|name| {
            pattern!(r"^(?:(?:the|their|its|his|her|an?|all|any|part of|both|by|in|of|words in|text in)\s+)+")
                .replace(name.trim(), "")
                .trim()
                .to_owned()
        })
        .filter(|name| !name.is_empty() && name != ",")
        .collect()
}

/// Names of the list that the entity has no field for.
fn unknown(entity: &Entity, names: &[String]) -> Vec<String> {
    names
        .iter()
        .filter(|name| {
            let words = singles(name);
            let label: Vec<String> = singles(&entity.label);
            let rest: Vec<String> = words.iter().filter(|word| !label.contains(word)).cloned().collect();
            let filler = [
                "text",
                "keyword",
                "word",
                "everything",
                "field",
                "it",
                "them",
                "list",
                "anything",
                "all",
                "full",
                "search",
                "box",
                "query",
                "content",
                "quickly",
                "easily",
                "highest",
                "lowest",
                "first",
                "last",
                "newest",
                "oldest",
                "descending",
                "ascending",
                "order",
                "alphabetically",
                "best",
                "latest",
                "earliest",
                "value",
                "most",
                "least",
                "cheapest",
                "expensive",
                "top",
                "at",
                "the",
                "alphabetical",
                "or",
                "and",
                "by",
                "in",
                "to",
            ];
            !rest.is_empty()
                && fields_in(entity, &words).is_empty()
                && values_in(entity, &words).is_empty()
                && !rest.iter().all(|word| filler.contains(&word.as_str()))
        })
        .cloned()
        .collect()
}

fn missing(entity: &Entity, names: &[String]) -> String {
    format!(
        "{} have no {}; fields are named where the thing is named, like `{} with {}`",
        entity.label_plural,
        names.join(" or "),
        entity.label_plural.to_lowercase(),
        names.join(" and ")
    )
}

fn search(clause: &Clause, context: &mut Context, tail: &str) -> Result<(), String> {
    let names = names(tail);
    let words = singles(tail);
    let hit = context.first(clause, |entity| {
        let fields = fields_in(entity, &words);
        (!fields.is_empty()).then_some(fields)
    });
    let Some((key, fields)) = hit else {
        let Some(key) = context.subject(clause) else {
            return Err("nothing is kept that could be searched".to_owned());
        };
        let Some(entity) = context.draft.entity(&key).cloned() else {
            return Err("nothing is kept that could be searched".to_owned());
        };
        let missed = unknown(&entity, &names);
        if !missed.is_empty() && tail.contains("by ") {
            return Err(missing(&entity, &missed));
        }
        let fields: Vec<String> = entity
            .fields
            .iter()
            .filter(|field| is_text(&field.kind))
            .map(|field| field.key.clone())
            .collect();
        if fields.is_empty() {
            return Err(format!("{} have no text to search in", entity.label_plural));
        }
        context.find(Intent::Search { entity: key, fields }, clause);
        return Ok(());
    };
    let Some(entity) = context.draft.entity(&key).cloned() else {
        return Ok(());
    };
    let (texts, others): (Vec<String>, Vec<String>) =
        fields.into_iter().partition(|field| entity.field(field).is_some_and(|found| is_text(&found.kind)));
    if !texts.is_empty() {
        context.find(Intent::Search { entity: key.clone(), fields: texts }, clause);
    }
    // What is not a text is looked for by choosing its value.
    for field in others {
        context.find(Intent::Filter { entity: key.clone(), field }, clause);
    }
    let missed = unknown(&entity, &names);
    if missed.is_empty() { Ok(()) } else { Err(missing(&entity, &missed)) }
}

fn filter(clause: &Clause, context: &mut Context, tail: &str) -> Result<(), String> {
    let words = singles(tail);
    let hit = context.first(clause, |entity| {
        let mut fields = fields_in(entity, &words);
        if fields.is_empty() {
            fields = values_in(entity, &words).into_iter().map(|(field, _)| field).collect();
            fields.dedup();
        }
        (!fields.is_empty()).then_some(fields)
    });
    match hit {
        Some((key, fields)) => {
            for field in fields {
                context.find(Intent::Filter { entity: key.clone(), field }, clause);
            }
            let entity = context.draft.entity(&key).cloned();
            let missed = entity.as_ref().map_or_else(Vec::new, |entity| unknown(entity, &names(tail)));
            match (entity, missed.is_empty()) {
                (Some(entity), false) => Err(missing(&entity, &missed)),
                _ => Ok(()),
            }
        }
        None => {
            let Some(entity) = context.subject(clause).and_then(|key| context.draft.entity(&key).cloned())
            else {
                return Err("nothing is kept that could be filtered".to_owned());
            };
            let missed = unknown(&entity, &names(tail));
            if !missed.is_empty() {
                return Err(missing(&entity, &missed));
            }
            // `filter them` without a name: every field that has a few values.
            let few: Vec<String> = entity
                .fields
                .iter()
                .filter(|field| {
                    matches!(
                        field.kind,
                        FieldKind::Choice { .. } | FieldKind::Boolean | FieldKind::Reference { .. }
                    )
                })
                .map(|field| field.key.clone())
                .collect();
            if few.is_empty() {
                return Err(format!(
                    "{} have no field with a few values to choose from",
                    entity.label_plural
                ));
            }
            for field in few {
                context.find(Intent::Filter { entity: entity.key.clone(), field }, clause);
            }
            Ok(())
        }
    }
}

fn sort(
    clause: &Clause,
    context: &mut Context,
    tail: &str,
    phrase: &str,
    before: &str,
) -> Result<(), String> {
    let all = format!("{phrase} {tail} ");
    let words = singles(tail);
    let hit = context.first(clause, |entity| {
        let fields = fields_in(entity, &words);
        (!fields.is_empty()).then_some(fields)
    });
    let (key, fields) = match hit {
        Some(hit) => hit,
        None => {
            let by_date = all.contains("newest")
                || all.contains("oldest")
                || all.contains("latest")
                || tail.contains("date");
            let by_price = all.contains("expensive") || all.contains("cheapest");
            // `list products by price, cheapest first`: the field stands before.
            let earlier = singles(before);
            let ahead = context.first(clause, |entity| {
                let fields = fields_in(entity, &earlier);
                (!fields.is_empty()).then_some(fields)
            });
            if let Some((key, fields)) = ahead.filter(|_| phrase.contains(" first ")) {
                let field = fields.last().cloned().ok_or("no field is named to sort by")?;
                let kind = context
                    .draft
                    .entity(&key)
                    .and_then(|entity| entity.field(&field))
                    .map(|field| field.kind.clone());
                let descending = descending(&all, kind.as_ref());
                context.find(Intent::Sort { entity: key, field, descending }, clause);
                return Ok(());
            }
            let found = context.first(clause, |entity| {
                let wanted = entity.fields.iter().find(|field| {
                    (by_date && is_day(&field.kind))
                        || (by_price && matches!(field.kind, FieldKind::Money { .. }))
                });
                wanted.map(|field| vec![field.key.clone()])
            });
            let Some(subject) = context.subject(clause).and_then(|key| context.draft.entity(&key).cloned())
            else {
                return Err("nothing is kept that could be sorted".to_owned());
            };
            let missed = unknown(&subject, &names(tail));
            match found {
                Some(hit) if by_date || by_price => hit,
                _ if by_date => {
                    return Err(format!("{} have no date to sort by", subject.label_plural));
                }
                _ if !missed.is_empty() => return Err(missing(&subject, &missed)),
                _ => {
                    let title = title_of(&subject);
                    (subject.key.clone(), vec![title.ok_or("nothing is kept that could be sorted")?])
                }
            }
        }
    };
    let Some(entity) = context.draft.entity(&key).cloned() else {
        return Ok(());
    };
    for field in fields {
        let kind = entity.field(&field).map(|found| found.kind.clone());
        let descending = descending(&format!(" {before} {all} "), kind.as_ref());
        context.find(Intent::Sort { entity: key.clone(), field, descending }, clause);
    }
    let missed = unknown(&entity, &names(tail));
    if missed.is_empty() { Ok(()) } else { Err(missing(&entity, &missed)) }
}

fn title_of(entity: &Entity) -> Option<String> {
    ["title", "name"]
        .iter()
        .find_map(|name| field_named(entity, name))
        .or_else(|| entity.fields.iter().find(|field| is_text(&field.kind)).map(|field| field.key.clone()))
        .or_else(|| entity.fields.first().map(|field| field.key.clone()))
}

fn descending(words: &str, kind: Option<&FieldKind>) -> bool {
    let says = |list: &[&str]| list.iter().any(|word| words.contains(word));
    let down = says(&[
        "descending",
        "highest first",
        "largest first",
        "biggest first",
        "best first",
        "newest first",
        "newest",
        "latest first",
        "most expensive first",
        "highest to lowest",
        "longest first",
        "most recent",
        "high to low",
        "reverse",
        "from the highest",
        "from highest",
        "top first",
        "from high",
        "best rated",
        "highest",
    ]);
    let up = says(&[
        "ascending",
        "lowest first",
        "oldest first",
        "cheapest first",
        "lowest to highest",
        "earliest first",
    ]);
    // `highest priority first` with choices listed from high to low is the order of the list itself.
    if down
        && !words.contains("descending")
        && let Some(FieldKind::Choice { choices }) = kind
        && let Some(first) = choices.first()
    {
        let first = plain(&first.label);
        return !["high", "highest", "urgent", "critical", "must", "top", "best"]
            .iter()
            .any(|word| first.starts_with(word));
    }
    down && !up
}
