//! What is heard of the world outside: the network, as the browser and the transfers see it; and the clock.
//!
//! Where a deadline comes far too late, the clock has jumped: the computer slept, or the page was held up.

use super::{time::Millis, transfer::Link};

/// A deadline that comes so much too late was slept through.
const JUMP: Millis = 5_000;
/// `offline` may be wrong: it is tried so often.
const TRY_LINK: Millis = 30_000;

#[derive(Debug)]
pub struct Outside {
    link: Link,
    /// When a network that is said to be down is tried.
    try_link: Option<Millis>,
    /// What was heard and is not spread yet.
    news: Option<Link>,
    /// What was promised by the last wait.
    promised: Option<Millis>,
}

impl Default for Outside {
    fn default() -> Self {
        Self { link: Link::Up, try_link: None, news: None, promised: None }
    }
}

impl Outside {
    pub fn link(&self) -> Link {
        self.link
    }

    /// The browser, or a transfer, says so.
    pub fn hear(&mut self, link: Link) {
        self.news = Some(link);
    }

    /// A network that is said to be down is to be tried, if it is time for that.
    pub fn tick(&mut self, now: Millis) {
        if self.try_link.is_some_and(|at| at <= now) {
            self.news = Some(Link::Unsure);
        }
    }

    /// What all transfers are to be told.
    pub fn change(&mut self, now: Millis) -> Option<Link> {
        let link = self.news.take()?;
        let before = std::mem::replace(&mut self.link, link);
        self.try_link = (link == Link::Down).then(|| now.saturating_add(TRY_LINK));
        (before != link).then_some(link)
    }

    pub fn deadline(&self) -> Option<Millis> {
        self.try_link
    }

    /// Nothing is expected before this time.
    pub fn promise(&mut self, at: Option<Millis>) {
        self.promised = at;
    }

    /// The promised moment is long over.
    pub fn has_jumped(&mut self, now: Millis) -> bool {
        self.promised.take().is_some_and(|at| now > at.saturating_add(JUMP))
    }
}
