//! What the sessions of all sockets hold a client to: its pace, its token, and words that can be understood.

use std::time::Duration;

use actix::fut::wrap_future;
use actix::prelude::*;

use crate::auth::{Auth, AuthError, Caller, Ended};
use crate::domain::ids::ClientId;
use crate::surfaces::http::passes::{Pass, words};
use crate::surfaces::websocket::pace::{Pace, Verdict};
use crate::surfaces::websocket::{Peer, Session, Socket, SocketContext};

/// Messages that were not understood before the socket is closed.
const MALFORMED_MAX: u32 = 10;
/// Close code: no valid token came in time, or it gives no right to read.
pub(in crate::surfaces) const CLOSE_UNAUTHORISED: u16 = 4501;
/// Close code: the token was revoked, or its bearer has signed out.
const CLOSE_REVOKED: u16 = 4502;
/// Close code: the token has expired.
const CLOSE_EXPIRED: u16 = 4503;
/// How long a client without a role may take to send its token.
pub(in crate::surfaces) const AUTH_WITHIN: Duration = Duration::from_secs(10);

/// The close code for a right that has ended; on surfaces without any, the one that says the same.
pub(in crate::surfaces) fn close_code(ended: Ended) -> u16 {
    match ended {
        Ended::Revoked => CLOSE_REVOKED,
        Ended::Expired => CLOSE_EXPIRED,
    }
}

/// Watches that the caller may stay: the socket is closed when not.
pub(in crate::surfaces) fn keep(auth: &Auth, caller: &Caller, client: ClientId, peer: &Peer) -> Option<Pass> {
    let outlet = peer.clone();
    Pass::keep(auth, caller, move |ended| {
        log::info!("a client has to leave: {}; client.id={client}", words(ended));
        outlet.close(close_code(ended), words(ended));
    })
}

/// Closes the socket of a client that has shown a token without a right.
pub(in crate::surfaces) fn refuse_token(why: AuthError, client: ClientId, peer: &Peer) {
    log::info!("a client showed a token that gives no right: {why}; client.id={client}");
    match why {
        AuthError::Expired => peer.close(CLOSE_EXPIRED, words(Ended::Expired)),
        _ => peer.close(CLOSE_UNAUTHORISED, "this token gives no right to read here"),
    }
}

/// What one client has said so far.
#[derive(Default)]
pub(in crate::surfaces) struct Manners {
    pace: Option<Pace>,
    malformed: u32,
}

impl Manners {
    /// Takes note that the client has spoken. False when it is to be heard no longer.
    pub(in crate::surfaces) fn spoke<S: Session>(
        &mut self,
        per_second: u64,
        peer: &Peer,
        ctx: &mut SocketContext<S>,
    ) -> bool {
        if per_second == 0 {
            return true;
        }
        let now_ms = peer.shard.now_ms();
        match self.pace.get_or_insert_with(|| Pace::new(per_second, now_ms)).take(1, now_ms) {
            Verdict::Go => true,
            // What the client sends stays with it until it is listened to again.
            Verdict::Wait(ms) => {
                let pause = tokio::time::sleep(Duration::from_millis(ms));
                ctx.wait(wrap_future::<_, Socket<S>>(pause).map(|(), _, _| ()));
                true
            }
            Verdict::TooFast => {
                peer.close(1008, "too many messages");
                false
            }
        }
    }

    /// Takes note of a message that was not understood.
    pub(in crate::surfaces) fn malformed(&mut self, peer: &Peer) {
        self.malformed += 1;
        if self.malformed >= MALFORMED_MAX {
            peer.close(1008, "too many malformed messages");
        }
    }
}
