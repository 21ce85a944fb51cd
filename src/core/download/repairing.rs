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
    /// What the backend tells of the object's parts, in order; taken once.
    pub granted: Vec<PartSum>,
    parts: Vec<(Stretch, Checksum)>,
    /// So many parts are hashed, or about to be.
    begun: usize,
    differing: Vec<Stretch>,
    /// What it fails of, where it can't be repaired.
    mismatch: Option<Error>,
}

impl Download {
    /// All bytes are here, and they differ from storage's.
    pub(super) fn repair(&mut self, size: u64, mismatch: Error) {
        let mut at = 0_u64;
        let granted = std::mem::take(&mut self.repairing.granted);
        let mut place = |part: &PartSum| {
            let start = at;
            at = at.saturating_add(part.size);
            (Stretch { start, end: at }, part.sum)
        };
        self.repairing.parts = granted.iter().map(&mut place).collect();
        self.repairing.mismatch = Some(mismatch);
        // A stream's bytes are with its reader, and one part is all.
        if self.window.is_some() || self.repairing.parts.len() < 2 || at != size {
            return self.give_up();
        }
        self.log(Level::Warn, "The bytes are not what storage has: part by part they are compared.");
        self.phase = Phase::Comparing;
        self.compare();
    }

    /// Hashes on, and has what differs fetched again.
    pub(super) fn compare(&mut self) {
        if self.phase != Phase::Comparing {
            return;
        }
        while self.flights.len() < AT_ONCE
            && let Some((Stretch { start, end }, sum)) = self.repairing.parts.get(self.repairing.begun).copied()
        {
            self.repairing.begun += 1;
            self.hash(sum.algorithm, start, end);
        }
        if self.flights.is_empty() {
            match self.repairing.differing.len() {
                0 => self.give_up(),
                differing => {
                    let all = self.repairing.parts.len();
                    self.log(Level::Warn, format!("{differing} of {all} parts differ: they are fetched again."));
                    self.phase = Phase::Reopening;
                }
            }
        }
    }

    pub(super) fn compared(&mut self, start: u64, outcome: Result<Checksum, Failure>) {
        let part = self.repairing.parts.iter().find(|(stretch, _)| stretch.start == start);
        match (part, outcome) {
            (Some((stretch, theirs)), Ok(own)) if own != *theirs => self.repairing.differing.push(*stretch),
            (Some(_), Ok(_)) => {}
            _ => self.give_up(),
        }
    }

    pub(super) fn reopen(&self) -> Command {
        Command::Reopen(self.repairing.differing.clone())
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
        if let Some(mismatch) = self.repairing.mismatch.take() {
            self.unsave();
            self.fail(mismatch);
        }
    }
}
