//! How a negative is developed: plain data that can be stored, compared and changed.

use serde::{Deserialize, Serialize};

/// The light under which nothing is changed, in kelvin.
pub const NEUTRAL_KELVIN: f64 = 6_500.0;

/// How a negative is developed. What is not said changes nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Recipe {
    /// Colour of the light the photo was taken in, as far as the camera did not take it into account: below 6500 the
    /// picture grows bluer, above warmer. Kelvin, 2000 to 15000.
    pub temperature_k: f64,
    /// From green (-100) to magenta (100).
    pub tint: f64,
    /// Stops: 1 doubles the light. -5 to 5.
    pub exposure_ev: f64,
    /// -100 to 100.
    pub contrast: f64,
    /// -100 (grey) to 100 (twice as colourful).
    pub saturation: f64,
    /// The picture is turned clockwise by so much, and what is left of it without corners is kept. Degrees, -45 to 45.
    pub straighten_degrees: f64,
    /// The part that is kept, of the picture as it is seen after straightening.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crop: Option<Crop>,
    /// How far differences to the surroundings are raised, after scaling. Percent, 0 to 300.
    pub sharpen_percent: f64,
    /// How far surroundings reach, in pixels of the print. 0.3 to 5.
    pub sharpen_radius: f64,
}

/// A part of a picture, in shares of its sides.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crop {
    /// Its left edge, 0 to 1.
    pub x: f64,
    /// Its upper edge, 0 to 1.
    pub y: f64,
    /// More than 0, at most to the right edge.
    pub width: f64,
    /// More than 0, at most to the lower edge.
    pub height: f64,
}

/// Part of a side that a crop keeps at least.
const CROP_MIN: f64 = 0.01;

impl Default for Recipe {
    fn default() -> Self {
        Self {
            temperature_k: NEUTRAL_KELVIN,
            tint: 0.0,
            exposure_ev: 0.0,
            contrast: 0.0,
            saturation: 0.0,
            straighten_degrees: 0.0,
            crop: None,
            sharpen_percent: 0.0,
            sharpen_radius: 0.8,
        }
    }
}

impl Recipe {
    /// Everything that is out of its range: the field and what is allowed.
    pub fn wrong(&self) -> Vec<(&'static str, String)> {
        let ranges = [
            ("temperature_k", self.temperature_k, 2_000.0, 15_000.0),
            ("tint", self.tint, -100.0, 100.0),
            ("exposure_ev", self.exposure_ev, -5.0, 5.0),
            ("contrast", self.contrast, -100.0, 100.0),
            ("saturation", self.saturation, -100.0, 100.0),
            ("straighten_degrees", self.straighten_degrees, -45.0, 45.0),
            ("sharpen_percent", self.sharpen_percent, 0.0, 300.0),
            ("sharpen_radius", self.sharpen_radius, 0.3, 5.0),
        ];
        let mut wrong: Vec<_> = ranges
            .into_iter()
            .filter(|(_, value, min, max)| !(min..=max).contains(&value))
            .map(|(field, _, min, max)| (field, format!("must be from {min} to {max}")))
            .collect();
        if let Some(Crop { x, y, width, height }) = self.crop {
            let inside = |from: f64, long: f64| from >= 0.0 && long >= CROP_MIN && from + long <= 1.0 + 1e-9;
            if !inside(x, width) || !inside(y, height) {
                let message = format!("must lie within 0 and 1, and keep {CROP_MIN} of each side at least");
                wrong.push(("crop", message));
            }
        }
        wrong
    }

    /// What it changes, in words; empty for none.
    pub fn words(&self) -> String {
        let neutral = Self::default();
        let mut words = Vec::new();
        let mut say = |differs: bool, text: String| {
            if differs {
                words.push(text);
            }
        };
        say(self.temperature_k != neutral.temperature_k, format!("{:.0} K", self.temperature_k));
        say(self.tint != 0.0, format!("tint {:+.0}", self.tint));
        say(self.exposure_ev != 0.0, format!("exposure {:+.2} EV", self.exposure_ev));
        say(self.contrast != 0.0, format!("contrast {:+.0}", self.contrast));
        say(self.saturation != 0.0, format!("saturation {:+.0}", self.saturation));
        say(self.straighten_degrees != 0.0, format!("straightened by {:+.1}°", self.straighten_degrees));
        say(self.crop.is_some(), "cropped".to_owned());
        say(self.sharpen_percent != 0.0, format!("sharpened {:.0} %", self.sharpen_percent));
        words.join(", ")
    }
}

/// A recipe with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// The picture as it is.
    Neutral,
    /// The exposure that brings the middle of the picture to middle lightness, as far as its lights allow.
    Auto,
    /// More contrast and colour, sharpened.
    Vivid,
    /// Less contrast and colour.
    Soft,
    /// As in a yellower light.
    Warm,
    /// As in a bluer light.
    Cool,
    /// Without colour, with more contrast.
    BlackAndWhite,
}

impl Preset {
    /// All of them.
    pub const ALL: [Preset; 7] =
        [Self::Neutral, Self::Auto, Self::Vivid, Self::Soft, Self::Warm, Self::Cool, Self::BlackAndWhite];

    /// Their names, in the same order.
    pub const NAMES: &'static [&'static str] =
        &["neutral", "auto", "vivid", "soft", "warm", "cool", "black-and-white"];

    /// The one of that name.
    pub fn find(name: &str) -> Option<Self> {
        let place = Self::NAMES.iter().position(|known| *known == name)?;
        Some(Self::ALL[place])
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// Its recipe for a photo for which this exposure would be right.
    pub fn recipe(self, suggested_ev: f64) -> Recipe {
        let neutral = Recipe::default();
        match self {
            Self::Neutral => neutral,
            Self::Auto => Recipe { exposure_ev: suggested_ev, ..neutral },
            Self::Vivid => Recipe { contrast: 25.0, saturation: 30.0, sharpen_percent: 60.0, ..neutral },
            Self::Soft => Recipe { contrast: -20.0, saturation: -12.0, ..neutral },
            Self::Warm => Recipe { temperature_k: 7_600.0, ..neutral },
            Self::Cool => Recipe { temperature_k: 5_600.0, ..neutral },
            Self::BlackAndWhite => {
                Recipe { contrast: 15.0, saturation: -100.0, sharpen_percent: 40.0, ..neutral }
            }
        }
    }
}
