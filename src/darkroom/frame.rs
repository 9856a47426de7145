//! Which part of a negative is printed and how large: orientation, straightening and crop as one place in the pixels that
//! are stored. Rows are printed as they are stored and turned at the end, so nothing is ever read column by column.

use crate::darkroom::negative::Negative;
use crate::darkroom::recipe::{Crop, Recipe};

/// A place in a negative and the size of its print, both as stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    /// Left edge in pixels; without a turn, a whole number.
    pub x: f64,
    /// Upper edge in pixels; without a turn, a whole number.
    pub y: f64,
    /// Pixels across.
    pub width: f64,
    /// Pixels down.
    pub height: f64,
    /// Radians by which the place is turned around the middle of the negative.
    pub turn: f64,
    /// Pixels of a row of the print.
    pub print_width: u32,
    /// Rows of the print.
    pub print_height: u32,
}

/// Where a pixel around the middle goes when it is turned upright (EXIF 2.32, 4.6.5.1.6): `upright = stored * matrix`.
fn matrix(orientation: u8) -> [[f64; 2]; 2] {
    match orientation {
        2 => [[-1.0, 0.0], [0.0, 1.0]],
        3 => [[-1.0, 0.0], [0.0, -1.0]],
        4 => [[1.0, 0.0], [0.0, -1.0]],
        5 => [[0.0, 1.0], [1.0, 0.0]],
        6 => [[0.0, -1.0], [1.0, 0.0]],
        7 => [[0.0, -1.0], [-1.0, 0.0]],
        8 => [[0.0, 1.0], [-1.0, 0.0]],
        _ => [[1.0, 0.0], [0.0, 1.0]],
    }
}

impl Frame {
    /// The frame of a recipe. No side of the print is longer than `side_max`, and nothing is enlarged.
    pub fn of(negative: &Negative, recipe: &Recipe, side_max: u32) -> Self {
        let (width, height) = negative.upright();
        let (whole_width, whole_height) = (f64::from(width), f64::from(height));
        let angle = recipe.straighten_degrees.to_radians();
        // The largest part of the same shape whose corners stay inside when it is turned.
        let (sin, cos) = (angle.sin().abs(), angle.cos());
        let kept = (whole_width / (whole_width * cos + whole_height * sin))
            .min(whole_height / (whole_width * sin + whole_height * cos));
        let (kept_width, kept_height) = (whole_width * kept, whole_height * kept);
        let Crop { x, y, width, height } =
            recipe.crop.unwrap_or(Crop { x: 0.0, y: 0.0, width: 1.0, height: 1.0 });
        // Edges around the middle of the upright picture.
        let mut left = x * kept_width - kept_width / 2.0;
        let mut top = y * kept_height - kept_height / 2.0;
        let mut right = left + width * kept_width;
        let mut bottom = top + height * kept_height;
        if angle == 0.0 {
            let whole = |edge: f64, side: f64| (edge + side / 2.0).round().clamp(0.0, side) - side / 2.0;
            (left, right) = (whole(left, whole_width), whole(right, whole_width));
            (top, bottom) = (whole(top, whole_height), whole(bottom, whole_height));
            // A part of a pixel is a pixel.
            (right, left) = (right.max(left + 1.0).min(whole_width / 2.0), left.min(whole_width / 2.0 - 1.0));
            (bottom, top) =
                (bottom.max(top + 1.0).min(whole_height / 2.0), top.min(whole_height / 2.0 - 1.0));
        }
        let [[a, b], [c, d]] = matrix(negative.orientation);
        // The matrix is a turn or a mirror image, so its transpose leads back.
        let back = |x: f64, y: f64| (a * x + c * y, b * x + d * y);
        let (one, other) = (back(left, top), back(right, bottom));
        let (half_width, half_height) = (f64::from(negative.width) / 2.0, f64::from(negative.height) / 2.0);
        let place = (one.0.min(other.0), one.1.min(other.1));
        let size = ((one.0 - other.0).abs(), (one.1 - other.1).abs());
        let scale = (f64::from(side_max.max(1)) / size.0.max(size.1)).min(1.0);
        // Turning by an angle in a mirror is turning by its opposite.
        let mirrored = a * d - b * c < 0.0;
        let pixels = |side: f64| ((side * scale).round() as u32).max(1);
        Self {
            x: place.0 + half_width,
            y: place.1 + half_height,
            width: size.0,
            height: size.1,
            turn: if mirrored { -angle } else { angle },
            print_width: pixels(size.0),
            print_height: pixels(size.1),
        }
    }
}
