//! How a picture is laid out, as far as its colours show it: regions of one colour, a background, a border, halves,
//! symmetry. Only what is counted is said; where a picture has no such order, there is no answer.

use serde::{Deserialize, Serialize};

use crate::pictures::colour::{ColourName, Named};

/// Regions that are told, the largest ones.
const REGIONS_MAX: usize = 8;
/// A region that covers less is not told.
const REGION_SHARE_MIN: f64 = 0.01;
/// A part of the picture has one colour when this share of it has.
const ONE_COLOUR: f64 = 0.9;
/// The outermost part of each side that is looked at for a background, as a share of the side.
const RING: f64 = 0.04;
/// Mirror images count as the same when this share of their pixels has the same name.
const MIRRORED: f64 = 0.97;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Layout {
    /// The one colour of the whole picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uniform: Option<ColourName>,
    /// The colour all around the edge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub background: Option<ColourName>,
    /// Whether that colour is a frame: the inside has none of it at its own edge.
    pub framed: bool,
    /// Left and right half, each of one colour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub halves_across: Option<[ColourName; 2]>,
    /// Upper and lower half, each of one colour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub halves_down: Option<[ColourName; 2]>,
    /// Regions of one colour that do not belong to the background, the largest first.
    pub regions: Vec<Region>,
    /// How many such regions there are in all.
    pub region_count: usize,
    /// Left and right mirror each other.
    pub mirrored_across: bool,
    /// Top and bottom mirror each other.
    pub mirrored_down: bool,
    /// Share of the picture in which nothing is seen.
    pub transparent: f64,
}

/// Pixels of one colour that touch each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Region {
    /// Its colour.
    pub colour: ColourName,
    /// Of the picture, 0 to 1.
    pub share: f64,
    /// Left, top, width and height as parts of the picture.
    pub place: [f64; 4],
    /// Where its middle lies.
    pub position: Position,
    /// What it looks like; none when it is none of those that are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shape: Option<Shape>,
}

/// A ninth of the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Position {
    TopLeft,
    Top,
    TopRight,
    Left,
    Centre,
    Right,
    BottomLeft,
    Bottom,
    BottomRight,
}

impl Position {
    fn of(x: f64, y: f64) -> Self {
        let third = |at: f64| if at < 0.4 { 0 } else { usize::from(at > 0.6) + 1 };
        let rows = [
            [Self::TopLeft, Self::Top, Self::TopRight],
            [Self::Left, Self::Centre, Self::Right],
            [Self::BottomLeft, Self::Bottom, Self::BottomRight],
        ];
        rows[third(y)][third(x)]
    }
}

/// A plain shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// It fills the box around it, which is as wide as high.
    Square,
    /// It fills the box around it.
    Rectangle,
    /// It fills as much of a square box as a disc does, and its corners are free.
    Circle,
}

impl Layout {
    /// Looks at a picture. `aspect` is its width divided by its height in pixels.
    pub fn of(named: &Named) -> Self {
        let mut layout = Self { transparent: named.transparent(), ..Self::default() };
        let shares = named.shares();
        if layout.transparent < 0.005 {
            layout.uniform = shares.first().filter(|first| first.share >= 0.995).map(|first| first.name);
        }
        if layout.uniform.is_some() || shares.is_empty() {
            layout.background = layout.uniform;
            layout.mirrored_across = true;
            layout.mirrored_down = true;
            return layout;
        }
        let (width, height) = (named.width, named.height);
        layout.background = background(named);
        layout.halves_across = halves([
            share_of(named, 0..width / 2, 0..height),
            share_of(named, width.div_ceil(2)..width, 0..height),
        ]);
        layout.halves_down = halves([
            share_of(named, 0..width, 0..height / 2),
            share_of(named, 0..width, height.div_ceil(2)..height),
        ]);
        layout.mirrored_across = same(named, |x, y| (width - 1 - x, y)) >= MIRRORED;
        layout.mirrored_down = same(named, |x, y| (x, height - 1 - y)) >= MIRRORED;
        let (regions, count) = regions(named, layout.background);
        layout.framed = layout.background.is_some()
            && count == 1
            && regions.first().is_some_and(|region| region.share >= 0.5 && is_box(region.shape));
        (layout.regions, layout.region_count) = (regions, count);
        layout
    }
}

fn is_box(shape: Option<Shape>) -> bool {
    matches!(shape, Some(Shape::Square | Shape::Rectangle))
}

/// The colour that nearly all of the edge has.
fn background(named: &Named) -> Option<ColourName> {
    let ring = |side: usize| ((side as f64 * RING) as usize).max(1);
    let (wide, high) = (ring(named.width), ring(named.height));
    let mut counts = [0_usize; ColourName::ALL.len()];
    let mut all = 0;
    for y in 0..named.height {
        for x in 0..named.width {
            if x < wide || y < high || x + wide >= named.width || y + high >= named.height {
                all += 1;
                if let Some(name) = named.at(x, y) {
                    counts[name as usize] += 1;
                }
            }
        }
    }
    most(&counts, all).filter(|(_, share)| *share >= ONE_COLOUR).map(|(name, _)| name)
}

fn most(counts: &[usize; ColourName::ALL.len()], all: usize) -> Option<(ColourName, f64)> {
    let (place, count) =
        counts.iter().enumerate().max_by_key(|(place, count)| (**count, usize::MAX - place))?;
    (*count > 0).then(|| (ColourName::ALL[place], *count as f64 / all as f64))
}

/// The colour that a part of the picture has most of, and its share of that part.
fn share_of(
    named: &Named,
    columns: std::ops::Range<usize>,
    rows: std::ops::Range<usize>,
) -> Option<(ColourName, f64)> {
    let mut counts = [0; ColourName::ALL.len()];
    let all = columns.len() * rows.len();
    for y in rows {
        for x in columns.clone() {
            if let Some(name) = named.at(x, y) {
                counts[name as usize] += 1;
            }
        }
    }
    most(&counts, all.max(1))
}

fn halves(parts: [Option<(ColourName, f64)>; 2]) -> Option<[ColourName; 2]> {
    let [Some((one, one_share)), Some((other, other_share))] = parts else { return None };
    (one != other && one_share >= 0.97 && other_share >= 0.97).then_some([one, other])
}

/// Share of the pixels whose mirror image has the same name.
fn same(named: &Named, mirror: impl Fn(usize, usize) -> (usize, usize)) -> f64 {
    let mut same = 0;
    for y in 0..named.height {
        for x in 0..named.width {
            let (other_x, other_y) = mirror(x, y);
            same += usize::from(named.at(x, y) == named.at(other_x, other_y));
        }
    }
    same as f64 / named.names.len() as f64
}

/// Regions that do not belong to the background: the largest ones, and how many.
fn regions(named: &Named, background: Option<ColourName>) -> (Vec<Region>, usize) {
    let (width, height) = (named.width, named.height);
    let mut seen = vec![false; named.names.len()];
    let mut found = Vec::new();
    let mut open = Vec::new();
    for start in 0..seen.len() {
        let Some(name) = named.names[start].filter(|name| Some(*name) != background) else { continue };
        if std::mem::replace(&mut seen[start], true) {
            continue;
        }
        open.push(start);
        let (mut count, mut left, mut right, mut top, mut bottom) = (0_usize, width, 0, height, 0);
        let mut members = Vec::new();
        while let Some(place) = open.pop() {
            let (x, y) = (place % width, place / width);
            count += 1;
            members.push(place);
            (left, right, top, bottom) = (left.min(x), right.max(x), top.min(y), bottom.max(y));
            let mut visit = |next: usize| {
                if named.names[next] == Some(name) && !std::mem::replace(&mut seen[next], true) {
                    open.push(next);
                }
            };
            if x > 0 {
                visit(place - 1);
            }
            if x + 1 < width {
                visit(place + 1);
            }
            if y > 0 {
                visit(place - width);
            }
            if y + 1 < height {
                visit(place + width);
            }
        }
        let share = count as f64 / named.names.len() as f64;
        if share < REGION_SHARE_MIN {
            continue;
        }
        let (wide, high) = (right + 1 - left, bottom + 1 - top);
        let (x, y) = (left as f64 / width as f64, top as f64 / height as f64);
        let (w, h) = (wide as f64 / width as f64, high as f64 / height as f64);
        let corner = |x: usize, y: usize| named.at(x, y) == Some(name);
        let corners = [corner(left, top), corner(right, top), corner(left, bottom), corner(right, bottom)];
        found.push(Region {
            colour: name,
            share,
            place: [x, y, w, h],
            position: Position::of(x + w / 2.0, y + h / 2.0),
            shape: shape(count, wide, high, corners),
        });
    }
    found.sort_by(|one, other| other.share.total_cmp(&one.share));
    let count = found.len();
    found.truncate(REGIONS_MAX);
    (found, count)
}

/// What a region looks like, by how much of the box around it it fills.
fn shape(count: usize, wide: usize, high: usize, corners: [bool; 4]) -> Option<Shape> {
    let filled = count as f64 / (wide * high) as f64;
    let is_even = wide.abs_diff(high) as f64 <= (wide.max(high) as f64 * 0.03).max(1.0);
    // A handful of pixels looks like anything.
    if wide.min(high) < 8 {
        return None;
    }
    match filled {
        filled if filled >= 0.985 => Some(if is_even { Shape::Square } else { Shape::Rectangle }),
        filled if is_even && (filled - std::f64::consts::FRAC_PI_4).abs() < 0.03 && corners == [false; 4] => {
            Some(Shape::Circle)
        }
        _ => None,
    }
}
