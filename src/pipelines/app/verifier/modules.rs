//! What the modules of the app import and export, and whether it fits together.

use std::collections::{BTreeMap, BTreeSet};

use super::report::Problem;
use super::tokens::{Kind, Token, tokens};

/// One `import` or `export … from` statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Import {
    pub(super) specifier: String,
    /// Where the specifier stands in the source, quotes included.
    pub(super) start: usize,
    pub(super) line: u32,
    /// The names that are asked for, with their lines; none for `import 'x'` and `* as x`.
    pub(super) names: Vec<(String, u32)>,
    pub(super) re_export: bool,
}

/// The face of a module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Module {
    pub(super) imports: Vec<Import>,
    pub(super) exports: BTreeSet<String>,
    /// Lines of `import(…)`.
    pub(super) dynamic: Vec<u32>,
    /// Line of `export default`.
    pub(super) default: Option<u32>,
}

/// Built-in modules a test may import.
const BUILT_IN: [&str; 2] = ["node:test", "node:assert/strict"];

/// Reads the imports and exports of a source.
pub(super) fn scan(source: &str) -> Module {
    let tokens = tokens(source);
    let mut module = Module::default();
    let mut index = 0;
    let mut depth = 0_i32;
    while let Some(token) = tokens.get(index) {
        match token.text {
            "{" | "(" | "[" if token.kind == Kind::Punct => depth += 1,
            "}" | ")" | "]" if token.kind == Kind::Punct => depth -= 1,
            "import" if token.is("import") && !after_dot(&tokens, index) => match tokens.get(index + 1) {
                Some(next) if next.is("(") => module.dynamic.push(token.line),
                Some(next) if next.is(".") => {}
                _ if depth == 0 => index = import(&tokens, index + 1, false, &mut module).max(index),
                _ => {}
            },
            "export" if depth == 0 && token.is("export") && !after_dot(&tokens, index) => {
                index = export(&tokens, index + 1, &mut module).max(index);
            }
            _ => {}
        }
        index += 1;
    }
    module
}

fn after_dot(tokens: &[Token<'_>], index: usize) -> bool {
    index > 0 && (tokens[index - 1].is(".") || tokens[index - 1].is("?."))
}

/// Reads from behind `import` to its specifier; answers the index of its last token.
fn import(tokens: &[Token<'_>], from: usize, re_export: bool, module: &mut Module) -> usize {
    let mut names = Vec::new();
    let mut index = from;
    while let Some(token) = tokens.get(index) {
        match token.kind {
            Kind::String => {
                module.imports.push(Import {
                    specifier: token.content().to_owned(),
                    start: token.start,
                    line: token.line,
                    names,
                    re_export,
                });
                return index;
            }
            Kind::Word if index == from && token.text != "from" => {
                names.push(("default".to_owned(), token.line))
            }
            Kind::Punct if token.is("{") => {
                let (found, end) = name_list(tokens, index);
                names.extend(found.into_iter().map(|(name, _, line)| (name, line)));
                index = end;
            }
            Kind::Word => {}
            Kind::Punct if token.is("*") || token.is(",") => {}
            _ => return index,
        }
        index += 1;
    }
    index
}

/// Reads `{ a, b as c }`: each name, what it is called on the other side, its line; and the index of `}`.
fn name_list(tokens: &[Token<'_>], open: usize) -> (Vec<(String, String, u32)>, usize) {
    let mut names = Vec::new();
    let mut index = open + 1;
    while let Some(token) = tokens.get(index).filter(|token| !token.is("}")) {
        if matches!(token.kind, Kind::Word | Kind::String) {
            let name = token.content().to_owned();
            let mut other = name.clone();
            if tokens.get(index + 1).is_some_and(|next| next.is("as"))
                && let Some(alias) = tokens.get(index + 2)
            {
                alias.content().clone_into(&mut other);
                index += 2;
            }
            names.push((name, other, token.line));
        }
        index += 1;
    }
    (names, index)
}

/// Reads from behind `export`; answers the index of the last token that was understood.
fn export(tokens: &[Token<'_>], from: usize, module: &mut Module) -> usize {
    let Some(token) = tokens.get(from) else { return from };
    match token.text {
        "default" => {
            module.default = Some(token.line);
            module.exports.insert("default".to_owned());
            from
        }
        "*" => import(tokens, from, true, module),
        "{" => {
            let (names, end) = name_list(tokens, from);
            module.exports.extend(names.iter().map(|(_, other, _)| other.clone()));
            if tokens.get(end + 1).is_some_and(|next| next.is("from")) {
                let last = import(tokens, end + 1, true, module);
                if let Some(import) = module.imports.last_mut() {
                    import.names = names.into_iter().map(|(name, _, line)| (name, line)).collect();
                }
                return last;
            }
            end
        }
        "const" | "let" | "var" => declared(tokens, from + 1, module),
        "async" | "function" | "class" => {
            let name = tokens[from..].iter().take(4).find(|token| {
                token.kind == Kind::Word && !matches!(token.text, "async" | "function" | "class")
            });
            module.exports.extend(name.map(|name| name.text.to_owned()));
            from
        }
        _ => from,
    }
}

/// Reads the names of `export const a = …, b = …;`, a pattern included.
fn declared(tokens: &[Token<'_>], from: usize, module: &mut Module) -> usize {
    let mut index = from;
    let mut depth = 0_i32;
    let mut in_value = false;
    let mut in_pattern = false;
    while let Some(token) = tokens.get(index) {
        match token.text {
            "{" | "[" if depth == 0 && !in_value => {
                in_pattern = true;
                depth += 1;
            }
            "(" | "[" | "{" if token.kind == Kind::Punct => depth += 1,
            ")" | "]" | "}" if token.kind == Kind::Punct => {
                depth -= 1;
                in_pattern = in_pattern && depth > 0;
            }
            "=" if depth == 0 => in_value = true,
            "," if depth == 0 => in_value = false,
            ";" if depth == 0 => return index,
            // Without a semicolon the next statement begins with one of these at the start of a line.
            "export" | "import" | "function" | "class" | "const" | "let" if depth == 0 && in_value => {
                return index - 1;
            }
            name if token.kind == Kind::Word && !in_value && (depth == 0 || in_pattern) => {
                let renamed = tokens.get(index + 1).is_some_and(|next| next.is(":"));
                if !renamed {
                    module.exports.insert(name.to_owned());
                }
            }
            _ => {}
        }
        index += 1;
    }
    index
}

/// `./x.js` and `../x.js` against the folder of the file that imports.
pub(super) fn resolve(base: &str, specifier: &str) -> Option<String> {
    if !(specifier.starts_with("./") || specifier.starts_with("../")) {
        return None;
    }
    let mut parts: Vec<&str> = base.split('/').collect();
    parts.pop();
    for part in specifier.split('/') {
        match part {
            "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Whether every import finds its file and its names, and the modules have the shape that can be bundled.
pub(super) fn check(modules: &BTreeMap<String, Module>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (file, module) in modules {
        let mut problem =
            |rule, line, message: String| problems.push(Problem::new(rule, file, Some(line), message));
        let is_test = file.starts_with("test/") || file.starts_with("testing/");
        for import in &module.imports {
            let specifier = &import.specifier;
            if is_test && BUILT_IN.contains(&specifier.as_str()) {
                continue;
            }
            let Some(target) = resolve(file, specifier) else {
                problem("import", import.line, format!("'{specifier}' is not a file of the app"));
                continue;
            };
            let Some(exporter) = modules.get(&target) else {
                problem("import", import.line, format!("'{specifier}' does not exist"));
                continue;
            };
            for (name, line) in &import.names {
                if !exporter.exports.contains(name) {
                    problem("import", *line, format!("{target} does not export {name}"));
                }
            }
            if import.re_export {
                problem("module-shape", import.line, "re-exports cannot be bundled".to_owned());
            }
        }
        if let Some(line) = module.default.filter(|_| !is_test) {
            problem("module-shape", line, "default exports cannot be bundled".to_owned());
        }
        for line in &module.dynamic {
            problem("security", *line, "dynamic import".to_owned());
        }
    }
    for file in modules.keys() {
        if let Some(import) = cycle(file, modules) {
            problems.push(Problem::new(
                "module-shape",
                file,
                Some(import),
                "this import closes a circle".to_owned(),
            ));
        }
    }
    problems
}

/// The line of an import through which the file reaches itself.
fn cycle(file: &str, modules: &BTreeMap<String, Module>) -> Option<u32> {
    modules[file].imports.iter().find_map(|import| {
        let target = resolve(file, &import.specifier)?;
        reachable(&target, modules).contains(file).then_some(import.line)
    })
}

/// The file and everything it imports, directly or not.
pub(super) fn reachable(file: &str, modules: &BTreeMap<String, Module>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![file.to_owned()];
    while let Some(file) = open.pop() {
        let Some(module) = modules.get(&file) else { continue };
        if found.insert(file.clone()) {
            open.extend(module.imports.iter().filter_map(|import| resolve(&file, &import.specifier)));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(source: &str) -> Vec<String> {
        scan(source).exports.into_iter().collect()
    }

    #[test]
    fn exports_are_found() {
        let cases: [(&str, &[&str]); 9] = [
            ("export const a = 1, b = { c: 2, d };", &["a", "b"]),
            ("export function f(x = { y: 1 }) { const z = 1; }\nexport class K {}", &["K", "f"]),
            ("export async function g() {}", &["g"]),
            ("export function* h() {}", &["h"]),
            ("const a = 1; export { a, a as b };", &["a", "b"]),
            ("export const { a, b: c, d = 1 } = x;", &["a", "c", "d"]),
            ("export default 1;", &["default"]),
            ("// export const no = 1;\nconst s = 'export const no = 1';\nx.export = `export const no`;", &[]),
            ("export const a = (b) => ({ c: b })\nexport const d = 1", &["a", "d"]),
        ];
        for (source, expected) in cases {
            assert_eq!(names(source), expected, "{source}");
        }
    }

    #[test]
    fn imports_are_found() {
        let module = scan(
            "import { a, b as c } from './x.js';\nimport './y.js';\nimport * as z from './z.js';\nimport d, { e } from 'w';\nimport('./later.js');",
        );
        let found: Vec<_> = module
            .imports
            .iter()
            .map(|import| {
                let names: Vec<_> = import.names.iter().map(|(name, _)| name.as_str()).collect();
                (import.specifier.as_str(), import.line, names)
            })
            .collect();
        let expected = [
            ("./x.js", 1, vec!["a", "b"]),
            ("./y.js", 2, vec![]),
            ("./z.js", 3, vec![]),
            ("w", 4, vec!["default", "e"]),
        ];
        assert_eq!(found, expected);
        assert_eq!(module.dynamic, [5]);
    }

    fn problems(files: &[(&str, &str)]) -> Vec<String> {
        let modules = files.iter().map(|(path, source)| ((*path).to_owned(), scan(source))).collect();
        check(&modules).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_does_not_fit_is_said() {
        assert_eq!(
            problems(&[("a.js", "import { x } from './b.js';"), ("b.js", "export const x = 1;")]),
            [""; 0]
        );
        assert_eq!(
            problems(&[("a.js", "\nimport { y } from './b.js';"), ("b.js", "export const x = 1;")]),
            ["a.js:2: b.js does not export y (import)"]
        );
        assert_eq!(problems(&[("a.js", "import './b';")]), ["a.js:1: './b' does not exist (import)"]);
        assert_eq!(
            problems(&[("a.js", "import 'lodash';")]),
            ["a.js:1: 'lodash' is not a file of the app (import)"]
        );
        assert_eq!(
            problems(&[("a.js", "import '../x.js';")]),
            ["a.js:1: '../x.js' is not a file of the app (import)"]
        );
        assert_eq!(problems(&[("a.js", "import 'node:test';")]).len(), 1);
        assert_eq!(problems(&[("test/a.test.js", "import 'node:test';")]), [""; 0]);
        assert_eq!(
            problems(&[("a.js", "import './b.js';"), ("b.js", "import './a.js';")]),
            [
                "a.js:1: this import closes a circle (module-shape)",
                "b.js:1: this import closes a circle (module-shape)"
            ]
        );
        assert_eq!(problems(&[("a.js", "export default 1;")]).len(), 1);
        assert_eq!(
            problems(&[("a.js", "export { x } from './b.js';"), ("b.js", "export const x = 1;")]).len(),
            1
        );
    }
}
