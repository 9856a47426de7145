//! Agent 8, design: palette, tokens and icon of the app.
//!
//! Mood and colour words decide the hue; every pair of colours that meets on a page is measured, corrected until it
//! holds WCAG AA, and written down with its ratio.

mod colour;
mod icon;
mod palette;
mod words;

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use crate::domain::event::LogLevel;
use crate::pipelines::app::spec::Model;
use crate::pipelines::{AgentError, AgentHost, AgentInputs, AgentOutput, FileSet, OutputFile};
use palette::Palette;
use words::{Character, Face, Scheme};

/// `design.json`: what was decided, and every measured contrast.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Design {
    /// Which set of colours is shown first: `system`, `light` or `dark`.
    pub scheme: String,
    /// Whether the brief said how it should look; only then does the app offer a switch.
    pub themed: bool,
    /// Hue of the accent in OKLCH, in degrees.
    pub hue: f64,
    /// Words of the brief that shaped the palette.
    pub words_used: Vec<String>,
    /// Words that mean nothing to the palette.
    pub words_ignored: Vec<String>,
    /// The smallest measured ratio among texts; never below 4.5.
    pub text_contrast_min: f64,
    /// The smallest measured ratio among controls; never below 3.
    pub control_contrast_min: f64,
    /// The two sets.
    pub palettes: Vec<PaletteReport>,
}

/// One set of colours.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct PaletteReport {
    /// `light` or `dark`.
    pub name: String,
    /// The colours.
    pub colours: Vec<ColourReport>,
    /// Every pair that can meet on a page.
    pub contrasts: Vec<ContrastReport>,
}

/// One colour.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct ColourReport {
    /// Name of the token without its dashes: `accent-soft`.
    pub name: String,
    /// `#rrggbb`.
    pub value: String,
}

/// Two colours that meet.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct ContrastReport {
    /// What stands in front.
    pub foreground: String,
    /// What it stands on.
    pub background: String,
    /// Measured, rounded down to two decimals.
    pub ratio: f64,
    /// What WCAG 2.2 AA asks for.
    pub required: f64,
}

impl Design {
    /// Reads `design.json`.
    ///
    /// # Errors
    /// When the file is missing or does not have this shape.
    pub fn read(files: &FileSet) -> Result<Design, AgentError> {
        files.json("design.json")
    }
}

/// Writes `tokens.css`, `icon.svg` and `design.json`.
///
/// # Errors
/// When the model is missing, a colour pair cannot be corrected, or the run is cancelled.
pub fn run(inputs: &AgentInputs, host: &dyn AgentHost) -> Result<AgentOutput, AgentError> {
    let model = Model::read(&inputs.files)?;
    host.check()?;
    let character = words::read(&model.theme, &model.slug);
    host.log(LogLevel::Info, &origin(&model, &character));
    if !character.ignored.is_empty() {
        let words = character.ignored.join(", ");
        host.log(LogLevel::Warning, &format!("these theme words mean nothing to the palette: {words}"));
    }
    host.progress(20.0, "Computing the palettes");
    let palettes = [("light", palette::light(&character)), ("dark", palette::dark(&character))];
    host.check()?;
    host.progress(60.0, "Measuring contrast");
    let design = report(&model, &character, &palettes);
    check_contrast(&design)?;
    for set in &design.palettes {
        let least = set.contrasts.iter().map(|pair| pair.ratio / pair.required).fold(f64::INFINITY, f64::min);
        let pairs = set.contrasts.len();
        host.log(
            LogLevel::Info,
            &format!(
                "{} set: {pairs} colour pairs hold WCAG AA, the closest by {:.0} %",
                set.name,
                (least - 1.0) * 100.0
            ),
        );
    }
    let [(_, light), (_, dark)] = &palettes;
    let json = serde_json::to_string_pretty(&design)
        .map_err(|error| AgentError::failed(format!("the design cannot be written as JSON: {error}")))?;
    host.progress(100.0, "Palette, tokens and icon are written");
    Ok(AgentOutput {
        files: vec![
            OutputFile::text("tokens.css", tokens(&design, &character, light, dark)),
            OutputFile::text("icon.svg", icon::draw(&model, light, character.radius)),
            OutputFile::text("design.json", json + "\n"),
        ],
        summary: format!(
            "accent {}, text contrast at least {:.2}, controls at least {:.2}",
            light.get("accent").hex(),
            design.text_contrast_min,
            design.control_contrast_min
        ),
    })
}

fn origin(model: &Model, character: &Character) -> String {
    let hue = character.hue;
    if character.used.is_empty() {
        format!("no colour or mood in the brief: hue {hue:.0} from the name \"{}\"", model.slug)
    } else {
        format!("hue {hue:.0} from the words {}", character.used.join(", "))
    }
}

fn report(model: &Model, character: &Character, palettes: &[(&str, Palette)]) -> Design {
    let round_down = |ratio: f64| (ratio * 100.0).floor() / 100.0;
    let least = |required: f64| {
        palettes
            .iter()
            .flat_map(|(_, palette)| &palette.pairs)
            .filter(|pair| pair.required == required)
            .map(|pair| round_down(pair.ratio))
            .fold(f64::INFINITY, f64::min)
    };
    Design {
        scheme: match character.scheme {
            Scheme::System => "system",
            Scheme::Light => "light",
            Scheme::Dark => "dark",
        }
        .to_owned(),
        themed: !model.theme.is_empty(),
        hue: character.hue,
        words_used: character.used.clone(),
        words_ignored: character.ignored.clone(),
        text_contrast_min: least(palette::TEXT),
        control_contrast_min: least(palette::CONTROL),
        palettes: palettes
            .iter()
            .map(|(name, palette)| PaletteReport {
                name: (*name).to_owned(),
                colours: palette
                    .iter()
                    .map(|(name, colour)| ColourReport { name: name.to_owned(), value: colour.hex() })
                    .collect(),
                contrasts: palette
                    .pairs
                    .iter()
                    .map(|pair| ContrastReport {
                        foreground: pair.foreground.clone(),
                        background: pair.background.clone(),
                        ratio: round_down(pair.ratio),
                        required: pair.required,
                    })
                    .collect(),
            })
            .collect(),
    }
}

/// The palettes are built to hold; that they do is looked at once more before anything is written.
fn check_contrast(design: &Design) -> Result<(), AgentError> {
    for set in &design.palettes {
        if let Some(pair) = set.contrasts.iter().find(|pair| pair.ratio < pair.required) {
            return Err(AgentError::Failed {
                message: format!(
                    "{} on {} in the {} set has a contrast of {}, below {}",
                    pair.foreground, pair.background, set.name, pair.ratio, pair.required
                ),
                file: Some("tokens.css".to_owned()),
                line: None,
            });
        }
    }
    Ok(())
}

fn tokens(design: &Design, character: &Character, light: &Palette, dark: &Palette) -> String {
    let mut css =
        String::from("/* Colours, shapes and typefaces; design.json has the measured contrast ratios. */\n");
    let (first, second, other) = match character.scheme {
        Scheme::Dark => (dark, light, "light"),
        Scheme::System | Scheme::Light => (light, dark, "dark"),
    };
    let first_name = if other == "light" { "dark" } else { "light" };
    let radius = character.radius;
    css.push_str(":root {\n");
    push_colours(&mut css, "  ", first_name, first);
    let face = typeface(character.face);
    let heading = match character.face {
        Face::Serif => "\"Iowan Old Style\", \"Palatino Linotype\", Palatino, Georgia, serif",
        _ => face,
    };
    let _ = write!(
        css,
        "  --radius: {radius}px;\n  --radius-small: {}px;\n  --font: {face};\n  --font-heading: {heading};\n}}\n",
        (radius * 2).div_ceil(3),
    );
    let chosen = if design.themed { format!(":not([data-theme=\"{first_name}\"])") } else { String::new() };
    // A brief that names one of the two gets it whatever the system prefers; the switch in the app still offers both.
    if character.scheme == Scheme::System {
        let _ = write!(css, "\n@media (prefers-color-scheme: {other}) {{\n  :root{chosen} {{\n");
        push_colours(&mut css, "    ", other, second);
        css.push_str("  }\n}\n");
    }
    if design.themed {
        let _ = write!(css, "\n:root[data-theme=\"{other}\"] {{\n");
        push_colours(&mut css, "  ", other, second);
        css.push_str("}\n");
    }
    css
}

fn push_colours(css: &mut String, indent: &str, name: &str, palette: &Palette) {
    let _ = writeln!(css, "{indent}color-scheme: {name};");
    for (name, colour) in palette.iter() {
        let _ = writeln!(css, "{indent}--{name}: {};", colour.hex());
    }
    let shadow = if name == "dark" { "0 0% 0% / 0.45" } else { "220 30% 20% / 0.10" };
    let _ = writeln!(css, "{indent}--shadow: hsl({shadow});");
}

fn typeface(face: Face) -> &'static str {
    match face {
        Face::Sans | Face::Serif => {
            "ui-sans-serif, system-ui, -apple-system, \"Segoe UI\", Roboto, \"Helvetica Neue\", \"Liberation Sans\", sans-serif"
        }
        Face::Rounded => {
            "ui-rounded, \"SF Pro Rounded\", \"Nunito\", \"Quicksand\", \"Segoe UI\", system-ui, sans-serif"
        }
        Face::Mono => "ui-monospace, \"SF Mono\", \"Cascadia Mono\", \"DejaVu Sans Mono\", Menlo, monospace",
    }
}

#[cfg(test)]
mod tests;
