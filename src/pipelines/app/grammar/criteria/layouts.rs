//! Of layouts and of the app as a whole: board, calendar, streaks, quiz; import, export, undo, theme.

use super::{Check, Lines, Writer, a, format_names, lower};
use crate::pipelines::app::spec::Intent;

impl Writer<'_> {
    pub(super) fn layouts(&self, intent: &Intent) -> Lines {
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

    pub(super) fn app_wide(&self, intent: &Intent) -> Lines {
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
}
