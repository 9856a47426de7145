//! The writer on a model that sees: it is shown small copies of some images at a time, with what was measured of them. What
//! it says is held against the facts by the inspector, as ever.

use std::collections::BTreeSet;

use crate::pipelines::caption::Wanted;
use crate::pipelines::caption::decoder::pretty;
use crate::pipelines::caption::facts::{AllFacts, FACTS};
use crate::pipelines::caption::inspector;
use crate::pipelines::caption::writer::{CAPTIONS, Captions};
use crate::pipelines::modelled::Portion;
use crate::pipelines::{AgentError, AgentInputs, FileSet, OutputFile};

/// The agent that a model can carry out.
pub const AGENT: &str = "caption/writer";
/// What it is asked.
pub const PROMPT: &str = include_str!("../../../templates/prompts/caption/writer.jinja");
/// Images that it is shown at once.
const TOGETHER: usize = 6;

/// What it writes.
pub(crate) fn outputs() -> Vec<String> {
    vec![CAPTIONS.to_owned()]
}

/// Some images at a time, each with its facts.
pub(crate) fn portions(inputs: &AgentInputs) -> Result<Vec<Portion>, AgentError> {
    let facts: AllFacts = inputs.files.json(FACTS)?;
    let mut portions = Vec::new();
    for images in facts.images.chunks(TOGETHER) {
        let mut copies = Vec::new();
        for image in images {
            let missing = || AgentError::failed(format!("there is no small copy of {}", image.item));
            let bytes = inputs.files.get(&image.file.preview).ok_or_else(missing)?;
            copies.push(OutputFile { path: image.item.clone(), bytes: bytes.to_vec() });
        }
        let mut files = FileSet::default();
        files.insert(FACTS, pretty(&AllFacts { images: images.to_vec() })?.into_bytes());
        portions.push(Portion { inputs: AgentInputs { files, ..inputs.clone() }, images: copies });
    }
    Ok(portions)
}

/// The texts of all portions.
pub(crate) fn join(made: &[Vec<OutputFile>]) -> Result<Vec<OutputFile>, AgentError> {
    let mut all = Captions::default();
    for file in made.iter().flatten() {
        let mut set = FileSet::default();
        set.insert(CAPTIONS, file.bytes.clone());
        all.images.extend(set.json::<Captions>(CAPTIONS)?.images);
    }
    Ok(vec![OutputFile::text(CAPTIONS, pretty(&all)?)])
}

/// What is wrong with the texts of a portion.
pub(crate) fn check(inputs: &AgentInputs, files: &[OutputFile]) -> Vec<String> {
    let mut set = inputs.files.clone();
    for file in files {
        set.insert(file.path.clone(), file.bytes.clone());
    }
    let read = || Ok::<_, AgentError>((set.json::<AllFacts>(FACTS)?, set.json::<Captions>(CAPTIONS)?));
    let (facts, captions) = match read() {
        Ok(read) => read,
        Err(error) => return vec![error.to_string()],
    };
    let wanted = Wanted::of(inputs);
    let (mut wrong, mut seen) = (Vec::new(), BTreeSet::new());
    for caption in &captions.images {
        match facts.images.iter().find(|image| image.item == caption.item) {
            None => wrong.push(format!("{} is none of the images", caption.item)),
            Some(_) if !seen.insert(&caption.item) => wrong.push(format!("{} stands twice", caption.item)),
            Some(image) => {
                wrong.extend(
                    inspector::check(caption, image, wanted)
                        .err()
                        .map(|why| format!("{}: {why}", caption.item)),
                );
            }
        }
        if !caption.claims.is_empty() {
            wrong.push(format!("{}: claims are for the program to make", caption.item));
        }
    }
    let missing = facts.images.iter().filter(|image| !seen.contains(&image.item));
    wrong.extend(missing.map(|image| format!("{} has no text", image.item)));
    wrong
}
