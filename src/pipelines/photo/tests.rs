//! The pipeline from files to files, on photos that are drawn here.

use std::collections::BTreeMap;

use image::{DynamicImage, ImageFormat, Rgba, RgbaImage};
use serde_json::{Value, json};

use crate::domain::run::RunInput;
use crate::pictures::decode::{Limits, decode, header};
use crate::pictures::fixtures::{self, encoded};
use crate::pipelines::fixtures::House;
use crate::pipelines::photo::PIPELINE;
use crate::pipelines::photo::approval::APPROVED;
use crate::pipelines::photo::results::{PhotoResult, PhotoResults, PhotoStatus, RESULTS, TABLE};
use crate::pipelines::{AgentError, AgentInputs};

struct Made {
    results: PhotoResults,
    files: BTreeMap<String, Vec<u8>>,
    short: Vec<String>,
}

impl Made {
    fn photo(&self, item: &str) -> &PhotoResult {
        self.results.photos.iter().find(|photo| photo.item == item).unwrap()
    }

    fn said(&self, item: &str) -> (PhotoStatus, &str) {
        let photo = self.photo(item);
        (photo.status, photo.reason.as_deref().unwrap_or_default())
    }

    /// The file that was made of a photo.
    fn print(&self, item: &str) -> RgbaImage {
        let bytes = &self.files[&self.photo(item).files[0].path];
        decode(bytes, &Limits::default()).unwrap().pixels
    }
}

/// Runs all agents; `answer` is what a person makes of the recipes.
fn run(
    photos: &[(&str, Vec<u8>)],
    params: Value,
    answer: Option<&dyn Fn(Value) -> Value>,
) -> Result<Made, AgentError> {
    let contents = photos.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.clone())).collect();
    let host = House { contents, ..House::default() };
    run_in(&host, photos, params, answer)
}

fn run_in(
    host: &House,
    photos: &[(&str, Vec<u8>)],
    params: Value,
    answer: Option<&dyn Fn(Value) -> Value>,
) -> Result<Made, AgentError> {
    let Value::Object(params) = params else { unreachable!() };
    let mut inputs = AgentInputs { brief: "photos".to_owned(), params, ..AgentInputs::default() };
    inputs.inputs = photos
        .iter()
        .map(|(name, bytes)| RunInput {
            name: (*name).to_owned(),
            // As good as a hash: the same for the same content.
            sha256: format!(
                "{:x}-{}",
                bytes.iter().fold(7_u64, |sum, byte| sum.wrapping_mul(31) + u64::from(*byte)),
                bytes.len()
            ),
            size: bytes.len() as u64,
            problem: None,
        })
        .collect();
    for agent in PIPELINE.agents {
        if agent.name == "approval" && answer.is_none() {
            continue;
        }
        let output = (agent.run)(&inputs, host)?;
        for file in host.written.lock().unwrap().drain(..).chain(output.files) {
            let bytes = match (&answer, file.path == APPROVED) {
                (Some(answer), true) => {
                    answer(serde_json::from_slice(&file.bytes).unwrap()).to_string().into_bytes()
                }
                _ => file.bytes,
            };
            inputs.files.insert(file.path, bytes);
        }
    }
    Ok(Made {
        results: inputs.files.json(RESULTS)?,
        files: inputs.files.iter().map(|(path, bytes)| (path.to_owned(), bytes.to_vec())).collect(),
        short: host.short.lock().unwrap().drain(..).collect(),
    })
}

fn photo(seed: u32) -> Vec<u8> {
    fixtures::jpeg_of_camera(&fixtures::grainy(96, 64, 2 * seed + 1), 1)
}

/// Photos of which no two look alike.
fn scene(number: u32) -> RgbaImage {
    RgbaImage::from_fn(96, 64, |x, y| {
        let wave = |by: u32| (f64::from((x * (number % 5 + 1) + y * (number / 5 + 1)) * by) / 40.0).sin();
        Rgba(
            [1, 2, 3]
                .map(|by| (128.0 + wave(by) * 90.0) as u8)
                .into_iter()
                .chain([255])
                .collect::<Vec<_>>()
                .try_into()
                .unwrap(),
        )
    })
}

#[test]
fn good_photos_are_exported_and_every_bad_one_has_its_reason() {
    let mut photos: Vec<(String, Vec<u8>)> = (0..14)
        .map(|number| (format!("p{number:02}.jpg"), encoded(&scene(number), ImageFormat::Jpeg)))
        .collect();
    let whole = encoded(&scene(20), ImageFormat::Jpeg);
    let mut damaged = encoded(&scene(21), ImageFormat::Jpeg);
    let middle = damaged.len() / 2;
    damaged[middle..middle + 40].copy_from_slice(&[0xFF, 0x17, 0x93, 0xFF, 0xC4].repeat(8));
    photos.push(("noise.jpg".to_owned(), vec![0x5A; 4_000]));
    photos.push(("empty.jpg".to_owned(), Vec::new()));
    photos.push(("damaged.jpg".to_owned(), damaged));
    photos.push(("cut.jpg".to_owned(), whole[..whole.len() / 2].to_vec()));
    photos.push(("twin.jpg".to_owned(), photos[3].1.clone()));
    photos.push(("lies.jpg".to_owned(), encoded(&scene(22), ImageFormat::Png)));
    let photos: Vec<(&str, Vec<u8>)> =
        photos.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
    let made = run(&photos, json!({}), None).unwrap();
    let count = |status| made.results.photos.iter().filter(|photo| photo.status == status).count();
    assert_eq!(
        (count(PhotoStatus::Exported), count(PhotoStatus::Failed), count(PhotoStatus::Duplicate)),
        (15, 4, 1)
    );
    assert_eq!(made.said("noise.jpg"), (PhotoStatus::Failed, "the content is not JPEG, PNG, WebP or GIF"));
    assert_eq!(made.said("empty.jpg"), (PhotoStatus::Failed, "the file is empty"));
    assert_eq!(made.said("cut.jpg"), (PhotoStatus::Failed, "the file is cut off before its end"));
    let (status, reason) = made.said("damaged.jpg");
    assert!(status == PhotoStatus::Failed && reason.starts_with("the file is damaged: "), "{reason}");
    assert_eq!(made.said("twin.jpg"), (PhotoStatus::Duplicate, "it has the same content as p03.jpg"));
    assert_eq!(made.said("lies.jpg"), (PhotoStatus::Exported, ""));
    assert_eq!(made.photo("lies.jpg").notes, ["its name promises jpeg, its content is png"]);
    assert_eq!(made.short.len(), 2, "{:?}", made.short);
    assert!(
        made.short[0].starts_with("3 of 20 photos cannot be imported: cut.jpg (the file is cut off"),
        "{:?}",
        made.short
    );
    assert!(made.short[1].starts_with("1 of 16 photos cannot be decoded: damaged.jpg ("), "{:?}", made.short);
    for exported in made.results.photos.iter().filter(|photo| photo.status == PhotoStatus::Exported) {
        let (before, after) = (exported.before.as_ref().unwrap(), exported.after.as_ref().unwrap());
        assert!(made.files.contains_key(before) && made.files.contains_key(after));
        assert_eq!(exported.files.len(), 1);
        assert!(made.files.contains_key(&exported.files[0].path), "{:?}", exported.files);
    }
    assert_eq!(String::from_utf8_lossy(&made.files[TABLE]).lines().count(), 21);
    // The bad ones alone, once they are mended.
    let mended = run(&photos, json!({ "only": ["lies.jpg"] }), None).unwrap();
    assert_eq!((mended.results.photos.len(), mended.short.len()), (1, 0));
}

#[test]
fn a_run_without_a_photo_fails_and_cancel_is_heard() {
    let bad = [("a.jpg", vec![1; 50]), ("b.png", Vec::new())];
    let error = run(&bad, json!({}), None).map(drop).unwrap_err().to_string();
    assert!(error.starts_with("none of 2 photos can be used: a.jpg (the content"), "{error}");
    assert!(run(&[], json!({}), None).is_err());
    let error = run(&[("a.jpg", photo(1))], json!({ "only": ["x.jpg"] }), None).map(drop).unwrap_err();
    assert!(error.to_string().contains("x.jpg, which was not given"), "{error}");
    let photos: Vec<(String, Vec<u8>)> = (0..6).map(|n| (format!("{n}.jpg"), photo(n + 1))).collect();
    let photos: Vec<(&str, Vec<u8>)> =
        photos.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
    let mut host = House { cancel_at: Some(9), ..House::default() };
    host.contents = photos.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.clone())).collect();
    assert_eq!(run_in(&host, &photos, json!({}), None).map(drop), Err(AgentError::Cancelled));
}

#[test]
fn what_is_asked_for_is_made() {
    let given = [("one.jpg", photo(5)), ("ONE.png", encoded(&scene(2), ImageFormat::Png))];
    let params = json!({
        "preset": "black-and-white", "formats": ["webp", "jpeg", "png"], "max_size": 32, "metadata": "no-place",
        "names": "{date}", "recipe": { "exposure_ev": 0.5 },
    });
    let made = run(&given, params.clone(), None).unwrap();
    let paths: Vec<&str> = made.photo("one.jpg").files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["photos/2024-05-01.jpg", "photos/2024-05-01.png", "photos/2024-05-01.webp"]);
    assert_eq!(made.photo("ONE.png").files[0].path, "photos/undated.jpg");
    for file in &made.photo("one.jpg").files {
        let found = header(&made.files[&file.path], &Limits::default()).unwrap();
        assert_eq!((found.width, found.height, file.width, file.height), (32, 21, 32, 21));
        assert_eq!((found.metadata.make.as_deref(), found.metadata.has_place), (Some("Lichtwerk"), false));
        assert!(found.profile.is_some() && file.size == made.files[&file.path].len() as u64);
    }
    let recipe = made.photo("one.jpg").recipe.as_ref().unwrap();
    assert_eq!(recipe.words(), "exposure +0.50 EV, contrast +15, saturation -100, sharpened 40 %");
    let print = made.print("one.jpg");
    assert!(print.pixels().all(|pixel| pixel[0].abs_diff(pixel[1]) <= 3 && pixel[1].abs_diff(pixel[2]) <= 3));
    // The same again is the same, byte for byte, whoever was ready first.
    assert!(run(&given, params, None).unwrap().files == made.files);
    // Names that only differ in their capitals get a number.
    let made = run(&given, json!({}), None).unwrap();
    assert_eq!(
        (&*made.photo("ONE.png").files[0].path, &*made.photo("one.jpg").files[0].path),
        ("photos/ONE.jpg", "photos/one-2.jpg")
    );
}

#[test]
fn a_person_leaves_out_changes_and_mistakes_cost_one_photo() {
    let given = [("a.jpg", photo(1)), ("b.jpg", photo(2)), ("c.jpg", photo(3)), ("d.jpg", photo(4))];
    let answer = |mut recipes: Value| {
        recipes["photos"][0]["approved"] = json!(false);
        recipes["photos"][1]["recipe"] = json!({ "saturation": -100 });
        recipes["photos"][2]["recipe"]["exposure_ev"] = json!(99);
        recipes["photos"].as_array_mut().unwrap().push(json!({ "item": "none.jpg", "recipe": {} }));
        recipes
    };
    let made = run(&given, json!({ "approval": "ask" }), Some(&answer)).unwrap();
    assert_eq!(made.said("a.jpg"), (PhotoStatus::Rejected, "it was not approved"));
    assert_eq!(made.said("b.jpg").0, PhotoStatus::Exported);
    assert!(made.print("b.jpg").pixels().all(|pixel| pixel[0].abs_diff(pixel[2]) <= 3));
    assert_eq!(
        made.said("c.jpg"),
        (PhotoStatus::Failed, "its recipe cannot be used: exposure_ev must be from -5 to 5")
    );
    assert_eq!(made.said("d.jpg").0, PhotoStatus::Exported);
    assert_eq!(
        made.short,
        ["1 photos cannot be exported: c.jpg (its recipe cannot be used: exposure_ev must be from -5 to 5)"]
    );
}

#[test]
fn of_a_burst_the_best_alone_when_it_is_asked_for() {
    let sharp = fixtures::grainy(300, 200, 9);
    let soft = DynamicImage::ImageRgba8(sharp.clone()).blur(2.0).into_rgba8();
    let given = [
        ("1.jpg", fixtures::jpeg_of_camera(&soft, 1)),
        ("2.jpg", fixtures::jpeg_of_camera(&sharp, 1)),
        ("3.png", encoded(&scene(3), ImageFormat::Png)),
    ];
    let made = run(&given, json!({}), None).unwrap();
    assert!(made.results.photos.iter().all(|photo| photo.status == PhotoStatus::Exported));
    let best = made.photo("2.jpg").best_of_burst.as_ref().unwrap();
    assert!(best.starts_with("the sharpest of 2: detail "), "{best}");
    assert_eq!(made.photo("1.jpg").best_of_burst, None);
    let made = run(&given, json!({ "select": "best" }), None).unwrap();
    assert_eq!(made.said("1.jpg"), (PhotoStatus::LeftOut, "2.jpg is the best of its burst"));
    assert_eq!((made.said("2.jpg").0, made.said("3.png").0), (PhotoStatus::Exported, PhotoStatus::Exported));
    assert!(made.short.is_empty());
}
