//! A progressive path tracer: every step adds the same number of samples to every pixel, so each step is a whole image,
//! only less grainy than the one before. Step k is the same whether it was reached at once, in pieces, after a restart, or
//! by any number of threads.

pub mod geometry;
pub mod ground;
pub mod math;
pub mod noise;
pub mod random;
pub mod sky;
pub mod surface;
pub mod trace;

use crate::pipelines::image::render::math::Vec3;
use crate::pipelines::image::render::trace::World;

/// Samples that a step adds to each pixel.
pub const SAMPLES_PER_STEP: u32 = 4;
/// The greatest width and height.
pub const SIZE_MAX: u32 = 2048;
const MAGIC: &[u8; 8] = b"CBFILM1\n";

/// Light that was gathered so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Film {
    width: u32,
    height: u32,
    steps: u32,
    sums: Vec<Vec3>,
}

/// Why saved light cannot be taken up.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum FilmError {
    /// It is not a film, or it is cut off.
    #[error("this is not a saved film, or it is cut off")]
    Broken,
    /// It is one of another size.
    #[error("the saved film has {0} x {1} pixels")]
    OtherSize(u32, u32),
}

impl Film {
    /// A dark film.
    pub fn new(width: u32, height: u32) -> Self {
        Self { width, height, steps: 0, sums: vec![Vec3::ZERO; width as usize * height as usize] }
    }

    /// Pixels from left to right.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Pixels from top to bottom.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Steps that were taken.
    pub fn steps(&self) -> u32 {
        self.steps
    }

    /// Mean light of each pixel, row by row from the top; dark before the first step.
    pub fn light(&self) -> impl ExactSizeIterator<Item = Vec3> {
        let share = 1.0 / (self.steps.max(1) * SAMPLES_PER_STEP) as f32;
        self.sums.iter().map(move |sum| *sum * share)
    }

    /// Takes one step with that many threads, of which this one asks `stopped`. False when it said so: then nothing was
    /// added.
    pub fn step(&mut self, world: &World<'_>, threads: usize, stopped: &dyn Fn() -> bool) -> bool {
        let (width, first) = (self.width, self.steps * SAMPLES_PER_STEP);
        let rows = std::sync::atomic::AtomicU32::new(0);
        let height = self.height;
        let halted = std::sync::atomic::AtomicBool::new(false);
        let work = |stopped: &dyn Fn() -> bool| {
            let mut done: Vec<(u32, Vec<Vec3>)> = Vec::new();
            loop {
                let y = rows.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                if y >= height {
                    return done;
                }
                if halted.load(std::sync::atomic::Ordering::Relaxed) || stopped() {
                    halted.store(true, std::sync::atomic::Ordering::Relaxed);
                    return done;
                }
                let row = (0..width).map(|x| {
                    (0..SAMPLES_PER_STEP)
                        .fold(Vec3::ZERO, |sum, sample| sum + world.sample(x, y, first + sample))
                });
                done.push((y, row.collect()));
            }
        };
        let parts: Vec<Vec<(u32, Vec<Vec3>)>> = std::thread::scope(|scope| {
            let others: Vec<_> = (1..threads.max(1)).map(|_| scope.spawn(|| work(&|| false))).collect();
            let own = work(stopped);
            let joined = others.into_iter().map(|other| match other.join() {
                Ok(rows) => rows,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            std::iter::once(own).chain(joined.collect::<Vec<_>>()).collect()
        });
        if halted.into_inner() {
            return false;
        }
        for (y, row) in parts.into_iter().flatten() {
            let start = y as usize * width as usize;
            for (sum, added) in self.sums[start..].iter_mut().zip(row) {
                *sum += added;
            }
        }
        self.steps += 1;
        true
    }

    /// The exact state, to go on later.
    pub fn save(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(20 + self.sums.len() * 12);
        bytes.extend_from_slice(MAGIC);
        for number in [self.width, self.height, self.steps] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        for part in self.sums.iter().flat_map(|sum| [sum.x, sum.y, sum.z]) {
            bytes.extend_from_slice(&part.to_le_bytes());
        }
        bytes
    }

    /// Takes a saved state up.
    ///
    /// # Errors
    /// When it is none, or one of an image of another size.
    pub fn load(bytes: &[u8], width: u32, height: u32) -> Result<Self, FilmError> {
        let body = bytes.strip_prefix(MAGIC).ok_or(FilmError::Broken)?;
        let (head, body) = body.split_at_checked(12).ok_or(FilmError::Broken)?;
        let number = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        if (number(0), number(4)) != (width, height) {
            return Err(FilmError::OtherSize(number(0), number(4)));
        }
        let (parts, rest) = body.as_chunks::<12>();
        if !rest.is_empty() || parts.len() != width as usize * height as usize {
            return Err(FilmError::Broken);
        }
        let sums = parts.iter().map(|part| {
            let float = |at: usize| f32::from_le_bytes([part[at], part[at + 1], part[at + 2], part[at + 3]]);
            Vec3 { x: float(0), y: float(4), z: float(8) }
        });
        Ok(Self { width, height, steps: number(8), sums: sums.collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipelines::image::fixtures::{daylight, three_balls};

    fn rendered(steps: u32, threads: usize) -> Film {
        let (scene, light) = (three_balls(), daylight());
        let world = World::new(&scene, &light, 42, 24, 16);
        let mut film = Film::new(24, 16);
        for _ in 0..steps {
            assert!(film.step(&world, threads, &|| false));
        }
        film
    }

    #[test]
    fn a_step_is_the_same_however_it_is_reached() {
        let whole = rendered(3, 1);
        assert_eq!(whole, rendered(3, 3));
        let (scene, light) = (three_balls(), daylight());
        let world = World::new(&scene, &light, 42, 24, 16);
        let mut film = Film::load(&rendered(2, 2).save(), 24, 16).unwrap();
        assert!(!film.step(&world, 2, &|| true));
        assert_eq!(film.steps(), 2);
        assert!(film.step(&world, 2, &|| false));
        assert_eq!(film.save(), whole.save());
    }

    #[test]
    fn steps_converge() {
        let truth: Vec<Vec3> = rendered(40, 2).light().collect();
        let apart = |steps: u32| -> f32 {
            rendered(steps, 2).light().zip(&truth).map(|(light, truth)| (light - *truth).length()).sum()
        };
        assert!(apart(8) < apart(1) * 0.6);
    }

    #[test]
    fn what_is_not_a_film_is_refused() {
        let saved = rendered(1, 1).save();
        assert_eq!(Film::load(&saved[..saved.len() - 1], 24, 16), Err(FilmError::Broken));
        assert_eq!(Film::load(b"nothing", 24, 16), Err(FilmError::Broken));
        assert_eq!(Film::load(&saved, 16, 24), Err(FilmError::OtherSize(24, 16)));
    }
}
