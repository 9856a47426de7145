//! What will go wrong, and when: all of it follows from a seed.

use std::time::Duration;

use crate::cli::client::room::Transport;

/// Numbers that look random and can be had again (SplitMix64).
#[derive(Clone, Debug)]
pub(super) struct Chance(u64);

impl Chance {
    /// The numbers of one actor: those of another do not change them.
    pub(super) fn new(seed: u64, actor: u64) -> Chance {
        let mut chance = Chance(seed ^ actor.wrapping_mul(0xa076_1d64_78bd_642f));
        chance.next();
        chance
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// One of the numbers below `end`.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// Some duration around a mean: from a tenth to nearly twice of it.
    pub(super) fn around(&mut self, mean: Duration) -> Duration {
        mean.mul_f64(0.1 + 1.8 * (self.below(1_000_000) as f64 / 1_000_000.0))
    }
}

/// What happens to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FaultKind {
    /// The connection is cut without a word.
    Cut,
    /// The client leaves in good order.
    Goodbye,
    /// The client stops reading, and goes on with the same connection.
    Stall,
}

/// One thing that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// So long after the one before.
    pub(super) after: Duration,
    /// What.
    pub(super) kind: FaultKind,
    /// How long until the client goes on.
    pub(super) lasts: Duration,
}

/// What happens to one client, without end.
#[derive(Clone, Debug)]
pub(super) struct ClientPlan {
    chance: Chance,
    every: Duration,
    lasts: Duration,
    connections: u64,
}

/// A receive buffer that is full soon, so that a client that stalls is a slow reader to its server too.
const SMALL_RECEIVE_BYTES: usize = 4 * 1024;

impl ClientPlan {
    pub(super) fn new(seed: u64, client: u64, every: Duration, lasts: Duration) -> ClientPlan {
        ClientPlan { chance: Chance::new(seed, 1_000 + client), every, lasts, connections: client }
    }

    /// The next fault: three of ten are stalls.
    pub(super) fn fault(&mut self) -> Fault {
        let kind = match self.chance.below(10) {
            0..3 => FaultKind::Stall,
            3..8 => FaultKind::Cut,
            _ => FaultKind::Goodbye,
        };
        Fault { after: self.chance.around(self.every), kind, lasts: self.chance.around(self.lasts) }
    }

    /// How the next connection is made: the transports take turns, and every client begins with another.
    pub(super) fn connection(&mut self) -> (Transport, Option<usize>) {
        let transport = if self.connections.is_multiple_of(2) { Transport::Socket } else { Transport::Sse };
        self.connections += 1;
        (transport, (self.chance.below(3) == 0).then_some(SMALL_RECEIVE_BYTES))
    }

    /// How long to wait before another try, when there was no server.
    pub(super) fn retry_after(&mut self) -> Duration {
        self.chance.around(Duration::from_millis(150))
    }
}

/// Moments spread over a time: one in each of `count` equal parts, somewhere within.
pub(super) fn moments(chance: &mut Chance, count: u64, over: Duration) -> Vec<Duration> {
    (0..count)
        .map(|part| {
            let within = chance.below(1_000_000) as f64 / 1_000_000.0;
            over.mul_f64((part as f64 + within) / count as f64)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn a_seed_gives_the_same_plan_and_another_seed_another() {
        let faults = |seed, client| {
            let mut plan = ClientPlan::new(seed, client, S * 5, S * 2);
            (0..50).map(|_| (plan.fault(), plan.connection())).collect::<Vec<_>>()
        };
        assert_eq!(faults(1, 1), faults(1, 1));
        assert_ne!(faults(1, 1), faults(2, 1));
        assert_ne!(faults(1, 1), faults(1, 2));
    }

    #[test]
    fn faults_lie_around_the_means_and_are_of_every_kind() {
        let mut plan = ClientPlan::new(7, 0, S * 5, S * 2);
        let faults: Vec<Fault> = (0..2_000).map(|_| plan.fault()).collect();
        let mean = faults.iter().map(|fault| fault.after.as_secs_f64()).sum::<f64>() / 2_000.0;
        assert!((4.8..5.2).contains(&mean), "{mean}");
        let lasts = faults.iter().map(|fault| fault.lasts.as_secs_f64()).sum::<f64>() / 2_000.0;
        assert!((1.9..2.1).contains(&lasts), "{lasts}");
        for kind in [FaultKind::Cut, FaultKind::Goodbye, FaultKind::Stall] {
            assert!(faults.iter().filter(|fault| fault.kind == kind).count() > 300, "{kind:?}");
        }
    }

    #[test]
    fn transports_take_turns() {
        let mut plan = ClientPlan::new(7, 1, S, S);
        let transports: Vec<Transport> = (0..4).map(|_| plan.connection().0).collect();
        assert_eq!(transports, [Transport::Sse, Transport::Socket, Transport::Sse, Transport::Socket]);
    }

    #[test]
    fn moments_are_spread_in_order() {
        let found = moments(&mut Chance::new(3, 0), 10, S * 10);
        for (part, moment) in (0..).zip(&found) {
            assert!((S * part..S * (part + 1)).contains(moment), "{found:?}");
        }
    }
}
