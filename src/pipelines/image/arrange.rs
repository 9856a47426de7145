//! What stands where: each group finds room among those that stand already.

use crate::pipelines::image::materials::material;
use crate::pipelines::image::models::extent;
use crate::pipelines::image::reader::Wish;
use crate::pipelines::image::render::math::{Vec3, turn, vec3};
use crate::pipelines::image::render::random::Stream;
use crate::pipelines::image::scene::Material;
use crate::pipelines::image::vocabulary::{
    LAYOUTS, Layout, PLACES, Place, SIZES, ThingKind, find, find_thing,
};

/// A thing that waits for its place.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The word for it.
    pub name: String,
    /// What it is.
    pub kind: ThingKind,
    /// What it is made of.
    pub own: Material,
    /// 1 is the usual size.
    pub size: f32,
    /// Of its foot.
    pub radius: f32,
    /// From its foot to its top.
    pub height: f32,
    /// Where its foot is.
    pub at: Vec3,
}

/// Finds places for the things of a wish among those that stand already.
pub fn place(wish: &Wish, standing: &mut Vec<Standing>, chance: &mut Stream) {
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

/// Where there are islands, what could stand on the ground stands on them.
pub fn on_islands(standing: &mut [Standing]) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipelines::image::reader::read;

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
}
