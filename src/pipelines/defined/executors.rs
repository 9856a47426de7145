//! Who carries an agent out: programs, servers and models, with their bounds.

use crate::domain::pipeline::ReplyForm;
use crate::pipelines::defined::agent::Making;
use crate::pipelines::setup::{CommandSpec, HttpSpec, OpenAiSpec, Patience, Prices, ProcessLimits};
use crate::pipelines::{glob, modelled, prompt, schema};

/// Variables of the server that a program gets when nothing is said.
const ENV_ALLOW: &[&str] = &["PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR"];
/// How long a program has to stop.
const GRACE_MS: u64 = 3_000;
/// The longest a program may have to stop: a cancel is carried out within ten seconds.
const GRACE_MS_MAX: u64 = 8_000;
const FILE_BYTES: u64 = 256 << 20;
const OPEN_FILES: u64 = 256;
const OUTPUT_BYTES: u64 = 256 << 20;
pub(super) const CONNECT_MS: u64 = 10_000;
const STALL_MS: u64 = 60_000;
const POLL_MS: u64 = 1_000;
const REPAIRS_MAX: u32 = 2;
/// A model server that nothing was said about.
pub(super) const BASE_URL: &str = "https://api.openai.com/v1";
pub(super) const KEY_ENV: &str = "OPENAI_API_KEY";

impl Making<'_> {
    fn patterns(&mut self) -> Vec<String> {
        let patterns = self.said.outputs.clone().unwrap_or_default();
        for pattern in &patterns {
            let leaves = pattern.starts_with('/') || pattern.contains('\\');
            if leaves || pattern.split('/').any(|part| matches!(part, "" | "." | "..")) {
                self.problem(format!("outputs: {pattern} is no relative path"));
            }
        }
        patterns
    }

    pub(super) fn variables(&mut self, key: &str, names: &[String]) {
        for name in names {
            let ok = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            if !ok {
                self.problem(format!("{key}: {name:?} is no name of a variable"));
            }
        }
    }

    pub(super) fn command(&mut self) -> CommandSpec {
        let said = self.said;
        let mut command = said.command.clone().unwrap_or_default();
        if command.is_empty() || command.iter().any(|part| part.contains('\0')) || command[0].is_empty() {
            self.problem("executor = \"command\" needs command = [\"program\", \"argument\", …]");
        }
        let folder = self.folder.to_string_lossy();
        for part in &mut command {
            *part = part.replace("{folder}", &folder);
        }
        // A program with a slash in its name is found from the configuration's folder, others on the path.
        if let Some(program) = command.first_mut()
            && program.contains('/')
            && !program.starts_with('/')
        {
            *program = self.folder.join(&*program).to_string_lossy().into_owned();
        }
        let env = said.env.clone().unwrap_or_default();
        self.variables("env", &env.keys().cloned().collect::<Vec<_>>());
        let env_allow = said
            .env_allow
            .clone()
            .unwrap_or_else(|| ENV_ALLOW.iter().map(|name| (*name).to_owned()).collect());
        self.variables("env_allow", &env_allow);
        let secrets = said.secrets.clone().unwrap_or_default();
        self.variables("secrets", &secrets);
        let limits = &said.limits;
        CommandSpec {
            command,
            env,
            env_allow,
            secrets,
            outputs: self.patterns(),
            grace_ms: self.bounded("grace_ms", said.grace_ms, GRACE_MS, 0, GRACE_MS_MAX),
            limits: ProcessLimits {
                cpu_ms: limits
                    .cpu_ms
                    .map(|given| self.bounded("limits.cpu_ms", Some(given), 0, 1_000, u64::MAX)),
                memory_bytes: limits
                    .memory_bytes
                    .map(|given| self.bounded("limits.memory_bytes", Some(given), 0, 64 << 20, u64::MAX)),
                file_bytes: self.bounded("limits.file_bytes", limits.file_bytes, FILE_BYTES, 1024, 1 << 40),
                open_files: self.bounded("limits.open_files", limits.open_files, OPEN_FILES, 16, 65_536),
                output_bytes: self.bounded(
                    "limits.output_bytes",
                    limits.output_bytes,
                    OUTPUT_BYTES,
                    1024,
                    1 << 31,
                ),
            },
        }
    }

    pub(super) fn address(&mut self, key: &str, given: &str) -> String {
        if !(given.starts_with("http://") || given.starts_with("https://"))
            || given.contains(char::is_whitespace)
        {
            self.problem(format!(
                "{key} = {given:?} is not allowed; allowed: an address that begins with http:// or https://"
            ));
        }
        given.trim_end_matches('/').to_owned()
    }

    fn patience(&mut self) -> Patience {
        Patience {
            connect_ms: self.bounded("connect_ms", self.said.connect_ms, CONNECT_MS, 100, 600_000),
            stall_ms: self.bounded("stall_ms", self.said.stall_ms, STALL_MS, 100, 3_600_000),
        }
    }

    pub(super) fn http(&mut self) -> HttpSpec {
        let said = self.said;
        let url = match &said.url {
            Some(url) => self.address("url", url),
            None => {
                self.problem("executor = \"http\" needs url");
                String::new()
            }
        };
        HttpSpec {
            url,
            headers: said.headers.clone().unwrap_or_default(),
            signing_env: said.signing_env.clone(),
            secrets: said.secrets.clone().unwrap_or_default(),
            outputs: self.patterns(),
            poll_ms: self.bounded("poll_ms", said.poll_ms, POLL_MS, 50, 3_600_000),
            patience: self.patience(),
            output_bytes: self.bounded(
                "limits.output_bytes",
                said.limits.output_bytes,
                OUTPUT_BYTES,
                1024,
                1 << 31,
            ),
        }
    }

    pub(super) fn openai(&mut self, stands_for: Option<String>) -> OpenAiSpec {
        let said = self.said;
        let own = stands_for.as_deref().and_then(modelled::prompt);
        let text = match (&said.prompt_text, own) {
            (Some(text), _) => text.clone(),
            (None, Some(text)) => text.to_owned(),
            (None, None) => {
                self.problem("executor = \"openai\" needs prompt, the file of a template");
                String::new()
            }
        };
        if let Err(error) = prompt::check(&text) {
            self.problem(format!("prompt: {error}"));
        }
        if said.model.as_deref().unwrap_or_default().is_empty() {
            self.problem("executor = \"openai\" needs model, here or in the variable OPENAI_MODEL");
        }
        if said.temperature.is_some_and(|value| !(0.0..=2.0).contains(&value)) {
            self.problem("temperature must be from 0 to 2");
        }
        let reply = said.reply.unwrap_or_default();
        let outputs = match (&stands_for, &said.outputs) {
            (Some(agent), None) => modelled::outputs(agent),
            _ => self.patterns(),
        };
        if reply == ReplyForm::Json && (outputs.len() != 1 || !glob::is_plain(&outputs[0])) {
            self.problem("reply = \"json\" needs outputs with the one path that the reply is written to");
        }
        if reply == ReplyForm::Files && outputs.is_empty() {
            self.problem("executor = \"openai\" needs outputs, the paths it writes");
        }
        let schema = said.schema_text.as_deref().and_then(|text| {
            let schema = serde_json::from_str(text).map_err(|error| format!("schema is not JSON: {error}"));
            let schema = schema.and_then(|value| schema::check_schema(&value).map(|()| value));
            schema.map_err(|error| self.problem(format!("schema: {error}"))).ok()
        });
        OpenAiSpec {
            base_url: self.address("base_url", said.base_url.as_deref().unwrap_or(BASE_URL)),
            model: said.model.clone().unwrap_or_default(),
            key_env: said.key_env.clone().unwrap_or_else(|| KEY_ENV.to_owned()),
            headers: said.headers.clone().unwrap_or_default(),
            secrets: said.secrets.clone().unwrap_or_default(),
            prompt: text,
            temperature: said.temperature,
            reply_tokens_max: said.reply_tokens_max,
            run_tokens_max: said.run_tokens_max,
            prices: self.prices(),
            repairs_max: said.repairs_max.unwrap_or(REPAIRS_MAX).min(10),
            reply,
            schema,
            outputs,
            stands_for,
            patience: self.patience(),
        }
    }

    /// What tokens cost, when one of the two prices was set.
    fn prices(&mut self) -> Option<Prices> {
        let (prompt, completion) = (self.said.price_in, self.said.price_out);
        for (key, price) in [("price_in", prompt), ("price_out", completion)] {
            if price.is_some_and(|price| !(price.is_finite() && price >= 0.0)) {
                self.problem(format!("{key} must be 0 or more: the price of 1,000 tokens"));
            }
        }
        let set = prompt.is_some() || completion.is_some();
        set.then(|| Prices { prompt: prompt.unwrap_or(0.0), completion: completion.unwrap_or(0.0) })
    }
}
