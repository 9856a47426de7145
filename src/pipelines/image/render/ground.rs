//! The ground: a plane at height 0, and hills and mountains that rise from it.

use crate::pipelines::image::render::geometry::{Crossing, NEAR, Ray};
use crate::pipelines::image::render::math::{Vec3, smooth, vec3};
use crate::pipelines::image::render::noise;
use crate::pipelines::image::scene::Ground;

/// Farther than this nothing is seen, metres.
pub const FAR: f32 = 400.0;
/// Steps along a ray over hills before it counts as lost.
const STEPS_MAX: usize = 320;
/// Width of a cell of a relief, metres.
const CELL: f32 = 0.75;

/// Heights on a grid, so that a ray that looks for the ground need not compute each.
#[derive(Clone, Debug)]
struct Heights {
    left: f32,
    back: f32,
    columns: usize,
    rows: usize,
    heights: Vec<f32>,
    top: f32,
}

impl Heights {
    fn new((left, right): (f32, f32), (back, front): (f32, f32), height: impl Fn(f32, f32) -> f32) -> Self {
        let cells = |from: f32, to: f32| ((to - from) / CELL) as usize + 1;
        let (columns, rows) = (cells(left, right), cells(back, front));
        let heights: Vec<f32> = (0..rows * columns)
            .map(|at| height(left + (at % columns) as f32 * CELL, back + (at / columns) as f32 * CELL))
            .collect();
        let top = heights.iter().copied().fold(0.0, f32::max);
        Self { left, back, columns, rows, heights, top }
    }

    /// Between the four corners of a cell; 0 outside.
    fn at(&self, x: f32, z: f32) -> f32 {
        let (x, z) = ((x - self.left) / CELL, (z - self.back) / CELL);
        if x < 0.0 || z < 0.0 {
            return 0.0;
        }
        let (column, row) = (x as usize, z as usize);
        if column + 1 >= self.columns || row + 1 >= self.rows {
            return 0.0;
        }
        let (x, z) = (x - column as f32, z - row as f32);
        let place = row * self.columns + column;
        let one = |place: usize| self.heights[place] * (1.0 - x) + self.heights[place + 1] * x;
        one(place) * (1.0 - z) + one(place + self.columns) * z
    }
}

/// The ground of a scene, ready to be met.
#[derive(Clone, Debug)]
pub struct Land {
    ground: Ground,
    hills: Option<Heights>,
    mountains: Option<Heights>,
}

impl Land {
    /// The ground with its relief.
    pub fn new(ground: &Ground) -> Self {
        let hills = (ground.hills > 0.0)
            .then(|| Heights::new((-150.0, 150.0), (-250.0, 60.0), |x, z| hill(ground, x, z)));
        let mountains = (ground.mountains > 0.0)
            .then(|| Heights::new((-260.0, 260.0), (-245.0, -32.0), |x, z| mountain(ground, x, z, 6)));
        Self { ground: *ground, hills, mountains }
    }

    /// The nearest crossing of the ground before `limit`.
    pub fn cross(&self, ray: &Ray, limit: f32) -> Option<(Crossing, Soil)> {
        let plane = plane(ray, limit);
        let limit = plane.map_or(limit.min(FAR), |crossing| crossing.distance);
        let relief =
            (self.hills.is_some() || self.mountains.is_some()).then(|| self.relief(ray, limit)).flatten();
        relief.or(plane.map(|crossing| (crossing, Soil::Plane)))
    }

    fn height(&self, x: f32, z: f32) -> f32 {
        let of = |heights: &Option<Heights>| heights.as_ref().map_or(0.0, |heights| heights.at(x, z));
        of(&self.hills) + of(&self.mountains) + SUNKEN
    }

    fn relief(&self, ray: &Ray, limit: f32) -> Option<(Crossing, Soil)> {
        let top =
            [&self.hills, &self.mountains].into_iter().flatten().map(|heights| heights.top).sum::<f32>();
        let mut distance = NEAR;
        // From where the ray comes below the highest tops, to where it leaves them.
        let mut end = limit;
        if ray.from.y > top {
            if ray.direction.y >= 0.0 {
                return None;
            }
            distance = (top - ray.from.y) / ray.direction.y;
        } else if ray.direction.y > 0.0 {
            end = end.min((top - ray.from.y) / ray.direction.y);
        }
        let over = |distance: f32| {
            let point = ray.at(distance);
            point.y - self.height(point.x, point.z)
        };
        let mut before = distance;
        for _ in 0..STEPS_MAX {
            if distance >= end {
                return None;
            }
            let apart = over(distance);
            if apart < 0.0 {
                let (mut above, mut below) = (before, distance);
                for _ in 0..12 {
                    let middle = (above + below) * 0.5;
                    if over(middle) < 0.0 { below = middle } else { above = middle }
                }
                if above <= NEAR * 2.0 {
                    return None;
                }
                return Some(soil(&self.ground, ray, above));
            }
            before = distance;
            distance += (apart * 0.5).max(0.03 + distance * 0.004);
        }
        None
    }
}

/// What part of the ground was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Soil {
    /// The plane.
    Plane,
    /// Hills of the same soil.
    Hill,
    /// Rock of the mountains.
    Rock,
    /// Snow that lies on them.
    Snow,
}

fn plane(ray: &Ray, limit: f32) -> Option<Crossing> {
    if ray.direction.y.abs() < 1e-7 {
        return None;
    }
    let distance = -ray.from.y / ray.direction.y;
    (distance > NEAR && distance < limit.min(FAR)).then_some(Crossing { distance, normal: Vec3::UP })
}

/// How far the relief lies below the plane where nothing rises.
const SUNKEN: f32 = -0.05;

fn hill(ground: &Ground, x: f32, z: f32) -> f32 {
    if ground.hills <= 0.0 {
        return 0.0;
    }
    let away = (x * x + z * z).sqrt();
    let swell = noise::layered(x * 0.07, z * 0.07, ground.seed as u32, 4);
    ground.hills * (swell - 0.25).max(0.0) * 1.6 * smooth(7.0, 26.0, away)
}

fn mountain(ground: &Ground, x: f32, z: f32, layers: u32) -> f32 {
    let range = smooth(34.0, 95.0, -z) * smooth(240.0, 150.0, -z);
    if ground.mountains <= 0.0 || range <= 0.0 {
        return 0.0;
    }
    let crest = noise::ridged(x * 0.016, z * 0.016, ground.seed as u32 ^ 0x5A5A, layers);
    ground.mountains * range * (crest - 0.18).max(0.0) * 1.4
}

/// Height of the relief over a place; below 0 where the plane is all there is.
fn height(ground: &Ground, x: f32, z: f32) -> f32 {
    SUNKEN + hill(ground, x, z) + mountain(ground, x, z, 7)
}

fn soil(ground: &Ground, ray: &Ray, distance: f32) -> (Crossing, Soil) {
    let point = ray.at(distance);
    let step = 0.02 + distance * 0.002;
    let slope = |dx: f32, dz: f32| height(ground, point.x + dx, point.z + dz);
    let normal =
        vec3(slope(-step, 0.0) - slope(step, 0.0), 2.0 * step, slope(0.0, -step) - slope(0.0, step)).unit();
    let soil = if -point.z < 40.0 || ground.mountains == 0.0 {
        Soil::Hill
    } else {
        let ragged = (noise::layered(point.x * 0.3, point.z * 0.3, 9, 3) - 0.5) * ground.mountains * 0.12;
        match ground.snow_line {
            Some(line) if point.y + ragged > line && normal.y > 0.55 => Soil::Snow,
            _ => Soil::Rock,
        }
    };
    (Crossing { distance, normal }, soil)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipelines::image::fixtures::plain_ground;

    #[test]
    fn the_plane_is_met_from_above_only_in_sight() {
        let ground = plain_ground();
        let down = Ray { from: vec3(0.0, 2.0, 0.0), direction: -Vec3::UP };
        let (crossing, soil) = Land::new(&ground).cross(&down, FAR).unwrap();
        assert!((crossing.distance - 2.0).abs() < 1e-5);
        assert_eq!(soil, Soil::Plane);
        let up = Ray { from: vec3(0.0, 2.0, 0.0), direction: Vec3::UP };
        assert!(Land::new(&ground).cross(&up, FAR).is_none());
    }

    #[test]
    fn the_grid_says_what_the_relief_is() {
        let ground = Ground { hills: 5.0, mountains: 40.0, ..plain_ground() };
        let land = Land::new(&ground);
        for (x, z) in [(-20.3, -12.1), (33.0, 10.5), (5.5, -80.2), (-60.0, -120.7), (0.0, 0.0)] {
            let exact = SUNKEN + hill(&ground, x, z) + mountain(&ground, x, z, 6);
            let found = land.height(x, z);
            assert!((exact - found).abs() < 0.05 + exact.abs() * 0.06, "{x} {z}: {found} for {exact}");
        }
        assert!((land.height(5_000.0, 0.0) - SUNKEN).abs() < 1e-6);
    }

    #[test]
    fn mountains_stand_in_the_distance_and_hills_leave_the_middle_free() {
        let ground = Ground { mountains: 30.0, hills: 4.0, snow_line: Some(12.0), ..plain_ground() };
        let ahead = Ray { from: vec3(0.0, 2.0, 8.0), direction: vec3(0.0, 0.05, -1.0).unit() };
        let (crossing, soil) = Land::new(&ground).cross(&ahead, FAR).unwrap();
        assert!(crossing.distance > 30.0, "{}", crossing.distance);
        assert!(matches!(soil, Soil::Rock | Soil::Snow), "{soil:?}");
        let middle = Ray { from: vec3(1.0, 5.0, 1.0), direction: -Vec3::UP };
        assert_eq!(Land::new(&ground).cross(&middle, FAR).unwrap().1, Soil::Plane);
    }
}
