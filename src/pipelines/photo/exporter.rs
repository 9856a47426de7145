//! The last agent: develops every approved negative in full and writes the files that were asked for, and what became of
//! each file of the run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;

use serde_json::json;

use crate::darkroom::develop::develop;
use crate::darkroom::negative::Negative;
use crate::darkroom::print::{PrintFormat, exif_of, print};
use crate::darkroom::recipe::Recipe;
use crate::domain::event::LogLevel;
use crate::pictures::Limits;
use crate::pictures::decode::header;
use crate::pipelines::photo::analyst::{ANALYSIS, Analysis, Photo};
use crate::pipelines::photo::approval::APPROVED;
use crate::pipelines::photo::crew;
use crate::pipelines::photo::developer::{Planned, RECIPES, Recipes, after_path};
use crate::pipelines::photo::importer::{Entry, FileFacts, INVENTORY, Inventory, input};
use crate::pipelines::photo::results::{
    ExportedFile, PhotoResult, PhotoResults, PhotoStatus, RESULTS, TABLE, named, pretty, table, told_of,
};
use crate::pipelines::photo::selector::{SELECTION, Selection};
use crate::pipelines::photo::wanted::{self, Wanted};
use crate::pipelines::{AgentError, AgentHost, AgentInputs, AgentOutput, OutputFile};

/// A photo that is exported.
struct Job<'a> {
    entry: &'a Entry,
    file: &'a FileFacts,
    recipe: Recipe,
}

/// What became of a photo that was to be exported.
type Outcome = Result<(Recipe, Vec<ExportedFile>), String>;

pub(super) fn run(inputs: &AgentInputs, host: &dyn AgentHost) -> Result<AgentOutput, AgentError> {
    let inventory: Inventory = inputs.files.json(INVENTORY)?;
    let analysis: Analysis = inputs.files.json(ANALYSIS)?;
    let selection: Selection = inputs.files.json(SELECTION)?;
    let wanted = Wanted::of(inputs);
    let asked = inputs.files.get(APPROVED).is_some();
    let recipes: Recipes = inputs.files.json(if asked { APPROVED } else { RECIPES })?;
    let mut planned: BTreeMap<&str, &Planned> = BTreeMap::new();
    for plan in &recipes.photos {
        if analysis.photos.iter().all(|photo| photo.item != plan.item) {
            host.log(LogLevel::Warning, &format!("{}: a recipe for no photo of this run", plan.item));
        }
        planned.insert(&plan.item, plan);
    }
    let (mut outcomes, mut jobs): (BTreeMap<String, Outcome>, Vec<Job<'_>>) = (BTreeMap::new(), Vec::new());
    for (entry, file) in inventory.usable() {
        let Some(plan) = planned.get(entry.item.as_str()).filter(|plan| plan.approved) else { continue };
        if analysis.photos.iter().all(|photo| photo.item != entry.item) {
            continue;
        }
        match wanted::checked(plan.recipe.clone()) {
            Ok(recipe) => jobs.push(Job { entry, file, recipe }),
            Err(why) => {
                outcomes.insert(entry.item.clone(), Err(format!("its recipe cannot be used: {why}")));
            }
        }
    }
    if asked {
        for (entry, _) in inventory.usable() {
            let Some(plan) = planned.get(entry.item.as_str()) else { continue };
            let kind = if plan.approved { "photo_approved" } else { "photo_rejected" };
            host.tell(kind, told_of(&entry.item, &entry.sha256));
        }
    }
    host.tell("export_started", json!({ "photos": jobs.len() }));
    export(&jobs, &wanted, inputs, host, &mut outcomes)?;
    let results = PhotoResults {
        preset: recipes.preset,
        photos: inventory
            .photos
            .iter()
            .map(|entry| {
                let photo = analysis.photos.iter().find(|photo| photo.item == entry.item);
                let problem = analysis.failed.get(&entry.item);
                let outcome = outcomes.remove(&entry.item);
                result(entry, photo, problem, &selection, outcome)
            })
            .collect(),
    };
    finish(&results, &inventory, host)
}

fn export(
    jobs: &[Job<'_>],
    wanted: &Wanted,
    inputs: &AgentInputs,
    host: &dyn AgentHost,
    outcomes: &mut BTreeMap<String, Outcome>,
) -> Result<(), AgentError> {
    let numbers: Vec<usize> = (0..jobs.len()).collect();
    let paths = paths(jobs, wanted);
    let (total, mut ready) = (jobs.len(), 0);
    crew::each(
        &numbers,
        |number| jobs[*number].file.pixels(),
        host,
        |number| host.input(input(inputs, &jobs[number].entry.item)?),
        |number, bytes, stop| developed(&jobs[number].recipe, wanted, &bytes, stop),
        |number, result| {
            ready += 1;
            let (item, recipe) = (&jobs[number].entry.item, &jobs[number].recipe);
            host.progress(ready as f64 / total as f64 * 100.0, &format!("{ready} of {total}: {item}"));
            let made = match result.and_then(|result| result) {
                Ok(made) => made,
                Err(why) => {
                    host.log(LogLevel::Error, &format!("{item}: {why}"));
                    let mut data = told_of(item, &jobs[number].entry.sha256);
                    data["message"] = json!(why);
                    host.tell("export_failed", data);
                    outcomes.insert(item.clone(), Err(why));
                    return Ok(());
                }
            };
            let mut files = Vec::new();
            for (format, width, height, bytes) in made {
                let path = format!("photos/{}.{}", paths[number], format.end());
                let size = bytes.len() as u64;
                host.log(LogLevel::Info, &format!("{item}: {path}, {width} x {height}, {size} bytes"));
                let file = OutputFile { path: path.clone(), bytes };
                if files.is_empty() {
                    host.preview(&file, ready as u64, total as u64);
                }
                host.write(file)?;
                files.push(ExportedFile { path, width, height, size });
            }
            let mut data = told_of(item, &jobs[number].entry.sha256);
            data["done"] = json!(ready);
            data["total"] = json!(total);
            data["files"] = json!(files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>());
            host.tell("export_progress", data);
            outcomes.insert(item.clone(), Ok((recipe.clone(), files)));
            Ok(())
        },
    )
}

/// Names of files without their end, no two alike: in the order of the inventory, whoever is ready first.
fn paths(jobs: &[Job<'_>], wanted: &Wanted) -> Vec<String> {
    let mut taken = BTreeSet::new();
    jobs.iter()
        .map(|Job { entry, file, .. }| {
            let date = file.metadata.taken_at.as_deref();
            let name = wanted::named(&wanted.names, &entry.item, entry.number, date, wanted.preset);
            let mut unique = name.clone();
            let mut number = 2;
            // Some file systems know no difference between capitals and small letters.
            while !taken.insert(unique.to_lowercase()) {
                unique = format!("{name}-{number}");
                number += 1;
            }
            unique
        })
        .collect()
}

type Made = Vec<(PrintFormat, u32, u32, Vec<u8>)>;

fn developed(recipe: &Recipe, wanted: &Wanted, bytes: &[u8], stop: &AtomicBool) -> Result<Made, String> {
    let limits = Limits::default();
    let negative = Negative::open(bytes, &limits).map_err(|error| error.to_string())?;
    let pixels = develop(&negative, recipe, wanted.max_size, 1, stop).ok_or("it was stopped")?;
    // Pixels of the negative are not needed for its files.
    drop(negative);
    let (width, height) = pixels.dimensions();
    let exif = header(bytes, &limits).ok().and_then(|header| header.exif);
    let exif = exif_of(exif.as_deref(), wanted.keep, width, height);
    let file = |format: &PrintFormat| {
        Ok((*format, width, height, print(&pixels, *format, wanted.quality, exif.clone())?))
    };
    wanted.formats.iter().map(file).collect()
}

fn result(
    entry: &Entry,
    photo: Option<&Photo>,
    problem: Option<&String>,
    selection: &Selection,
    outcome: Option<Outcome>,
) -> PhotoResult {
    let (status, reason) = match (&entry.problem, &entry.duplicate_of, problem, &outcome) {
        (Some(problem), ..) | (_, _, Some(problem), _) => (PhotoStatus::Failed, Some(problem.clone())),
        (_, Some(before), ..) => {
            (PhotoStatus::Duplicate, Some(format!("it has the same content as {before}")))
        }
        (.., Some(Err(why))) => (PhotoStatus::Failed, Some(why.clone())),
        (.., Some(Ok(_))) => (PhotoStatus::Exported, None),
        _ => match selection.left_out.get(&entry.item) {
            Some(best) => (PhotoStatus::LeftOut, Some(format!("{best} is the best of its burst"))),
            None => (PhotoStatus::Rejected, Some("it was not approved".to_owned())),
        },
    };
    let mut notes = entry.notes.clone();
    notes.extend(photo.iter().flat_map(|photo| photo.notes.iter().cloned()));
    let (recipe, files) =
        outcome.and_then(Result::ok).map_or((None, Vec::new()), |(recipe, files)| (Some(recipe), files));
    let best = selection.burst(&entry.item).filter(|burst| burst.best == entry.item);
    let is_developed = photo.is_some() && !selection.left_out.contains_key(&entry.item);
    PhotoResult {
        item: entry.item.clone(),
        sha256: entry.sha256.clone(),
        status,
        reason,
        notes,
        facts: photo
            .map(|photo| json!({ "file": entry.file, "colours": photo.colours, "measured": photo.measured })),
        best_of_burst: best.map(|burst| burst.reason.clone()),
        recipe,
        before: photo.map(|photo| photo.preview.clone()),
        after: is_developed.then(|| after_path(entry.number)),
        files,
    }
}

fn finish(
    results: &PhotoResults,
    inventory: &Inventory,
    host: &dyn AgentHost,
) -> Result<AgentOutput, AgentError> {
    let of = |status: PhotoStatus| results.photos.iter().filter(move |photo| photo.status == status);
    let exported = of(PhotoStatus::Exported).count();
    // What failed before was said before.
    let failed: Vec<_> = of(PhotoStatus::Failed)
        .filter(|photo| photo.before.is_some())
        .map(|photo| (photo.item.as_str(), photo.reason.as_deref().unwrap_or_default()))
        .collect();
    if exported == 0 && !failed.is_empty() {
        return Err(AgentError::failed(format!("no photo can be exported: {}", named(&failed))));
    }
    if !failed.is_empty() {
        host.fell_short(&format!("{} photos cannot be exported: {}", failed.len(), named(&failed)));
    }
    let made: usize = results.photos.iter().map(|photo| photo.files.len()).sum();
    host.tell("export_completed", json!({ "photos": exported, "files_total": made }));
    let counts = json!({
        "photos": results.photos.len(),
        "exported": exported,
        "failed": of(PhotoStatus::Failed).count(),
        "duplicates": of(PhotoStatus::Duplicate).count(),
        "left_out": of(PhotoStatus::LeftOut).count(),
        "rejected": of(PhotoStatus::Rejected).count(),
    });
    host.tell("session_completed", json!({ "progress_percent": 100, "counts": counts }));
    let summary = format!("{exported} of {} photos exported, {made} files", inventory.photos.len());
    let files = vec![OutputFile::text(RESULTS, pretty(results)?), OutputFile::text(TABLE, table(results))];
    Ok(AgentOutput { files, summary })
}
