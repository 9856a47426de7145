//! Whether and when an agent that failed is tried again. Pure: chance is handed in.

use crate::clock::random_bytes;
use crate::domain::pipeline::RETRY_PAUSE_MS_MAX;
use crate::domain::run::Run;
use crate::domain::time::Timestamp;
use crate::pipelines::policy::{FailureClass, RetryPolicy};

/// The pause before the next try of an agent that has now failed `failed_tries` times; none when it is not tried again.
/// `chance` is from 0 to 1: the pause lies anywhere between nothing and its upper end, so that many who failed together do
/// not come back together.
pub(crate) fn pause_ms(
    policy: &RetryPolicy,
    class: FailureClass,
    failed_tries: u32,
    chance: f64,
) -> Option<u64> {
    let rule = policy.rule(class);
    if failed_tries > rule.retries_max {
        return None;
    }
    let doublings = failed_tries.saturating_sub(1).min(32);
    let upper = rule.base_ms.saturating_mul(1 << doublings).min(rule.pause_ms_max);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a part of a pause, rounded"
    )]
    let jitter = (upper as f64 * chance.clamp(0.0, 1.0)).round() as u64;
    match class {
        // Whoever asks to be left alone for longer is not waited for: a run that seems to hang helps nobody.
        FailureClass::RateLimited { retry_after_ms: Some(asked) } if asked > RETRY_PAUSE_MS_MAX => None,
        // What was asked for is kept, and chance comes on top.
        FailureClass::RateLimited { retry_after_ms: Some(asked) } => Some(asked + jitter),
        _ => Some(jitter),
    }
}

/// Agents that are tried again at a time which has not come, with how long that still is.
pub(crate) fn pauses_left(run: &Run, now: Timestamp) -> Vec<(usize, u64)> {
    let left = run.agents.iter().enumerate().filter_map(|(index, record)| {
        let left_ms = record.retry_at?.since(now);
        // No pause is longer than twice this, what was asked for and chance on top, whatever became of the clock.
        (left_ms > 0).then_some((index, left_ms.min(2 * RETRY_PAUSE_MS_MAX)))
    });
    left.collect()
}

/// A number from 0 to 1.
pub(crate) fn chance() -> f64 {
    let mut bytes = [0; 4];
    match random_bytes(&mut bytes) {
        Ok(()) => f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX),
        // A machine without chance still tries again.
        Err(_) => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipelines::policy::RetryRule;

    #[test]
    fn pauses_double_up_to_their_end_and_then_it_has_failed() {
        let policy = RetryPolicy {
            transient: RetryRule { retries_max: 5, base_ms: 100, pause_ms_max: 1_000 },
            ..RetryPolicy::DEFAULT
        };
        let pauses = |chance: f64| {
            (1..=6)
                .map(|failed| pause_ms(&policy, FailureClass::Transient, failed, chance))
                .collect::<Vec<_>>()
        };
        assert_eq!(pauses(1.0), [Some(100), Some(200), Some(400), Some(800), Some(1_000), None]);
        assert_eq!(pauses(0.5), [Some(50), Some(100), Some(200), Some(400), Some(500), None]);
        assert_eq!(pauses(0.0)[..5], [Some(0); 5]);
    }

    #[test]
    fn classes_differ() {
        let policy = RetryPolicy::DEFAULT;
        assert_eq!(pause_ms(&policy, FailureClass::Permanent, 1, 1.0), None);
        assert_eq!(pause_ms(&policy, FailureClass::TimedOut, 1, 1.0), None);
        let asked = |ms| FailureClass::RateLimited { retry_after_ms: ms };
        assert_eq!(pause_ms(&policy, asked(None), 1, 1.0), Some(2_000));
        assert_eq!(pause_ms(&policy, asked(Some(30_000)), 1, 0.5), Some(31_000));
        assert_eq!(pause_ms(&policy, asked(Some(RETRY_PAUSE_MS_MAX + 1)), 1, 0.5), None);
        assert_eq!(pause_ms(&RetryPolicy::NEVER, FailureClass::Transient, 1, 1.0), None);
    }

    #[test]
    fn what_is_left_of_a_pause_is_bounded() {
        let mut run = crate::runs::fixtures::run();
        run.agents[1].retry_at = Some(Timestamp(5_000));
        run.agents[2].retry_at = Some(Timestamp(1_000));
        assert_eq!(pauses_left(&run, Timestamp(1_000)), [(1, 4_000)]);
        assert_eq!(pauses_left(&run, Timestamp(5_000)), []);
        run.agents[1].retry_at = Some(Timestamp(i64::MAX));
        assert_eq!(pauses_left(&run, Timestamp(1_000)), [(1, 2 * RETRY_PAUSE_MS_MAX)]);
    }

    #[test]
    fn chance_is_between_nothing_and_all() {
        let drawn: Vec<f64> = (0..100).map(|_| chance()).collect();
        assert!(drawn.iter().all(|chance| (0.0..=1.0).contains(chance)));
        assert!(drawn.iter().any(|chance| *chance < 0.5) && drawn.iter().any(|chance| *chance > 0.5));
    }
}
