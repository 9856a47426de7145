//! Criteria about records as such: kept, added, changed, removed, listed, and changes taken back.

use super::{open, open_saved, plain_field};
use crate::pipelines::app::core_logic::rules::messages;
use crate::pipelines::app::features::App;
use crate::pipelines::app::grammar::criteria::Check;
use crate::pipelines::app::javascript::Js;
use crate::pipelines::app::samples::{SAMPLES, sample};
use crate::pipelines::app::test_writer::case::{Case, entries, refused};

/// Keeping, adding, changing, removing and listing.
pub(in crate::pipelines::app::test_writer) fn records(case: Case<'_>, check: Check) -> Vec<String> {
    let key = case.key();
    let unknown = refused("", &messages::unknown(&case.features.entity));
    match check {
        Check::KeepSurvives if case.features.add => vec![
            format!("const {{ store, storage }} = {};", case.open(0)),
            format!("equal(store.add({key}, {}).ok, true);", case.sample(0)),
            format!("deepEqual(reopen(storage).list({key}), [{}]);", case.expected_as("new-1", 0, &[])),
        ],
        Check::KeepSurvives => vec![
            format!("const {{ storage }} = {};", case.open(1)),
            format!("deepEqual(reopen(storage).list({key}), {});", case.expected_list(1)),
        ],
        Check::KeepFields => {
            let keys: Vec<Js> =
                case.features.entity.fields.iter().map(|field| Js::text(&field.key)).collect();
            vec![format!(
                "deepEqual(entities.{}.fields.map((field) => field.key), {});",
                case.features.entity.key,
                Js::List(keys).inline()
            )]
        }
        Check::AddStores => vec![
            open_saved(&case.open(0)),
            format!("const result = store.add({key}, {});", case.sample(0)),
            format!("deepEqual(result, {{ ok: true, record: {} }});", case.expected_as("new-1", 0, &[])),
            format!("deepEqual({}, [result.record]);", case.list()),
            "equal(saved.length, 1);".into(),
        ],
        Check::AddOwnId => vec![
            open(&case.open(0)),
            format!("const first = store.add({key}, {}).record;", case.sample(0)),
            format!("const second = store.add({key}, {}).record;", case.sample(1)),
            "notEqual(first.id, second.id);".into(),
        ],
        Check::EditChanges => {
            let Some(field) = plain_field(case) else { return vec![open(&case.open(2))] };
            let value = sample(case.features, 2).get(&field.key).cloned().unwrap_or(Js::Null);
            let changes = vec![(field.key.clone(), value)];
            vec![
                open_saved(&case.open(2)),
                format!("const result = store.update({key}, {}, {{ {} }});", case.id(0), entries(&changes)),
                format!("const changed = {};", case.expected(0, &changes)),
                "deepEqual(result, { ok: true, record: changed });".into(),
                format!("deepEqual({}, [changed, {}]);", case.list(), case.expected(1, &[])),
                "equal(saved.length, 1);".into(),
            ]
        }
        Check::EditUnknown => vec![
            open_saved(&case.open(1)),
            format!("deepEqual(store.update({key}, 'nothing', {}), {unknown});", case.sample(1)),
            format!("deepEqual({}, {});", case.list(), case.expected_list(1)),
            "equal(saved.length, 0);".into(),
        ],
        Check::RemoveRemoves => vec![
            open_saved(&case.open(2)),
            format!(
                "deepEqual(store.remove({key}, {}), {{ ok: true, record: {} }});",
                case.id(0),
                case.expected(0, &[])
            ),
            format!("deepEqual({}, [{}]);", case.list(), case.expected(1, &[])),
            "equal(saved.length, 1);".into(),
        ],
        Check::RemoveUnknown => vec![
            open_saved(&case.open(1)),
            format!("deepEqual(store.remove({key}, 'nothing'), {unknown});"),
            format!("deepEqual({}, {});", case.list(), case.expected_list(1)),
            "equal(saved.length, 0);".into(),
        ],
        Check::ListAll => vec![
            open(&case.open(SAMPLES)),
            format!("deepEqual({}, {});", case.list(), case.expected_list(SAMPLES)),
        ],
        _ => vec![open(&case.open(0)), format!("deepEqual({}, []);", case.list())],
    }
}

/// Going back and forth.
pub(in crate::pipelines::app::test_writer) fn undo(app: &App, check: Check) -> Vec<String> {
    let Some(features) = app.entities.iter().find(|features| features.add) else {
        return vec!["equal('undo' in openStore({}).store, true);".into()];
    };
    let case = Case::new(app, &features.entity.key);
    let (key, list) = (case.key(), case.list());
    let done = "{ ok: true }";
    let add = format!("store.add({key}, {});", case.sample(0));
    match check {
        Check::UndoAdd => vec![
            open_saved(&case.open(0)),
            add,
            format!("deepEqual(store.undo(), {done});"),
            format!("deepEqual({list}, []);"),
            "equal(saved.length, 2);".into(),
        ],
        Check::UndoRemove if features.remove => vec![
            open(&case.open(2)),
            format!("store.remove({key}, {});", case.id(0)),
            format!("deepEqual(store.undo(), {done});"),
            format!("deepEqual({list}, {});", case.expected_list(2)),
        ],
        Check::UndoRemove | Check::UndoRedo => vec![
            open(&case.open(0)),
            add,
            "store.undo();".into(),
            "equal(store.canRedo(), true);".into(),
            format!("deepEqual(store.redo(), {done});"),
            format!("deepEqual({list}, [{}]);", case.expected_as("new-1", 0, &[])),
            "equal(store.canRedo(), false);".into(),
            format!("deepEqual(store.redo(), {});", refused("", "There is nothing to redo.")),
        ],
        _ => vec![
            open_saved(&case.open(1)),
            "equal(store.canUndo(), false);".into(),
            format!("deepEqual(store.undo(), {});", refused("", "There is nothing to undo.")),
            format!("deepEqual({list}, {});", case.expected_list(1)),
            "equal(saved.length, 0);".into(),
        ],
    }
}
