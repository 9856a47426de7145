//! What operators see, as it is on the wire: the same for REST and for the dashboard room.

use serde_json::{Value, json};

use crate::broker::clients::{ClientView, Closing};
use crate::service::clients::RoomView;
use crate::service::watch::AlertsView;
use crate::service::watch::alerts::{Alert, AlertState};

/// A client.
pub fn client(view: &ClientView) -> Value {
    let card = &view.card;
    json!({
        "id": card.id,
        "surface": card.surface.as_str(),
        "type": card.kind.as_str(),
        "name": &*card.name,
        "protocol": view.protocol,
        "who": view.who,
        "subscriptions": view.subscriptions,
        "address": card.address,
        "connected_at": card.connected_at,
        "last_ping": view.heard_at,
        "sent": view.standing.sent,
        "queued": view.standing.behind,
        "queued_bytes": view.standing.queued_bytes,
    })
}

/// A client that has gone.
pub fn closing(closing: &Closing) -> Value {
    let card = &closing.card;
    json!({
        "id": card.id,
        "surface": card.surface.as_str(),
        "type": card.kind.as_str(),
        "name": &*card.name,
        "who": closing.who,
        "subscriptions": closing.subscriptions,
        "address": card.address,
        "connected_at": card.connected_at,
        "closed_at": closing.closed_at,
        "sent": closing.sent,
        "code": closing.code,
        "reason": closing.reason,
    })
}

/// A room that somebody reads.
pub fn room(view: &RoomView) -> Value {
    let figures = &view.figures;
    json!({
        "project_id": figures.room,
        "name": view.name,
        "viewers": figures.viewers,
        "lagging": figures.lagging,
        "behind_max": figures.behind_max,
        "seq": figures.seq,
    })
}

/// Alerts as they stand.
pub fn alerts(view: &AlertsView) -> Value {
    json!({ "active": view.active, "cleared": view.cleared })
}

/// News of an alert.
pub fn alert_news(state: AlertState, alert: &Alert) -> Value {
    json!({
        "level": alert.level,
        "title": alert.title,
        "message": alert.message,
        "state": state,
        "alert": alert,
    })
}
