//! Reads one module: what it imports, what it exports, and the rest.

use regex::Regex;

use super::failed;
use super::mask::mask;
use crate::pipelines::AgentError;

/// A module taken apart.
#[derive(Debug)]
pub(super) struct Module {
    pub(super) imports: Vec<Import>,
    pub(super) exports: Vec<String>,
    /// The code without its imports and without the word `export`.
    pub(super) body: String,
}

/// One import statement.
#[derive(Debug)]
pub(super) struct Import {
    /// As it stands there: `./store.js`.
    pub(super) source: String,
    /// Name in the other module, name here; empty for an import for its effects.
    pub(super) names: Vec<(String, String)>,
    pub(super) line: usize,
}

/// Takes a module apart.
pub(super) fn parse(path: &str, source: &str) -> Result<Module, AgentError> {
    let regex = |pattern: &str| Regex::new(pattern).expect("the pattern is a constant");
    let statement = regex(r"(?m)^(?:import\b|export\b)");
    let import = regex(r#"^import\s*(?:\{([^}]*)\}\s*from\s*)?(?:'([^'\n]*)'|"([^"\n]*)")\s*;?"#);
    let export =
        regex(r"^export\s+((?:async\s+)?function\s*\*?\s*|const\s+|let\s+|class\s+)([A-Za-z_$][\w$]*)");
    let dynamic = regex(r"\bimport\s*[(.]");
    let masked = mask(source);
    let line_of = |at: usize| source[..at].matches('\n').count() + 1;
    if let Some(found) = dynamic.find(&masked) {
        return Err(failed(path, line_of(found.start()), "a dynamic import cannot be joined"));
    }
    let mut module = Module { imports: Vec::new(), exports: Vec::new(), body: String::new() };
    let mut done = 0;
    for found in statement.find_iter(&masked) {
        let at = found.start();
        let line = line_of(at);
        module.body.push_str(&source[done..at]);
        if found.as_str() == "import" {
            let parts = import
                .captures(&source[at..])
                .ok_or_else(|| failed(path, line, "only named imports from a path can be joined"))?;
            let from = parts.get(2).or_else(|| parts.get(3)).map_or("", |path| path.as_str());
            let names = parts.get(1).map_or("", |names| names.as_str());
            module.imports.push(Import {
                source: from.to_owned(),
                names: named(names).ok_or_else(|| failed(path, line, "this import cannot be read"))?,
                line,
            });
            done = at + parts[0].len();
        } else {
            let parts = export.captures(&source[at..]).ok_or_else(|| {
                failed(
                    path,
                    line,
                    "only an exported function, class or constant can be joined, by its own name",
                )
            })?;
            module.exports.push(parts[2].to_owned());
            done = at + "export".len() + source[at + "export".len()..].len()
                - source[at + "export".len()..].trim_start().len();
        }
    }
    module.body.push_str(&source[done..]);
    Ok(module)
}

/// `a, b as c` as pairs.
fn named(list: &str) -> Option<Vec<(String, String)>> {
    let is_name =
        |name: &str| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '$');
    list.split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| {
            let mut words = part.split_whitespace();
            let there = words.next()?;
            let here = match (words.next(), words.next(), words.next()) {
                (None, ..) => there,
                (Some("as"), Some(here), None) => here,
                _ => return None,
            };
            (is_name(there) && is_name(here)).then(|| (there.to_owned(), here.to_owned()))
        })
        .collect()
}
