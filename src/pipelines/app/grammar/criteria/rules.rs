//! Of rules and of what is computed: limits, uniqueness, ranges, belonging; derived values and alerts.

use super::{Check, Lines, Writer};
use crate::pipelines::app::spec::{Comparison, FieldKind, Formula, Intent, Operand};

impl Writer<'_> {
    pub(super) fn rules(&self, intent: &Intent) -> Lines {
        match intent {
            Intent::Limit { entity, max_records } => {
                let (one, many) = (self.one(entity), self.many(entity));
                let before = max_records.saturating_sub(1);
                vec![
                    (
                        Check::LimitAccepts,
                        format!(
                            "given {before} {many}, when {one} is added, then it is accepted as number {max_records}"
                        ),
                    ),
                    (
                        Check::LimitRefuses,
                        format!(
                            "given {max_records} {many}, when {one} is added, then this is refused and nothing changes"
                        ),
                    ),
                ]
            }
            Intent::MaxLength { entity, field, max } => {
                let one = self.one(entity);
                let name = self.name(entity, field);
                vec![
                    (
                        Check::LengthAccepts,
                        format!(
                            "given {one} whose {name} has {max} characters, when it is saved, then it is accepted"
                        ),
                    ),
                    (
                        Check::LengthRefuses,
                        format!(
                            "given {one} whose {name} has {} characters, when it is saved, then it is refused",
                            u64::from(*max) + 1
                        ),
                    ),
                ]
            }
            Intent::Unique { entity, fields } => {
                let one = self.one(entity);
                let names = self.names(entity, fields);
                vec![
                    (
                        Check::UniqueAccepts,
                        format!(
                            "given {one}, when another with a different {names} is added, then it is accepted"
                        ),
                    ),
                    (
                        Check::UniqueRefuses,
                        format!(
                            "given {one}, when another with the same {names} is added, then it is refused"
                        ),
                    ),
                    (
                        Check::UniqueItself,
                        format!(
                            "given {one}, when it is saved again with its own {names}, then it is accepted"
                        ),
                    ),
                ]
            }
            Intent::Required { entity, field } => {
                let one = self.one(entity);
                let name = self.name(entity, field);
                vec![
                    (
                        Check::RequiredAccepts,
                        format!(
                            "given {one} with its {name} filled in, when it is saved, then it is accepted"
                        ),
                    ),
                    (
                        Check::RequiredRefuses,
                        format!(
                            "given {one} without a {name}, when it is saved, then it is refused and the message names the {name}"
                        ),
                    ),
                ]
            }
            Intent::Between { entity, field, min, max } => {
                let one = self.one(entity);
                let name = self.name(entity, field);
                let (inside, outside) = match (min, max) {
                    (Some(min), Some(max)) => {
                        (format!("is {min} or {max}"), format!("is just below {min} or just above {max}"))
                    }
                    (Some(min), None) => (format!("is {min}"), format!("is just below {min}")),
                    (None, Some(max)) => (format!("is {max}"), format!("is just above {max}")),
                    (None, None) => ("is any number".to_owned(), "is no number".to_owned()),
                };
                vec![
                    (
                        Check::BetweenAccepts,
                        format!("given {one} whose {name} {inside}, when it is saved, then it is accepted"),
                    ),
                    (
                        Check::BetweenRefuses,
                        format!(
                            "given {one} whose {name} {outside}, when it is saved, then it is refused and the message names the {name}"
                        ),
                    ),
                ]
            }
            Intent::NoOverlap { entity, start, end, per } => {
                let one = self.one(entity);
                let (start, end) = (self.name(entity, start), self.name(entity, end));
                let same = per
                    .as_ref()
                    .map_or_else(String::new, |field| format!(" with the same {}", self.name(entity, field)));
                let mut lines = vec![
                    (
                        Check::OverlapTouches,
                        format!(
                            "given {one}, when another{same} has its {start} at the {end} of the first, then it is accepted"
                        ),
                    ),
                    (
                        Check::OverlapRefuses,
                        format!(
                            "given {one}, when another{same} overlaps it, then it is refused and nothing changes"
                        ),
                    ),
                    (
                        Check::OverlapBackwards,
                        format!(
                            "given {one} whose {end} is not after its {start}, when it is saved, then it is refused"
                        ),
                    ),
                ];
                if let Some(field) = per {
                    let name = self.name(entity, field);
                    lines.push((
                        Check::OverlapElsewhere,
                        format!("given {one}, when another at the same time has a different {name}, then it is accepted"),
                    ));
                }
                lines
            }
            Intent::BelongsTo { entity, field, target } => {
                let one = self.one(entity);
                let name = self.name(entity, field);
                let other = self.one(target);
                vec![
                    (
                        Check::BelongsAccepts,
                        format!(
                            "given {other}, when {one} is added with it as its {name}, then it is accepted"
                        ),
                    ),
                    (
                        Check::BelongsUnknown,
                        format!(
                            "given {one} whose {name} does not exist, when it is saved, then it is refused"
                        ),
                    ),
                    (
                        Check::BelongsInUse,
                        format!(
                            "given {other} that {one} belongs to, when it is removed, then this is refused and nothing changes"
                        ),
                    ),
                ]
            }
            _ => Vec::new(),
        }
    }

    pub(super) fn computed(&self, intent: &Intent) -> Lines {
        match intent {
            Intent::Derived { entity, field } => {
                let one = self.one(entity);
                let name = self.name(entity, field);
                let formula = match self.field(entity, field).map(|found| &found.kind) {
                    Some(FieldKind::Derived { formula }) => {
                        let (a, sign, b) = match formula {
                            Formula::Product { a, b } => (a, "times", b),
                            Formula::SumOf { a, b } => (a, "plus", b),
                            Formula::Difference { a, b } => (a, "minus", b),
                        };
                        format!("{} {sign} {}", self.name(entity, a), self.name(entity, b))
                    }
                    _ => "computed".to_owned(),
                };
                vec![
                    (Check::DerivedComputes, format!("given {one}, then its {name} is {formula}")),
                    (
                        Check::DerivedFollows,
                        format!(
                            "given {one}, when a number that its {name} is computed from changes, then the {name} follows, and a {name} that is entered is ignored"
                        ),
                    ),
                ]
            }
            Intent::Alert { entity, field, comparison, than } => {
                let one = self.one(entity);
                let name = self.name(entity, field);
                let limit = match than {
                    Operand::Number { value } => value.to_string(),
                    Operand::Field { field } => format!("its {}", self.name(entity, field)),
                };
                let (condition, quiet) = match comparison {
                    Comparison::Below => ("just below", "exactly"),
                    Comparison::AtMost => ("exactly", "just above"),
                    Comparison::AtLeast => ("exactly", "just below"),
                    Comparison::Above => ("just above", "exactly"),
                };
                vec![
                    (
                        Check::AlertShown,
                        format!("given {one} whose {name} is {condition} {limit}, then it is pointed out"),
                    ),
                    (
                        Check::AlertQuiet,
                        format!("given {one} whose {name} is {quiet} {limit}, then it is not pointed out"),
                    ),
                ]
            }
            _ => Vec::new(),
        }
    }
}
