//! Agent 2: from wishes to a scene: what stands where, and where it is seen from.

use crate::domain::event::LogLevel;
use crate::pipelines::image::models::{build, extent, usual};
use crate::pipelines::image::reader::{Prompt, Wish};
use crate::pipelines::image::render::math::{Vec3, turn, vec3};
use crate::pipelines::image::render::random::Stream;
use crate::pipelines::image::scene::{Camera, Finish, Ground, Material, Part, PatternKind, Scene, Thing};
use crate::pipelines::image::vocabulary::{
    COLOURS, GROUNDS, GroundKind, LAYOUTS, Layout, PLACES, Place, RELIEFS, Relief, SIZES, SKIES, STUFFS,
    SkyWord, Stuff, ThingKind, VIEWS, View, find, find_thing,
};
use crate::pipelines::{AgentError, AgentHost, AgentInputs, AgentOutput, OutputFile};

/// The agent.
///
/// # Errors
/// When the prompt was not read before.
pub fn run(inputs: &AgentInputs, host: &dyn AgentHost) -> Result<AgentOutput, AgentError> {
    host.check()?;
    let prompt: Prompt = inputs.files.json("prompt.json")?;
    let scene = compose(&prompt, inputs.seed());
    let parts: usize = scene.things.iter().map(|thing| thing.parts.len()).sum();
    for thing in &scene.things {
        host.log(LogLevel::Debug, &format!("{}: {} shapes", thing.name, thing.parts.len()));
    }
    let json = serde_json::to_string(&scene).map_err(|error| AgentError::failed(error.to_string()))?;
    let summary = format!("{} things of {parts} shapes", scene.things.len());
    Ok(AgentOutput { files: vec![OutputFile::text("scene.json", json + "\n")], summary })
}

/// A thing that waits for its place.
struct Standing {
    name: String,
    kind: ThingKind,
    own: Material,
    size: f32,
    radius: f32,
    height: f32,
    at: Vec3,
}

/// The scene of a prompt. The same prompt and seed always give the same one.
pub fn compose(prompt: &Prompt, seed: u64) -> Scene {
    let mut chance = Stream::new(seed, 0, 0);
    let lit = prompt
        .setting
        .sky
        .as_deref()
        .and_then(|word| find(SKIES, word))
        .is_some_and(|sky| matches!(sky, SkyWord::Night | SkyWord::Dusk | SkyWord::Sunset));
    let ground = ground(prompt, seed);
    let mut standing: Vec<Standing> = Vec::new();
    for wish in &prompt.wishes {
        place(wish, &mut standing, &mut chance);
    }
    on_islands(&mut standing);
    let table = prompt.setting.ground.as_deref() == Some("table");
    let table = table.then(|| table_for(prompt, &standing));
    if table.is_some() {
        standing.iter_mut().for_each(|one| one.at.y += TABLE_HEIGHT);
    }
    let camera = camera(prompt, &standing);
    let things = standing
        .into_iter()
        .map(|one| Thing {
            parts: build(one.kind, one.at, one.size, one.own, lit, &mut chance),
            name: one.name,
        })
        .chain(table)
        .collect();
    Scene { camera, ground, things }
}

/// How high the top of a table is: things on it are of the size of rooms, and so is it.
const TABLE_HEIGHT: f32 = 4.2;

/// A table that holds what stands.
fn table_for(prompt: &Prompt, standing: &[Standing]) -> Thing {
    let reach = |part: fn(&Standing) -> f32| standing.iter().map(part).fold(0.0, f32::max);
    let wide = reach(|one| one.at.x.abs() + one.radius) + 3.4;
    let deep = reach(|one| one.at.z.abs() + one.radius) + 2.4;
    let look = prompt.setting.ground_look.as_deref();
    let stuff = look.and_then(|word| find(STUFFS, word)).filter(|stuff| *stuff != Stuff::Wood);
    let own = match (stuff, look.and_then(|word| find(COLOURS, word))) {
        (Some(stuff), _) => stuffed(stuff, None, BOARD),
        (None, Some(colour)) => {
            Material::of(Finish::Gloss, colour).with(PatternKind::Planks, colour * 0.6, PLANK)
        }
        (None, None) => boards(),
    };
    let slab = |at: Vec3, half: Vec3| Part::cuboid(at, half, (1.0, 0.0), own);
    let mut parts = vec![slab(vec3(0.0, TABLE_HEIGHT - 0.14, 0.0), vec3(wide, 0.14, deep))];
    for (x, z) in [(-1.0, -1.0), (-1.0, 1.0), (1.0, -1.0), (1.0, 1.0)] {
        let at = vec3(x * (wide - 0.5), TABLE_HEIGHT * 0.5 - 0.15, z * (deep - 0.5));
        parts.push(slab(at, vec3(0.2, TABLE_HEIGHT * 0.5 - 0.15, 0.2)));
    }
    Thing { name: "table".to_owned(), parts }
}

/// Width of a board.
const PLANK: f32 = 0.72;
const BOARD: Vec3 = vec3(0.40, 0.215, 0.10);

fn boards() -> Material {
    Material::of(Finish::Gloss, BOARD).with(PatternKind::Planks, vec3(0.115, 0.05, 0.02), PLANK)
}

/// Where there are islands, what could stand on the ground stands on them.
fn on_islands(standing: &mut [Standing]) {
    let islands: Vec<(Vec3, f32)> =
        standing.iter().filter(|one| one.kind == ThingKind::Island).map(|one| (one.at, one.size)).collect();
    let mut used = 0;
    for one in standing.iter_mut() {
        if islands.is_empty()
            || one.at.y > 0.1
            || matches!(one.kind, ThingKind::Island | ThingKind::Boat | ThingKind::Forest | ThingKind::City)
        {
            continue;
        }
        let (middle, size) = islands[used % islands.len()];
        let place = (used / islands.len()) as f32;
        used += 1;
        // On the green, beside its trees, the next ones a little to the side.
        let (cos, sin) = turn(20.0 + place * 100.0);
        one.at = middle + vec3(cos * 1.05, 0.0, sin * 0.55) * size;
        one.at.y = 0.52 * size;
    }
}

/// The material of a wish: its stuff in its colour, or what is usual for the thing.
fn material(wish: &Wish, kind: ThingKind, chance: &mut Stream) -> Material {
    let usual = usual(kind, chance);
    let colour = wish.colour.as_deref().and_then(|word| find(COLOURS, word));
    let Some(stuff) = wish.stuff.as_deref().and_then(|word| find(STUFFS, word)) else {
        return match colour {
            Some(colour) if usual.finish == Finish::Glass => tinted(colour),
            Some(colour) if usual.finish == Finish::Lamp => Material::of(Finish::Lamp, colour * 14.0),
            Some(colour) => Material { colour, pattern: None, ..usual },
            None => usual,
        };
    };
    stuffed(stuff, colour, usual.colour)
}

fn tinted(colour: Vec3) -> Material {
    Material::of(Finish::Glass, colour.mix(Vec3::ONE, 0.35))
}

/// A material of that stuff.
pub fn stuffed(stuff: Stuff, colour: Option<Vec3>, usual: Vec3) -> Material {
    let metal = |own: Vec3, rough: f32| {
        Material::of(Finish::Metal { rough }, colour.map_or(own, |colour| colour.mix(Vec3::ONE, 0.15)))
    };
    let body = colour.unwrap_or(usual);
    match stuff {
        Stuff::Glass => colour.map_or(Material::of(Finish::Glass, vec3(0.96, 0.98, 0.97)), tinted),
        Stuff::Ice => Material::of(Finish::Glass, vec3(0.78, 0.91, 0.97)),
        Stuff::Steel => metal(vec3(0.56, 0.57, 0.58), 0.28),
        Stuff::Chrome => metal(vec3(0.80, 0.81, 0.82), 0.0),
        Stuff::Silver => metal(vec3(0.91, 0.89, 0.86), 0.08),
        Stuff::Gold => metal(vec3(0.95, 0.64, 0.22), 0.12),
        Stuff::Copper => metal(vec3(0.86, 0.45, 0.30), 0.18),
        Stuff::Bronze => metal(vec3(0.58, 0.40, 0.20), 0.26),
        Stuff::Marble => {
            let base = colour.unwrap_or(vec3(0.82, 0.81, 0.79));
            Material::of(Finish::Gloss, base).with(PatternKind::Marble, base * 0.3, 0.7)
        }
        Stuff::Wood => {
            let base = colour.unwrap_or(vec3(0.38, 0.20, 0.09));
            Material::of(Finish::Gloss, base).with(PatternKind::Wood, base * 0.5, 0.5)
        }
        Stuff::Gloss => Material::of(Finish::Gloss, body),
        Stuff::Matte => Material::matte(body),
        Stuff::Clay => Material::matte(colour.unwrap_or(vec3(0.46, 0.20, 0.11))),
        Stuff::Brick => {
            let base = colour.unwrap_or(vec3(0.40, 0.13, 0.08));
            Material::matte(base).with(PatternKind::Checks, base * 0.7, 0.25)
        }
        Stuff::Glow => Material::of(Finish::Lamp, colour.unwrap_or(vec3(0.8, 0.6, 0.35)) * 7.0),
        Stuff::Checks => {
            Material::of(Finish::Gloss, body).with(PatternKind::Checks, vec3(0.82, 0.82, 0.8), 0.4)
        }
        Stuff::Stripes => {
            Material::of(Finish::Gloss, body).with(PatternKind::Stripes, vec3(0.82, 0.82, 0.8), 0.35)
        }
    }
}

/// Finds places for the things of a wish among those that stand already.
fn place(wish: &Wish, standing: &mut Vec<Standing>, chance: &mut Stream) {
    let Some((kind, _)) = find_thing(&wish.thing) else { return };
    let size = wish.size.as_deref().and_then(|word| find(SIZES, word)).unwrap_or(1.0);
    let layout = wish.layout.as_deref().and_then(|word| find(LAYOUTS, word));
    let where_to = wish.place.as_deref().and_then(|word| find(PLACES, word));
    let (radius, height) = extent(kind);
    let (radius, height) = (radius * size, height * size);
    let group = grouped(layout, wish.count, radius, height, chance);
    let reach = group.iter().map(|at| vec3(at.x, 0.0, at.z).length()).fold(0.0, f32::max) + radius;
    let anchor = anchor(where_to, reach, radius, height, standing, chance);
    for offset in group {
        let scale = if wish.count > 1 && layout.is_none() { chance.within(0.85, 1.12) } else { 1.0 };
        standing.push(Standing {
            name: wish.thing.clone(),
            kind,
            own: material(wish, kind, chance),
            size: size * scale,
            radius: radius * scale,
            height: height * scale,
            at: anchor + offset,
        });
    }
}

/// Places of several equal things among themselves.
fn grouped(layout: Option<Layout>, count: usize, radius: f32, height: f32, chance: &mut Stream) -> Vec<Vec3> {
    let gap = radius * 2.25;
    let middle = (count as f32 - 1.0) * 0.5;
    match layout {
        _ if count <= 1 => vec![Vec3::ZERO],
        Some(Layout::Row) => (0..count).map(|at| vec3((at as f32 - middle) * gap, 0.0, 0.0)).collect(),
        Some(Layout::Circle) => {
            let around = gap * count as f32 / std::f32::consts::TAU;
            (0..count)
                .map(|at| {
                    let (cos, sin) = turn(at as f32 * 360.0 / count as f32 + 90.0);
                    vec3(cos, 0.0, sin) * around.max(radius * 1.3)
                })
                .collect()
        }
        Some(Layout::Stack) => (0..count).map(|at| Vec3::UP * (at as f32 * height * 0.93)).collect(),
        Some(Layout::Grid) => {
            let across = (count as f32).sqrt().ceil() as usize;
            let place = |at: usize| (at as f32 - (across as f32 - 1.0) * 0.5) * gap;
            (0..count).map(|at| vec3(place(at % across), 0.0, place(at / across))).collect()
        }
        Some(Layout::Pile) => {
            // Layers of a pyramid, each one smaller.
            let mut places = Vec::new();
            let mut across = (1..).find(|n| n * (n + 1) * (2 * n + 1) / 6 >= count).unwrap_or(1);
            let mut lift = 0.0;
            while places.len() < count && across > 0 {
                let from = (across as f32 - 1.0) * 0.5;
                for row in 0..across {
                    for column in 0..across {
                        if places.len() < count {
                            places.push(vec3(
                                (column as f32 - from) * radius * 2.0,
                                lift,
                                (row as f32 - from) * radius * 2.0,
                            ));
                        }
                    }
                }
                lift += height * 0.72;
                across -= 1;
            }
            places
        }
        Some(Layout::Scattered) | None => {
            let start = chance.within(0.0, 360.0);
            let loose = if layout.is_some() { 1.9 } else { 1.15 };
            (0..count)
                .map(|at| {
                    let (cos, sin) = turn(start + at as f32 * 137.507_77);
                    let out = radius * loose * 1.25 * ((at as f32) + 0.6).sqrt();
                    vec3(cos * out * 1.35, 0.0, sin * out * 0.8)
                })
                .collect()
        }
    }
}

/// Where a group of that reach finds room: as near as possible to where it was asked to be.
fn anchor(
    where_to: Option<Place>,
    reach: f32,
    radius: f32,
    height: f32,
    standing: &[Standing],
    chance: &mut Stream,
) -> Vec3 {
    let widest = standing.iter().map(|one| one.at.x.abs() + one.radius).fold(0.0, f32::max);
    let (mut x, mut z, y) = match where_to {
        Some(Place::Left) => (-(widest.max(1.2) * 0.8 + reach), 0.0, 0.0),
        Some(Place::Right) => (widest.max(1.2) * 0.8 + reach, 0.0, 0.0),
        Some(Place::Behind) => (chance.within(-1.0, 1.0), -(5.0 + reach + radius), 0.0),
        Some(Place::Front) => (chance.within(-0.8, 0.8), 2.6 + reach * 0.5, 0.0),
        Some(Place::Above) => {
            let tallest = standing.iter().map(|one| one.at.y + one.height).fold(0.0, f32::max);
            return vec3(chance.within(-0.6, 0.6), (tallest + 0.4).clamp(1.2, 6.0) + height * 0.1, -0.5);
        }
        Some(Place::Middle) | None => (0.0, if reach > 3.5 { -reach * 0.9 } else { 0.0 }, 0.0),
    };
    let free = |x: f32, z: f32| {
        standing.iter().filter(|one| one.at.y < 0.5).all(|one| {
            let (dx, dz) = (one.at.x - x, one.at.z - z);
            (dx * dx + dz * dz).sqrt() > (one.radius + reach) * 0.92
        })
    };
    // Outwards on a spiral, wider than deep.
    let (home_x, home_z) = (x, z);
    let start = chance.within(0.0, 360.0);
    for step in 0..400 {
        if free(x, z) {
            break;
        }
        let (cos, sin) = turn(start + step as f32 * 47.0);
        let out = 0.25 + step as f32 * 0.06;
        (x, z) = (home_x + cos * out * 1.3, home_z + sin * out * 0.9);
    }
    vec3(x, y, z)
}

fn ground(prompt: &Prompt, seed: u64) -> Ground {
    let setting = &prompt.setting;
    let kind = setting.ground.as_deref().and_then(|word| find(GROUNDS, word));
    let look = setting.ground_look.as_deref();
    let colour = look.and_then(|word| find(COLOURS, word));
    let reliefs: Vec<Relief> = setting.reliefs.iter().filter_map(|word| find(RELIEFS, word)).collect();
    let has = |relief: Relief| reliefs.contains(&relief);
    let afloat = prompt
        .wishes
        .iter()
        .filter_map(|wish| find_thing(&wish.thing))
        .any(|(kind, _)| matches!(kind, ThingKind::Boat | ThingKind::Island | ThingKind::Lighthouse));
    let grown = prompt.wishes.iter().filter_map(|wish| find_thing(&wish.thing)).any(|(kind, _)| {
        use ThingKind::{Cactus, Castle, Flower, Forest, House, Mushroom, Pine, Tree, Village, Windmill};
        matches!(
            kind,
            Castle | Flower | Forest | House | Mushroom | Pine | Tree | Village | Windmill | Cactus
        )
    });
    let table = setting.ground.as_deref() == Some("table");
    let indoors = setting.sky.as_deref().and_then(|word| find(SKIES, word)) == Some(SkyWord::Studio);
    let usual = match () {
        () if afloat => GroundKind::Water,
        () if !reliefs.is_empty() || (grown && !indoors) || (table && !indoors) => GroundKind::Grass,
        () => GroundKind::Plain,
    };
    let kind = kind.filter(|_| !table).unwrap_or(usual);
    let mut material = match kind {
        GroundKind::Water => Material::of(Finish::Water, vec3(0.02, 0.10, 0.13)),
        GroundKind::Sand => {
            Material::matte(vec3(0.60, 0.45, 0.26)).with(PatternKind::Patches, vec3(0.52, 0.38, 0.21), 2.5)
        }
        GroundKind::Grass => {
            Material::matte(vec3(0.10, 0.24, 0.05)).with(PatternKind::Patches, vec3(0.15, 0.28, 0.06), 1.2)
        }
        GroundKind::Snow => Material::matte(vec3(0.84, 0.86, 0.90)),
        GroundKind::Checks => Material::of(Finish::Gloss, vec3(0.75, 0.74, 0.70)).with(
            PatternKind::Checks,
            vec3(0.05, 0.05, 0.06),
            1.0,
        ),
        GroundKind::Wood => boards(),
        GroundKind::Asphalt => Material::matte(vec3(0.06, 0.06, 0.065)),
        GroundKind::Dust => {
            Material::matte(vec3(0.30, 0.30, 0.30)).with(PatternKind::Patches, vec3(0.18, 0.18, 0.18), 1.5)
        }
        GroundKind::Mars => {
            Material::matte(vec3(0.45, 0.17, 0.07)).with(PatternKind::Patches, vec3(0.30, 0.10, 0.05), 1.8)
        }
        GroundKind::Plain => Material::matte(vec3(0.42, 0.40, 0.37)),
    };
    let look = look.filter(|_| !table);
    let colour = colour.filter(|_| !table);
    if let Some(stuff) = look
        .and_then(|word| find(STUFFS, word))
        .filter(|stuff| kind != GroundKind::Wood || *stuff != Stuff::Wood)
    {
        material = stuffed(stuff, None, material.colour);
    }
    if let Some(colour) = colour {
        material.colour = colour;
        material.pattern = material
            .pattern
            .map(|pattern| crate::pipelines::image::scene::Pattern { colour: colour * 0.7, ..pattern });
    }
    let dunes = matches!(kind, GroundKind::Sand | GroundKind::Dust | GroundKind::Mars);
    let hills = if has(Relief::Hills) || (table && !indoors) {
        5.0
    } else if dunes {
        2.2
    } else if kind == GroundKind::Snow {
        1.2
    } else {
        0.0
    };
    let mountains = if has(Relief::Mountains) { 42.0 } else { 0.0 };
    let snowy = setting.snowy_peaks || kind == GroundKind::Snow;
    Ground {
        material,
        hills: if kind == GroundKind::Water { 0.0 } else { hills },
        mountains,
        snow_line: (mountains > 0.0).then_some(if snowy { 7.0 } else { 22.0 }),
        seed: seed ^ 0x6A09_E667,
    }
}

fn camera(prompt: &Prompt, standing: &[Standing]) -> Camera {
    let view = prompt.setting.view.as_deref().and_then(|word| find(VIEWS, word));
    if standing.is_empty() {
        let (at, target) = match view {
            Some(View::High) => (vec3(0.0, 22.0, 12.0), vec3(0.0, 4.0, -40.0)),
            Some(View::Low) => (vec3(0.0, 0.6, 10.0), vec3(0.0, 5.0, -40.0)),
            _ => (vec3(0.0, 3.2, 10.0), vec3(0.0, 5.5, -40.0)),
        };
        return Camera { at, target, view_deg: 42.0, lens: 0.0 };
    }
    // What stands in the back need not fill the picture.
    let near: Vec<&Standing> = standing.iter().filter(|one| one.at.z > -6.0).collect();
    let shown: Vec<&Standing> = if near.is_empty() { standing.iter().collect() } else { near };
    let low = |part: fn(&Standing) -> f32| shown.iter().map(|one| part(one)).fold(f32::INFINITY, f32::min);
    let high =
        |part: fn(&Standing) -> f32| shown.iter().map(|one| part(one)).fold(f32::NEG_INFINITY, f32::max);
    let (left, right) = (low(|one| one.at.x - one.radius), high(|one| one.at.x + one.radius));
    let (top, bottom) = (high(|one| one.at.y + one.height), low(|one| one.at.y).max(0.0));
    let (back, front) = (low(|one| one.at.z), high(|one| one.at.z));
    let middle = vec3((left + right) * 0.5, bottom + (top - bottom) * 0.45, (back + front) * 0.5);
    let view_deg = 34.0_f32;
    let half = libm::tanf((view_deg * 0.5).to_radians());
    let needed =
        ((top - bottom) * 0.62 / half).max((right - left) * 0.5 / (half * 1.25)) + (front - middle.z);
    let (away, rise) = match view {
        Some(View::Close) => (needed * 0.72, 0.10),
        Some(View::Wide) => (needed * 1.7 + 2.0, 0.16),
        Some(View::High) => (needed * 1.25 + 1.0, 0.75),
        Some(View::Low) => (needed * 1.05 + 0.8, -0.04),
        None if front - back > 4.0 => (needed * 1.12 + 0.8, 0.17),
        None => (needed * 1.16 + 0.8, 0.115),
    };
    let at = vec3(middle.x + away * 0.12, (middle.y + away * rise).max(0.25), middle.z + away);
    let lens = match view {
        Some(View::Close) => 0.06,
        // A table is looked at from near: what lies behind it is out of focus.
        _ if prompt.setting.ground.as_deref() == Some("table") => 0.07,
        _ => 0.012,
    };
    Camera { at, target: middle, view_deg, lens }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipelines::image::reader::read;

    fn scene(text: &str) -> Scene {
        compose(&read(text), 7)
    }

    #[test]
    fn the_same_prompt_gives_the_same_scene_and_another_seed_another() {
        let prompt = read("five rocks and a tree");
        assert_eq!(compose(&prompt, 1), compose(&prompt, 1));
        assert_ne!(compose(&prompt, 1), compose(&prompt, 2));
    }

    #[test]
    fn things_do_not_stand_in_each_other() {
        for text in [
            "a house, a tree, a castle, a boat",
            "ten balls and six cubes",
            "a pile of nine balls",
            "a circle of eight columns",
        ] {
            let prompt = read(text);
            let mut standing = Vec::new();
            let mut chance = Stream::new(3, 0, 0);
            for wish in &prompt.wishes {
                place(wish, &mut standing, &mut chance);
            }
            for (at, one) in standing.iter().enumerate() {
                for other in &standing[at + 1..] {
                    let apart = (one.at - other.at).length();
                    assert!(
                        apart > (one.radius + other.radius) * 0.55,
                        "{text}: {} and {}",
                        one.name,
                        other.name
                    );
                }
            }
        }
    }

    #[test]
    fn a_table_carries_what_stands_and_an_island_lies_in_the_sea() {
        let table = scene("a red ball on a wooden table");
        assert_eq!(table.things.last().unwrap().name, "table");
        let low = |thing: &Thing| {
            let (middle, radius) = thing.parts[0].shape.bound();
            middle.y - radius
        };
        assert!((low(&table.things[0]) - TABLE_HEIGHT).abs() < 0.01);
        let island = scene("a lighthouse on an island");
        assert_eq!(island.ground.material.finish, Finish::Water);
        assert!(island.things[0].parts[0].shape.bound().0.y > 0.5);
        assert_eq!(scene("a boat").ground.material.finish, Finish::Water);
        assert_ne!(scene("a boat on a street").ground.material.finish, Finish::Water);
    }

    #[test]
    fn places_are_kept_to() {
        let x = |text: &str| compose(&read(text), 5).things[1].parts[0].shape.bound().0;
        assert!(x("a tree, a house on the left").x < -0.5);
        assert!(x("a tree, a house on the right").x > 0.5);
        assert!(x("a tree, a tower in the background").z < -5.0);
        assert!(x("a tree, a floating ball").y > 2.0);
    }

    #[test]
    fn words_change_materials_and_ground() {
        assert_eq!(scene("a golden ball").things[0].parts[0].material.finish, Finish::Metal { rough: 0.12 });
        assert_eq!(scene("a glass cube").things[0].parts[0].material.finish, Finish::Glass);
        assert_eq!(scene("a red ball").things[0].parts[0].material.colour, find(COLOURS, "red").unwrap());
        assert_eq!(scene("a boat on the sea").ground.material.finish, Finish::Water);
        assert!(
            scene("snowy mountains").ground.snow_line.unwrap() < scene("mountains").ground.snow_line.unwrap()
        );
        assert!(scene("mountains").things.is_empty());
    }
}
