//! `provenance.json`: from what, by what and with what result the app was made.

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::pipelines::{AgentError, AgentInputs, FileSet};

/// What the file says. Nothing in it depends on when, where or in which run the app was made.
#[derive(Serialize)]
struct Provenance<'a> {
    generator: &'static str,
    generator_version: &'static str,
    pipeline: &'static str,
    agents: Vec<AgentVersion>,
    brief_sha256: String,
    params_sha256: String,
    seed: u64,
    /// Every file of the archive but this one.
    files: Vec<FileHash<'a>>,
}

#[derive(Serialize)]
struct AgentVersion {
    name: &'static str,
    version: u32,
}

#[derive(Serialize)]
struct FileHash<'a> {
    path: &'a str,
    bytes: usize,
    sha256: String,
}

pub(super) fn write(inputs: &AgentInputs, files: &FileSet) -> Result<String, AgentError> {
    let unreadable = |error: serde_json::Error| AgentError::failed(error.to_string());
    let agents = crate::pipelines::find("app").map_or(&[][..], |pipeline| pipeline.agents);
    // The keys of the map are sorted.
    let params = serde_json::to_vec(&inputs.params).map_err(unreadable)?;
    let provenance = Provenance {
        generator: env!("CARGO_PKG_NAME"),
        generator_version: env!("CARGO_PKG_VERSION"),
        pipeline: "app",
        agents: agents
            .iter()
            .map(|agent| AgentVersion { name: agent.name, version: agent.version })
            .collect(),
        brief_sha256: sha256(inputs.brief.as_bytes()),
        params_sha256: sha256(&params),
        seed: inputs.seed(),
        files: files
            .iter()
            .map(|(path, bytes)| FileHash { path, bytes: bytes.len(), sha256: sha256(bytes) })
            .collect(),
    };
    let mut json = serde_json::to_string_pretty(&provenance).map_err(unreadable)?;
    json.push('\n');
    Ok(json)
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
