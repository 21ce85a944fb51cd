//! What the backend and the sink are asked for a download, and what their answers mean.

use super::{Blocks, Download, Phase, Piece, Work, verifying::Again, version::Version};
use crate::core::{
    checkpoint::{Checkpoint, DownloadPoint, Found, Recalled, Save},
    disposition,
    error::{Code, Error, Failure},
    flight::Stage,
    lease::Lease,
    plan::{MIB, USUAL_PART},
    protocol::{DownloadGrant, Method},
    stretches::{self, Stretch},
    transfer::{Answer, Command, Level, Output},
};

/// Less than this is fetched again sooner than it is noted.
pub const WORTH_SAVING: u64 = 16 * MIB;

impl Download {
    /// Asks what has to be asked now, if anything has.
    pub(super) fn call(&mut self) {
        let Some(command) = self.next_call() else {
            return;
        };
        // Sinks and stores take their time, and are no network that could fall silent.
        let local = !matches!(command, Command::RequestDownload(_));
        if self.reach.is_down() && !local {
            return;
        }
        let ticket = self.flights.depart(self.now, Work::Call);
        if local {
            self.flights.heard(ticket, self.now, Stage::Local);
        }
        self.out.push_back(Output::Perform(ticket, command));
    }

    fn next_call(&self) -> Option<Command> {
        let request = || Command::RequestDownload(self.key.clone());
        match self.phase {
            Phase::Sealing => Some(Command::Seal { size: self.size?, content_type: self.content_type.clone() }),
            Phase::Committing => Some(Command::Commit),
            Phase::Reopening => Some(self.reopen()),
            Phase::Recalling { resume } if self.ending => Some(Command::Recall { resume }),
            Phase::Verifying(..) => (self.hashing.again == Again::Asked).then(request),
            _ if self.paused || !self.admitted => None,
            Phase::Recalling { resume } => Some(Command::Recall { resume }),
            Phase::Requesting => Some(request()),
            Phase::Restarting => Some(Command::Restart(Vec::new())),
            Phase::Probing | Phase::Fetching if self.lease().is_none() && self.has_next() => Some(request()),
            _ => None,
        }
    }

    pub(super) fn called(&mut self, answer: Answer) {
        match answer {
            Answer::Recalled(recalled) => {
                self.recalled(recalled);
                if self.ending {
                    self.abort(false);
                }
            }
            Answer::DownloadGranted(grant) => self.granted(grant),
            Answer::Restarted if self.phase == Phase::Reopening => self.reopened(),
            Answer::Restarted => {
                self.pieces.put(self.all().tried(self.restarts));
                self.phase = Phase::Probing;
            }
            Answer::Sealed(sum) => self.sealed(sum),
            Answer::Committed => self.finish(),
            _ => self.fail(Error::new(Code::Internal, "A call was answered with something else.")),
        }
    }

    fn recalled(&mut self, recalled: Recalled) {
        if let Some(warning) = recalled.warning {
            self.log(Level::Warn, warning);
        }
        self.phase = Phase::Requesting;
        let Some(Found::Download { point, have }) = recalled.found else {
            return;
        };
        self.saved = true;
        let gaps = stretches::gaps(&have, point.size);
        let left: u64 = gaps.iter().map(|gap| gap.end - gap.start).sum();
        self.log(
            Level::Info,
            format!("A download of this object was cut off: {left} of {} bytes are left.", point.size),
        );
        self.received = point.size - left;
        self.gained_at = self.received;
        self.size = Some(point.size);
        self.version = point.version;
        self.content_type = point.content_type;
        self.filename = point.filename;
        self.meter.set_total(point.size);
        self.show_blocks(point.size);
        for Stretch { start, end } in stretches::gaps(&gaps, point.size) {
            if let Some(blocks) = &mut self.blocks {
                blocks.receive(start, end - start);
            }
        }
        for Stretch { start, end } in gaps {
            self.pieces.put(Piece::new(start, Some(end)));
        }
    }

    fn granted(&mut self, grant: DownloadGrant) {
        self.reached();
        self.signature += 1;
        self.hashing.granted = (grant.etag, grant.told, grant.parts);
        self.content_type = grant.content_type.or(self.content_type.take());
        self.filename = disposition::in_url(&grant.signed.url).or(self.filename.take());
        self.plain = grant.signed.method == Method::Plain;
        let lease = Lease::of_all(self.now, grant.signed, grant.others, grant.expires_in);
        self.hosts.name(lease.urls());
        self.lease = Some(lease);
        let size = grant.size.filter(|_| !self.plain);
        if self.size.is_none() {
            // Only the answer of storage counts; until then the backend's word is good enough to show.
            self.meter.set_total(size.unwrap_or_default());
        }
        if matches!(self.phase, Phase::Verifying(..)) {
            self.hashing.again = Again::Told;
            self.hear_of_it();
        }
        if self.phase == Phase::Requesting {
            if self.size.is_some() {
                self.phase = Phase::Fetching;
            } else {
                self.pieces.put(self.all());
                self.divide_early(size);
                self.phase = Phase::Probing;
            }
        }
    }

    pub(super) fn call_failed(&mut self, failure: Failure) {
        if self.reach.excuses(&failure.error) {
            if self.reach.lost() {
                self.out.push_back(Output::Reached(false));
            }
            return;
        }
        if self.phase == Phase::Reopening {
            return self.give_up();
        }
        let event = self.calls.retry(self.now, &failure, &self.policy, &mut self.chance);
        match event.filter(|_| self.budget.spend(&self.policy)) {
            Some(event) => self.out.push_back(Output::Emit(event)),
            None => self.fail(failure.into_error()),
        }
    }

    /// From now on it can be resumed, where it is worth it and another version could be told from this one.
    pub(super) fn remember(&mut self, size: u64) {
        if self.window.is_none() && size >= WORTH_SAVING && self.version != Version::default() {
            let (key, version) = (self.key.clone(), self.version.clone());
            let (content_type, filename) = (self.content_type.clone(), self.filename.clone());
            let point = DownloadPoint { key, size, version, content_type, filename };
            self.save(Save::Begin(Checkpoint::Download(point)));
        }
    }

    pub(super) fn show_blocks(&mut self, size: u64) {
        if self.window.is_none() {
            self.blocks = Blocks::new(size, self.part_size.unwrap_or(USUAL_PART));
        }
    }

    /// The URL of the moment, where it is still good.
    pub(super) fn lease(&self) -> Option<&Lease> {
        self.lease.as_ref().filter(|lease| lease.is_good(self.now))
    }
}
