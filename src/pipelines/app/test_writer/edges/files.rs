//! Files that are broken or unusual.

use crate::pipelines::app::core_logic::rules::messages;
use crate::pipelines::app::features::App;
use crate::pipelines::app::javascript::{Js, lower, quote};
use crate::pipelines::app::spec::{FieldKind, TransferFormat};
use crate::pipelines::app::test_writer::case::Case;
use crate::pipelines::app::test_writer::{Test, having, world};

/// Files that are broken or unusual.
pub(in crate::pipelines::app::test_writer) fn files(app: &App, tests: &mut Vec<Test>) {
    let reads =
        |format: TransferFormat| having(app, move |features| features.imports.contains(&format)).next();
    if let Some(case) = reads(TransferFormat::Csv) {
        csv(case, tests);
    }
    if let Some(case) = reads(TransferFormat::Json) {
        let import = |text: &str| format!("store.importData({}, 'json', {text})", case.key());
        let fault = |line: u32, message: &str| {
            format!(
                "{{ ok: false, imported: 0, errors: [{{ line: {line}, field: '', message: {} }}] }}",
                quote(message)
            )
        };
        tests.push(Test::new(
            "a file that is no list of records is refused",
            vec![
                "const { store } = openStore({});".into(),
                format!("deepEqual({}, {});", import("'{ broken'"), fault(1, "This is not a JSON file.")),
                format!(
                    "deepEqual({}, {});",
                    import("'{}'"),
                    fault(1, "The file must hold a list of records.")
                ),
                format!("deepEqual({}, {});", import("'[5]'"), fault(1, "This is not a record.")),
                format!("deepEqual({}, {{ ok: true, imported: 0, errors: [] }});", import("'[]'")),
            ],
        ));
    }
    if reads(TransferFormat::Csv).is_some() != reads(TransferFormat::Json).is_some() {
        tests.extend(foreign_formats(app, "importData", "read from"));
    }
    let limited = having(app, |features| features.limit.is_some() && !features.imports.is_empty()).next();
    if let Some(case) = limited
        && let (Some(max), Some(format)) = (case.features.limit, case.features.imports.first())
    {
        let name = crate::pipelines::app::test_writer::criteria::format_name(*format);
        let records = case.records(&[Vec::new()]);
        let text = match format {
            TransferFormat::Csv => quote(&world::csv(case.app, case.features, &records)),
            TransferFormat::Json => {
                format!("JSON.stringify({})", world::json(case.app, case.features, &records).block(2, 40))
            }
        };
        let message = messages::limit(case.features, max);
        let open = |count: u32| {
            case.open_with(&format!(
                "Array.from({{ length: {count} }}, (_, at) => ({{ ...{} }}))",
                case.sample(1)
            ))
        };
        tests.push(Test::new(
            format!(
                "a file cannot bring more {} than there may be",
                lower(&case.features.entity.label_plural)
            ),
            vec![
                format!("const text = {text};"),
                format!(
                    "equal({}.store.importData({}, '{name}', text).ok, true);",
                    open(max.saturating_sub(1)),
                    case.key()
                ),
                format!(
                    "const {{ errors }} = {}.store.importData({}, '{name}', text);",
                    open(max),
                    case.key()
                ),
                format!("deepEqual(errors, [{{ line: 1, field: '', message: {} }}]);", quote(&message)),
            ],
        ));
    }
}

/// A format that no kind of record is transferred in.
pub(in crate::pipelines::app::test_writer) fn foreign_formats(
    app: &App,
    method: &str,
    words: &str,
) -> Option<Test> {
    let formats: Vec<TransferFormat> = app
        .entities
        .iter()
        .flat_map(|features| if method == "exportData" { &features.exports } else { &features.imports })
        .copied()
        .collect();
    let foreign =
        [TransferFormat::Json, TransferFormat::Csv].into_iter().find(|format| !formats.contains(format))?;
    let name = crate::pipelines::app::test_writer::criteria::format_name(foreign);
    let case = having(app, |features| {
        !(if method == "exportData" { &features.exports } else { &features.imports }).is_empty()
    })
    .next()?;
    Some(Test::new(
        format!("records are not {words} {name}"),
        vec![
            "const { store } = openStore({});".into(),
            format!(
                "throws(() => store.{method}({}, '{name}', ''), /Records cannot be {words} {name}\\./);",
                case.key()
            ),
        ],
    ))
}

/// Unusual and broken CSV.
pub(in crate::pipelines::app::test_writer) fn csv(case: Case<'_>, tests: &mut Vec<Test>) {
    let features = case.features;
    let import = |text: &str| format!("store.importData({}, 'csv', {text})", case.key());
    let records = case.records(&[Vec::new(), Vec::new()]);
    let text = world::csv(case.app, features, &records);
    // Keys for labels, another order of letters, bare line feeds, empty lines, no line break at the end.
    let mut lines: Vec<&str> = text.split("\r\n").collect();
    let keys = features.stored().map(|field| field.key.to_uppercase()).collect::<Vec<_>>().join(" ,");
    lines[0] = &keys;
    let loose = format!("\u{feff}{}\n\n{}\n{}", lines[0], lines[1], lines[2]);
    tests.push(Test::new(
        "a CSV file may name its columns by key and end its lines in any way",
        vec![
            format!("const {{ store }} = {};", case.open(0)),
            format!("deepEqual({}, {{ ok: true, imported: 2, errors: [] }});", import(&quote(&loose))),
            format!(
                "deepEqual({}, [{}, {}]);",
                case.list(),
                case.expected_as("new-1", 0, &[]),
                case.expected_as("new-2", 1, &[])
            ),
        ],
    ));
    let fault =
        |line: u32, message: &str| format!("[{{ line: {line}, field: '', message: {} }}]", quote(message));
    tests.push(Test::new(
        "a CSV file with an unknown column or an open quotation mark is refused",
        vec![
            "const { store } = openStore({});".into(),
            format!(
                "deepEqual({}.errors, {});",
                import("'Nothing\\r\\n'"),
                fault(1, "There is no field Nothing.")
            ),
            format!(
                "deepEqual({}.errors, {});",
                import("'a\\n\"b\\nc'"),
                fault(2, "A quotation mark is never closed.")
            ),
            format!("deepEqual({}, {{ ok: true, imported: 0, errors: [] }});", import("''")),
        ],
    ));
    let field = features.stored().find(|field| {
        matches!(field.kind, FieldKind::Text { max_length: None } | FieldKind::LongText { max_length: None })
    });
    if let Some(field) = field
        && let Some((faulty, value, message)) = crate::pipelines::app::test_writer::criteria::fault(case)
        && faulty != field.key
    {
        let broken = case.records(&[
            vec![(field.key.clone(), Js::text("two\nlines, \"quoted\""))],
            vec![(faulty.clone(), value)],
        ]);
        tests.push(Test::new(
            "line breaks within quotation marks count as lines of the file",
            vec![
                format!("const {{ store }} = {};", case.open(0)),
                format!("const {{ errors }} = {};", import(&quote(&world::csv(case.app, features, &broken)))),
                format!(
                    "deepEqual(errors, [{{ line: 4, field: {}, message: {} }}]);",
                    quote(&faulty),
                    quote(&message)
                ),
            ],
        ));
    }
}
