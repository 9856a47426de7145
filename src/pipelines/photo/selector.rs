//! The third agent: finds bursts and the best photo of each, and says why it is the best.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::darkroom::bursts::{Burst, Shot, bursts};
use crate::domain::event::LogLevel;
use crate::pipelines::photo::analyst::{ANALYSIS, Analysis};
use crate::pipelines::photo::importer::{INVENTORY, Inventory};
use crate::pipelines::photo::results::pretty;
use crate::pipelines::photo::wanted::Wanted;
use crate::pipelines::{AgentError, AgentHost, AgentInputs, AgentOutput, OutputFile};

/// The file in which it says what belongs together.
pub(super) const SELECTION: &str = "selection.json";

/// What belongs together, and what is left out for that.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Selection {
    /// Bursts.
    pub(super) bursts: Vec<Burst>,
    /// Photos that are not developed, by name, with the best of their burst.
    pub(super) left_out: BTreeMap<String, String>,
}

impl Selection {
    /// The burst that a photo belongs to.
    pub(super) fn burst(&self, item: &str) -> Option<&Burst> {
        self.bursts.iter().find(|burst| burst.photos.iter().any(|photo| photo == item))
    }
}

pub(super) fn run(inputs: &AgentInputs, host: &dyn AgentHost) -> Result<AgentOutput, AgentError> {
    let inventory: Inventory = inputs.files.json(INVENTORY)?;
    let analysis: Analysis = inputs.files.json(ANALYSIS)?;
    let wanted = Wanted::of(inputs);
    let files: BTreeMap<&str, _> =
        inventory.usable().into_iter().map(|(entry, file)| (entry.item.as_str(), file)).collect();
    let shots = analysis.photos.iter().filter_map(|photo| {
        let metadata = &files.get(photo.item.as_str())?.metadata;
        let clipped = photo.measured.tone.as_ref().map_or(0.0, |tone| tone.clipped_light + tone.clipped_dark);
        Some(Shot {
            item: photo.item.clone(),
            taken_at: metadata.taken_at.clone(),
            camera: metadata.model.clone().or_else(|| metadata.make.clone()),
            look_hash: u64::from_str_radix(&photo.measured.look_hash, 16).unwrap_or(0),
            detail: photo.measured.detail,
            clipped,
        })
    });
    let bursts = bursts(shots.collect());
    let mut left_out = BTreeMap::new();
    for burst in &bursts {
        host.check()?;
        host.log(LogLevel::Info, &format!("{}: {} ({})", burst.best, burst.reason, burst.photos.join(", ")));
        if wanted.best_alone {
            let others = burst.photos.iter().filter(|photo| **photo != burst.best);
            left_out.extend(others.map(|photo| (photo.clone(), burst.best.clone())));
        }
    }
    let summary = match (bursts.len(), left_out.len()) {
        (0, _) => "no bursts".to_owned(),
        (count, 0) => format!("{count} bursts"),
        (count, left) => format!("{count} bursts, {left} photos left out"),
    };
    let selection = Selection { bursts, left_out };
    Ok(AgentOutput { files: vec![OutputFile::text(SELECTION, pretty(&selection)?)], summary })
}
