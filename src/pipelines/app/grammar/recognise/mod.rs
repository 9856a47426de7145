//! Clauses that say what can be done: one recogniser per family of intents, tried in a fixed order.

mod figures;
mod layouts;
mod records;
mod rules;
pub(super) mod states;
mod theme;
mod transfer;
mod views;

use super::declare::entity_order;
use super::draft::{Clause, Draft};
use crate::pipelines::app::spec::{Entity, Intent};

/// What became of a clause.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::pipelines::app::grammar) enum Answer {
    /// Not for this recogniser.
    Pass,
    /// Understood.
    Done,
    /// It is for this recogniser, which cannot do it; why.
    Refused(String),
}

/// An intent and the clauses that ask for it.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::pipelines::app::grammar) struct Finding {
    /// What is asked.
    pub(in crate::pipelines::app::grammar) intent: Intent,
    /// By which clauses.
    pub(in crate::pipelines::app::grammar) clauses: Vec<usize>,
    /// True when the clause asks to leave it out.
    pub(in crate::pipelines::app::grammar) negated: bool,
}

/// What recognisers work on.
#[derive(Debug, Default)]
pub(in crate::pipelines::app::grammar) struct Context {
    /// The model so far; recognisers may add a field that a clause takes for granted.
    pub(in crate::pipelines::app::grammar) draft: Draft,
    /// The entity spoken of last.
    pub(in crate::pipelines::app::grammar) last: Option<String>,
    /// Everything that was asked.
    pub(in crate::pipelines::app::grammar) found: Vec<Finding>,
}

impl Context {
    /// Notes that the clause asks for this.
    pub(in crate::pipelines::app::grammar) fn find(&mut self, intent: Intent, clause: &Clause) {
        self.record(intent, clause, is_negated(clause));
    }

    /// The same for intents whose words hold a `not` anyway.
    pub(in crate::pipelines::app::grammar) fn find_plainly(&mut self, intent: Intent, clause: &Clause) {
        self.record(intent, clause, false);
    }

    fn record(&mut self, intent: Intent, clause: &Clause, negated: bool) {
        match self.found.iter_mut().find(|found| found.intent == intent && found.negated == negated) {
            Some(found) if found.clauses.contains(&clause.index) => {}
            Some(found) => found.clauses.push(clause.index),
            None => self.found.push(Finding { intent, clauses: vec![clause.index], negated }),
        }
    }

    /// Entities to try, most likely first.
    pub(in crate::pipelines::app::grammar) fn order(&self, clause: &Clause) -> Vec<String> {
        entity_order(&self.draft, &clause.words, self.last.as_deref())
    }

    /// The entity of a clause that needs no field: the one it names, `them` is the last one, else the main one.
    pub(in crate::pipelines::app::grammar) fn subject(&self, clause: &Clause) -> Option<String> {
        let named = self.draft.entities_in(&clause.words);
        if let Some(first) = named.into_iter().next() {
            return Some(first);
        }
        let pronoun =
            [" them ", " it ", " these ", " they ", " one "].iter().any(|word| clause.low.contains(word));
        match (&self.last, pronoun) {
            (Some(last), true) => Some(last.clone()),
            _ => self.draft.entities.first().map(|entity| entity.key.clone()),
        }
    }

    /// The first entity, most likely first, for which the question has an answer.
    pub(in crate::pipelines::app::grammar) fn first<T>(
        &self,
        clause: &Clause,
        ask: impl Fn(&Entity) -> Option<T>,
    ) -> Option<(String, T)> {
        self.order(clause)
            .into_iter()
            .find_map(|key| self.draft.entity(&key).and_then(&ask).map(|answer| (key, answer)))
    }
}

/// True when the clause asks to leave something out.
pub(in crate::pipelines::app::grammar) fn is_negated(clause: &Clause) -> bool {
    [" no ", " not ", " without ", " never ", " nor "].iter().any(|word| clause.low.contains(word))
}

type Recogniser = fn(&Clause, &mut Context) -> Answer;

/// Recognisers that may add fields, so that later clauses can speak of them.
const FIRST: &[Recogniser] =
    &[states::transition, layouts::check_in, layouts::streak, layouts::quiz, states::due, states::mark_as];

/// All of them, in the order in which they are tried.
const ALL: &[Recogniser] = &[
    rules::no_overlap,
    rules::unique,
    rules::max_length,
    rules::limit,
    states::transition,
    layouts::streak,
    layouts::check_in,
    layouts::quiz,
    states::due,
    rules::alert,
    rules::required,
    rules::between,
    transfer::undo,
    transfer::import_export,
    layouts::board,
    layouts::calendar,
    figures::statistics,
    states::mark_as,
    views::views,
    figures::total,
    figures::count,
    theme::theme,
    records::records,
];

/// First round: what brings fields with it.
pub(in crate::pipelines::app::grammar) fn first_round(clause: &Clause, context: &mut Context) -> bool {
    if is_negated(clause) {
        return false;
    }
    FIRST.iter().any(|recognise| recognise(clause, context) == Answer::Done)
}

/// Second round: everything.
pub(in crate::pipelines::app::grammar) fn second_round(clause: &Clause, context: &mut Context) -> Answer {
    for recognise in ALL {
        let answer = recognise(clause, context);
        if answer != Answer::Pass {
            return answer;
        }
    }
    Answer::Pass
}
