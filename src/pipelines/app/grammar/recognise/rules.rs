//! Rules that records must keep, and warnings.

use super::super::draft::{Clause, Draft, fields_in, singles};
use super::super::fields::number;
use super::super::kinds::{infer, is_number};
use super::super::pattern;
use super::super::words::singular;
use super::{Answer, Context};
use crate::pipelines::app::spec::{Comparison, Entity, FieldKind, Intent, Operand};

/// `no double bookings of a room`, `bookings must not overlap`.
pub(in crate::pipelines::app::grammar) fn no_overlap(clause: &Clause, context: &mut Context) -> Answer {
    let low = &clause.low;
    let double = pattern!(r" (?:double[ -]?book\w*|booked twice) ").is_match(low);
    let overlap = pattern!(r" (?:overlap\w*|clash\w*|conflict\w*|at the same time|collide) ").is_match(low);
    if !double && !overlap {
        return Answer::Pass;
    }
    let allowed = pattern!(r" (?:may|can|are allowed to) (?:overlap|clash) ").is_match(low)
        && !super::is_negated(clause);
    if allowed {
        return Answer::Done;
    }
    let hit = context.first(clause, |entity| span(entity).map(|span| (span, entity.clone())));
    let Some((key, ((start, end), entity))) = hit else {
        return Answer::Refused(
            "an overlap needs a start and an end; understood is `a booking has room, start and end`"
                .to_owned(),
        );
    };
    let references: Vec<_> =
        entity.fields.iter().filter(|field| matches!(field.kind, FieldKind::Reference { .. })).collect();
    let named = fields_in(&entity, &clause.words).into_iter().find(|key| {
        *key != start && *key != end && entity.field(key).is_some_and(|field| groups(&field.kind))
    });
    let per = named.or_else(|| match references.as_slice() {
        [one] if double || references.len() == 1 => Some(one.key.clone()),
        _ => None,
    });
    for field in [Some(&start), Some(&end), per.as_ref()].into_iter().flatten() {
        if let Some(found) = context.draft.field_mut(&key, field) {
            found.required = true;
        }
        context.draft.because(format!("required {key}.{field}"), clause.index);
    }
    context.find_plainly(Intent::NoOverlap { entity: key, start, end, per }, clause);
    Answer::Done
}

fn groups(kind: &FieldKind) -> bool {
    matches!(kind, FieldKind::Reference { .. } | FieldKind::Choice { .. } | FieldKind::Text { .. })
}

/// The two fields that a stretch of time begins and ends with.
fn span(entity: &Entity) -> Option<(String, String)> {
    let find = |words: &[&str]| {
        entity
            .fields
            .iter()
            .find(|field| {
                let label = field.label.to_lowercase();
                words.iter().any(|word| label.split(' ').any(|part| part == *word))
                    && matches!(field.kind, FieldKind::DateTime | FieldKind::Date)
            })
            .map(|field| field.key.clone())
    };
    let start = find(&["start", "begin", "beginning", "from", "arrival", "starts"])?;
    let end = find(&["end", "finish", "until", "departure", "ends", "to", "return"])?;
    Some((start, end))
}

/// `title is unique`, `no two books with the same title and author`, `no duplicates`.
pub(in crate::pipelines::app::grammar) fn unique(clause: &Clause, context: &mut Context) -> Answer {
    let low = &clause.low;
    let says = pattern!(
        r" (?:unique|uniquely|no duplicates?|not be duplicated|duplicates? (?:are|is) not allowed|not allow duplicates?|(?:not|never) (?:be |appear |exist |occur )?(?:\w+ )?twice|the same (?:[\w-]+ ){1,4}twice|no 2 [\w -]+ (?:same|share|identical)|not (?:have|share) the same|never (?:have|share) the same|only (?:appear|exist|occur) once|only once|distinct) "
    );
    if !says.is_match(low) {
        return Answer::Pass;
    }
    if pattern!(r" not (?:have to |need to )?be unique| need not be unique").is_match(low) {
        return Answer::Done;
    }
    let hit = context.first(clause, |entity| {
        let fields: Vec<String> = fields_in(entity, &clause.words)
            .into_iter()
            .filter(|key| {
                entity.field(key).is_some_and(|field| {
                    !matches!(
                        field.kind,
                        FieldKind::Boolean
                            | FieldKind::Tags
                            | FieldKind::Dates
                            | FieldKind::Derived { .. }
                            | FieldKind::LongText { .. }
                    )
                })
            })
            .collect();
        (!fields.is_empty()).then_some(fields)
    });
    let (entity, fields) = match hit {
        Some(hit) => hit,
        None => {
            let title = context.subject(clause).and_then(|key| {
                let title = context.draft.entity(&key).map(super::super::settle::title_field)?;
                (!title.is_empty()).then_some((key, vec![title]))
            });
            match title {
                Some(hit) => hit,
                None => return Answer::Refused("it is not clear which field is to be unique".to_owned()),
            }
        }
    };
    let together =
        pattern!(r" (?:combination|together|same|share|identical|per) ").is_match(low) && fields.len() > 1;
    if together {
        context.find_plainly(Intent::Unique { entity, fields }, clause);
    } else {
        for field in fields {
            if let Some(found) = context.draft.field_mut(&entity, &field) {
                found.unique = true;
            }
            context.draft.because(format!("unique {entity}.{field}"), clause.index);
        }
    }
    Answer::Done
}

/// `the title has at most 80 characters`.
pub(in crate::pipelines::app::grammar) fn max_length(clause: &Clause, context: &mut Context) -> Answer {
    let found = pattern!(
        r" (?:at most|maximum(?: of)?|no more than|not more than|up to|longer than|limited to|exceed|maximum length(?: is| of)?) (?P<max>\d{1,6}) (?:characters?|chars?|letters?|signs) "
    )
    .captures(&clause.low);
    let Some(max) = found.and_then(|found| found["max"].parse::<u32>().ok()) else {
        return Answer::Pass;
    };
    if max == 0 {
        return Answer::Refused("a text of at most 0 characters holds nothing".to_owned());
    }
    let hit = context.first(clause, |entity| {
        fields_in(entity, &clause.words).into_iter().find(|key| {
            entity.field(key).is_some_and(|field| {
                matches!(field.kind, FieldKind::Text { .. } | FieldKind::LongText { .. })
            })
        })
    });
    let Some((entity, field)) = hit else {
        return Answer::Refused("it is not clear which text is meant".to_owned());
    };
    let rule = format!("length {entity}.{field}");
    let mut old = None;
    if let Some(found) = context.draft.field_mut(&entity, &field)
        && let FieldKind::Text { max_length } | FieldKind::LongText { max_length } = &mut found.kind
    {
        old = max_length.replace(max).filter(|old| *old != max);
    }
    if let Some(old) = old {
        overruled(
            &mut context.draft,
            &rule,
            clause,
            &format!("{field} has at most {old} characters"),
            &format!("at most {max}"),
        );
    }
    context.draft.because(rule, clause.index);
    Answer::Done
}

/// Writes a contradiction down; the later sentence is taken.
pub(in crate::pipelines::app::grammar) fn overruled(
    draft: &mut Draft,
    rule: &str,
    clause: &Clause,
    before: &str,
    after: &str,
) {
    let earlier = draft.why.remove(rule).unwrap_or_default();
    let names: Vec<String> = earlier.iter().map(|index| format!("S{}", index + 1)).collect();
    let whose = if names.is_empty() { "an earlier sentence".to_owned() } else { names.join(", ") };
    draft
        .contradictions
        .push(format!("{whose} says {before}, S{} says {after}; the later one is taken", clause.index + 1));
    for index in earlier {
        draft.refused.push((index, format!("S{} says otherwise and is taken", clause.index + 1)));
    }
}

/// `at most 50 books`, `limit the list to 50 books`.
pub(in crate::pipelines::app::grammar) fn limit(clause: &Clause, context: &mut Context) -> Answer {
    let low = &clause.low;
    let found = pattern!(
        r" (?:at most|no more than|not more than|maximum(?: of)?|up to|limited to|limit(?: of| to| is)?|exceed|never more than|not exceed|more than|only|hold|holds|limit (?:the )?(?:number of )?(?:[\w-]+ ){1,3}?to) (?P<max>\d{1,9})(?P<rest> [^,]*)$"
    )
    .captures(low);
    let Some(found) = found else {
        return Answer::Pass;
    };
    let rest = singles(&found["rest"]);
    let limits = pattern!(r" (?:limit|limited|number of) ").is_match(low);
    let next = rest.first().cloned().unwrap_or_default();
    let target = context.draft.entities.iter().find(|entity| {
        let name = super::super::draft::plain_parts(&entity.label);
        rest.starts_with(&name) || name.last() == Some(&next)
    });
    let generic = matches!(next.as_str(), "record" | "entry" | "item" | "of") || (next.is_empty() && limits);
    let key = match target {
        Some(entity) => entity.key.clone(),
        None if generic => match context.subject(clause) {
            Some(key) => key,
            None => return Answer::Pass,
        },
        None => return Answer::Pass,
    };
    if pattern!(r" (?:warn|alert|highlight) ").is_match(low) {
        return Answer::Pass;
    }
    // `a member may have at most 5 loans` counts the loans of each member.
    let others = context.draft.entities_in(&clause.words).iter().any(|other| *other != key);
    let owner = others && pattern!(r" (?:have|has|hold|holds|own|owns|get|take|borrow|make) ").is_match(low);
    let grouped = pattern!(r" (?:per|for each|for every|by|a day|a week|in each) ");
    if owner || grouped.is_match(&format!(" {} ", found["rest"].trim())) {
        return Answer::Refused(
            "a limit holds for all records of a kind, not per group; understood is `at most 50 books`"
                .to_owned(),
        );
    }
    let max_records = match found["max"].parse::<u32>() {
        Ok(max) if (1..=100_000).contains(&max) => max,
        _ => return Answer::Refused("a limit lies between 1 and 100000 records".to_owned()),
    };
    let earlier: Vec<(Vec<usize>, u32)> = context
        .found
        .iter()
        .filter_map(|found| match &found.intent {
            Intent::Limit { entity, max_records: old } if *entity == key && *old != max_records => {
                Some((found.clauses.clone(), *old))
            }
            _ => None,
        })
        .collect();
    for (clauses, old) in earlier {
        let rule = format!("limit {key}");
        for index in clauses {
            context.draft.because(rule.clone(), index);
        }
        overruled(
            &mut context.draft,
            &rule,
            clause,
            &format!("at most {old}"),
            &format!("at most {max_records}"),
        );
    }
    context.found.retain(|found| {
        !matches!(&found.intent, Intent::Limit { entity, max_records: old } if *entity == key && *old != max_records)
    });
    context.find_plainly(Intent::Limit { entity: key, max_records }, clause);
    Answer::Done
}

/// `title is required`, `an expense must have an amount`, `notes are optional`.
pub(in crate::pipelines::app::grammar) fn required(clause: &Clause, context: &mut Context) -> Answer {
    let low = &clause.low;
    let optional = pattern!(
        r" (?:optional|not required|not mandatory|(?:may|can) be (?:empty|blank|left out|left empty|missing)|need not be (?:filled|given)|not have to be (?:filled|given)) "
    )
    .is_match(low);
    let required = pattern!(
        r" (?:required|mandatory|compulsory|obligatory|(?:not|never) (?:be )?(?:empty|blank|missing|left out|left empty)|must (?:always )?be (?:filled|given|entered|set|present|known)|must (?:always )?have|always (?:has|have)|without an?|is needed|are needed|needs an?|need an?) "
    )
    .is_match(low);
    if !optional && !required {
        return Answer::Pass;
    }
    let hit = context.first(clause, |entity| {
        let fields: Vec<String> = fields_in(entity, &clause.words)
            .into_iter()
            .filter(|key| {
                entity.field(key).is_some_and(|field| {
                    !matches!(field.kind, FieldKind::Derived { .. } | FieldKind::Boolean)
                })
            })
            .collect();
        (!fields.is_empty()).then_some(fields)
    });
    let Some((entity, fields)) = hit else {
        return Answer::Pass;
    };
    let refuses = pattern!(r" (?:no|not|never|cannot) ").is_match(low);
    if !optional && low.contains(" without a") && !refuses {
        return Answer::Pass;
    }
    for field in fields {
        let rule = format!("required {entity}.{field}");
        let before = context.draft.why.contains_key(&rule);
        if optional && before {
            overruled(
                &mut context.draft,
                &rule,
                clause,
                &format!("{field} is required"),
                "that it is optional",
            );
        }
        if optional {
            context.draft.optional.push((entity.clone(), field.clone()));
            context.draft.because(format!("optional {entity}.{field}"), clause.index);
        } else {
            context.draft.optional.retain(|known| *known != (entity.clone(), field.clone()));
            context.draft.because(rule, clause.index);
        }
        if let Some(found) = context.draft.field_mut(&entity, &field) {
            found.required = !optional;
        }
    }
    Answer::Done
}

/// `quantity between 0 and 1000`, `price must not be negative`, `rating from 1 to 5`.
pub(in crate::pipelines::app::grammar) fn between(clause: &Clause, context: &mut Context) -> Answer {
    let low = &clause.low;
    let range = pattern!(
        r" (?:between|from|range(?:s)?(?: of| from)?|in|is|are|be|of|:)? ?(?P<min>(?:minus )?\d+(?:\.\d+)?) (?:and|to|through|until) (?P<max>(?:minus )?\d+(?:\.\d+)?) "
    )
    .captures(low);
    let at_least = pattern!(
        r" (?:at least|minimum(?: of| is)?|not less than|no less than|not (?:be |go |fall |drop )?(?:below|under|lower than|less than)|never (?:be |go |fall |drop )?(?:below|under|less than)) (?P<n>(?:minus )?\d+(?:\.\d+)?) "
    )
    .captures(low);
    let at_most = pattern!(
        r" (?:at most|maximum(?: of| is)?|not more than|no more than|up to|not exceed|never exceed|not (?:be |go |rise )?(?:above|over|more than|higher than|greater than)|never (?:be |go |rise )?(?:above|over|more than)) (?P<n>(?:minus )?\d+(?:\.\d+)?) "
    )
    .captures(low);
    let above = pattern!(r" (?:must|should|has to|have to|is|are|be|always) (?:be )?(?:always )?(?:above|over|greater than|more than|larger than|higher than) (?P<n>\d+(?:\.\d+)?) ")
        .captures(low);
    let below = pattern!(r" (?:must|should|has to|have to|is|are|be|always) (?:be )?(?:always )?(?:below|under|less than|smaller than|lower than) (?P<n>\d+(?:\.\d+)?) ")
        .captures(low);
    let positive = pattern!(r" (?:positive) ").is_match(low);
    let not_negative =
        pattern!(r" (?:not (?:be )?negative|never (?:be )?negative|non-negative|not go negative) ")
            .is_match(low);
    let read = |text: &str| {
        text.strip_prefix("minus ")
            .map_or_else(|| text.parse::<f64>().ok(), |rest| rest.parse::<f64>().ok().map(|value| -value))
            .filter(|value| value.is_finite() && value.abs() < 1e12)
    };
    let any = range.is_some()
        || at_least.is_some()
        || at_most.is_some()
        || above.is_some()
        || below.is_some()
        || positive
        || not_negative;
    if !any || pattern!(r" (?:characters?|chars?|letters?|signs) ").is_match(low) {
        return Answer::Pass;
    }
    let hit = context.first(clause, |entity| {
        fields_in(entity, &clause.words).into_iter().find(|key| {
            entity.field(key).is_some_and(|field| {
                (is_number(&field.kind) && !matches!(field.kind, FieldKind::Derived { .. }))
                    || matches!(field.kind, FieldKind::Text { .. })
                    || (matches!(field.kind, FieldKind::Choice { .. })
                        && !context.draft.told.contains(&(entity.key.clone(), (*key).clone())))
            })
        })
    });
    let Some((entity, field)) = hit else {
        return Answer::Pass;
    };
    let Some(found) = context.draft.entity(&entity).and_then(|found| found.field(&field)).cloned() else {
        return Answer::Pass;
    };
    let step = match infer(&found.label) {
        FieldKind::Money { .. } | FieldKind::Decimal { .. } => 0.01,
        _ => 1.0,
    };
    let (mut min, mut max) = bounds(&found.kind);
    let before = (min, max);
    if let Some(range) = range {
        min = read(&range["min"]);
        max = read(&range["max"]);
        if min > max {
            return Answer::Refused("the smaller number of a range comes first".to_owned());
        }
    }
    if let Some(found) = at_least {
        min = read(&found["n"]);
    }
    if let Some(found) = at_most {
        max = read(&found["n"]);
    }
    let refuses = super::is_negated(clause);
    if let Some(found) = above.filter(|_| !refuses) {
        min = read(&found["n"]).map(|value| value + step);
    }
    if let Some(found) = below.filter(|_| !refuses) {
        max = read(&found["n"]).map(|value| value - step);
    }
    if positive {
        min = Some(step);
    }
    if not_negative {
        min = Some(0.0);
    }
    let rule = format!("between {entity}.{field}");
    let changed = (before.0.is_some() && before.0 != min) || (before.1.is_some() && before.1 != max);
    let said = context.draft.why.contains_key(&rule)
        || context.draft.told.contains(&(entity.clone(), field.clone()));
    if changed
        && said
        && matches!(
            found.kind,
            FieldKind::Rating { .. }
                | FieldKind::Integer { .. }
                | FieldKind::Money { .. }
                | FieldKind::Decimal { .. }
        )
    {
        let text = |(min, max): (Option<f64>, Option<f64>)| match (min, max) {
            (Some(min), Some(max)) => format!("{field} between {min} and {max}"),
            (Some(min), None) => format!("{field} at least {min}"),
            (None, Some(max)) => format!("{field} at most {max}"),
            (None, None) => "nothing".to_owned(),
        };
        if !context.draft.why.contains_key(&rule)
            && let Some(origin) = context.draft.why.get(&format!("field {entity}.{field}")).cloned()
        {
            let names: Vec<String> = origin.iter().map(|index| format!("S{}", index + 1)).collect();
            context.draft.contradictions.push(format!(
                "{} says {}, S{} says {}; the later one is taken",
                names.join(", "),
                text(before),
                clause.index + 1,
                text((min, max))
            ));
        } else {
            overruled(&mut context.draft, &rule, clause, &text(before), &text((min, max)));
        }
    }
    if min.is_some() && max.is_some() && min > max {
        return Answer::Refused("the range is empty".to_owned());
    }
    let kind = match (&found.kind, min, max) {
        (FieldKind::Rating { .. }, Some(min), Some(max)) if max <= 10.0 => FieldKind::Rating { min, max },
        _ => number(&found.label, min, max),
    };
    if let Some(found) = context.draft.field_mut(&entity, &field) {
        found.kind = kind;
    }
    context.draft.because(rule, clause.index);
    Answer::Done
}

fn bounds(kind: &FieldKind) -> (Option<f64>, Option<f64>) {
    match kind {
        FieldKind::Integer { min, max } | FieldKind::Decimal { min, max } | FieldKind::Money { min, max } => {
            (*min, *max)
        }
        FieldKind::Rating { min, max } => (Some(*min), Some(*max)),
        _ => (None, None),
    }
}

/// `warn when quantity is below minimum`, `highlight items whose price is above 100`, `low stock`.
pub(in crate::pipelines::app::grammar) fn alert(clause: &Clause, context: &mut Context) -> Answer {
    let low = &clause.low;
    let asks = pattern!(
        r" (?:warn|warns|warned|warning|warnings|alert|alerts|alerted|highlight|highlights|highlighted|point out|points out|pointed out|flag|flagged|notify|notified|remind|reminder|in red|low|out of stock|reorder|re-order|running out|show|list|see|which) "
    )
    .is_match(low);
    if !asks {
        return Answer::Pass;
    }
    let compared = pattern!(
        r" (?P<sign>is below|falls below|drops below|goes below|gets below|fall below|drop below|below|under|less than|lower than|fewer than|smaller than|drops to|falls to|at or below|at most|or less|above|over|more than|greater than|higher than|exceeds?|at least|reach(?:es)?|at or above)(?: its| the| a| their| an)?(?: own)? (?P<than>[\w.-]+(?: [\w-]+){0,2}?)(?: (?:or less|or more|pieces?|items?|units?|euros?|dollars?|left|in stock|days?|points?|percent|money))* "
    );
    let strong = pattern!(r" (?:show|list|see|which) ").is_match(low)
        && !pattern!(r" (?:warn|warns|warned|warning|warnings|alert|alerts|highlight|highlighted|point|points|pointed|flag|notify|remind|red|low) ").is_match(low);
    let mut from = 0;
    while let Some(found) = compared.captures_at(low, from) {
        let comparison = match &found["sign"] {
            "at or below" | "at most" | "or less" | "drops to" | "falls to" => Comparison::AtMost,
            "at least" | "reach" | "reaches" | "at or above" => Comparison::AtLeast,
            "above" | "over" | "more than" | "greater than" | "higher than" | "exceed" | "exceeds" => {
                Comparison::Above
            }
            _ => Comparison::Below,
        };
        let comparison = match comparison {
            Comparison::Below | Comparison::AtMost
                if low.contains(" or below ") || low.contains(" or less ") =>
            {
                Comparison::AtMost
            }
            Comparison::Above | Comparison::AtLeast
                if low.contains(" or above ") || low.contains(" or more ") =>
            {
                Comparison::AtLeast
            }
            other => other,
        };
        let sign = found.name("sign").expect("the group is part of every match");
        let than = found.name("than").expect("the group is part of every match");
        let head = singles(&low[..sign.start()]);
        let rest = singles(&low[than.start()..]);
        let hit = context.first(clause, |entity| {
            let number = |words: &[String]| {
                fields_in(entity, words)
                    .into_iter()
                    .rfind(|key| entity.field(key).is_some_and(|field| is_number(&field.kind)))
            };
            let field = number(&head).or_else(|| {
                let mut all = entity.fields.iter().filter(|field| is_number(&field.kind));
                match (all.next(), all.next()) {
                    (Some(one), None) => Some(one.key.clone()),
                    _ => None,
                }
            })?;
            let operand = match rest
                .first()
                .and_then(|word| word.parse::<f64>().ok())
                .filter(|value| value.is_finite())
            {
                Some(value) => Some(Operand::Number { value }),
                None => fields_in(entity, &rest)
                    .into_iter()
                    .find(|key| {
                        *key != field && entity.field(key).is_some_and(|found| is_number(&found.kind))
                    })
                    .map(|field| Operand::Field { field }),
            };
            operand.map(|operand| (field, operand))
        });
        if let Some((entity, (field, than))) = hit {
            context.find(Intent::Alert { entity, field, comparison, than }, clause);
            return Answer::Done;
        }
        from = sign.end();
    }
    if strong {
        return Answer::Pass;
    }
    if pattern!(r" (?:out of stock|sold out|used up) ").is_match(low) {
        let hit = context.first(clause, stock_field);
        if let Some((entity, field)) = hit {
            let than = Operand::Number { value: 0.0 };
            context.find(Intent::Alert { entity, field, comparison: Comparison::AtMost, than }, clause);
            return Answer::Done;
        }
    }
    if pattern!(r" (?:low (?:on )?(?:stock|quantity|quantities|supply|supplies)|stock is low|(?:running|runs|run) (?:low|out)|re-?order|low-stock) ").is_match(low) {
        let hit = context.first(clause, stock_field);
        if let Some((entity, field)) = hit {
            let minimum = context
                .draft
                .entity(&entity)
                .and_then(|found| super::super::draft::field_named(found, "minimum"))
                .or_else(|| context.draft.ensure_field(&entity, "minimum", None, clause.index));
            if let Some(minimum) = minimum {
                let than = Operand::Field { field: minimum };
                context.find(Intent::Alert { entity, field, comparison: Comparison::Below, than }, clause);
                return Answer::Done;
            }
        }
    }
    let warns = pattern!(
        r" (?:warn|warns|warning|warnings|alert|alerts|notify|remind|reminder|point out|highlight) "
    )
    .is_match(low);
    if warns {
        return Answer::Refused(
            "it is not clear what to compare; understood is `warn when quantity is below minimum` or `highlight overdue tasks`"
                .to_owned(),
        );
    }
    Answer::Pass
}

fn stock_field(entity: &Entity) -> Option<String> {
    let stock = ["quantity", "stock", "amount", "count", "number", "unit"];
    entity
        .fields
        .iter()
        .find(|field| {
            is_number(&field.kind)
                && field.label.to_lowercase().split(' ').any(|word| stock.contains(&singular(word).as_str()))
                && !field.label.to_lowercase().starts_with("min")
        })
        .map(|field| field.key.clone())
}
