//! The words of the texts in two languages. German puts colours behind what has them (`Kreis in Rot`), so that no ending
//! depends on anything.

use crate::pictures::class::Class;
use crate::pictures::colour::ColourName;
use crate::pictures::layout::{Position, Shape};
use crate::pictures::tone::Brightness;

/// A language of texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// `en`
    English,
    /// `de`
    German,
}

impl Language {
    /// Its tag.
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    pub(super) fn pick(self, english: &'static str, german: &'static str) -> &'static str {
        match self {
            Self::English => english,
            Self::German => german,
        }
    }

    /// A colour as it stands behind a verb: `dark blue`, `dunkelblau`.
    pub(super) fn colour(self, colour: ColourName) -> &'static str {
        use ColourName::*;
        let (english, german) = match colour {
            Black => ("black", "schwarz"),
            DarkGrey => ("dark grey", "dunkelgrau"),
            Grey => ("grey", "grau"),
            LightGrey => ("light grey", "hellgrau"),
            White => ("white", "weiß"),
            Red => ("red", "rot"),
            DarkRed => ("dark red", "dunkelrot"),
            Orange => ("orange", "orange"),
            Brown => ("brown", "braun"),
            Beige => ("beige", "beige"),
            Yellow => ("yellow", "gelb"),
            Olive => ("olive", "oliv"),
            Green => ("green", "grün"),
            DarkGreen => ("dark green", "dunkelgrün"),
            LightGreen => ("light green", "hellgrün"),
            Turquoise => ("turquoise", "türkis"),
            Teal => ("teal", "petrol"),
            Blue => ("blue", "blau"),
            DarkBlue => ("dark blue", "dunkelblau"),
            LightBlue => ("light blue", "hellblau"),
            Purple => ("purple", "violett"),
            Magenta => ("magenta", "magenta"),
            Pink => ("pink", "rosa"),
        };
        self.pick(english, german)
    }

    /// A colour as it stands for itself: `dark blue`, `Dunkelblau`.
    pub(super) fn colour_noun(self, colour: ColourName) -> String {
        let word = self.colour(colour);
        match self {
            Self::English => word.to_owned(),
            Self::German => {
                let mut letters = word.chars();
                letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
            }
        }
    }

    /// One code, or more than one.
    pub(super) fn codes(self, count: usize) -> &'static str {
        if count == 1 { self.pick("QR code", "QR-Code") } else { self.pick("QR codes", "QR-Codes") }
    }

    /// What kind of image it is.
    pub(super) fn class(self, class: Class, is_colourless: bool) -> &'static str {
        match class {
            Class::Photo if is_colourless => self.pick("Black-and-white photo", "Schwarz-Weiß-Foto"),
            Class::Photo => self.pick("Photo", "Foto"),
            Class::Graphic => self.pick("Graphic", "Grafik"),
            Class::Document => self.pick("Document", "Dokument"),
            Class::Code => self.codes(1),
            Class::Plain => self.pick("Plain image", "Einfarbiges Bild"),
            Class::Unknown => self.pick("Image", "Bild"),
        }
    }

    pub(super) fn shape(self, shape: Option<Shape>) -> &'static str {
        match shape {
            Some(Shape::Square) => self.pick("square", "Quadrat"),
            Some(Shape::Rectangle) => self.pick("rectangle", "Rechteck"),
            Some(Shape::Circle) => self.pick("circle", "Kreis"),
            None => self.pick("area", "Fläche"),
        }
    }

    pub(super) fn position(self, position: Position) -> &'static str {
        match position {
            Position::TopLeft => self.pick("at top left", "oben links"),
            Position::Top => self.pick("at the top", "oben"),
            Position::TopRight => self.pick("at top right", "oben rechts"),
            Position::Left => self.pick("on the left", "links"),
            Position::Centre => self.pick("in the centre", "in der Mitte"),
            Position::Right => self.pick("on the right", "rechts"),
            Position::BottomLeft => self.pick("at bottom left", "unten links"),
            Position::Bottom => self.pick("at the bottom", "unten"),
            Position::BottomRight => self.pick("at bottom right", "unten rechts"),
        }
    }

    /// How bright it is, where that is worth a word.
    pub(super) fn brightness(self, brightness: Brightness) -> Option<&'static str> {
        Some(match brightness {
            Brightness::VeryDark => self.pick("very dark", "sehr dunkel"),
            Brightness::Dark => self.pick("dark", "dunkel"),
            Brightness::Medium => return None,
            Brightness::Bright => self.pick("bright", "hell"),
            Brightness::VeryBright => self.pick("very bright", "sehr hell"),
        })
    }

    /// A region of a colour.
    pub(super) fn region(self, shape: Option<Shape>, colour: ColourName, position: Position) -> String {
        let (shape, place) = (self.shape(shape), self.position(position));
        match self {
            Self::English => format!("{} {shape} {place}", self.colour(colour)),
            Self::German => format!("{shape} in {} {place}", self.colour_noun(colour)),
        }
    }

    /// Words in a row, the last with an `and`.
    pub(super) fn list(self, words: &[String]) -> String {
        match words {
            [] => String::new(),
            [one] => one.clone(),
            [first @ .., last] => format!("{} {} {last}", first.join(", "), self.pick("and", "und")),
        }
    }

    /// A quotation.
    pub(super) fn quoted(self, text: &str) -> String {
        match self {
            Self::English => format!("“{text}”"),
            Self::German => format!("„{text}“"),
        }
    }
}
