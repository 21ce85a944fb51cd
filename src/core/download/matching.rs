//! `ifMatch`: each range after the first answer carries `If-Match` (RFC 9110 §13.1.1), so that storage itself refuses those of
//! another version, by 412. Stores that ignore it are found out by comparing, as without it.
//!
//! It is no CORS-safelisted header, so each range may cost a preflight, which the bucket's rule has to allow.

use super::{Download, Phase};
use crate::core::{
    error::{Code, Error},
    transfer::Level,
};

#[derive(Debug)]
pub(super) struct Matching {
    wanted: bool,
    /// It was sent.
    sent: bool,
    /// A request with it was answered: no preflight stands in its way.
    heard: bool,
}

impl Matching {
    pub fn new(wanted: bool) -> Self {
        Self { wanted, sent: false, heard: false }
    }

    pub fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// Storage has answered a range. `first`: one without a condition.
    pub fn answered(&mut self, first: bool) {
        self.heard |= !first && self.sent;
    }

    /// What a transfer fails of, where it may be the preflight.
    pub fn blamed(&self, mut error: Error) -> Error {
        if !self.sent || self.heard || error.code != Code::Network {
            return error;
        }
        (error.code, error.retryable) = (Code::Cors, false);
        error.message = "No range with `If-Match` got an answer: the bucket's CORS rule must allow this header (`AllowedHeaders`), or `ifMatch` be switched off.".to_owned();
        error
    }
}

impl Download {
    /// The header that the next range is sent with.
    pub(super) fn condition(&mut self) -> Option<(String, String)> {
        if !self.matching.wanted || self.phase == Phase::Probing {
            return None;
        }
        // A weak one never matches: If-Match compares strongly.
        let strong = self.version.etag.clone().filter(|etag| !etag.starts_with("W/"));
        if strong.is_none() {
            self.matching.wanted = false;
            self.log(
                Level::Warn,
                "Storage tells no strong ETag, so `ifMatch` can't be sent: versions are only compared.",
            );
        }
        let etag = strong?;
        self.matching.sent = true;
        Some(("if-match".to_owned(), etag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_silence_after_if_match_is_laid_to_the_preflight() {
        let network = || Error::new(Code::Network, "No answer came.");
        let mut matching = Matching::new(true);
        assert_eq!(matching.blamed(network()).code, Code::Network);
        matching.answered(true);
        matching.sent = true;
        assert_eq!(matching.blamed(network()).code, Code::Cors);
        assert_eq!(matching.blamed(Error::new(Code::Storage, "")).code, Code::Storage);
        matching.answered(false);
        assert_eq!(matching.blamed(network()).code, Code::Network);
    }
}
