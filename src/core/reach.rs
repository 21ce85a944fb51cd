//! What an engine believes of the network. Browsers only guess: `offline` may be wrong, so it is tried from time to time.

use super::{
    error::{Code, Error},
    transfer::Link,
};

#[derive(Debug)]
pub struct Reach(Link);

impl Default for Reach {
    fn default() -> Self {
        Self(Link::Up)
    }
}

impl Reach {
    /// True where waiting requests may go on at once.
    pub fn set(&mut self, link: Link) -> bool {
        std::mem::replace(&mut self.0, link) != link && link != Link::Down
    }

    /// Nothing may be begun.
    pub fn is_down(&self) -> bool {
        self.0 == Link::Down
    }

    /// Somebody answered. True where that is news to others.
    pub fn heard(&mut self) -> bool {
        std::mem::replace(&mut self.0, Link::Up) == Link::Unsure
    }

    /// A request got no answer. True where that is the network's fault, so that no attempt was spent.
    pub fn excuses(&self, error: &Error) -> bool {
        self.0 != Link::Up && matches!(error.code, Code::Network | Code::Timeout) && error.status.is_none()
    }

    /// Nobody was reached. True where that is news to others.
    pub fn lost(&mut self) -> bool {
        self.0 == Link::Unsure && std::mem::replace(&mut self.0, Link::Down) == Link::Unsure
    }
}
