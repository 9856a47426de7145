//! The darkroom, on pictures that are drawn here.

use std::sync::atomic::AtomicBool;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{DynamicImage, ExtendedColorType, ImageEncoder, ImageFormat, Rgb, RgbImage};
use moxcms::ColorProfile;

use crate::darkroom::bursts;
use crate::darkroom::colour::{decoded, encoded};
use crate::darkroom::develop::develop;
use crate::darkroom::examine::examine;
use crate::darkroom::negative::Negative;
use crate::darkroom::print::{Keep, PrintFormat, exif_of, print};
use crate::darkroom::recipe::{Crop, Preset, Recipe};
use crate::darkroom::small::small;
use crate::pictures::decode::{Limits, PictureError, decode, header};
use crate::pictures::fixtures;

const WHOLE: u32 = 20_000;

fn drawn(width: u32, height: u32, colour: impl Fn(u32, u32) -> [u8; 3]) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| Rgb(colour(x, y)))
}

/// Every value of every channel, and no two pixels alike in a corner.
fn chart() -> RgbImage {
    drawn(256, 24, |x, y| [x as u8, (255 - x) as u8, (y * 10 + x / 32) as u8])
}

fn developed(negative: &Negative, recipe: &Recipe, side_max: u32) -> RgbImage {
    develop(negative, recipe, side_max, 1, &AtomicBool::new(false)).unwrap()
}

fn with(pixels: &RgbImage, recipe: Recipe) -> RgbImage {
    assert_eq!(recipe.wrong(), []);
    developed(&Negative::of_srgb(pixels.clone()), &recipe, WHOLE)
}

fn opened(bytes: &[u8]) -> Negative {
    Negative::open(bytes, &Limits::default()).unwrap()
}

fn png_with(pixels: &RgbImage, profile: Option<Vec<u8>>, exif: Option<Vec<u8>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = PngEncoder::new(&mut bytes);
    profile.into_iter().for_each(|profile| encoder.set_icc_profile(profile).unwrap());
    exif.into_iter().for_each(|exif| encoder.set_exif_metadata(exif).unwrap());
    encoder.write_image(pixels.as_raw(), pixels.width(), pixels.height(), ExtendedColorType::Rgb8).unwrap();
    bytes
}

fn furthest(one: &RgbImage, other: &RgbImage) -> u8 {
    assert_eq!(one.dimensions(), other.dimensions());
    one.as_raw().iter().zip(other.as_raw()).map(|(one, other)| one.abs_diff(*other)).max().unwrap()
}

fn exif_orientation(orientation: u16) -> Vec<u8> {
    // A big-endian TIFF with one entry: tag 0x0112, one short.
    let mut bytes = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01".to_vec();
    bytes.extend(orientation.to_be_bytes());
    bytes.extend([0; 6]);
    bytes
}

#[test]
fn a_neutral_recipe_returns_the_picture() {
    let chart = chart();
    assert_eq!(with(&chart, Recipe::default()), chart);
    let negative = opened(&png_with(&chart, None, None));
    assert_eq!(developed(&negative, &Preset::Neutral.recipe(1.0), WHOLE), chart);
    // The profile of sRGB itself changes nothing either.
    let profile = ColorProfile::new_srgb().encode().unwrap();
    assert_eq!(developed(&opened(&png_with(&chart, Some(profile), None)), &Recipe::default(), WHOLE), chart);
    let sixteen = DynamicImage::ImageRgb8(chart.clone()).into_rgb16();
    let mut bytes = std::io::Cursor::new(Vec::new());
    DynamicImage::ImageRgb16(sixteen).write_to(&mut bytes, ImageFormat::Png).unwrap();
    assert_eq!(developed(&opened(bytes.get_ref()), &Recipe::default(), WHOLE), chart);
    let grey = DynamicImage::ImageRgb8(chart).into_luma8();
    let mut bytes = std::io::Cursor::new(Vec::new());
    grey.write_to(&mut bytes, ImageFormat::Png).unwrap();
    let negative = opened(bytes.get_ref());
    assert_eq!(negative.channels, 1);
    let expected = DynamicImage::ImageLuma8(grey).into_rgb8();
    assert_eq!(developed(&negative, &Recipe::default(), WHOLE), expected);
}

#[test]
fn a_stop_more_doubles_the_light() {
    let chart = chart();
    for (stops, times) in [(1.0, 2.0_f32), (-1.0, 0.5), (2.0, 4.0)] {
        let lighter = with(&chart, Recipe { exposure_ev: stops, ..Recipe::default() });
        for (before, after) in chart.as_raw().iter().zip(lighter.as_raw()) {
            let light = decoded(f32::from(*before) / 255.0) * times;
            let expected = (encoded(light.min(1.0)) * 255.0).round() as i32;
            assert!((i32::from(*after) - expected).abs() <= 1, "{before} {after} {expected}");
        }
    }
    let grey = drawn(4, 4, |_, _| [100; 3]);
    let lighter = with(&grey, Recipe { exposure_ev: 1.0, ..Recipe::default() });
    let light = |value: u8| decoded(f32::from(value) / 255.0);
    let times = light(lighter.get_pixel(0, 0)[0]) / light(100);
    assert!((times - 2.0).abs() < 0.02, "{times}");
}

#[test]
fn all_eight_orientations_come_out_upright() {
    let upright = drawn(7, 5, |x, y| [(x * 30) as u8, (y * 50) as u8, (x * 5 + y) as u8]);
    let (width, height) = upright.dimensions();
    for orientation in 1..=8_u16 {
        // EXIF names the visual side of the first row and of the first column.
        let stored =
            if orientation < 5 { RgbImage::new(width, height) } else { RgbImage::new(height, width) };
        let stored = RgbImage::from_fn(stored.width(), stored.height(), |column, row| {
            let (x, y) = match orientation {
                1 => (column, row),
                2 => (width - 1 - column, row),
                3 => (width - 1 - column, height - 1 - row),
                4 => (column, height - 1 - row),
                5 => (row, column),
                6 => (width - 1 - row, column),
                7 => (width - 1 - row, height - 1 - column),
                _ => (row, height - 1 - column),
            };
            *upright.get_pixel(x, y)
        });
        let negative = opened(&png_with(&stored, None, Some(exif_orientation(orientation))));
        assert_eq!(negative.orientation, orientation as u8);
        assert_eq!(developed(&negative, &Recipe::default(), WHOLE), upright, "orientation {orientation}");
        assert_eq!(small(&negative, WHOLE), upright, "orientation {orientation}");
        // A crop is of the picture as it is seen.
        let crop = Some(Crop { x: 1.0 / 7.0, y: 0.4, width: 3.0 / 7.0, height: 0.4 });
        let cropped = developed(&negative, &Recipe { crop, ..Recipe::default() }, WHOLE);
        let expected = image::imageops::crop_imm(&upright, 1, 2, 3, 2).to_image();
        assert_eq!(cropped, expected, "orientation {orientation}");
    }
}

#[test]
fn straightening_is_the_same_in_every_orientation() {
    let slope = (8.0_f64).to_radians().tan();
    let scene = drawn(160, 100, |x, y| {
        if f64::from(y) > 40.0 + (f64::from(x) - 80.0) * slope { [40, 90, 40] } else { [150, 180, 230] }
    });
    let recipe = Recipe { straighten_degrees: -8.0, ..Recipe::default() };
    let expected = with(&scene, recipe.clone());
    // Level: a row has one colour from end to end.
    let (width, height) = expected.dimensions();
    let level = (0..height)
        .filter(|row| {
            let value = |column: u32| i32::from(expected.get_pixel(column, *row)[2]);
            (0..width).all(|column| (value(column) - value(0)).abs() <= 24)
        })
        .count();
    assert!(level as u32 >= height - 3, "{level} of {height} rows are level");
    assert!(width < 160 && (f64::from(width) / f64::from(height) - 1.6).abs() < 0.05, "{width} {height}");
    for orientation in 2..=8_u8 {
        let mut turned = DynamicImage::ImageRgb8(scene.clone());
        // What turns it back: turns by a quarter are each other's, the others their own.
        let back = match orientation {
            6 => 8,
            8 => 6,
            other => other,
        };
        turned.apply_orientation(image::metadata::Orientation::from_exif(back).unwrap());
        let mut negative = Negative::of_srgb(turned.into_rgb8());
        negative.orientation = orientation;
        assert!(furthest(&developed(&negative, &recipe, WHOLE), &expected) <= 1, "orientation {orientation}");
    }
    // Smaller and straightened at once, and nothing but the picture: no corner of another colour.
    let white = Negative::of_srgb(drawn(300, 200, |_, _| [255; 3]));
    let turned = developed(&white, &Recipe { straighten_degrees: 20.0, ..Recipe::default() }, 60);
    assert_eq!(turned.width().max(turned.height()), 60);
    assert!(turned.as_raw().iter().all(|value| *value == 255));
}

#[test]
fn wide_gamuts_are_converted_and_not_misread() {
    // Linear Display P3 to linear sRGB, as CSS Color 4 gives it.
    const P3: [[f32; 3]; 3] =
        [[1.224_94, -0.224_94, 0.0], [-0.042_06, 1.042_06, 0.0], [-0.019_64, -0.078_64, 1.098_27]];
    let colours = [[200, 100, 80], [90, 160, 90], [128, 128, 128], [255, 255, 255], [60, 80, 190]];
    let pixels = drawn(5, 1, |x, _| colours[x as usize]);
    let expect = |matrix: [[f32; 3]; 3], curve: fn(f32) -> f32| {
        drawn(5, 1, |x, _| {
            let light = colours[x as usize].map(|value| curve(f32::from(value) / 255.0));
            matrix.map(|row| {
                let light: f32 = row.iter().zip(light).map(|(cell, light)| cell * light).sum();
                (encoded(light.clamp(0.0, 1.0)) * 255.0).round() as u8
            })
        })
    };
    let read = |profile: ColorProfile| opened(&png_with(&pixels, Some(profile.encode().unwrap()), None));
    let p3 = read(ColorProfile::new_display_p3());
    assert_eq!(p3.colour.name, "Display P3");
    let print = developed(&p3, &Recipe::default(), WHOLE);
    assert!(furthest(&print, &expect(P3, decoded)) <= 1, "{print:?}");
    assert!(furthest(&print, &pixels) > 10, "it was not taken for sRGB");
    assert!(furthest(&small(&p3, WHOLE), &print) <= 1);
    // Adobe RGB (1998), 4.3.1.2 and 4.3.5; through XYZ to sRGB.
    const ADOBE: [[f32; 3]; 3] = [[1.398_36, -0.398_36, 0.0], [0.0, 1.0, 0.0], [0.0, -0.042_93, 1.042_93]];
    let adobe = read(ColorProfile::new_adobe_rgb());
    let print = developed(&adobe, &Recipe::default(), WHOLE);
    assert!(furthest(&print, &expect(ADOBE, |value| value.powf(2.199_218_8))) <= 1, "{print:?}");
    // The same in a JPEG: the profile is read from there too.
    let mut jpeg = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut jpeg, 100);
    encoder.set_icc_profile(ColorProfile::new_display_p3().encode().unwrap()).unwrap();
    let plain = drawn(16, 16, |_, _| [200, 100, 80]);
    encoder.write_image(plain.as_raw(), 16, 16, ExtendedColorType::Rgb8).unwrap();
    let print = developed(&opened(&jpeg), &Recipe::default(), WHOLE);
    let expected = expect(P3, decoded).get_pixel(0, 0).0;
    let near = print.get_pixel(8, 8).0.iter().zip(expected).all(|(one, other)| one.abs_diff(other) <= 3);
    assert!(near, "{:?} {expected:?}", print.get_pixel(8, 8));
    // A profile that cannot be read costs its colours and not the photo.
    let broken = opened(&png_with(&pixels, Some(vec![7; 200]), None));
    assert!(broken.colour.ignored.as_deref().unwrap().contains("cannot be read"));
    assert_eq!(developed(&broken, &Recipe::default(), WHOLE), pixels);
}

#[test]
fn fewer_pixels_keep_the_light() {
    // Half of the light of white is not the middle of its numbers.
    let checks = drawn(120, 80, |x, y| if (x + y) % 2 == 0 { [255; 3] } else { [0; 3] });
    let negative = Negative::of_srgb(checks);
    for copy in [developed(&negative, &Recipe::default(), 30), small(&negative, 30)] {
        assert_eq!(copy.dimensions(), (30, 20));
        assert!(copy.as_raw().iter().all(|value| value.abs_diff(188) <= 2), "{:?}", copy.get_pixel(9, 9));
    }
    let plain = Negative::of_srgb(drawn(101, 67, |_, _| [200, 100, 50]));
    let copy = developed(&plain, &Recipe::default(), 50);
    assert_eq!(copy.dimensions(), (50, 33));
    assert!(copy.pixels().all(|pixel| pixel.0 == [200, 100, 50]));
    // Nothing is enlarged.
    assert_eq!(developed(&plain, &Recipe::default(), 500).dimensions(), (101, 67));
}

#[test]
fn bands_side_by_side_make_the_same_picture() {
    let scene = DynamicImage::ImageRgba8(fixtures::grainy(300, 400, 3)).into_rgb8();
    let negative = Negative::of_srgb(scene);
    let turned = Recipe { straighten_degrees: 3.0, ..Preset::Vivid.recipe(0.0) };
    for recipe in [Recipe::default(), Preset::Vivid.recipe(0.0), turned] {
        for side in [WHOLE, 333] {
            let alone = developed(&negative, &recipe, side);
            let bands = develop(&negative, &recipe, side, 4, &AtomicBool::new(false)).unwrap();
            assert!(alone == bands, "{recipe:?} {side}");
        }
    }
    assert_eq!(develop(&negative, &Recipe::default(), WHOLE, 2, &AtomicBool::new(true)), None);
}

#[test]
fn each_part_of_a_recipe_does_its_work() {
    let chart = chart();
    let grey = with(&chart, Recipe { saturation: -100.0, ..Recipe::default() });
    assert!(grey.pixels().all(|pixel| pixel[0] == pixel[1] && pixel[1] == pixel[2]));
    // Contrast keeps black, middle and white, and moves what lies between away from the middle.
    let ramp = drawn(256, 1, |x, _| [x as u8; 3]);
    let more = with(&ramp, Recipe { contrast: 50.0, ..Recipe::default() });
    let less = with(&ramp, Recipe { contrast: -50.0, ..Recipe::default() });
    let at = |picture: &RgbImage, x: u32| picture.get_pixel(x, 0)[0];
    assert_eq!((at(&more, 0), at(&more, 255), at(&less, 0), at(&less, 255)), (0, 255, 0, 255));
    assert!(at(&more, 127).abs_diff(127) <= 1 && at(&less, 128).abs_diff(128) <= 1);
    assert!(at(&more, 64) < 54 && at(&more, 192) > 202 && at(&less, 64) > 74 && at(&less, 192) < 182);
    assert!((1..256).all(|x| at(&more, x) >= at(&more, x - 1)));
    // A light that is named corrects what it did: tungsten makes bluer. Grey keeps its luminance.
    let plain = drawn(8, 8, |_, _| [120; 3]);
    let balanced = |recipe| with(&plain, recipe).get_pixel(4, 4).0;
    let [r, _, b] = balanced(Recipe { temperature_k: 3_200.0, ..Recipe::default() });
    assert!(r < 100 && b > 150, "{r} {b}");
    let [r, g, b] = balanced(Recipe { temperature_k: 9_000.0, ..Recipe::default() });
    assert!(r > 125 && b < 115 && g.abs_diff(120) < 6, "{r} {g} {b}");
    let [r, g, b] = balanced(Recipe { tint: 60.0, ..Recipe::default() });
    assert!(g < 119 && r > 124 && b > 124, "{r} {g} {b}");
    // Sharpening raises edges and leaves what is plain.
    let edge = drawn(40, 40, |x, _| if x < 20 { [90; 3] } else { [150; 3] });
    let sharp = with(&edge, Recipe { sharpen_percent: 100.0, ..Recipe::default() });
    let value = |x: u32| sharp.get_pixel(x, 20)[0];
    assert_eq!((value(2), value(37)), (90, 150));
    assert!(value(19) < 85 && value(20) > 155, "{} {}", value(19), value(20));
}

#[test]
fn recipes_are_held_to_their_ranges() {
    for preset in Preset::ALL {
        assert_eq!(preset.recipe(1.5).wrong(), [], "{preset:?}");
        assert_eq!(Preset::find(preset.as_str()), Some(preset));
        let text = serde_json::to_string(&preset.recipe(0.5)).unwrap();
        assert_eq!(serde_json::from_str::<Recipe>(&text).unwrap(), preset.recipe(0.5));
    }
    assert_eq!(serde_json::to_string(&Preset::BlackAndWhite).unwrap(), "\"black-and-white\"");
    assert_eq!(Preset::Auto.recipe(0.75).words(), "exposure +0.75 EV");
    let wrong = |text: &str| serde_json::from_str::<Recipe>(text).map(|recipe| recipe.wrong());
    assert_eq!(wrong("{}").unwrap(), []);
    for (text, field) in [
        ("{\"exposure_ev\": 5.1}", "exposure_ev"),
        ("{\"temperature_k\": 100}", "temperature_k"),
        ("{\"contrast\": -101}", "contrast"),
        ("{\"crop\": {\"x\": 0.5, \"y\": 0, \"width\": 0.6, \"height\": 1}}", "crop"),
        ("{\"crop\": {\"x\": 0, \"y\": 0, \"width\": 0, \"height\": 1}}", "crop"),
    ] {
        let wrong = wrong(text).unwrap();
        assert_eq!((wrong.len(), wrong[0].0), (1, field), "{text}");
    }
    assert!(wrong("{\"exposure\": 1}").is_err());
}

#[test]
fn damage_in_the_middle_of_a_jpeg_is_told() {
    let scene = fixtures::grainy(320, 240, 5);
    let whole = fixtures::encoded(&scene, ImageFormat::Jpeg);
    assert!(Negative::open(&whole, &Limits::default()).is_ok());
    let refused = |bytes: &[u8]| Negative::open(bytes, &Limits::default()).map(drop).unwrap_err();
    assert_eq!(refused(&whole[..whole.len() / 2]), PictureError::Truncated);
    for part in [4, 3, 2] {
        let mut broken = whole.clone();
        let from = whole.len() / part;
        let mut state = 7_u32;
        broken[from..from + 600].fill_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        });
        assert!(matches!(refused(&broken), PictureError::Damaged(_)), "{part}");
    }
    assert_eq!(refused(b"no picture"), PictureError::Unknown);
    assert_eq!(refused(b""), PictureError::Empty);
}

#[test]
fn a_horizon_is_measured_and_not_made_up() {
    for tilt in [-6.0_f64, -2.0, 0.0, 3.5] {
        let slope = tilt.to_radians().tan();
        let scene = drawn(600, 400, |x, y| {
            let below = f64::from(y) - 180.0 - (f64::from(x) - 300.0) * slope;
            let share = (below + 0.5).clamp(0.0, 1.0);
            let mix = |sky: f64, sea: f64| (sky + (sea - sky) * share) as u8;
            [mix(190.0, 30.0), mix(210.0, 60.0), mix(240.0, 90.0)]
        });
        let found = examine(&Negative::of_srgb(scene.clone()), &scene).horizon.unwrap();
        assert!((found.tilt_degrees - tilt).abs() <= 0.3, "{tilt} {found:?}");
    }
    let scene = DynamicImage::ImageRgba8(fixtures::grainy(300, 200, 3)).into_rgb8();
    for none in [scene, drawn(200, 200, |_, _| [9; 3])] {
        assert_eq!(examine(&Negative::of_srgb(none.clone()), &none).horizon, None);
    }
}

#[test]
fn focus_noise_and_exposure_are_measured() {
    let of = |scene: &RgbImage| {
        let negative = Negative::of_srgb(scene.clone());
        examine(&negative, &small(&negative, 320))
    };
    let scene = DynamicImage::ImageRgba8(fixtures::grainy(600, 400, 3)).into_rgb8();
    let checks = drawn(600, 400, |x, y| if (x / 9 + y / 9) % 2 == 0 { [60; 3] } else { [180; 3] });
    let soft = DynamicImage::ImageRgb8(checks.clone()).blur(2.0).into_rgb8();
    assert!(of(&checks).detail > 4.0 * of(&soft).detail, "{} {}", of(&checks).detail, of(&soft).detail);
    // Even noise of thirteen levels has a standard deviation of 3.74; three channels mixed by luminance leave 2.85 of it.
    assert!((of(&scene).noise - 2.85).abs() < 0.6, "{}", of(&scene).noise);
    assert!(of(&drawn(300, 200, |x, y| [(x / 3 + y / 4) as u8; 3])).noise < 0.5);
    let dark = drawn(200, 200, |x, _| [20 + (x / 10) as u8; 3]);
    let suggested = of(&dark).suggested_ev;
    assert_eq!(suggested, 1.5);
    let lighter = of(&with(&dark, Preset::Auto.recipe(suggested))).tone.unwrap();
    assert!(lighter.median > of(&dark).tone.unwrap().median + 10.0);
    // What is burnt is not made lighter though most of it is dark.
    let window = drawn(200, 200, |x, _| if x < 30 { [255; 3] } else { [50; 3] });
    let measured = of(&window);
    assert_eq!(measured.suggested_ev, 0.0);
    assert!((measured.tone.unwrap().clipped_light - 0.15).abs() < 0.01);
    assert_eq!(bursts::bursts(Vec::new()), []);
}

#[test]
fn prints_carry_profile_and_wanted_metadata() {
    let scene = DynamicImage::ImageRgba8(fixtures::grainy(64, 40, 3)).into_rgb8();
    let camera = fixtures::jpeg_of_camera(&fixtures::grainy(64, 40, 3), 6);
    let raw = header(&camera, &Limits::default()).unwrap().exif;
    for (format, loss) in [(PrintFormat::Jpeg, 40), (PrintFormat::Png, 0), (PrintFormat::Webp, 0)] {
        for keep in [Keep::All, Keep::AllButPlace, Keep::Nothing] {
            let exif = exif_of(raw.as_deref(), keep, 64, 40);
            let bytes = print(&scene, format, 92, exif).unwrap();
            let found = header(&bytes, &Limits::default()).unwrap();
            let profile = ColorProfile::new_from_slice(&found.profile.unwrap()).unwrap();
            assert!(profile.is_matrix_shaper());
            assert_eq!(profile.creation_date_time.year, 2024, "no clock is in a print");
            assert_eq!((found.orientation, found.width, found.height), (1, 64, 40));
            let kept = keep != Keep::Nothing;
            assert_eq!(found.metadata.make.is_some(), kept, "{format:?} {keep:?}");
            assert_eq!(found.metadata.taken_at.is_some(), kept);
            assert_eq!(found.metadata.has_place, keep == Keep::All, "{format:?} {keep:?}");
            let picture = decode(&bytes, &Limits::default()).unwrap();
            let pixels = DynamicImage::ImageRgba8(picture.pixels).into_rgb8();
            assert!(furthest(&pixels, &scene) <= loss, "{format:?}");
        }
    }
    assert_eq!(exif_of(None, Keep::All, 1, 1), None);
    assert_eq!(exif_of(Some(b"no exif"), Keep::All, 1, 1), None);
}
