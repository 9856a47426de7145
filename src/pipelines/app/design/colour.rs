//! Colours: OKLCH to sRGB, and how well two colours can be told apart.
//!
//! OKLab and its matrices: Björn Ottosson, "A perceptual color space for image processing" (2020),
//! <https://bottosson.github.io/posts/oklab/>. Luminance and contrast: WCAG 2.2, "relative luminance" and "contrast
//! ratio".

/// A colour as people see it: lightness 0 to 1, chroma from 0 (grey), hue in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Oklch {
    pub(super) lightness: f64,
    pub(super) chroma: f64,
    pub(super) hue: f64,
}

/// A colour as a screen shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Srgb(pub(super) [u8; 3]);

impl Oklch {
    pub(super) fn new(lightness: f64, chroma: f64, hue: f64) -> Self {
        Self { lightness: lightness.clamp(0.0, 1.0), chroma: chroma.max(0.0), hue: hue.rem_euclid(360.0) }
    }

    /// The nearest colour a screen can show: same lightness and hue, as much of the chroma as fits.
    pub(super) fn to_srgb(self) -> Srgb {
        let (mut fits, mut too_much) = (0.0, self.chroma);
        let mut chroma = self.chroma;
        // Sixteen halvings leave an error far below one step of an 8-bit channel.
        for _ in 0..16 {
            if in_gamut(self.linear(chroma)) {
                fits = chroma;
            } else {
                too_much = chroma;
            }
            chroma = f64::midpoint(fits, too_much);
        }
        Srgb(self.linear(fits).map(encode))
    }

    fn linear(self, chroma: f64) -> [f64; 3] {
        let (sin, cos) = self.hue.to_radians().sin_cos();
        let (a, b) = (chroma * cos, chroma * sin);
        let l = (self.lightness + 0.396_337_777_4 * a + 0.215_803_757_3 * b).powi(3);
        let m = (self.lightness - 0.105_561_345_8 * a - 0.063_854_172_8 * b).powi(3);
        let s = (self.lightness - 0.089_484_177_5 * a - 1.291_485_548_0 * b).powi(3);
        [
            4.076_741_662_1 * l - 3.307_711_591_3 * m + 0.230_969_929_2 * s,
            -1.268_438_004_6 * l + 2.609_757_401_1 * m - 0.341_319_396_5 * s,
            -0.004_196_086_3 * l - 0.703_418_614_7 * m + 1.707_614_701_0 * s,
        ]
    }
}

fn in_gamut(linear: [f64; 3]) -> bool {
    linear.iter().all(|value| (-0.0005..=1.0005).contains(value))
}

fn encode(linear: f64) -> u8 {
    let linear = linear.clamp(0.0, 1.0);
    let encoded = if linear <= 0.003_130_8 { 12.92 * linear } else { 1.055 * linear.powf(1.0 / 2.4) - 0.055 };
    // Between 0 and 255 after the clamp.
    (encoded * 255.0).round() as u8
}

impl Srgb {
    pub(super) fn hex(self) -> String {
        let [red, green, blue] = self.0;
        format!("#{red:02x}{green:02x}{blue:02x}")
    }

    /// WCAG relative luminance, from 0 (black) to 1 (white).
    pub(super) fn luminance(self) -> f64 {
        let [red, green, blue] = self.0.map(|channel| {
            let value = f64::from(channel) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }
}

/// WCAG contrast ratio, from 1 to 21.
pub(super) fn contrast(one: Srgb, other: Srgb) -> f64 {
    let (one, other) = (one.luminance(), other.luminance());
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_colours_come_out_as_published() {
        let cases = [
            (0.0, 0.0, 0.0, "#000000"),
            (1.0, 0.0, 0.0, "#ffffff"),
            (0.627_955, 0.257_683, 29.234, "#ff0000"),
            (0.866_440, 0.294_827, 142.495, "#00ff00"),
            (0.452_014, 0.313_214, 264.052, "#0000ff"),
            (0.599_871, 0.0, 0.0, "#808080"),
        ];
        for (lightness, chroma, hue, expected) in cases {
            assert_eq!(Oklch::new(lightness, chroma, hue).to_srgb().hex(), expected);
        }
    }

    #[test]
    fn contrast_as_wcag_gives_it() {
        let (black, white, grey) = (Srgb([0; 3]), Srgb([255; 3]), Srgb([0x76; 3]));
        assert!((contrast(black, white) - 21.0).abs() < 1e-9);
        assert!((contrast(white, white) - 1.0).abs() < 1e-9);
        assert!((contrast(grey, white) - 4.54).abs() < 0.01);
    }

    #[test]
    fn too_much_chroma_keeps_lightness() {
        let wild = Oklch::new(0.6, 0.9, 258.0).to_srgb();
        let grey = Oklch::new(0.6, 0.0, 258.0).to_srgb();
        assert!((wild.luminance() - grey.luminance()).abs() < 0.08, "{} {}", wild.hex(), grey.hex());
    }
}
