//! Everything that is measured, on pictures of which everything is known.

use image::{DynamicImage, ImageFormat};

use crate::pictures::class::{Class, Texture, classify};
use crate::pictures::codes;
use crate::pictures::colour::{ColourName, Named, Oklab};
use crate::pictures::describe::{DescribeError, describe};
use crate::pictures::fixtures::{self, BLACK, BLUE, GREEN, RED, WHITE, png};
use crate::pictures::hash::LookHash;
use crate::pictures::layout::{Layout, Position, Shape};
use crate::pictures::sharpness::{Level, Sharpness};
use crate::pictures::tone::{Brightness, Tone};
use crate::pictures::{Format, Limits, Picture, PictureError, decode};

fn decoded(bytes: &[u8]) -> Picture {
    decode(bytes, &Limits::default()).unwrap()
}

fn layout(pixels: &image::RgbaImage) -> Layout {
    Layout::of(&Named::of(pixels))
}

fn class(bytes: &[u8]) -> Class {
    let picture = decoded(bytes);
    let layout = layout(&picture.pixels);
    let codes = codes::find(&picture.pixels).unwrap();
    classify(Texture::of(&picture.pixels), &layout, &codes, &picture.metadata).class
}

#[test]
fn colours_have_the_names_that_people_give_them() {
    use ColourName::*;
    for (hex, expected) in [
        ("000000", Black),
        ("1a1a1a", Black),
        ("404040", DarkGrey),
        ("808080", Grey),
        ("c0c0c0", LightGrey),
        ("ffffff", White),
        ("ff0000", Red),
        ("dc143c", Red),
        ("800000", DarkRed),
        ("ffa500", Orange),
        ("ff7f50", Orange),
        ("8b4513", Brown),
        ("f5f5dc", White),
        ("d2b48c", Beige),
        ("ffff00", Yellow),
        ("ffd700", Yellow),
        ("808000", Olive),
        ("00ff00", Green),
        ("008000", Green),
        ("228b22", Green),
        ("006400", Green),
        ("003300", DarkGreen),
        ("90ee90", LightGreen),
        ("00ffff", Turquoise),
        ("40e0d0", Turquoise),
        ("008080", Teal),
        ("0000ff", Blue),
        ("4169e1", Blue),
        ("000080", DarkBlue),
        ("87ceeb", LightBlue),
        ("800080", Purple),
        ("4b0082", Purple),
        ("ff00ff", Magenta),
        ("ffc0cb", Pink),
        ("ff69b4", Pink),
    ] {
        let rgb = [0, 2, 4].map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap());
        let colour = Oklab::of(rgb);
        assert_eq!(
            ColourName::of(colour),
            expected,
            "#{hex} {colour:?} c {} h {}",
            colour.chroma(),
            colour.hue()
        );
    }
}

#[test]
fn shares_and_values_of_colours_are_exact() {
    let shares = Named::of(&fixtures::halves(RED, BLUE)).shares();
    let told: Vec<_> = shares.iter().map(|share| (share.name, share.hex.as_str(), share.share)).collect();
    assert_eq!(told, [(ColourName::Red, "#dc1414", 0.5), (ColourName::Blue, "#1428dc", 0.5)]);
    // A picture that is larger than what is sampled has no colours that it does not have.
    let stripes = fixtures::drawn(4_000, 30, |x, _| if x % 2 == 0 { BLACK } else { WHITE });
    assert!(
        Named::of(&stripes)
            .shares()
            .iter()
            .all(|share| matches!(share.name, ColourName::Black | ColourName::White))
    );
}

#[test]
fn layouts() {
    let plain = layout(&fixtures::plain(GREEN));
    assert_eq!((plain.uniform, plain.region_count), (Some(ColourName::Green), 0));
    let halves = layout(&fixtures::halves(RED, BLUE));
    assert_eq!(halves.halves_across, Some([ColourName::Red, ColourName::Blue]));
    assert_eq!((halves.halves_down, halves.background, halves.uniform), (None, None, None));
    assert!(halves.mirrored_down && !halves.mirrored_across);
    let disc = layout(&fixtures::disc(RED, WHITE));
    assert_eq!((disc.background, disc.region_count), (Some(ColourName::White), 1));
    assert_eq!((disc.regions[0].shape, disc.regions[0].position), (Some(Shape::Circle), Position::Centre));
    assert!((disc.regions[0].share - 0.196).abs() < 0.01 && disc.mirrored_across && disc.mirrored_down);
    let square = layout(&fixtures::square(BLUE, BLACK));
    assert_eq!((square.regions[0].colour, square.regions[0].shape), (ColourName::Blue, Some(Shape::Square)));
    assert_eq!((square.regions[0].position, square.mirrored_across), (Position::TopLeft, false));
    let framed =
        layout(&fixtures::drawn(
            100,
            100,
            |x, y| {
                if x.min(y).min(99 - x).min(99 - y) < 8 { BLACK } else { RED }
            },
        ));
    assert!(framed.framed);
    // Nothing is claimed of a picture without order.
    let grainy = layout(&fixtures::grainy(200, 150, 7));
    assert_eq!(
        (grainy.uniform, grainy.background, grainy.halves_across, grainy.framed),
        (None, None, None, false)
    );
    assert!(grainy.regions.iter().all(|region| region.shape.is_none()), "{:?}", grainy.regions);
    // A disc that is wider than high, and an L, are no circle and no square.
    let other = layout(&fixtures::drawn(200, 100, |x, y| {
        let (dx, dy) = ((f64::from(x) - 99.5) / 80.0, (f64::from(y) - 49.5) / 35.0);
        if dx.hypot(dy) < 1.0 { RED } else { WHITE }
    }));
    assert_eq!(other.regions[0].shape, None);
}

#[test]
fn tone_says_what_light_there_is() {
    let of = |colour: [u8; 3]| Tone::of(&fixtures::plain(colour)).unwrap();
    assert_eq!(
        (of(BLACK).brightness(), of(BLACK).clipped_dark, of(BLACK).mean),
        (Brightness::VeryDark, 1.0, 0.0)
    );
    assert_eq!((of(WHITE).brightness(), of(WHITE).clipped_light), (Brightness::VeryBright, 1.0));
    // Middle grey: L* of sRGB 119 is 50.
    assert!((of([119; 3]).mean - 50.0).abs() < 0.2, "{}", of([119; 3]).mean);
    assert_eq!(of([119; 3]).brightness(), Brightness::Medium);
    assert!(of([119; 3]).is_colourless() && !of(RED).is_colourless());
    let halves = Tone::of(&fixtures::halves(BLACK, WHITE)).unwrap();
    assert!(
        (halves.contrast - 50.0).abs() < 0.1 && (halves.p95 - halves.p5 - 100.0).abs() < 0.1,
        "{halves:?}"
    );
    assert_eq!(Tone::of(&image::RgbaImage::new(4, 4)), None);
}

#[test]
fn sharpness_falls_with_blur_and_is_not_claimed_without_detail() {
    let checks = fixtures::drawn(300, 300, |x, y| if (x / 12 + y / 12) % 2 == 0 { BLACK } else { WHITE });
    let sharp = Sharpness::of(&checks);
    assert_eq!(sharp.level, Level::Sharp, "{sharp:?}");
    let blurred = DynamicImage::ImageRgba8(checks).blur(6.0).into_rgba8();
    let blurred = Sharpness::of(&blurred);
    assert_eq!(blurred.level, Level::Blurred, "{blurred:?}");
    assert_eq!(Sharpness::of(&fixtures::plain(RED)).level, Level::NoDetail);
}

#[test]
fn codes_are_read_and_others_are_not_seen() {
    let found = codes::find(&fixtures::code("https://example.org/a?b=1")).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].text, "https://example.org/a?b=1");
    assert!(found[0].place[2] > 0.6 && found[0].place[0] > 0.05, "{found:?}");
    for none in [fixtures::page(), fixtures::grainy(300, 200, 3), fixtures::plain(BLACK)] {
        assert_eq!(codes::find(&none), Ok(Vec::new()));
    }
}

#[test]
fn a_search_for_codes_has_an_end() {
    // A finder pattern is a ring of one module around a square of three, with one module between.
    let ring = |at: u32| matches!(at % 8, 0 | 6);
    let stone = |at: u32| (2..5).contains(&(at % 8));
    let finders = |width, height| {
        fixtures::drawn(width, height, move |x, y| {
            let inside = x % 8 < 7 && y % 8 < 7;
            if inside && (ring(x) || ring(y) || stone(x) && stone(y)) { BLACK } else { WHITE }
        })
    };
    assert_eq!(codes::find(&finders(480, 480)), Err(codes::TooMuch));
    // The same pattern as bars: more areas than the searcher remembers, looked at anew in every row.
    let bars = fixtures::drawn(1_600, 300, |x, _| if ring(x) || stone(x) { BLACK } else { WHITE });
    assert_eq!(codes::find(&bars), Err(codes::TooMuch));
    // Some finder patterns are no reason to give up, and no code.
    assert_eq!(codes::find(&finders(24, 24)), Ok(Vec::new()));
}

#[test]
fn what_a_search_may_cost_is_no_limit_for_ordinary_pictures() {
    let codes: Vec<_> = (0..16).map(|n| fixtures::code(&format!("https://example.org/{n:02}"))).collect();
    let side = codes[0].width();
    let page = fixtures::drawn(side * 4, side * 4, |x, y| {
        let [r, g, b, _] = codes[(y / side * 4 + x / side) as usize].get_pixel(x % side, y % side).0;
        [r, g, b]
    });
    // The same as without bounds; neighbours in a grid confuse the searcher, so it is not all of them.
    let grey = DynamicImage::ImageRgba8(page.clone()).into_luma8();
    let (width, raw) = (grey.width() as usize, grey.as_raw());
    let mut prepared = rqrr::PreparedImage::prepare_from_greyscale(width, width, |x, y| raw[y * width + x]);
    let mut unbounded: Vec<String> =
        prepared.detect_grids().iter().filter_map(|grid| Some(grid.decode().ok()?.1)).collect();
    unbounded.sort();
    let (found, cost) = codes::search(&page);
    let mut texts: Vec<String> = found.unwrap().into_iter().map(|code| code.text).collect();
    texts.sort();
    assert!(!texts.is_empty() && texts == unbounded, "{texts:?} {unbounded:?}");
    assert!(cost < 0.5, "{cost}");
    let large = "https://example.org/".to_owned() + &"path/".repeat(300);
    for (ordinary, count) in [
        (fixtures::code(&large), 1),
        (fixtures::page(), 0),
        (fixtures::grainy(1_600, 1_200, 3), 0),
        (fixtures::plain(BLACK), 0),
        (fixtures::disc(RED, WHITE), 0),
    ] {
        let (found, cost) = codes::search(&ordinary);
        assert_eq!(found.map(|codes| codes.len()), Ok(count));
        assert!(cost < 0.2, "{cost}");
    }
}

#[test]
fn classes() {
    assert_eq!(class(&png(&fixtures::plain(RED))), Class::Plain);
    assert_eq!(class(&png(&fixtures::disc(RED, WHITE))), Class::Graphic);
    assert_eq!(class(&png(&fixtures::halves(RED, BLUE))), Class::Graphic);
    assert_eq!(class(&png(&fixtures::page())), Class::Document);
    assert_eq!(class(&png(&fixtures::code("x"))), Class::Code);
    assert_eq!(class(&png(&fixtures::grainy(320, 240, 5))), Class::Photo);
    assert_eq!(class(&fixtures::jpeg_of_camera(&fixtures::grainy(320, 240, 5), 1)), Class::Photo);
    // A photo out of focus has neither grain nor few colours: nothing is claimed.
    let soft = DynamicImage::ImageRgba8(fixtures::grainy(480, 320, 5)).blur(6.0).into_rgba8();
    assert_eq!(class(&fixtures::encoded(&soft, ImageFormat::Jpeg)), Class::Unknown);
    assert_eq!(class(&fixtures::encoded(&fixtures::disc(RED, WHITE), ImageFormat::Jpeg)), Class::Graphic);
    // A smooth ramp is neither.
    assert_eq!(class(&png(&fixtures::drawn(256, 256, |x, y| [x as u8, y as u8, 90]))), Class::Unknown);
}

#[test]
fn what_a_camera_says_is_read_and_its_orientation_applied() {
    let halves = fixtures::halves(RED, BLUE);
    let picture = decoded(&fixtures::jpeg_of_camera(&halves, 6));
    // Turned by a quarter to the right, what was left is on top.
    assert_eq!((picture.pixels.dimensions(), picture.orientation), ((100, 200), 6));
    assert_eq!(layout(&picture.pixels).halves_down, Some([ColourName::Red, ColourName::Blue]));
    let told = &picture.metadata;
    assert_eq!((told.make.as_deref(), told.model.as_deref()), (Some("Lichtwerk"), Some("L 1")));
    assert_eq!(told.taken_at.as_deref(), Some("2024-05-01 12:30:00"));
    assert_eq!((told.exposure_s, told.f_number, told.iso), (Some(0.008), Some(2.8), Some(200)));
    assert!(told.has_place && told.is_of_camera());
}

#[test]
fn formats_by_content() {
    let halves = fixtures::halves(RED, BLUE);
    for (format, expected) in [
        (ImageFormat::Png, Format::Png),
        (ImageFormat::Jpeg, Format::Jpeg),
        (ImageFormat::WebP, Format::Webp),
        (ImageFormat::Gif, Format::Gif),
    ] {
        let picture = decoded(&fixtures::encoded(&halves, format));
        assert_eq!(
            (picture.format, picture.pixels.dimensions(), picture.animated),
            (expected, (200, 100), false)
        );
        assert_eq!(
            layout(&picture.pixels).halves_across,
            Some([ColourName::Red, ColourName::Blue]),
            "{format:?}"
        );
    }
    let mut moving = Vec::new();
    {
        let mut encoder = image::codecs::gif::GifEncoder::new(&mut moving);
        let frames = [RED, BLUE].map(|colour| image::Frame::new(fixtures::plain(colour)));
        encoder.encode_frames(frames).unwrap();
    }
    let moving = decoded(&moving);
    assert!(moving.animated);
    assert_eq!(layout(&moving.pixels).uniform, Some(ColourName::Red), "the first frame");
}

#[test]
fn hostile_files_are_refused_with_a_reason() {
    let limits = Limits { bytes_max: 1 << 20, pixels_max: 1_000_000, side_max: 4_000 };
    let refused = |bytes: &[u8]| decode(bytes, &limits).unwrap_err();
    let grainy = fixtures::grainy(200, 150, 1);
    assert_eq!(refused(b""), PictureError::Empty);
    assert_eq!(refused(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), PictureError::Unknown);
    assert_eq!(refused(b"just some words"), PictureError::Unknown);
    assert_eq!(
        refused(&vec![0; (1 << 20) + 1]),
        PictureError::TooManyBytes { bytes: (1 << 20) + 1, max: 1 << 20 }
    );
    for (width, height) in [(60_000, 60_000), (5_000, 10), (1_001, 1_000)] {
        assert!(
            matches!(refused(&fixtures::bomb(width, height)), PictureError::TooManyPixels { width: w, height: h, .. } if (w, h) == (width, height))
        );
    }
    let jpeg = fixtures::encoded(&grainy, ImageFormat::Jpeg);
    assert_eq!(refused(&jpeg[..jpeg.len() / 2]), PictureError::Truncated);
    assert_eq!(refused(&jpeg[..20]), PictureError::Truncated);
    // The thumbnail of a camera has an end mark of its own.
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Gif] {
        let whole = fixtures::encoded(&grainy, format);
        for part in [whole.len() / 2, whole.len() / 3, 30] {
            let error = refused(&whole[..part]);
            assert!(
                matches!(error, PictureError::Truncated | PictureError::Damaged(_)),
                "{format:?} {part}: {error}"
            );
        }
    }
}

#[test]
fn a_changed_byte_gives_a_picture_or_a_reason() {
    let limits = Limits { bytes_max: 1 << 20, pixels_max: 1_000_000, side_max: 4_000 };
    let disc = fixtures::disc(RED, WHITE);
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Gif] {
        let whole = fixtures::encoded(&disc, format);
        // Every part of a PNG has a check sum, save the last chunk, which says nothing.
        let checked = if format == ImageFormat::Png { whole.len() - 12 } else { 0 };
        let mut refused = 0;
        for place in (0..whole.len()).step_by(whole.len() / 60 + 1) {
            let mut changed = whole.clone();
            changed[place] ^= 0x5A;
            match decode(&changed, &limits) {
                Ok(picture) => {
                    let (width, height) = picture.pixels.dimensions();
                    assert!(place >= checked, "{format:?}: byte {place} of {} was let pass", whole.len());
                    assert!(width.max(height) <= 4_000 && u64::from(width) * u64::from(height) <= 1_000_000);
                }
                Err(error) => {
                    refused += 1;
                    let gave_up = PictureError::Damaged("its decoder gave up".to_owned());
                    assert!(error != PictureError::Empty && error != gave_up, "{format:?} {place}: {error}");
                }
            }
        }
        assert!(refused > 0, "{format:?}: no change was noticed");
    }
}

#[test]
fn a_colour_profile_that_unfolds_into_too_much_is_not_unfolded() {
    let of = |profile_bytes: usize| {
        use image::ImageEncoder;
        let (red, mut file) = (fixtures::plain(RED), Vec::new());
        let mut encoder = image::codecs::png::PngEncoder::new(&mut file);
        encoder.set_icc_profile(vec![0; profile_bytes]).unwrap();
        encoder.write_image(red.as_raw(), 120, 80, image::ExtendedColorType::Rgba8).unwrap();
        assert!(file.len() < profile_bytes / 100, "{}", file.len());
        decoded(&file)
    };
    assert!(of(1 << 20).metadata.colour_profile);
    let large = of(80 << 20);
    assert!(!large.metadata.colour_profile && !large.animated);
    assert_eq!(large.pixels.dimensions(), (120, 80));
}

#[test]
fn a_frame_that_claims_more_than_its_picture_costs_nothing() {
    let mut gif = fixtures::encoded(&fixtures::plain(RED), ImageFormat::Gif);
    assert_eq!(gif.pop(), Some(0x3B));
    // Place, size, flags; the size of a code; blocks; the end.
    gif.extend([0x2C, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0, 2, 2, 0x4C, 1, 0, 0x3B]);
    let picture = decoded(&gif);
    assert!(picture.animated);
    assert_eq!(picture.pixels.dimensions(), (120, 80));
    assert_eq!(layout(&picture.pixels).uniform, Some(ColourName::Red));
}

#[test]
fn descriptions_are_written_and_read_back_and_pixels_stay() {
    let halves = fixtures::halves(RED, BLUE);
    let text = "Rot links, Blau rechts: \"<a&b>\" – größer";
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP] {
        let before = fixtures::encoded(&halves, format);
        let once = describe(&before, "something else", "en").unwrap();
        let written = describe(&once, text, "de").unwrap();
        let picture = decoded(&written);
        assert_eq!(picture.metadata.description.as_deref(), Some(text), "{format:?}");
        assert_eq!(picture.pixels, decoded(&before).pixels, "{format:?}");
        let packet = String::from_utf8_lossy(&written);
        assert_eq!(packet.matches("<dc:description").count(), 1, "{format:?}: the one before is gone");
        assert!(packet.contains("xml:lang=\"de\""));
    }
    let camera = describe(&fixtures::jpeg_of_camera(&halves, 6), text, "de").unwrap();
    let camera = decoded(&camera).metadata;
    assert_eq!((camera.make.as_deref(), camera.description.as_deref()), (Some("Lichtwerk"), Some(text)));
    let png = describe(&png(&halves), text, "de").unwrap();
    let plain = ["Description\0\0\0de\0\0", text].concat();
    assert!(
        png.windows(plain.len()).any(|window| window == plain.as_bytes()),
        "as plain text beside the XMP"
    );
    let gif = fixtures::encoded(&halves, ImageFormat::Gif);
    assert_eq!(describe(&gif, text, "de"), Err(DescribeError::Format));
    assert_eq!(describe(&png, &"x".repeat(2_000), "de"), Err(DescribeError::TooLong(2_000)));
    assert!(describe(&png[..40], text, "de").is_err());
}

/// A PNG with an XMP packet.
fn with_xmp(packet: &str) -> Vec<u8> {
    let plain = png(&fixtures::halves(RED, BLUE));
    let mut file = img_parts::png::Png::from_bytes(plain.into()).unwrap();
    let contents = [b"XML:com.adobe.xmp\0\0\0\0\0".as_slice(), packet.as_bytes()].concat();
    let chunk = img_parts::png::PngChunk::new(*b"iTXt", contents.into());
    file.chunks_mut().insert(1, chunk);
    file.encoder().bytes().to_vec()
}

#[test]
fn descriptions_of_others_go_and_all_else_stays() {
    let packet = |inside: &str| format!("<rdf:RDF><rdf:Description>{inside}</rdf:Description></rdf:RDF>");
    let kept = "<dc:descriptionSource a='>'>camera</dc:descriptionSource>";
    let old = "<dc:description><rdf:Alt><rdf:li>old</rdf:li></rdf:Alt></dc:description>";
    for inside in [
        format!("{kept}{old}"),
        format!("<dc:description/>{kept}{old}{old}"),
        format!("<dc:description xml:lang='>' />{kept}"),
    ] {
        let written = describe(&with_xmp(&packet(&inside)), "new", "en").unwrap();
        let shown = String::from_utf8_lossy(&written);
        assert!(shown.contains(kept) && !shown.contains("old"), "{inside}");
        assert_eq!(shown.matches("<dc:description ").count(), 1, "{inside}");
        assert_eq!(decoded(&written).metadata.description.as_deref(), Some("new"), "{inside}");
    }
    // What is named alike is no description.
    let source = "<dc:descriptionSource><rdf:li>camera</rdf:li></dc:descriptionSource>";
    assert_eq!(decoded(&with_xmp(&packet(source))).metadata.description, None);
    assert_eq!(describe(&with_xmp(&packet("<dc:description>")), "new", "en"), Err(DescribeError::Xmp));
    let long = packet(&"<dc:description/>".repeat(70_000));
    assert_eq!(describe(&with_xmp(&long), "new", "en"), Err(DescribeError::XmpTooLong(long.len())));
    let fits = packet(&"<dc:description/>".repeat(60_000));
    assert!(describe(&with_xmp(&fits), "new", "en").unwrap().len() < 10_000);
}

#[test]
fn pictures_that_look_alike_have_hashes_that_are_close() {
    let picture = fixtures::grainy(320, 240, 9);
    let smaller = DynamicImage::ImageRgba8(picture.clone()).thumbnail(160, 120).into_rgba8();
    let hash = LookHash::of(&picture);
    assert!(hash.distance(LookHash::of(&smaller)) <= 4);
    assert!(hash.distance(LookHash::of(&fixtures::halves(RED, BLUE))) > 12);
    assert_eq!(hash.to_string().len(), 16);
}
