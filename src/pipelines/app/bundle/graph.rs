//! Follows the imports from one module and writes all of them down, each after those it needs.

use std::collections::{BTreeMap, BTreeSet};

use super::failed;
use super::module::{self, Import, Module};
use crate::pipelines::{AgentError, FileSet};

/// The code of `entry` and of every module it reaches, as one script.
pub(super) fn join(files: &FileSet, entry: &str) -> Result<String, AgentError> {
    let mut graph = Graph { files, modules: BTreeMap::new(), order: Vec::new(), open: Vec::new() };
    let entry = resolve("index.html", entry);
    graph.visit(&entry)?;
    let names: BTreeMap<&str, String> =
        graph.order.iter().enumerate().map(|(index, path)| (path.as_str(), name(index, path))).collect();
    let mut script = String::from("'use strict';\n");
    for path in &graph.order {
        script.push_str(&wrapped(path, &graph.modules[path], &names));
    }
    Ok(script)
}

struct Graph<'a> {
    files: &'a FileSet,
    modules: BTreeMap<String, Module>,
    /// Paths, each after those it needs.
    order: Vec<String>,
    /// The way from the entry to the module that is being read.
    open: Vec<String>,
}

impl Graph<'_> {
    fn visit(&mut self, path: &str) -> Result<(), AgentError> {
        if self.modules.contains_key(path) {
            return Ok(());
        }
        let module = module::parse(path, self.files.text(path)?)?;
        self.open.push(path.to_owned());
        for import in &module.imports {
            let target = self.target(path, import)?;
            self.visit(&target)?;
            let exports: BTreeSet<&String> = self.modules[&target].exports.iter().collect();
            if let Some((name, _)) = import.names.iter().find(|(name, _)| !exports.contains(name)) {
                return Err(failed(path, import.line, &format!("{target} does not export {name}")));
            }
        }
        self.open.pop();
        self.modules.insert(path.to_owned(), module);
        self.order.push(path.to_owned());
        Ok(())
    }

    fn target(&self, path: &str, import: &Import) -> Result<String, AgentError> {
        if !import.source.starts_with("./") && !import.source.starts_with("../") {
            let message = format!("{} is not a relative path", import.source);
            return Err(failed(path, import.line, &message));
        }
        let target = resolve(path, &import.source);
        if self.files.get(&target).is_none() {
            return Err(failed(path, import.line, &format!("{target} is not there")));
        }
        if self.open.contains(&target) {
            return Err(failed(path, import.line, &format!("{target} imports this module in turn")));
        }
        Ok(target)
    }
}

/// A relative path as seen from a file.
fn resolve(from: &str, relative: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in relative.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// A variable name for a module; the number keeps `a-b.js` and `a_b.js` apart.
fn name(index: usize, path: &str) -> String {
    let letters: String = path.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    format!("module{index}_{letters}")
}

fn wrapped(path: &str, module: &Module, names: &BTreeMap<&str, String>) -> String {
    let mut code = format!("\n// {path}\nconst {} = (() => {{\n", names[path]);
    for import in module.imports.iter().filter(|import| !import.names.is_empty()) {
        let bindings: Vec<String> = import
            .names
            .iter()
            .map(|(there, here)| if there == here { there.clone() } else { format!("{there}: {here}") })
            .collect();
        let target = resolve(path, &import.source);
        code.push_str(&format!("const {{ {} }} = {};\n", bindings.join(", "), names[target.as_str()]));
    }
    code.push_str(module.body.trim());
    let exports = module.exports.join(", ");
    code.push_str(&if exports.is_empty() {
        "\nreturn {};\n".to_owned()
    } else {
        format!("\nreturn {{ {exports} }};\n")
    });
    code.push_str("})();\n");
    code
}
