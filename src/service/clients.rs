//! Clients and rooms as operators see them, and what they may do with clients.

use serde_json::Value;

use crate::auth::Caller;
use crate::auth::policy::Action;
use crate::broker::clients::{Announcement, ClientQuery, ClientView, Closing, RoomFigures};
use crate::domain::channel::CHANNELS;
use crate::domain::ids::ClientId;
use crate::service::Service;
use crate::service::error::ServiceError;

/// Bytes of what is said to everybody.
pub const ANNOUNCEMENT_BYTES_MAX: usize = 16 * 1024;
/// Letters of a reason.
pub const REASON_CHARS_MAX: usize = 200;

/// Clients as they stand.
#[derive(Clone, Debug)]
pub struct ClientsView {
    /// Those that fit, the furthest behind first, then the newest.
    pub clients: Vec<ClientView>,
    /// How many fit.
    pub total: u64,
    /// The last that went, the newest first.
    pub closed: Vec<Closing>,
}

/// A room with its name.
#[derive(Clone, Debug)]
pub struct RoomView {
    /// How it stands.
    pub figures: RoomFigures,
    /// What its project is called.
    pub name: String,
}

impl Service {
    /// Clients of every surface.
    ///
    /// # Errors
    /// When the caller may not see the server.
    pub async fn clients(&self, caller: Caller, query: &ClientQuery) -> Result<ClientsView, ServiceError> {
        caller.may(Action::SeeServer)?;
        let broker = self.broker();
        let (clients, total) = broker.clients(query).await;
        Ok(ClientsView { clients, total, closed: broker.counters().roll.closings() })
    }

    /// Rooms that somebody reads, those with the most viewers first, and how many there are.
    ///
    /// # Errors
    /// When the caller may not see the server, or the store does not answer.
    pub async fn rooms(&self, caller: Caller, limit: usize) -> Result<(Vec<RoomView>, u64), ServiceError> {
        caller.may(Action::SeeServer)?;
        let all = self.broker().rooms().await;
        let mut rooms = Vec::new();
        for figures in all.iter().take(limit) {
            // A project that was removed a moment ago has no name any more.
            let project = self.ground().engine.project(figures.room).await?;
            let name = project.map(|project| project.name).unwrap_or_default();
            rooms.push(RoomView { figures: *figures, name });
        }
        Ok((rooms, all.len() as u64))
    }

    /// Says something to every client, or to those that read `channel`; answers how many were told.
    ///
    /// # Errors
    /// When the caller may not, or the message or the channel is none.
    pub async fn broadcast(
        &self,
        caller: Caller,
        message: Value,
        channel: Option<String>,
    ) -> Result<u64, ServiceError> {
        caller.may(Action::ManageClients)?;
        let text = match &message {
            Value::String(text) if text.trim().is_empty() => {
                return Err(ServiceError::invalid("message", "must not be empty"));
            }
            Value::String(_) | Value::Object(_) => message.to_string(),
            _ => return Err(ServiceError::invalid("message", "must be a text or an object")),
        };
        if text.len() > ANNOUNCEMENT_BYTES_MAX {
            let message = format!("must have at most {ANNOUNCEMENT_BYTES_MAX} bytes");
            return Err(ServiceError::invalid("message", message));
        }
        if let Some(channel) = channel.as_deref().filter(|channel| !is_channel(channel)) {
            let shown: String = channel.chars().take(60).collect();
            let known = CHANNELS.join(", ");
            let message = format!(
                "`{shown}` is no channel: known are {known}, everyone, dashboard, project:ID, task:ID"
            );
            return Err(ServiceError::invalid("channel", message));
        }
        let announcement = Announcement { message: text.clone(), at: self.now() };
        let told = self.broker().announce(announcement, channel.clone()).await;
        let detail = Some(format!("{told} told: {text}"));
        self.audited(caller, "broadcast", channel, detail, Ok(told)).await
    }

    /// Puts a client out. It is told so, and official clients do not come back by themselves.
    ///
    /// # Errors
    /// When the caller may not, or there is no such client.
    pub async fn disconnect(
        &self,
        caller: Caller,
        client: ClientId,
        reason: Option<String>,
    ) -> Result<(), ServiceError> {
        caller.may(Action::ManageClients)?;
        if reason.as_ref().is_some_and(|reason| reason.chars().count() > REASON_CHARS_MAX) {
            let message = format!("must have at most {REASON_CHARS_MAX} characters");
            return Err(ServiceError::invalid("reason", message));
        }
        let said = reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
        let known = self.broker().put_out(client, format!("disconnected by {}{said}", caller.name())).await;
        let outcome = if known { Ok(()) } else { Err(ServiceError::NotFound("client")) };
        self.audited(caller, "client.disconnect", Some(client.to_string()), reason, outcome).await
    }
}

/// Whether clients can read that.
fn is_channel(text: &str) -> bool {
    let named = text.strip_prefix("project:").or_else(|| text.strip_prefix("task:"));
    match named {
        Some(id) => id.parse::<crate::domain::ids::ProjectId>().is_ok(),
        None => CHANNELS.contains(&text) || ["everyone", "dashboard"].contains(&text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_those_that_clients_can_read() {
        let id = crate::domain::ids::ProjectId::generate();
        for (text, expected) in [
            ("jobs", true),
            ("everyone", true),
            ("dashboard", true),
            (&format!("project:{id}"), true),
            (&format!("task:{id}"), true),
            ("project:x", false),
            ("Jobs", false),
            ("", false),
        ] {
            assert_eq!(is_channel(text), expected, "{text}");
        }
    }
}
