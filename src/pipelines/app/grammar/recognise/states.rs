//! States: steps from one value to the next, marking, due dates.

use super::super::draft::{Clause, field_named, fields_in, singles, value_in};
use super::super::kinds::{choice, is_day, plain};
use super::super::pattern;
use super::super::vocabulary::{FINISHED, STATE_LIKE};
use super::super::words::kebab;
use super::{Answer, Context};
use crate::pipelines::app::spec::{Entity, FieldKind, FieldValue, Intent, Step};

/// `tickets move from open to in progress to done`, `only from draft to sent and back`.
pub(in crate::pipelines::app::grammar) fn transition(clause: &Clause, context: &mut Context) -> Answer {
    let low = &clause.low;
    let arrow = low.contains(" -> ");
    let found = pattern!(
        r" (?:move|moves|moved|go|goes|change|changes|changed|pass|passes|flow|flows|progress|progresses|advance|advances|switch|switches|step|steps|only|status|workflow|state|stage) (?:[\w-]+ ){0,6}?from (?P<chain>.+)$"
    )
    .captures(low)
    .map(|found| found["chain"].to_owned());
    let through = pattern!(
        r" (?:moves?|goes?|go|pass(?:es)?|flows?|steps?|progress(?:es)?|workflow|workflow is|status(?: is| goes)?|lifecycle is|lifecycle) (?:[\w-]+ ){0,4}?(?:through|along|:) (?P<chain>.+)$"
    )
    .captures(low)
    .map(|found| found["chain"].to_owned());
    let Some(chain) = found.or(through).or_else(|| arrow.then(|| low.trim().to_owned())) else {
        return Answer::Pass;
    };
    // Columns of numbers and dates are no states.
    if chain.trim().starts_with(|sign: char| sign.is_ascii_digit()) {
        return Answer::Pass;
    }
    let words: Vec<String> = chain.split_whitespace().map(str::to_owned).collect();
    let hit = context.first(clause, |entity| best_field(entity, &words));
    let (entity, field, stops) = match hit {
        Some((entity, (field, stops))) => (entity, field, stops),
        None => match new_states(clause, context, &chain) {
            Some(made) => made,
            None => return Answer::Pass,
        },
    };
    let mut steps: Vec<Step> = Vec::new();
    let mut add = |from: &str, to: &str| {
        let step = Step { from: from.to_owned(), to: to.to_owned() };
        if from != to && !steps.contains(&step) {
            steps.push(step);
        }
    };
    for pair in stops.windows(2) {
        // `, from done back to open` begins a new chain.
        if !pair[1].1 {
            add(&pair[0].0, &pair[1].0);
        }
    }
    let back = pattern!(r" and back(?: again)? $| and back(?: again)? [,.]| or back $|in both directions")
        .is_match(low);
    if back {
        for pair in stops.windows(2).rev() {
            if !pair[1].1 {
                add(&pair[1].0, &pair[0].0);
            }
        }
    }
    if steps.is_empty() {
        return Answer::Pass;
    }
    let first = steps[0].from.clone();
    if let Some(found) = context.draft.field_mut(&entity, &field)
        && found.default.is_none()
    {
        found.default = Some(first);
    }
    context.find_plainly(Intent::Transition { entity, field, steps }, clause);
    Answer::Done
}

type Stops = Vec<(String, bool)>;

/// The choice field of which most values stand in the words, and these values; true begins a new chain.
fn best_field(entity: &Entity, words: &[String]) -> Option<(String, Stops)> {
    let mut best: Option<(String, Stops)> = None;
    for field in &entity.fields {
        let FieldKind::Choice { choices } = &field.kind else { continue };
        let mut stops: Stops = Vec::new();
        let mut at = 0;
        let mut fresh = false;
        while at < words.len() {
            let mut used = 1;
            let mut hit = None;
            for len in (1..=4).rev() {
                let Some(window) = words.get(at..at + len) else { continue };
                let value = kebab(&window.join(" "));
                if choices.iter().any(|choice| choice.value == value) {
                    hit = Some(value);
                    used = len;
                    break;
                }
            }
            match hit {
                Some(value) => {
                    stops.push((value, fresh && !stops.is_empty()));
                    fresh = false;
                }
                None => fresh |= words[at] == "from",
            }
            at += used;
        }
        if stops.len() > 1 && best.as_ref().is_none_or(|(_, old)| stops.len() > old.len()) {
            best = Some((field.key.clone(), stops));
        }
    }
    best
}

/// States that no field has yet: a status field is made from them.
fn new_states(clause: &Clause, context: &mut Context, chain: &str) -> Option<(String, String, Stops)> {
    let cut = pattern!(r" and back.*$| or back.*$").replace(chain, "").into_owned();
    let mut values: Vec<String> = Vec::new();
    for value in pattern!(
        r" to | -> | , then | then | , and then | and finally to | and then to | , and from | and from | , from | or from | , | and "
    )
    .split(&format!(" {} ", cut.trim()))
    {
        let value = pattern!(r"^(?:the |an? |then |to |finally |and |from |back to |, )+").replace(value.trim(), "");
        let value = value.trim().trim_matches(',').trim().to_owned();
        if !value.is_empty() && !values.contains(&value) {
            values.push(value);
        }
    }
    if values.len() < 2 || values.iter().any(|value| value.split(' ').count() > 3) {
        return None;
    }
    let entity = context.subject(clause)?;
    let free = context.draft.entity(&entity)?.fields.iter().find(|field| {
        STATE_LIKE.contains(&plain(&field.label).as_str())
            && !context.draft.told.contains(&(entity.clone(), field.key.clone()))
    });
    let field = match free {
        Some(field) => field.key.clone(),
        None if context
            .draft
            .entity(&entity)?
            .fields
            .iter()
            .any(|field| STATE_LIKE.contains(&plain(&field.label).as_str())) =>
        {
            return None;
        }
        None => context.draft.ensure_field(&entity, "status", None, clause.index)?,
    };
    let kind = choice(&values);
    if let Some(found) = context.draft.field_mut(&entity, &field) {
        found.kind = kind;
        found.default = None;
    }
    context.draft.told.push((entity.clone(), field.clone()));
    let words: Vec<String> = chain.split_whitespace().map(str::to_owned).collect();
    let (_, stops) = context.draft.entity(&entity).and_then(|found| best_field(found, &words))?;
    Some((entity, field, stops))
}

/// `mark a task as done`, `set the status to done`, `mark as paid or unpaid`, `tick off tasks`.
pub(in crate::pipelines::app::grammar) fn mark_as(clause: &Clause, context: &mut Context) -> Answer {
    let low = &clause.low;
    let found = pattern!(
        r" (?:mark|marks|marked|marking|flag|flagged|set|sets) (?:.{0,60}? )??(?:as|to) (?P<value>.+?) $"
    )
    .captures(low);
    let tick =
        pattern!(r" (?:check|checked|tick|ticked|cross|crossed)(?: [\w-]+){0,3}? off(?: |$)").is_match(low);
    let verb = pattern!(r" (?P<verb>complete|finish|close|archive|resolve|pay|return|cancel|approve|confirm|favourite|star) (?:an?|the|it|them|one|any|each) ?").captures(low);
    let mut values: Vec<String> = Vec::new();
    if let Some(found) = &found {
        let text = pattern!(r"^(?:an? |the |being |either )").replace(&found["value"], "").into_owned();
        let text = pattern!(r" (?:when|after|once|with|by|in|if|again|and record|and it) .*$")
            .replace(&text, "")
            .into_owned();
        values.extend(pattern!(r" or | and | / | , ").split(&text).map(|value| value.trim().to_owned()));
    } else if tick {
        values.push("done".to_owned());
    } else if let Some(verb) = &verb {
        let word = match &verb["verb"] {
            "complete" => "completed",
            "finish" => "finished",
            "close" => "closed",
            "archive" => "archived",
            "resolve" => "resolved",
            "pay" => "paid",
            "return" => "returned",
            "cancel" => "cancelled",
            "approve" => "approved",
            "confirm" => "confirmed",
            _ => "favourite",
        };
        values.push(word.to_owned());
    }
    values.retain(|value| !value.is_empty() && value.split(' ').count() <= 3);
    if values.is_empty() {
        return Answer::Pass;
    }
    let mut done = false;
    let mut first_field: Option<(String, String)> = None;
    for value in values {
        let value = value.strip_prefix("again ").unwrap_or(&value).to_owned();
        let alike = same_end(&value);
        let hit = context.first(clause, |entity| {
            value_in(entity, &value).or_else(|| alike.iter().find_map(|other| value_in(entity, other)))
        });
        if let Some((entity, (field, value))) = hit {
            first_field = Some((entity.clone(), field.clone()));
            context.find(Intent::MarkAs { entity, field, value }, clause);
            done = true;
            continue;
        }
        if matches!(value.as_str(), "not" | "not done" | "undone")
            && let Some((entity, field)) = first_field.clone()
        {
            context.find_plainly(Intent::MarkAs { entity, field, value: "false".to_owned() }, clause);
            continue;
        }
        // `mark as lent`: a new yes-or-no field. A number, or a bare `set the price to 5`, is not one.
        let marks = tick || low.contains(" mark") || low.contains(" flag");
        if !marks || value.chars().any(|sign| sign.is_ascii_digit()) {
            continue;
        }
        let Some(entity) = context.subject(clause) else { continue };
        let name = value.trim_start_matches("un").trim_start_matches("not ").to_owned();
        if super::is_negated(clause) {
            continue;
        }
        if let Some(field) =
            context.draft.ensure_field(&entity, &name, Some(FieldKind::Boolean), clause.index)
        {
            context.draft.told.push((entity.clone(), field.clone()));
            let value = if name == value { "true" } else { "false" };
            first_field = Some((entity.clone(), field.clone()));
            context.find(Intent::MarkAs { entity, field, value: value.to_owned() }, clause);
            done = true;
        }
    }
    if done { Answer::Done } else { Answer::Pass }
}

/// Words for the same end: a task is `done`, `finished` or `completed`.
fn same_end(value: &str) -> Vec<&'static str> {
    let groups: [&[&str]; 3] = [
        &["done", "finished", "completed", "complete", "closed", "resolved"],
        &["favourite", "favorite", "starred"],
        &["cancelled", "canceled"],
    ];
    groups.iter().filter(|group| group.contains(&value)).flat_map(|group| group.iter().copied()).collect()
}

/// `overdue tasks are highlighted`, `show what is past its due date`.
pub(in crate::pipelines::app::grammar) fn due(clause: &Clause, context: &mut Context) -> Answer {
    let says = pattern!(
        r" (?:overdue|past due|past (?:the|its|their) (?:due date|deadline|date)|(?:date|deadline|day) (?:has passed|is over|is past|is in the past|has gone by)|expired|too late|missed(?: its| their)? deadlines?|are late|is late) "
    );
    if !says.is_match(&clause.low) {
        return Answer::Pass;
    }
    let hit = context.first(clause, |entity| due_field(entity, &clause.words));
    let (entity, field) = match hit {
        Some(hit) => hit,
        None => {
            let Some(entity) = context.subject(clause) else {
                return Answer::Refused("nothing is kept that could be overdue".to_owned());
            };
            if super::is_negated(clause) {
                return Answer::Done;
            }
            match context.draft.ensure_field(&entity, "due date", Some(FieldKind::Date), clause.index) {
                Some(field) => (entity, field),
                None => return Answer::Refused("there is no date that could have passed".to_owned()),
            }
        }
    };
    // The value that ends it is looked for when all fields are known.
    context.find(Intent::Due { entity, field, done: None }, clause);
    Answer::Done
}

/// The date that a record is due on.
pub(in crate::pipelines::app::grammar) fn due_field(entity: &Entity, words: &[String]) -> Option<String> {
    let days: Vec<_> = entity.fields.iter().filter(|field| is_day(&field.kind)).collect();
    let named = fields_in(entity, words)
        .into_iter()
        .find(|key| entity.field(key).is_some_and(|field| is_day(&field.kind)));
    named
        .or_else(|| {
            ["due date", "deadline", "due", "expiry date", "expiry", "until", "return date", "end date"]
                .iter()
                .find_map(|name| field_named(entity, &singles(name).join(" ")))
                .filter(|key| entity.field(key).is_some_and(|field| is_day(&field.kind)))
        })
        .or_else(|| days.first().filter(|_| days.len() == 1).map(|field| field.key.clone()))
}

/// The field and value that make a record finished.
pub(in crate::pipelines::app::grammar) fn finished(entity: &Entity) -> Option<FieldValue> {
    let yes = |sure: bool| {
        let field = entity.fields.iter().find(|field| {
            let name = kebab(&field.label);
            let name = name.trim_start_matches("is-");
            matches!(field.kind, FieldKind::Boolean)
                && FINISHED.contains(&name)
                && (!sure || same_end("done").contains(&name))
        });
        field.map(|field| FieldValue { field: field.key.clone(), value: "true".to_owned() })
    };
    let state = || {
        entity.fields.iter().find_map(|field| match &field.kind {
            FieldKind::Choice { choices } => choices
                .iter()
                .find(|choice| FINISHED.contains(&choice.value.as_str()))
                .map(|choice| FieldValue { field: field.key.clone(), value: choice.value.clone() }),
            _ => None,
        })
    };
    yes(true).or_else(state).or_else(|| yes(false))
}
