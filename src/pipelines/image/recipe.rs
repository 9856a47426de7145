//! A picture that says how it was made: the recipe lies in the PNG as text, so the file alone is enough to make it again.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Keyword of the text chunk (PNG, third edition, section 11.3.3.4 `iTXt`).
const KEYWORD: &str = "callboard";
/// A longer recipe is not ours.
const RECIPE_BYTES_MAX: usize = 64 * 1024;

/// All that a picture depends on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Always `image`.
    pub pipeline: String,
    /// Version of the renderer.
    pub version: u32,
    /// The prompt.
    pub prompt: String,
    /// `seed`, `steps`, `width`, `height`.
    pub params: Map<String, Value>,
}

/// A PNG of these pixels (eight bits for red, green and blue), with the recipe when there is one.
///
/// # Errors
/// When the number of bytes does not fit the size.
pub fn png(
    width: u32,
    height: u32,
    pixels: &[u8],
    recipe: Option<&Recipe>,
) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_source_srgb(png::SrgbRenderingIntent::Perceptual);
    if let Some(json) = recipe.and_then(|recipe| serde_json::to_string(recipe).ok()) {
        encoder.add_itxt_chunk(KEYWORD.to_owned(), json)?;
    }
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    Ok(bytes)
}

/// The recipe in a PNG.
///
/// # Errors
/// What is wrong with the file, or that it holds none.
pub fn read(bytes: &[u8]) -> Result<Recipe, String> {
    let decoder = png::Decoder::new(std::io::Cursor::new(bytes));
    let mut reader = decoder.read_info().map_err(|error| format!("this is not a whole PNG file: {error}"))?;
    // Text may stand behind the pixels.
    reader.finish().map_err(|error| format!("this is not a whole PNG file: {error}"))?;
    let text = reader.info().utf8_text.iter().find(|text| text.keyword == KEYWORD);
    let text = text.ok_or("this picture carries no recipe")?.get_text().map_err(|error| error.to_string())?;
    if text.len() > RECIPE_BYTES_MAX {
        return Err("the recipe in this picture is too long".into());
    }
    serde_json::from_str(&text).map_err(|error| format!("the recipe in this picture cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_carries_its_recipe() {
        let params = serde_json::json!({ "seed": 5, "steps": 8, "width": 4, "height": 2 });
        let recipe = Recipe {
            pipeline: "image".into(),
            version: 1,
            prompt: "a ball — “blue”".into(),
            params: params.as_object().unwrap().clone(),
        };
        let pixels: Vec<u8> = (0..24).collect();
        let file = png(4, 2, &pixels, Some(&recipe)).unwrap();
        assert_eq!(read(&file).unwrap(), recipe);
        assert_eq!(file, png(4, 2, &pixels, Some(&recipe)).unwrap());
        assert!(read(&png(4, 2, &pixels, None).unwrap()).unwrap_err().contains("no recipe"));
        assert!(read(&file[..file.len() / 2]).is_err());
        assert!(read(b"GIF89a").unwrap_err().contains("not a whole PNG"));
    }
}
