//! Who asks, once that is known: role, reach, and until when.

use std::net::IpAddr;

use crate::auth::AuthError;
use crate::auth::policy::{self, Action};
use crate::domain::ids::ProjectId;
use crate::domain::role::Role;
use crate::domain::time::Timestamp;

/// Projects that one token may name; a caller is copied around and stays small.
pub const SCOPE_MAX: usize = 8;

/// Who asks, once that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// What they may do; none at all for a stranger.
    pub role: Option<Role>,
    /// By what they are told apart from others of that role.
    pub token: TokenName,
    /// Where they may do it.
    pub scope: Scope,
    /// When they may no longer.
    pub expires_at: Option<Timestamp>,
    /// The session that their cookie stands for.
    pub session: Option<u64>,
    /// Where they come from; none for the house itself.
    pub address: Option<IpAddr>,
}

/// By what callers of one role are told apart. Says nothing that helps to guess a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TokenName {
    /// By nothing: no token, or the admin token.
    #[default]
    None,
    /// The id under which `callboard token list` shows it.
    Listed([u8; 8]),
    /// Its place among those of the configuration, from 1.
    Configured(u16),
    /// A signed token: the beginning of the hash of its issuer and subject.
    Subject([u8; 8]),
}

impl TokenName {
    /// How a caller of that role is seen by others, like `operator 3fa9c1d2`.
    pub fn name(self, role: Option<Role>) -> String {
        let role = role.map_or("nobody", Role::as_str);
        match self {
            TokenName::None => role.to_owned(),
            TokenName::Listed(id) | TokenName::Subject(id) => {
                format!("{role} {}", String::from_utf8_lossy(&id))
            }
            TokenName::Configured(place) => format!("{role} #{place}"),
        }
    }
}

/// Which projects a caller may touch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// All of them, and the server itself.
    #[default]
    Everything,
    /// These alone.
    Projects(ProjectSet),
}

/// A few projects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProjectSet {
    ids: [ProjectId; SCOPE_MAX],
    count: u8,
}

impl ProjectSet {
    /// These projects; none when there are more than [`SCOPE_MAX`].
    pub fn of(projects: &[ProjectId]) -> Option<Self> {
        let mut ids = [ProjectId(uuid::Uuid::nil()); SCOPE_MAX];
        ids.get_mut(..projects.len())?.copy_from_slice(projects);
        Some(Self { ids, count: u8::try_from(projects.len()).ok()? })
    }

    /// The projects.
    pub fn ids(&self) -> &[ProjectId] {
        &self.ids[..usize::from(self.count)]
    }
}

impl Scope {
    /// The scope of a token that names these projects; one that names none is for everything.
    pub fn of(projects: &[ProjectId]) -> Option<Self> {
        if projects.is_empty() {
            return Some(Self::Everything);
        }
        ProjectSet::of(projects).map(Self::Projects)
    }

    fn holds(&self, project: ProjectId) -> bool {
        match self {
            Scope::Everything => true,
            Scope::Projects(set) => set.ids().contains(&project),
        }
    }
}

impl Caller {
    /// The house itself: the command line, which holds the data directory in its hands.
    pub const HOUSE: Caller = Caller::of(Some(Role::Admin));

    /// Somebody of a role, without more to be known by.
    pub const fn of(role: Option<Role>) -> Self {
        Self {
            role,
            token: TokenName::None,
            scope: Scope::Everything,
            expires_at: None,
            session: None,
            address: None,
        }
    }

    /// The same caller, come from there.
    pub fn from_address(self, address: Option<IpAddr>) -> Self {
        Self { address, ..self }
    }

    /// As others see them, like `operator 3fa9c1d2`.
    pub fn name(self) -> String {
        self.token.name(self.role)
    }

    /// Whether this caller may do that on the whole server. Who is bound to some projects may not, so that a door which
    /// forgets to say which project it is about stays shut.
    ///
    /// # Errors
    /// When not; a stranger is told to show a token, anybody else that it is not enough.
    pub fn may(self, action: Action) -> Result<(), AuthError> {
        self.may_somewhere(action)?;
        match self.scope {
            Scope::Everything => Ok(()),
            Scope::Projects(_) => Err(AuthError::OutOfScope),
        }
    }

    /// Whether this caller may do that in a project.
    ///
    /// # Errors
    /// As [`Caller::may`].
    pub fn may_in(self, action: Action, project: ProjectId) -> Result<(), AuthError> {
        self.may_somewhere(action)?;
        if self.scope.holds(project) { Ok(()) } else { Err(AuthError::OutOfScope) }
    }

    /// Whether the role is enough, wherever that may be; for doors that learn later which project it is about.
    ///
    /// # Errors
    /// As [`Caller::may`].
    pub fn may_somewhere(self, action: Action) -> Result<(), AuthError> {
        let needed = policy::needs(action);
        match self.role {
            Some(role) if role >= needed => Ok(()),
            Some(role) => Err(AuthError::Forbidden { role, needed }),
            None => Err(AuthError::NoToken { needed }),
        }
    }

    /// Whether this caller's right to be here can end while it is connected.
    pub fn can_end(&self) -> bool {
        self.expires_at.is_some() || self.session.is_some() || matches!(self.token, TokenName::Listed(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_bound_to_projects_may_nothing_else() {
        let (mine, other) = (ProjectId::generate(), ProjectId::generate());
        let scope = Scope::of(&[mine]).unwrap();
        let caller = Caller { scope, ..Caller::of(Some(Role::Operator)) };
        assert_eq!(caller.may_in(Action::ControlRuns, mine), Ok(()));
        assert_eq!(caller.may_in(Action::Read, other), Err(AuthError::OutOfScope));
        assert_eq!(caller.may(Action::Read), Err(AuthError::OutOfScope));
        assert_eq!(caller.may_somewhere(Action::Read), Ok(()));
        assert!(caller.may_in(Action::SeeServer, mine).is_err());
        assert_eq!(Caller::of(Some(Role::Viewer)).may_in(Action::Read, other), Ok(()));
        assert!(Caller::of(None).may_in(Action::Read, mine).is_err());
    }

    #[test]
    fn scopes_are_small() {
        assert_eq!(Scope::of(&[]), Some(Scope::Everything));
        let many: Vec<_> = (0..=SCOPE_MAX).map(|_| ProjectId::generate()).collect();
        assert!(Scope::of(&many[1..]).is_some());
        assert_eq!(Scope::of(&many), None);
    }
}
