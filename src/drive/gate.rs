//! Keeps the bytes of a GET from the sink until its engine has approved of the head, and ends it where the engine says.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    task::{Context, Poll, Waker},
};

#[derive(Default)]
pub struct Gate {
    until: Cell<Option<u64>>,
    waker: RefCell<Option<Waker>>,
}

impl Gate {
    /// Bytes up to this offset may pass.
    pub fn open(&self, until: u64) {
        self.until.set(Some(until));
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Waits until it is open.
    pub async fn opened(&self) {
        poll_fn(|cx| match self.until.get() {
            Some(_) => Poll::Ready(()),
            None => {
                self.heed(cx);
                Poll::Pending
            }
        })
        .await;
    }

    /// Wakes whoever polls when the end is moved.
    pub fn heed(&self, cx: &Context<'_>) {
        self.waker.replace(Some(cx.waker().clone()));
    }

    /// How many bytes may pass from `at` on, just now.
    pub fn room(&self, at: u64) -> u64 {
        self.until.get().unwrap_or_default().saturating_sub(at)
    }
}
