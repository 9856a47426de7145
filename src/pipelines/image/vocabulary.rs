//! The words a prompt may use: the tables that docs/IMAGE.md shows. Whatever is in none of them is listed as ignored.

use crate::pipelines::image::render::math::{Vec3, vec3};

/// Words for things that stand in a scene, each with its plural and its kind.
pub const THINGS: &[(&str, &str, ThingKind)] = &[
    ("ball", "balls", ThingKind::Ball),
    ("sphere", "spheres", ThingKind::Ball),
    ("orb", "orbs", ThingKind::Ball),
    ("globe", "globes", ThingKind::Ball),
    ("planet", "planets", ThingKind::Planet),
    ("bubble", "bubbles", ThingKind::Bubble),
    ("egg", "eggs", ThingKind::Egg),
    ("apple", "apples", ThingKind::Apple),
    ("orange", "oranges", ThingKind::Fruit),
    ("cube", "cubes", ThingKind::Cube),
    ("box", "boxes", ThingKind::Cube),
    ("block", "blocks", ThingKind::Cube),
    ("cylinder", "cylinders", ThingKind::Cylinder),
    ("column", "columns", ThingKind::Column),
    ("pillar", "pillars", ThingKind::Column),
    ("cone", "cones", ThingKind::Cone),
    ("pyramid", "pyramids", ThingKind::Pyramid),
    ("ring", "rings", ThingKind::Ring),
    ("torus", "tori", ThingKind::Ring),
    ("donut", "donuts", ThingKind::Ring),
    ("crystal", "crystals", ThingKind::Crystal),
    ("gem", "gems", ThingKind::Crystal),
    ("diamond", "diamonds", ThingKind::Crystal),
    ("tree", "trees", ThingKind::Tree),
    ("pine", "pines", ThingKind::Pine),
    ("fir", "firs", ThingKind::Pine),
    ("forest", "forests", ThingKind::Forest),
    ("flower", "flowers", ThingKind::Flower),
    ("mushroom", "mushrooms", ThingKind::Mushroom),
    ("cactus", "cacti", ThingKind::Cactus),
    ("rock", "rocks", ThingKind::Rock),
    ("stone", "stones", ThingKind::Rock),
    ("boulder", "boulders", ThingKind::Rock),
    ("house", "houses", ThingKind::House),
    ("cabin", "cabins", ThingKind::House),
    ("cottage", "cottages", ThingKind::House),
    ("village", "villages", ThingKind::Village),
    ("tower", "towers", ThingKind::Tower),
    ("skyscraper", "skyscrapers", ThingKind::Skyscraper),
    ("city", "cities", ThingKind::City),
    ("castle", "castles", ThingKind::Castle),
    ("lighthouse", "lighthouses", ThingKind::Lighthouse),
    ("windmill", "windmills", ThingKind::Windmill),
    ("boat", "boats", ThingKind::Boat),
    ("ship", "ships", ThingKind::Boat),
    ("sailboat", "sailboats", ThingKind::Boat),
    ("lamp", "lamps", ThingKind::Lamp),
    ("lantern", "lanterns", ThingKind::Lamp),
    ("candle", "candles", ThingKind::Candle),
    ("snowman", "snowmen", ThingKind::Snowman),
    ("robot", "robots", ThingKind::Robot),
    ("rocket", "rockets", ThingKind::Rocket),
    ("balloon", "balloons", ThingKind::Balloon),
    ("vase", "vases", ThingKind::Vase),
    ("island", "islands", ThingKind::Island),
];

/// What a thing is built as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // each is its word
pub enum ThingKind {
    Ball,
    Planet,
    Bubble,
    Egg,
    Apple,
    Fruit,
    Cube,
    Cylinder,
    Column,
    Cone,
    Pyramid,
    Ring,
    Crystal,
    Tree,
    Pine,
    Forest,
    Flower,
    Mushroom,
    Cactus,
    Rock,
    House,
    Village,
    Tower,
    Skyscraper,
    City,
    Castle,
    Lighthouse,
    Windmill,
    Boat,
    Lamp,
    Candle,
    Snowman,
    Robot,
    Rocket,
    Balloon,
    Vase,
    Island,
}

/// Colours, in linear light.
pub const COLOURS: &[(&str, Vec3)] = &[
    ("red", vec3(0.62, 0.04, 0.03)),
    ("crimson", vec3(0.45, 0.01, 0.03)),
    ("scarlet", vec3(0.72, 0.05, 0.02)),
    ("pink", vec3(0.80, 0.28, 0.38)),
    ("magenta", vec3(0.58, 0.03, 0.36)),
    ("purple", vec3(0.22, 0.05, 0.42)),
    ("violet", vec3(0.29, 0.10, 0.60)),
    ("indigo", vec3(0.09, 0.06, 0.40)),
    ("blue", vec3(0.04, 0.13, 0.58)),
    ("navy", vec3(0.01, 0.03, 0.18)),
    ("azure", vec3(0.08, 0.33, 0.78)),
    ("cyan", vec3(0.04, 0.52, 0.62)),
    ("turquoise", vec3(0.05, 0.50, 0.42)),
    ("teal", vec3(0.01, 0.21, 0.22)),
    ("green", vec3(0.05, 0.34, 0.07)),
    ("emerald", vec3(0.02, 0.38, 0.16)),
    ("lime", vec3(0.34, 0.66, 0.05)),
    ("olive", vec3(0.18, 0.20, 0.03)),
    ("yellow", vec3(0.80, 0.58, 0.04)),
    ("amber", vec3(0.80, 0.36, 0.02)),
    ("orange", vec3(0.78, 0.22, 0.02)),
    ("brown", vec3(0.18, 0.08, 0.03)),
    ("beige", vec3(0.66, 0.54, 0.38)),
    ("white", vec3(0.82, 0.82, 0.80)),
    ("ivory", vec3(0.84, 0.79, 0.65)),
    ("grey", vec3(0.22, 0.22, 0.22)),
    ("gray", vec3(0.22, 0.22, 0.22)),
    ("black", vec3(0.02, 0.02, 0.022)),
];

/// Stuffs that things are made of.
pub const STUFFS: &[(&str, Stuff)] = &[
    ("glass", Stuff::Glass),
    ("crystal", Stuff::Glass),
    ("transparent", Stuff::Glass),
    ("ice", Stuff::Ice),
    ("icy", Stuff::Ice),
    ("metal", Stuff::Steel),
    ("metallic", Stuff::Steel),
    ("steel", Stuff::Steel),
    ("chrome", Stuff::Chrome),
    ("mirror", Stuff::Chrome),
    ("mirrored", Stuff::Chrome),
    ("silver", Stuff::Silver),
    ("gold", Stuff::Gold),
    ("golden", Stuff::Gold),
    ("copper", Stuff::Copper),
    ("bronze", Stuff::Bronze),
    ("marble", Stuff::Marble),
    ("wood", Stuff::Wood),
    ("wooden", Stuff::Wood),
    ("plastic", Stuff::Gloss),
    ("glossy", Stuff::Gloss),
    ("shiny", Stuff::Gloss),
    ("porcelain", Stuff::Gloss),
    ("matte", Stuff::Matte),
    ("clay", Stuff::Clay),
    ("brick", Stuff::Brick),
    ("glowing", Stuff::Glow),
    ("luminous", Stuff::Glow),
    ("neon", Stuff::Glow),
    ("checkered", Stuff::Checks),
    ("chequered", Stuff::Checks),
    ("striped", Stuff::Stripes),
];

/// What a thing is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // each is its word
pub enum Stuff {
    Glass,
    Ice,
    Steel,
    Chrome,
    Silver,
    Gold,
    Copper,
    Bronze,
    Marble,
    Wood,
    Gloss,
    Matte,
    Clay,
    Brick,
    Glow,
    Checks,
    Stripes,
}

/// How large a thing is, 1 being usual.
pub const SIZES: &[(&str, f32)] = &[
    ("tiny", 0.4),
    ("small", 0.65),
    ("little", 0.65),
    ("big", 1.5),
    ("large", 1.5),
    ("tall", 1.5),
    ("huge", 2.2),
    ("giant", 2.2),
    ("enormous", 2.6),
];

/// How many.
pub const COUNTS: &[(&str, usize)] = &[
    ("a", 1),
    ("an", 1),
    ("one", 1),
    ("single", 1),
    ("lone", 1),
    ("two", 2),
    ("pair", 2),
    ("three", 3),
    ("few", 3),
    ("four", 4),
    ("five", 5),
    ("several", 5),
    ("six", 6),
    ("seven", 7),
    ("eight", 8),
    ("nine", 9),
    ("ten", 10),
    ("dozen", 12),
    ("many", 14),
];

/// How things stand together.
pub const LAYOUTS: &[(&str, Layout)] = &[
    ("row", Layout::Row),
    ("line", Layout::Row),
    ("circle", Layout::Circle),
    ("stack", Layout::Stack),
    ("stacked", Layout::Stack),
    ("pile", Layout::Pile),
    ("heap", Layout::Pile),
    ("grid", Layout::Grid),
    ("scattered", Layout::Scattered),
];

/// How several of a thing stand together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // each is its word
pub enum Layout {
    Row,
    Circle,
    Stack,
    Pile,
    Grid,
    Scattered,
}

/// Where a thing stands.
pub const PLACES: &[(&str, Place)] = &[
    ("left", Place::Left),
    ("right", Place::Right),
    ("behind", Place::Behind),
    ("background", Place::Behind),
    ("distant", Place::Behind),
    ("front", Place::Front),
    ("foreground", Place::Front),
    ("floating", Place::Above),
    ("flying", Place::Above),
    ("hovering", Place::Above),
    ("above", Place::Above),
    ("center", Place::Middle),
    ("centre", Place::Middle),
    ("middle", Place::Middle),
];

/// Where a thing stands in the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // each is its word
pub enum Place {
    Left,
    Right,
    Behind,
    Front,
    Above,
    Middle,
}

/// What the scene stands upon.
pub const GROUNDS: &[(&str, GroundKind)] = &[
    ("sea", GroundKind::Water),
    ("ocean", GroundKind::Water),
    ("lake", GroundKind::Water),
    ("water", GroundKind::Water),
    ("river", GroundKind::Water),
    ("desert", GroundKind::Sand),
    ("dunes", GroundKind::Sand),
    ("sand", GroundKind::Sand),
    ("beach", GroundKind::Sand),
    ("meadow", GroundKind::Grass),
    ("grass", GroundKind::Grass),
    ("field", GroundKind::Grass),
    ("garden", GroundKind::Grass),
    ("snow", GroundKind::Snow),
    ("snowy", GroundKind::Snow),
    ("winter", GroundKind::Snow),
    ("checkerboard", GroundKind::Checks),
    ("chessboard", GroundKind::Checks),
    ("table", GroundKind::Wood),
    ("floor", GroundKind::Wood),
    ("street", GroundKind::Asphalt),
    ("road", GroundKind::Asphalt),
    ("moonscape", GroundKind::Dust),
    ("mars", GroundKind::Mars),
];

/// What the ground is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // each is its word
pub enum GroundKind {
    Water,
    Sand,
    Grass,
    Snow,
    Checks,
    Wood,
    Asphalt,
    Dust,
    Mars,
    Plain,
}

/// What rises from the ground.
pub const RELIEFS: &[(&str, Relief)] = &[
    ("hill", Relief::Hills),
    ("hills", Relief::Hills),
    ("hilly", Relief::Hills),
    ("valley", Relief::Hills),
    ("mountain", Relief::Mountains),
    ("mountains", Relief::Mountains),
    ("alps", Relief::Mountains),
    ("peaks", Relief::Mountains),
];

/// What rises from the ground.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // each is its word
pub enum Relief {
    Hills,
    Mountains,
}

/// The time of day and the weather.
pub const SKIES: &[(&str, SkyWord)] = &[
    ("sunrise", SkyWord::Sunrise),
    ("dawn", SkyWord::Sunrise),
    ("morning", SkyWord::Morning),
    ("noon", SkyWord::Noon),
    ("day", SkyWord::Noon),
    ("sunny", SkyWord::Noon),
    ("afternoon", SkyWord::Afternoon),
    ("sunset", SkyWord::Sunset),
    ("dusk", SkyWord::Dusk),
    ("evening", SkyWord::Sunset),
    ("twilight", SkyWord::Dusk),
    ("night", SkyWord::Night),
    ("midnight", SkyWord::Night),
    ("moonlight", SkyWord::Night),
    ("moonlit", SkyWord::Night),
    ("studio", SkyWord::Studio),
];

/// Where the light comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // each is its word
pub enum SkyWord {
    Sunrise,
    Morning,
    Noon,
    Afternoon,
    Sunset,
    Dusk,
    Night,
    Studio,
}

/// Changes to the light, whatever the hour.
pub const WEATHERS: &[(&str, Weather)] = &[
    ("cloudy", Weather::Cloudy),
    ("clouds", Weather::Cloudy),
    ("overcast", Weather::Overcast),
    ("rainy", Weather::Overcast),
    ("stormy", Weather::Stormy),
    ("storm", Weather::Stormy),
    ("foggy", Weather::Foggy),
    ("fog", Weather::Foggy),
    ("misty", Weather::Misty),
    ("mist", Weather::Misty),
    ("hazy", Weather::Misty),
    ("clear", Weather::Clear),
    ("starry", Weather::Starry),
    ("stars", Weather::Starry),
];

/// A change to the light.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // each is its word
pub enum Weather {
    Clear,
    Cloudy,
    Overcast,
    Stormy,
    Foggy,
    Misty,
    Starry,
}

/// Moods: changes to warmth, contrast, colour strength and exposure.
pub const MOODS: &[(&str, Mood)] = &[
    ("warm", Mood { warmth: 0.7, contrast: 1.0, saturation: 1.05, exposure: 0.0 }),
    ("cosy", Mood { warmth: 0.8, contrast: 1.0, saturation: 1.05, exposure: -0.1 }),
    ("cozy", Mood { warmth: 0.8, contrast: 1.0, saturation: 1.05, exposure: -0.1 }),
    ("cold", Mood { warmth: -0.7, contrast: 1.05, saturation: 0.9, exposure: 0.0 }),
    ("cool", Mood { warmth: -0.5, contrast: 1.0, saturation: 0.95, exposure: 0.0 }),
    ("calm", Mood { warmth: 0.1, contrast: 0.9, saturation: 0.85, exposure: 0.1 }),
    ("peaceful", Mood { warmth: 0.2, contrast: 0.9, saturation: 0.9, exposure: 0.15 }),
    ("quiet", Mood { warmth: 0.0, contrast: 0.9, saturation: 0.85, exposure: 0.0 }),
    ("dreamy", Mood { warmth: 0.25, contrast: 0.8, saturation: 0.9, exposure: 0.35 }),
    ("soft", Mood { warmth: 0.1, contrast: 0.85, saturation: 0.9, exposure: 0.15 }),
    ("dramatic", Mood { warmth: 0.1, contrast: 1.35, saturation: 1.1, exposure: -0.3 }),
    ("moody", Mood { warmth: -0.15, contrast: 1.2, saturation: 0.8, exposure: -0.5 }),
    ("dark", Mood { warmth: -0.1, contrast: 1.2, saturation: 0.9, exposure: -0.9 }),
    ("gloomy", Mood { warmth: -0.3, contrast: 1.05, saturation: 0.6, exposure: -0.7 }),
    ("mysterious", Mood { warmth: -0.3, contrast: 1.2, saturation: 0.85, exposure: -0.5 }),
    ("bright", Mood { warmth: 0.0, contrast: 1.0, saturation: 1.05, exposure: 0.5 }),
    ("cheerful", Mood { warmth: 0.3, contrast: 1.0, saturation: 1.25, exposure: 0.35 }),
    ("happy", Mood { warmth: 0.3, contrast: 1.0, saturation: 1.2, exposure: 0.3 }),
    ("vivid", Mood { warmth: 0.0, contrast: 1.1, saturation: 1.4, exposure: 0.0 }),
    ("colourful", Mood { warmth: 0.0, contrast: 1.05, saturation: 1.35, exposure: 0.0 }),
    ("colorful", Mood { warmth: 0.0, contrast: 1.05, saturation: 1.35, exposure: 0.0 }),
    ("pastel", Mood { warmth: 0.1, contrast: 0.75, saturation: 0.65, exposure: 0.45 }),
    ("muted", Mood { warmth: 0.0, contrast: 0.9, saturation: 0.6, exposure: 0.0 }),
    ("monochrome", Mood { warmth: 0.0, contrast: 1.1, saturation: 0.0, exposure: 0.0 }),
];

/// Changes that a mood word makes; contrast and saturation multiply, the others add.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mood {
    /// See [`crate::pipelines::image::scene::Light`].
    pub warmth: f32,
    /// See there.
    pub contrast: f32,
    /// See there.
    pub saturation: f32,
    /// See there.
    pub exposure: f32,
}

/// Where the viewer stands; of two words, the whole of the first that is found.
pub const VIEWS: &[(&str, View)] = &[
    ("close-up", View::Close),
    ("closeup", View::Close),
    ("macro", View::Close),
    ("wide", View::Wide),
    ("panorama", View::Wide),
    ("panoramic", View::Wide),
    ("aerial", View::High),
    ("bird's-eye", View::High),
    ("low-angle", View::Low),
];

/// Where the viewer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // each is its word
pub enum View {
    Close,
    Wide,
    High,
    Low,
}

/// Words that join others and need not be understood.
pub const JOINTS: &[&str] = &[
    "the",
    "of",
    "on",
    "in",
    "at",
    "with",
    "and",
    "by",
    "to",
    "from",
    "over",
    "under",
    "near",
    "next",
    "beside",
    "between",
    "its",
    "their",
    "is",
    "are",
    "that",
    "some",
    "picture",
    "image",
    "photo",
    "photograph",
    "painting",
    "scene",
    "view",
    "render",
    "rendering",
    "landscape",
    "standing",
    "lying",
    "made",
    "light",
    "lit",
    "sky",
    "sun",
    "moon",
    "background",
    "around",
    "up",
    "very",
    "it",
    "for",
    "into",
    "out",
    "as",
    "against",
    "across",
    "s",
    "each",
    "other",
    "there",
    "shot",
];

/// The entry of a word in a table.
pub fn find<T: Copy>(table: &[(&str, T)], word: &str) -> Option<T> {
    table.iter().find(|(name, _)| *name == word).map(|(_, value)| *value)
}

/// The thing of a word, and whether the word is a plural.
pub fn find_thing(word: &str) -> Option<(ThingKind, bool)> {
    THINGS.iter().find_map(|(one, many, kind)| {
        if *one == word { Some((*kind, false)) } else { (*many == word).then_some((*kind, true)) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_published() {
        const DOCUMENT: &str = include_str!("../../../docs/IMAGE.md");
        fn names<T>(table: &[(&'static str, T)]) -> Vec<&'static str> {
            table.iter().map(|(word, _)| *word).collect()
        }
        let words = [
            THINGS.iter().map(|(one, ..)| *one).collect(),
            names(COLOURS),
            names(STUFFS),
            names(SIZES),
            names(COUNTS),
            names(LAYOUTS),
            names(PLACES),
            names(GROUNDS),
            names(RELIEFS),
            names(SKIES),
            names(WEATHERS),
            names(MOODS),
            names(VIEWS),
        ];
        for word in words.into_iter().flatten() {
            assert!(DOCUMENT.contains(&format!("`{word}`")), "{word} is not in docs/IMAGE.md");
        }
    }
}
