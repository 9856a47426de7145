//! Counts, totals and the page of figures.

use super::super::draft::{Clause, fields_in, singles, values_in};
use super::super::kinds::{is_day, is_number, is_text, plain};
use super::super::pattern;
use super::{Answer, Context};
use crate::pipelines::app::spec::{Aggregate, Entity, FieldKind, Grouping, Intent};

/// `total amount per category and per month`, `average rating`, `the largest expense`, `how much I spent per month`.
pub(in crate::pipelines::app::grammar) fn total(clause: &Clause, context: &mut Context) -> Answer {
    let low = &clause.low;
    let found = pattern!(
        r" (?P<word>total|totals|sum|sums|average|averages|mean|lowest|smallest|minimum|minimal|highest|largest|maximum|maximal|biggest|cheapest|most expensive|how much|spending|add up) "
    )
    .captures(low);
    let Some(found) = found else {
        return Answer::Pass;
    };
    let counted = pattern!(r" (?:total )?number of | how many | total count ").is_match(low);
    if counted {
        return Answer::Pass;
    }
    let aggregate = match &found["word"] {
        "average" | "averages" | "mean" => Aggregate::Average,
        "lowest" | "smallest" | "minimum" | "minimal" | "cheapest" => Aggregate::Minimum,
        "highest" | "largest" | "maximum" | "maximal" | "biggest" | "most expensive" => Aggregate::Maximum,
        _ => Aggregate::Sum,
    };
    let (head, tail) = groups(low);
    // `total` may be the name of a derived field itself, so the words after it are asked first.
    let at = head.find(&format!(" {} ", &found["word"])).map_or(0, |at| at + found["word"].len() + 1);
    let after = singles(head.get(at..).unwrap_or_default());
    let words = singles(&head);
    let hit = context.first(clause, |entity| {
        let number = |keys: Vec<String>| {
            keys.into_iter().find(|key| entity.field(key).is_some_and(|field| is_number(&field.kind)))
        };
        let named = number(fields_in(entity, &after)).or_else(|| number(fields_in(entity, &words)));
        named.filter(|_| tail.iter().all(|group| group_of(entity, group, true).is_some()))
    });
    let hit = hit.or_else(|| {
        // `total per month`: the only amount there is.
        context.first(clause, |entity| {
            let numbers: Vec<_> = entity.fields.iter().filter(|field| is_number(&field.kind)).collect();
            let money: Vec<_> = numbers
                .iter()
                .filter(|field| matches!(field.kind, FieldKind::Money { .. }))
                .copied()
                .collect();
            let one = match (money.as_slice(), numbers.as_slice()) {
                ([one], _) | ([], [one]) => Some(one.key.clone()),
                _ => None,
            };
            one.filter(|_| tail.iter().all(|group| group_of(entity, group, true).is_some()))
                .filter(|_| unnamed(entity, &after))
        })
    });
    let Some((entity, field)) = hit else {
        let plain_count = found["word"].starts_with("total") && !context.draft.entities_in(&after).is_empty();
        if plain_count {
            return Answer::Pass;
        }
        return Answer::Refused(
            "it is not clear which number is meant; understood is `total amount per category` when a thing has a field `amount`"
                .to_owned(),
        );
    };
    if tail.is_empty() {
        context.find(
            Intent::Total { entity: entity.clone(), field: field.clone(), aggregate, per: None },
            clause,
        );
    }
    for group in &tail {
        let per = context.draft.entity(&entity).and_then(|found| group_of(found, group, true));
        context.find(Intent::Total { entity: entity.clone(), field: field.clone(), aggregate, per }, clause);
    }
    Answer::Done
}

/// True when the words after `total` name nothing but the thing itself.
fn unnamed(entity: &Entity, after: &[String]) -> bool {
    let label = singles(&entity.label);
    let filler = [
        "of", "the", "all", "my", "per", "i", "we", "spent", "spend", "have", "is", "was", "for", "it",
        "cost", "in", "and", "by", "a", "shown", "show", "one", "spending", "money", "were", "earned",
        "earn", "paid", "pay", "made", "owe", "owed",
    ];
    after.iter().all(|word| label.contains(word) || filler.contains(&word.as_str()))
}

/// `count per status`, `number of books`, `how many tasks are open`.
pub(in crate::pipelines::app::grammar) fn count(clause: &Clause, context: &mut Context) -> Answer {
    let low = &clause.low;
    let says = pattern!(r" (?:count|counts|counted|counting|number of|how many|tally|total) ");
    if !says.is_match(low) {
        return Answer::Pass;
    }
    let (head, tail) = groups(low);
    // `how many pages I read per month` adds up the pages.
    if let Some(what) = pattern!(r" how many (?P<what>[\w-]+(?: [\w-]+)?) ").captures(low) {
        let words = singles(&what["what"]);
        let thing = context.draft.entities_in(&words).is_empty();
        let hit = context.first(clause, |entity| {
            fields_in(entity, &words)
                .into_iter()
                .find(|key| entity.field(key).is_some_and(|field| is_number(&field.kind)))
                .or_else(|| leading_number(entity, words.first()?))
        });
        if let Some((entity, field)) = hit.filter(|_| thing) {
            let per = context.draft.entity(&entity).and_then(|found| group_of(found, tail.first()?, true));
            if per.is_some() || tail.is_empty() {
                context.find(Intent::Total { entity, field, aggregate: Aggregate::Sum, per }, clause);
                return Answer::Done;
            }
        }
    }
    if tail.is_empty() {
        // `count of done tasks`, `how many books are in each status`.
        let words = singles(&head);
        let hit = context.first(clause, |entity| values_in(entity, &words).into_iter().next());
        if let Some((entity, (field, _))) = hit {
            context.find(Intent::Count { entity, per: Some(Grouping::Field { field }) }, clause);
            return Answer::Done;
        }
        let Some(entity) = context.subject(clause) else {
            return Answer::Refused("nothing is kept that could be counted".to_owned());
        };
        context.find(Intent::Count { entity, per: None }, clause);
        return Answer::Done;
    }
    let mut problem = None;
    for group in &tail {
        let hit = context.first(clause, |entity| group_of(entity, group, true));
        match hit {
            Some((entity, per)) => context.find(Intent::Count { entity, per: Some(per) }, clause),
            None => {
                problem = Some(format!(
                    "nothing has a field `{group}` to count by; understood is `count per status` when a thing has a field `status`"
                ));
            }
        }
    }
    problem.map_or(Answer::Done, Answer::Refused)
}

/// `pages` of the field `pages read`.
fn leading_number(entity: &Entity, word: &str) -> Option<String> {
    entity
        .fields
        .iter()
        .find(|field| is_number(&field.kind) && plain(&field.label).split(' ').next() == Some(word))
        .map(|field| field.key.clone())
}

/// The words before the first grouping, and each grouping: `per category and per month`.
fn groups(low: &str) -> (String, Vec<String>) {
    let mark = pattern!(r" (?:per|by|for each|for every|in each|of each|grouped by|each|every) ");
    let Some(first) = mark.find(low) else {
        return (low.to_owned(), Vec::new());
    };
    let head = format!("{} ", &low[..first.start()]);
    let tail = low[first.end()..].to_owned();
    let names =
        pattern!(r" ?(?:,|\band\b|\bas well as\b) ?(?:(?:also )?(?:per|by|for each|for every|in each) )?")
            .split(tail.trim())
            .map(|name| {
                let name =
                    pattern!(r"^(?:the|an?|per|by|each|calendar) ").replace(name.trim(), "").into_owned();
                pattern!(r" (?:is|are|was|were|should|shown|as|in|with|on) .*$| (?:shown|separately|too)$")
                    .replace(&name, "")
                    .trim()
                    .to_owned()
            })
            .filter(|name| !name.is_empty())
            .collect();
    (head, names)
}

/// A grouping of the entity by these words.
fn group_of(entity: &Entity, words: &str, whole: bool) -> Option<Grouping> {
    let singles = singles(words);
    if singles.iter().any(|word| word == "month" || word == "monthly") {
        let days: Vec<_> = entity.fields.iter().filter(|field| is_day(&field.kind)).collect();
        let named = fields_in(entity, &singles)
            .into_iter()
            .find(|key| entity.field(key).is_some_and(|field| is_day(&field.kind)));
        return named
            .or_else(|| days.first().map(|field| field.key.clone()))
            .map(|field| Grouping::Month { field });
    }
    let field = fields_in(entity, &singles).into_iter().next()?;
    let found = entity.field(&field)?;
    let fits = is_text(&found.kind) && !matches!(found.kind, FieldKind::Tags | FieldKind::LongText { .. })
        || matches!(
            found.kind,
            FieldKind::Choice { .. }
                | FieldKind::Boolean
                | FieldKind::Reference { .. }
                | FieldKind::Rating { .. }
                | FieldKind::Date
        );
    (fits && whole).then_some(Grouping::Field { field })
}

/// `statistics`, `a dashboard with figures`.
pub(in crate::pipelines::app::grammar) fn statistics(clause: &Clause, context: &mut Context) -> Answer {
    let says = pattern!(
        r" (?:statistics?|stats|dashboard|key figures|figures|overview page|summary page|insights) "
    );
    if !says.is_match(&clause.low) {
        return Answer::Pass;
    }
    let Some(entity) = context.subject(clause) else {
        return Answer::Refused("nothing is kept that there could be figures of".to_owned());
    };
    context.find(Intent::Statistics { entity }, clause);
    Answer::Done
}
