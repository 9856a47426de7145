//! The ground: a plane at height 0, and hills and mountains that rise from it.

use crate::pipelines::image::render::geometry::{Crossing, NEAR, Ray};
use crate::pipelines::image::render::math::{Vec3, smooth, vec3};
use crate::pipelines::image::render::noise;
use crate::pipelines::image::scene::Ground;

/// Farther than this nothing is seen, metres.
pub const FAR: f32 = 400.0;
/// Steps along a ray over hills before it counts as lost.
const STEPS_MAX: usize = 220;

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

/// The nearest crossing of the ground before `limit`.
pub fn cross(ground: &Ground, ray: &Ray, limit: f32) -> Option<(Crossing, Soil)> {
    let plane = plane(ray, limit);
    let limit = plane.map_or(limit.min(FAR), |crossing| crossing.distance);
    let relief = (ground.hills > 0.0 || ground.mountains > 0.0).then(|| relief(ground, ray, limit)).flatten();
    relief.or(plane.map(|crossing| (crossing, Soil::Plane)))
}

fn plane(ray: &Ray, limit: f32) -> Option<Crossing> {
    if ray.direction.y.abs() < 1e-7 {
        return None;
    }
    let distance = -ray.from.y / ray.direction.y;
    (distance > NEAR && distance < limit.min(FAR)).then_some(Crossing { distance, normal: Vec3::UP })
}

/// Height of the relief over a place; below 0 where the plane is all there is.
fn height(ground: &Ground, x: f32, z: f32, layers: u32) -> f32 {
    let seed = ground.seed as u32;
    let away = (x * x + z * z).sqrt();
    let mut height = -0.05;
    if ground.hills > 0.0 {
        let swell = noise::layered(x * 0.07, z * 0.07, seed, layers.min(4));
        height += ground.hills * (swell - 0.25).max(0.0) * 1.6 * smooth(7.0, 26.0, away);
    }
    if ground.mountains > 0.0 {
        let range = smooth(34.0, 95.0, -z) * smooth(240.0, 150.0, -z);
        if range > 0.0 {
            let crest = noise::ridged(x * 0.016, z * 0.016, seed ^ 0x5A5A, layers);
            height += ground.mountains * range * (crest - 0.18).max(0.0) * 1.4;
        }
    }
    height
}

fn relief(ground: &Ground, ray: &Ray, limit: f32) -> Option<(Crossing, Soil)> {
    let top = ground.hills * 1.3 + ground.mountains * 1.3;
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
    let over = |distance: f32, layers: u32| {
        let point = ray.at(distance);
        point.y - height(ground, point.x, point.z, layers)
    };
    let mut before = distance;
    for _ in 0..STEPS_MAX {
        if distance >= end {
            return None;
        }
        let apart = over(distance, 6);
        if apart < 0.0 {
            let (mut above, mut below) = (before, distance);
            for _ in 0..10 {
                let middle = (above + below) * 0.5;
                if over(middle, 6) < 0.0 { below = middle } else { above = middle }
            }
            if above <= NEAR * 2.0 {
                return None;
            }
            return Some(soil(ground, ray, above));
        }
        before = distance;
        distance += (apart * 0.45).max(0.02 + distance * 0.004);
    }
    None
}

fn soil(ground: &Ground, ray: &Ray, distance: f32) -> (Crossing, Soil) {
    let point = ray.at(distance);
    let step = 0.02 + distance * 0.002;
    let slope = |dx: f32, dz: f32| height(ground, point.x + dx, point.z + dz, 7);
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
        let (crossing, soil) = cross(&ground, &down, FAR).unwrap();
        assert!((crossing.distance - 2.0).abs() < 1e-5);
        assert_eq!(soil, Soil::Plane);
        let up = Ray { from: vec3(0.0, 2.0, 0.0), direction: Vec3::UP };
        assert!(cross(&ground, &up, FAR).is_none());
    }

    #[test]
    fn mountains_stand_in_the_distance_and_hills_leave_the_middle_free() {
        let ground = Ground { mountains: 30.0, hills: 4.0, snow_line: Some(12.0), ..plain_ground() };
        let ahead = Ray { from: vec3(0.0, 2.0, 8.0), direction: vec3(0.0, 0.05, -1.0).unit() };
        let (crossing, soil) = cross(&ground, &ahead, FAR).unwrap();
        assert!(crossing.distance > 30.0, "{}", crossing.distance);
        assert!(matches!(soil, Soil::Rock | Soil::Snow), "{soil:?}");
        let middle = Ray { from: vec3(1.0, 5.0, 1.0), direction: -Vec3::UP };
        assert_eq!(cross(&ground, &middle, FAR).unwrap().1, Soil::Plane);
    }
}
