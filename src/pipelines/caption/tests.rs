//! The pipeline from files to texts, on pictures that are drawn here.

use std::collections::BTreeMap;

use image::ImageFormat;
use serde_json::{Value, json};

use crate::domain::caption::{CaptionResults, CaptionedImage, RESULTS_FILE};
use crate::domain::run::RunInput;
use crate::pictures::fixtures::{self, BLACK, BLUE, GREEN, RED, WHITE, png};
use crate::pipelines::caption::facts::{AllFacts, FACTS};
use crate::pipelines::caption::words::Language;
use crate::pipelines::caption::writer::{CAPTIONS, Caption};
use crate::pipelines::caption::{PIPELINE, Wanted, inspector};
use crate::pipelines::fixtures::House;
use crate::pipelines::{AgentError, AgentInputs};

struct Made {
    results: CaptionResults,
    files: BTreeMap<String, Vec<u8>>,
    short: Vec<String>,
}

impl Made {
    fn image(&self, item: &str) -> &CaptionedImage {
        self.results.images.iter().find(|image| image.item == item).unwrap()
    }

    fn text(&self, item: &str) -> &str {
        self.image(item).alt_text.as_deref().unwrap()
    }
}

/// Runs all agents; `replaced` stands in for what the writer wrote.
fn run(images: &[(&str, Vec<u8>)], params: Value, replaced: Option<Value>) -> Result<Made, AgentError> {
    let host = House {
        contents: images.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.clone())).collect(),
        ..House::default()
    };
    let Value::Object(params) = params else { unreachable!() };
    let mut inputs = AgentInputs { brief: "pictures".to_owned(), params, ..AgentInputs::default() };
    inputs.inputs = images
        .iter()
        .map(|(name, bytes)| RunInput {
            name: (*name).to_owned(),
            sha256: format!("sha-{name}"),
            size: bytes.len() as u64,
            problem: None,
        })
        .collect();
    for agent in PIPELINE.agents {
        for file in (agent.run)(&inputs, &host)?.files {
            let bytes = match &replaced {
                Some(text) if file.path == CAPTIONS => text.to_string().into_bytes(),
                _ => file.bytes,
            };
            inputs.files.insert(file.path, bytes);
        }
    }
    Ok(Made {
        results: inputs.files.json(RESULTS_FILE)?,
        files: inputs.files.iter().map(|(path, bytes)| (path.to_owned(), bytes.to_vec())).collect(),
        short: host.short.into_inner().unwrap(),
    })
}

fn gallery() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("code.png", png(&fixtures::code("https://example.org"))),
        ("disc.png", png(&fixtures::disc(RED, WHITE))),
        ("green.gif", fixtures::encoded(&fixtures::plain(GREEN), ImageFormat::Gif)),
        ("halves.webp", fixtures::encoded(&fixtures::halves(RED, BLUE), ImageFormat::WebP)),
        ("page.png", png(&fixtures::page())),
        ("photo.jpg", fixtures::jpeg_of_camera(&fixtures::grainy(320, 240, 5), 1)),
        ("square.png", png(&fixtures::square(BLUE, BLACK))),
        ("turned.jpg", fixtures::jpeg_of_camera(&fixtures::halves(RED, BLUE), 6)),
    ]
}

#[test]
fn texts_say_what_is_there_in_english_and_german() {
    let english = run(&gallery(), json!({}), None).unwrap();
    for (item, expected) in [
        ("code.png", "QR code: reads “https://example.org”."),
        ("disc.png", "Graphic: red circle in the centre on a white background."),
        ("green.gif", "Plain image: green."),
        ("halves.webp", "Graphic: left half red, right half blue."),
        ("page.png", "Document: lines that look like writing, mainly white."),
        ("square.png", "Graphic: blue square at top left on a black background."),
        ("turned.jpg", "Graphic: upper half red, lower half blue."),
    ] {
        assert_eq!(english.text(item), expected);
    }
    assert!(english.text("photo.jpg").starts_with("Photo: "), "{}", english.text("photo.jpg"));
    assert!(english.text("photo.jpg").ends_with("landscape format."));
    let german = run(&gallery(), json!({ "language": "de" }), None).unwrap();
    for (item, expected) in [
        ("code.png", "QR-Code: Inhalt „https://example.org“."),
        ("disc.png", "Grafik: Kreis in Rot in der Mitte, Hintergrund weiß."),
        ("green.gif", "Einfarbiges Bild: Grün."),
        ("halves.webp", "Grafik: linke Hälfte rot, rechte Hälfte blau."),
        ("square.png", "Grafik: Quadrat in Blau oben links, Hintergrund schwarz."),
    ] {
        assert_eq!(german.text(item), expected);
    }
    assert!(german.text("photo.jpg").ends_with("Querformat."));
    assert_eq!((german.results.language.as_str(), german.short.len()), ("de", 0));
}

#[test]
fn every_part_of_a_text_stands_on_a_fact_and_nothing_else_is_said() {
    let made = run(&gallery(), json!({}), None).unwrap();
    for image in &made.results.images {
        let text = image.alt_text.as_deref().unwrap();
        let mut rest = text.to_owned();
        for claim in &image.claims {
            assert!(rest.contains(&claim.text), "{text}: {claim:?}");
            rest = rest.replacen(&claim.text, "", 1);
        }
        assert_eq!(
            rest.trim_matches([':', ',', ' ', '.']).replace([',', ' '], ""),
            "",
            "{text} says no more"
        );
        assert!(image.unverified.is_empty(), "{text}: {:?}", image.unverified);
        let lowest = image.claims.iter().map(|claim| claim.trust).fold(1.0, f64::min);
        assert_eq!(image.confidence, Some(lowest));
    }
    let colours = |item: &str| -> Vec<String> {
        let facts = made.image(item).facts.clone().unwrap();
        let colours = facts["measured"]["colours"].as_array().unwrap().clone();
        colours.iter().map(|colour| colour["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(colours("halves.webp"), ["red", "blue"]);
    assert_eq!(colours("disc.png"), ["white", "red"]);
}

#[test]
fn texts_keep_to_their_length() {
    let long = "https://example.org/".to_owned() + &"path/".repeat(30);
    let mut images = gallery();
    images.push(("long.png", png(&fixtures::code(&long))));
    for language in ["en", "de"] {
        for max_length in [40, 60, 125, 1_000] {
            let made = run(&images, json!({ "language": language, "max_length": max_length }), None).unwrap();
            for image in &made.results.images {
                let text = image.alt_text.as_deref().unwrap();
                assert!(text.chars().count() <= max_length, "{max_length}: {text}");
                assert!(text.ends_with('.') && !text.contains(": ."), "{text}");
            }
            let told = made.text("long.png");
            assert_eq!(told.contains(&long), max_length == 1_000, "{told}");
            assert!(max_length == 1_000 || !told.contains("reads") && !told.contains("Inhalt"), "{told}");
        }
    }
}

#[test]
fn one_broken_image_costs_that_image() {
    let mut images: Vec<(String, Vec<u8>)> = (0..49)
        .map(|n| (format!("{n:02}.png"), png(&fixtures::halves([n as u8 * 5, 20, 20], WHITE))))
        .collect();
    images.push(("broken.jpg".to_owned(), {
        let whole = fixtures::encoded(&fixtures::grainy(100, 100, 3), ImageFormat::Jpeg);
        whole[..whole.len() / 2].to_vec()
    }));
    let images: Vec<(&str, Vec<u8>)> =
        images.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
    let made = run(&images, json!({}), None).unwrap();
    assert_eq!(
        made.short,
        ["1 of 50 images cannot be used: broken.jpg (the file is cut off before its end)"]
    );
    let (failed, described): (Vec<_>, Vec<_>) =
        made.results.images.iter().partition(|image| image.problem.is_some());
    assert_eq!((failed.len(), described.len()), (1, 49));
    assert!(described.iter().all(|image| image.alt_text.is_some()) && failed[0].alt_text.is_none());
    let table = String::from_utf8(made.files["results.csv"].clone()).unwrap();
    assert_eq!(table.lines().count(), 51);
    assert!(table.contains("broken.jpg,failed,,en,,,,the file is cut off before its end,sha-broken.jpg"));
    // When none is left, the run fails and says why.
    let only = [("a.png", b"zero".to_vec()), ("b.png", Vec::new())];
    let Err(AgentError::Failed { message, file, .. }) = run(&only, json!({}), None) else { unreachable!() };
    assert_eq!(file.as_deref(), Some("a.png"));
    assert!(message.contains("b.png (the file is empty)"), "{message}");
    assert!(run(&[], json!({}), None).is_err());
}

#[test]
fn odd_files_are_told() {
    let made = run(
        &[("lies.png", fixtures::encoded(&fixtures::halves(RED, BLUE), ImageFormat::Jpeg))],
        json!({}),
        None,
    )
    .unwrap();
    assert_eq!(made.image("lies.png").notes, ["its name promises png, its content is jpeg"]);
    let described =
        crate::pictures::describe::describe(&png(&fixtures::disc(RED, WHITE)), "A map = green", "en")
            .unwrap();
    let made = run(&[("map.png", described)], json!({}), None).unwrap();
    assert_eq!(
        made.text("map.png"),
        "Graphic: red circle in the centre on a white background, its file says “A map = green”."
    );
    assert!(made.image("map.png").unverified.is_empty(), "what is quoted is not said");
}

#[test]
fn what_another_writer_claims_is_held_against_the_facts() {
    let images =
        [("disc.png", png(&fixtures::disc(RED, WHITE))), ("halves.png", png(&fixtures::halves(RED, BLUE)))];
    let written = |disc: &str, halves: &str| {
        json!({ "images": [
            { "item": "disc.png", "alt_text": disc, "confidence": 0.99 },
            { "item": "halves.png", "alt_text": halves },
            { "item": "other.png", "alt_text": "no such image" },
        ] })
    };
    let made =
        run(&images, json!({}), Some(written("A red ball.", "Green and red, with a QR code."))).unwrap();
    assert_eq!((made.image("disc.png").confidence, made.image("disc.png").unverified.len()), (Some(0.6), 0));
    let halves = made.image("halves.png");
    assert_eq!((halves.confidence, halves.unverified.join(" ")), (Some(0.3), "green qr".to_owned()));
    assert_eq!(made.results.images.len(), 2);
    let made =
        run(&images, json!({ "max_length": 40 }), Some(written(&"x".repeat(41), "Ein dunkelgrünes Feld")))
            .unwrap();
    assert_eq!(
        made.image("disc.png").problem.as_deref(),
        Some("its text has 41 characters; at most 40 are allowed")
    );
    assert_eq!(made.image("halves.png").unverified, ["dunkelgrünes"]);
    assert_eq!(made.short, ["1 images have no text that holds: disc.png"]);
    // When no text holds, there is nothing to look over.
    let Err(AgentError::Failed { message, .. }) = run(&images, json!({}), Some(json!({ "images": [] })))
    else {
        unreachable!()
    };
    assert_eq!(
        message,
        "none of 2 images has a text that holds: disc.png (nobody wrote a text for it), \
         halves.png (nobody wrote a text for it)"
    );
}

#[test]
fn words_are_excused_only_by_what_was_measured() {
    let one_letter = png(&fixtures::code("e"));
    let told = png(&fixtures::disc(RED, WHITE));
    let told = crate::pictures::describe::describe(&told, "A green map", "en").unwrap();
    let grey = png(&fixtures::drawn(200, 100, |x, _| if x < 100 { BLACK } else { WHITE }));
    let images = [("code.png", one_letter), ("disc.png", told), ("grey.png", grey)];
    let made = run(&images, json!({}), None).unwrap();
    let facts: AllFacts = serde_json::from_slice(&made.files[FACTS]).unwrap();
    let wanted = Wanted { language: Language::English, max_length: 125 };
    for (item, text, expected) in [
        // The text of a code is no eraser.
        ("code.png", "A code on green and blue", "blue green"),
        ("code.png", "QR code: reads “e”, on a green wall", "green"),
        ("code.png", "A barcode", "barcode"),
        // Marks around words are no excuse for them; what the file says, said as a quotation, is.
        ("disc.png", "A “green” disc", "green"),
        ("disc.png", "A green map", "green"),
        ("disc.png", "Its file says “A green map”", ""),
        ("disc.png", "Its file says \"a green m…\" and more", ""),
        ("disc.png", "Its file says “a gr…”, green", "green"),
        ("disc.png", "Its file says “a green m”", "green"),
        ("disc.png", "Its file says „A green map“, und „grün“", "grün"),
        // That a picture has no colours is a claim like any other.
        ("disc.png", "A black-and-white disc", "black-and-white"),
        ("disc.png", "Schwarz-weiß, und black", "black schwarz-weiß"),
        ("grey.png", "A black-and-white picture, monochrome", ""),
        ("grey.png", "A black-and-white picture, somewhat red", "red"),
        // Words that only look like colours, and colours that hardly look like them.
        ("grey.png", "Eine Rede, viele Reden, ein Greenhouse", ""),
        ("grey.png", "Reds, reddish, bluish, maroon", "bluish maroon reddish reds"),
        ("grey.png", "Rötliche, rotbraune, blaugrüne Wände", "blaugrüne rotbraune rötliche"),
        ("disc.png", "Ein rotweißes Feld, ein rotblaues Feld", "rotblaues"),
        ("disc.png", "An animated photo", "animated photo"),
    ] {
        let caption = json!({ "item": item, "alt_text": text, "confidence": 0.9 });
        let caption: Caption = serde_json::from_value(caption).unwrap();
        let facts = facts.images.iter().find(|image| image.item == item).unwrap();
        let checked = inspector::check(&caption, facts, wanted).unwrap();
        assert_eq!(checked.unverified.join(" "), expected, "{item}: {text}");
        assert_eq!(checked.confidence, if expected.is_empty() { 0.6 } else { 0.3 }, "{item}: {text}");
    }
}

#[test]
fn claims_of_another_writer_count_when_they_were_measured() {
    let images = [("disc.png", png(&fixtures::disc(RED, WHITE)))];
    let own = run(&images, json!({}), None).unwrap().image("disc.png").clone();
    let text = own.alt_text.clone().unwrap();
    let written = |text: &str, claims: Value| {
        let image = json!({ "item": "disc.png", "alt_text": text, "confidence": 1.0, "claims": claims });
        run(&images, json!({}), Some(json!({ "images": [image] }))).unwrap().image("disc.png").clone()
    };
    let same = written(&text, json!(own.claims));
    assert_eq!((same.confidence, &same.claims), (own.confidence, &own.claims));
    // Trust is that of the fact, whatever the writer has.
    let claim = |text: &str, fact: &str| json!([{ "text": text, "fact": fact, "trust": 1.0 }]);
    let lead = written("Graphic.", claim("Graphic", "class"));
    assert_eq!(lead.confidence, Some(own.claims[0].trust));
    assert!(own.claims[0].trust < 1.0, "{:?}", own.claims);
    for (text, claims) in [
        ("A cat.", claim("A cat", "class")),
        ("Graphic.", claim("Graphic", "colours")),
        ("Picture.", claim("Graphic", "class")),
        ("Graphic of a cat.", claim("Graphic", "class")),
    ] {
        let image = written(text, claims);
        assert_eq!(image.confidence, Some(0.6), "{text}");
        let kept = text == "Graphic of a cat.";
        assert_eq!(image.claims.len(), usize::from(kept), "{text}");
    }
}

#[test]
fn a_code_that_does_not_fit_is_cut() {
    let whole = "https://example.org/a/very/long/path/that/goes/on";
    let wide = fixtures::drawn(1_000, 300, |_, _| WHITE);
    let mut beside = wide.clone();
    image::imageops::replace(&mut beside, &fixtures::code(whole), 10, 10);
    let mut two = wide;
    image::imageops::replace(&mut two, &fixtures::code(whole), 10, 10);
    image::imageops::replace(&mut two, &fixtures::code("b"), 700, 100);
    let images = [
        ("beside.png", png(&beside)),
        ("code.png", png(&fixtures::code(whole))),
        ("two.png", png(&two)),
        ("unseen.png", png(&fixtures::code("a\u{202e}b"))),
        ("empty.png", png(&fixtures::code(" \n"))),
    ];
    for (language, max_length, item, expected) in [
        ("en", 40, "code.png", "QR code: begins with “https://example…”."),
        ("de", 40, "code.png", "QR-Code: beginnt mit „https://example…“."),
        ("en", 125, "code.png", &*format!("QR code: reads “{whole}”.")),
        ("en", 125, "unseen.png", "QR code: reads “a b”."),
        ("en", 125, "empty.png", "QR code."),
    ] {
        let image: Vec<_> = images.iter().filter(|(name, _)| *name == item).cloned().collect();
        let made = run(&image, json!({ "language": language, "max_length": max_length }), None).unwrap();
        assert_eq!(made.text(item), expected);
    }
    for (language, max_length, part, is_cut) in [
        ("en", 40, "Graphic: QR code, ", false),
        ("en", 60, "QR code that begins with “https://", true),
        ("en", 125, &*format!("QR code that reads “{whole}”"), false),
        ("de", 40, "QR-Code beginnt mit „https://…“.", true),
        ("de", 60, "QR-Code beginnt mit „https://", true),
        ("de", 125, &*format!("QR-Code mit Inhalt „{whole}“"), false),
    ] {
        let image = [images[0].clone(), images[2].clone()];
        let made = run(&image, json!({ "language": language, "max_length": max_length }), None).unwrap();
        let text = made.text("beside.png");
        assert!(text.contains(part) && text.chars().count() <= max_length, "{text}");
        assert_eq!(text.contains('…'), is_cut, "{text}");
        if max_length == 125 {
            let one = if language == "en" { "QR codes, one reads" } else { "QR-Codes, einer mit Inhalt" };
            assert!(made.text("two.png").contains(one), "{}", made.text("two.png"));
        }
    }
}

#[test]
fn agents_that_look_at_pixels_may_not_be_silent_for_long() {
    for agent in PIPELINE.agents.iter().take(2) {
        let limits = agent.policy.limits;
        assert!(limits.silence_timeout_ms.is_some_and(|ms| ms <= 120_000), "{}", agent.name);
        assert!(limits.timeout_ms.is_some_and(|ms| ms <= 600_000), "{}", agent.name);
    }
}

#[test]
fn the_same_images_give_the_same_bytes() {
    let one = run(&gallery(), json!({}), None).unwrap();
    let mut turned = gallery();
    turned.reverse();
    assert_eq!(one.files, run(&turned, json!({}), None).unwrap().files);
}
