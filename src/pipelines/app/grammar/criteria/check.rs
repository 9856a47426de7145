//! What a criterion demands, apart from its words.

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
