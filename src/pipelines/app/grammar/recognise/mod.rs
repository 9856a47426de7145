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
use super::draft::{Clause, Draft, plain_parts, position};
use super::pattern;
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
        let named = self.draft.entities_in(&clause.words);
        let mut order = entity_order(&self.draft, &clause.words, self.last.as_deref());
        // `the title is required` is about the thing that has a title rather than about the last one, which has a name.
        let exact = |key: &String| {
            let entity = self.draft.entity(key);
            entity.is_some_and(|entity| {
                entity
                    .fields
                    .iter()
                    .any(|field| position(&clause.words, &plain_parts(&field.label)).is_some())
            })
        };
        order.sort_by_key(|key| match named.iter().position(|name| name == key) {
            Some(at) => at,
            None if exact(key) => named.len(),
            None => named.len() + 1,
        });
        order
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

/// Each has words of its own, so one clause may satisfy several: `unique and at most 80 characters`.
const TOGETHER: &[Recogniser] = &[
    rules::no_overlap,
    rules::unique,
    rules::max_length,
    states::transition,
    layouts::streak,
    layouts::check_in,
    layouts::quiz,
    states::due,
    rules::required,
    transfer::undo,
    transfer::import_export,
    layouts::board,
    layouts::calendar,
    figures::statistics,
    views::views,
];

/// Their words are common, so they are asked only when nobody else has understood the clause, in this order.
const ALONE: &[Recogniser] =
    &[rules::alert, states::mark_as, figures::total, figures::count, theme::theme, records::records];

/// First round: what brings fields with it.
pub(in crate::pipelines::app::grammar) fn first_round(clause: &Clause, context: &mut Context) -> bool {
    if is_negated(clause) {
        return false;
    }
    FIRST.iter().any(|recognise| recognise(clause, context) == Answer::Done)
}

/// Second round: everything.
pub(in crate::pipelines::app::grammar) fn second_round(clause: &Clause, context: &mut Context) -> Answer {
    // A comparison in a warning is no rule about the records.
    if pattern!(r" (?:warn|warns|warned|warning|warnings|alert|alerts|highlight|highlights|highlighted|notify|remind|point out|pointed out) ")
        .is_match(&clause.low)
    {
        for recognise in [states::due, rules::alert] {
            let answer = recognise(clause, context);
            if answer != Answer::Pass {
                return answer;
            }
        }
    }
    let mut understood = Answer::Pass;
    let limited = rules::limit(clause, context);
    let limited_pass = limited == Answer::Pass;
    if !limited_pass {
        understood = limited;
    }
    for recognise in TOGETHER {
        match (recognise(clause, context), &understood) {
            (Answer::Pass, _) => {}
            (Answer::Done, Answer::Pass) => understood = Answer::Done,
            (Answer::Done, _) => {}
            (Answer::Refused(reason), Answer::Refused(before)) => {
                understood = Answer::Refused(format!("{before}; {reason}"));
            }
            (Answer::Refused(reason), _) => understood = Answer::Refused(reason),
        }
    }
    // `at most 50 books` is no range of a field that happens to be called like the thing.
    let ranged = if limited_pass { rules::between(clause, context) } else { Answer::Pass };
    match ranged {
        Answer::Pass => {}
        Answer::Done if understood == Answer::Pass => understood = Answer::Done,
        Answer::Refused(reason) => understood = Answer::Refused(reason),
        Answer::Done => {}
    }
    if understood != Answer::Pass {
        return understood;
    }
    for recognise in ALONE {
        let answer = recognise(clause, context);
        if answer != Answer::Pass {
            return answer;
        }
    }
    Answer::Pass
}
