//! Where one client stands on each channel, as plain data.

use bytes::BytesMut;

use crate::auth::Caller;
use crate::auth::policy::Action;
use crate::broker::house::HouseFrame;
use crate::domain::channel::CHANNELS;

/// Places on all channels.
///
/// One reader serves them all. It stands at `place`; a channel whose floor is higher has had what lies between already, or
/// was subscribed to later. So a channel can be taken from an earlier position while others go on: never twice, never a hole.
#[derive(Debug, Default)]
pub(super) struct Places {
    floors: [Option<u64>; CHANNELS.len()],
    /// The newest version of how things stand that was told on each channel, since it was subscribed to.
    told: [u64; CHANNELS.len()],
    place: u64,
}

impl Places {
    /// Where the reader stands.
    pub(super) fn place(&self) -> u64 {
        self.place
    }

    /// Whether anything is subscribed to.
    pub(super) fn is_empty(&self) -> bool {
        self.floors.iter().all(Option::is_none)
    }

    /// Whether a channel is subscribed to.
    pub(super) fn hears(&self, channel: u8) -> bool {
        self.floors.get(usize::from(channel)).is_some_and(Option::is_some)
    }

    /// Subscribes to channels from a place on; those that are subscribed to already stay where they are.
    pub(super) fn subscribe(&mut self, channels: &[u8], from: u64) {
        if self.is_empty() {
            self.place = from;
        }
        if from < self.place {
            let reached = self.place;
            self.floors.iter_mut().flatten().for_each(|floor| *floor = (*floor).max(reached));
        }
        for channel in channels {
            if let Some(floor @ None) = self.floors.get_mut(usize::from(*channel)) {
                *floor = Some(from);
                self.place = self.place.min(from);
                self.told[usize::from(*channel)] = 0;
            }
        }
    }

    /// Whether the client is still owed this version of how things stand on a channel; it counts as told then. Versions are
    /// asked for in their order.
    pub(super) fn tell_moment(&mut self, channel: u8, version: u64) -> bool {
        if !self.hears(channel) || self.told[usize::from(channel)] >= version {
            return false;
        }
        self.told[usize::from(channel)] = version;
        true
    }

    /// Unsubscribes from channels.
    pub(super) fn unsubscribe(&mut self, channels: &[u8]) {
        for channel in channels {
            if let Some(floor) = self.floors.get_mut(usize::from(*channel)) {
                *floor = None;
            }
        }
    }

    /// Takes an event: what of it this client is sent.
    pub(super) fn take(&mut self, frame: &HouseFrame, caller: &Caller, into: &mut BytesMut) -> usize {
        let may = caller.may_in(Action::Read, frame.room).is_ok();
        let mut count = 0;
        for message in &frame.messages {
            let floor = self.floors.get(usize::from(message.stream)).copied().flatten();
            if may && message.place > self.place && floor.is_some_and(|floor| message.place > floor) {
                into.extend_from_slice(&message.bytes);
                count += 1;
            }
        }
        if let Some(last) = frame.messages.last() {
            self.place = self.place.max(last.place);
        }
        count
    }

    /// There is nothing more up to this place.
    pub(super) fn reach(&mut self, place: u64) {
        self.place = self.place.max(place);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::auth::caller::Scope;
    use crate::broker::house::HouseMessage;
    use crate::domain::ids::ProjectId;
    use crate::domain::role::Role;

    const VIEWER: Caller = Caller::of(Some(Role::Viewer));

    fn frame(room: ProjectId, messages: &[(u8, u64)]) -> HouseFrame {
        let message = |(stream, place): &(u8, u64)| HouseMessage {
            stream: *stream,
            place: *place,
            bytes: Bytes::from(format!("{stream}:{place} ")),
        };
        HouseFrame::new(room, messages.iter().map(message).collect())
    }

    fn take(places: &mut Places, caller: &Caller, frames: &[&HouseFrame]) -> String {
        let mut bytes = BytesMut::new();
        let count: usize = frames.iter().map(|frame| places.take(frame, caller, &mut bytes)).sum();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        assert_eq!(text.split_terminator(' ').count(), count);
        text
    }

    #[test]
    fn a_channel_is_taken_from_an_earlier_place_while_another_goes_on() {
        let room = ProjectId::generate();
        let (one, two, three) = (
            frame(room, &[(0, 8), (3, 9)]),
            frame(room, &[(0, 16), (3, 17)]),
            frame(room, &[(0, 24), (3, 25)]),
        );
        let mut places = Places::default();
        places.subscribe(&[0], 7);
        assert_eq!(take(&mut places, &VIEWER, &[&one, &two]), "0:8 0:16 ");
        places.reach(23);
        places.subscribe(&[3, 0], 8);
        assert_eq!((places.place(), places.hears(0), places.hears(3)), (8, true, true));
        assert_eq!(take(&mut places, &VIEWER, &[&one, &two, &three]), "3:9 3:17 0:24 3:25 ");
        places.unsubscribe(&[0]);
        assert!(places.hears(3) && !places.hears(0));
        // Nothing is subscribed to: the next begins where it says.
        places.unsubscribe(&[3, 99]);
        assert!(places.is_empty());
        places.subscribe(&[3], 40);
        assert_eq!(places.place(), 40);
    }

    #[test]
    fn a_later_place_skips_for_that_channel_alone() {
        let room = ProjectId::generate();
        let mut places = Places::default();
        places.subscribe(&[0], 7);
        places.subscribe(&[3], 20);
        let all = [frame(room, &[(0, 8), (3, 9)]), frame(room, &[(0, 16), (3, 17)]), frame(room, &[(3, 24)])];
        assert_eq!(take(&mut places, &VIEWER, &all.iter().collect::<Vec<_>>()), "0:8 0:16 3:24 ");
    }

    #[test]
    fn the_rest_of_an_event_comes_and_nothing_twice() {
        let room = ProjectId::generate();
        let mut places = Places::default();
        places.subscribe(&[0, 3], 8);
        let all = frame(room, &[(0, 8), (3, 9)]);
        assert_eq!(take(&mut places, &VIEWER, &[&all, &all]), "3:9 ");
    }

    #[test]
    fn how_things_stand_is_told_once_on_each_channel_to_whoever_subscribes() {
        let mut places = Places::default();
        places.subscribe(&[0], 7);
        assert!(places.tell_moment(0, 1) && !places.tell_moment(0, 1));
        assert!(!places.tell_moment(3, 2), "it is not subscribed to");
        places.subscribe(&[0, 3], 7);
        assert!(places.tell_moment(3, 2) && !places.tell_moment(3, 2));
        assert!(!places.tell_moment(0, 1) && places.tell_moment(0, 3));
        // Who comes back to a channel knows nothing of it.
        places.unsubscribe(&[3]);
        places.subscribe(&[3], 7);
        assert!(places.tell_moment(3, 2) && !places.tell_moment(99, 2));
    }

    #[test]
    fn who_is_bound_to_projects_hears_theirs_alone() {
        let (mine, other) = (ProjectId::generate(), ProjectId::generate());
        let caller = Caller { scope: Scope::of(&[mine]).unwrap(), ..VIEWER };
        let mut places = Places::default();
        places.subscribe(&[0], 7);
        assert_eq!(
            take(&mut places, &caller, &[&frame(other, &[(0, 8)]), &frame(mine, &[(0, 16)])]),
            "0:16 "
        );
        assert_eq!(take(&mut places, &Caller::of(None), &[&frame(mine, &[(0, 24)])]), "");
        assert_eq!(places.place(), 24);
    }
}
