//! What an `import` may reach: the files of the job, and nothing else.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use rquickjs::loader::{ImportAttributes, Loader, Resolver};
use rquickjs::module::Declared;
use rquickjs::{Ctx, Error, Module};

use super::location::line_of_import;
use crate::domain::script::ScriptError;

/// Modules that exist in every realm.
pub(super) const BUILT_IN: [&str; 2] = ["node:test", "node:assert/strict"];

/// Sources by path; the ones that stand in for others are already in place.
pub(super) type Sources = Rc<BTreeMap<String, String>>;
/// The first import that could not be answered. The engine keeps the words of a refusal but not its place.
pub(super) type Refused = Rc<RefCell<Option<ScriptError>>>;

/// Turns the specifier of an import into a path among the files.
pub(super) struct FileResolver {
    pub(super) sources: Sources,
    pub(super) refused: Refused,
    /// Whether files that do not exist are let through: enough to see that a file compiles.
    pub(super) lenient: bool,
}

impl Resolver for FileResolver {
    fn resolve<'js>(
        &mut self,
        _: &Ctx<'js>,
        base: &str,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> Result<String, Error> {
        if BUILT_IN.contains(&name) {
            return Ok(name.to_owned());
        }
        match join(base, name) {
            _ if self.lenient => return Ok(format!("{base} -> {name}")),
            Some(path) if self.sources.contains_key(&path) => return Ok(path),
            _ => {}
        }
        let message = format!(
            "cannot import '{name}': only the files of the app, node:test and node:assert/strict exist"
        );
        let line = self.sources.get(base).and_then(|source| line_of_import(source, name));
        self.refused.borrow_mut().get_or_insert(ScriptError {
            file: base.to_owned(),
            line,
            message: message.clone(),
        });
        Err(Error::new_resolving_message(base, name, message))
    }
}

/// Hands out the sources.
pub(super) struct FileLoader {
    pub(super) sources: Sources,
    pub(super) lenient: bool,
}

impl Loader for FileLoader {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> Result<Module<'js, Declared>, Error> {
        let source = match self.sources.get(name) {
            _ if self.lenient => "",
            Some(source) => source,
            None => return Err(Error::new_loading(name)),
        };
        Module::declare(ctx.clone(), name, source)
    }
}

/// `./x.js` and `../x.js` against the folder of the file that imports; nothing above the top folder.
fn join(base: &str, name: &str) -> Option<String> {
    if !(name.starts_with("./") || name.starts_with("../")) {
        return None;
    }
    let mut parts: Vec<&str> = base.split('/').collect();
    parts.pop();
    for part in name.split('/') {
        match part {
            "." => {}
            ".." => {
                parts.pop()?;
            }
            "" => return None,
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::join;

    #[test]
    fn imports_stay_inside() {
        let cases = [
            ("test/a.test.js", "../src/core/x.js", Some("src/core/x.js")),
            ("src/core/a.js", "./b.js", Some("src/core/b.js")),
            ("app.js", "./src/a.js", Some("src/a.js")),
            ("src/a.js", "../../etc/passwd", None),
            ("a.js", "/etc/passwd", None),
            ("a.js", "fs", None),
            ("a.js", ".//x.js", None),
            ("a.js", "https://example.org/x.js", None),
        ];
        for (base, name, expected) in cases {
            assert_eq!(join(base, name).as_deref(), expected, "{base} imports {name}");
        }
    }
}
