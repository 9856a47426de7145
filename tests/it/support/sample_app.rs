//! A small app as the first ten agents would leave it, and a host that runs its scripts in this process.

use std::cell::RefCell;

use callboard::domain::event::LogLevel;
use callboard::domain::script::{ScriptJob, ScriptOutcome};
use callboard::pipelines::{AgentError, AgentHost, AgentInputs, FileSet};

/// Keeps the log and the progress, runs scripts in process.
#[derive(Default)]
pub(crate) struct Host {
    pub(crate) log: RefCell<Vec<String>>,
    pub(crate) progress: RefCell<Vec<f64>>,
    pub(crate) cancelled: bool,
}

impl AgentHost for Host {
    fn log(&self, _: LogLevel, text: &str) {
        self.log.borrow_mut().push(text.to_owned());
    }

    fn progress(&self, percent: f64, _: &str) {
        self.progress.borrow_mut().push(percent);
    }

    fn check(&self) -> Result<(), AgentError> {
        if self.cancelled { Err(AgentError::Cancelled) } else { Ok(()) }
    }

    fn run_scripts(
        &self,
        job: &ScriptJob,
        on_step: &mut dyn FnMut(usize, &ScriptOutcome),
    ) -> Result<Vec<ScriptOutcome>, AgentError> {
        self.check()?;
        Ok(callboard::sandbox::run_in_process(job, on_step))
    }
}

/// The files of the sample, to be changed by a test.
pub(crate) fn files() -> FileSet {
    let mut files = FileSet::default();
    for (path, text) in FILES {
        files.insert(path, text.as_bytes());
    }
    files
}

/// Inputs with these files.
pub(crate) fn inputs(files: FileSet) -> AgentInputs {
    let mut params = serde_json::Map::new();
    params.insert("seed".to_owned(), 7.into());
    AgentInputs { brief: BRIEF.to_owned(), params, files, ..AgentInputs::default() }
}

pub(crate) const BRIEF: &str = "Books with title and rating. Mean rating. Fly to the moon.";

const FILES: [(&str, &str); 18] = [
    (
        "brief.json",
        r#"{"title":"Books","slug":"books","sentences":[{"id":"S1","text":"Books with title and rating","start":0,"end":27},{"id":"S2","text":"Mean rating","start":29,"end":40},{"id":"S3","text":"Fly to the moon","start":42,"end":57}],"contradictions":[]}"#,
    ),
    (
        "requirements.json",
        r#"{"requirements":[
{"id":"R1","sentence":"S1","text":"Books can be added","intent":"add","entity":"book","criteria":[{"id":"R1.1","text":"a book with a title is added"},{"id":"R1.2","text":"a book without a title is refused"}]},
{"id":"R2","sentence":"S2","text":"The mean rating is shown","intent":"total","entity":"book","field":"rating","aggregate":"average","per":null,"criteria":[{"id":"R2.1","text":"the mean of 2 and 4 is 3"}]}],
"not_covered":[{"sentence":"S3","text":"Fly to the moon","reason":"no such thing"}],"sentences_total":3,"sentences_covered":2}"#,
    ),
    ("REQUIREMENTS.md", "# Requirements\n"),
    ("model.json", r#"{"x-callboard":{"title":"Books","slug":"books","theme":[],"entities":[]}}"#),
    (
        "plan.json",
        r#"{"blueprint":"list","modules":[{"path":"src/core/books.js","purpose":"books","agent":"core-logic","exports":["addBook","meanRating"],"imports":[]},{"path":"test/books.test.js","purpose":"tests","agent":"tests","exports":[],"imports":["src/core/books.js"]}]}"#,
    ),
    ("openapi.json", "{}"),
    ("package.json", "{\"name\":\"books\",\"private\":true,\"type\":\"module\"}\n"),
    ("src/data/seed.js", "export const seed = { books: [{ id: '1', title: 'Emma', rating: 4 }] };\n"),
    (
        "src/core/books.js",
        "// Books.
export function addBook(books, input) {
  if (input.title === '') {
    return { ok: false, errors: [{ field: 'title', message: 'Title must not be empty.' }] };
  }
  return { ok: true, books: [...books, input] };
}

export function meanRating(books) {
  if (books.length === 0) return null;
  let sum = 0;
  for (const book of books) sum += book.rating;
  return sum / books.length;
}
",
    ),
    ("tokens.css", ":root { --ink: #222; --paper: #fff; }\n"),
    ("icon.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"></svg>\n"),
    ("design.json", "{}"),
    (
        "index.html",
        "<!doctype html>\n<html lang=\"en\">\n<head><title>Books</title><link rel=\"stylesheet\" href=\"tokens.css\"><link rel=\"stylesheet\" href=\"app.css\"></head>\n<body><label for=\"q\">Search</label><input id=\"q\"><script type=\"module\" src=\"app.js\"></script></body>\n</html>\n",
    ),
    ("app.css", "body { color: var(--ink); background: var(--paper); }\n"),
    ("app.js", "import { start } from './src/ui/main.js';\nstart(document.body);\n"),
    (
        "src/ui/main.js",
        "import { meanRating } from '../core/books.js';\nimport { seed } from '../data/seed.js';\nexport function start(root) {\n  root.append(String(meanRating(seed.books)));\n}\n",
    ),
    (
        "test/books.test.js",
        "import { test } from 'node:test';
import { deepEqual, equal } from 'node:assert/strict';
import { addBook, meanRating } from '../src/core/books.js';

test('R1.1 a book with a title is added', () => {
  deepEqual(addBook([], { title: 'Emma' }), { ok: true, books: [{ title: 'Emma' }] });
});
test('R1.2 a book without a title is refused', () => {
  const { ok, errors } = addBook([], { title: '' });
  equal(ok, false);
  equal(errors[0].field, 'title');
});
test('R2.1 the mean of 2 and 4 is 3', () => {
  equal(meanRating([{ rating: 2 }, { rating: 4 }]), 3);
  equal(meanRating([]), null);
});
",
    ),
    ("model.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"></svg>\n"),
];
