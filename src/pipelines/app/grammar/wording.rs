//! Requirements in words: `Books can be sorted by rating, highest first`.

use super::criteria::{a, join, lower};
use crate::pipelines::app::spec::{
    Aggregate, Comparison, Entity, FieldKind, Formula, Grouping, Intent, Model, Operand, TransferFormat,
};

/// The sentence that says what is to be built.
pub(super) fn requirement(intent: &Intent, model: &Model) -> String {
    let words = Words { model };
    match intent {
        Intent::Keep { entity, fields } => {
            format!("{} are kept with {}", words.many(entity), words.names(entity, fields))
        }
        Intent::Add { entity } => format!("{} can be added", words.many(entity)),
        Intent::Edit { entity } => format!("{} can be edited", words.many(entity)),
        Intent::Remove { entity } => format!("{} can be removed", words.many(entity)),
        Intent::List { entity } => format!("{} are listed", words.many(entity)),
        Intent::Search { entity, fields } => {
            format!("{} can be searched by {}", words.many(entity), words.names(entity, fields))
        }
        Intent::Filter { entity, field } => {
            format!("{} can be filtered by {}", words.many(entity), words.name(entity, field))
        }
        Intent::Sort { entity, field, descending } => format!(
            "{} can be sorted by {}, {}",
            words.many(entity),
            words.name(entity, field),
            words.order(entity, field, *descending)
        ),
        Intent::MarkAs { entity, field, value } => {
            format!("{} can be marked as {}", words.many(entity), words.value(entity, field, value))
        }
        Intent::Transition { entity, field, steps } => {
            let steps: Vec<String> = steps
                .iter()
                .map(|step| {
                    format!(
                        "{} to {}",
                        words.value(entity, field, &step.from),
                        words.value(entity, field, &step.to)
                    )
                })
                .collect();
            format!(
                "The {} of {} changes only from {}",
                words.name(entity, field),
                a(&words.one(entity)),
                join(&steps)
            )
        }
        Intent::Due { entity, field, done } => {
            let open = done.as_ref().map_or_else(String::new, |done| {
                format!(", unless {}", words.value(entity, &done.field, &done.value))
            });
            format!(
                "{} whose {} has passed are shown as overdue{open}",
                words.many(entity),
                words.name(entity, field)
            )
        }
        Intent::Total { entity, field, aggregate, per } => {
            let figure = match aggregate {
                Aggregate::Sum => "total",
                Aggregate::Average => "average",
                Aggregate::Minimum => "smallest",
                Aggregate::Maximum => "largest",
            };
            format!(
                "The {figure} {} of all {} is shown{}",
                words.name(entity, field),
                lower(&words.many(entity)),
                words.group(entity, per.as_ref())
            )
        }
        Intent::Count { entity, per } => {
            format!(
                "The number of {} is shown{}",
                lower(&words.many(entity)),
                words.group(entity, per.as_ref())
            )
        }
        Intent::Limit { entity, max_records } => {
            format!("There are at most {max_records} {}", lower(&words.many(entity)))
        }
        Intent::MaxLength { entity, field, max } => format!(
            "The {} of {} has at most {max} characters",
            words.name(entity, field),
            a(&words.one(entity))
        ),
        Intent::Unique { entity, fields } => {
            format!("No two {} have the same {}", lower(&words.many(entity)), words.names(entity, fields))
        }
        Intent::Required { entity, field } => {
            format!("{} must have {}", capital(&a(&words.one(entity))), a(&words.name(entity, field)))
        }
        Intent::Between { entity, field, min, max } => {
            let range = match (min, max) {
                (Some(min), Some(max)) => format!("must lie between {min} and {max}"),
                (Some(min), None) => format!("must be at least {min}"),
                (None, Some(max)) => format!("must be at most {max}"),
                (None, None) => "must be a number".to_owned(),
            };
            format!("The {} of {} {range}", words.name(entity, field), a(&words.one(entity)))
        }
        Intent::NoOverlap { entity, per, .. } => {
            let same = per
                .as_ref()
                .map_or_else(String::new, |field| format!(" with the same {}", words.name(entity, field)));
            format!("Two {}{same} must not overlap", lower(&words.many(entity)))
        }
        Intent::BelongsTo { entity, field, target } => {
            let name = words.name(entity, field);
            let one = words.one(target);
            if name == one {
                format!("{} belongs to {}", capital(&a(&words.one(entity))), a(&one))
            } else {
                format!("The {name} of {} is {}", a(&words.one(entity)), a(&one))
            }
        }
        Intent::Derived { entity, field } => {
            format!(
                "The {} of {} is {}",
                words.name(entity, field),
                a(&words.one(entity)),
                words.formula(entity, field)
            )
        }
        Intent::Alert { entity, field, comparison, than } => {
            let sign = match comparison {
                Comparison::Below => "below",
                Comparison::AtMost => "at most",
                Comparison::AtLeast => "at least",
                Comparison::Above => "above",
            };
            let than = match than {
                Operand::Number { value } => value.to_string(),
                Operand::Field { field } => format!("the {}", words.name(entity, field)),
            };
            format!(
                "{} whose {} is {sign} {than} are pointed out",
                words.many(entity),
                words.name(entity, field)
            )
        }
        Intent::Board { entity, field } => {
            format!(
                "{} stand on a board with one column per {}",
                words.many(entity),
                words.name(entity, field)
            )
        }
        Intent::Calendar { entity, field } => {
            format!("{} are shown in a calendar by {}", words.many(entity), words.name(entity, field))
        }
        Intent::CheckIn { entity, .. } => format!("{} can be checked off once per day", words.many(entity)),
        Intent::Streak { entity, .. } => {
            format!("The streak of {} is shown", a(&words.one(entity)))
        }
        Intent::Quiz { entity, question, answer, .. } => format!(
            "{} are asked one at a time by their {}, and each {} is scored",
            words.many(entity),
            words.name(entity, question),
            words.name(entity, answer)
        ),
        Intent::Import { entity, formats } => {
            format!("{} can be imported from {}", words.many(entity), format_names(formats))
        }
        Intent::Export { entity, formats } => {
            format!("{} can be exported as {}", words.many(entity), format_names(formats))
        }
        Intent::Undo {} => "The last change can be undone and redone".to_owned(),
        Intent::Statistics { entity } => {
            format!("A page of figures about {} is shown", lower(&words.many(entity)))
        }
        Intent::Theme { words } => format!("It looks {}", join(words)),
    }
}

fn format_names(formats: &[TransferFormat]) -> String {
    let names: Vec<String> = formats
        .iter()
        .map(|format| match format {
            TransferFormat::Json => "JSON".to_owned(),
            TransferFormat::Csv => "CSV".to_owned(),
        })
        .collect();
    join(&names)
}

fn capital(text: &str) -> String {
    let mut signs = text.chars();
    signs.next().map(|first| first.to_uppercase().chain(signs).collect()).unwrap_or_default()
}

struct Words<'a> {
    model: &'a Model,
}

impl Words<'_> {
    fn entity(&self, key: &str) -> Option<&Entity> {
        self.model.entity(key)
    }

    fn one(&self, key: &str) -> String {
        self.entity(key).map_or_else(|| key.to_owned(), |entity| lower(&entity.label))
    }

    fn many(&self, key: &str) -> String {
        self.entity(key).map_or_else(|| key.to_owned(), |entity| entity.label_plural.clone())
    }

    fn name(&self, entity: &str, field: &str) -> String {
        self.entity(entity)
            .and_then(|found| found.field(field))
            .map_or_else(|| field.to_owned(), |found| lower(&found.label))
    }

    fn names(&self, entity: &str, fields: &[String]) -> String {
        join(&fields.iter().map(|field| self.name(entity, field)).collect::<Vec<_>>())
    }

    fn value(&self, entity: &str, field: &str, value: &str) -> String {
        match self.entity(entity).and_then(|found| found.field(field)).map(|found| &found.kind) {
            Some(FieldKind::Choice { choices }) => choices
                .iter()
                .find(|choice| choice.value == value)
                .map_or_else(|| value.to_owned(), |choice| lower(&choice.label)),
            Some(FieldKind::Boolean) if value == "false" => format!("not {}", self.name(entity, field)),
            Some(FieldKind::Boolean) => self.name(entity, field),
            _ => value.to_owned(),
        }
    }

    fn group(&self, entity: &str, per: Option<&Grouping>) -> String {
        match per {
            None => String::new(),
            Some(Grouping::Field { field }) => format!(" per {}", self.name(entity, field)),
            Some(Grouping::Month { field }) => format!(" per month of the {}", self.name(entity, field)),
        }
    }

    fn formula(&self, entity: &str, field: &str) -> String {
        match self.entity(entity).and_then(|found| found.field(field)).map(|found| &found.kind) {
            Some(FieldKind::Derived { formula }) => {
                let (one, sign, two) = match formula {
                    Formula::Product { a, b } => (a, "times", b),
                    Formula::SumOf { a, b } => (a, "plus", b),
                    Formula::Difference { a, b } => (a, "minus", b),
                };
                format!("{} {sign} {}", self.name(entity, one), self.name(entity, two))
            }
            _ => "computed".to_owned(),
        }
    }

    fn order(&self, entity: &str, field: &str, descending: bool) -> &'static str {
        let kind = self.entity(entity).and_then(|found| found.field(field)).map(|found| &found.kind);
        match (kind, descending) {
            (Some(FieldKind::Date | FieldKind::DateTime | FieldKind::Time), true) => "latest first",
            (Some(FieldKind::Date | FieldKind::DateTime | FieldKind::Time), false) => "earliest first",
            (Some(FieldKind::Choice { .. }), true) => "last choice first",
            (Some(FieldKind::Choice { .. }), false) => "in the order of the choices",
            (
                Some(
                    FieldKind::Integer { .. }
                    | FieldKind::Decimal { .. }
                    | FieldKind::Money { .. }
                    | FieldKind::Rating { .. }
                    | FieldKind::Derived { .. },
                ),
                true,
            ) => "highest first",
            (
                Some(
                    FieldKind::Integer { .. }
                    | FieldKind::Decimal { .. }
                    | FieldKind::Money { .. }
                    | FieldKind::Rating { .. }
                    | FieldKind::Derived { .. },
                ),
                false,
            ) => "lowest first",
            (_, true) => "from Z to A",
            (_, false) => "from A to Z",
        }
    }
}
