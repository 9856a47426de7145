//! Of states and of figures: marks, transitions and dates; totals, counts and statistics.

use super::{Check, Lines, Writer, aggregate_name, join};
use crate::pipelines::app::spec::{Aggregate, Intent};

impl Writer<'_> {
    pub(super) fn states(&self, intent: &Intent) -> Lines {
        match intent {
            Intent::MarkAs { entity, field, value } => {
                let one = self.one(entity);
                let name = self.name(entity, field);
                let value = self.value(entity, field, value);
                vec![
                    (
                        Check::MarkSets,
                        format!(
                            "given {one} that may become {value}, when it is marked as {value}, then its {name} is {value} and its other fields stay"
                        ),
                    ),
                    (
                        Check::MarkUnknown,
                        format!(
                            "given {one}, when an unknown id is marked as {value}, then this is refused and nothing changes"
                        ),
                    ),
                ]
            }
            Intent::Transition { entity, field, steps } => {
                let one = self.one(entity);
                let name = self.name(entity, field);
                let list = steps
                    .iter()
                    .map(|step| {
                        format!(
                            "{} to {}",
                            self.value(entity, field, &step.from),
                            self.value(entity, field, &step.to)
                        )
                    })
                    .collect::<Vec<_>>();
                let list = join(&list);
                let start = self
                    .field(entity, field)
                    .and_then(|found| found.default.clone())
                    .map_or_else(|| "empty".to_owned(), |value| self.value(entity, field, &value));
                vec![
                    (
                        Check::TransitionAllows,
                        format!(
                            "given {one} at the start of a step, when its {name} goes from {list}, then this is accepted"
                        ),
                    ),
                    (
                        Check::TransitionRefuses,
                        format!(
                            "given {one} with any {name}, when its {name} changes in another way, then this is refused and the record stays"
                        ),
                    ),
                    (
                        Check::TransitionStarts,
                        format!("given {one} added without a {name}, then its {name} is {start}"),
                    ),
                ]
            }
            Intent::Due { entity, field, done } => {
                let one = self.one(entity);
                let name = self.name(entity, field);
                let open = done.as_ref().map_or_else(String::new, |done| {
                    let field = self.name(entity, &done.field);
                    let value = self.value(entity, &done.field, &done.value);
                    format!(" and whose {field} is not {value}")
                });
                let mut lines = vec![
                    (
                        Check::DuePast,
                        format!("given {one} whose {name} was yesterday{open}, then it is overdue"),
                    ),
                    (
                        Check::DueNotYet,
                        format!(
                            "given {one} whose {name} is today, tomorrow or empty{open}, then it is not overdue"
                        ),
                    ),
                ];
                if let Some(done) = done {
                    let field = self.name(entity, &done.field);
                    let value = self.value(entity, &done.field, &done.value);
                    lines.push((
                        Check::DueFinished,
                        format!("given {one} whose {name} was yesterday and whose {field} is {value}, then it is not overdue"),
                    ));
                }
                lines
            }
            _ => Vec::new(),
        }
    }

    pub(super) fn figures(&self, intent: &Intent) -> Lines {
        match intent {
            Intent::Total { entity, field, aggregate, per } => {
                let many = self.many(entity);
                let name = self.name(entity, field);
                let figure = aggregate_name(*aggregate);
                let right = match per {
                    None => format!("given three {many}, then the {figure} {name} is right"),
                    Some(per) => {
                        let group = self.group(entity, per);
                        format!(
                            "given three {many} in two groups, then the {figure} {name} per {group} is right for each group"
                        )
                    }
                };
                let empty = match aggregate {
                    Aggregate::Sum => format!("given no {many}, then the {figure} {name} is 0 everywhere"),
                    _ => format!("given no {many}, then there is no {figure} {name}"),
                };
                vec![(Check::TotalRight, right), (Check::TotalEmpty, empty)]
            }
            Intent::Count { entity, per } => {
                let many = self.many(entity);
                match per {
                    None => vec![
                        (Check::CountRight, format!("given three {many}, then their number is 3")),
                        (
                            Check::CountFollows,
                            format!("given three {many}, when one is removed, then their number is 2"),
                        ),
                    ],
                    Some(per) => {
                        let group = self.group(entity, per);
                        vec![
                            (
                                Check::CountRight,
                                format!(
                                    "given three {many} in two groups, then the number of {many} per {group} is right for each group"
                                ),
                            ),
                            (
                                Check::CountFollows,
                                format!(
                                    "given three {many} in two groups, when one is removed, then the number for its {group} is one less"
                                ),
                            ),
                        ]
                    }
                }
            }
            Intent::Statistics { entity } => {
                let many = self.many(entity);
                vec![
                    (
                        Check::StatisticsRight,
                        format!(
                            "given three {many}, then the statistics give their number, the counts per choice and the sum and mean of each number"
                        ),
                    ),
                    (
                        Check::StatisticsEmpty,
                        format!(
                            "given no {many}, then the statistics say 0 {many} and show no figure that is not a number"
                        ),
                    ),
                ]
            }
            _ => Vec::new(),
        }
    }
}
