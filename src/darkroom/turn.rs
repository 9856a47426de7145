//! Rows of a print that is straightened: each pixel is looked up at its turned place, between the sixteen pixels around it
//! (Edwin Catmull and Raphael Rom, "A class of local interpolating splines", 1974). What is to become much smaller is
//! scaled first, or pixels between those that are looked up would not count.

use crate::darkroom::frame::Frame;
use crate::darkroom::negative::Negative;
use crate::darkroom::scale::Scaled;

/// Up to this many pixels for one nothing is lost by looking at some of them.
const LOOKED_UP: f64 = 1.5;

enum Source<'a> {
    Negative(&'a Negative),
    /// The whole negative, smaller.
    Smaller(Vec<f32>),
}

/// A print that is turned.
pub(super) struct Turned<'a> {
    source: Source<'a>,
    /// Pixels of a row, and rows, of the source.
    size: (usize, usize),
    /// The middle of the source, and where the print begins around it, in pixels of the source.
    middle: (f64, f64),
    begin: (f64, f64),
    step: (f64, f64),
    sin_cos: (f64, f64),
}

impl<'a> Turned<'a> {
    pub(super) fn new(negative: &'a Negative, frame: &Frame) -> Self {
        let step = frame.width / f64::from(frame.print_width);
        let whole = (f64::from(negative.width), f64::from(negative.height));
        let (source, size) = if step > LOOKED_UP {
            let pixels = |side: f64| ((side / step).round() as u32).max(1);
            let smaller = Frame {
                x: 0.0,
                y: 0.0,
                width: whole.0,
                height: whole.1,
                turn: 0.0,
                print_width: pixels(whole.0),
                print_height: pixels(whole.1),
            };
            let (width, height) = (smaller.print_width as usize, smaller.print_height as usize);
            let mut scaled = Scaled::new(negative, &smaller);
            let mut light = vec![0.0; width * height * 3];
            for (row, into) in light.chunks_exact_mut(width * 3).enumerate() {
                scaled.row(row, into);
            }
            (Source::Smaller(light), (width, height))
        } else {
            (Source::Negative(negative), (negative.width as usize, negative.height as usize))
        };
        let by = (size.0 as f64 / whole.0, size.1 as f64 / whole.1);
        let step = (
            frame.width / f64::from(frame.print_width) * by.0,
            frame.height / f64::from(frame.print_height) * by.1,
        );
        Self {
            source,
            size,
            middle: (size.0 as f64 / 2.0, size.1 as f64 / 2.0),
            begin: ((frame.x - whole.0 / 2.0) * by.0, (frame.y - whole.1 / 2.0) * by.1),
            step,
            // The print is turned clockwise, so its pixels are looked up the other way round.
            sin_cos: (-frame.turn).sin_cos(),
        }
    }

    pub(super) fn row(&self, row: usize, into: &mut [f32]) {
        let (sin, cos) = self.sin_cos;
        let down = self.begin.1 + (row as f64 + 0.5) * self.step.1;
        for (place, light) in into.chunks_exact_mut(3).enumerate() {
            let across = self.begin.0 + (place as f64 + 0.5) * self.step.0;
            let x = self.middle.0 + across * cos - down * sin - 0.5;
            let y = self.middle.1 + across * sin + down * cos - 0.5;
            light.copy_from_slice(&self.between(x, y));
        }
    }

    fn between(&self, x: f64, y: f64) -> [f32; 3] {
        let (left, top) = (x.floor(), y.floor());
        let (across, down) = (weights((x - left) as f32), weights((y - top) as f32));
        let at = |place: f64, offset: usize, side: usize| {
            (place as i64 + offset as i64 - 1).clamp(0, side as i64 - 1) as usize
        };
        let mut sum = [0.0_f32; 3];
        for (row, down) in down.iter().enumerate() {
            let row = at(top, row, self.size.1);
            for (column, across) in across.iter().enumerate() {
                let column = at(left, column, self.size.0);
                let mut light = [0.0; 3];
                match &self.source {
                    Source::Negative(negative) => negative.light(row, column..column + 1, &mut light),
                    Source::Smaller(lights) => {
                        let from = (row * self.size.0 + column) * 3;
                        light.copy_from_slice(&lights[from..from + 3]);
                    }
                }
                let weight = down * across;
                sum.iter_mut().zip(light).for_each(|(sum, light)| *sum += light * weight);
            }
        }
        sum
    }
}

fn weights(t: f32) -> [f32; 4] {
    let (square, cube) = (t * t, t * t * t);
    [
        -0.5 * t + square - 0.5 * cube,
        1.0 - 2.5 * square + 1.5 * cube,
        0.5 * t + 2.0 * square - 1.5 * cube,
        -0.5 * square + 0.5 * cube,
    ]
}
