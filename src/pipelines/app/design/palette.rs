//! A light and a dark set of colours, every pair of text and background measured and corrected until it holds WCAG AA.

use super::colour::{Oklch, Srgb, contrast};
use super::words::Character;

/// WCAG 2.2 success criterion 1.4.3, normal text.
pub(super) const TEXT: f64 = 4.5;
/// WCAG 2.2 success criterion 1.4.11, controls and graphics.
pub(super) const CONTROL: f64 = 3.0;
/// How many colours choices have.
pub(super) const TONES: usize = 6;

/// Named colours of one set.
#[derive(Clone, Debug)]
pub(super) struct Palette {
    colours: Vec<(String, Srgb)>,
    /// Every pair that can meet on a page.
    pub(super) pairs: Vec<Pair>,
}

/// Two colours that meet and how well they can be told apart.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pair {
    pub(super) foreground: String,
    pub(super) background: String,
    pub(super) required: f64,
    pub(super) ratio: f64,
}

/// Lightness of each role: the only thing in which the two sets differ.
struct Levels {
    canvas: f64,
    surface: f64,
    sunken: f64,
    text: f64,
    muted: f64,
    border: f64,
    control: f64,
    accent: f64,
    hover: f64,
    soft: f64,
    strong: f64,
    /// Whether text is lighter than what it stands on.
    light_text: bool,
    soft_chroma: f64,
}

const LIGHT: Levels = Levels {
    canvas: 0.972,
    surface: 1.0,
    sunken: 0.945,
    text: 0.25,
    muted: 0.5,
    border: 0.895,
    control: 0.62,
    accent: 0.55,
    hover: 0.49,
    soft: 0.945,
    strong: 0.43,
    light_text: false,
    soft_chroma: 0.26,
};

const DARK: Levels = Levels {
    canvas: 0.175,
    surface: 0.22,
    sunken: 0.265,
    text: 0.955,
    muted: 0.74,
    border: 0.32,
    control: 0.56,
    accent: 0.74,
    hover: 0.8,
    soft: 0.3,
    strong: 0.85,
    light_text: true,
    soft_chroma: 0.42,
};

/// The light set.
pub(super) fn light(character: &Character) -> Palette {
    build(character, &LIGHT)
}

/// The dark set.
pub(super) fn dark(character: &Character) -> Palette {
    build(character, &DARK)
}

impl Palette {
    /// All colours in the order in which they were made.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, Srgb)> {
        self.colours.iter().map(|(name, colour)| (name.as_str(), *colour))
    }

    /// A colour by name.
    pub(super) fn get(&self, name: &str) -> Srgb {
        self.colours
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, colour)| *colour)
            .expect("names are constants of this module and made before they are asked for")
    }

    fn add(&mut self, name: impl Into<String>, colour: Oklch) {
        self.colours.push((name.into(), colour.to_srgb()));
    }

    /// Adds a colour that must hold these ratios against these colours: it is made lighter or darker until it does.
    fn add_on(&mut self, name: &str, colour: Oklch, lighter: bool, demands: &[(&str, f64)]) {
        let against: Vec<(Srgb, f64)> =
            demands.iter().map(|(name, ratio)| (self.get(name), *ratio)).collect();
        let colour = reach(colour, lighter, &against);
        self.colours.push((name.to_owned(), colour));
        for ((other, required), (shown, _)) in demands.iter().zip(against) {
            self.pairs.push(Pair {
                foreground: name.to_owned(),
                background: (*other).to_owned(),
                required: *required,
                ratio: contrast(colour, shown),
            });
        }
    }
}

/// Moves the lightness half a percent at a time, at most to white or black. Everything a colour of a set is measured
/// against lies on the other side of the middle, so that the end of the way always holds.
fn reach(colour: Oklch, lighter: bool, against: &[(Srgb, f64)]) -> Srgb {
    let mut colour = colour;
    loop {
        let shown = colour.to_srgb();
        let holds = against.iter().all(|(other, required)| contrast(shown, *other) >= *required);
        if holds || (lighter && colour.lightness >= 1.0) || (!lighter && colour.lightness <= 0.0) {
            return shown;
        }
        let step = if lighter { 0.005 } else { -0.005 };
        colour = Oklch::new(colour.lightness + step, colour.chroma, colour.hue);
    }
}

/// What a page is made of: everything else stands on one of these.
const GROUNDS: [&str; 3] = ["canvas", "surface", "sunken"];

fn on_grounds(required: f64) -> Vec<(&'static str, f64)> {
    GROUNDS.iter().map(|ground| (*ground, required)).collect()
}

fn build(character: &Character, levels: &Levels) -> Palette {
    let Character { hue, second_hue, chroma, tint, shift, .. } = *character;
    let lighter = levels.light_text;
    let neutral = |lightness: f64, times: f64| Oklch::new(lightness, tint * times, hue);
    let mut palette = Palette { colours: Vec::new(), pairs: Vec::new() };

    palette.add("canvas", neutral(levels.canvas, 1.0));
    palette.add("surface", neutral(levels.surface, if lighter { 1.2 } else { 0.0 }));
    palette.add("sunken", neutral(levels.sunken, 1.4));
    palette.add("border", neutral(levels.border, 1.4));
    palette.add_on("text", neutral(levels.text, 1.6), lighter, &on_grounds(TEXT));
    palette.add_on("muted", neutral(levels.muted, 1.8), lighter, &on_grounds(TEXT));
    palette.add_on("control", neutral(levels.control, 1.8), lighter, &on_grounds(CONTROL));

    family(&mut palette, "accent", hue, chroma, shift, levels);
    // Meanings keep their usual hues whatever the theme: red is wrong, amber is careful, green is well.
    family(&mut palette, "danger", 25.0, 0.17, 0.0, levels);
    state(&mut palette, "warning", 75.0, 0.13, levels);
    state(&mut palette, "success", 152.0, 0.13, levels);
    for tone in 0..TONES {
        let turn = 360.0 / TONES as f64 * tone as f64;
        let (name, hue, chroma) = (format!("tone-{tone}"), second_hue + turn, chroma.clamp(0.05, 0.14));
        palette.add_on(&name, Oklch::new(levels.accent, chroma, hue), lighter, &on_grounds(CONTROL));
        state(&mut palette, &name, hue, chroma, levels);
    }
    palette.add_on("focus", Oklch::new(levels.accent, chroma.max(0.1), hue), lighter, &on_grounds(CONTROL));
    palette
}

/// A filled colour with its hover, the text on it, and the soft ground with its strong text.
fn family(palette: &mut Palette, name: &str, hue: f64, chroma: f64, shift: f64, levels: &Levels) {
    let on = format!("on-{name}");
    palette.add(&on, Oklch::new(if levels.light_text { 0.16 } else { 0.99 }, 0.01, hue));
    let mut demands = on_grounds(CONTROL);
    demands.push((&on, TEXT));
    let fill = |lightness: f64| Oklch::new(lightness + shift, chroma, hue);
    palette.add_on(name, fill(levels.accent), levels.light_text, &demands);
    palette.add_on(&format!("{name}-hover"), fill(levels.hover), levels.light_text, &demands);
    state(palette, name, hue, chroma, levels);
}

/// A soft ground and the strong colour for text on it.
fn state(palette: &mut Palette, name: &str, hue: f64, chroma: f64, levels: &Levels) {
    let soft = format!("{name}-soft");
    palette.add(&soft, Oklch::new(levels.soft, chroma * levels.soft_chroma, hue));
    let strong = Oklch::new(levels.strong, chroma * 0.9, hue);
    let mut demands = on_grounds(TEXT);
    demands.push((&soft, TEXT));
    palette.add_on(&format!("{name}-strong"), strong, levels.light_text, &demands);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::words;
    use super::*;

    fn assert_holds(character: &Character) {
        for palette in [light(character), dark(character)] {
            assert!(palette.pairs.len() > 60);
            for pair in &palette.pairs {
                let measured = contrast(palette.get(&pair.foreground), palette.get(&pair.background));
                assert!(measured >= pair.required, "{pair:?} of {character:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn every_palette_holds_aa(
            words in proptest::collection::vec("[a-z]{1,8}", 0..4),
            known in proptest::sample::subsequence(
                vec!["yellow", "vivid", "grey", "blue", "pastel", "minimal", "dark", "black", "lime", "navy"], 0..5,
            ),
            slug in "[a-z-]{1,20}",
        ) {
            let mut all: Vec<String> = known.into_iter().map(str::to_owned).collect();
            all.extend(words);
            assert_holds(&words::read(&all, &slug));
        }

        #[test]
        fn any_hue_and_chroma_hold_aa(hue in 0.0..360.0, chroma in 0.0..0.3, shift in -0.06..0.06) {
            let mut character = words::read(&[], "x");
            (character.hue, character.second_hue, character.chroma, character.shift) = (hue, hue, chroma, shift);
            assert_holds(&character);
        }
    }

    #[test]
    fn a_colour_that_is_too_weak_is_corrected() {
        let white = Srgb([255; 3]);
        let yellow = Oklch::new(0.95, 0.2, 100.0);
        assert!(contrast(yellow.to_srgb(), white) < CONTROL);
        assert!(contrast(reach(yellow, false, &[(white, CONTROL)]), white) >= CONTROL);
    }
}
