//! Live connections whose right to be here can end: by time, by a revoked token, by signing out.
//!
//! Each thread keeps its own and looks at them a few times a second, only while there are any. A connection that cannot
//! end this way, like that of a local client without authentication, is not kept and costs nothing.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::time::Duration;

use slab::Slab;

use crate::auth::{Auth, Caller, Ended};

/// How often it is looked whether somebody has lost a right.
const LOOK_EVERY: Duration = Duration::from_millis(250);

type OnEnd = Rc<dyn Fn(Ended)>;

thread_local! {
    static KEPT: RefCell<Vec<Weak<Passes>>> = const { RefCell::new(Vec::new()) };
}

/// The passes of one thread.
struct Passes {
    auth: Auth,
    live: RefCell<Slab<Live>>,
    looking: Cell<bool>,
    /// Somebody came, or showed another token, since the last look.
    fresh: Cell<bool>,
}

struct Live {
    caller: Caller,
    on_end: OnEnd,
    ended: bool,
}

/// Held by a connection for as long as it lives.
pub struct Pass {
    passes: Rc<Passes>,
    key: usize,
}

impl Pass {
    /// Calls `on_end`, once, when the caller may not stay any longer. None when that cannot happen.
    pub fn keep(auth: &Auth, caller: &Caller, on_end: impl Fn(Ended) + 'static) -> Option<Self> {
        if !caller.can_end() {
            return None;
        }
        let passes = Passes::of(auth);
        let live = Live { caller: *caller, on_end: Rc::new(on_end), ended: false };
        let key = passes.live.borrow_mut().insert(live);
        passes.fresh.set(true);
        Passes::start(&passes);
        Some(Self { passes, key })
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        // What is dropped with it may hold another pass: not while the list is borrowed.
        let gone = self.passes.live.borrow_mut().try_remove(self.key);
        drop(gone);
    }
}

impl Passes {
    fn of(auth: &Auth) -> Rc<Self> {
        KEPT.with_borrow_mut(|kept| {
            kept.retain(|passes| passes.strong_count() > 0);
            if let Some(known) = kept.iter().filter_map(Weak::upgrade).find(|known| known.auth.is(auth)) {
                return known;
            }
            let passes = Rc::new(Passes {
                auth: auth.clone(),
                live: RefCell::default(),
                looking: Cell::new(false),
                fresh: Cell::new(false),
            });
            kept.push(Rc::downgrade(&passes));
            passes
        })
    }

    /// Looks again and again until nobody is left.
    fn start(passes: &Rc<Self>) {
        if passes.looking.replace(true) {
            return;
        }
        let passes = Rc::downgrade(passes);
        actix::spawn(async move {
            let mut version = None;
            loop {
                tokio::time::sleep(LOOK_EVERY).await;
                let Some(passes) = passes.upgrade() else { return };
                if passes.live.borrow().is_empty() {
                    return passes.looking.set(false);
                }
                let now = passes.auth.look();
                passes.look(version.replace(now) != Some(now));
            }
        });
    }

    fn look(&self, changed: bool) {
        let all = self.fresh.replace(false) || changed;
        let mut over: Vec<(OnEnd, Ended)> = Vec::new();
        for (_, live) in self.live.borrow_mut().iter_mut() {
            if live.ended || !(all || live.caller.expires_at.is_some()) {
                continue;
            }
            if let Err(ended) = self.auth.standing(&live.caller) {
                live.ended = true;
                over.push((live.on_end.clone(), ended));
            }
        }
        // Whoever is told may leave at once, which changes the list.
        for (on_end, ended) in over {
            on_end(ended);
        }
    }
}

/// Why somebody has to leave, in words.
pub fn words(ended: Ended) -> &'static str {
    match ended {
        Ended::Revoked => "the token was revoked",
        Ended::Expired => "the token has expired",
    }
}
