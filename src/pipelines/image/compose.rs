//! Agent 2: from wishes to a scene: what stands where, and where it is seen from.

use crate::domain::event::LogLevel;
use crate::pipelines::image::arrange::{Standing, on_islands, place};
use crate::pipelines::image::materials::{BOARD, PLANK, boards, stuffed};
use crate::pipelines::image::models::build;
use crate::pipelines::image::reader::Prompt;
use crate::pipelines::image::render::math::{Vec3, vec3};
use crate::pipelines::image::render::random::Stream;
use crate::pipelines::image::scene::{
    Camera, Finish, Ground, Material, Part, Pattern, PatternKind, Scene, Thing,
};
use crate::pipelines::image::vocabulary::{
    COLOURS, GROUNDS, GroundKind, RELIEFS, Relief, SKIES, STUFFS, SkyWord, Stuff, ThingKind, VIEWS, View,
    find, find_thing,
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
    let s = |count: usize| if count == 1 { "" } else { "s" };
    for thing in &scene.things {
        let (name, parts) = (&thing.name, thing.parts.len());
        host.log(LogLevel::Debug, &format!("{name}: {parts} shape{}", s(parts)));
    }
    let json = serde_json::to_string(&scene).map_err(|error| AgentError::failed(error.to_string()))?;
    let things = scene.things.len();
    let summary = format!("{things} thing{} of {parts} shape{}", s(things), s(parts));
    Ok(AgentOutput { files: vec![OutputFile::text("scene.json", json + "\n")], summary })
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
        material.pattern = material.pattern.map(|pattern| Pattern { colour: colour * 0.7, ..pattern });
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
