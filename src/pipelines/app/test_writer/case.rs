//! Building blocks of generated tests: how a store is opened, what is expected of a record, values that differ.

use super::world;
use crate::pipelines::app::core_logic::rules::range;
use crate::pipelines::app::core_logic::views::literal;
use crate::pipelines::app::features::{App, EntityFeatures, OverlapRule};
use crate::pipelines::app::javascript::{Js, property, quote};
use crate::pipelines::app::samples::{SAMPLES, TODAY, bounds, cents, day, sample};
use crate::pipelines::app::spec::{Field, FieldKind};

/// Changes to a sample.
pub(super) type Changes = Vec<(String, Js)>;

/// An entity of an app, seen by a test.
#[derive(Clone, Copy)]
pub(super) struct Case<'a> {
    pub(super) app: &'a App,
    pub(super) features: &'a EntityFeatures,
}

impl<'a> Case<'a> {
    pub(super) fn new(app: &'a App, entity: &str) -> Self {
        Self { app, features: app.target(entity) }
    }

    /// The key as a literal.
    pub(super) fn key(self) -> String {
        quote(&self.features.entity.key)
    }

    /// A literal of the id of the record at a place.
    pub(super) fn id(self, index: usize) -> String {
        quote(&format!("{}-{}", self.features.entity.key, index + 1))
    }

    /// `samples.book[0]`
    pub(super) fn sample(self, index: usize) -> String {
        format!("samples.{}[{index}]", self.features.entity.key)
    }

    /// The kinds that records of this one refer to.
    fn targets(self) -> Vec<&'a str> {
        let mut targets: Vec<&str> = Vec::new();
        for field in self.features.stored() {
            if let FieldKind::Reference { target } = &field.kind
                && *target != self.features.entity.key
                && !targets.contains(&target.as_str())
            {
                targets.push(target);
            }
        }
        targets
    }

    /// The stored records of a kind that this one refers to: the samples, which must not refer back, or a record of this
    /// kind could not be removed in a test about nothing but removing.
    fn stored_target(self, target: &str) -> String {
        let back = self.app.target(target).stored().filter(|field| {
            !field.required
                && matches!(&field.kind, FieldKind::Reference { target } if *target == self.features.entity.key)
        });
        let cleared: Vec<String> = back.map(|field| format!("{}: ''", property(&field.key))).collect();
        if cleared.is_empty() {
            return "three".into();
        }
        let record = format!("{{ {} }}", cleared.join(", "));
        format!("[{}]", vec![record; SAMPLES].join(", "))
    }

    /// The call that opens a store with these records, given as a literal, and with what they refer to.
    pub(super) fn open_with(self, records: &str) -> String {
        let own = match records {
            "" | "[]" => None,
            records => Some(format!("{}: {records}", self.features.entity.key)),
        };
        let targets =
            self.targets().into_iter().map(|target| format!("{target}: {}", self.stored_target(target)));
        let kinds: Vec<String> = own.into_iter().chain(targets).collect();
        if kinds.is_empty() {
            "openStore({})".into()
        } else {
            format!("openStore({{ {} }})", kinds.join(", "))
        }
    }

    /// The same for a number of samples.
    pub(super) fn open(self, count: usize) -> String {
        match count {
            0 => self.open_with(""),
            SAMPLES => self.open_with("three"),
            count => self.open_with(&format!("[{}]", vec!["{}"; count].join(", "))),
        }
    }

    /// The same for samples with changes.
    pub(super) fn open_changed(self, changes: &[Changes]) -> String {
        let records: Vec<Js> = changes.iter().map(|changes| Js::Object(changes.clone())).collect();
        let flat = Js::List(records.clone()).inline();
        if flat.len() <= 60 {
            return self.open_with(&flat);
        }
        let lines: String = records.iter().map(|record| format!("    {},\n", record.block(4, 4))).collect();
        self.open_with(&format!("[\n{lines}  ]"))
    }

    /// The records that such a store holds.
    pub(super) fn records(self, changes: &[Changes]) -> Vec<Js> {
        changes.iter().enumerate().map(|(at, changes)| world::record(self.features, at, changes)).collect()
    }

    /// What the store shows of a stored record.
    pub(super) fn expected(self, index: usize, changes: &[(String, Js)]) -> String {
        self.expected_as(&format!("{}-{}", self.features.entity.key, index + 1), index, changes)
    }

    /// The same under another id.
    pub(super) fn expected_as(self, id: &str, index: usize, changes: &[(String, Js)]) -> String {
        let mut stored = sample(self.features, index);
        for (name, value) in changes {
            stored = stored.with(name, value.clone());
        }
        let derived = self
            .features
            .derived()
            .into_iter()
            .map(|field| (field.key.clone(), world::value(self.features, field, &stored)));
        let more: String = changes
            .iter()
            .cloned()
            .chain(derived)
            .map(|(name, value)| format!(", {}: {}", property(&name), value.inline()))
            .collect();
        format!("{{ id: {}, ...{}{more} }}", quote(id), self.sample(index))
    }

    /// The list of what the store shows of the first samples.
    pub(super) fn expected_list(self, count: usize) -> String {
        let list: Vec<String> = (0..count).map(|at| self.expected(at, &[])).collect();
        match list.as_slice() {
            [] => "[]".into(),
            [one] => format!("[{one}]"),
            many => format!("[\n    {},\n  ]", many.join(",\n    ")),
        }
    }

    /// `store.list('book')`
    pub(super) fn list(self) -> String {
        format!("store.list({})", self.key())
    }

    /// An expression that tries to save the sample with changes, in an opened store, and gives the result.
    pub(super) fn save(self, index: usize, changes: &str) -> String {
        let input = if changes.is_empty() {
            self.sample(index)
        } else {
            format!("{{ ...{}, {changes} }}", self.sample(index))
        };
        if self.features.add {
            format!("store.add({}, {input})", self.key())
        } else {
            let context = "{ others: [], exists: () => true }";
            format!("validate{}({input}, {context})", self.features.pascal())
        }
    }
}

/// `title: 'x', rating: 3`
pub(super) fn entries(changes: &[(String, Js)]) -> String {
    let entries: Vec<String> =
        changes.iter().map(|(name, value)| format!("{}: {}", property(name), value.inline())).collect();
    entries.join(", ")
}

/// The literal of one error.
pub(super) fn error(field: &str, message: &str) -> String {
    format!("{{ field: {}, message: {} }}", quote(field), quote(message))
}

/// The literal of a refusal with one error.
pub(super) fn refused(field: &str, message: &str) -> String {
    format!("{{ ok: false, errors: [{}] }}", error(field, message))
}

/// Two different values of a field, as they are stored; what is wished for in a filter is the value or its first part.
pub(super) fn two_values(features: &EntityFeatures, field: &Field) -> (Js, Js) {
    let of = |index: usize| sample(features, index).get(&field.key).cloned().unwrap_or(Js::Null);
    match &field.kind {
        FieldKind::Reference { target } => (Js::text(format!("{target}-1")), Js::text(format!("{target}-2"))),
        FieldKind::Choice { choices } if choices.len() < 2 => (of(0), Js::text("")),
        _ => (of(0), of(1)),
    }
}

/// A value of the field that is not this one.
pub(super) fn other_value(features: &EntityFeatures, field: &Field, value: &Js) -> Js {
    let (first, second) = two_values(features, field);
    if first == *value { second } else { first }
}

/// The value of a mark, as a record holds it.
pub(super) fn marked(field: &Field, value: &str) -> Js {
    literal(field, value)
}

/// What is just outside the range of a number field, with its ends: `(inside, outside)`.
pub(super) fn range_ends(field: &Field) -> (Vec<f64>, Vec<f64>) {
    let (min, max) = range(&field.kind);
    let is_whole = matches!(field.kind, FieldKind::Integer { .. } | FieldKind::Rating { .. });
    let step = if is_whole { 1.0 } else { 0.01 };
    let (min, max) = if is_whole { (min.map(f64::ceil), max.map(f64::floor)) } else { (min, max) };
    let inside = min.into_iter().chain(max).collect();
    let below = min.map(|min| cents(min - step));
    let above = max.map(|max| cents(max + step));
    (inside, below.into_iter().chain(above).collect())
}

/// A moment of an interval field: the samples start at moment 0 and end at moment 1.
pub(super) fn moment(field: &Field, step: i32) -> Js {
    match field.kind {
        FieldKind::DateTime => Js::text(format!("{}T{:02}:00", day(0), 9 + step)),
        FieldKind::Time => Js::text(format!("{:02}:{:02}", 8 + step / 2, 30 * (step % 2))),
        FieldKind::Date => Js::text(day(i64::from(step))),
        _ => Js::Number(bounds(field).0.ceil() + f64::from(step)),
    }
}

/// The changes that give a record an interval.
pub(super) fn interval(features: &EntityFeatures, rule: &OverlapRule, from: i32, to: i32) -> Changes {
    let (start, end) = (features.field(&rule.start), features.field(&rule.end));
    vec![(rule.start.clone(), moment(start, from)), (rule.end.clone(), moment(end, to))]
}

/// The day of today, so many days on, as the field holds it.
pub(super) fn near_today(field: &Field, days: i64) -> Js {
    let today = TODAY[8..].parse::<i64>().unwrap_or(20);
    on_day(field, &day(today - 1 + days))
}

/// A day as the field holds it.
pub(super) fn on_day(field: &Field, day: &str) -> Js {
    match field.kind {
        FieldKind::DateTime => Js::text(format!("{day}T09:30")),
        FieldKind::Dates => Js::List(vec![Js::text(day)]),
        _ => Js::text(day),
    }
}

/// A value that the field refuses, with the sentence that says so; none when it takes anything.
pub(super) fn faulty(app: &App, field: &Field) -> Option<(Js, String)> {
    use crate::pipelines::app::core_logic::rules::messages;
    let target = match &field.kind {
        FieldKind::Reference { target } => app.entity(target).map(|target| &target.entity),
        _ => None,
    };
    match &field.kind {
        FieldKind::Text { .. } | FieldKind::LongText { .. } | FieldKind::Tags => {
            field.required.then(|| (Js::text(""), messages::required(field)))
        }
        FieldKind::Derived { .. } => None,
        _ => Some((Js::text("nonsense"), messages::kind(field, target))),
    }
}
