//! The form in which a state is saved: it says by which rules it was folded, because one that was folded by others is not
//! what the log of the room comes to today.

use serde::Deserialize;

use crate::domain::fold::RoomState;

/// Which rules these are. 0: a run took the page as soon as it was queued. 1: it takes it when it works.
const RULES: u32 = 1;

/// A state that was saved.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredState {
    /// As it was saved.
    pub state: RoomState,
    /// Whether it was folded by the rules of today. One that was not is folded anew where the log is still whole, and is
    /// the best there is where it was cut.
    pub is_current: bool,
}

#[derive(Deserialize)]
struct Header {
    #[serde(default)]
    rules: u32,
}

impl StoredState {
    /// The form to save a state in that was encoded already.
    pub fn encode(state_json: &str) -> String {
        let members = state_json.strip_prefix('{').unwrap_or(state_json);
        format!(r#"{{"rules":{RULES},{members}"#)
    }

    /// Reads what was saved.
    ///
    /// # Errors
    /// When it has no form that was ever saved.
    pub fn decode(stored: &str) -> Result<Self, serde_json::Error> {
        let Header { rules } = serde_json::from_str(stored)?;
        Ok(Self { state: serde_json::from_str(stored)?, is_current: rules == RULES })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_says_by_which_rules_it_was_folded() {
        let state = RoomState { message: "here".to_owned(), ..RoomState::default() };
        let sent = serde_json::to_string(&state).unwrap();
        let stored = StoredState::decode(&StoredState::encode(&sent)).unwrap();
        assert_eq!(stored, StoredState { state: state.clone(), is_current: true });
        // As it was saved before it said so.
        assert_eq!(StoredState::decode(&sent).unwrap(), StoredState { state, is_current: false });
        assert!(StoredState::decode("{}").is_err());
        assert!(StoredState::decode("not a state").is_err());
    }
}
