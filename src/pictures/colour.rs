//! Colours as people name them. A pixel is looked at in Oklab (Björn Ottosson, 2020), where equal distances look equally
//! large, and named by its lightness, chroma and hue.

use image::{Rgb, RgbImage, RgbaImage};
use serde::{Deserialize, Serialize};

/// Pixels of the long side on which colours are counted. Pixels are picked, never mixed, so no colour is counted that the
/// picture does not have.
pub const SAMPLED_SIDE: u32 = 256;
/// From this alpha on a pixel is seen.
pub const SEEN_ALPHA: u8 = 128;
/// Below this chroma a colour looks grey.
const GREY_CHROMA: f32 = 0.035;

/// A picture on white paper: what is not seen of it is white.
pub fn on_white(pixels: &RgbaImage) -> RgbImage {
    RgbImage::from_fn(pixels.width(), pixels.height(), |x, y| {
        let [r, g, b, alpha] = pixels.get_pixel(x, y).0;
        let mixed = |value: u8| {
            let (value, alpha) = (u32::from(value), u32::from(alpha));
            u8::try_from((value * alpha + 255 * (255 - alpha) + 127) / 255).unwrap_or(255)
        };
        Rgb([mixed(r), mixed(g), mixed(b)])
    })
}

/// A colour in Oklab.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Oklab {
    /// Lightness, 0 to 1.
    pub l: f32,
    /// From green to red.
    pub a: f32,
    /// From blue to yellow.
    pub b: f32,
}

impl Oklab {
    /// Of an sRGB colour.
    pub fn of(rgb: [u8; 3]) -> Self {
        let [r, g, b] = rgb.map(linear);
        let l = (0.412_221_46 * r + 0.536_332_55 * g + 0.051_445_995 * b).cbrt();
        let m = (0.211_903_5 * r + 0.680_699_5 * g + 0.107_396_96 * b).cbrt();
        let s = (0.088_302_46 * r + 0.281_718_85 * g + 0.629_978_7 * b).cbrt();
        Self {
            l: 0.210_454_26 * l + 0.793_617_8 * m - 0.004_072_047 * s,
            a: 1.977_998_5 * l - 2.428_592_2 * m + 0.450_593_7 * s,
            b: 0.025_904_037 * l + 0.782_771_77 * m - 0.808_675_77 * s,
        }
    }

    /// How colourful it is.
    pub fn chroma(self) -> f32 {
        self.a.hypot(self.b)
    }

    /// Its hue in degrees, 0 to 360.
    pub fn hue(self) -> f32 {
        self.b.atan2(self.a).to_degrees().rem_euclid(360.0)
    }

    /// How far it looks from another one; 0.02 is hardly seen.
    pub fn distance(self, other: Self) -> f32 {
        let (l, a, b) = (self.l - other.l, self.a - other.a, self.b - other.b);
        (l * l + a * a + b * b).sqrt()
    }
}

/// The light that an sRGB value stands for, 0 to 1 (IEC 61966-2-1).
pub fn linear(value: u8) -> f32 {
    let value = f32::from(value) / 255.0;
    if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
}

/// A name of a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum ColourName {
    Black,
    DarkGrey,
    Grey,
    LightGrey,
    White,
    Red,
    DarkRed,
    Orange,
    Brown,
    Beige,
    Yellow,
    Olive,
    Green,
    DarkGreen,
    LightGreen,
    Turquoise,
    Teal,
    Blue,
    DarkBlue,
    LightBlue,
    Purple,
    Magenta,
    Pink,
}

impl ColourName {
    /// Every name.
    pub const ALL: [ColourName; 23] = [
        Self::Black,
        Self::DarkGrey,
        Self::Grey,
        Self::LightGrey,
        Self::White,
        Self::Red,
        Self::DarkRed,
        Self::Orange,
        Self::Brown,
        Self::Beige,
        Self::Yellow,
        Self::Olive,
        Self::Green,
        Self::DarkGreen,
        Self::LightGreen,
        Self::Turquoise,
        Self::Teal,
        Self::Blue,
        Self::DarkBlue,
        Self::LightBlue,
        Self::Purple,
        Self::Magenta,
        Self::Pink,
    ];

    /// The name of a colour.
    pub fn of(colour: Oklab) -> Self {
        let (l, chroma, hue) = (colour.l, colour.chroma(), colour.hue());
        // Where there is little light there is little to see of a hue.
        let grey_below = if l < 0.35 { GREY_CHROMA * 1.4 } else { GREY_CHROMA };
        if l < 0.16 || chroma < grey_below {
            return match l {
                l if l < 0.28 => Self::Black,
                l if l < 0.5 => Self::DarkGrey,
                l if l < 0.74 => Self::Grey,
                l if l < 0.94 => Self::LightGrey,
                _ => Self::White,
            };
        }
        match hue {
            h if !(12.0..345.0).contains(&h) => match l {
                l if l >= 0.5 => Self::Pink,
                _ => Self::DarkRed,
            },
            h if h < 38.0 => match (l, chroma) {
                (l, c) if l >= 0.72 && c < 0.16 => Self::Pink,
                (l, c) if l < 0.55 && c < 0.1 => Self::Brown,
                (l, _) if l < 0.45 => Self::DarkRed,
                _ => Self::Red,
            },
            h if h < 85.0 => match (l, chroma) {
                (l, c) if l >= 0.65 && c >= 0.11 => Self::Orange,
                (l, _) if l >= 0.76 => Self::Beige,
                _ => Self::Brown,
            },
            h if h < 118.0 => match (l, chroma) {
                (l, c) if l >= 0.76 && c < 0.08 => Self::Beige,
                (l, _) if l >= 0.68 => Self::Yellow,
                _ => Self::Olive,
            },
            h if h < 168.0 => match (l, chroma) {
                (l, _) if l < 0.42 => Self::DarkGreen,
                (l, c) if l >= 0.8 && c < 0.19 => Self::LightGreen,
                _ => Self::Green,
            },
            h if h < 213.0 => match l {
                l if l < 0.65 => Self::Teal,
                _ => Self::Turquoise,
            },
            h if h < 285.0 => match l {
                l if l < 0.36 => Self::DarkBlue,
                l if l >= 0.74 => Self::LightBlue,
                _ => Self::Blue,
            },
            h if h < 318.0 => Self::Purple,
            _ => match (l, chroma) {
                (_, c) if c >= 0.25 => Self::Magenta,
                (l, _) if l >= 0.74 => Self::Pink,
                _ => Self::Purple,
            },
        }
    }

    /// Whether it is one of those without a hue.
    pub fn is_neutral(self) -> bool {
        matches!(self, Self::Black | Self::DarkGrey | Self::Grey | Self::LightGrey | Self::White)
    }
}

/// A colour that a picture has much of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// Its name.
    pub name: ColourName,
    /// The mean of the pixels of that name, like `#aa3300`.
    pub hex: String,
    /// Of the pixels that are seen, 0 to 1.
    pub share: f64,
}

/// A picture as names of colours: what layout and colours are counted on.
#[derive(Clone, Debug)]
pub struct Named {
    /// Pixels of a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// The name of each pixel, row by row; none where nothing is seen.
    pub names: Vec<Option<ColourName>>,
    colours: Vec<[u8; 3]>,
}

impl Named {
    /// Picks pixels of a picture and names them.
    pub fn of(pixels: &RgbaImage) -> Self {
        let (width, height) = pixels.dimensions();
        let step = f64::from(width.max(height)) / f64::from(SAMPLED_SIDE.min(width.max(height)));
        let (columns, rows) = (sampled(width, step), sampled(height, step));
        let (mut names, mut colours) = (Vec::new(), Vec::new());
        let mut last: Option<([u8; 3], ColourName)> = None;
        for row in 0..rows {
            for column in 0..columns {
                let [r, g, b, alpha] =
                    pixels.get_pixel(picked(column, step, width), picked(row, step, height)).0;
                let rgb = [r, g, b];
                colours.push(rgb);
                let name = match last {
                    Some((known, name)) if known == rgb => name,
                    _ => ColourName::of(Oklab::of(rgb)),
                };
                last = Some((rgb, name));
                names.push((alpha >= SEEN_ALPHA).then_some(name));
            }
        }
        Self { width: columns as usize, height: rows as usize, names, colours }
    }

    /// The name at a place.
    pub fn at(&self, column: usize, row: usize) -> Option<ColourName> {
        self.names[row * self.width + column]
    }

    /// How many pixels of each name, the most first.
    pub fn shares(&self) -> Vec<Share> {
        let mut sums: [(u64, [u64; 3]); ColourName::ALL.len()] = Default::default();
        let mut seen = 0;
        for (name, rgb) in self.names.iter().zip(&self.colours) {
            let Some(name) = name else { continue };
            let (count, sum) = &mut sums[*name as usize];
            *count += 1;
            seen += 1;
            sum.iter_mut().zip(rgb).for_each(|(sum, value)| *sum += u64::from(*value));
        }
        let mut shares: Vec<Share> = ColourName::ALL
            .into_iter()
            .zip(sums)
            .filter(|(_, (count, _))| *count > 0)
            .map(|(name, (count, sum))| {
                let [r, g, b] = sum.map(|sum| (sum + count / 2) / count);
                Share { name, hex: format!("#{r:02x}{g:02x}{b:02x}"), share: count as f64 / seen as f64 }
            })
            .collect();
        shares.sort_by(|one, other| other.share.total_cmp(&one.share).then(one.name.cmp(&other.name)));
        shares
    }

    /// Share of the pixels that are not seen.
    pub fn transparent(&self) -> f64 {
        let unseen = self.names.iter().filter(|name| name.is_none()).count();
        unseen as f64 / self.names.len().max(1) as f64
    }
}

fn sampled(side: u32, step: f64) -> u32 {
    ((f64::from(side) / step).round() as u32).max(1)
}

fn picked(place: u32, step: f64, side: u32) -> u32 {
    (((f64::from(place) + 0.5) * step) as u32).min(side - 1)
}
