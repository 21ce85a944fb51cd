//! Requests in flight: their tickets, and the watchdog that gives up those that fell silent.

use super::{
    sorted::Sorted,
    time::Millis,
    transfer::{Deadline, Reason, Ticket},
};

/// How many times the usual silence a server gets that has all the bytes and owes only its answer.
const PATIENCE: Millis = 4;

/// One request in flight; `work` is what its engine wants to remember of it.
#[derive(Debug)]
pub struct Flight<W> {
    pub work: W,
    heard: Millis,
    allowed: Millis,
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
        self.flights.insert(ticket, Flight { work, heard: now, allowed: self.stall_timeout });
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
    pub fn heard(&mut self, ticket: Ticket, now: Millis) {
        if let Some(flight) = self.flights.get_mut(&ticket) {
            flight.heard = now;
        }
    }

    /// From now on it is the server's turn: a completion may take minutes, and a slow store is not a stall.
    pub fn be_patient(&mut self, ticket: Ticket) {
        if let Some(flight) = self.flights.get_mut(&ticket) {
            flight.allowed = self.stall_timeout.saturating_mul(PATIENCE);
        }
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

    /// Those that have been silent for too long, with how long.
    pub fn stalled(&self, now: Millis) -> Vec<(Ticket, Millis)> {
        let silent = self.flights.iter().filter(|(_, flight)| now >= flight.heard.saturating_add(flight.allowed));
        silent.map(|(ticket, flight)| (*ticket, now - flight.heard)).collect()
    }

    pub fn deadline(&self) -> Option<Deadline> {
        let at = self.flights.values().map(|flight| flight.heard.saturating_add(flight.allowed)).min()?;
        Some(Deadline { at, reason: Reason::Stall })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_counted_from_the_last_sign_of_life() {
        let mut flights = Flights::new(100);
        let (a, b) = (flights.depart(0, 'a'), flights.depart(0, 'b'));
        flights.heard(a, 60);
        assert_eq!(flights.stalled(100), [(b, 100)]);
        flights.be_patient(b);
        assert_eq!(flights.stalled(100), []);
        assert_eq!(flights.deadline(), Some(Deadline { at: 160, reason: Reason::Stall }));
        assert_eq!(flights.land(b), Some('b'));
        assert_eq!(flights.land(b), None);
    }
}
