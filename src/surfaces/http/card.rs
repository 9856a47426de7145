//! What is known of a client when it connects.

use actix_http::RequestHead;
use actix_web::http::header;

use crate::auth::Caller;
use crate::broker::clients::{Card, ClientType, Surface};
use crate::broker::shard::LocalShard;
use crate::domain::ids::ClientId;
use crate::domain::time::Timestamp;

/// As much of a `User-Agent` as anybody needs.
const USER_AGENT_BYTES_MAX: usize = 512;

/// What the client says it is; empty when it says nothing that can be read.
pub fn user_agent(head: &RequestHead) -> String {
    let said = head.headers().get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    said.filter(|said| said.len() <= USER_AGENT_BYTES_MAX).unwrap_or_default().to_owned()
}

/// The card of a client that connects now.
pub fn card(
    id: ClientId,
    surface: Surface,
    user_agent: &str,
    caller: &Caller,
    now: Timestamp,
    shard: &LocalShard,
) -> Card {
    let (kind, name) = ClientType::guess(user_agent);
    Card {
        id,
        surface,
        kind,
        name: name.into(),
        address: caller.address,
        connected_at: now,
        since_ms: shard.now_ms(),
    }
}
