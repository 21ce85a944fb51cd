//! Calls to the backend: one at a time, under the same policy as data.

use super::{
    chance::Chance,
    error::{Failure, Verdict},
    retry::{Backoff, Policy},
    time::Millis,
    transfer::{Deadline, Event, Reason},
};

/// The retries of a transfer's calls, and until when the next one rests.
#[derive(Debug, Default)]
pub struct Calls {
    backoff: Backoff,
    rest: Option<Millis>,
}

impl Calls {
    pub fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// What is to be told of a call that will be tried again; `None` where it is not.
    pub fn retry(&mut self, now: Millis, failure: &Failure, policy: &Policy, chance: &mut Chance) -> Option<Event> {
        let Verdict::Retry { after } = failure.verdict else { return None };
        let delay = self.backoff.pause(policy, after, chance)?;
        self.rest = Some(now.saturating_add(delay));
        Some(Event::Retry { part: None, attempt: self.backoff.attempt(), delay, error: failure.error.clone() })
    }

    /// The next call waits so long, for a reason that is not its own.
    pub fn rest(&mut self, until: Option<Millis>) {
        self.rest = until;
    }

    pub fn wake(&mut self, now: Millis) {
        if self.rest.is_some_and(|until| until <= now) {
            self.rest = None;
        }
    }

    /// Whatever it rested for is over.
    pub fn hurry(&mut self) {
        self.rest = None;
    }

    pub fn is_resting(&self) -> bool {
        self.rest.is_some()
    }

    pub fn deadline(&self) -> Option<Deadline> {
        self.rest.map(|at| Deadline { at, reason: Reason::Retry })
    }
}
