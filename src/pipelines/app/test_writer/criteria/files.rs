//! Criteria about files: import and export.

use super::{fault, format_name};
use crate::pipelines::app::grammar::criteria::Check;
use crate::pipelines::app::javascript::{Js, quote};
use crate::pipelines::app::spec::{FieldKind, TransferFormat};
use crate::pipelines::app::test_writer::case::Case;
use crate::pipelines::app::test_writer::world;

/// The text of a file with these records, as an expression.
fn file(case: Case<'_>, format: TransferFormat, records: &[Js]) -> String {
    match format {
        TransferFormat::Csv => quote(&world::csv(case.app, case.features, records)),
        TransferFormat::Json => {
            let list = world::json(case.app, case.features, records);
            format!("`${{JSON.stringify({}, null, 2)}}\\n`", list.block(2, 40))
        }
    }
}

/// Reading a file.
pub(in crate::pipelines::app::test_writer) fn import(
    case: Case<'_>,
    format: TransferFormat,
    check: Check,
) -> Vec<String> {
    let name = format_name(format);
    let mut records = case.records(&[Vec::new(), Vec::new()]);
    let mut lines = vec![format!("const {{ store, saved }} = {};", case.open(0))];
    if check == Check::ImportReads {
        lines.push(format!("const text = {};", file(case, format, &records)));
        lines.push(format!("const result = store.importData({}, '{name}', text);", case.key()));
        lines.push("deepEqual(result, { ok: true, imported: 2, errors: [] });".into());
        lines.push(format!(
            "deepEqual({}, [{}, {}]);",
            case.list(),
            case.expected_as("new-1", 0, &[]),
            case.expected_as("new-2", 1, &[])
        ));
        lines.push("equal(saved.length, 1);".into());
        return lines;
    }
    let (text, line, field, message) = match (fault(case), format) {
        (Some((field, value, message)), _) => {
            records[1] = records[1].with(&field, value);
            let line = if format == TransferFormat::Csv { 3 } else { 2 };
            (file(case, format, &records), line, field, message)
        }
        // Any text is a record of this kind, so the file itself is at fault.
        (None, TransferFormat::Csv) => {
            (quote("\"never closed"), 1, String::new(), "A quotation mark is never closed.".to_owned())
        }
        (None, TransferFormat::Json) => {
            (quote("[{}, 5]"), 2, String::new(), "This is not a record.".to_owned())
        }
    };
    lines.push(format!("const text = {text};"));
    lines.push(format!("const result = store.importData({}, '{name}', text);", case.key()));
    lines.push(format!(
        "const errors = [{{ line: {line}, field: {}, message: {} }}];",
        quote(&field),
        quote(&message)
    ));
    lines.push("deepEqual(result, { ok: false, imported: 0, errors });".into());
    lines.push(format!("deepEqual({}, []);", case.list()));
    lines.push("equal(saved.length, 0);".into());
    lines
}

/// Writing a file.
pub(in crate::pipelines::app::test_writer) fn export(
    case: Case<'_>,
    format: TransferFormat,
    check: Check,
) -> Vec<String> {
    let name = format_name(format);
    let mut changes = vec![Vec::new(), Vec::new()];
    if check == Check::ExportExact {
        let text = case.features.stored().find(|field| {
            matches!(
                field.kind,
                FieldKind::Text { max_length: None } | FieldKind::LongText { max_length: None }
            )
        });
        if let Some(field) = text {
            changes[0].push((field.key.clone(), Js::text("one, \"two\"\nthree")));
            changes[1].push((field.key.clone(), Js::text("\"four\"")));
        }
    }
    let records = case.records(&changes);
    let mut lines = vec![
        format!("const {{ store }} = {};", case.open_changed(&changes)),
        format!("const text = store.exportData({}, '{name}');", case.key()),
        format!("equal(text, {});", file(case, format, &records)),
    ];
    if check == Check::ExportExact && case.features.imports.contains(&format) {
        lines.push(format!("const again = {}.store;", case.open(0)));
        lines.push(format!("equal(again.importData({}, '{name}', text).ok, true);", case.key()));
        lines.push(format!(
            "deepEqual(again.list({}).map(withoutId), {}.map(withoutId));",
            case.key(),
            case.list()
        ));
    }
    lines
}
