//! An event in the order of the whole house.

use std::sync::Arc;

use crate::domain::event::LoggedEvent;
use crate::domain::ids::ProjectId;

/// An event with its place in the house.
#[derive(Clone, Debug, PartialEq)]
pub struct HouseEvent {
    /// Its number. Numbers ascend; they have holes where events were lost.
    pub number: u64,
    /// The room whose log has it.
    pub room: ProjectId,
    /// The event.
    pub event: LoggedEvent,
    /// The body of the run's status before it, as stored; none when it is the first, or when that was cut.
    pub before: Option<Arc<str>>,
}
