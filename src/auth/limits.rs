//! How often somebody may come: requests by address and by token, wrong tokens by address, connections by address.
//!
//! Every count is bounded in time and in number: a flood from ever new addresses shares one bucket once there are too many
//! to be told apart. Clients of this machine are not limited unless that is wanted, because a local client could do worse
//! and measures us.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::auth::caller::{Caller, TokenName};
use crate::auth::{AuthError, Head};
use crate::config::LimitsConfig;

/// Addresses or tokens that are told apart.
const KEYS_MAX: usize = 16_384;
/// Wrong tokens of one address: so many at once, and one more every so often.
const WRONG_BURST: u64 = 20;
const WRONG_EVERY_US: u64 = 3_000_000;

/// An address as it is counted: of IPv6 the network, for a host has as many addresses in it as it likes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Address(IpAddr);

impl Address {
    fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(ip) => Self(ip.into()),
            IpAddr::V6(ip) => {
                let [a, b, c, d, ..] = ip.segments();
                Self(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into())
            }
        }
    }
}

/// Leaky buckets by key. Of each is known when it will be empty.
#[derive(Debug)]
struct Buckets<K> {
    /// What one request takes.
    every_us: u64,
    /// How far ahead a bucket may be.
    ahead_us: u64,
    state: Mutex<State<K>>,
}

#[derive(Debug)]
struct State<K> {
    empty_at_us: HashMap<K, u64>,
    /// For those who came when there were too many.
    others_us: u64,
}

impl<K: Eq + Hash + Copy> Buckets<K> {
    fn new(every_us: u64, burst: u64) -> Self {
        let state = State { empty_at_us: HashMap::new(), others_us: 0 };
        Self { every_us, ahead_us: every_us.saturating_mul(burst), state: Mutex::new(state) }
    }

    /// So many in each second, and twice as many at once.
    fn per_second(rate: u64) -> Option<Self> {
        (rate > 0).then(|| Self::new((1_000_000 / rate).max(1), rate.saturating_mul(2)))
    }

    /// Takes one; or says after how many microseconds there is one again.
    fn take(&self, key: K, now_us: u64) -> Result<(), u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.empty_at_us.len() >= KEYS_MAX && !state.empty_at_us.contains_key(&key) {
            state.empty_at_us.retain(|_, empty_at| *empty_at > now_us);
        }
        let full = state.empty_at_us.len() >= KEYS_MAX && !state.empty_at_us.contains_key(&key);
        let empty_at = match full {
            true => &mut state.others_us,
            false => state.empty_at_us.entry(key).or_insert(now_us),
        };
        let next = (*empty_at).max(now_us).saturating_add(self.every_us);
        match next.saturating_sub(now_us).checked_sub(self.ahead_us) {
            Some(over) if over > 0 => Err(over),
            _ => {
                *empty_at = next;
                Ok(())
            }
        }
    }

    /// Whether there is one left, without taking it.
    fn look(&self, key: &K, now_us: u64) -> Result<(), u64> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let empty_at = state.empty_at_us.get(key).copied().unwrap_or(0);
        let ahead = empty_at.saturating_add(self.every_us).saturating_sub(now_us);
        match ahead.checked_sub(self.ahead_us) {
            Some(over) if over > 0 && empty_at > now_us => Err(over),
            _ => Ok(()),
        }
    }
}

/// What is counted, and how far it may go.
pub struct Limits {
    began: Instant,
    local_too: bool,
    requests: Option<Buckets<Address>>,
    tokens: Option<Buckets<TokenName>>,
    wrong: Buckets<Address>,
    connects: Option<Buckets<Address>>,
    connections_max: usize,
    turned_away: AtomicU64,
    connections: Arc<Mutex<HashMap<Address, usize>>>,
}

/// A place among the connections of an address; dropping it gives it back.
#[derive(Debug)]
pub struct Place {
    address: Address,
    connections: Arc<Mutex<HashMap<Address, usize>>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.address);
            }
        }
    }
}

/// Whether a connection may begin.
#[derive(Debug)]
pub enum Arrival {
    /// It may, and is not counted.
    Free,
    /// It may, as long as it holds its place.
    Counted(Place),
    /// There are too many of this address, or they come too fast.
    TooMany,
}

impl Limits {
    /// Those of a configuration.
    pub fn new(config: &LimitsConfig) -> Self {
        Self {
            began: Instant::now(),
            local_too: config.local_too,
            requests: Buckets::per_second(config.requests_per_second),
            tokens: Buckets::per_second(config.token_requests_per_second),
            wrong: Buckets::new(WRONG_EVERY_US, WRONG_BURST),
            connects: Buckets::per_second(config.connects_per_second),
            connections_max: config.connections_per_address,
            turned_away: AtomicU64::new(0),
            connections: Arc::default(),
        }
    }

    /// Connections that were closed before anything was read.
    pub fn turned_away(&self) -> u64 {
        self.turned_away.load(Ordering::Relaxed)
    }

    fn now_us(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// The address a request is counted under; none when it is not counted.
    pub(super) fn address(&self, head: &Head<'_>) -> Option<Address> {
        let peer = head.peer?.ip();
        if !peer.to_canonical().is_loopback() {
            return Some(Address::of(peer));
        }
        // A proxy on this machine adds the address it saw at the end; what stands before it anybody could have written.
        let seen = head.forwarded_for.and_then(|list| list.rsplit(',').next()?.trim().parse::<IpAddr>().ok());
        match seen {
            Some(seen) => Some(Address::of(seen)),
            None => (self.local_too || head.forwarded).then(|| Address::of(peer)),
        }
    }

    /// Where a request comes from, for whoever wants to know; nothing is decided by it.
    pub(super) fn seen_from(head: &Head<'_>) -> Option<IpAddr> {
        let peer = head.peer?.ip().to_canonical();
        let seen = head.forwarded_for.and_then(|list| list.rsplit(',').next()?.trim().parse::<IpAddr>().ok());
        Some(if peer.is_loopback() { seen.unwrap_or(peer) } else { peer })
    }

    /// A request came whose caller is known.
    pub(super) fn request(&self, address: Option<Address>, caller: &Caller) -> Result<(), AuthError> {
        let Some(address) = address else { return Ok(()) };
        let now_us = self.now_us();
        let taken = match (caller.role, caller.token) {
            (Some(_), token) if token != TokenName::None => {
                self.tokens.as_ref().map_or(Ok(()), |buckets| buckets.take(token, now_us))
            }
            _ => self.requests.as_ref().map_or(Ok(()), |buckets| buckets.take(address, now_us)),
        };
        taken.map_err(too_many)
    }

    /// Whether an address may try another token.
    pub(super) fn may_try(&self, address: Option<Address>) -> Result<(), AuthError> {
        let Some(address) = address else { return Ok(()) };
        self.wrong.look(&address, self.now_us()).map_err(too_many)
    }

    /// An address has shown a wrong token.
    pub(super) fn tried(&self, address: Option<Address>) {
        if let Some(address) = address {
            // One too many is refused at the next try.
            let _ = self.wrong.take(address, self.now_us());
        }
    }

    /// A connection comes from there.
    pub fn arrive(&self, peer: IpAddr) -> Arrival {
        let arrival = self.judge(peer);
        if matches!(arrival, Arrival::TooMany) {
            self.turned_away.fetch_add(1, Ordering::Relaxed);
        }
        arrival
    }

    fn judge(&self, peer: IpAddr) -> Arrival {
        if peer.to_canonical().is_loopback() && !self.local_too {
            return Arrival::Free;
        }
        let address = Address::of(peer);
        let fast =
            self.connects.as_ref().is_some_and(|buckets| buckets.take(address, self.now_us()).is_err());
        if fast {
            return Arrival::TooMany;
        }
        if self.connections_max == 0 {
            return Arrival::Free;
        }
        let mut open = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(address).or_default();
        if *count >= self.connections_max {
            return Arrival::TooMany;
        }
        *count += 1;
        Arrival::Counted(Place { address, connections: self.connections.clone() })
    }
}

fn too_many(over_us: u64) -> AuthError {
    AuthError::TooMany { retry_after_s: over_us.div_ceil(1_000_000).max(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_a_flood_is_told_when_to_come_back() {
        let buckets = Buckets::<u8>::per_second(10).unwrap();
        for _ in 0..20 {
            assert_eq!(buckets.take(1, 0), Ok(()));
        }
        assert_eq!(buckets.take(1, 0), Err(100_000));
        assert_eq!(buckets.take(2, 0), Ok(()), "another is not concerned");
        assert_eq!(buckets.look(&1, 0), Err(100_000));
        assert_eq!(buckets.look(&1, 100_000), Ok(()));
        assert_eq!(buckets.take(1, 100_000), Ok(()));
        assert!(buckets.take(1, 100_000).is_err());
        assert!(Buckets::<u8>::per_second(0).is_none());
    }

    #[test]
    fn more_keys_than_can_be_told_apart_share_a_bucket() {
        let buckets = Buckets::<usize>::per_second(1).unwrap();
        for key in 0..KEYS_MAX {
            assert_eq!(buckets.take(key, 0), Ok(()));
        }
        let passed = (KEYS_MAX..KEYS_MAX + 100).filter(|key| buckets.take(*key, 0).is_ok()).count();
        assert_eq!(passed, 2);
        assert_eq!(buckets.state.lock().unwrap().empty_at_us.len(), KEYS_MAX);
        assert_eq!(buckets.take(KEYS_MAX, 10_000_000), Ok(()), "who stayed away is forgotten");
    }

    #[test]
    fn connections_of_an_address_are_counted_until_they_end() {
        let config = LimitsConfig {
            connections_per_address: 2,
            connects_per_second: 0,
            ..crate::config::Config::default().limits
        };
        let limits = Limits::new(&config);
        let peer = IpAddr::from([192, 0, 2, 1]);
        let places: Vec<_> = (0..3).map(|_| limits.arrive(peer)).collect();
        assert!(matches!(places[..], [Arrival::Counted(_), Arrival::Counted(_), Arrival::TooMany]));
        assert!(matches!(limits.arrive(IpAddr::from([192, 0, 2, 2])), Arrival::Counted(_)));
        assert!(matches!(limits.arrive(IpAddr::from([127, 0, 0, 1])), Arrival::Free));
        drop(places);
        assert!(matches!(limits.arrive(peer), Arrival::Counted(_)));
        assert!(limits.connections.lock().unwrap().is_empty());
    }

    #[test]
    fn whose_request_it_is() {
        let limits = Limits::new(&crate::config::Config::default().limits);
        let head = |peer: &str, forwarded_for: Option<&'static str>| Head {
            peer: Some(peer.parse().unwrap()),
            forwarded: forwarded_for.is_some(),
            forwarded_for,
            ..Head::default()
        };
        let ip = |text: &str| Some(Address::of(text.parse().unwrap()));
        for (peer, forwarded_for, expected) in [
            ("127.0.0.1:1", None, None),
            ("[::1]:1", None, None),
            ("127.0.0.1:1", Some("203.0.113.9, 198.51.100.7"), ip("198.51.100.7")),
            ("127.0.0.1:1", Some("nonsense"), ip("127.0.0.1")),
            ("192.0.2.1:1", Some("198.51.100.7"), ip("192.0.2.1")),
            ("[2001:db8::1]:1", None, ip("2001:db8::ffff")),
        ] {
            assert_eq!(limits.address(&head(peer, forwarded_for)), expected, "{peer} {forwarded_for:?}");
        }
    }
}
