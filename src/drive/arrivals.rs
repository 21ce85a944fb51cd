//! What of a download is there already, for whoever reads it before its end.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    task::{Poll, Waker},
};

use crate::core::cover::Cover;

/// What an answer told of the object: its size, where it is known, and its type.
pub type Facts = (Option<u64>, Option<String>);

#[derive(Default)]
pub struct Arrivals {
    there: RefCell<Cover>,
    facts: RefCell<Option<Facts>>,
    over: Cell<bool>,
    news: Cell<u64>,
    waiting: RefCell<Vec<Waker>>,
}

impl Arrivals {
    pub fn open(&self, size: Option<u64>, content_type: Option<&str>) {
        if self.facts.borrow().is_none() {
            self.facts.replace(Some((size, content_type.map(str::to_owned))));
            self.wake();
        }
    }

    pub fn add(&self, at: u64, bytes: u64) {
        self.there.borrow_mut().add(at, at.saturating_add(bytes));
        self.wake();
    }

    pub fn clear(&self) {
        self.there.borrow_mut().clear();
    }

    /// Whoever waits has waited long enough.
    pub fn end(&self) {
        self.over.set(true);
        self.wake();
    }

    /// Something may be different from what it was.
    pub fn wake(&self) {
        self.news.set(self.news.get() + 1);
        self.waiting.take().into_iter().for_each(Waker::wake);
    }

    /// Up to where there are bytes from this offset on, where there are any.
    pub fn end_of(&self, at: u64) -> Option<u64> {
        self.there.borrow().end_of(at)
    }

    pub fn facts(&self) -> Option<Facts> {
        self.facts.borrow().clone()
    }

    /// Waits for news; false at the end.
    pub async fn change(&self) -> bool {
        let before = self.news.get();
        poll_fn(|cx| {
            if self.over.get() || self.news.get() != before {
                return Poll::Ready(!self.over.get());
            }
            self.waiting.borrow_mut().push(cx.waker().clone());
            Poll::Pending
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn whoever_waits_hears_of_what_came_or_of_the_end() {
        let arrivals = Arrivals::default();
        let mut waiting = Box::pin(arrivals.change());
        assert!(waiting.as_mut().now_or_never().is_none());
        arrivals.open(Some(30), Some("video/webm"));
        assert_eq!(waiting.now_or_never(), Some(true));
        arrivals.open(None, None);
        assert_eq!(arrivals.facts(), Some((Some(30), Some("video/webm".into()))), "the first counts");
        for (at, end) in [(20, None), (10, Some(30))] {
            let mut waiting = Box::pin(arrivals.change());
            assert!(waiting.as_mut().now_or_never().is_none());
            arrivals.add(at, 10);
            assert_eq!((waiting.now_or_never(), arrivals.end_of(15)), (Some(true), end));
        }
        arrivals.clear();
        assert_eq!(arrivals.end_of(15), None);
        let mut waiting = Box::pin(arrivals.change());
        assert!(waiting.as_mut().now_or_never().is_none());
        arrivals.end();
        assert_eq!((waiting.now_or_never(), arrivals.change().now_or_never()), (Some(false), Some(false)));
    }
}
