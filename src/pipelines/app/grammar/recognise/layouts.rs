//! Ways to show and play: board, calendar, checking off days, streaks, quiz.

use super::super::draft::{Clause, field_named, fields_in, singles};
use super::super::kinds::{is_day, plain};
use super::super::pattern;
use super::super::vocabulary::STATE_LIKE;
use super::{Answer, Context, is_negated};
use crate::pipelines::app::spec::{Entity, FieldKind, Intent};

/// `a board with a column per status`, `kanban`.
pub(in crate::pipelines::app::grammar) fn board(clause: &Clause, context: &mut Context) -> Answer {
    let says = pattern!(
        r" (?:boards?|kanban|columns? (?:per|for|by)|grouped by|group(?: [\w-]+){0,2} by|swim ?lanes?|cards (?:move|can be moved|can be dragged)) "
    );
    let figure = pattern!(r" (?:count|counts|total|number of|how many|average|sum) ").is_match(&clause.low);
    let board = pattern!(r" (?:boards?|kanban) ").is_match(&clause.low);
    if !says.is_match(&clause.low) || (figure && !board) {
        return Answer::Pass;
    }
    let hit = context.first(clause, |entity| {
        let choice = |key: &String| {
            entity.field(key).is_some_and(|field| matches!(field.kind, FieldKind::Choice { .. }))
        };
        let named = fields_in(entity, &clause.words).into_iter().find(|key| choice(key));
        let state = entity
            .fields
            .iter()
            .find(|field| STATE_LIKE.contains(&plain(&field.label).as_str()))
            .map(|field| field.key.clone())
            .filter(|key| choice(key));
        let any = entity.fields.iter().map(|field| field.key.clone()).find(|key| choice(key));
        named.or(state).or(any)
    });
    match hit {
        Some((entity, field)) => {
            context.find(Intent::Board { entity, field }, clause);
            Answer::Done
        }
        None => Answer::Refused(
            "a board needs a field with a few values for its columns; understood is `tickets with title and status (open, done)`"
                .to_owned(),
        ),
    }
}

/// `show tasks in a calendar by due date`.
pub(in crate::pipelines::app::grammar) fn calendar(clause: &Clause, context: &mut Context) -> Answer {
    let says = pattern!(r" (?:calendar|month view|monthly view|month overview|by day and month|agenda) ");
    if !says.is_match(&clause.low) {
        return Answer::Pass;
    }
    let hit = context.first(clause, |entity| {
        let day = |key: &String| entity.field(key).is_some_and(|field| is_day(&field.kind));
        let named = fields_in(entity, &clause.words).into_iter().find(|key| day(key));
        named.or_else(|| entity.fields.iter().map(|field| field.key.clone()).find(|key| day(key)))
    });
    match hit {
        Some((entity, field)) => {
            context.find(Intent::Calendar { entity, field }, clause);
            Answer::Done
        }
        None => Answer::Refused(
            "a calendar needs a field that is a date; understood is `events with title and date`".to_owned(),
        ),
    }
}

/// The set of days of an entity; made when there is none.
fn days_field(clause: &Clause, context: &mut Context) -> Option<(String, String)> {
    let hit = context.first(clause, |entity| {
        entity
            .fields
            .iter()
            .find(|field| matches!(field.kind, FieldKind::Dates))
            .map(|field| field.key.clone())
    });
    if hit.is_some() {
        return hit;
    }
    let entity = context.subject(clause)?;
    let field = context.draft.ensure_field(&entity, "days done", Some(FieldKind::Dates), clause.index)?;
    context
        .draft
        .notes
        .push((clause.index, "a field `Days done` holds the days that were checked off".to_owned()));
    Some((entity, field))
}

/// `check off a habit each day`.
pub(in crate::pipelines::app::grammar) fn check_in(clause: &Clause, context: &mut Context) -> Answer {
    let low = &clause.low;
    let acts = pattern!(
        r" (?:check(?:s|ed|ing)?|tick(?:s|ed|ing)?|mark(?:s|ed|ing)?|log(?:ged)?|cross(?:ed)?|complete[ds]?|done|do) "
    )
    .is_match(low);
    let daily = pattern!(r" (?:each day|every day|per day|a day|daily|once a day|today|day by day|for the day|any day|the day) ").is_match(low);
    let checks = pattern!(r" (?:check(?:ed)? in|check-in|check-ins) ").is_match(low);
    if !((acts && daily) || checks) {
        return Answer::Pass;
    }
    if is_negated(clause) {
        return Answer::Pass;
    }
    match days_field(clause, context) {
        Some((entity, field)) => {
            context.find(Intent::CheckIn { entity, field }, clause);
            Answer::Done
        }
        None => Answer::Refused("nothing is kept that could be checked off".to_owned()),
    }
}

/// `show the current streak`.
pub(in crate::pipelines::app::grammar) fn streak(clause: &Clause, context: &mut Context) -> Answer {
    let says = pattern!(r" (?:streaks?|days in a row|consecutive days|in a row) ");
    if !says.is_match(&clause.low) {
        return Answer::Pass;
    }
    if pattern!(r" longest ").is_match(&clause.low) {
        return Answer::Refused("the streak up to today is understood, the longest one is not".to_owned());
    }
    if is_negated(clause) {
        return Answer::Done;
    }
    match days_field(clause, context) {
        Some((entity, field)) => {
            context.find(Intent::Streak { entity, field }, clause);
            Answer::Done
        }
        None => Answer::Refused("nothing is kept that could have a streak".to_owned()),
    }
}

/// `quiz me on the questions`, `ask the questions one at a time`.
pub(in crate::pipelines::app::grammar) fn quiz(clause: &Clause, context: &mut Context) -> Answer {
    let low = &clause.low;
    let says = pattern!(
        r" (?:quiz|quizzes|quizzed|ask|asks|asked|test me|flash ?cards?|practi[sc]e|learn them|play|played|score|scores|scored|right answers?|wrong answers?|correct answers?) "
    );
    if !says.is_match(low) {
        return Answer::Pass;
    }
    let hit = context.first(clause, quiz_fields);
    match hit {
        Some((entity, (question, answer, options))) => {
            context.find(Intent::Quiz { entity, question, answer, options }, clause);
            Answer::Done
        }
        None if pattern!(r" (?:quiz|quizzed|test me|flash ?cards?) ").is_match(low) => Answer::Refused(
            "a quiz needs a question and an answer; understood is `questions with question and answer`"
                .to_owned(),
        ),
        None => Answer::Pass,
    }
}

type QuizFields = (String, String, Option<String>);

fn quiz_fields(entity: &Entity) -> Option<QuizFields> {
    let text = |key: &String| {
        entity
            .field(key)
            .is_some_and(|field| matches!(field.kind, FieldKind::Text { .. } | FieldKind::LongText { .. }))
    };
    let find = |names: &[&str]| {
        names
            .iter()
            .find_map(|name| {
                let wanted = singles(name).join(" ");
                entity
                    .fields
                    .iter()
                    .find(|field| plain(&field.label) == wanted)
                    .map(|field| field.key.clone())
            })
            .or_else(|| names.iter().find_map(|name| field_named(entity, &singles(name).join(" "))))
            .filter(|key| text(key))
    };
    let question = find(&["question", "question text", "prompt", "front", "term", "word", "text", "phrase"])?;
    let answer = find(&[
        "answer",
        "correct answer",
        "right answer",
        "back",
        "translation",
        "definition",
        "meaning",
        "solution",
    ])?;
    if question == answer {
        return None;
    }
    let options = entity
        .fields
        .iter()
        .find(|field| {
            let name = plain(&field.label);
            matches!(field.kind, FieldKind::Tags)
                && [
                    "option",
                    "choice",
                    "wrong answer",
                    "distractor",
                    "alternative",
                    "possible answer",
                    "answer option",
                ]
                .contains(&name.as_str())
        })
        .map(|field| field.key.clone());
    Some((question, answer, options))
}
