//! What Callboard says over Socket.IO: the image demo vocabulary to everyone, tasks to whoever joined them, the dashboard to
//! admins; PROTOCOL sections 5 and 6.

mod client;
mod lobby;
mod member;
mod pump;
mod tasks;

use std::rc::Rc;

use serde_json::Value;
use serde_json::value::RawValue;

pub use self::lobby::Lobby;
pub use self::tasks::TaskEncoder;
use crate::auth::policy::Action;
use crate::auth::{Auth, Caller};
use crate::broker::clients::{ClientType, Surface};
use crate::domain::ids::{ClientId, RunId};
use crate::domain::position::Position;
use crate::service::Service;
use crate::surfaces::http::card::card;
use crate::surfaces::http::passes::words;
use crate::surfaces::socketio::house::member::HouseMember;
use crate::surfaces::socketio::link::Opener;
use crate::surfaces::socketio::namespace::{Application, Client, Member};

/// Tasks one client may have joined.
pub(super) const TASKS_MAX: usize = 64;
/// Letters of the name that a client gives itself.
const NAME_CHARS_MAX: usize = 60;

/// The house as a Socket.IO application; one per worker.
pub struct House {
    /// Rooms and runs.
    pub service: Service,
    /// Who may come in.
    pub auth: Auth,
    /// What everyone hears.
    pub lobby: Lobby,
}

/// What a client says of itself when it connects.
#[derive(Debug, Default, PartialEq)]
struct Introduction {
    token: Option<String>,
    /// What it says it is, when it does.
    client_type: Option<ClientType>,
    client_name: Option<String>,
    /// Tasks to go on with, each from a position.
    since: Vec<(RunId, Position)>,
}

impl Introduction {
    fn read(auth: Option<&RawValue>) -> Result<Self, String> {
        let Some(auth) = auth else { return Ok(Self::default()) };
        let value: Value = serde_json::from_str(auth.get()).map_err(|error| format!("auth: {error}"))?;
        let token = match value.get("token") {
            None | Some(Value::Null) => None,
            Some(Value::String(token)) => Some(token.clone()),
            Some(_) => return Err("auth.token must be a text".to_owned()),
        };
        let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let client_type = text("client_type").map(|said| ClientType::parse(&said));
        let client_name = text("client_name").map(|said| said.chars().take(NAME_CHARS_MAX).collect());
        let since = match value.get("since") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Object(tasks)) if tasks.len() > TASKS_MAX => {
                return Err(format!("auth.since may name at most {TASKS_MAX} tasks"));
            }
            Some(Value::Object(tasks)) => {
                let task = |(id, position): (&String, &Value)| {
                    Some((id.parse().ok()?, position.as_str()?.parse().ok()?))
                };
                let read: Option<Vec<_>> = tasks.iter().map(task).collect();
                read.ok_or("auth.since must have ids of tasks as names and positions as values")?
            }
            Some(_) => {
                return Err("auth.since must be an object: a position for each id of a task".to_owned());
            }
        };
        Ok(Self { token, client_type, client_name, since })
    }
}

impl Application for House {
    fn connect(&self, client: &Client, auth: Option<&RawValue>) -> Result<Box<dyn Member>, String> {
        if client.namespace() != "/" {
            return Err("Invalid namespace".to_owned());
        }
        let introduction = Introduction::read(auth)?;
        let caller: Caller = match &introduction.token {
            Some(token) => self.auth.caller_of_token(token).map_err(|error| error.to_string())?,
            None => client.link().opener().caller,
        }
        .from_address(client.link().opener().caller.address);
        caller.may_somewhere(Action::Read).map_err(|error| error.to_string())?;
        self.auth.standing(&caller).map_err(|ended| words(ended).to_owned())?;
        let (service, auth, lobby) = (self.service.clone(), self.auth.clone(), self.lobby.clone());
        let mut member = HouseMember::new(service, auth, lobby, caller, introduction.since);
        let Opener { user_agent, caller: opener } = client.link().opener();
        let (shard, now) = (client.link().shard(), self.service.now());
        let mut card = card(ClientId::generate(), Surface::SocketIo, user_agent, opener, now, shard);
        card.kind = introduction.client_type.unwrap_or(card.kind);
        card.name = introduction.client_name.map_or(card.name, Into::into);
        member.enlist(client, card);
        member.stay(client);
        Ok(Box::new(member))
    }
}

/// The application as a hub takes it.
pub fn application(service: Service, auth: Auth, lobby: Lobby) -> Rc<dyn Application> {
    Rc::new(House { service, auth, lobby })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(auth: &str) -> Result<Introduction, String> {
        let auth: Box<RawValue> = serde_json::from_str(auth).unwrap();
        Introduction::read(Some(&auth))
    }

    #[test]
    fn introductions() {
        let run = RunId::generate();
        let since = vec![(run, "00c0ffee-3".parse().unwrap())];
        assert_eq!(Introduction::read(None), Ok(Introduction::default()));
        assert_eq!(read("{}"), Ok(Introduction::default()));
        assert_eq!(
            read(&format!(r#"{{"token":"t","since":{{"{run}":"00c0ffee-3"}},"other":1}}"#)),
            Ok(Introduction { token: Some("t".into()), since, ..Introduction::default() })
        );
        for bad in [r#"{"token":5}"#, r#"{"since":"00c0ffee-3"}"#, r#"{"since":{"x":"00c0ffee-3"}}"#] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert!(read(&format!(r#"{{"since":{{"{run}":"x"}}}}"#)).is_err());
    }
}
