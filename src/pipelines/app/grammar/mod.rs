//! Understanding a brief: the shared language tools and [`understand`], the one function that `requirements` and
//! `domain-model` both use, so that the two can never disagree. The scope is published in `docs/GRAMMAR.md`.
//!
//! A brief is cut into clauses (`split`), each clause brought into a plain form (`text`, `lead`). First all clauses
//! are read for what is kept (`declare`), then for what can be done (`recognise`); `settle` makes the model whole,
//! `wording` and `criteria` put it into words.

pub mod criteria;
mod declare;
mod draft;
mod fields;
mod frame;
mod generic;
mod kinds;
mod known;
pub mod language;
mod lead;
mod leftover;
mod pattern;
mod recognise;
mod settle;
mod spelling;
pub mod split;
#[cfg(test)]
mod tests;
mod text;
mod understand;
mod valid;
mod vocabulary;
mod wording;
mod words;

pub use understand::{Understanding, Verdict, understand};
pub use valid::valid;

/// The title and the sentences of a brief, and with them `brief.json`.
pub use understand::read;

pub(crate) use pattern::pattern;
