//! The order of the whole house: one number for each event that is heard beyond its room. It is a view of the logs, which
//! keep the events; it goes with them.

use crate::domain::house::HouseEvent;
use crate::domain::position::Epoch;

/// Where the order of the whole house stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HouseBounds {
    /// Its epoch: it changes only when the store is lost.
    pub epoch: Epoch,
    /// The greatest number of an event that was lost with its log; 0 when none was. Whoever stands before it may have
    /// missed something for good.
    pub lost: u64,
    /// The greatest number that was given; 0 when none was yet.
    pub last: u64,
}

/// Events of the whole house.
#[derive(Clone, Debug)]
pub struct HousePage {
    /// Where the house stood when they were read.
    pub bounds: HouseBounds,
    /// The events.
    pub events: Vec<HouseEvent>,
    /// Whether there are more behind them.
    pub more: bool,
}
