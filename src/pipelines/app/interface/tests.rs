use std::fs;
use std::path::Path;

use super::fixtures::{self, Host};
use super::*;
use crate::pipelines::FileSet;

fn written(inputs: AgentInputs) -> BTreeMap<String, String> {
    let output = run(&fixtures::designed(inputs), &Host::default()).unwrap();
    output.files.into_iter().map(|file| (file.path, String::from_utf8(file.bytes).unwrap())).collect()
}

#[test]
fn same_input_same_bytes() {
    for (name, inputs) in fixtures::all() {
        assert_eq!(written(inputs.clone()), written(inputs), "{name}");
    }
}

/// Everything of an app in one text.
fn whole(inputs: AgentInputs) -> String {
    written(inputs).into_values().collect()
}

fn without(inputs: &AgentInputs, file: &str, cut: impl Fn(&mut Value)) -> AgentInputs {
    let mut json: Value = inputs.files.json(file).unwrap();
    cut(&mut json);
    let mut inputs = inputs.clone();
    inputs.files.insert(file, json.to_string().into_bytes());
    inputs
}

#[test]
fn a_field_that_left_the_model_is_nowhere() {
    let inputs = fixtures::tickets();
    assert!(whole(inputs.clone()).contains("description"));
    let cut = without(&inputs, "model.json", |json| {
        let fields = json["x-callboard"]["entities"][0]["fields"].as_array_mut().unwrap();
        fields.retain(|field| field["key"] != "description");
    });
    let text = whole(cut).to_lowercase();
    assert!(!text.contains("description") && !text.contains("longtext") && !text.contains("textarea\n"));
}

#[test]
fn what_nobody_asked_for_is_nowhere() {
    let inputs = fixtures::tickets();
    for (intent, marks) in [
        ("search", &["type: 'search'", "No tickets match search", "query.search"][..]),
        ("filter", &["renderFilters", "query.filters"]),
        ("sort", &["sortControl", "ascending"]),
        ("board", &["boardView", "board-card", "draggable"]),
        ("due", &["isOverdue", ".late", "Overdue"]),
        ("undo", &["canUndo", "takeBack", "history"]),
        ("remove", &["store.remove", "'trash'", "Delete"]),
        ("edit", &["store.update", "'edit'"]),
        ("transition", &["allowedSteps"]),
    ] {
        assert!(marks.iter().any(|mark| whole(inputs.clone()).contains(mark)), "{intent}");
        let cut = without(&inputs, "requirements.json", |json| {
            json["requirements"].as_array_mut().unwrap().retain(|one| one["intent"] != intent);
        });
        let text = whole(cut);
        for mark in marks {
            assert!(!text.contains(mark), "{mark} is left without {intent}");
        }
    }
    let plain = whole(fixtures::reading());
    for mark in [
        "calendar",
        "quiz",
        "statistics",
        "streak",
        "data-theme",
        "importData",
        "exportData",
        "money",
        "chips",
    ] {
        assert!(!plain.contains(mark), "{mark}");
    }
}

#[test]
fn a_module_that_does_not_compile_is_named() {
    let inputs = fixtures::designed(fixtures::reading());
    let error =
        crate::domain::script::ScriptError { file: "app.js".into(), line: Some(7), message: "bad".into() };
    let host = Host { outcomes: vec![ScriptOutcome::Error { error }], ..Host::default() };
    assert_eq!(
        run(&inputs, &host).unwrap_err(),
        AgentError::Failed { message: "bad".into(), file: Some("app.js".into()), line: Some(7) }
    );
}

#[test]
fn a_broken_template_is_named_with_its_line() {
    let mut inputs = fixtures::designed(fixtures::reading());
    inputs.brief = "a brief of this test alone".to_owned();
    crate::pipelines::app::templates::replace_template_for_brief(
        &inputs.brief,
        "ui/page.js",
        "ok\n{{ nothing.there }}",
    );
    match run(&inputs, &Host::default()).unwrap_err() {
        AgentError::Failed { file: Some(file), line: Some(2), .. } => {
            assert!(file.ends_with("ui/page.js.jinja"))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_cancelled_run_stops() {
    let host = Host { cancelled: true, ..Host::default() };
    let error = run(&fixtures::designed(fixtures::reading()), &host).unwrap_err();
    assert_eq!(error, AgentError::Cancelled);
}

#[test]
fn hostile_labels_stay_text() {
    let inputs = without(&fixtures::reading(), "model.json", |json| {
        json["x-callboard"]["title"] = "<script>alert('1')</script> & \"co\"".into();
        json["x-callboard"]["entities"][0]["label"] = "A's \\ `${1}` </script>\n".into();
        json["x-callboard"]["entities"][0]["label_plural"] = "*/ </script> \u{2028}".into();
    });
    let files = written(inputs);
    assert!(files["index.html"].contains("<title>&lt;script&gt;"));
    assert!(files["src/ui/book-page.js"].contains("label: '*/ \\x3c/script> \\u2028'"));
    assert!(files.iter().all(|(path, text)| path == "index.html" || !text.contains("</script")));
}

/// The files of the agents before this one and of this one.
fn whole_app(inputs: AgentInputs) -> FileSet {
    use crate::pipelines::app::{architect, contract, core_logic, data, design};
    let mut inputs = inputs;
    let agents = [architect::run, contract::run, data::run, core_logic::run, design::run, run];
    for agent in agents {
        for file in agent(&inputs, &Host::default()).unwrap().files {
            inputs.files.insert(file.path, file.bytes);
        }
    }
    inputs.files
}

/// Also writes the apps into the folder that `CALLBOARD_APPS` names, to be looked at in a browser.
#[test]
fn every_fixture_becomes_a_whole_app() {
    let others = crate::pipelines::app::fixtures::all();
    let others = others.iter().map(|fixture| (format!("core {}", fixture.name), fixture.inputs()));
    for (name, inputs) in
        fixtures::all().into_iter().map(|(name, inputs)| (name.to_owned(), inputs)).chain(others)
    {
        let files = whole_app(inputs);
        let standalone = crate::pipelines::app::bundle::standalone(&files).unwrap();
        assert!(files.get("src/ui/main.js").is_some() && !standalone.contains("src=\"app.js\""), "{name}");
        if let Some(folder) = std::env::var_os("CALLBOARD_APPS") {
            for (path, bytes) in files.iter() {
                let path = Path::new(&folder).join(&name).join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, bytes).unwrap();
            }
            fs::write(Path::new(&folder).join(&name).join("standalone.html"), standalone).unwrap();
        }
    }
}
