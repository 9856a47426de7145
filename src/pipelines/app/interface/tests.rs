use std::fs;
use std::path::Path;

use super::fixtures::{self, Host};
use super::*;
use crate::pipelines::FileSet;

fn written(inputs: AgentInputs) -> BTreeMap<String, String> {
    let output = run(&fixtures::designed(inputs), &Host::default()).unwrap();
    output.files.into_iter().map(|file| (file.path, String::from_utf8(file.bytes).unwrap())).collect()
}

/// Everything of an app in one text.
fn whole(inputs: AgentInputs) -> String {
    written(inputs).into_values().collect()
}

#[test]
fn same_input_same_bytes() {
    for (name, inputs) in fixtures::all() {
        assert_eq!(written(inputs.clone()), written(inputs), "{name}");
    }
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
    for (name, inputs) in fixtures::all() {
        let files = whole_app(inputs);
        assert!(files.get("src/ui/main.js").is_some(), "{name}");
        if let Some(folder) = std::env::var_os("CALLBOARD_APPS") {
            for (path, bytes) in files.iter() {
                let path = Path::new(&folder).join(name).join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, bytes).unwrap();
            }
        }
    }
}
