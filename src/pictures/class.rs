//! What kind of image it is, by rules over what was measured. Where no rule holds there is no answer.

use image::RgbaImage;
use serde::{Deserialize, Serialize};

use crate::pictures::codes::Code;
use crate::pictures::colour::SEEN_ALPHA;
use crate::pictures::layout::Layout;
use crate::pictures::metadata::Metadata;

/// Rows that are looked at, at most.
const ROWS_MAX: u32 = 1_600;
/// Columns of a row that are looked at, at most; they lie side by side, for neighbours are compared.
const COLUMNS_MAX: u32 = 1_200;
/// Steps of lightness that a stroke of writing differs from its paper.
const INK: i32 = 70;

/// What kind of image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// A camera's picture.
    Photo,
    /// Areas of plain colour: a drawing, a logo, a diagram.
    Graphic,
    /// Lines that look like writing on plain paper: a page, or a screen with text.
    Document,
    /// Mostly a code that a machine reads.
    Code,
    /// One plain colour.
    Plain,
    /// No rule holds.
    Unknown,
}

/// The class and how sure the rule is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Classified {
    /// What kind.
    pub class: Class,
    /// 0 to 1.
    pub trust: f64,
    /// Which rule held, in words.
    pub rule: String,
    /// What was counted.
    pub texture: Texture,
}

/// What neighbouring pixels are like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Texture {
    /// Share of neighbours in a row that are the very same.
    pub flat: f64,
    /// Share of neighbours that differ a little, as they do in pictures of cameras.
    pub grain: f64,
    /// Share of pixels that lie above or below both of their neighbours in a row, as noise makes them.
    pub noise: f64,
    /// Colours in steps of eight per channel.
    pub colours: usize,
    /// Share of the pixels that have one of the eight most frequent of these.
    pub plain: f64,
    /// Groups of rows with strokes that rows without any lie between.
    pub lines: usize,
    /// Strokes in a row of such a group, in the mean.
    pub strokes: f64,
}

impl Texture {
    /// Looks at a picture.
    pub fn of(pixels: &RgbaImage) -> Self {
        let (width, height) = pixels.dimensions();
        let row_step = height.div_ceil(ROWS_MAX);
        let columns = width.min(COLUMNS_MAX);
        let first = (width - columns) / 2;
        let (mut flat, mut grain, mut noise, mut pairs) = (0_u64, 0_u64, 0_u64, 0_u64);
        let mut counts = vec![0_u64; 1 << 15];
        let mut seen = 0_u64;
        let mut strokes_of_rows = Vec::new();
        for row in (0..height).step_by(row_step as usize) {
            let start = (row as usize * width as usize + first as usize) * 4;
            let line = &pixels.as_raw()[start..start + columns as usize * 4];
            let mut before: Option<[u8; 4]> = None;
            let (mut strokes, mut rising) = (0, 0);
            for pixel in line.chunks_exact(4) {
                let rgba = [pixel[0], pixel[1], pixel[2], pixel[3]];
                if rgba[3] < SEEN_ALPHA {
                    before = None;
                    continue;
                }
                seen += 1;
                let key = usize::from(rgba[0] >> 3) << 10
                    | usize::from(rgba[1] >> 3) << 5
                    | usize::from(rgba[2] >> 3);
                counts[key] += 1;
                if let Some(before) = before {
                    let apart = (0..3)
                        .map(|at| (i32::from(rgba[at]) - i32::from(before[at])).abs())
                        .max()
                        .unwrap_or(0);
                    pairs += 1;
                    let change = (i32::from(rgba[1]) - i32::from(before[1])).signum();
                    noise += u64::from(change * rising < 0);
                    rising = change;
                    flat += u64::from(apart == 0);
                    grain += u64::from((1..=24).contains(&apart));
                    strokes += u32::from(apart >= INK);
                }
                before = Some(rgba);
            }
            strokes_of_rows.push(strokes);
        }
        let colours = counts.iter().filter(|count| **count > 0).count();
        counts.sort_unstable_by_key(|count| std::cmp::Reverse(*count));
        let plain: u64 = counts.iter().take(8).sum();
        let of_pairs = |count: u64| count as f64 / pairs.max(1) as f64;
        let (lines, strokes) = lines(&strokes_of_rows);
        Self {
            flat: of_pairs(flat),
            grain: of_pairs(grain),
            noise: of_pairs(noise),
            colours,
            plain: plain as f64 / seen.max(1) as f64,
            lines,
            strokes,
        }
    }
}

/// Groups of two rows or more with edges, at least six of them somewhere, and rows of at most one edge between them; and
/// the strokes of a row in the mean.
fn lines(strokes: &[u32]) -> (usize, f64) {
    let (mut lines, mut edges, mut rows) = (0, 0_u64, 0_u64);
    let (mut group_rows, mut group_edges, mut most) = (0_u64, 0_u64, 0);
    for count in strokes.iter().chain(&[0]) {
        if *count > 1 {
            group_rows += 1;
            group_edges += u64::from(*count);
            most = most.max(*count);
            continue;
        }
        if group_rows >= 2 && most >= 6 {
            lines += 1;
            rows += group_rows;
            edges += group_edges;
        }
        (group_rows, group_edges, most) = (0, 0, 0);
    }
    (lines, if rows == 0 { 0.0 } else { edges as f64 / rows as f64 / 2.0 })
}

/// Says what kind of image it is.
pub fn classify(texture: Texture, layout: &Layout, codes: &[Code], metadata: &Metadata) -> Classified {
    let found =
        |class, trust: f64, rule: String| Classified { class, trust: trust.clamp(0.0, 1.0), rule, texture };
    let covered: f64 = codes.iter().map(|code| code.place[2] * code.place[3]).sum();
    if covered >= 0.2 {
        return found(
            Class::Code,
            0.99,
            format!("decoded codes cover {:.0} % of it", covered.min(1.0) * 100.0),
        );
    }
    if layout.uniform.is_some() {
        return found(Class::Plain, 0.99, "99.5 % or more of its pixels have one colour".to_owned());
    }
    if metadata.is_of_camera() && texture.flat < 0.5 {
        return found(
            Class::Photo,
            0.95,
            "a camera and its exposure are named in the file, and it has grain".to_owned(),
        );
    }
    let Texture { flat, grain, noise, colours, plain, lines, strokes } = texture;
    if flat >= 0.6 && lines >= 3 && strokes >= 4.0 && codes.is_empty() {
        let rule = format!("{lines} lines of strokes, {:.0} % flat neighbours", flat * 100.0);
        return found(Class::Document, 0.6 + 0.05 * (lines.min(6) as f64), rule);
    }
    // A blurred photo is flat as well, but not of few colours.
    if flat >= 0.75 && plain >= 0.85 {
        let rule = format!("{:.0} % flat neighbours, {:.0} % of eight colours", flat * 100.0, plain * 100.0);
        return found(Class::Graphic, 0.6 + (flat.min(plain) - 0.75) * 1.5, rule);
    }
    let is_whole = layout.transparent < 0.02 && layout.background.is_none();
    if is_whole && flat < 0.4 && grain >= 0.5 && noise >= 0.15 && colours >= 64 {
        let rule = format!(
            "{:.0} % of neighbours differ a little, {:.0} % not at all, {:.0} % turn",
            grain * 100.0,
            flat * 100.0,
            noise * 100.0
        );
        return found(Class::Photo, 0.55 + (grain - 0.5) * 0.5, rule);
    }
    found(Class::Unknown, 0.0, "no rule holds".to_owned())
}
