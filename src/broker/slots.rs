//! When clients of a server that goes down come back: one after the other, at a rate that the next server can bear.

use std::sync::atomic::{AtomicU64, Ordering};

/// Deals out moments to come back. One for the whole server, so that the rate holds over all shards.
#[derive(Debug)]
pub struct Slots {
    per_second: u64,
    dealt: AtomicU64,
}

impl Slots {
    /// So many clients come back within one second.
    pub fn new(per_second: u64) -> Self {
        Self { per_second: per_second.max(1), dealt: AtomicU64::new(0) }
    }

    /// The next client's own moment, in milliseconds from now.
    pub fn deal_ms(&self) -> u64 {
        self.dealt.fetch_add(1, Ordering::Relaxed).saturating_mul(1000) / self.per_second
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_moment_grows_with_the_number_of_clients() {
        for (per_second, clients, last) in [(500, 1, 0), (500, 1000, 1998), (1, 3, 2000), (0, 2, 1000)] {
            let slots = Slots::new(per_second);
            let dealt: Vec<u64> = (0..clients).map(|_| slots.deal_ms()).collect();
            assert!(dealt.is_sorted());
            assert_eq!(dealt.last(), Some(&last), "{per_second} {clients}");
        }
    }
}
