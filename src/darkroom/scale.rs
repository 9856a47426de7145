//! Fewer pixels in linear light: each is a sum of those around its place, weighted by a Lanczos kernel of three lobes
//! (Claude Duchon, "Lanczos filtering in one and two dimensions", 1979) that is as wide as the new pixels are.

use std::collections::VecDeque;

use crate::darkroom::frame::Frame;
use crate::darkroom::negative::Negative;

/// Lobes of the kernel.
const LOBES: f64 = 3.0;

/// What makes up the pixels of one side.
pub(super) struct Kernel {
    /// For each new pixel: the first old one, and where its weights begin and end.
    spans: Vec<(usize, usize, usize)>,
    weights: Vec<f32>,
}

impl Kernel {
    /// `count` pixels instead of those from `from` on, `long` of them, of a side that has `side`.
    pub(super) fn new(from: f64, long: f64, side: usize, count: usize) -> Self {
        let step = long / count as f64;
        let reach = LOBES * step.max(1.0);
        let (mut spans, mut weights) = (Vec::with_capacity(count), Vec::new());
        for place in 0..count {
            // Pixels are looked at in their middle.
            let middle = from + (place as f64 + 0.5) * step - 0.5;
            let first = (middle - reach).ceil().max(0.0) as usize;
            let last = ((middle + reach).floor() as usize).min(side - 1).max(first);
            let begin = weights.len();
            weights.extend((first..=last).map(|at| lanczos((at as f64 - middle) / step.max(1.0)) as f32));
            // What counts nothing need not be read.
            let mut first = first;
            let is_nothing = |weight: &f32| weight.abs() < 1e-6;
            while weights.len() > begin + 1 && weights.last().is_some_and(is_nothing) {
                weights.pop();
            }
            let nothing = weights[begin..].iter().take_while(|weight| is_nothing(weight)).count();
            if nothing < weights.len() - begin {
                weights.drain(begin..begin + nothing);
                first += nothing;
            }
            let sum: f32 = weights[begin..].iter().sum();
            weights[begin..].iter_mut().for_each(|weight| *weight /= sum);
            spans.push((first.min(side - 1), begin, weights.len()));
        }
        Self { spans, weights }
    }

    fn of(&self, place: usize) -> (usize, &[f32]) {
        let (first, begin, end) = self.spans[place];
        (first, &self.weights[begin..end])
    }

    /// Old pixels that any of the new ones is made of.
    fn range(&self) -> std::ops::Range<usize> {
        let first = self.spans.iter().map(|(first, ..)| *first).min().unwrap_or(0);
        let end = self.spans.iter().map(|(first, begin, end)| first + end - begin).max().unwrap_or(0);
        first..end
    }
}

fn lanczos(x: f64) -> f64 {
    if x.abs() < 1e-9 {
        return 1.0;
    }
    if x.abs() >= LOBES {
        return 0.0;
    }
    let angle = std::f64::consts::PI * x;
    LOBES * angle.sin() * (angle / LOBES).sin() / (angle * angle)
}

/// Rows of a print that is not turned, from the top down.
pub(super) struct Scaled<'a> {
    negative: &'a Negative,
    across: Kernel,
    down: Kernel,
    columns: std::ops::Range<usize>,
    /// Rows of light that the next print rows may need.
    rows: VecDeque<(usize, Vec<f32>)>,
    spare: Vec<Vec<f32>>,
    sum: Vec<f32>,
}

impl<'a> Scaled<'a> {
    pub(super) fn new(negative: &'a Negative, frame: &Frame) -> Self {
        let across = Kernel::new(frame.x, frame.width, negative.width as usize, frame.print_width as usize);
        let down = Kernel::new(frame.y, frame.height, negative.height as usize, frame.print_height as usize);
        let columns = across.range();
        let sum = vec![0.0; columns.len() * 3];
        Self { negative, across, down, columns, rows: VecDeque::new(), spare: Vec::new(), sum }
    }

    /// Light of a row of the print; rows are asked for in order.
    pub(super) fn row(&mut self, row: usize, into: &mut [f32]) {
        let (first, weights) = self.down.of(row);
        while self.rows.front().is_some_and(|(at, _)| *at < first) {
            self.spare.extend(self.rows.pop_front().map(|(_, light)| light));
        }
        let next = self.rows.back().map_or(first, |(at, _)| at + 1);
        for at in next.max(first)..first + weights.len() {
            let mut light = self.spare.pop().unwrap_or_else(|| vec![0.0; self.columns.len() * 3]);
            self.negative.light(at, self.columns.clone(), &mut light);
            self.rows.push_back((at, light));
        }
        // First down: whole rows are added up, which processors do fast.
        let mut lights = self.rows.iter().map(|(_, light)| light).zip(weights);
        if let Some((light, weight)) = lights.next() {
            self.sum.iter_mut().zip(light).for_each(|(sum, light)| *sum = light * weight);
        }
        for (light, weight) in lights {
            self.sum.iter_mut().zip(light).for_each(|(sum, light)| *sum += light * weight);
        }
        for (place, light) in into.chunks_exact_mut(3).enumerate() {
            let (first, weights) = self.across.of(place);
            let from = (first - self.columns.start) * 3;
            let around = self.sum[from..from + weights.len() * 3].chunks_exact(3);
            let mut sum = [0.0_f32; 3];
            for (near, weight) in around.zip(weights) {
                sum[0] += near[0] * weight;
                sum[1] += near[1] * weight;
                sum[2] += near[2] * weight;
            }
            light.copy_from_slice(&sum);
        }
    }
}
