//! The model while it grows: entities and fields as they are named, and how words of a clause are found among them.

use std::collections::BTreeMap;

use super::criteria::lower;
use super::fields::Item;
use super::kinds::{infer, plain};
use super::known::Known;
use super::vocabulary::SYNONYMS;
use super::words::{
    camel, is_plural, kebab, label, parts, plural, reserved_entity, reserved_field, singular,
};
use crate::pipelines::app::spec::{Entity, Field, FieldKind, Formula};

/// Bounds that keep noise from becoming an app of thousands of fields.
pub(super) const ENTITIES_MAX: usize = 12;
/// Fields of one entity.
pub(super) const FIELDS_MAX: usize = 40;

/// A clause in the forms that the grammar reads.
#[derive(Clone, Debug)]
pub(super) struct Clause {
    /// Its number, from 0.
    pub(super) index: usize,
    /// Plain form, without words like `users can`.
    pub(super) plain: String,
    /// The same in lower case, with a space before and after, so that ` by ` can be found.
    pub(super) low: String,
    /// Each word in the singular.
    pub(super) words: Vec<String>,
}

impl Clause {
    /// From the plain form.
    pub(super) fn new(index: usize, plain: &str) -> Self {
        let low = format!(" {} ", plain.to_lowercase());
        let words = singles(&low);
        Self { index, plain: plain.to_owned(), low, words }
    }
}

/// Each word in the singular, lower case.
pub(super) fn singles(text: &str) -> Vec<String> {
    text.split_whitespace().map(|word| plain_word(&word.to_lowercase())).collect()
}

fn plain_word(word: &str) -> String {
    let name = plain(word);
    if name.is_empty() { word.to_owned() } else { name }
}

/// The growing model.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    /// In the order in which they were named.
    pub(super) entities: Vec<Entity>,
    /// The clauses that declare an entity.
    pub(super) declared: BTreeMap<String, Vec<usize>>,
    /// The clause that a rule comes from, by a key like `required book.title`.
    pub(super) why: BTreeMap<String, Vec<usize>>,
    /// Fields that the brief calls optional.
    pub(super) optional: Vec<(String, String)>,
    /// Fields whose kind the words told.
    pub(super) told: Vec<(String, String)>,
    /// `no ratings`: clause, entity (none: all), name.
    pub(super) removed: Vec<(usize, Option<String>, String)>,
    /// Derived fields to be: entity, field, words of the formula, clause.
    pub(super) formulas: Vec<(String, String, String, usize)>,
    /// Contradictions, in words.
    pub(super) contradictions: Vec<String>,
    /// What could not be taken, by clause.
    pub(super) refused: Vec<(usize, String)>,
    /// Lines for the log.
    pub(super) notes: Vec<(usize, String)>,
}

impl Draft {
    /// The entity with this key.
    pub(super) fn entity(&self, key: &str) -> Option<&Entity> {
        self.entities.iter().find(|entity| entity.key == key)
    }

    /// The entity with this key, to be changed.
    pub(super) fn entity_mut(&mut self, key: &str) -> Option<&mut Entity> {
        self.entities.iter_mut().find(|entity| entity.key == key)
    }

    /// The field, to be changed.
    pub(super) fn field_mut(&mut self, entity: &str, field: &str) -> Option<&mut Field> {
        self.entity_mut(entity)?.fields.iter_mut().find(|found| found.key == field)
    }

    /// The entity of that name; made when there is none. None when the name gives no key.
    pub(super) fn ensure_entity(&mut self, name: &str, clause: usize) -> Option<String> {
        let mut words: Vec<String> = name.split_whitespace().map(str::to_owned).collect();
        let last = words.pop()?;
        let one = if is_plural(&last.to_lowercase()) { singular(&last.to_lowercase()) } else { last };
        words.push(one);
        let one = words.join(" ");
        let wanted = plain(&one);
        if let Some(found) = self.entities.iter().find(|entity| plain(&entity.label) == wanted) {
            let key = found.key.clone();
            self.note_declared(&key, clause);
            return Some(key);
        }
        if self.entities.len() >= ENTITIES_MAX {
            self.refused.push((clause, format!("an app keeps at most {ENTITIES_MAX} kinds of things")));
            return None;
        }
        let mut key = camel(&one);
        if key.is_empty() {
            return None;
        }
        if reserved_entity(&key) {
            key.push_str("Item");
        }
        if self.entities.iter().any(|entity| entity.key == key || entity.collection == key) {
            return None;
        }
        let label_one = label(&one);
        let mut many_words: Vec<String> = label_one.split(' ').map(str::to_owned).collect();
        let last = many_words.pop()?;
        many_words.push(plural_keeping_case(&last));
        let label_plural = many_words.join(" ");
        let mut collection = if key.ends_with("Item") && reserved_entity(&camel(&one)) {
            format!("{key}s")
        } else {
            camel(&label_plural)
        };
        if collection == key || collection.is_empty() {
            collection = format!("{key}List");
        }
        self.entities.push(Entity {
            key: key.clone(),
            collection,
            label: label_one,
            label_plural,
            fields: Vec::new(),
            title_field: String::new(),
        });
        self.note_declared(&key, clause);
        Some(key)
    }

    /// Gives a well-known thing the fields that such a thing has, and says so.
    pub(super) fn assume_known(&mut self, key: &str, known: &Known, clause: usize) {
        let (items, _) = super::fields::read(&super::text::normalise(known.fields));
        self.add_items(key, &items, clause);
        let label = self.entity(key).map_or_else(|| key.to_owned(), |entity| entity.label_plural.clone());
        let names: Vec<String> = items.iter().map(|item| item.name.clone()).collect();
        self.notes.push((
            clause,
            format!(
                "the brief names no fields of {}, so they get the usual ones: {}",
                lower(&label),
                names.join(", ")
            ),
        ));
    }

    fn note_declared(&mut self, key: &str, clause: usize) {
        let list = self.declared.entry(key.to_owned()).or_default();
        if !list.contains(&clause) {
            list.push(clause);
        }
    }

    /// Remembers which clause a rule comes from.
    pub(super) fn because(&mut self, rule: String, clause: usize) {
        let list = self.why.entry(rule).or_default();
        if !list.contains(&clause) {
            list.push(clause);
        }
    }

    /// Adds fields to an entity; a field that is there already is made more exact.
    pub(super) fn add_items(&mut self, entity: &str, items: &[Item], clause: usize) {
        for item in items {
            if item.removed {
                self.removed.push((clause, Some(entity.to_owned()), item.name.clone()));
                continue;
            }
            let Some(key) = self.ensure_field(entity, &item.name, None, clause) else {
                self.refused.push((clause, format!("`{}` cannot be the name of a field", item.name)));
                continue;
            };
            if let Some(formula) = &item.formula {
                self.formulas.push((entity.to_owned(), key.clone(), formula.clone(), clause));
            }
            if item.optional {
                self.optional.push((entity.to_owned(), key.clone()));
            }
            if item.told {
                self.told.push((entity.to_owned(), key.clone()));
            }
            let mut reasons = Vec::new();
            if let Some(field) = self.field_mut(entity, &key) {
                if item.told {
                    field.kind = item.kind.clone();
                }
                if item.required {
                    field.required = true;
                    reasons.push("required");
                }
                if item.unique {
                    field.unique = true;
                    reasons.push("unique");
                }
                if item.default.is_some() {
                    field.default.clone_from(&item.default);
                }
            }
            for reason in reasons {
                self.because(format!("{reason} {entity}.{key}"), clause);
            }
        }
    }

    /// The field of that name; made when there is none.
    pub(super) fn ensure_field(
        &mut self,
        entity: &str,
        name: &str,
        kind: Option<FieldKind>,
        clause: usize,
    ) -> Option<String> {
        let wanted = plain(name);
        let found = self.entity(entity)?;
        if let Some(field) = found.fields.iter().find(|field| plain(&field.label) == wanted) {
            return Some(field.key.clone());
        }
        if found.fields.len() >= FIELDS_MAX {
            self.refused.push((clause, format!("a record has at most {FIELDS_MAX} fields")));
            return None;
        }
        let mut key = camel(name);
        if reserved_field(&key) {
            key.push_str("Value");
        }
        if key.is_empty() || found.fields.iter().any(|field| field.key == key) {
            return None;
        }
        let kind = kind.unwrap_or_else(|| infer(name));
        let field = Field {
            key: key.clone(),
            label: label(name),
            kind,
            required: false,
            unique: false,
            default: None,
        };
        self.entity_mut(entity)?.fields.push(field);
        self.because(format!("field {entity}.{key}"), clause);
        Some(key)
    }

    /// Entities that the words name, in the order of the words.
    pub(super) fn entities_in(&self, words: &[String]) -> Vec<String> {
        let mut found: Vec<(usize, usize, String)> = Vec::new();
        for entity in &self.entities {
            let name = plain_parts(&entity.label);
            if let Some(at) = position(words, &name) {
                found.push((at, name.len(), entity.key.clone()));
                continue;
            }
            // `an invoice` is an unpaid invoice when no other kind of invoice is kept.
            let head = name.last().cloned().unwrap_or_default();
            let alone = self
                .entities
                .iter()
                .all(|other| other.key == entity.key || plain_parts(&other.label).last() != Some(&head))
                && !self
                    .entities
                    .iter()
                    .any(|other| other.fields.iter().any(|field| plain(&field.label) == head));
            if let Some(at) = position(words, &[head]).filter(|_| alone && name.len() > 1) {
                found.push((at, 1, entity.key.clone()));
            }
        }
        // `stock item` hides `item` at the same place.
        let all = found.clone();
        found.retain(|(at, len, _)| {
            !all.iter().any(|(other, longer, _)| longer > len && other <= at && at + len <= other + longer)
        });
        found.sort();
        found.into_iter().map(|(_, _, key)| key).collect()
    }
}

/// The words of a label in the singular.
pub(super) fn plain_parts(label: &str) -> Vec<String> {
    parts(label).iter().map(|word| singular(word)).collect()
}

/// Where the name stands among the words.
pub(super) fn position(words: &[String], name: &[String]) -> Option<usize> {
    if name.is_empty() || name.len() > words.len() {
        return None;
    }
    words.windows(name.len()).position(|window| window == name)
}

fn plural_keeping_case(word: &str) -> String {
    let shout = word.chars().all(|sign| sign.is_uppercase()) && word.len() > 1;
    if shout {
        return format!("{word}s");
    }
    let many = plural(&word.to_lowercase());
    match (word.chars().next(), many.chars().next()) {
        (Some(first), Some(_)) if first.is_uppercase() => {
            let mut signs = many.chars();
            signs.next().map(|sign| sign.to_uppercase().chain(signs).collect()).unwrap_or_default()
        }
        _ => many,
    }
}

/// The fields that the words name, in the order of the words.
pub(super) fn fields_in(entity: &Entity, words: &[String]) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let mut used = 1;
        for len in (1..=4).rev() {
            let Some(window) = words.get(at..at + len) else { continue };
            if let Some(field) = field_named(entity, &window.join(" ")) {
                if !out.contains(&field) {
                    out.push(field);
                }
                used = len;
                break;
            }
            // `players` are the minimum and the maximum players.
            let several = ["player", "name", "date", "price", "amount", "cost", "team"];
            if len == 1 && several.contains(&window[0].as_str()) {
                for field in &entity.fields {
                    let last =
                        plain(&field.label).split(' ').next_back() == window.first().map(String::as_str);
                    if last && !out.contains(&field.key) {
                        out.push(field.key.clone());
                    }
                }
            }
        }
        at += used;
    }
    out
}

/// The field with this name: exactly, by a word for the same thing, or by the last word when only one field has it.
pub(super) fn field_named(entity: &Entity, name: &str) -> Option<String> {
    if name.is_empty() {
        return None;
    }
    let exact = entity.fields.iter().find(|field| plain(&field.label) == name);
    if let Some(field) = exact {
        return Some(field.key.clone());
    }
    let words: Vec<&str> = name.split(' ').collect();
    let mut same: Vec<&Field> = Vec::new();
    for group in SYNONYMS.iter().filter(|group| group.contains(&name)) {
        same.extend(entity.fields.iter().filter(|field| group.contains(&plain(&field.label).as_str())));
    }
    same.dedup_by(|a, b| a.key == b.key);
    if let [field] = same.as_slice() {
        return Some(field.key.clone());
    }
    if words.len() == 1 && !["number", "time", "one", "of", "to", "in", "on", "a"].contains(&name) {
        let ends: Vec<&Field> = entity
            .fields
            .iter()
            .filter(|field| plain(&field.label).split(' ').next_back() == Some(name))
            .collect();
        if let [field] = ends.as_slice() {
            return Some(field.key.clone());
        }
    }
    None
}

/// The choice (field and value) that the words name; booleans count with their own name.
pub(super) fn value_in(entity: &Entity, words: &str) -> Option<(String, String)> {
    let wanted = kebab(words);
    if wanted.is_empty() {
        return None;
    }
    for field in &entity.fields {
        if let FieldKind::Choice { choices } = &field.kind
            && let Some(choice) = choices.iter().find(|choice| choice.value == wanted)
        {
            return Some((field.key.clone(), choice.value.clone()));
        }
    }
    let bare = wanted.strip_prefix("not-").or_else(|| wanted.strip_prefix("un")).unwrap_or(&wanted);
    for field in &entity.fields {
        if matches!(field.kind, FieldKind::Boolean) {
            let name = kebab(&lower(&field.label));
            let name = name.strip_prefix("is-").unwrap_or(&name).to_owned();
            if name == wanted {
                return Some((field.key.clone(), "true".to_owned()));
            }
            if name == bare {
                return Some((field.key.clone(), "false".to_owned()));
            }
        }
    }
    None
}

/// Choices of an entity that stand in the words, in their order.
pub(super) fn values_in(entity: &Entity, words: &[String]) -> Vec<(String, String)> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let mut used = 1;
        for len in (1..=4).rev() {
            let Some(window) = words.get(at..at + len) else { continue };
            if let Some(found) = value_in(entity, &window.join(" ")) {
                out.push(found);
                used = len;
                break;
            }
        }
        at += used;
    }
    out
}

/// The formula that the words describe, with the names of its operands.
pub(super) fn formula(words: &str) -> Option<(Formula, String, String)> {
    let low = format!(" {} ", words.to_lowercase());
    for (sign, make) in
        [(" times ", 0), (" multiplied by ", 0), (" x ", 0), (" plus ", 1), (" minus ", 2), (" less ", 2)]
    {
        if let Some((left, right)) = low.split_once(sign) {
            return make_formula(make, left, right);
        }
    }
    for (lead, make) in
        [(" product of ", 0), (" sum of ", 1), (" difference between ", 2), (" difference of ", 2)]
    {
        if let Some((_, rest)) = low.split_once(lead)
            && let Some((left, right)) = rest.split_once(" and ")
        {
            return make_formula(make, left, right);
        }
    }
    None
}

fn make_formula(kind: u8, left: &str, right: &str) -> Option<(Formula, String, String)> {
    let name = |text: &str| {
        super::fields::strip(text.trim().trim_start_matches("is ")).trim_matches(',').trim().to_owned()
    };
    let (left, right) = (name(left), name(right));
    if left.is_empty() || right.is_empty() || right.split(' ').count() > 3 || left.split(' ').count() > 3 {
        return None;
    }
    let (a, b) = (left.clone(), right.clone());
    let formula = match kind {
        0 => Formula::Product { a, b },
        1 => Formula::SumOf { a, b },
        _ => Formula::Difference { a, b },
    };
    Some((formula, left, right))
}
