//! Whether what a text says was measured. It knows the words of colours, codes and kinds of images in both languages; of
//! everything else it knows nothing, and that is for the confidence to say.

use std::collections::BTreeSet;

use crate::pictures::class::Class;
use crate::pictures::colour::ColourName::{self, *};
use crate::pictures::metadata::is_unseen;
use crate::pipelines::caption::facts::ImageFacts;
use crate::pipelines::caption::writer::{CUT, QUOTED_MIN};

/// English words of colours, and the colours that bear them out.
const ENGLISH: [(&[&str], &[ColourName]); 18] = [
    (&["black", "ebony"], &[Black, DarkGrey]),
    (&["grey", "gray", "silver", "silvery"], &[DarkGrey, Grey, LightGrey]),
    (&["charcoal"], &[DarkGrey, Black]),
    (&["white", "whitish"], &[White, LightGrey]),
    (&["red", "reddish", "crimson", "scarlet", "ruby", "maroon", "burgundy"], &[Red, DarkRed]),
    (&["orange", "amber", "copper", "bronze", "apricot"], &[Orange, Brown]),
    (&["coral", "salmon", "peach"], &[Orange, Pink, Red, Beige]),
    (&["brown", "tan", "ochre", "khaki"], &[Brown, Beige, Orange, Olive]),
    (&["beige", "cream", "ivory"], &[Beige, White]),
    (&["yellow", "gold", "golden"], &[Yellow, Olive, Beige]),
    (&["olive"], &[Olive, Yellow]),
    (&["green", "lime", "emerald"], &[Green, DarkGreen, LightGreen, Olive, Teal]),
    (&["turquoise", "cyan", "aqua"], &[Turquoise, Teal, LightBlue]),
    (&["teal"], &[Teal, Turquoise]),
    (&["blue", "bluish", "navy", "azure", "indigo"], &[Blue, DarkBlue, LightBlue]),
    (&["purple", "purplish", "violet", "lilac", "lavender", "mauve"], &[Purple, Magenta]),
    (&["magenta", "fuchsia"], &[Magenta, Purple, Pink]),
    (&["pink"], &[Pink, Magenta]),
];
/// What may stand behind an English word, or in front of it.
const ENGLISH_ENDS: [&str; 3] = ["", "s", "ish"];
const ENGLISH_FRONTS: [&str; 5] = ["light", "dark", "bright", "deep", "pale"];
/// German ones.
const GERMAN: [(&[&str], &[ColourName]); 15] = [
    (&["schwarz", "schwärzlich"], &[Black, DarkGrey]),
    (&["grau", "gräulich", "silber", "silbern"], &[DarkGrey, Grey, LightGrey]),
    (&["weiß", "weiss"], &[White, LightGrey]),
    (&["rot", "rötlich", "weinrot"], &[Red, DarkRed]),
    (&["orange", "orangen"], &[Orange, Brown]),
    (&["braun", "bräunlich", "ocker"], &[Brown, Beige, Orange, Olive]),
    (&["beige", "creme"], &[Beige, White]),
    (&["gelb", "gold", "golden"], &[Yellow, Olive, Beige]),
    (&["oliv"], &[Olive, Yellow]),
    (&["grün"], &[Green, DarkGreen, LightGreen, Olive, Teal]),
    (&["türkis", "cyan"], &[Turquoise, Teal, LightBlue]),
    (&["petrol"], &[Teal, Turquoise]),
    (&["blau", "bläulich"], &[Blue, DarkBlue, LightBlue]),
    (&["violett", "lila", "purpur", "purpurn"], &[Purple, Magenta]),
    (&["rosa", "pink", "magenta"], &[Pink, Magenta, Purple]),
];
const GERMAN_ENDS: [&str; 14] = [
    "", "e", "er", "es", "en", "em", "s", "lich", "liche", "licher", "liches", "lichen", "farben", "farbene",
];
const GERMAN_FRONTS: [&str; 7] = ["hell", "dunkel", "tief", "knall", "blass", "zart", "pastell"];

/// Words that say that there is no colour but greys.
const COLOURLESS: [&str; 9] = [
    "black-and-white",
    "black and white",
    "schwarz-weiß",
    "schwarzweiß",
    "schwarz-weiss",
    "schwarzweiss",
    "monochrome",
    "greyscale",
    "grayscale",
];
/// Words for what a camera made; a text that has them of a graphic, a page or a plain colour says what is not so.
const PHOTO: [&str; 6] = ["photo", "photos", "photograph", "foto", "fotos", "fotografie"];
/// Words for what moves.
const ANIMATED: [&str; 5] = ["animated", "animation", "animiert", "animierte", "animiertes"];
/// Marks around quotations.
const QUOTES: [(char, &[char]); 6] =
    [('“', &['”']), ('„', &['“', '”']), ('»', &['«']), ('«', &['»']), ('"', &['"']), ('‘', &['’'])];

/// Words that no fact bears out, in order, each once. What is quoted from a code or from the file is not said by the text.
pub(super) fn unverified(text: &str, facts: &ImageFacts) -> Vec<String> {
    let mut own = without_quotations(&text.to_lowercase(), facts);
    let mut unverified = BTreeSet::new();
    let is_colourless = facts.measured.tone.as_ref().is_some_and(|tone| tone.is_colourless());
    for words in COLOURLESS {
        if own.contains(words) {
            if !is_colourless {
                unverified.insert(words.to_owned());
            }
            // What the words name is no colour.
            own = own.replace(words, " ");
        }
    }
    let mut measured: BTreeSet<ColourName> = facts.measured.colours.iter().map(|share| share.name).collect();
    measured.extend(facts.measured.layout.regions.iter().map(|region| region.colour));
    for word in own.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let is_measured = |by: &&[ColourName]| by.iter().any(|colour| measured.contains(colour));
        let is_so =
            colours(word).iter().all(is_measured) && is_code_of(word, facts) && is_kind_of(word, facts);
        if !is_so {
            unverified.insert(word.to_owned());
        }
    }
    unverified.into_iter().collect()
}

/// The colours of a word, each as those that bear it out; none when it is no word of colours. `rotbraun` has two.
fn colours(word: &str) -> Vec<&'static [ColourName]> {
    let english = of_language(word, &ENGLISH, &ENGLISH_FRONTS, &ENGLISH_ENDS);
    if english.is_empty() { of_language(word, &GERMAN, &GERMAN_FRONTS, &GERMAN_ENDS) } else { english }
}

fn of_language(
    word: &str,
    names: &'static [(&[&str], &[ColourName])],
    fronts: &[&str],
    ends: &[&str],
) -> Vec<&'static [ColourName]> {
    let without_front = fronts.iter().find_map(|front| word.strip_prefix(front));
    for word in [Some(word), without_front].into_iter().flatten() {
        for (said, by) in names {
            for rest in said.iter().filter_map(|name| word.strip_prefix(name)) {
                if ends.contains(&rest) {
                    return vec![by];
                }
                let more = of_language(rest, names, fronts, ends);
                if !more.is_empty() {
                    return [vec![*by], more].concat();
                }
            }
        }
    }
    Vec::new()
}

/// Codes are QR codes, and those are decoded; others are not looked for.
fn is_code_of(word: &str, facts: &ImageFacts) -> bool {
    match word {
        "barcode" | "barcodes" | "strichcode" | "strichcodes" | "datamatrix" => false,
        word => {
            let is_qr = word == "qr" || word.starts_with("qrcode");
            !is_qr || !facts.measured.codes.is_empty()
        }
    }
}

/// Where no rule told the kind, a text may call it a photo; a code may be on one.
fn is_kind_of(word: &str, facts: &ImageFacts) -> bool {
    let may_be_photo = matches!(facts.measured.class.class, Class::Photo | Class::Code | Class::Unknown);
    (may_be_photo || !PHOTO.contains(&word)) && (facts.file.animated || !ANIMATED.contains(&word))
}

/// A text, in small letters, without what it quotes. A quotation is the whole text of a code or the description of the file,
/// or its beginning with the mark of a cut behind it; marks around something else change nothing.
fn without_quotations(text: &str, facts: &ImageFacts) -> String {
    let sources: Vec<String> = facts
        .measured
        .codes
        .iter()
        .map(|code| code.text.as_str())
        .chain(facts.file.metadata.description.as_deref())
        .map(|text| text.chars().map(|c| if is_unseen(c) { ' ' } else { c }).collect::<String>())
        .map(|text| text.trim().to_lowercase())
        .collect();
    let is_quoted = |inside: &str| match inside.strip_suffix(CUT) {
        Some(cut) => {
            cut.chars().count() >= QUOTED_MIN && sources.iter().any(|source| source.starts_with(cut))
        }
        None => sources.iter().any(|source| source == inside),
    };
    let (mut own, mut rest) = (String::new(), text);
    while let Some(c) = rest.chars().next() {
        let behind = &rest[c.len_utf8()..];
        let closes = QUOTES.iter().find(|(open, _)| *open == c).map_or(&[][..], |(_, closes)| closes);
        // The text of a code may hold marks itself, so it need not end at the first.
        let end = behind
            .char_indices()
            .filter(|(_, c)| closes.contains(c))
            .find(|(at, _)| is_quoted(&behind[..*at]));
        match end {
            Some((at, close)) => {
                own.push(' ');
                rest = &behind[at + close.len_utf8()..];
            }
            None => {
                own.push(c);
                rest = behind;
            }
        }
    }
    own
}
