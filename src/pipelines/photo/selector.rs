//! The third agent: finds bursts and the best photo of each, and says why it is the best.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::darkroom::bursts::{Burst, Shot, bursts};
use crate::domain::event::LogLevel;
use crate::pipelines::photo::analyst::{ANALYSIS, Analysis};
use crate::pipelines::photo::importer::{INVENTORY, Inventory};
use crate::pipelines::photo::results::{pretty, told_of};
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
    let selection = Selection { bursts, left_out };
    for (entry, _) in inventory.usable() {
        let is_measured = analysis.photos.iter().any(|photo| photo.item == entry.item);
        if !is_measured || selection.left_out.contains_key(&entry.item) {
            continue;
        }
        let burst = selection.burst(&entry.item);
        let reason = match burst {
            Some(burst) if burst.best == entry.item => burst.reason.clone(),
            Some(burst) => format!("every photo is taken; {} is the best of its burst", burst.best),
            None => "it is no part of a burst".to_owned(),
        };
        let mut data = told_of(&entry.item, &entry.sha256);
        data["best"] = json!(burst.is_none_or(|burst| burst.best == entry.item));
        data["reason"] = json!(reason);
        host.tell("photo_selected", data);
    }
    let summary = match (selection.bursts.len(), selection.left_out.len()) {
        (0, _) => "no bursts".to_owned(),
        (count, 0) => format!("{count} bursts"),
        (count, left) => format!("{count} bursts, {left} photos left out"),
    };
    Ok(AgentOutput { files: vec![OutputFile::text(SELECTION, pretty(&selection)?)], summary })
}
