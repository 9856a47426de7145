use std::sync::Arc;

use tempfile::TempDir;

use super::*;
use crate::clock::SystemClock;
use crate::engine::contract::{self, Factory};

struct EmbeddedFactory {
    directory: TempDir,
    durability: Durability,
}

impl EmbeddedFactory {
    fn new(durability: Durability) -> Self {
        Self { directory: tempfile::tempdir().unwrap(), durability }
    }
}

impl Factory for EmbeddedFactory {
    fn open(&self) -> Arc<dyn Engine> {
        let options = EmbeddedOptions { durability: self.durability };
        Arc::new(EmbeddedEngine::open(self.directory.path(), options, Arc::new(SystemClock)).unwrap())
    }
}

/// How SQLite goes about a question on an empty store.
fn plan(store: &rusqlite::Connection, question: &str) -> Vec<String> {
    let mut statement = store.prepare(&format!("EXPLAIN QUERY PLAN {question}")).unwrap();
    // No statistics, so values change nothing.
    let given = rusqlite::params_from_iter(vec![rusqlite::types::Null; statement.parameter_count()]);
    statement.query_map(given, |row| row.get(3)).unwrap().collect::<Result<_, _>>().unwrap()
}

#[test]
fn lists_are_read_along_their_indexes() {
    let directory = tempfile::tempdir().unwrap();
    let store = schema::open_writer(&directory.path().join("store"), Durability::Process).unwrap();
    for (question, expected) in [
        (
            rows::PROJECTS,
            &[
                "SEARCH projects USING INDEX projects_by_age ((created_at,id)<(?,?))",
                "INDEX runs_at_work (room=?)",
                "INDEX runs_of_project (room=?)",
            ][..],
        ),
        (rows::NOTES, &["SEARCH notes USING PRIMARY KEY (name>? AND name<?)"]),
        (rows::FORGET_NOTES, &["SEARCH notes USING PRIMARY KEY (name>? AND name<?)"]),
    ] {
        let steps = plan(&store, question);
        for step in expected {
            assert!(steps.iter().any(|taken| taken.contains(step)), "{step}: {steps:#?}");
        }
        assert!(
            steps.iter().all(|taken| !taken.contains("SCAN") && !taken.contains("TEMP B-TREE")),
            "{steps:#?}"
        );
    }
}

mod contract_with_disk {
    use super::*;
    contract::rules!(EmbeddedFactory::new(Durability::Disk));
}

mod contract_with_process {
    use super::*;
    contract::rules!(EmbeddedFactory::new(Durability::Process));
}
