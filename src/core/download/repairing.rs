//! What is not what storage has, where storage also tells its parts' checksums: the parts that differ are found, and only these
//! fetched again, once.

use super::{Download, Phase, pieces::Piece, verifying::AT_ONCE};
use crate::core::{
    checksum::Checksum,
    error::{Error, Failure},
    protocol::PartSum,
    stretches::Stretch,
    transfer::{Command, Level},
};

#[derive(Debug, Default)]
pub(super) struct Repairing {
    /// What the backend tells of the object's parts, in order.
    pub parts: Vec<PartSum>,
    /// Up to here, parts are hashed, or about to be.
    begun: u64,
    differing: Vec<Stretch>,
    /// What it fails of, where it can't be repaired.
    mismatch: Option<Error>,
}

impl Repairing {
    fn size(&self) -> u64 {
        self.parts.iter().fold(0, |sum, part| sum.saturating_add(part.size))
    }

    /// The part that begins here.
    fn at(&self, start: u64) -> Option<(Stretch, Checksum)> {
        let mut end = 0_u64;
        self.parts.iter().find_map(|part| {
            let own = Stretch { start: end, end: end.saturating_add(part.size) };
            end = own.end;
            (own.start == start).then_some((own, part.sum))
        })
    }
}

impl Download {
    /// All bytes are here, and they differ from storage's.
    pub(super) fn repair(&mut self, size: u64, mismatch: Error) {
        let was = self.repairing.mismatch.replace(mismatch);
        // A stream's bytes are with its reader; one part is all; and what was repaired once is not twice.
        if was.is_some() || self.window.is_some() || self.repairing.parts.len() < 2 || self.repairing.size() != size {
            return self.give_up();
        }
        self.log(Level::Warn, "The bytes are not what storage has: the parts that differ are fetched again.");
        self.phase = Phase::Comparing;
        self.compare();
    }

    /// Hashes on, and has what differs fetched again.
    pub(super) fn compare(&mut self) {
        if self.phase != Phase::Comparing {
            return;
        }
        while self.flights.len() < AT_ONCE
            && let Some((Stretch { start, end }, sum)) = self.repairing.at(self.repairing.begun)
        {
            self.repairing.begun = end;
            self.hash(sum.algorithm, start, end);
        }
        if !self.flights.is_empty() {
            return;
        }
        if self.repairing.differing.is_empty() {
            return self.give_up();
        }
        self.phase = Phase::Reopening;
    }

    pub(super) fn compared(&mut self, start: u64, outcome: Result<Checksum, Failure>) {
        match (self.repairing.at(start), outcome) {
            (Some((_, theirs)), Ok(own)) if own == theirs => {}
            (Some((stretch, _)), Ok(_)) => self.repairing.differing.push(stretch),
            _ => self.give_up(),
        }
    }

    pub(super) fn reopen(&self) -> Command {
        Command::Restart(self.repairing.differing.clone())
    }

    /// The sink has forgotten what differs.
    pub(super) fn reopened(&mut self) {
        for Stretch { start, end } in std::mem::take(&mut self.repairing.differing) {
            self.received = self.received.saturating_sub(end - start);
            self.pieces.put(Piece::new(start, Some(end)));
        }
        self.gained_at = self.received;
        self.hashing.begin_anew();
        self.phase = Phase::Fetching;
    }

    pub(super) fn give_up(&mut self) {
        if let Some(mismatch) = self.repairing.mismatch.clone() {
            self.unsave();
            self.fail(mismatch);
        }
    }
}
