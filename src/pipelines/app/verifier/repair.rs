//! Mends what can be mended: calls the agent that owns a file again, completes an import, gives a style a value.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::modules::{resolve, scan};
use super::report::{Problem, Repair};
use super::{CallAgent, styles};
use crate::domain::event::LogLevel;
use crate::pipelines::{AgentError, AgentHost, AgentInputs, FileSet, OutputFile};

/// The agents in their order and what they write, for files that the plan does not name. A path that ends with `/` is a
/// folder.
const OWNERS: [(&str, &[&str]); 10] = [
    ("intake", &["brief.json"]),
    ("requirements", &["REQUIREMENTS.md", "requirements.json"]),
    ("domain-model", &["model.json", "model.svg"]),
    ("architect", &["plan.json"]),
    ("contract", &["openapi.json"]),
    ("data", &["package.json", "src/data/"]),
    ("core-logic", &["src/core/"]),
    ("design", &["tokens.css", "icon.svg", "design.json"]),
    ("interface", &["index.html", "app.css", "app.js", "src/ui/"]),
    ("tests", &["test/", "testing/"]),
];

/// The files of the app and what has been done to them.
pub(super) struct Workshop<'a> {
    inputs: &'a AgentInputs,
    call: CallAgent<'a>,
    files: FileSet,
    changed: BTreeMap<String, Vec<u8>>,
    repairs: Vec<Repair>,
    /// What agents made when they were called again; none when they could not.
    remade: BTreeMap<&'static str, Vec<OutputFile>>,
}

#[derive(Deserialize)]
struct Plan {
    modules: Vec<PlannedModule>,
}

#[derive(Deserialize)]
struct PlannedModule {
    path: String,
    agent: String,
}

impl<'a> Workshop<'a> {
    pub(super) fn new(inputs: &'a AgentInputs, call: CallAgent<'a>) -> Self {
        Self {
            inputs,
            call,
            files: inputs.files.clone(),
            changed: BTreeMap::new(),
            repairs: Vec::new(),
            remade: BTreeMap::new(),
        }
    }

    /// The files as they are now.
    pub(super) fn files(&self) -> &FileSet {
        &self.files
    }

    /// The files that were changed, and every repair.
    pub(super) fn finish(self) -> (Vec<OutputFile>, Vec<Repair>) {
        let files = self.changed.into_iter().map(|(path, bytes)| OutputFile { path, bytes }).collect();
        (files, self.repairs)
    }

    /// Does what can be done about the problems; what was done.
    pub(super) fn mend(
        &mut self,
        round: u32,
        problems: &[Problem],
        host: &dyn AgentHost,
    ) -> Result<Vec<Repair>, AgentError> {
        let before = self.repairs.len();
        for problem in problems {
            host.check()?;
            // An earlier repair of this round may have replaced the file already.
            if self.repairs[before..]
                .iter()
                .any(|repair| repair.file == problem.file && problem.rule != "css-property")
            {
                continue;
            }
            match problem.rule {
                "import" => self.mend_import(round, problem, host)?,
                "css-property" => self.mend_property(round, problem, host)?,
                "criterion" => self.remake_all(round, problem, &["tests"], host)?,
                "test" => {
                    if !self.remake(round, problem, &problem.file, host)? {
                        self.remake_all(round, problem, &["core-logic", "data", "tests"], host)?;
                    }
                }
                _ => {
                    self.remake(round, problem, &problem.file, host)?;
                }
            }
        }
        Ok(self.repairs[before..].to_vec())
    }

    fn replace(&mut self, round: u32, problem: &Problem, path: &str, bytes: Vec<u8>, action: String) {
        self.files.insert(path, bytes.clone());
        self.changed.insert(path.to_owned(), bytes);
        self.repairs.push(Repair { round, file: path.to_owned(), problem: problem.to_string(), action });
    }

    /// Adds `.js` where that finds the file; otherwise the file and what it imports are made again.
    fn mend_import(&mut self, round: u32, problem: &Problem, host: &dyn AgentHost) -> Result<(), AgentError> {
        let Ok(source) = self.files.text(&problem.file) else { return Ok(()) };
        let mut mended = source.to_owned();
        let imports = scan(source).imports;
        for import in imports.iter().rev() {
            let with_ending = format!("{}.js", import.specifier);
            let missing =
                resolve(&problem.file, &import.specifier).is_some_and(|path| self.files.get(&path).is_none());
            let found =
                resolve(&problem.file, &with_ending).is_some_and(|path| self.files.get(&path).is_some());
            if missing && found {
                mended.insert_str(import.start + 1 + import.specifier.len(), ".js");
            }
        }
        if mended != source {
            let action = "added the file ending to an import".to_owned();
            self.replace(round, problem, &problem.file, mended.into_bytes(), action);
            return Ok(());
        }
        let targets: Vec<_> =
            imports.iter().filter_map(|import| resolve(&problem.file, &import.specifier)).collect();
        self.remake(round, problem, &problem.file, host)?;
        for target in targets {
            self.remake(round, problem, &target, host)?;
        }
        Ok(())
    }

    /// The message of the problem is the name of the property.
    fn mend_property(
        &mut self,
        round: u32,
        problem: &Problem,
        host: &dyn AgentHost,
    ) -> Result<(), AgentError> {
        let name = &problem.message;
        let current = self.files.text("tokens.css").map(styles::defined).unwrap_or_default();
        if current.contains(name) {
            return Ok(());
        }
        let remade = self.made_again("design", host)?.iter().find(|file| file.path == "tokens.css");
        let defines =
            |bytes: &[u8]| std::str::from_utf8(bytes).is_ok_and(|text| styles::defined(text).contains(name));
        if let Some(bytes) = remade.filter(|file| defines(&file.bytes)).map(|file| file.bytes.clone()) {
            self.replace(round, problem, "tokens.css", bytes, "made again by design".to_owned());
        } else if let (Some(value), Ok(sheet)) = (styles::stand_in(name), self.files.text(&problem.file)) {
            if styles::defined(sheet).contains(name) {
                return Ok(());
            }
            let sheet = format!("{}\n\n:root {{\n  {name}: {value};\n}}\n", sheet.trim_end());
            let action = format!("defined {name} as {value}");
            self.replace(round, problem, &problem.file, sheet.into_bytes(), action);
        }
        Ok(())
    }

    /// Makes one file again; whether that changed it.
    fn remake(
        &mut self,
        round: u32,
        problem: &Problem,
        path: &str,
        host: &dyn AgentHost,
    ) -> Result<bool, AgentError> {
        let Some(agent) = self.owner(path) else { return Ok(false) };
        let fresh = self
            .made_again(agent, host)?
            .iter()
            .find(|file| file.path == path)
            .map(|file| file.bytes.clone());
        match fresh {
            Some(bytes) if self.files.get(path).is_none_or(|current| **current != *bytes) => {
                self.replace(round, problem, path, bytes, format!("made again by {agent}"));
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Makes every file of these agents again.
    fn remake_all(
        &mut self,
        round: u32,
        problem: &Problem,
        agents: &[&'static str],
        host: &dyn AgentHost,
    ) -> Result<(), AgentError> {
        for agent in agents {
            let paths: Vec<_> = self.made_again(agent, host)?.iter().map(|file| file.path.clone()).collect();
            for path in paths {
                self.remake(round, problem, &path, host)?;
            }
        }
        Ok(())
    }

    /// What an agent makes of the files that it had when it ran.
    fn made_again(&mut self, agent: &'static str, host: &dyn AgentHost) -> Result<&[OutputFile], AgentError> {
        if !self.remade.contains_key(agent) {
            let mut inputs = self.inputs.clone();
            inputs.files = FileSet::default();
            let place = place_of(agent);
            for (path, bytes) in self.inputs.files.iter() {
                if self.owner(path).is_none_or(|owner| place_of(owner) < place) {
                    inputs.files.insert(path, bytes.clone());
                }
            }
            host.log(LogLevel::Info, &format!("calling {agent} again"));
            let files = match (self.call)(agent, &inputs, host) {
                Some(Ok(output)) => output.files,
                Some(Err(AgentError::Cancelled)) => return Err(AgentError::Cancelled),
                Some(Err(error)) => {
                    host.log(LogLevel::Warning, &format!("{agent} could not help: {error}"));
                    Vec::new()
                }
                None => Vec::new(),
            };
            self.remade.insert(agent, files);
        }
        Ok(self.remade.get(agent).map_or(&[], Vec::as_slice))
    }

    fn owner(&self, path: &str) -> Option<&'static str> {
        let planned = self.inputs.files.json::<Plan>("plan.json").ok().and_then(|plan| {
            let module = plan.modules.into_iter().find(|module| module.path == path)?;
            OWNERS.iter().map(|(agent, _)| *agent).find(|agent| *agent == module.agent)
        });
        let by_path = || {
            let owns = |owned: &&str| path == *owned || (owned.ends_with('/') && path.starts_with(owned));
            OWNERS.iter().find(|(_, paths)| paths.iter().any(&owns)).map(|(agent, _)| *agent)
        };
        planned.or_else(by_path)
    }
}

fn place_of(agent: &str) -> usize {
    OWNERS.iter().position(|(name, _)| *name == agent).unwrap_or(OWNERS.len())
}
