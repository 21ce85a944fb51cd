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

    /// Somebody answered. True where that is news to others. (An answer that was under way when the network went down proves
    /// nothing.)
    pub fn heard(&mut self) -> bool {
        self.0 == Link::Unsure && self.set(Link::Up)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_answer_is_no_proof_of_a_network() {
        let mut reach = Reach::default();
        assert!(!reach.set(Link::Down) && !reach.heard());
        assert!(reach.is_down());
        assert!(reach.set(Link::Unsure) && reach.lost());
        assert!(reach.is_down());
        assert!(reach.set(Link::Unsure) && reach.heard() && !reach.heard());
        assert!(!reach.excuses(&Error::new(Code::Network, "")));
    }
}
