//! Virtual time: it moves only when nothing else can.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    future::poll_fn,
    rc::Rc,
    task::{Poll, Waker},
};

use futures_util::future::LocalBoxFuture;
use presigned::{core::time::Millis, drive::seams::Clock};

#[derive(Clone, Default)]
pub struct VirtualClock(Rc<Inner>);

#[derive(Default)]
struct Inner {
    now: Cell<Millis>,
    next: Cell<u64>,
    /// Timers of the page fire at multiples of this alone.
    coarse: Cell<Millis>,
    sleepers: RefCell<BTreeMap<(Millis, u64), Option<Waker>>>,
}

/// Leaves the list when dropped, as a cleared timer does.
struct Sleeper {
    clock: VirtualClock,
    key: (Millis, u64),
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        self.clock.0.sleepers.borrow_mut().remove(&self.key);
    }
}

impl VirtualClock {
    /// Moves to the next deadline; false where there is none.
    pub fn advance(&self) -> bool {
        let Some(((at, _), waker)) = self.0.sleepers.borrow_mut().pop_first() else { return false };
        self.0.now.set(self.0.now.get().max(at));
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }

    /// The computer sleeps: nothing happens meanwhile, and whatever was due is late.
    pub fn jump(&self, span: Millis) {
        self.0.now.set(self.0.now.get() + span);
    }

    /// The tab is hidden, or shown again: its timers become late, the world's do not.
    pub fn hide(&self, coarse: Millis) {
        self.0.coarse.set(coarse);
    }

    pub async fn sleep(&self, span: Millis) {
        self.until(self.now() + span).await;
    }

    fn until(&self, at: Millis) -> LocalBoxFuture<'static, ()> {
        let clock = self.clone();
        let key = (at, clock.0.next.replace(clock.0.next.get() + 1));
        clock.0.sleepers.borrow_mut().insert(key, None);
        let sleeper = Sleeper { clock, key };
        Box::pin(poll_fn(move |cx| match sleeper.clock.0.sleepers.borrow_mut().get_mut(&sleeper.key) {
            Some(waker) => {
                *waker = Some(cx.waker().clone());
                Poll::Pending
            }
            None => Poll::Ready(()),
        }))
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Millis {
        self.0.now.get()
    }

    fn sleep_until(&self, at: Millis) -> LocalBoxFuture<'static, ()> {
        self.until(at.next_multiple_of(self.0.coarse.get().max(1)))
    }
}
