//! Requests in flight: their tickets, and the watchdog that gives up those that fell silent.

use super::{
    sorted::Sorted,
    time::Millis,
    transfer::{Deadline, Reason, Ticket},
};

/// How many times the usual silence a server gets that has all the bytes and owes only its answer.
const PATIENCE: Millis = 4;
/// After a jump of the clock, what is alive gets so long to show it.
const GRACE: Millis = 5_000;

/// What a request in flight is waiting for; each may take its own time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// Nothing has moved yet.
    Connecting,
    Sending,
    /// All is sent; the server owes its answer.
    Waiting,
    Reading,
    /// No network is in it: a disk takes as long as it takes.
    Local,
}

impl Stage {
    fn allowed(self, stall_timeout: Millis) -> Millis {
        match self {
            Stage::Connecting | Stage::Sending | Stage::Reading => stall_timeout,
            // A completion may take minutes, and a slow store is not a stall.
            Stage::Waiting => stall_timeout.saturating_mul(PATIENCE),
            Stage::Local => Millis::MAX,
        }
    }

    pub fn words(self) -> &'static str {
        match self {
            Stage::Connecting => "connecting",
            Stage::Sending => "sending",
            Stage::Waiting => "waiting for the answer",
            Stage::Reading => "reading",
            Stage::Local => "writing",
        }
    }
}

/// One request in flight; `work` is what its engine wants to remember of it.
#[derive(Debug)]
pub struct Flight<W> {
    pub work: W,
    stage: Stage,
    heard: Millis,
    /// Its silence was excused by a jump of the clock, once, until it is heard again.
    excused: bool,
}

/// A request that has been silent for too long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stalled {
    pub ticket: Ticket,
    pub stage: Stage,
    pub silent: Millis,
    /// The clock jumped over it: no fault of anybody's.
    pub slept: bool,
}

/// All requests of one transfer.
#[derive(Debug)]
pub struct Flights<W> {
    flights: Sorted<Ticket, Flight<W>>,
    next: u64,
    stall_timeout: Millis,
}

impl<W> Flights<W> {
    pub fn new(stall_timeout: Millis) -> Self {
        Self { flights: Sorted::default(), next: 0, stall_timeout }
    }

    pub fn depart(&mut self, now: Millis, work: W) -> Ticket {
        let ticket = Ticket(self.next);
        self.next += 1;
        self.flights.insert(ticket, Flight { work, stage: Stage::Connecting, heard: now, excused: false });
        ticket
    }

    /// The ticket's work, off the list; `None` for a stale ticket.
    pub fn land(&mut self, ticket: Ticket) -> Option<W> {
        self.flights.remove(&ticket).map(|flight| flight.work)
    }

    pub fn get_mut(&mut self, ticket: Ticket) -> Option<&mut W> {
        self.flights.get_mut(&ticket).map(|flight| &mut flight.work)
    }

    /// Something moved: the silence is over.
    pub fn heard(&mut self, ticket: Ticket, now: Millis, stage: Stage) {
        if let Some(flight) = self.flights.get_mut(&ticket) {
            (flight.heard, flight.stage, flight.excused) = (now, stage, false);
        }
    }

    /// The clock has jumped to `now`. Events of the time between may still be queued, so the silent get a moment more.
    pub fn excuse(&mut self, now: Millis) {
        let stall_timeout = self.stall_timeout;
        let excuse = |flight: &mut Flight<W>| {
            if !std::mem::replace(&mut flight.excused, true) {
                let allowed = flight.stage.allowed(stall_timeout);
                flight.heard = flight.heard.max(now.saturating_add(GRACE.min(allowed)).saturating_sub(allowed));
            }
        };
        self.flights.values_mut().for_each(excuse);
    }

    pub fn iter(&self) -> impl Iterator<Item = (Ticket, &W)> {
        self.flights.iter().map(|(ticket, flight)| (*ticket, &flight.work))
    }

    pub fn len(&self) -> usize {
        self.flights.len()
    }

    pub fn is_empty(&self) -> bool {
        self.flights.is_empty()
    }

    pub fn tickets(&self) -> Vec<Ticket> {
        self.flights.keys().copied().collect()
    }

    pub fn stalled(&self, now: Millis) -> Vec<Stalled> {
        let silent = self.flights.iter().filter(|(_, flight)| now >= self.until(flight));
        silent
            .map(|(ticket, flight)| Stalled {
                ticket: *ticket,
                stage: flight.stage,
                silent: now - flight.heard,
                slept: flight.excused,
            })
            .collect()
    }

    pub fn deadline(&self) -> Option<Deadline> {
        let at = self.flights.values().map(|flight| self.until(flight)).min().filter(|at| *at < Millis::MAX)?;
        Some(Deadline { at, reason: Reason::Stall })
    }

    fn until(&self, flight: &Flight<W>) -> Millis {
        flight.heard.saturating_add(flight.stage.allowed(self.stall_timeout))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_counted_from_the_last_sign_of_life() {
        let mut flights = Flights::new(100);
        let (a, b) = (flights.depart(0, 'a'), flights.depart(0, 'b'));
        flights.heard(a, 60, Stage::Sending);
        let stalled = Stalled { ticket: b, stage: Stage::Connecting, silent: 100, slept: false };
        assert_eq!(flights.stalled(100), [stalled]);
        flights.heard(b, 0, Stage::Waiting);
        assert_eq!(flights.stalled(100), []);
        assert_eq!(flights.deadline(), Some(Deadline { at: 160, reason: Reason::Stall }));
        assert_eq!(flights.land(b), Some('b'));
        assert_eq!(flights.land(b), None);
    }

    #[test]
    fn a_jump_excuses_once() {
        let mut flights = Flights::new(30_000);
        let a = flights.depart(0, 'a');
        flights.excuse(3_600_000);
        assert_eq!(flights.deadline(), Some(Deadline { at: 3_605_000, reason: Reason::Stall }));
        // The timers of a hidden tab are late again and again: that must not hide a dead connection for ever.
        flights.excuse(3_660_000);
        let stalled = flights.stalled(3_660_000);
        assert!(stalled.len() == 1 && stalled[0].slept);
        flights.heard(a, 3_660_000, Stage::Sending);
        assert!(flights.stalled(3_689_999).is_empty());
        assert!(!flights.stalled(3_690_000)[0].slept);
    }
}
