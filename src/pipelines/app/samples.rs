//! Records that obey every rule of the model: plain ones for the tests and plausible ones for the start of an app.

use super::core_logic::rules::range;
use super::features::{App, EntityFeatures};
use super::javascript::Js;
use super::spec::{Field, FieldKind};

mod words;

/// How many plain records there are of each kind, and so how many records others can refer to.
pub const SAMPLES: usize = 3;

/// The day the tests take for today.
pub const TODAY: &str = "2026-11-20";

/// A plain record for tests, every field filled in. Two of them differ in every field that can tell them apart, and none
/// overlaps another. References go to `<entity>-1`, `<entity>-2` and so on.
pub fn sample(features: &EntityFeatures, index: usize) -> Js {
    Js::object(features.stored().map(|field| (field.key.clone(), sample_value(features, field, index))))
}

/// The records that a new app starts with; `seed` chooses among the words.
pub fn seed_records(app: &App, seed: u64) -> Vec<(String, Vec<Js>)> {
    let counts: Vec<usize> = app.entities.iter().map(|features| seed_count(features, seed)).collect();
    app.entities
        .iter()
        .enumerate()
        .map(|(place, features)| {
            let entity = &features.entity;
            let mut chance = Chance::new(seed, &entity.key);
            let mut sets = Vec::new();
            let mut records: Vec<Js> = Vec::new();
            let mut index = 0;
            // A record that agrees with an earlier one where it must not is left out and another one tried.
            while records.len() < counts[place] && index < 4 * counts[place] {
                let mut entries =
                    vec![("id".to_owned(), Js::text(format!("{}-{}", entity.key, records.len() + 1)))];
                for field in features.stored() {
                    let count = |target: &str| {
                        app.entities
                            .iter()
                            .position(|each| each.entity.key == target)
                            .map_or(0, |at| counts[at])
                    };
                    let value = seed_value(features, field, index, &mut chance, &count);
                    entries.push((field.key.clone(), value));
                }
                let record = Js::Object(entries);
                let keys = set_keys(features, &record);
                if !keys.iter().any(|key| sets.contains(key)) {
                    sets.extend(keys);
                    records.push(record);
                }
                index += 1;
            }
            (entity.collection.clone(), records)
        })
        .collect()
}

/// A small seeded generator (splitmix64): the same numbers on every machine.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// Another row of numbers for every seed and name.
    pub fn new(seed: u64, name: &str) -> Self {
        let mixed = name.bytes().fold(seed ^ 0x9e37_79b9_7f4a_7c15, |state, byte| {
            (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        Self(mixed)
    }

    /// A number below the bound.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let bound = bound.max(1) as u64;
        usize::try_from(mixed % bound).unwrap_or(0)
    }
}

fn seed_count(features: &EntityFeatures, seed: u64) -> usize {
    let wanted = 5 + Chance::new(seed, &format!("{}#", features.entity.key)).below(4);
    features.limit.map_or(wanted, |limit| wanted.min(limit as usize))
}

/// What makes a record a double of another one, for each set of fields that must differ.
fn set_keys(features: &EntityFeatures, record: &Js) -> Vec<String> {
    let lowered = |key: &str| record.get(key).map_or_else(String::new, |value| value.inline().to_lowercase());
    let singles = features
        .stored()
        .filter(|field| field.unique && record.get(&field.key).is_some_and(|value| !value.is_empty()))
        .filter(|field| !matches!(field.kind, FieldKind::Boolean | FieldKind::Tags | FieldKind::Dates))
        .map(|field| format!("{}={}", field.key, lowered(&field.key)));
    let sets = super::core_logic::entity::unique_sets(features).into_iter().map(|set| {
        set.iter().map(|field| format!("{}={}", field.key, lowered(&field.key))).collect::<Vec<_>>().join("&")
    });
    singles.chain(sets).collect()
}

/// Whether the field is the start or the end of an interval: 0 or 1.
fn interval_end(features: &EntityFeatures, field: &Field) -> Option<usize> {
    features.overlaps.iter().find_map(|rule| {
        if rule.start == field.key {
            Some(0)
        } else if rule.end == field.key {
            Some(1)
        } else {
            None
        }
    })
}

/// A day of November 2026 and after, so many days after the first.
pub fn day(offset: i64) -> String {
    let first = jiff::civil::date(2026, 11, 1);
    first.saturating_add(jiff::Span::new().days(offset.clamp(-3_000, 3_000))).to_string()
}

fn sample_value(features: &EntityFeatures, field: &Field, index: usize) -> Js {
    let number = index + 1;
    let offset = i64::try_from(index).unwrap_or(0);
    let end = interval_end(features, field);
    match &field.kind {
        FieldKind::Text { max_length } | FieldKind::LongText { max_length } => {
            Js::text(fitting(&format!("{} {number}", field.label), *max_length))
        }
        FieldKind::Integer { .. } | FieldKind::Rating { .. } => {
            whole(field, end.map_or(index, |end| 2 * index + end))
        }
        FieldKind::Decimal { .. } => fraction(field, index, 0.5),
        FieldKind::Money { .. } => fraction(field, index, 1.25),
        FieldKind::Date => {
            Js::text(day(end.map_or(offset, |end| 2 * offset + i64::try_from(end).unwrap_or(0))))
        }
        FieldKind::DateTime => Js::text(format!("{}T{:02}:00", day(offset), 9 + end.unwrap_or(0))),
        FieldKind::Time => Js::text(format!("{:02}:{:02}", (8 + index) % 24, 30 * end.unwrap_or(0))),
        FieldKind::Boolean => Js::Bool(index % 2 == 1),
        FieldKind::Choice { choices } => {
            Js::text(choices.get(index % choices.len().max(1)).map_or("", |choice| choice.value.as_str()))
        }
        FieldKind::Email => Js::text(format!("person{number}@example.org")),
        FieldKind::Url => Js::text(format!("https://example.org/{number}")),
        FieldKind::Phone => Js::text(format!("+44 20 7946 0{number:03}")),
        FieldKind::Reference { target } if *target == features.entity.key => Js::text(""),
        FieldKind::Reference { target } => Js::text(format!("{target}-{}", index % SAMPLES + 1)),
        FieldKind::Tags => {
            let label = super::javascript::lower(&field.label);
            Js::List(vec![Js::text(format!("{label} {number}a")), Js::text(format!("{label} {number}b"))])
        }
        FieldKind::Dates => Js::List(vec![Js::text(day(offset)), Js::text(day(offset + 4))]),
        FieldKind::Derived { .. } => Js::Null,
    }
}

fn seed_value(
    features: &EntityFeatures,
    field: &Field,
    index: usize,
    chance: &mut Chance,
    count: &dyn Fn(&str) -> usize,
) -> Js {
    let plain = sample_value(features, field, index);
    if interval_end(features, field).is_some()
        || features.overlaps.iter().any(|rule| rule.same.contains(&field.key))
    {
        return match &field.kind {
            FieldKind::Reference { target } => reference(features, target, index, count(target)),
            _ => plain,
        };
    }
    match &field.kind {
        FieldKind::Text { max_length } | FieldKind::LongText { max_length } => {
            Js::text(fitting(&words::text(&features.entity, field, index, chance), *max_length))
        }
        FieldKind::Integer { .. } | FieldKind::Rating { .. } if !field.unique => {
            whole(field, chance.below(12))
        }
        FieldKind::Decimal { .. } if !field.unique => fraction(field, chance.below(20), 0.5),
        FieldKind::Money { .. } if !field.unique => fraction(field, chance.below(40), 1.25),
        FieldKind::Date => Js::text(day(i64::try_from(7 + index * 3 + chance.below(3)).unwrap_or(0))),
        FieldKind::DateTime => {
            let day = day(i64::try_from(7 + index * 3 + chance.below(3)).unwrap_or(0));
            Js::text(format!("{day}T{:02}:{:02}", 8 + chance.below(10), 15 * chance.below(4)))
        }
        FieldKind::Time => Js::text(format!("{:02}:{:02}", 6 + (index * 2) % 16, 15 * chance.below(4))),
        FieldKind::Boolean => Js::Bool(chance.below(3) == 0),
        FieldKind::Choice { choices } if !field.unique => {
            Js::text(choices.get(chance.below(choices.len())).map_or("", |choice| choice.value.as_str()))
        }
        FieldKind::Email => Js::text(format!("{}@example.org", words::first_name(index).to_lowercase())),
        FieldKind::Url => Js::text(format!("https://example.org/{}/{}", features.entity.key, index + 1)),
        FieldKind::Reference { target } => {
            let at = if field.unique { index } else { chance.below(count(target)) };
            reference(features, target, at, count(target))
        }
        FieldKind::Tags => words::tags(features, field, index, chance),
        FieldKind::Dates => {
            let mut days: Vec<i64> =
                (0..=i64::try_from(chance.below(5)).unwrap_or(0)).map(|back| 19 - back).collect();
            days.extend((chance.below(2) == 0).then_some(9));
            days.sort_unstable();
            Js::List(days.into_iter().map(|offset| Js::text(day(offset))).collect())
        }
        _ => plain,
    }
}

fn reference(features: &EntityFeatures, target: &str, index: usize, count: usize) -> Js {
    if target == features.entity.key || count == 0 {
        Js::text("")
    } else {
        Js::text(format!("{target}-{}", index % count + 1))
    }
}

/// The end of a text that is too long: there its number stands.
fn fitting(text: &str, max_length: Option<u32>) -> String {
    let max = max_length.map_or(usize::MAX, |max| max as usize);
    let length = text.encode_utf16().count();
    if length <= max {
        return text.to_owned();
    }
    let mut kept: String = text.chars().rev().take(max).collect::<Vec<_>>().into_iter().rev().collect();
    while kept.encode_utf16().count() > max {
        kept.remove(0);
    }
    kept.trim().to_owned()
}

/// The lowest and the highest value a number field takes, where the model leaves it open within a span that is easy to
/// read.
pub fn bounds(field: &Field) -> (f64, f64) {
    match range(&field.kind) {
        (Some(min), Some(max)) => (min, max),
        (Some(min), None) => (min, min + 20.0),
        (None, Some(max)) if max < 21.0 => (max - 20.0, max),
        (None, Some(max)) => (1.0, max),
        (None, None) => (1.0, 21.0),
    }
}

#[expect(clippy::cast_precision_loss, reason = "small counts")]
fn whole(field: &Field, index: usize) -> Js {
    let (min, max) = bounds(field);
    let (low, high) = (min.ceil(), max.floor());
    let span = (high - low + 1.0).max(1.0);
    Js::Number(low + (index as f64) % span)
}

#[expect(clippy::cast_precision_loss, reason = "small counts")]
fn fraction(field: &Field, index: usize, step: f64) -> Js {
    let (min, max) = bounds(field);
    let value = min + step * (index as f64 + 1.0);
    if value <= max {
        return Js::Number(cents(value));
    }
    // A narrow range is divided, so that the values stay apart.
    let parts = 8.0;
    let value = min + (max - min) * ((index as f64 + 1.0) % parts) / parts;
    let rounded = cents(value);
    Js::Number(if rounded < min || rounded > max { min } else { rounded })
}

/// Rounded to two decimals.
pub fn cents(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipelines::app::fixtures;

    #[test]
    fn samples_fill_every_field() {
        for fixture in fixtures::all() {
            let app = App::new(&fixture.model, &fixture.requirements).unwrap();
            for features in &app.entities {
                for field in features.stored() {
                    assert!(!sample(features, 0).get(&field.key).unwrap().is_empty(), "{}", field.key);
                }
            }
        }
    }

    #[test]
    fn there_are_five_to_eight_records_to_start_with_and_their_ids_differ() {
        for seed in 0..20 {
            for fixture in fixtures::all() {
                let app = App::new(&fixture.model, &fixture.requirements).unwrap();
                for (name, records) in seed_records(&app, seed) {
                    assert!((5..=8).contains(&records.len()), "{name}: {}", records.len());
                }
            }
        }
    }

    #[test]
    fn long_texts_keep_their_end() {
        assert_eq!(fitting("Title 12", Some(3)), "12");
        assert_eq!(fitting("Title 1", Some(40)), "Title 1");
    }
}
