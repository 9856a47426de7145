//! Makes the draft whole: references, names, main entity, and the rules that its fields imply.

use super::criteria::lower;
use super::draft::{Clause, Draft, singles};
use super::kinds::plain;
use super::known::{item_of, known_thing};
use super::recognise::Finding;
use super::vocabulary::{CHOICE_LIKE, STATE_LIKE, TITLE_LIKE};
use super::words::{is_plural, singular};
use crate::pipelines::app::spec::{Entity, Field, FieldKind, Intent};

/// Fields named like an entity hold one of its records; a list of them turns the relation round.
pub(super) fn references(draft: &mut Draft) {
    let keys: Vec<String> = draft.entities.iter().map(|entity| entity.key.clone()).collect();
    for key in &keys {
        let Some(entity) = draft.entity(key).cloned() else { continue };
        for field in &entity.fields {
            // `has many projects` was read as a list of words before projects were known to be kept.
            let told =
                draft.told.contains(&(key.clone(), field.key.clone())) && field.kind != FieldKind::Tags;
            let name = plain(&field.label);
            let target = draft.entities.iter().find(|other| plain(&other.label) == name).cloned();
            let Some(target) = target.filter(|target| !told && target.key != *key) else { continue };
            let origin = draft
                .why
                .get(&format!("field {key}.{}", field.key))
                .and_then(|list| list.first().copied())
                .unwrap_or(0);
            let last = field.label.rsplit(' ').next().unwrap_or_default().to_lowercase();
            if is_plural(&last) && singular(&last) != last {
                // `a project has tasks`: each task has a project.
                if let Some(found) = draft.entity_mut(key) {
                    found.fields.retain(|other| other.key != field.key);
                }
                draft.why.remove(&format!("field {key}.{}", field.key));
                let kind = FieldKind::Reference { target: key.clone() };
                let label = entity.label.to_lowercase();
                if let Some(back) = draft.ensure_field(&target.key, &label, Some(kind.clone()), origin)
                    && let Some(found) = draft.field_mut(&target.key, &back)
                {
                    found.kind = kind;
                    draft.because(format!("belongs {}.{back}", target.key), origin);
                }
            } else if let Some(found) = draft.field_mut(key, &field.key) {
                found.kind = FieldKind::Reference { target: target.key.clone() };
                draft.because(format!("belongs {key}.{}", field.key), origin);
            }
        }
    }
    break_circles(draft);
}

/// Two kinds that require each other could never get a first record.
fn break_circles(draft: &mut Draft) {
    let all: Vec<(String, String, String)> = draft
        .entities
        .iter()
        .flat_map(|entity| {
            entity.fields.iter().filter_map(|field| match &field.kind {
                FieldKind::Reference { target } => {
                    Some((entity.key.clone(), field.key.clone(), target.clone()))
                }
                _ => None,
            })
        })
        .collect();
    let mut kept: Vec<(String, String)> = Vec::new();
    for (from, field, to) in all {
        if from == to || reaches(&kept, &to, &from) {
            let clauses = draft.why.remove(&format!("required {from}.{field}"));
            if let Some(found) = draft.field_mut(&from, &field) {
                found.required = false;
            }
            draft.optional.push((from.clone(), field.clone()));
            if clauses.is_some_and(|list| !list.is_empty()) && from != to {
                draft.contradictions.push(format!(
                    "{from} and {to} each require the other; the {field} of a {from} may stay empty"
                ));
            }
        } else {
            kept.push((from, to));
        }
    }
}

fn reaches(edges: &[(String, String)], from: &str, to: &str) -> bool {
    let mut open = vec![from.to_owned()];
    let mut seen: Vec<String> = Vec::new();
    while let Some(here) = open.pop() {
        if here == to {
            return true;
        }
        if seen.contains(&here) {
            continue;
        }
        open.extend(edges.iter().filter(|(one, _)| *one == here).map(|(_, two)| two.clone()));
        seen.push(here);
    }
    false
}

/// Puts the main entity first: the one that the title names, else the first one that no other refers to.
pub(super) fn main_first(draft: &mut Draft, title: &str) {
    let target = |key: &str| {
        draft.entities.iter().any(|entity| {
            entity.key != key
                && entity
                    .fields
                    .iter()
                    .any(|field| matches!(&field.kind, FieldKind::Reference { target } if target == key))
        })
    };
    let titled = draft.entities_in(&singles(title));
    let named = titled.iter().find(|key| !target(key)).or(titled.first());
    let first = match named {
        Some(key) => draft.entities.iter().position(|entity| entity.key == *key),
        None => draft.entities.iter().position(|entity| !target(&entity.key)),
    };
    if let Some(at) = first {
        let main = draft.entities.remove(at);
        draft.entities.insert(0, main);
    }
}

/// Takes out what the brief does not want: `no ratings`.
pub(super) fn removals(draft: &mut Draft) {
    for (clause, entity, name) in draft.removed.clone() {
        let wanted = plain(&name);
        let keys: Vec<String> = match &entity {
            Some(entity) => vec![entity.clone()],
            None => draft.entities.iter().map(|entity| entity.key.clone()).collect(),
        };
        for key in keys {
            let field = draft.entity(&key).and_then(|entity| {
                entity
                    .fields
                    .iter()
                    .find(|field| plain(&field.label) == wanted)
                    .map(|field| field.key.clone())
            });
            let Some(field) = field else { continue };
            let origin = draft.why.get(&format!("field {key}.{field}")).cloned().unwrap_or_default();
            let stated: Vec<String> = origin
                .iter()
                .filter(|index| **index != clause)
                .map(|index| format!("S{}", index + 1))
                .collect();
            if !stated.is_empty() {
                draft.contradictions.push(format!(
                    "{} asks for {name}, S{} for none; the later one is taken",
                    stated.join(", "),
                    clause + 1
                ));
                for index in origin.iter().filter(|index| **index != clause) {
                    draft.refused.push((*index, format!("S{} asks for no {name} and is taken", clause + 1)));
                }
            }
            if let Some(found) = draft.entity_mut(&key) {
                found.fields.retain(|other| other.key != field);
            }
            draft.why.retain(|rule, _| !rule.ends_with(&format!(" {key}.{field}")));
        }
    }
}

/// The field a record is named by.
pub(super) fn title_field(entity: &Entity) -> String {
    let text = |field: &&Field| matches!(field.kind, FieldKind::Text { .. });
    let named = TITLE_LIKE
        .iter()
        .find_map(|name| entity.fields.iter().filter(text).find(|field| plain(&field.label) == *name))
        .or_else(|| {
            entity.fields.iter().filter(text).find(|field| {
                let name = plain(&field.label);
                TITLE_LIKE.iter().take(2).any(|word| name.split(' ').next_back() == Some(word))
            })
        });
    let by_kind = |wanted: fn(&FieldKind) -> bool| entity.fields.iter().find(|field| wanted(&field.kind));
    named
        .or_else(|| by_kind(|kind| matches!(kind, FieldKind::Text { .. })))
        .or_else(|| by_kind(|kind| matches!(kind, FieldKind::LongText { .. })))
        .or_else(|| by_kind(|kind| matches!(kind, FieldKind::Email | FieldKind::Url | FieldKind::Phone)))
        .or_else(|| by_kind(|kind| matches!(kind, FieldKind::Date | FieldKind::DateTime)))
        .or_else(|| {
            by_kind(|kind| {
                matches!(
                    kind,
                    FieldKind::Money { .. } | FieldKind::Integer { .. } | FieldKind::Decimal { .. }
                )
            })
        })
        .or_else(|| {
            by_kind(|kind| !matches!(kind, FieldKind::Derived { .. } | FieldKind::Tags | FieldKind::Dates))
        })
        .or(entity.fields.first())
        .map_or_else(String::new, |field| field.key.clone())
}

/// Fields for entities that the brief only names; gives the keys of those.
pub(super) fn fill(draft: &mut Draft, spoken: &str) -> (Vec<String>, Vec<Clause>) {
    let keys: Vec<String> = draft
        .entities
        .iter()
        .filter(|entity| entity.fields.is_empty())
        .map(|entity| entity.key.clone())
        .collect();
    // When nothing has fields each thing is as important as the first.
    let alone = keys.len() == draft.entities.len();
    let mut unknown = Vec::new();
    let mut wishes = Vec::new();
    for key in &keys {
        let clause = draft.declared.get(key).and_then(|list| list.first().copied()).unwrap_or(0);
        let label = draft.entity(key).map(|entity| entity.label.clone()).unwrap_or_default();
        let known = match plain(&label).as_str() {
            "item" => item_of(spoken),
            "task" if spoken.contains(" kanban ") => known_thing("board task"),
            _ => known_thing(&label),
        };
        if let Some(known) = known.filter(|_| alone) {
            draft.assume_known(key, known, clause);
            wishes.extend(known.wishes.iter().map(|wish| Clause::new(clause, wish)));
            continue;
        }
        unknown.push(key.clone());
        let names: &[&str] = if alone { &["name", "notes", "date"] } else { &["name"] };
        for name in names {
            draft.ensure_field(key, name, None, clause);
        }
    }
    (if alone { unknown } else { Vec::new() }, wishes)
}

/// An entity of dates, references and the like alone cannot be told apart in a list; it gets a name of its own.
pub(super) fn names(draft: &mut Draft) {
    let lacking: Vec<String> = draft
        .entities
        .iter()
        .filter(|entity| !entity.fields.is_empty() && nameless(entity))
        .map(|entity| entity.key.clone())
        .collect();
    for key in lacking {
        let clause = draft.declared.get(&key).and_then(|list| list.first().copied()).unwrap_or(0);
        let label = draft.entity(&key).map(|entity| entity.label.clone()).unwrap_or_default();
        let titled = known_thing(&label).is_some_and(|known| known.fields.starts_with("title"));
        let name = if titled { "title" } else { "name" };
        if draft.ensure_field(&key, name, None, clause).is_some()
            && let Some(entity) = draft.entity_mut(&key)
            && let Some(field) = entity.fields.pop()
        {
            entity.fields.insert(0, field);
            draft.notes.push((
                clause,
                format!("no field tells one {} from another, so each gets a {name}", lower(&label)),
            ));
        }
    }
}

/// True when no field can name a record: neither a text of its own nor an amount or a length on a day.
fn nameless(entity: &Entity) -> bool {
    let plainly = |field: &Field| CHOICE_LIKE.contains(&plain(&field.label).as_str());
    let texts = entity.fields.iter().any(|field| {
        matches!(
            field.kind,
            FieldKind::Text { .. }
                | FieldKind::LongText { .. }
                | FieldKind::Email
                | FieldKind::Url
                | FieldKind::Phone
        ) && !plainly(field)
    });
    let refers = entity.fields.iter().any(|field| matches!(field.kind, FieldKind::Reference { .. }));
    let day = entity.fields.iter().any(|field| matches!(field.kind, FieldKind::Date | FieldKind::DateTime));
    let number = entity.fields.iter().any(|field| super::kinds::is_number(&field.kind));
    let entry = day && number;
    !(texts || refers || entry)
}

/// Title fields, required title fields, defaults of states.
pub(super) fn finish(draft: &mut Draft) {
    let optional = draft.optional.clone();
    for entity in &mut draft.entities {
        entity.title_field = title_field(entity);
        let title = entity.title_field.clone();
        for field in &mut entity.fields {
            let fills = !matches!(
                field.kind,
                FieldKind::Derived { .. } | FieldKind::Boolean | FieldKind::Tags | FieldKind::Dates
            );
            if !fills {
                field.required = false;
            } else if field.key == title && !optional.contains(&(entity.key.clone(), field.key.clone())) {
                field.required = true;
            }
            if let FieldKind::Choice { choices } = &field.kind
                && field.default.is_none()
                && STATE_LIKE.contains(&plain(&field.label).as_str())
            {
                field.default = choices.first().map(|choice| choice.value.clone());
            }
            let unique = matches!(
                field.kind,
                FieldKind::Boolean | FieldKind::Tags | FieldKind::Dates | FieldKind::Derived { .. }
            );
            if unique {
                field.unique = false;
            }
        }
    }
}

/// What the fields themselves ask for: every rule of the model has its requirement.
pub(super) fn rules(draft: &Draft, found: &mut Vec<Finding>) {
    let why = |rule: String| draft.why.get(&rule).cloned().unwrap_or_default();
    for entity in &draft.entities {
        for field in &entity.fields {
            let (e, f) = (entity.key.clone(), field.key.clone());
            let origin = why(format!("field {e}.{f}"));
            let or_origin = |list: Vec<usize>| if list.is_empty() { origin.clone() } else { list };
            let mut add =
                |intent: Intent, clauses: Vec<usize>| found.push(Finding { intent, clauses, negated: false });
            if let FieldKind::Reference { target } = &field.kind {
                let intent =
                    Intent::BelongsTo { entity: e.clone(), field: f.clone(), target: target.clone() };
                add(intent, or_origin(why(format!("belongs {e}.{f}"))));
            }
            if matches!(field.kind, FieldKind::Derived { .. }) {
                add(
                    Intent::Derived { entity: e.clone(), field: f.clone() },
                    or_origin(why(format!("derived {e}.{f}"))),
                );
            }
            if field.required {
                add(
                    Intent::Required { entity: e.clone(), field: f.clone() },
                    why(format!("required {e}.{f}")),
                );
            }
            if field.unique {
                add(
                    Intent::Unique { entity: e.clone(), fields: vec![f.clone()] },
                    why(format!("unique {e}.{f}")),
                );
            }
            let (min, max) = match &field.kind {
                FieldKind::Integer { min, max }
                | FieldKind::Decimal { min, max }
                | FieldKind::Money { min, max } => (*min, *max),
                FieldKind::Rating { min, max } => (Some(*min), Some(*max)),
                _ => (None, None),
            };
            if min.is_some() || max.is_some() {
                let intent = Intent::Between { entity: e.clone(), field: f.clone(), min, max };
                add(intent, or_origin(why(format!("between {e}.{f}"))));
            }
            if let FieldKind::Text { max_length: Some(max) } | FieldKind::LongText { max_length: Some(max) } =
                field.kind
            {
                let intent = Intent::MaxLength { entity: e.clone(), field: f.clone(), max };
                add(intent, or_origin(why(format!("length {e}.{f}"))));
            }
        }
    }
}
