//! Puts a configuration together: defaults, then the file, then the environment, then flags. All problems are found
//! and told at once, each with its key, where it was written and what is allowed.

use std::collections::BTreeMap;
use std::fmt;

use toml::{Table, Value};

use crate::config::Config;
use crate::config::given::Given;
use crate::config::pipelines;
use crate::config::settings::{self, Setting};

/// Variables of the environment that are ours but set nothing in the table: the path of the file.
const OTHER_VARIABLES: &[&str] = &["CALLBOARD_CONFIG"];
/// A token that a person chose should not be shorter.
const TOKEN_CHARS_ADVISED: usize = 16;
/// What the variables of this program begin with.
const PREFIX: &str = "CALLBOARD_";
/// How alike (0 to 1) two keys must be for one to be suggested in place of the other.
const SUGGEST_FROM: f64 = 0.75;

/// Where settings were written.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Name and text of the file.
    pub file: Option<(String, String)>,
    /// The environment.
    pub variables: Vec<(String, String)>,
    /// Flags: key and value.
    pub flags: Vec<(&'static str, String)>,
}

/// A configuration that is ready to use.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Where each key was written last; keys that stand at their default are missing.
    pub written_in: BTreeMap<&'static str, String>,
    /// What is probably not meant, but harms nothing.
    pub warnings: Vec<String>,
}

/// Everything that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Problems(pub Vec<String>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

/// Puts a configuration together and checks it as a whole.
///
/// # Errors
/// With every problem that was found.
pub fn load(sources: &Sources) -> Result<Loaded, Problems> {
    let mut loading = Loading {
        loaded: Loaded { config: Config::default(), written_in: BTreeMap::new(), warnings: Vec::new() },
        problems: Vec::new(),
    };
    if let Some((name, text)) = &sources.file {
        match text.parse::<Table>() {
            Ok(mut table) => {
                if let Some(Value::Table(tables)) = table.remove("pipeline") {
                    loading.loaded.config.pipelines =
                        pipelines::read(&tables, name, &sources.variables, &mut loading.problems);
                }
                loading.take_table("", &table, &format!("in {name}"));
            }
            Err(error) => loading.problems.push(format!("{name} is not TOML: {error}")),
        }
    }
    for (name, value) in &sources.variables {
        loading.take_variable(name, value);
    }
    for (key, value) in &sources.flags {
        let flag = format!("from --{}", key.replace('_', "-"));
        loading.take(key, &Value::String(value.clone()), &flag);
    }
    loading.problems.extend(check_as_a_whole(&loading.loaded.config));
    if let Some(token) = &loading.loaded.config.auth.admin_token
        && token.reveal().len() < TOKEN_CHARS_ADVISED
    {
        let warning =
            format!("the admin token is shorter than {TOKEN_CHARS_ADVISED} characters and can be guessed");
        loading.loaded.warnings.push(warning);
    }
    if loading.problems.is_empty() { Ok(loading.loaded) } else { Err(Problems(loading.problems)) }
}

struct Loading {
    loaded: Loaded,
    problems: Vec<String>,
}

impl Loading {
    fn take_table(&mut self, prefix: &str, table: &Table, place: &str) {
        for (name, value) in table {
            let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
            match value {
                Value::Table(inner) if settings::ALL.iter().all(|setting| setting.key != key) => {
                    self.take_table(&key, inner, place);
                }
                _ => self.take(&key, value, place),
            }
        }
    }

    fn take_variable(&mut self, name: &str, value: &str) {
        if !name.starts_with(PREFIX) || OTHER_VARIABLES.contains(&name) {
            return;
        }
        match settings::ALL.iter().find(|setting| setting.variable() == name) {
            Some(setting) => {
                self.take(setting.key, &Value::String(value.to_owned()), &format!("from {name}"));
            }
            None => {
                // Not an error: Kubernetes sets CALLBOARD_PORT and the like beside any service of that name.
                let known = settings::ALL.iter().map(Setting::variable).collect::<Vec<_>>();
                // What all names begin with makes none of them more alike.
                let rest = |name: &str| name.strip_prefix(PREFIX).unwrap_or(name).to_owned();
                let like = most_alike(&rest(name), known.iter().map(|known| (rest(known), known.as_str())));
                let like = like.map(did_you_mean).unwrap_or_default();
                self.loaded.warnings.push(format!("{name} in the environment sets nothing{like}"));
            }
        }
    }

    fn take(&mut self, key: &str, value: &Value, place: &str) {
        let Some(setting) = settings::ALL.iter().find(|setting| setting.key == key) else {
            let known = settings::ALL.iter().map(|setting| setting.key);
            let like = match suggestion(key, known) {
                none if none.is_empty() => section_suggestion(key),
                like => like,
            };
            self.problems.push(format!("{key} ({place}) is not a setting{like}"));
            return;
        };
        if (setting.set)(&mut self.loaded.config, Given(value)).is_some() {
            self.loaded.written_in.insert(setting.key, place.to_owned());
            return;
        }
        let shown = if setting.secret { "the value given".to_owned() } else { value.to_string() };
        self.problems.push(format!("{key} ({place}): {shown} is not allowed; allowed: {}", setting.allowed));
    }
}

/// `; did you mean …?`, or nothing when no known key is alike.
pub(super) fn suggestion<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> String {
    most_alike(wrong, known.map(|key| (key, key))).map(did_you_mean).unwrap_or_default()
}

/// The same key in a section of a name that is like the one that was written.
fn section_suggestion(key: &str) -> String {
    let Some((section, rest)) = key.split_once('.') else { return String::new() };
    let sections = settings::ALL.iter().filter_map(|setting| Some(setting.key.split_once('.')?.0));
    let like = most_alike(section, sections.chain(["pipeline"]).map(|known| (known, known)));
    let like = like.filter(|like| *like != section).map(|like| did_you_mean(&format!("{like}.{rest}")));
    like.unwrap_or_default()
}

fn did_you_mean(key: &str) -> String {
    format!("; did you mean {key}?")
}

/// The key whose text is most like the wrong one, when it is alike at all.
fn most_alike<'a>(wrong: &str, known: impl Iterator<Item = (impl AsRef<str>, &'a str)>) -> Option<&'a str> {
    let likeness = |key: &str| {
        // The last part alone as well, for a key that was written without its section.
        let last = key.rsplit('.').next().unwrap_or(key);
        strsim::jaro_winkler(wrong, key).max(strsim::jaro_winkler(wrong, last))
    };
    known
        .map(|(text, key)| (likeness(text.as_ref()), key))
        .filter(|(likeness, _)| *likeness >= SUGGEST_FROM)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, key)| key)
}

/// What no single setting can know.
fn check_as_a_whole(config: &Config) -> Vec<String> {
    let mut problems = Vec::new();
    if config.runs.agent_timeout_ms > config.runs.run_timeout_ms {
        problems.push(format!(
            "runs.agent_timeout_ms ({}) must not be longer than runs.run_timeout_ms ({})",
            config.runs.agent_timeout_ms, config.runs.run_timeout_ms,
        ));
    }
    // A character of a brief takes up to four bytes, six when it is escaped.
    if config.limits.brief_chars_max > config.limits.body_bytes_max {
        problems.push(format!(
            "limits.brief_chars_max ({}) must not be larger than limits.body_bytes_max ({}): such a brief could not \
             be sent",
            config.limits.brief_chars_max, config.limits.body_bytes_max,
        ));
    }
    if config.limits.event_bytes_max > config.limits.body_bytes_max {
        problems.push(format!(
            "limits.event_bytes_max ({}) must not be larger than limits.body_bytes_max ({})",
            config.limits.event_bytes_max, config.limits.body_bytes_max,
        ));
    }
    let retention = &config.retention;
    if retention.events_bytes_max > 0 && retention.room_bytes_max > retention.events_bytes_max {
        problems.push(format!(
            "retention.room_bytes_max ({}) must not be larger than retention.events_bytes_max ({}), which is for all \
             rooms together",
            retention.room_bytes_max, retention.events_bytes_max,
        ));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(file: &str, variables: &[(&str, &str)], flags: &[(&'static str, &str)]) -> Sources {
        Sources {
            file: (!file.is_empty()).then(|| ("callboard.toml".to_owned(), file.to_owned())),
            variables: variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            flags: flags.iter().map(|(k, v)| (*k, (*v).to_owned())).collect(),
        }
    }

    #[test]
    fn nothing_written_gives_the_defaults() {
        let loaded = load(&Sources::default()).unwrap();
        assert_eq!(loaded.config, Config::default());
        assert!(loaded.written_in.is_empty() && loaded.warnings.is_empty());
    }

    #[test]
    fn the_later_source_wins() {
        let file = "listen = \"127.0.0.1:1\"\n[runs]\nconcurrency = 1\nqueue_max = 1";
        let variables = [("CALLBOARD_LISTEN", "127.0.0.1:2"), ("CALLBOARD_RUNS_CONCURRENCY", "2")];
        let loaded = load(&sources(file, &variables, &[("listen", "127.0.0.1:3")])).unwrap();
        assert_eq!(loaded.config.listen.port(), 3);
        assert_eq!(loaded.config.runs.concurrency, 2);
        assert_eq!(loaded.config.runs.queue_max, 1);
        assert_eq!(loaded.written_in["listen"], "from --listen");
        assert_eq!(loaded.written_in["runs.concurrency"], "from CALLBOARD_RUNS_CONCURRENCY");
        assert_eq!(loaded.written_in["runs.queue_max"], "in callboard.toml");
    }

    #[test]
    fn problems_name_key_place_value_and_what_is_allowed() {
        for (file, variables, expected) in [
            (
                "[runs]\nconcurency = 2",
                vec![],
                "runs.concurency (in callboard.toml) is not a setting; did you mean runs.concurrency?",
            ),
            ("quux = 1", vec![], "quux (in callboard.toml) is not a setting"),
            (
                "pipelin.x.file = 'x'",
                vec![],
                "pipelin.x.file (in callboard.toml) is not a setting; did you mean pipeline.x.file?",
            ),
            (
                "[runs]\nconcurrency = 0",
                vec![],
                "runs.concurrency (in callboard.toml): 0 is not allowed; allowed: a whole number from 1 to 64",
            ),
            (
                "",
                vec![("CALLBOARD_STORE_DURABILITY", "maybe")],
                "store.durability (from CALLBOARD_STORE_DURABILITY): \"maybe\" is not allowed; allowed: disk or system",
            ),
            (
                "",
                vec![("CALLBOARD_ADMIN_TOKEN", "hush hush")],
                "admin_token (from CALLBOARD_ADMIN_TOKEN): the value given is not allowed; allowed: 1 to 512 visible \
                 ASCII characters",
            ),
            (
                "[runs]\nagent_timeout_ms = 2000\nrun_timeout_ms = 1000",
                vec![],
                "runs.agent_timeout_ms (2000) must not be longer than runs.run_timeout_ms (1000)",
            ),
            (
                "[retention]\nroom_bytes_max = 20\nevents_bytes_max = 10",
                vec![],
                "retention.room_bytes_max (20) must not be larger than retention.events_bytes_max (10)",
            ),
            ("runs = 3", vec![], "runs (in callboard.toml) is not a setting"),
        ] {
            let problems = load(&sources(file, &variables, &[])).unwrap_err().0;
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert!(problems[0].starts_with(expected), "{}", problems[0]);
        }
    }

    #[test]
    fn all_problems_are_told_at_once() {
        let problems = load(&sources("listen = 1\ndata_dir = 2", &[], &[])).unwrap_err().0;
        assert_eq!(problems.len(), 2, "{problems:?}");
    }

    #[test]
    fn bad_toml_names_the_line() {
        let problems = load(&sources("listen = \n", &[], &[])).unwrap_err();
        assert!(problems.to_string().contains("line 1"), "{problems}");
    }

    #[test]
    fn strange_variables_are_a_warning() {
        let variables = [("CALLBOARD_PORT", "tcp://10.0.0.1"), ("CALLBOARD_LISTN", "x"), ("HOME", "/")];
        let warnings = load(&sources("", &variables, &[])).unwrap().warnings;
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        // All names begin alike, and that is no likeness.
        assert!(warnings[0].ends_with("CALLBOARD_PORT in the environment sets nothing"), "{warnings:?}");
        assert!(warnings[1].ends_with("did you mean CALLBOARD_LISTEN?"), "{warnings:?}");
    }
}
