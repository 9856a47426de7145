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
    let all = formats_in(low);
    let other = pattern!(r" (?P<format>pdf|excel|xlsx|xml|yaml|word|html|markdown|ics|ical|vcard|txt|png) ")
        .captures(low)
        .map(|found| found["format"].to_uppercase());
    let Some(entity) = context.subject(clause) else {
        return Answer::Refused("nothing is kept that could be exported".to_owned());
    };
    // `exported as CSV and JSON and imported from CSV`: each verb with the formats that follow it.
    let verb = pattern!(r" (?:import|upload|load|read|export|download|save|backup|back up)\w* ");
    let mut own: [Vec<TransferFormat>; 2] = [Vec::new(), Vec::new()];
    let starts: Vec<usize> = verb.find_iter(low).map(|found| found.start()).collect();
    for (index, start) in starts.iter().enumerate() {
        let end = starts.get(index + 1).copied().unwrap_or(low.len() - 1);
        let part = low.get(*start..=end).unwrap_or_default();
        let side = usize::from(!pattern!(r"^ (?:import|upload|load|read)").is_match(part));
        let fresh: Vec<TransferFormat> =
            formats_in(part).into_iter().filter(|format| !own[side].contains(format)).collect();
        own[side].extend(fresh);
    }
    let chosen = |side: usize| match (own[side].is_empty(), all.is_empty()) {
        (false, _) => own[side].clone(),
        (true, false) => all.clone(),
        (true, true) => vec![TransferFormat::Csv, TransferFormat::Json],
    };
    if !all.is_empty() || other.is_none() {
        if import {
            context.find(Intent::Import { entity: entity.clone(), formats: chosen(0) }, clause);
        }
        if export {
            context.find(Intent::Export { entity, formats: chosen(1) }, clause);
        }
    }
    match other {
        Some(format) => {
            Answer::Refused(format!("files are read and written as CSV and JSON, not as {format}"))
        }
        None => Answer::Done,
    }
}

fn formats_in(text: &str) -> Vec<TransferFormat> {
    let mut formats = Vec::new();
    if text.contains(" csv ") || text.contains(" spreadsheet ") {
        formats.push(TransferFormat::Csv);
    }
    if text.contains(" json ") {
        formats.push(TransferFormat::Json);
    }
    formats
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
