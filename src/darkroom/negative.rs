//! A negative: the pixels of a file as they are stored, with what their numbers mean as light.

use std::panic::{AssertUnwindSafe, catch_unwind};

use image::{DynamicImage, RgbImage};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use crate::darkroom::colour::{InputColour, Samples};
use crate::pictures::decode::{self, Format, Header, Limits, PictureError};

/// What a strict decoder says of bytes that many cameras leave between segments, and that harm nothing.
const HARMLESS: &str = "Extra bytes between headers";

/// The pixels of a file as they are stored.
#[derive(Clone, Debug)]
pub struct Negative {
    /// Numbers, row by row.
    pub samples: Samples,
    /// Numbers of a pixel: 1 (grey) or 3.
    pub channels: usize,
    /// Pixels of a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// How it is to be turned, as EXIF says: 1 to 8.
    pub orientation: u8,
    /// What the numbers mean.
    pub colour: InputColour,
    /// Some of it could be seen through; it was put on white.
    pub had_alpha: bool,
}

impl Negative {
    /// Opens a file.
    ///
    /// # Errors
    /// Why there is no picture. A JPEG whose picture data are damaged in the middle is no picture either.
    pub fn open(bytes: &[u8], limits: &Limits) -> Result<Self, PictureError> {
        let header = decode::header(bytes, limits)?;
        if header.format != Format::Jpeg {
            let (header, image) = decode::as_stored(bytes, limits)?;
            return Ok(Self::of_image(&header, image));
        }
        let decoded = catch_unwind(AssertUnwindSafe(|| match jpeg(bytes, true) {
            Err(why) if why.contains(HARMLESS) => jpeg(bytes, false),
            decoded => decoded,
        }));
        let damaged = |why: String| PictureError::Damaged(why.replace('\n', " "));
        let (values, channels) =
            decoded.unwrap_or_else(|_| Err("its decoder gave up".to_owned())).map_err(damaged)?;
        let (width, height) = (header.width, header.height);
        if values.len() != width as usize * height as usize * channels {
            return Err(damaged("it holds fewer pixels than it claims".to_owned()));
        }
        let mut samples = Samples::Eight(values);
        let colour = InputColour::of(header.profile.as_deref(), channels, &mut samples);
        Ok(Self {
            samples,
            channels,
            width,
            height,
            orientation: header.orientation,
            colour,
            had_alpha: false,
        })
    }

    /// Of a picture in sRGB that is stored as it is seen.
    pub fn of_srgb(pixels: RgbImage) -> Self {
        let (width, height) = pixels.dimensions();
        Self {
            samples: Samples::Eight(pixels.into_raw()),
            channels: 3,
            width,
            height,
            orientation: 1,
            colour: InputColour::srgb(false),
            had_alpha: false,
        }
    }

    /// Its size as it is to be seen.
    pub fn upright(&self) -> (u32, u32) {
        upright(self.width, self.height, self.orientation)
    }

    /// Light of a part of a row: three numbers for each pixel, in the primaries of the file.
    pub fn light(&self, row: usize, columns: std::ops::Range<usize>, into: &mut [f32]) {
        let start = (row * self.width as usize + columns.start) * self.channels;
        let end = start + columns.len() * self.channels;
        match &self.samples {
            Samples::Eight(values) => self.decoded(&values[start..end], into),
            Samples::Sixteen(values) => self.decoded(&values[start..end], into),
        }
    }

    fn decoded<T: Copy + Into<u16>>(&self, values: &[T], into: &mut [f32]) {
        let [red, green, blue] = &self.colour.curves;
        let at = |curve: &[f32], value: T| curve[usize::from(value.into())];
        if self.channels == 1 {
            for (light, value) in into.chunks_exact_mut(3).zip(values) {
                light.fill(at(green, *value));
            }
            return;
        }
        for (light, value) in into.chunks_exact_mut(3).zip(values.chunks_exact(3)) {
            light[0] = at(red, value[0]);
            light[1] = at(green, value[1]);
            light[2] = at(blue, value[2]);
        }
    }

    fn of_image(header: &Header, image: DynamicImage) -> Self {
        let colour = image.color();
        let sixteen = colour.bytes_per_pixel() / colour.channel_count() > 1;
        let channels = if colour.has_color() { 3 } else { 1 };
        let (width, height) = (image.width(), image.height());
        let (mut samples, had_alpha) = match (sixteen, channels, colour.has_alpha()) {
            (false, 1, false) => (Samples::Eight(image.into_luma8().into_raw()), false),
            (false, _, false) => (Samples::Eight(image.into_rgb8().into_raw()), false),
            (true, 1, false) => (Samples::Sixteen(image.into_luma16().into_raw()), false),
            (true, _, false) => (Samples::Sixteen(image.into_rgb16().into_raw()), false),
            (false, _, true) => {
                let (seen, through) = match channels {
                    1 => on_white(image.into_luma_alpha8().as_raw(), 1, 255),
                    _ => on_white(image.into_rgba8().as_raw(), 3, 255),
                };
                (Samples::Eight(seen), through)
            }
            (true, _, true) => {
                let (seen, through) = match channels {
                    1 => on_white(image.into_luma_alpha16().as_raw(), 1, 65_535),
                    _ => on_white(image.into_rgba16().as_raw(), 3, 65_535),
                };
                (Samples::Sixteen(seen), through)
            }
        };
        let colour = InputColour::of(header.profile.as_deref(), channels, &mut samples);
        Self { samples, channels, width, height, orientation: header.orientation, colour, had_alpha }
    }
}

/// A size as it is to be seen.
pub fn upright(width: u32, height: u32, orientation: u8) -> (u32, u32) {
    if orientation >= 5 { (height, width) } else { (width, height) }
}

fn jpeg(bytes: &[u8], strict: bool) -> Result<(Vec<u8>, usize), String> {
    let options = DecoderOptions::default()
        .set_strict_mode(strict)
        .set_max_width(usize::MAX)
        .set_max_height(usize::MAX);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(|error| error.to_string())?;
    let (wanted, channels) = match decoder.input_colorspace() {
        Some(ColorSpace::Luma) => (ColorSpace::Luma, 1),
        _ => (ColorSpace::RGB, 3),
    };
    decoder.set_options(decoder.options().jpeg_set_out_colorspace(wanted));
    let values = decoder.decode().map_err(|error| error.to_string())?;
    Ok((values, channels))
}

/// Pixels whose last number is alpha, on white, and whether any of them can be seen through.
fn on_white<T: Copy + Into<u32> + TryFrom<u32>>(values: &[T], channels: usize, white: u32) -> (Vec<T>, bool) {
    let mut seen = Vec::with_capacity(values.len() / (channels + 1) * channels);
    let (mut through, white) = (false, u64::from(white));
    for pixel in values.chunks_exact(channels + 1) {
        let alpha = u64::from(pixel[channels].into());
        through |= alpha < white;
        for value in &pixel[..channels] {
            let mixed = (u64::from((*value).into()) * alpha + white * (white - alpha)) / white;
            seen.push(u32::try_from(mixed).ok().and_then(|mixed| T::try_from(mixed).ok()).unwrap_or(*value));
        }
    }
    (seen, through)
}
