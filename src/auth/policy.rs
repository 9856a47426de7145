//! What needs which role: the one table of rights. Where a caller may do it (everywhere, or in some projects) is the
//! [`crate::auth::caller::Scope`] of its token.

use crate::domain::role::Role;

/// What somebody may want to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// See projects, runs, events, logs and files; follow a room.
    Read,
    /// Make, change and remove projects.
    ManageProjects,
    /// Start, cancel, retry and answer runs.
    ControlRuns,
    /// Publish events into a room.
    Publish,
    /// Hand out links that read one project.
    Share,
    /// See clients and figures of the whole server.
    SeeServer,
    /// Disconnect clients, speak to all of them.
    ManageClients,
    /// Take notice of alerts.
    ManageAlerts,
}

impl Action {
    /// All actions.
    pub const ALL: [Action; 8] = [
        Action::Read,
        Action::ManageProjects,
        Action::ControlRuns,
        Action::Publish,
        Action::Share,
        Action::SeeServer,
        Action::ManageClients,
        Action::ManageAlerts,
    ];
}

/// The least role for an action.
pub fn needs(action: Action) -> Role {
    match action {
        Action::Read => Role::Viewer,
        Action::ManageProjects | Action::ControlRuns | Action::Publish | Action::Share => Role::Operator,
        Action::SeeServer | Action::ManageClients | Action::ManageAlerts => Role::Admin,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{AuthError, Caller};

    #[test]
    fn every_action_for_every_role() {
        // Columns: stranger, viewer, operator, admin.
        let table = [
            (Action::Read, [false, true, true, true]),
            (Action::ManageProjects, [false, false, true, true]),
            (Action::ControlRuns, [false, false, true, true]),
            (Action::Publish, [false, false, true, true]),
            (Action::Share, [false, false, true, true]),
            (Action::SeeServer, [false, false, false, true]),
            (Action::ManageClients, [false, false, false, true]),
            (Action::ManageAlerts, [false, false, false, true]),
        ];
        assert_eq!(table.len(), Action::ALL.len());
        let roles = [None, Some(Role::Viewer), Some(Role::Operator), Some(Role::Admin)];
        for (action, allowed) in table {
            for (role, allowed) in roles.into_iter().zip(allowed) {
                assert_eq!(Caller::of(role).may(action).is_ok(), allowed, "{role:?} {action:?}");
            }
        }
    }

    #[test]
    fn a_stranger_is_asked_for_a_token_and_others_are_told_no() {
        let needed = Role::Admin;
        assert_eq!(Caller::of(None).may(Action::SeeServer), Err(AuthError::NoToken { needed }));
        let role = Role::Operator;
        assert_eq!(Caller::of(Some(role)).may(Action::SeeServer), Err(AuthError::Forbidden { role, needed }));
    }
}
