//! Photos that were taken one right after the other of the same thing, and which of them is the best.

use serde::{Deserialize, Serialize};

/// Seconds between two photos of a burst, at most.
const SECONDS_MAX: i64 = 3;
/// Bits, of 64, in which two photos of a burst differ at most.
const BITS_MAX: u32 = 12;
/// The same without times to go by.
const BITS_MAX_TIMELESS: u32 = 2;

/// As much of a photo as is needed to compare it.
#[derive(Clone, Debug, PartialEq)]
pub struct Shot {
    /// Its name.
    pub item: String,
    /// When it was taken, as `2024-05-01 12:30:00`.
    pub taken_at: Option<String>,
    /// With which camera.
    pub camera: Option<String>,
    /// Hash of what it looks like.
    pub look_hash: u64,
    /// How much fine detail it has.
    pub detail: f64,
    /// Share of its pixels that are burnt out or blocked up.
    pub clipped: f64,
}

/// A burst.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Burst {
    /// Its photos in the order in which they were taken.
    pub photos: Vec<String>,
    /// The best of them.
    pub best: String,
    /// Why.
    pub reason: String,
}

/// Bursts of two photos and more, in order.
pub fn bursts(mut shots: Vec<Shot>) -> Vec<Burst> {
    shots.sort_by(|one, other| {
        (&one.camera, &one.taken_at, &one.item).cmp(&(&other.camera, &other.taken_at, &other.item))
    });
    let mut bursts = Vec::new();
    let mut from = 0;
    for to in 1..=shots.len() {
        if shots.get(to).is_some_and(|shot| belong(&shots[to - 1], shot)) {
            continue;
        }
        if to - from > 1 {
            bursts.push(burst(&shots[from..to]));
        }
        from = to;
    }
    bursts
}

fn belong(one: &Shot, other: &Shot) -> bool {
    let bits = (one.look_hash ^ other.look_hash).count_ones();
    match (seconds(one), seconds(other)) {
        (Some(before), Some(after)) => {
            one.camera == other.camera && after - before <= SECONDS_MAX && bits <= BITS_MAX
        }
        (None, None) => bits <= BITS_MAX_TIMELESS,
        _ => false,
    }
}

fn burst(shots: &[Shot]) -> Burst {
    // Detail counts, less what clipping takes of it.
    let score = |shot: &Shot| shot.detail * (1.0 - 2.0 * shot.clipped).max(0.0);
    let mut best = &shots[0];
    for shot in &shots[1..] {
        if score(shot) > score(best) {
            best = shot;
        }
    }
    let others: Vec<String> = shots
        .iter()
        .filter(|shot| shot.item != best.item)
        .map(|shot| format!("{:.1}", shot.detail))
        .collect();
    let sharpest = shots.iter().all(|shot| shot.detail <= best.detail);
    let word = if sharpest { "the sharpest" } else { "the best in detail and clipping" };
    let reason = format!(
        "{word} of {}: detail {:.1} against {}, {:.1} % clipped",
        shots.len(),
        best.detail,
        others.join(", "),
        best.clipped * 100.0
    );
    Burst { photos: shots.iter().map(|shot| shot.item.clone()).collect(), best: best.item.clone(), reason }
}

/// Seconds since some day, of `2024-05-01 12:30:00`.
fn seconds(shot: &Shot) -> Option<i64> {
    let text = shot.taken_at.as_deref()?;
    let part = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (part(0, 4)?, part(5, 7)?, part(8, 10)?);
    let (hour, minute, second) = (part(11, 13)?, part(14, 16)?, part(17, 19)?);
    if !(1..=12).contains(&month) {
        return None;
    }
    // Years that begin in March have their leap day at the end.
    let (years, months) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = years * 365 + years / 4 - years / 100 + years / 400 + (months * 153 + 2) / 5 + day;
    Some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shot(item: &str, at: Option<&str>, look_hash: u64, detail: f64) -> Shot {
        let taken_at = at.map(|at| format!("2024-{at}"));
        Shot {
            item: item.to_owned(),
            taken_at,
            camera: Some("L 1".to_owned()),
            look_hash,
            detail,
            clipped: 0.0,
        }
    }

    #[test]
    fn photos_right_after_each_other_are_a_burst_and_the_sharpest_is_the_best() {
        let shots = vec![
            shot("d", Some("02-29 23:59:59"), 0xFF, 4.0),
            shot("a", Some("02-28 12:00:00"), 0, 5.0),
            shot("b", Some("02-28 12:00:02"), 7, 9.0),
            shot("c", Some("02-28 12:00:05"), 7, 7.0),
            // Over midnight and a leap day.
            shot("e", Some("03-01 00:00:01"), 0xFF, 3.0),
            // In time, but of something else.
            shot("f", Some("03-01 00:00:02"), u64::MAX, 3.0),
        ];
        let found = bursts(shots);
        let named: Vec<_> = found.iter().map(|burst| (burst.photos.join(""), burst.best.as_str())).collect();
        assert_eq!(named, [("abc".to_owned(), "b"), ("de".to_owned(), "d")]);
        assert_eq!(found[0].reason, "the sharpest of 3: detail 9.0 against 5.0, 7.0, 0.0 % clipped");
    }

    #[test]
    fn clipping_costs_and_without_times_only_twins_belong_together() {
        let mut burnt = shot("a", None, 1, 10.0);
        burnt.clipped = 0.4;
        let found = bursts(vec![burnt, shot("b", None, 0, 8.0), shot("c", None, 0xFF, 8.0)]);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].photos.join(""), &*found[0].best), ("ab".to_owned(), "b"));
        assert!(found[0].reason.starts_with("the best in detail and clipping of 2"), "{}", found[0].reason);
        assert_eq!(bursts(vec![shot("a", Some("x"), 0, 1.0), shot("b", Some("02-28 12:00:00"), 0, 1.0)]), []);
        assert_eq!(bursts(Vec::new()), []);
    }
}
