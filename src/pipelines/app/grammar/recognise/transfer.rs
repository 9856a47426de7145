//! Import, export, undo.

use super::super::draft::Clause;
use super::super::pattern;
use super::{Answer, Context};
use crate::pipelines::app::spec::{Intent, TransferFormat};

/// `import and export as CSV and JSON`.
pub(in crate::pipelines::app::grammar) fn import_export(clause: &Clause, context: &mut Context) -> Answer {
    let low = &clause.low;
    let import = pattern!(
        r" (?:import|imports|imported|importing|importable|upload|uploaded|load from|read from|read in) "
    )
    .is_match(low);
    let export = pattern!(r" (?:export|exports|exported|exporting|exportable|download|downloaded|save as|saved as|backup|back up|save to) ").is_match(low);
    if !import && !export {
        return Answer::Pass;
    }
    let mut formats = Vec::new();
    if low.contains(" csv ") || low.contains(" spreadsheet ") {
        formats.push(TransferFormat::Csv);
    }
    if low.contains(" json ") {
        formats.push(TransferFormat::Json);
    }
    let other = pattern!(r" (?P<format>pdf|excel|xlsx|xml|yaml|word|html|markdown|ics|ical|vcard|txt|png) ")
        .captures(low)
        .map(|found| found["format"].to_uppercase());
    if formats.is_empty() && other.is_none() {
        formats = vec![TransferFormat::Csv, TransferFormat::Json];
    }
    let Some(entity) = context.subject(clause) else {
        return Answer::Refused("nothing is kept that could be exported".to_owned());
    };
    if !formats.is_empty() {
        if import {
            context.find(Intent::Import { entity: entity.clone(), formats: formats.clone() }, clause);
        }
        if export {
            context.find(Intent::Export { entity, formats }, clause);
        }
    }
    match other {
        Some(format) => {
            Answer::Refused(format!("files are read and written as CSV and JSON, not as {format}"))
        }
        None => Answer::Done,
    }
}

/// `undo the last change`.
pub(in crate::pipelines::app::grammar) fn undo(clause: &Clause, context: &mut Context) -> Answer {
    let says =
        pattern!(r" (?:undo|undone|redo|redone|take back|taken back|revert|reverted|reverse the last) ");
    if !says.is_match(&clause.low) {
        return Answer::Pass;
    }
    context.find(Intent::Undo {}, clause);
    Answer::Done
}
