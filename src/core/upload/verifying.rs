//! Every byte is read a second time and hashed, and the sum is compared with storage's own.
//!
//! Hashing goes on beside the sending, of parts that are under way or stored, so that their bytes are still at hand. It never
//! ends an upload but where the file can't be read or the bytes differ: what could not be compared is told with the result.

use super::{Phase, Upload, Work};
use crate::core::{
    checkpoint::{NotedPart, Save},
    checksum::{Algorithm, Checksum},
    error::{Code, Error, Failure},
    etag,
    flight::Stage,
    integrity::{self, Integrity, Told},
    plan::USUAL_PART,
    protocol::Completion,
    transfer::{Command, Level, Output, Seen},
};

/// Parts that are hashed at once: reading one hides the start of the next.
const AT_ONCE: usize = 2;

/// What is known of an upload's checksum.
#[derive(Debug)]
pub(super) struct Hashing {
    pub algorithm: Option<Algorithm>,
    /// No part is signed without its checksum.
    pub signed: bool,
    under_way: usize,
    /// Why not every byte could be hashed, in words.
    hindrance: Option<String>,
    /// Storage was asked for the object's checksum.
    pub looked_up: bool,
}

impl Hashing {
    pub fn new(algorithm: Option<Algorithm>) -> Self {
        Self { algorithm, signed: false, under_way: 0, hindrance: None, looked_up: false }
    }

    /// What the backend wants to sign goes before what the application has chosen.
    pub fn obey(&mut self, wanted: Option<Algorithm>) {
        self.signed = wanted.is_some();
        self.algorithm = wanted.or(self.algorithm);
    }
}

impl Upload {
    /// Hashes parts whose turn it is.
    pub(super) fn hash(&mut self) {
        let (Some(algorithm), None, None) = (self.hashing.algorithm, &self.hashing.hindrance, self.ending) else {
            return;
        };
        if self.paused && matches!(self.phase, Phase::Sending) {
            return;
        }
        if self.hashing.signed && matches!(self.phase, Phase::Sending) {
            let ahead = self.ahead();
            self.parts.iter_mut().for_each(|parts| parts.unhash_next(ahead));
        }
        while self.hashing.under_way < AT_ONCE {
            let Some(parts) = &mut self.parts else { return };
            let Some(number) = parts.take_unhashed() else { return };
            let bytes = parts.plan().bytes(number);
            let ticket = self.flights.depart(self.now, Work::Hash(number));
            // Disks take their time, and are no network that could fall silent.
            self.flights.heard(ticket, self.now, Stage::Waiting);
            self.hashing.under_way += 1;
            let command = Command::Hash { algorithm, start: bytes.start, end: bytes.end };
            self.out.push_back(Output::Perform(ticket, command));
        }
    }

    pub(super) fn hashed(&mut self, number: u32, outcome: Result<Checksum, Failure>) {
        self.hashing.under_way -= 1;
        let Some(parts) = &mut self.parts else { return };
        match outcome {
            Ok(sum) => {
                if let Some(etag) = parts.hashed(number, sum).filter(|_| self.saved) {
                    self.save(Save::Part(NotedPart { number, etag, sum: Some(sum) }));
                }
            }
            // Once all is stored, it is none the worse for a file that goes away.
            Err(failure) if failure.error.code == Code::SourceChanged && matches!(self.phase, Phase::Sending) => {
                self.fail(failure.into_error().at_part(Some(number)))
            }
            Err(failure) if self.hashing.signed && matches!(self.phase, Phase::Sending) => {
                self.fail(failure.into_error().at_part(Some(number)))
            }
            Err(failure) => {
                self.log(Level::Warn, format!("Part {number} could not be hashed: {}", failure.error.message));
                self.hashing.hindrance = Some(failure.error.message.clone());
            }
        }
    }

    /// The clock jumped over it.
    pub(super) fn hash_again(&mut self, number: u32) {
        self.hashing.under_way -= 1;
        if let Some(parts) = &mut self.parts {
            parts.hash_again(number);
        }
    }

    /// The object is there: is it what was sent?
    pub(super) fn verify(&mut self) {
        let Phase::Verifying(completion) = &self.phase else { return };
        let unverified = |why: &str| Ok(Integrity::Unverified(why.to_owned()));
        let outcome = match (self.hashing.algorithm, &self.hashing.hindrance) {
            (None, _) => unverified("Checksums are switched off."),
            (_, Some(hindrance)) => unverified(hindrance),
            (Some(algorithm), None) => {
                let Some(parts) = &self.parts else { return };
                let Some(own) = parts.sum(algorithm, self.upload.is_some()) else { return };
                match integrity::compare(own, &told(completion)) {
                    // Encrypting stores have ETags that only look like MD5s.
                    Some(Err(_)) if algorithm == Algorithm::Md5 && !parts.has_md5s() => unverified(
                        "Storage's ETag is not the MD5 of these bytes, as with encryption by KMS or by a customer's key.",
                    ),
                    Some(outcome) => outcome,
                    None if self.may_look_up() => return,
                    None => unverified("Neither the backend nor storage tells a checksum of this object."),
                }
            }
        };
        let completion = completion.clone();
        match outcome {
            Ok(integrity) => self.finish(completion, integrity),
            Err(error) => self.corrupt(error),
        }
    }

    /// A checksum is wanted that no answer has told.
    pub(super) fn wants_look_up(&self) -> bool {
        let (Phase::Verifying(completion), Some(parts), Some(algorithm)) =
            (&self.phase, &self.parts, self.hashing.algorithm)
        else {
            return false;
        };
        let wanted = self.may_look_up() && self.hashing.hindrance.is_none();
        let own = || parts.sum(algorithm, self.upload.is_some());
        wanted && own().is_some_and(|own| integrity::like(own, &told(completion)).is_none())
    }

    /// What storage tells when it is asked for nothing else. For a small file that would double the calls.
    fn may_look_up(&self) -> bool {
        !self.hashing.looked_up && (self.upload.is_some() || self.request.size >= USUAL_PART)
    }

    pub(super) fn looked_up(&mut self, found: Option<Seen>) {
        self.hashing.looked_up = true;
        if let (Phase::Verifying(completion), Some(Seen { etag, told, .. })) = (&mut self.phase, found) {
            completion.told.extend(told);
            completion.etag = completion.etag.take().or(etag);
        }
    }

    /// What storage has is not what was sent. There is nothing to go on with: all of it has to be sent again.
    fn corrupt(&mut self, error: Error) {
        self.unsave();
        self.fail(error);
    }
}

/// Everything that could be compared; an ETag may be an MD5.
fn told(completion: &Completion) -> Told {
    let md5 = completion.etag.as_deref().and_then(etag::md5);
    completion.told.iter().copied().chain(md5).collect()
}
