//! What mood and colour words mean for a palette, and what an app without such words gets.

/// The decisions a palette is computed from.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Character {
    /// Hue of the accent, in degrees.
    pub(super) hue: f64,
    /// Hue the colours of choices start at.
    pub(super) second_hue: f64,
    /// Chroma of the accent.
    pub(super) chroma: f64,
    /// Chroma of the neutrals.
    pub(super) tint: f64,
    /// Added to the lightness of the accent.
    pub(super) shift: f64,
    /// Radius of a card, in pixels.
    pub(super) radius: u32,
    /// Typeface of text.
    pub(super) face: Face,
    /// Which set is shown first.
    pub(super) scheme: Scheme,
    /// Words that had a meaning.
    pub(super) used: Vec<String>,
    /// Words that had none.
    pub(super) ignored: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Face {
    Sans,
    Rounded,
    Serif,
    Mono,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    System,
    Light,
    Dark,
}

/// One word: what it changes; `None` and 1.0 leave things as they are.
struct Meaning {
    words: &'static [&'static str],
    hue: Option<f64>,
    chroma: f64,
    shift: f64,
    radius: Option<u32>,
    face: Option<Face>,
    scheme: Option<Scheme>,
}

const PLAIN: Meaning =
    Meaning { words: &[], hue: None, chroma: 1.0, shift: 0.0, radius: None, face: None, scheme: None };

const fn hue(words: &'static [&'static str], hue: f64, chroma: f64) -> Meaning {
    Meaning { words, hue: Some(hue), chroma, ..PLAIN }
}

const fn mood(words: &'static [&'static str], chroma: f64, shift: f64, radius: u32) -> Meaning {
    Meaning { words, chroma, shift, radius: Some(radius), ..PLAIN }
}

/// Colours first: a colour word says more about the hue than a mood.
const COLOURS: &[Meaning] = &[
    hue(&["red", "crimson", "scarlet", "ruby"], 25.0, 1.2),
    hue(&["coral", "salmon", "terracotta"], 38.0, 1.0),
    hue(&["orange", "tangerine"], 52.0, 1.1),
    hue(&["brown", "chocolate", "coffee", "wood", "wooden"], 58.0, 0.5),
    hue(&["amber", "gold", "golden", "honey"], 75.0, 1.0),
    hue(&["yellow", "lemon"], 95.0, 1.1),
    hue(&["olive", "khaki"], 112.0, 0.7),
    hue(&["lime"], 128.0, 1.2),
    hue(&["green"], 150.0, 1.0),
    hue(&["emerald", "jade"], 162.0, 1.0),
    hue(&["mint"], 168.0, 0.7),
    hue(&["teal", "petrol"], 190.0, 0.8),
    hue(&["turquoise", "aqua", "cyan"], 205.0, 0.9),
    hue(&["blue", "azure", "cobalt"], 258.0, 1.1),
    hue(&["navy"], 262.0, 0.8),
    hue(&["indigo"], 276.0, 1.1),
    hue(&["lavender", "lilac"], 295.0, 0.7),
    hue(&["violet"], 293.0, 1.1),
    hue(&["purple", "plum"], 308.0, 1.1),
    hue(&["magenta", "fuchsia"], 330.0, 1.2),
    hue(&["pink"], 350.0, 1.0),
    hue(&["rose"], 8.0, 0.9),
    Meaning { words: &["grey", "gray", "silver", "slate", "monochrome", "neutral"], chroma: 0.08, ..PLAIN },
    Meaning { words: &["black"], chroma: 0.2, scheme: Some(Scheme::Dark), ..PLAIN },
    Meaning { words: &["white"], chroma: 0.6, scheme: Some(Scheme::Light), ..PLAIN },
];

const MOODS: &[Meaning] = &[
    hue(&["ocean", "sea", "water", "lake"], 225.0, 0.9),
    hue(&["sky", "air", "airy"], 238.0, 0.9),
    hue(&["forest", "nature", "natural", "garden", "leaf", "botanical"], 146.0, 0.8),
    hue(&["earth", "earthy", "autumn", "rustic"], 55.0, 0.6),
    hue(&["sunset", "fire", "fiery"], 42.0, 1.2),
    hue(&["sunny", "sun", "summer", "cheerful", "happy"], 82.0, 1.1),
    hue(&["spring", "fresh"], 155.0, 1.0),
    hue(&["winter", "ice", "icy", "frosty", "cool", "cold"], 235.0, 0.7),
    hue(&["night", "midnight", "space"], 275.0, 0.9),
    hue(&["romantic", "love"], 5.0, 0.9),
    hue(&["royal", "luxury", "luxurious", "mystic"], 300.0, 1.0),
    hue(&["warm", "cosy", "cozy"], 48.0, 0.9),
    hue(&["calm", "quiet", "relaxed", "relaxing", "peaceful", "zen", "soothing"], 210.0, 0.6),
    hue(&["trustworthy", "business", "corporate", "serious", "professional"], 255.0, 0.8),
    mood(&["soft", "gentle", "pastel", "muted", "subtle"], 0.6, 0.03, 16),
    mood(&["vivid", "bright", "bold", "vibrant", "strong", "colourful", "colorful"], 1.4, 0.02, 12),
    mood(&["minimal", "minimalist", "minimalistic", "clean", "simple", "plain"], 0.7, -0.02, 6),
    mood(&["modern", "sleek", "flat"], 1.0, 0.0, 10),
    Meaning { words: &["light", "lighter"], scheme: Some(Scheme::Light), ..PLAIN },
    Meaning { words: &["dark", "darker"], scheme: Some(Scheme::Dark), ..PLAIN },
    Meaning {
        words: &["playful", "fun", "friendly", "cute", "kids", "childlike"],
        chroma: 1.2,
        radius: Some(20),
        face: Some(Face::Rounded),
        ..PLAIN
    },
    Meaning { words: &["round", "rounded"], radius: Some(20), face: Some(Face::Rounded), ..PLAIN },
    Meaning { words: &["sharp", "square", "angular"], radius: Some(2), ..PLAIN },
    Meaning {
        words: &["elegant", "classic", "classical", "literary", "vintage", "bookish", "traditional"],
        chroma: 0.8,
        radius: Some(6),
        face: Some(Face::Serif),
        ..PLAIN
    },
    Meaning {
        words: &["retro", "terminal", "hacker", "technical", "geeky", "nerdy"],
        radius: Some(3),
        face: Some(Face::Mono),
        ..PLAIN
    },
    // Once what one word means (night, midnight) asks for the dark set as well.
    Meaning { words: &["dim", "nocturnal"], scheme: Some(Scheme::Dark), ..PLAIN },
];

/// Reads the theme words of an app. The first word that names a hue gives it, the second the colours of choices; without
/// any, the hue comes from the slug, so that two apps look different.
pub(super) fn read(words: &[String], slug: &str) -> Character {
    let mut hues = Vec::new();
    let mut character = Character {
        hue: 0.0,
        second_hue: 0.0,
        chroma: 0.15,
        tint: 0.008,
        shift: 0.0,
        radius: 14,
        face: Face::Sans,
        scheme: Scheme::System,
        used: Vec::new(),
        ignored: Vec::new(),
    };
    let parts: Vec<String> = words.iter().flat_map(|words| split(words)).collect();
    for table in [COLOURS, MOODS] {
        for word in &parts {
            let Some(meaning) = table.iter().find(|meaning| meaning.words.contains(&word.as_str())) else {
                continue;
            };
            hues.extend(meaning.hue);
            character.chroma *= meaning.chroma;
            character.shift += meaning.shift;
            character.radius = meaning.radius.unwrap_or(character.radius);
            character.face = meaning.face.unwrap_or(character.face);
            character.scheme = meaning.scheme.unwrap_or(character.scheme);
            character.used.push(word.clone());
        }
    }
    character.ignored = parts.into_iter().filter(|word| !character.used.contains(word)).collect();
    character.chroma = character.chroma.clamp(0.006, 0.24);
    character.tint = (character.chroma * 0.06).clamp(0.001, 0.014);
    character.shift = character.shift.clamp(-0.06, 0.06);
    character.hue = hues.first().copied().unwrap_or_else(|| own_hue(slug));
    character.second_hue = hues.get(1).copied().unwrap_or(character.hue);
    character
}

fn split(words: &str) -> Vec<String> {
    words
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

/// A hue from the letters of the slug: FNV-1a, because neighbours like `books` and `cooks` must differ.
fn own_hue(slug: &str) -> f64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in slug.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    // The middle bits: the low ones are badly mixed, the high ones change little in a short name. 0 to 359.
    f64::from(u32::try_from((hash >> 20) % 360).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Character {
        read(&[text.to_owned()], "app")
    }

    #[test]
    fn words_change_the_character() {
        assert_eq!(words("green").hue, 150.0);
        assert_eq!(words("calm dark blue").hue, 258.0, "a colour word wins over a mood word");
        assert_eq!(words("calm dark blue").scheme, Scheme::Dark);
        assert_eq!(words("blue and orange").second_hue, 52.0);
        assert_eq!(words("playful").face, Face::Rounded);
        assert!(words("pastel green").chroma < words("vivid green").chroma);
        assert_eq!(words("bumpy green").ignored, ["bumpy"]);
    }

    #[test]
    fn every_app_has_its_own_hue() {
        let hue = |slug| read(&[], slug).hue;
        assert_ne!(hue("reading-list"), hue("ticket-board"));
        assert_ne!(hue("books"), hue("cooks"));
        assert_eq!(hue("books"), hue("books"));
    }
}
