//! `[pipeline.NAME]` of the configuration file: reads what was written into definitions. Whether the agents fit
//! together is checked by `pipelines`, which knows the built-in ones.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use toml::{Table, Value};

use crate::config::load::suggestion;
use crate::domain::pipeline::{
    AgentDefinition, DEFINITION_BYTES_MAX, ExecutorKind, PipelineDefinition, RETRY_PAUSE_MS_MAX,
};

/// Bytes of one prompt or schema.
const TEXT_BYTES_MAX: u64 = 64 * 1024;
/// Bytes of a file that holds a pipeline.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// The built-in pipeline whose pictures may be made elsewhere.
const IMAGE: &str = "image";
/// Keys of a pipeline's table.
const PIPELINE_KEYS: &[&str] = &["file", "executor", "parallel", "defaults", "agent"];
/// Keys of agents that may stand beside `executor`, as if they stood in `defaults`: one line more says where.
const SHORT_KEYS: &[&str] = &["base_url", "model", "key_env", "command", "url", "workflow"];

/// Reads every pipeline; what is wrong goes to `problems`. `config_file` is where the tables stand, `variables` the
/// environment, of which only the usual names of model servers are looked at.
pub(super) fn read(
    tables: &Table,
    config_file: &str,
    variables: &[(String, String)],
    problems: &mut Vec<String>,
) -> Vec<PipelineDefinition> {
    let folder = std::path::absolute(config_file)
        .ok()
        .and_then(|path| path.parent().map(Path::to_owned))
        .unwrap_or_default();
    let mut definitions = Vec::new();
    for (name, value) in tables {
        let key = format!("pipeline.{name}");
        let Some(table) = value.as_table() else {
            problems.push(format!("{key} (in {config_file}) must be a table"));
            continue;
        };
        let mut reading = Reading { place: format!("in {config_file}"), folder: folder.clone(), problems };
        let mut definition = match reading.pipeline(name, &key, table, true) {
            Some(definition) => definition,
            None => continue,
        };
        let asks_openai = name != IMAGE || asks_openai(&definition);
        // Models of pictures have a variable of their own, and other servers of pictures none.
        let model = if name == IMAGE { "OPENAI_IMAGE_MODEL" } else { "OPENAI_MODEL" };
        let places =
            [("OPENAI_BASE_URL", &mut definition.defaults.base_url), (model, &mut definition.defaults.model)];
        for (variable, place) in places.into_iter().filter(|_| asks_openai) {
            let given = variables.iter().find(|(name, value)| name == variable && !value.is_empty());
            if let (None, Some((_, value))) = (&place, given) {
                *place = Some(value.clone());
            }
        }
        let bytes = definition.to_stored().len();
        if bytes > DEFINITION_BYTES_MAX {
            problems.push(format!(
                "{key} (in {config_file}) has {bytes} bytes with its prompts; at most {DEFINITION_BYTES_MAX} are \
                 allowed"
            ));
        }
        definitions.push(definition);
    }
    definitions
}

/// Whether its pictures are made by a server that speaks as OpenAI's does.
fn asks_openai(definition: &PipelineDefinition) -> bool {
    let agents = definition.agents.iter().chain([&definition.defaults]);
    let mut kinds = agents.map(|agent| agent.executor).chain([definition.executor]);
    kinds.any(|kind| kind == Some(ExecutorKind::Openai))
}

struct Reading<'a> {
    place: String,
    folder: PathBuf,
    problems: &'a mut Vec<String>,
}

impl Reading<'_> {
    fn problem(&mut self, key: &str, what: impl std::fmt::Display) {
        self.problems.push(format!("{key} ({}) {what}", self.place));
    }

    /// A pipeline's table; `file` takes the rest from a file of its own.
    fn pipeline(
        &mut self,
        name: &str,
        key: &str,
        table: &Table,
        may_refer: bool,
    ) -> Option<PipelineDefinition> {
        if !is_name(name) {
            self.problem(key, "is no name; a name has 1 to 64 characters: a to z, 0 to 9 and -");
            return None;
        }
        let known = || PIPELINE_KEYS.iter().chain(SHORT_KEYS).copied();
        for unknown in table.keys().filter(|given| known().all(|known| known != given.as_str())) {
            let like = suggestion(unknown, known());
            self.problem(&format!("{key}.{unknown}"), format!("is not a setting{like}"));
        }
        if let Some(file) = table.get("file") {
            return self.pipeline_in_file(name, key, table, file, may_refer);
        }
        let mut definition = PipelineDefinition {
            name: name.to_owned(),
            folder: self.folder.to_string_lossy().into_owned(),
            ..Default::default()
        };
        if let Some(executor) = table.get("executor") {
            definition.executor = self.typed(&format!("{key}.executor"), executor.clone());
        }
        if let Some(parallel) = table.get("parallel") {
            definition.parallel = self.typed(&format!("{key}.parallel"), parallel.clone());
        }
        if let Some(defaults) = table.get("defaults") {
            definition.defaults = self.agent(&format!("{key}.defaults"), defaults)?;
        }
        let short: Table = SHORT_KEYS
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), table.get(*name)?.clone())))
            .collect();
        if !short.is_empty() {
            definition.defaults = self.agent(key, &Value::Table(short))?.over(&definition.defaults);
        }
        match table.get("agent") {
            None => {}
            Some(Value::Array(agents)) => {
                for (index, agent) in agents.iter().enumerate() {
                    let said = agent.get("name").and_then(Value::as_str);
                    let key = match said {
                        Some(name) => format!("{key}.agent {name}"),
                        None => format!("{key}.agent[{index}]"),
                    };
                    match said {
                        None => self.problem(&key, "needs a name"),
                        Some(name) if !is_name(name) => {
                            self.problem(
                                &key,
                                "is no name; a name has 1 to 64 characters: a to z, 0 to 9 and -",
                            );
                        }
                        Some(_) => definition.agents.extend(self.agent(&key, agent)),
                    }
                }
            }
            Some(_) => self.problem(&format!("{key}.agent"), "must be written as [[agent]]"),
        }
        Some(definition)
    }

    fn pipeline_in_file(
        &mut self,
        name: &str,
        key: &str,
        table: &Table,
        file: &Value,
        may_refer: bool,
    ) -> Option<PipelineDefinition> {
        let key_of_file = format!("{key}.file");
        if table.len() > 1 || !may_refer {
            self.problem(&key_of_file, "stands alone: what else is said goes into the file");
            return None;
        }
        let Some(file) = file.as_str() else {
            self.problem(&key_of_file, "must be a path");
            return None;
        };
        let path = self.folder.join(file);
        let text = self.text(&key_of_file, &path, FILE_BYTES_MAX)?;
        let table = match text.parse::<Table>() {
            Ok(table) => table,
            Err(error) => {
                self.problem(&key_of_file, format!("{} is not TOML: {error}", path.display()));
                return None;
            }
        };
        let mut inner = Reading {
            place: format!("in {}", path.display()),
            folder: path.parent().map(Path::to_owned).unwrap_or_default(),
            problems: self.problems,
        };
        inner.pipeline(name, key, &table, false)
    }

    fn agent(&mut self, key: &str, value: &Value) -> Option<AgentDefinition> {
        let mut known = value.clone();
        let shape = serde_json::to_value(AgentDefinition::default()).unwrap_or_default();
        self.drop_unknown(key, &mut known, &shape);
        let mut agent: AgentDefinition = self.typed(key, known)?;
        for (given, text, what) in [
            (&agent.prompt, &mut agent.prompt_text, "prompt"),
            (&agent.schema, &mut agent.schema_text, "schema"),
            (&agent.workflow, &mut agent.workflow_text, "workflow"),
        ] {
            if let Some(file) = given {
                let path = self.folder.join(file);
                *text = self.text(&format!("{key}.{what}"), &path, TEXT_BYTES_MAX);
            }
        }
        self.check_pauses(key, &agent);
        Some(agent)
    }

    /// A pause outlives the server, and one that seems to hang helps nobody: longer ones are not kept to.
    fn check_pauses(&mut self, key: &str, agent: &AgentDefinition) {
        let retry = &agent.retry;
        for (class, rule) in [
            ("transient", &retry.transient),
            ("rate_limited", &retry.rate_limited),
            ("timed_out", &retry.timed_out),
        ] {
            for (name, given) in [("base_ms", rule.base_ms), ("pause_ms_max", rule.pause_ms_max)] {
                if let Some(given) = given.filter(|given| *given > RETRY_PAUSE_MS_MAX) {
                    let what = format!("= {given} is not allowed; allowed: 0 to {RETRY_PAUSE_MS_MAX}");
                    self.problem(&format!("{key}.retry.{class}.{name}"), what);
                }
            }
        }
    }

    /// Tells of keys that the shape does not have, and takes them out.
    fn drop_unknown(&mut self, key: &str, value: &mut Value, shape: &Json) {
        let (Some(table), Some(shape)) = (value.as_table_mut(), shape.as_object()) else { return };
        let unknown: Vec<String> = table.keys().filter(|name| !shape.contains_key(*name)).cloned().collect();
        for name in unknown {
            table.remove(&name);
            let like = suggestion(&name, shape.keys().map(String::as_str));
            self.problem(&format!("{key}.{name}"), format!("is not a setting{like}"));
        }
        for (name, inner) in table.iter_mut() {
            self.drop_unknown(&format!("{key}.{name}"), inner, &shape[name]);
        }
    }

    fn typed<T: DeserializeOwned>(&mut self, key: &str, value: Value) -> Option<T> {
        match value.try_into() {
            Ok(value) => Some(value),
            Err(error) => {
                let error = error.to_string();
                self.problem(key, error.trim().replace('\n', " "));
                None
            }
        }
    }

    fn text(&mut self, key: &str, path: &Path, bytes_max: u64) -> Option<String> {
        let size = std::fs::metadata(path).map(|found| found.len());
        let read = match size {
            Ok(size) if size > bytes_max => Err(format!("has {size} bytes; at most {bytes_max} are allowed")),
            _ => std::fs::read_to_string(path).map_err(|error| format!("cannot be read: {error}")),
        };
        read.map_err(|why| self.problem(key, format!("names {}, which {why}", path.display()))).ok()
    }
}

fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load::{Sources, load};
    use crate::domain::pipeline::ExecutorKind;

    fn sources(text: &str, file: &Path) -> Sources {
        Sources { file: Some((file.display().to_string(), text.to_owned())), ..Sources::default() }
    }

    #[test]
    fn a_pipeline_is_read_with_its_files() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ask.jinja"), "write {{ brief }}").unwrap();
        std::fs::write(
            folder.path().join("poems.toml"),
            "[[agent]]\nname = \"poem\"\nexecutor = \"openai\"\nprompt = \"ask.jinja\"\n[agent.limits]\ntimeout_ms = 5",
        )
        .unwrap();
        let text = "[pipeline.poems]\nfile = \"poems.toml\"\n[pipeline.app]\nexecutor = \"openai\"\n\
                    [pipeline.app.defaults]\nmodel = \"m\"";
        let mut sources = sources(text, &folder.path().join("callboard.toml"));
        sources.variables = vec![("OPENAI_BASE_URL".to_owned(), "http://localhost:1/v1".to_owned())];
        let pipelines = load(&sources).unwrap().config.pipelines;
        let names: Vec<&str> = pipelines.iter().map(|pipeline| pipeline.name.as_str()).collect();
        assert_eq!(names, ["app", "poems"]);
        assert_eq!(pipelines[0].executor, Some(ExecutorKind::Openai));
        assert_eq!(pipelines[0].defaults.base_url.as_deref(), Some("http://localhost:1/v1"));
        let poem = &pipelines[1].agents[0];
        assert_eq!(poem.prompt_text.as_deref(), Some("write {{ brief }}"));
        assert_eq!(poem.limits.timeout_ms, Some(5));
        assert_eq!(pipelines[1].folder, folder.path().to_string_lossy());
    }

    #[test]
    fn every_problem_is_told_with_what_was_probably_meant() {
        let text = "[pipeline.x]\nexecuter = \"openai\"\n[[pipeline.x.agent]]\nname = \"a\"\ncomand = [\"ls\"]\n\
                    [pipeline.x.agent.limits]\ntimout_ms = 1\n[[pipeline.x.agent]]\nname = \"b\"\nneeds = 3\n\
                    [[pipeline.x.agent]]\ntitle = \"nameless\"\n[[pipeline.x.agent]]\nname = \"c\"\nexecutor = \"magic\"\n\
                    [pipeline.y]\nfile = \"nowhere.toml\"\n[pipeline.\"no name\"]\n";
        let problems = load(&sources(text, Path::new("/etc/callboard.toml"))).unwrap_err().0;
        for (index, expected) in [
            "pipeline.no name (in /etc/callboard.toml) is no name",
            "pipeline.x.executer (in /etc/callboard.toml) is not a setting; did you mean executor?",
            "pipeline.x.agent a.comand (in /etc/callboard.toml) is not a setting; did you mean command?",
            "pipeline.x.agent a.limits.timout_ms (in /etc/callboard.toml) is not a setting; did you mean timeout_ms?",
            "pipeline.x.agent b (in /etc/callboard.toml) invalid type: integer `3`",
            "pipeline.x.agent[2] (in /etc/callboard.toml) needs a name",
            "pipeline.x.agent c (in /etc/callboard.toml) unknown variant `magic`",
            "pipeline.y.file (in /etc/callboard.toml) names /etc/nowhere.toml, which cannot be read",
        ]
        .iter()
        .enumerate()
        {
            assert!(problems[index].starts_with(expected), "{index}: {problems:#?}");
        }
        assert_eq!(problems.len(), 8, "{problems:#?}");
    }

    #[test]
    fn pauses_before_another_try_have_an_end() {
        let with = |rule: &str| {
            let text = format!(
                "[[pipeline.x.agent]]\nname = \"a\"\ncommand = [\"ls\"]\nretry = {{ {rule} }}\n\
                 [pipeline.y.defaults.retry]\n{rule}\n"
            );
            load(&sources(&text, Path::new("/etc/callboard.toml")))
        };
        assert!(with("transient = { base_ms = 3600000, pause_ms_max = 3600000 }").is_ok());
        for (rule, key) in [
            ("transient = { base_ms = 3600001 }", "transient.base_ms"),
            ("rate_limited = { pause_ms_max = 3600001 }", "rate_limited.pause_ms_max"),
            ("timed_out = { pause_ms_max = 3600001 }", "timed_out.pause_ms_max"),
        ] {
            let what = "(in /etc/callboard.toml) = 3600001 is not allowed; allowed: 0 to 3600000";
            let expected = ["agent a", "defaults"];
            let expected = expected.map(|place| {
                let pipeline = if place == "defaults" { "y" } else { "x" };
                format!("pipeline.{pipeline}.{place}.retry.{key} {what}")
            });
            assert_eq!(with(rule).unwrap_err().0, expected);
        }
    }
}
