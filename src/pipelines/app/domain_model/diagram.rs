//! The model as a diagram: one box per entity, an arrow per reference; readable on light and dark ground.

use std::fmt::Write as _;

use super::kind_name;
use crate::pipelines::app::spec::{Entity, FieldKind, Model};

const WIDTH: usize = 280;
const HEAD: usize = 40;
const ROW: usize = 26;
const GAP: usize = 96;
const EDGE: usize = 24;

struct Place<'a> {
    entity: &'a Entity,
    x: usize,
    y: usize,
    height: usize,
}

/// The whole file. Colours come from a style block, which follows the colour scheme of the reader.
pub(super) fn svg(model: &Model) -> String {
    let places = places(model);
    let width = places.iter().map(|place| place.x + WIDTH).max().unwrap_or(0) + EDGE;
    let height = places.iter().map(|place| place.y + place.height).max().unwrap_or(0) + EDGE;
    let mut out = String::new();
    let title = escape(&model.title);
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" aria-labelledby=\"title desc\">"
    );
    let _ = writeln!(out, "<title id=\"title\">Data model of {title}</title>");
    let _ = writeln!(out, "<desc id=\"desc\">{}</desc>", escape(&description(model)));
    out.push_str(STYLE);
    for place in &places {
        for (row, field) in place.entity.fields.iter().enumerate() {
            if let FieldKind::Reference { target } = &field.kind
                && let Some(other) = places.iter().find(|other| other.entity.key == *target)
            {
                arrow(&mut out, place, row, other);
            }
        }
    }
    for place in &places {
        draw(&mut out, place);
    }
    out.push_str("</svg>\n");
    out
}

const STYLE: &str = "<style>
  .ground { fill: #ffffff; }
  .box { fill: #ffffff; stroke: #5b6472; stroke-width: 1.5; }
  .head { fill: #e8ecf2; }
  .name { font: 600 16px system-ui, sans-serif; fill: #14181f; }
  .field { font: 14px system-ui, sans-serif; fill: #14181f; }
  .kind { font: 12px system-ui, sans-serif; fill: #4a5361; }
  .line { stroke: #c9d0da; stroke-width: 1; }
  .arrow { fill: none; stroke: #2f5fb3; stroke-width: 1.75; }
  .tip { fill: #2f5fb3; }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #14171c; }
    .box { fill: #1c2128; stroke: #8b95a5; }
    .head { fill: #2a313b; }
    .name, .field { fill: #eef1f5; }
    .kind { fill: #b4bdca; }
    .line { stroke: #3b4450; }
    .arrow { stroke: #8fb4f5; }
    .tip { fill: #8fb4f5; }
  }
</style>
<rect class=\"ground\" width=\"100%\" height=\"100%\"/>
";

/// Up to three columns; each box goes where there is most room.
fn places(model: &Model) -> Vec<Place<'_>> {
    let columns = match model.entities.len() {
        0 | 1 => 1,
        2..=4 => 2,
        _ => 3,
    };
    let mut bottoms = vec![EDGE; columns];
    let mut out = Vec::new();
    for entity in &model.entities {
        let column =
            bottoms.iter().enumerate().min_by_key(|(_, bottom)| **bottom).map_or(0, |(column, _)| column);
        let height = HEAD + ROW * entity.fields.len() + 8;
        out.push(Place { entity, x: EDGE + column * (WIDTH + GAP), y: bottoms[column], height });
        bottoms[column] += height + GAP / 2;
    }
    out
}

fn draw(out: &mut String, place: &Place<'_>) {
    let Place { entity, x, y, height } = place;
    let _ = writeln!(out, "<g>");
    let _ = writeln!(
        out,
        "<rect class=\"box\" x=\"{x}\" y=\"{y}\" width=\"{WIDTH}\" height=\"{height}\" rx=\"8\"/>"
    );
    let _ = writeln!(
        out,
        "<path class=\"head\" d=\"M{} {}v-{}a7 7 0 0 1 7 -7h{}a7 7 0 0 1 7 7v{}z\"/>",
        x + 1,
        y + HEAD,
        HEAD - 8,
        WIDTH - 16,
        HEAD - 8
    );
    let _ = writeln!(
        out,
        "<text class=\"name\" x=\"{}\" y=\"{}\">{}</text>",
        x + 14,
        y + 26,
        escape(&cut(&entity.label, 26))
    );
    for (row, field) in entity.fields.iter().enumerate() {
        let base = y + HEAD + ROW * row + 19;
        if row > 0 {
            let line = y + HEAD + ROW * row;
            let _ = writeln!(
                out,
                "<line class=\"line\" x1=\"{}\" y1=\"{line}\" x2=\"{}\" y2=\"{line}\"/>",
                x + 1,
                x + WIDTH - 1
            );
        }
        let mark = if field.required { " *" } else { "" };
        let _ = writeln!(
            out,
            "<text class=\"field\" x=\"{}\" y=\"{base}\">{}{mark}</text>",
            x + 14,
            escape(&cut(&field.label, 20))
        );
        let _ = writeln!(
            out,
            "<text class=\"kind\" x=\"{}\" y=\"{base}\" text-anchor=\"end\">{}</text>",
            x + WIDTH - 14,
            kind_name(&field.kind)
        );
    }
    let _ = writeln!(out, "</g>");
}

fn arrow(out: &mut String, from: &Place<'_>, row: usize, to: &Place<'_>) {
    let y1 = from.y + HEAD + ROW * row + ROW / 2;
    let y2 = to.y + HEAD / 2;
    let (x1, x2, bend1, bend2) = if to.x > from.x {
        (from.x + WIDTH, to.x, from.x + WIDTH + GAP / 2, to.x - GAP / 2)
    } else if to.x < from.x {
        (from.x, to.x + WIDTH, from.x - GAP / 2, to.x + WIDTH + GAP / 2)
    } else {
        (from.x + WIDTH, to.x + WIDTH, from.x + WIDTH + GAP / 2, to.x + WIDTH + GAP / 2)
    };
    let _ = writeln!(out, "<path class=\"arrow\" d=\"M{x1} {y1}C{bend1} {y1} {bend2} {y2} {x2} {y2}\"/>");
    let back = if to.x > from.x { -8 } else { 8 };
    let _ = writeln!(out, "<path class=\"tip\" d=\"M{x2} {y2}l{back} -5v10z\"/>");
}

fn description(model: &Model) -> String {
    let boxes: Vec<String> = model
        .entities
        .iter()
        .map(|entity| {
            let fields: Vec<&str> = entity.fields.iter().map(|field| field.label.as_str()).collect();
            format!("{}: {}", entity.label, fields.join(", "))
        })
        .collect();
    boxes.join(". ") + ". A star marks a field that must be filled."
}

fn cut(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    text.chars().take(max - 1).chain(['…']).collect()
}

fn escape(text: &str) -> String {
    let mut out = String::new();
    for sign in text.chars() {
        match sign {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            sign if sign.is_control() => out.push(' '),
            sign => out.push(sign),
        }
    }
    out
}
