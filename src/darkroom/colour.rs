//! What the numbers of a file mean as light: the curve of each channel and the colours of its primaries, from the ICC
//! profile that it carries. Light is linear, with the primaries and the white of sRGB, and knows no bounds: a colour that
//! sRGB cannot show has a negative share until it is printed.

use moxcms::{ColorProfile, DataColorSpace, Layout, ProfileText, TransformOptions};

use crate::pictures::colour::linear;

/// Three by three numbers that turn light into light.
pub type Matrix = [[f32; 3]; 3];

/// The matrix that changes nothing.
pub const SAME: Matrix = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];

/// Shares of the relative luminance of sRGB light (ITU-R BT.709).
pub const LUMINANCE: [f32; 3] = [0.2126, 0.7152, 0.0722];

/// A profile whose matrix and curves differ from those of sRGB by no more than this is sRGB.
const IS_SRGB: f32 = 0.002;

/// Numbers of a file, of eight or sixteen bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Samples {
    /// 0 to 255.
    Eight(Vec<u8>),
    /// 0 to 65535.
    Sixteen(Vec<u16>),
}

/// What the numbers of a file mean.
#[derive(Clone, Debug)]
pub struct InputColour {
    /// The light of each number, by channel: 256 or 65536 of them.
    pub curves: [Vec<f32>; 3],
    /// From the primaries of the file to those of sRGB; none when they are the same.
    pub matrix: Option<Matrix>,
    /// What the profile calls itself, or `sRGB` without one.
    pub name: String,
    /// Why the profile was not used though there is one.
    pub ignored: Option<String>,
}

impl InputColour {
    /// Numbers that mean sRGB.
    pub fn srgb(sixteen: bool) -> Self {
        let curve = srgb_curve(sixteen);
        Self {
            curves: [curve.clone(), curve.clone(), curve],
            matrix: None,
            name: "sRGB".to_owned(),
            ignored: None,
        }
    }

    /// Reads a profile. One that is more than curves and primaries converts the samples at once; they mean sRGB then.
    pub fn of(profile: Option<&[u8]>, channels: usize, samples: &mut Samples) -> Self {
        let sixteen = matches!(samples, Samples::Sixteen(_));
        let Some(bytes) = profile else { return Self::srgb(sixteen) };
        let ignored = |why: &str| Self {
            ignored: Some(format!("its colour profile {why}; its colours are taken for sRGB")),
            ..Self::srgb(sixteen)
        };
        let Ok(profile) = ColorProfile::new_from_slice(bytes) else { return ignored("cannot be read") };
        let name = name_of(&profile).unwrap_or_else(|| "unnamed profile".to_owned());
        let curves = match (profile.color_space, channels) {
            (DataColorSpace::Gray, 1) => {
                grey_curve(&profile, sixteen).map(|curve| ([(); 3].map(|()| curve.clone()), None))
            }
            (DataColorSpace::Rgb, _)
                if profile.is_matrix_shaper() && profile.lut_a_to_b_perceptual.is_none() =>
            {
                rgb_curves(&profile, sixteen).map(|curves| (curves, Some(to_srgb(&profile))))
            }
            (DataColorSpace::Rgb, 3) => {
                return match converted(&profile, samples) {
                    true => Self { name, ..Self::srgb(sixteen) },
                    false => ignored("cannot be applied"),
                };
            }
            (DataColorSpace::Rgb | DataColorSpace::Gray, _) => return ignored("does not fit its channels"),
            _ => return ignored("is for neither RGB nor grey"),
        };
        let Some((curves, matrix)) = curves else { return ignored("has no curves") };
        if is_srgb(&curves, matrix.as_ref()) {
            return Self { name, ..Self::srgb(sixteen) };
        }
        Self { curves, matrix, name, ignored: None }
    }
}

/// The light of every number of sRGB (IEC 61966-2-1).
fn srgb_curve(sixteen: bool) -> Vec<f32> {
    match sixteen {
        false => (0..=255).map(linear).collect(),
        true => (0..=65_535_u32).map(|value| decoded(value as f32 / 65_535.0)).collect(),
    }
}

/// The light that an sRGB value stands for.
pub fn decoded(value: f32) -> f32 {
    if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
}

/// The sRGB value that stands for a light.
pub fn encoded(light: f32) -> f32 {
    if light <= 0.003_130_8 { light * 12.92 } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 }
}

/// One matrix after another: first `second`, then `first`.
pub fn product(first: &Matrix, second: &Matrix) -> Matrix {
    let mut made = [[0.0; 3]; 3];
    for (row, line) in made.iter_mut().enumerate() {
        for (column, cell) in line.iter_mut().enumerate() {
            *cell = (0..3).map(|k| first[row][k] * second[k][column]).sum();
        }
    }
    made
}

/// The profile that every print carries.
pub fn srgb_profile() -> Option<Vec<u8>> {
    // When it was made (ICC.1, 7.2.8): the same photo gives the same bytes at any time.
    const MADE: [u8; 12] = [0x07, 0xE8, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0];
    let mut profile = ColorProfile::new_srgb().encode().ok()?;
    profile.get_mut(24..36)?.copy_from_slice(&MADE);
    Some(profile)
}

fn name_of(profile: &ColorProfile) -> Option<String> {
    let text = match profile.description.as_ref()? {
        ProfileText::PlainString(text) => text.clone(),
        ProfileText::Localizable(texts) => texts.first()?.value.clone(),
        ProfileText::Description(text) => text.ascii_string.clone(),
    };
    let text: String = text.chars().filter(|c| !c.is_control()).take(80).collect();
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn rgb_curves(profile: &ColorProfile, sixteen: bool) -> Option<[Vec<f32>; 3]> {
    // The curves that are written down, never what a code point promises besides.
    const BY_CODE_POINT: bool = false;
    Some(match sixteen {
        false => [
            profile.build_r_linearize_table::<u8, 256, 8>(BY_CODE_POINT).ok()?.to_vec(),
            profile.build_g_linearize_table::<u8, 256, 8>(BY_CODE_POINT).ok()?.to_vec(),
            profile.build_b_linearize_table::<u8, 256, 8>(BY_CODE_POINT).ok()?.to_vec(),
        ],
        true => [
            profile.build_r_linearize_table::<u16, 65_536, 16>(BY_CODE_POINT).ok()?.to_vec(),
            profile.build_g_linearize_table::<u16, 65_536, 16>(BY_CODE_POINT).ok()?.to_vec(),
            profile.build_b_linearize_table::<u16, 65_536, 16>(BY_CODE_POINT).ok()?.to_vec(),
        ],
    })
}

fn grey_curve(profile: &ColorProfile, sixteen: bool) -> Option<Vec<f32>> {
    Some(match sixteen {
        false => profile.build_gray_linearize_table::<u8, 256, 8>().ok()?.to_vec(),
        true => profile.build_gray_linearize_table::<u16, 65_536, 16>().ok()?.to_vec(),
    })
}

/// Both profiles speak of the same white, so one matrix leads from one to the other.
fn to_srgb(profile: &ColorProfile) -> Matrix {
    profile.transform_matrix(&ColorProfile::new_srgb()).v.map(|row| row.map(|cell| cell as f32))
}

fn is_srgb(curves: &[Vec<f32>; 3], matrix: Option<&Matrix>) -> bool {
    let srgb = srgb_curve(curves[0].len() > 256);
    let close = |one: f32, other: f32| (one - other).abs() <= IS_SRGB;
    let same_curves =
        curves.iter().all(|curve| curve.iter().zip(&srgb).all(|(one, other)| close(*one, *other)));
    let cells = |matrix: &Matrix| {
        matrix.iter().flatten().zip(SAME.iter().flatten()).all(|(one, other)| close(*one, *other))
    };
    same_curves && matrix.is_none_or(cells)
}

/// Converts samples of three channels to sRGB in place.
fn converted(profile: &ColorProfile, samples: &mut Samples) -> bool {
    let (srgb, options) = (ColorProfile::new_srgb(), TransformOptions::default());
    match samples {
        Samples::Eight(values) => {
            let Ok(transform) = profile.create_transform_8bit(Layout::Rgb, &srgb, Layout::Rgb, options)
            else {
                return false;
            };
            in_pieces(values, |before, piece| transform.transform(before, piece).is_ok())
        }
        Samples::Sixteen(values) => {
            let Ok(transform) = profile.create_transform_16bit(Layout::Rgb, &srgb, Layout::Rgb, options)
            else {
                return false;
            };
            in_pieces(values, |before, piece| transform.transform(before, piece).is_ok())
        }
    }
}

/// Has numbers replaced piece by piece, so that they are never held twice.
fn in_pieces<T: Copy>(values: &mut [T], mut convert: impl FnMut(&[T], &mut [T]) -> bool) -> bool {
    /// Numbers of a piece: whole pixels.
    const PIECE: usize = 3 * 65_536;
    let mut before = Vec::with_capacity(PIECE.min(values.len()));
    values.chunks_mut(PIECE).all(|piece| {
        before.clear();
        before.extend_from_slice(piece);
        convert(&before, piece)
    })
}
