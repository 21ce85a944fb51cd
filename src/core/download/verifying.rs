//! Whether what was put together is what storage has: all of it is read once more and hashed, once storage has told a checksum.

use super::{Download, Phase, Work, window::Window};
use crate::core::{
    checksum::{Algorithm, Checksum},
    error::{Code, Failure},
    etag,
    flight::Stage,
    integrity::{self, Integrity, Told},
    plan::MIB,
    protocol::PartSum,
    sorted::Sorted,
    transfer::{Command, Output},
};

/// Bytes hashed by one command.
const STEP: u64 = 64 * MIB;
/// Commands at once: reading for one hides the start of the next.
pub(super) const AT_ONCE: usize = 2;

#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) enum Again {
    #[default]
    Unasked,
    Asked,
    Told,
}

#[derive(Debug, Default)]
pub(super) struct Hashing {
    /// Nothing is to be hashed.
    off: bool,
    /// What the backend tells of the object, and the ETag of which it is true.
    pub granted: (Option<String>, Told, Vec<PartSum>),
    /// What storage tells of it.
    pub told: Told,
    /// The bytes were decoded on their way, and are others than the stored ones.
    pub decoded: bool,
    /// What is told is of the version that was fetched: its ETag says so.
    tied: bool,
    /// The backend is asked once more, since the object may have been replaced between its word and the first byte.
    pub again: Again,
    /// Up to here, hashing has begun.
    begun: u64,
    sums: Sorted<u64, Checksum>,
    /// That of all, where it need not be put together.
    whole: Option<Checksum>,
}

impl Hashing {
    pub fn new(algorithm: Option<Algorithm>) -> Self {
        Self { off: algorithm.is_none(), ..Self::default() }
    }

    /// Some bytes are to come once more.
    pub fn begin_anew(&mut self) {
        (self.begun, self.whole) = (0, None);
        self.sums.clear();
    }
}

impl Download {
    /// All is in place: it is compared, where there is something to compare with.
    /// Where the sink has summed it up already, nothing is read again.
    pub(super) fn sealed(&mut self, sum: Option<Checksum>) {
        let size = self.size.unwrap_or(self.received);
        self.hear_of_it();
        let own = sum.map(|sum| sum.algorithm);
        // A stream's bytes are gone, so they can't be summed up by another.
        let others = Algorithm::CRCS.into_iter().filter(|_| self.window.is_none());
        let mut known = own.into_iter().chain(others);
        let algorithm = known.find(|known| integrity::of(*known, &self.hashing.told).is_some());
        let hindrance = match algorithm {
            _ if self.hashing.off && self.window.as_ref().is_some_and(Window::is_part) => {
                "Only a part of the object was asked for."
            }
            _ if self.hashing.off => "Checksums are switched off.",
            None => "Neither the backend nor storage tells a checksum of this object.",
            Some(_) if self.hashing.decoded => {
                "The bytes were decoded on their way, and storage's checksum is of the encoded ones."
            }
            Some(algorithm) => {
                self.phase = Phase::Verifying(algorithm, size);
                self.hashing.whole = sum.filter(|sum| sum.algorithm == algorithm);
                if self.hashing.whole.is_some() {
                    self.hashing.begun = size;
                }
                return self.verify();
            }
        };
        self.commit(Integrity::Unverified(hindrance.to_owned()));
    }

    fn commit(&mut self, integrity: Integrity) {
        (self.phase, self.integrity) = (Phase::Committing, Some(integrity));
    }

    /// Hashes on, and compares at the end.
    pub(super) fn verify(&mut self) {
        let Phase::Verifying(algorithm, size) = self.phase else { return };
        while self.hashing.begun < size && self.flights.len() < AT_ONCE {
            let (start, end) = (self.hashing.begun, size.min(self.hashing.begun + STEP));
            self.hashing.begun = end;
            self.hash(algorithm, start, end);
        }
        if self.hashing.begun < size || !self.flights.is_empty() || self.hashing.again == Again::Asked {
            return;
        }
        let whole = self.hashing.whole.unwrap_or_else(|| {
            let join = |whole: Checksum, (start, sum): (&u64, &Checksum)| {
                whole.and(*sum, algorithm.shift(size.min(start + STEP) - start))
            };
            self.hashing.sums.iter().fold(Checksum::empty(algorithm), join)
        });
        match integrity::compare(whole, &self.hashing.told) {
            Some(Err(_)) if !self.hashing.tied && self.hashing.again == Again::Unasked => {
                self.hashing.again = Again::Asked;
            }
            Some(Err(error)) => self.repair(size, error),
            Some(Ok(integrity)) => self.commit(integrity),
            None => {}
        }
    }

    /// What the backend told counts, unless it spoke of another version.
    pub(super) fn hear_of_it(&mut self) {
        let (etag, told, parts) = std::mem::take(&mut self.hashing.granted);
        let (granted, own) = (etag.as_deref().map(etag::bare), self.version.etag.as_deref().map(etag::bare));
        self.hashing.tied = granted.is_some() && granted == own;
        if granted.zip(own).is_none_or(|(granted, own)| granted == own) && !told.is_empty() {
            self.hashing.told = told;
            self.repairing.parts = parts;
        }
    }

    pub(super) fn hash(&mut self, algorithm: Algorithm, start: u64, end: u64) {
        let ticket = self.flights.depart(self.now, Work::Hash(start, end));
        self.flights.heard(ticket, self.now, Stage::Waiting);
        self.out.push_back(Output::Perform(ticket, Command::Hash { algorithm, start, end }));
    }

    pub(super) fn hashed(&mut self, start: u64, outcome: Result<Checksum, Failure>) {
        if self.phase == Phase::Comparing {
            return self.compared(start, outcome);
        }
        match outcome {
            Ok(sum) => {
                self.hashing.sums.insert(start, sum);
            }
            Err(failure) if failure.error.code == Code::StorageFull => self.fail(failure.into_error()),
            Err(failure) => {
                let why = format!("The bytes could not be hashed: {}", failure.error.message);
                self.commit(Integrity::Unverified(why));
            }
        }
    }
}
