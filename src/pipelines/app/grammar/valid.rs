//! Whether an intent fits to a model: every entity and field it names is there and is of a kind that can do it.

use super::kinds::{is_day, is_number, is_text};
use crate::pipelines::app::spec::{Field, FieldKind, Formula, Grouping, Intent, Model, Operand};

/// True when the intent can be built on the model.
pub fn valid(intent: &Intent, model: &Model) -> bool {
    let has = |entity: &str| model.entity(entity).is_some();
    let field = |entity: &str, field: &str| model.entity(entity).and_then(|found| found.field(field));
    let is = |entity: &str, name: &str, test: &dyn Fn(&Field) -> bool| field(entity, name).is_some_and(test);
    match intent {
        Intent::Keep { entity, fields } => {
            !fields.is_empty() && fields.iter().all(|name| field(entity, name).is_some())
        }
        Intent::Add { entity }
        | Intent::Edit { entity }
        | Intent::Remove { entity }
        | Intent::List { entity } => has(entity),
        Intent::Search { entity, fields } => {
            !fields.is_empty() && fields.iter().all(|name| is(entity, name, &|found| is_text(&found.kind)))
        }
        Intent::Filter { entity, field: name } | Intent::Sort { entity, field: name, .. } => {
            field(entity, name).is_some()
        }
        Intent::MarkAs { entity, field: name, value } => is(entity, name, &|found| has_value(found, value)),
        Intent::Transition { entity, field: name, steps } => {
            !steps.is_empty()
                && steps.iter().all(|step| {
                    is(entity, name, &|found| has_value(found, &step.from) && has_value(found, &step.to))
                })
        }
        Intent::Due { entity, field: name, done } => {
            is(entity, name, &|found| is_day(&found.kind))
                && done
                    .as_ref()
                    .is_none_or(|done| is(entity, &done.field, &|found| has_value(found, &done.value)))
        }
        Intent::Total { entity, field: name, per, .. } => {
            is(entity, name, &|found| is_number(&found.kind)) && groups(entity, per.as_ref(), model)
        }
        Intent::Count { entity, per } => has(entity) && groups(entity, per.as_ref(), model),
        Intent::Limit { entity, max_records } => has(entity) && *max_records > 0,
        Intent::MaxLength { entity, field: name, max } => {
            *max > 0
                && is(entity, name, &|found| {
                    matches!(found.kind, FieldKind::Text { .. } | FieldKind::LongText { .. })
                })
        }
        Intent::Unique { entity, fields } => {
            !fields.is_empty() && fields.iter().all(|name| field(entity, name).is_some())
        }
        Intent::Required { entity, field: name } => {
            is(entity, name, &|found| !matches!(found.kind, FieldKind::Derived { .. }))
        }
        Intent::Between { entity, field: name, min, max } => {
            let number = is(entity, name, &|found| {
                is_number(&found.kind) && !matches!(found.kind, FieldKind::Derived { .. })
            });
            number && min.zip(*max).is_none_or(|(min, max)| min <= max)
        }
        Intent::NoOverlap { entity, start, end, per } => {
            start != end
                && is(entity, start, &|found| is_day(&found.kind))
                && is(entity, end, &|found| is_day(&found.kind))
                && per.as_ref().is_none_or(|name| field(entity, name).is_some())
        }
        Intent::BelongsTo { entity, field: name, target } => {
            has(target)
                && is(entity, name, &|found| found.kind == FieldKind::Reference { target: target.clone() })
        }
        Intent::Derived { entity, field: name } => is(entity, name, &|found| match &found.kind {
            FieldKind::Derived { formula } => {
                let (a, b) = match formula {
                    Formula::Product { a, b } | Formula::SumOf { a, b } | Formula::Difference { a, b } => {
                        (a, b)
                    }
                };
                [a, b].iter().all(|operand| {
                    is(entity, operand, &|found| {
                        is_number(&found.kind) && !matches!(found.kind, FieldKind::Derived { .. })
                    })
                })
            }
            _ => false,
        }),
        Intent::Alert { entity, field: name, than, .. } => {
            is(entity, name, &|found| is_number(&found.kind))
                && match than {
                    Operand::Number { value } => value.is_finite(),
                    Operand::Field { field: other } => {
                        other != name && is(entity, other, &|found| is_number(&found.kind))
                    }
                }
        }
        Intent::Board { entity, field: name } => {
            is(entity, name, &|found| matches!(found.kind, FieldKind::Choice { .. }))
        }
        Intent::Calendar { entity, field: name } => is(entity, name, &|found| is_day(&found.kind)),
        Intent::CheckIn { entity, field: name } | Intent::Streak { entity, field: name } => {
            is(entity, name, &|found| matches!(found.kind, FieldKind::Dates))
        }
        Intent::Quiz { entity, question, answer, options } => {
            question != answer
                && field(entity, question).is_some()
                && field(entity, answer).is_some()
                && options
                    .as_ref()
                    .is_none_or(|name| is(entity, name, &|found| found.kind == FieldKind::Tags))
        }
        Intent::Import { entity, formats } | Intent::Export { entity, formats } => {
            has(entity) && !formats.is_empty()
        }
        Intent::Undo {} => true,
        Intent::Statistics { entity } => has(entity),
        Intent::Theme { words } => !words.is_empty(),
    }
}

fn has_value(field: &Field, value: &str) -> bool {
    match &field.kind {
        FieldKind::Choice { choices } => choices.iter().any(|choice| choice.value == value),
        FieldKind::Boolean => value == "true" || value == "false",
        _ => false,
    }
}

fn groups(entity: &str, per: Option<&Grouping>, model: &Model) -> bool {
    let found = |name: &str| model.entity(entity).and_then(|found| found.field(name));
    match per {
        None => true,
        Some(Grouping::Field { field }) => found(field).is_some(),
        Some(Grouping::Month { field }) => found(field).is_some_and(|field| is_day(&field.kind)),
    }
}
