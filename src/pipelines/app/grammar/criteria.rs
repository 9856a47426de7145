//! What must be shown for each intent: the table of acceptance criteria.
//!
//! The number, the order and the meaning of the criteria of an intent never change with the words of a brief: criterion
//! `k` of a requirement is `criteria(&requirement.intent, &model)[k - 1]`, and its [`Check`] says what a test has to do.
//! Validation intents first name the last value that is accepted, then the first that is refused.

use crate::pipelines::app::spec::{
    Aggregate, Comparison, Entity, Field, FieldKind, Formula, Grouping, Intent, Model, Operand,
    TransferFormat,
};

/// What a criterion demands, apart from its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Check {
    /// Keep 1: a record filled in completely is the same after the store is opened again on the same storage.
    KeepSurvives,
    /// Keep 2: the entity of `src/core/model.js` has exactly these fields, in this order.
    KeepFields,
    /// Add 1: on an empty list, a valid record is added and is the only one listed, with its values.
    AddStores,
    /// Add 2: two records added one after the other get different ids.
    AddOwnId,
    /// Edit 1: one field changes, every other field and every other record stays.
    EditChanges,
    /// Edit 2: an unknown id is refused and nothing changes.
    EditUnknown,
    /// Remove 1: of two records one is removed, the other stays.
    RemoveRemoves,
    /// Remove 2: an unknown id is refused and nothing changes.
    RemoveUnknown,
    /// List 1: three records are listed in the order in which they were added.
    ListAll,
    /// List 2: without records the list is empty.
    ListEmpty,
    /// Search 1: a part of the text of each searched field finds the record, in any letter case.
    SearchFinds,
    /// Search 2: a text that stands in none of the fields finds nothing.
    SearchNothing,
    /// Search 3: an empty text shows all.
    SearchEmpty,
    /// Filter 1: only records with the chosen value are shown.
    FilterKeeps,
    /// Filter 2: without a chosen value all are shown.
    FilterOff,
    /// Sort 1: records are in the order of the field (choices in the order of the choices, references by their title,
    /// `false` before `true`).
    SortOrders,
    /// Sort 2: records with the same value stay in the order in which they were added.
    SortStable,
    /// MarkAs 1: the field has the value, every other field stays.
    MarkSets,
    /// MarkAs 2: an unknown id is refused and nothing changes.
    MarkUnknown,
    /// Transition 1: every step of the list is accepted.
    TransitionAllows,
    /// Transition 2: every change to another value that is no step is refused and the record stays.
    TransitionRefuses,
    /// Transition 3: a record added without a value starts with the default of the field.
    TransitionStarts,
    /// Due 1: a date of yesterday makes an unfinished record overdue.
    DuePast,
    /// Due 2: the date of today, a later one and no date at all do not.
    DueNotYet,
    /// Due 3, only with `done`: a finished record is not overdue whatever its date.
    DueFinished,
    /// Total 1: the number over all records, or per group, is right.
    TotalRight,
    /// Total 2: without records the sum is 0 (the average, smallest and largest are none), and no group says otherwise.
    TotalEmpty,
    /// Count 1: the number of records, or per group, is right.
    CountRight,
    /// Count 2: after one record is removed, its count is one less.
    CountFollows,
    /// Limit 1: the last allowed record is accepted.
    LimitAccepts,
    /// Limit 2: one more is refused and nothing changes.
    LimitRefuses,
    /// MaxLength 1: a text of exactly this length is accepted.
    LengthAccepts,
    /// MaxLength 2: one character more is refused.
    LengthRefuses,
    /// Unique 1: a record that differs in one of the fields is accepted.
    UniqueAccepts,
    /// Unique 2: a record that agrees in all of them (texts without letter case) is refused.
    UniqueRefuses,
    /// Unique 3: a record can be saved again with its own values.
    UniqueItself,
    /// Required 1: a filled field is accepted.
    RequiredAccepts,
    /// Required 2: an empty one (for texts also one of spaces) is refused and names the field.
    RequiredRefuses,
    /// Between 1: each end of the range is accepted.
    BetweenAccepts,
    /// Between 2: the next value outside each end is refused and names the field.
    BetweenRefuses,
    /// NoOverlap 1: one may start when another ends.
    OverlapTouches,
    /// NoOverlap 2: a record that overlaps another (of the same `per`) is refused.
    OverlapRefuses,
    /// NoOverlap 3: an end that is not after the start is refused.
    OverlapBackwards,
    /// NoOverlap 4, only with `per`: at the same time but for another `per` is accepted.
    OverlapElsewhere,
    /// BelongsTo 1: the id of an existing record of the other kind is accepted.
    BelongsAccepts,
    /// BelongsTo 2: an unknown id is refused.
    BelongsUnknown,
    /// BelongsTo 3: a record of the other kind that is in use cannot be removed.
    BelongsInUse,
    /// Derived 1: the value is computed from its operands.
    DerivedComputes,
    /// Derived 2: it follows when an operand is edited, and a value that is entered for it is ignored.
    DerivedFollows,
    /// Alert 1: the last value that meets the condition is pointed out.
    AlertShown,
    /// Alert 2: the next value that does not meet it is not.
    AlertQuiet,
    /// Board 1: each record is in the column of its value: filtering by each value gives every record once.
    BoardColumns,
    /// Board 2: moving a card sets the field (along the allowed steps, where there are any).
    BoardMoves,
    /// Calendar 1: a record is on the day of its date.
    CalendarPlaces,
    /// Calendar 2: records of another month, or without a date, are not in the month.
    CalendarLeavesOut,
    /// CheckIn 1: checking off adds the day.
    CheckInAdds,
    /// CheckIn 2: checking the same day again takes it away.
    CheckInAgain,
    /// Streak 1: three days in a row up to today count 3.
    StreakCounts,
    /// Streak 2: two days in a row up to yesterday count 2.
    StreakYesterday,
    /// Streak 3: a last day before yesterday counts 0, and a gap ends the row.
    StreakBroken,
    /// Quiz 1: every question is asked exactly once, in an order that the seed fixes.
    QuizAsksAll,
    /// Quiz 2: the right answer (without letter case and outer spaces) counts as right.
    QuizRight,
    /// Quiz 3: another answer counts as wrong and the expected one is told.
    QuizWrong,
    /// Quiz 4, only with `options`: the right answer is among the options shown.
    QuizOptions,
    /// Import 1: a file of each format is read.
    ImportReads,
    /// Import 2: a file with one faulty record imports nothing and names its line.
    ImportRefuses,
    /// Export 1: a file of each format holds every record.
    ExportAll,
    /// Export 2: commas, quotes and line breaks in texts come out unharmed.
    ExportExact,
    /// Undo 1: after undo an added record is gone.
    UndoAdd,
    /// Undo 2: after undo a removed record is back, as it was.
    UndoRemove,
    /// Undo 3: after redo the change is there again.
    UndoRedo,
    /// Undo 4: with nothing to take back, undo says so and nothing changes.
    UndoNothing,
    /// Statistics 1: the figures are right: records, counts per choice and boolean field, sum and mean per number field.
    StatisticsRight,
    /// Statistics 2: without records the number of records is 0 and no figure is `NaN`.
    StatisticsEmpty,
    /// Theme 1: `app.theme` of `src/core/model.js` holds these words.
    ThemeWords,
}

/// One criterion: its meaning and its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// What a test has to show.
    pub check: Check,
    /// The same in words: `given three books, when …, then …`.
    pub text: String,
}

/// Every criterion of the intent, in the order of their numbers.
pub fn criteria(intent: &Intent, model: &Model) -> Vec<Planned> {
    Writer { model }.write(intent).into_iter().map(|(check, text)| Planned { check, text }).collect()
}

struct Writer<'a> {
    model: &'a Model,
}

type Lines = Vec<(Check, String)>;

impl Writer<'_> {
    fn write(&self, intent: &Intent) -> Lines {
        match intent {
            Intent::Keep { .. }
            | Intent::Add { .. }
            | Intent::Edit { .. }
            | Intent::Remove { .. }
            | Intent::List { .. } => self.records(intent),
            Intent::Search { .. } | Intent::Filter { .. } | Intent::Sort { .. } => self.views(intent),
            Intent::MarkAs { .. } | Intent::Transition { .. } | Intent::Due { .. } => self.states(intent),
            Intent::Total { .. } | Intent::Count { .. } | Intent::Statistics { .. } => self.figures(intent),
            Intent::Limit { .. }
            | Intent::MaxLength { .. }
            | Intent::Unique { .. }
            | Intent::Required { .. }
            | Intent::Between { .. }
            | Intent::NoOverlap { .. }
            | Intent::BelongsTo { .. } => self.rules(intent),
            Intent::Derived { .. } | Intent::Alert { .. } => self.computed(intent),
            Intent::Board { .. }
            | Intent::Calendar { .. }
            | Intent::CheckIn { .. }
            | Intent::Streak { .. }
            | Intent::Quiz { .. } => self.layouts(intent),
            Intent::Import { .. } | Intent::Export { .. } | Intent::Undo {} | Intent::Theme { .. } => {
                self.app_wide(intent)
            }
        }
    }

    fn records(&self, intent: &Intent) -> Lines {
        match intent {
            Intent::Keep { entity, fields } => {
                let one = self.one(entity);
                let names = self.names(entity, fields);
                vec![
                    (
                        Check::KeepSurvives,
                        format!(
                            "given {one} with every field filled in, when the app is opened again, then {one} with the same values is there"
                        ),
                    ),
                    (
                        Check::KeepFields,
                        format!("given the model, then {one} has exactly these fields: {names}"),
                    ),
                ]
            }
            Intent::Add { entity } => {
                let (one, many) = (self.one(entity), self.many(entity));
                vec![
                    (
                        Check::AddStores,
                        format!(
                            "given no {many}, when {one} is added, then it is the only one listed and has the values that were entered"
                        ),
                    ),
                    (
                        Check::AddOwnId,
                        format!("given {one}, when another is added, then the two have different ids"),
                    ),
                ]
            }
            Intent::Edit { entity } => {
                let (one, many) = (self.one(entity), self.many(entity));
                vec![
                    (
                        Check::EditChanges,
                        format!(
                            "given two {many}, when one field of the first is changed, then that field has the new value and everything else is as before"
                        ),
                    ),
                    (
                        Check::EditUnknown,
                        format!(
                            "given {one}, when an unknown id is edited, then this is refused and nothing changes"
                        ),
                    ),
                ]
            }
            Intent::Remove { entity } => {
                let (one, many) = (self.one(entity), self.many(entity));
                vec![
                    (
                        Check::RemoveRemoves,
                        format!(
                            "given two {many}, when the first is removed, then only the second is listed"
                        ),
                    ),
                    (
                        Check::RemoveUnknown,
                        format!(
                            "given {one}, when an unknown id is removed, then this is refused and nothing changes"
                        ),
                    ),
                ]
            }
            Intent::List { entity } => {
                let many = self.many(entity);
                vec![
                    (
                        Check::ListAll,
                        format!(
                            "given three {many}, when they are listed, then all three come in the order in which they were added"
                        ),
                    ),
                    (
                        Check::ListEmpty,
                        format!("given no {many}, when they are listed, then the list is empty"),
                    ),
                ]
            }
            _ => Vec::new(),
        }
    }

    fn views(&self, intent: &Intent) -> Lines {
        match intent {
            Intent::Search { entity, fields } => {
                let many = self.many(entity);
                let names = self.names(entity, fields);
                vec![
                    (
                        Check::SearchFinds,
                        format!(
                            "given three {many}, when a part of the {names} of one is searched in other letter case, then it is found"
                        ),
                    ),
                    (
                        Check::SearchNothing,
                        format!(
                            "given three {many}, when a text is searched that stands in no {names}, then nothing is found"
                        ),
                    ),
                    (
                        Check::SearchEmpty,
                        format!("given three {many}, when the search is empty, then all three are shown"),
                    ),
                ]
            }
            Intent::Filter { entity, field } => {
                let many = self.many(entity);
                let name = self.name(entity, field);
                vec![
                    (
                        Check::FilterKeeps,
                        format!(
                            "given {many} with different {name}, when one {name} is chosen, then exactly the {many} with it are shown"
                        ),
                    ),
                    (
                        Check::FilterOff,
                        format!(
                            "given {many} with different {name}, when no {name} is chosen, then all are shown"
                        ),
                    ),
                ]
            }
            Intent::Sort { entity, field, descending } => {
                let many = self.many(entity);
                let name = self.name(entity, field);
                let order = self.order(entity, field, *descending);
                vec![
                    (
                        Check::SortOrders,
                        format!(
                            "given {many} added in another order, when they are sorted by {name}, then they come {order}"
                        ),
                    ),
                    (
                        Check::SortStable,
                        format!(
                            "given two {many} with the same {name}, when they are sorted by {name}, then the one added first comes first"
                        ),
                    ),
                ]
            }
            _ => Vec::new(),
        }
    }

    fn states(&self, intent: &Intent) -> Lines {
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

    fn figures(&self, intent: &Intent) -> Lines {
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

    fn rules(&self, intent: &Intent) -> Lines {
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

    fn computed(&self, intent: &Intent) -> Lines {
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

    fn layouts(&self, intent: &Intent) -> Lines {
        match intent {
            Intent::Board { entity, field } => {
                let (one, many) = (self.one(entity), self.many(entity));
                let name = self.name(entity, field);
                vec![
                    (
                        Check::BoardColumns,
                        format!(
                            "given {many} with different {name}, when the board is shown, then each stands once, in the column of its {name}"
                        ),
                    ),
                    (
                        Check::BoardMoves,
                        format!(
                            "given {one}, when its card is moved to a column that it may go to, then its {name} is that of the column"
                        ),
                    ),
                ]
            }
            Intent::Calendar { entity, field } => {
                let (one, many) = (self.one(entity), self.many(entity));
                let name = self.name(entity, field);
                vec![
                    (
                        Check::CalendarPlaces,
                        format!(
                            "given {one}, when the month of its {name} is shown, then it stands on the day of its {name}"
                        ),
                    ),
                    (
                        Check::CalendarLeavesOut,
                        format!(
                            "given {many} whose {name} is in another month or empty, when a month is shown, then they are not in it"
                        ),
                    ),
                ]
            }
            Intent::CheckIn { entity, field } => {
                let one = self.one(entity);
                let name = self.name(entity, field);
                vec![
                    (
                        Check::CheckInAdds,
                        format!("given {one}, when it is checked off today, then today is among its {name}"),
                    ),
                    (
                        Check::CheckInAgain,
                        format!(
                            "given {one} checked off today, when it is checked off again, then today is no longer among its {name}"
                        ),
                    ),
                ]
            }
            Intent::Streak { entity, field } => {
                let one = self.one(entity);
                let name = self.name(entity, field);
                vec![
                    (
                        Check::StreakCounts,
                        format!(
                            "given {one} whose {name} are today and the two days before, then its streak is 3"
                        ),
                    ),
                    (
                        Check::StreakYesterday,
                        format!(
                            "given {one} whose {name} are yesterday and the day before, then its streak is 2"
                        ),
                    ),
                    (
                        Check::StreakBroken,
                        format!(
                            "given {one} whose last of the {name} is before yesterday, then its streak is 0"
                        ),
                    ),
                ]
            }
            Intent::Quiz { entity, question, answer, options } => {
                let many = self.many(entity);
                let (question, answer) = (self.name(entity, question), self.name(entity, answer));
                let mut lines = vec![
                    (
                        Check::QuizAsksAll,
                        format!(
                            "given three {many}, when the quiz is played, then the {question} of each is asked exactly once"
                        ),
                    ),
                    (
                        Check::QuizRight,
                        format!(
                            "given three {many}, when the {answer} is given in other letter case, then it counts as right"
                        ),
                    ),
                    (
                        Check::QuizWrong,
                        format!(
                            "given three {many}, when something else is given, then it counts as wrong and the {answer} is told"
                        ),
                    ),
                ];
                if options.is_some() {
                    lines.push((
                        Check::QuizOptions,
                        format!("given three {many}, when one is asked, then its {answer} is among the options shown"),
                    ));
                }
                lines
            }
            _ => Vec::new(),
        }
    }

    fn app_wide(&self, intent: &Intent) -> Lines {
        match intent {
            Intent::Import { entity, formats } => {
                let many = self.many(entity);
                let formats = format_names(formats, "or");
                vec![
                    (
                        Check::ImportReads,
                        format!(
                            "given a {formats} file with two {many}, when it is imported, then both are listed"
                        ),
                    ),
                    (
                        Check::ImportRefuses,
                        format!(
                            "given a {formats} file with one faulty record, when it is imported, then nothing is imported and its line is named"
                        ),
                    ),
                ]
            }
            Intent::Export { entity, formats } => {
                let many = self.many(entity);
                let formats = format_names(formats, "and");
                vec![
                    (
                        Check::ExportAll,
                        format!(
                            "given two {many}, when they are exported as {formats}, then the file holds both with all fields"
                        ),
                    ),
                    (
                        Check::ExportExact,
                        format!(
                            "given {many} with commas, quotes and line breaks in their texts, when they are exported as {formats}, then the texts come out unharmed"
                        ),
                    ),
                ]
            }
            Intent::Undo {} => {
                let one = self
                    .model
                    .entities
                    .first()
                    .map_or_else(|| "a record".to_owned(), |main| a(&lower(&main.label)));
                vec![
                    (Check::UndoAdd, format!("given {one} that was just added, when this is undone, then it is gone")),
                    (
                        Check::UndoRemove,
                        format!("given {one} that was just removed, when this is undone, then it is back as it was"),
                    ),
                    (
                        Check::UndoRedo,
                        format!("given {one} whose adding was undone, when this is redone, then it is there again"),
                    ),
                    (
                        Check::UndoNothing,
                        "given no change so far, when undo is asked, then it says that there is nothing to undo and nothing changes".to_owned(),
                    ),
                ]
            }
            Intent::Theme { words } => {
                vec![(
                    Check::ThemeWords,
                    format!("given the app, then its theme is made from these words: {}", words.join(", ")),
                )]
            }
            _ => Vec::new(),
        }
    }

    fn entity(&self, key: &str) -> Option<&Entity> {
        self.model.entity(key)
    }

    fn field(&self, entity: &str, field: &str) -> Option<&Field> {
        self.entity(entity).and_then(|entity| entity.field(field))
    }

    /// `a book`.
    fn one(&self, key: &str) -> String {
        a(&self.entity(key).map_or_else(|| key.to_owned(), |entity| lower(&entity.label)))
    }

    /// `books`.
    fn many(&self, key: &str) -> String {
        self.entity(key).map_or_else(|| key.to_owned(), |entity| lower(&entity.label_plural))
    }

    /// `due date`.
    fn name(&self, entity: &str, field: &str) -> String {
        self.field(entity, field).map_or_else(|| field.to_owned(), |field| lower(&field.label))
    }

    /// `title, author and status`.
    fn names(&self, entity: &str, fields: &[String]) -> String {
        join(&fields.iter().map(|field| self.name(entity, field)).collect::<Vec<_>>())
    }

    /// A value of a field as a person reads it.
    fn value(&self, entity: &str, field: &str, value: &str) -> String {
        match self.field(entity, field).map(|found| &found.kind) {
            Some(FieldKind::Choice { choices }) => choices
                .iter()
                .find(|choice| choice.value == value)
                .map_or_else(|| value.to_owned(), |choice| lower(&choice.label)),
            Some(FieldKind::Boolean) => {
                let name = self.name(entity, field);
                if value == "false" { format!("not {name}") } else { name }
            }
            _ => value.to_owned(),
        }
    }

    fn group(&self, entity: &str, per: &Grouping) -> String {
        match per {
            Grouping::Field { field } => self.name(entity, field),
            Grouping::Month { field } => format!("month of the {}", self.name(entity, field)),
        }
    }

    fn order(&self, entity: &str, field: &str, descending: bool) -> String {
        let (up, down) = match self.field(entity, field).map(|found| &found.kind) {
            Some(
                FieldKind::Integer { .. }
                | FieldKind::Decimal { .. }
                | FieldKind::Money { .. }
                | FieldKind::Rating { .. }
                | FieldKind::Derived { .. },
            ) => ("from the lowest to the highest", "from the highest to the lowest"),
            Some(FieldKind::Date | FieldKind::DateTime | FieldKind::Time) => {
                ("from the earliest to the latest", "from the latest to the earliest")
            }
            Some(FieldKind::Choice { .. }) => {
                ("in the order of the choices", "in the reverse order of the choices")
            }
            _ => ("from A to Z", "from Z to A"),
        };
        if descending { down.to_owned() } else { up.to_owned() }
    }
}

fn aggregate_name(aggregate: Aggregate) -> &'static str {
    match aggregate {
        Aggregate::Sum => "total",
        Aggregate::Average => "average",
        Aggregate::Minimum => "smallest",
        Aggregate::Maximum => "largest",
    }
}

fn format_names(formats: &[TransferFormat], word: &str) -> String {
    formats
        .iter()
        .map(|format| match format {
            TransferFormat::Json => "JSON",
            TransferFormat::Csv => "CSV",
        })
        .collect::<Vec<_>>()
        .join(&format!(" {word} "))
}

/// A label inside a sentence: `Due date` becomes `due date`, `URL` stays.
pub fn lower(label: &str) -> String {
    let mut chars = label.chars();
    match (chars.next(), chars.clone().next()) {
        (Some(first), Some(second)) if first.is_uppercase() && second.is_uppercase() => label.to_owned(),
        (Some(first), _) => first.to_lowercase().chain(chars).collect(),
        (None, _) => String::new(),
    }
}

/// With the right article: `a book`, `an expense`.
pub fn a(noun: &str) -> String {
    let silent = ["hour", "honour", "heir"].iter().any(|word| noun.starts_with(word));
    let consonant =
        ["user", "unit", "uni", "use", "euro", "one", "ue"].iter().any(|word| noun.starts_with(word));
    let vowel = noun.chars().next().is_some_and(|first| "aeiouAEIOU".contains(first));
    if silent || (vowel && !consonant) { format!("an {noun}") } else { format!("a {noun}") }
}

/// `title, author and status`.
pub fn join(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}
