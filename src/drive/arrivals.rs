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

    /// The same, once there are any; `None` at the end.
    pub async fn reach(&self, at: u64) -> Option<u64> {
        self.wait(|| self.end_of(at)).await
    }

    /// Once they are known; `None` at the end.
    pub async fn facts(&self) -> Option<Facts> {
        self.wait(|| self.facts.borrow().clone()).await
    }

    /// The next news; `None` at the end.
    pub async fn change(&self) -> Option<()> {
        let before = self.news.get();
        self.wait(|| (self.news.get() != before).then_some(())).await
    }

    async fn wait<T>(&self, find: impl Fn() -> Option<T>) -> Option<T> {
        poll_fn(|cx| {
            if self.over.get() {
                return Poll::Ready(None);
            }
            let found = find();
            if found.is_none() {
                self.waiting.borrow_mut().push(cx.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(found)
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
        let mut facts = Box::pin(arrivals.facts());
        let mut middle = Box::pin(arrivals.reach(15));
        assert!(facts.as_mut().now_or_never().is_none() && middle.as_mut().now_or_never().is_none());
        arrivals.open(Some(30), Some("video/webm"));
        arrivals.open(None, None);
        assert_eq!(facts.now_or_never(), Some(Some((Some(30), Some("video/webm".into())))));
        arrivals.add(20, 10);
        assert!(middle.as_mut().now_or_never().is_none());
        arrivals.add(10, 10);
        assert_eq!(middle.now_or_never(), Some(Some(30)));
        arrivals.clear();
        let mut again = Box::pin(arrivals.reach(15));
        assert!(again.as_mut().now_or_never().is_none());
        let mut change = Box::pin(arrivals.change());
        assert!(change.as_mut().now_or_never().is_none());
        arrivals.add(0, 1);
        assert_eq!(change.now_or_never(), Some(Some(())));
        arrivals.end();
        assert_eq!(again.now_or_never(), Some(None));
    }
}
