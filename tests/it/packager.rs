//! The packager behind the verifier: what the archive holds, and that it works under plain Node.js.

use std::io::{Cursor, Read};
use std::process::Command;

use callboard::pipelines::app::packager::package;
use callboard::pipelines::app::verifier::verify;
use callboard::pipelines::{AgentInputs, AgentOutput, FileSet};

use crate::support::sample_app::{Host, files, inputs};

fn packaged(files: FileSet) -> AgentOutput {
    let mut all = inputs(files);
    let verified = verify(&all, &Host::default(), &|_, _, _| None).expect("the sample is good");
    add(&mut all, &verified);
    package(&all, &Host::default(), &|files| Ok(format!("<!doctype html>{}", files.text("app.js")?)))
        .expect("the sample can be packed")
}

fn add(inputs: &mut AgentInputs, output: &AgentOutput) {
    for file in &output.files {
        inputs.files.insert(file.path.clone(), file.bytes.clone());
    }
}

fn bytes<'a>(output: &'a AgentOutput, path: &str) -> &'a [u8] {
    &output.files.iter().find(|file| file.path == path).expect("it was packed").bytes
}

fn text<'a>(output: &'a AgentOutput, path: &str) -> &'a str {
    std::str::from_utf8(bytes(output, path)).expect("it is text")
}

#[test]
fn the_pages_say_what_is_and_what_is_not() {
    let output = packaged(files());
    let names: Vec<_> = output.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(names, ["README.md", "TRACEABILITY.md", "standalone.html", "provenance.json", "app.zip"]);
    let readme = text(&output, "README.md");
    for words in [
        "# Books",
        "node --test",
        "3 tests passed",
        "mutation score",
        "Fly to the moon\": no such thing",
        "`src/core/books.js`",
    ] {
        assert!(readme.contains(words), "{words} is not in\n{readme}");
    }
    let matrix = text(&output, "TRACEABILITY.md");
    let row = matrix.lines().find(|line| line.starts_with("| R2 ")).expect("R2 has a row");
    for words in ["S2: Mean rating", "passed: R2.1 the mean of 2 and 4 is 3 (`test/books.test.js`)"] {
        assert!(row.contains(words), "{words} is not in {row}");
    }
    let provenance: serde_json::Value =
        serde_json::from_str(text(&output, "provenance.json")).expect("it is JSON");
    assert_eq!(provenance["seed"], 7);
    assert!(
        provenance["files"].as_array().expect("a list").iter().any(|file| file["path"] == "standalone.html")
    );
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let first = packaged(files());
    assert_eq!(first, packaged(files()));
    // What an earlier attempt left behind changes nothing.
    let mut again = inputs(files());
    let verified = verify(&again, &Host::default(), &|_, _, _| None).expect("the sample is good");
    add(&mut again, &verified);
    add(&mut again, &first);
    let second =
        package(&again, &Host::default(), &|files| Ok(format!("<!doctype html>{}", files.text("app.js")?)));
    assert_eq!(second.as_ref(), Ok(&first));
}

#[test]
fn the_unpacked_app_passes_its_tests_under_node() {
    let output = packaged(files());
    let folder = tempfile::tempdir().expect("a folder");
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes(&output, "app.zip"))).expect("it is a zip");
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).expect("it is there");
        let path = folder.path().join(entry.name().expect("a name in UTF-8").as_ref());
        let mut content = Vec::new();
        entry.read_to_end(&mut content).expect("it is whole");
        std::fs::create_dir_all(path.parent().expect("it has a folder")).expect("a folder");
        std::fs::write(path, content).expect("a file");
    }
    let run = Command::new("node")
        .arg("--test")
        .current_dir(folder.path().join("books"))
        .env_remove("NODE_TEST_CONTEXT")
        .output()
        .expect("node is installed");
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success() && said.contains("pass 3"), "{said}");
}
