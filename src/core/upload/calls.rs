//! What the backend is asked for an upload, and what its answers mean.

use super::{Phase, Upload, Work, parts::Parts, verifying::Hashing};
use crate::core::{
    checkpoint::{Checkpoint, Found, NotedPart, Recalled, Save, UploadPoint},
    error::{Code, Error, Failure, Verdict},
    etag,
    flight::Stage,
    integrity::Integrity,
    plan::{Plan, amount},
    protocol::{Completion, Method, PartGrants, StoredPart, UploadGrant, UploadRef},
    provider::Provider,
    transfer::{Answer, Command, End, Event, Level, Output, Seen, State},
};

/// How an object compares with what was uploaded.
enum Likeness {
    /// Its ETag proves it.
    Same,
    /// Nothing speaks against it; but an earlier object of this key may look the same.
    Alike,
    Other,
}

impl Upload {
    /// Asks what has to be asked now, if anything has.
    pub(super) fn call(&mut self) {
        let Some(command) = self.next_call() else {
            return;
        };
        if let Command::RequestParts(_, numbers) = &command {
            self.asked = numbers.iter().map(|part| part.number).collect();
        }
        let patient = matches!(command, Command::Complete(..));
        let ticket = self.flights.depart(self.now, Work::Call);
        if patient {
            self.flights.heard(ticket, self.now, Stage::Waiting);
        }
        self.out.push_back(Output::Perform(ticket, command));
    }

    fn next_call(&self) -> Option<Command> {
        match &self.phase {
            Phase::Removing(command) => Some(command.clone()),
            Phase::Completing => {
                Some(Command::Complete(self.upload.clone()?, self.parts.as_ref()?.to_complete(self.hashing.signed)))
            }
            Phase::Looking(_) => Some(Command::Look(self.key.clone())),
            Phase::Verifying(completion) => self.wants_look_up().then(|| Command::LookUp(completion.key.clone())),
            Phase::Confirming(..) => Some(Command::ListParts(self.upload.clone()?)),
            Phase::Recalling { resume } if self.ending.is_some() => Some(Command::Recall { resume: *resume }),
            _ if self.paused || !self.admitted => None,
            Phase::Recalling { resume } => Some(Command::Recall { resume: *resume }),
            Phase::Requesting => Some(Command::RequestUpload(self.request.clone())),
            Phase::Listing => Some(Command::ListParts(self.upload.clone()?)),
            Phase::Sending => match &self.upload {
                None => (!self.leases.is_good(1, self.now) && self.waiting().next().is_some())
                    .then(|| Command::RequestUpload(self.request.clone())),
                Some(upload) => {
                    let short = self.waiting().take(self.ahead()).any(|number| !self.leases.is_good(number, self.now));
                    let unsigned = if short { self.unsigned() } else { Vec::new() };
                    (!unsigned.is_empty()).then(|| Command::RequestParts(upload.clone(), unsigned))
                }
            },
            Phase::Over => None,
        }
    }

    pub(super) fn called(&mut self, answer: Answer) {
        match answer {
            Answer::Recalled(recalled) => {
                self.recalled(recalled);
                if let Some(keep) = self.ending {
                    self.remove(keep);
                }
            }
            Answer::UploadGranted(grant) => {
                if let Err(error) = self.granted(grant) {
                    return self.fail(error);
                }
                if let Some(keep) = self.ending {
                    self.remove(keep);
                }
            }
            Answer::PartsGranted(grants) => self.signed(grants),
            Answer::PartsListed(list) => self.listed(&list),
            Answer::Completed(completion) => self.completed(completion),
            Answer::Looked(seen) if matches!(self.phase, Phase::Verifying(_)) => {
                self.looked_up(seen);
            }
            Answer::Looked(seen) => self.looked(seen),
            Answer::Removed => self.end(State::Aborted, End::Aborted),
            _ => self.fail(Error::new(Code::Internal, "A call was answered with something else.")),
        }
    }

    fn recalled(&mut self, recalled: Recalled) {
        if let Some(warning) = recalled.warning {
            self.log(Level::Warn, warning);
        }
        self.identity = recalled.identity;
        self.phase = Phase::Requesting;
        let Some(Found::Upload { point, parts: noted }) = recalled.found else {
            return;
        };
        let Ok(plan) = Plan::new(self.request.size, point.part_size) else {
            return;
        };
        self.log(Level::Info, "An upload of this file was cut off: it goes on from there.");
        self.saved = true;
        self.resumed = true;
        self.key = point.key.clone();
        self.upload = Some(UploadRef { key: point.key, upload_id: point.upload_id });
        self.hashing.obey(point.sums);
        let mut parts = Parts::new(plan);
        let of_use = |part: NotedPart| NotedPart {
            sum: part.sum.filter(|sum| Some(sum.algorithm) == self.hashing.algorithm),
            ..part
        };
        parts.note(noted.into_iter().map(of_use).collect());
        self.parts = Some(parts);
        self.phase = Phase::Listing;
    }

    fn granted(&mut self, grant: UploadGrant) -> Result<(), Error> {
        let (size, was_whole) = (self.request.size, self.upload.is_none());
        let (plan, grants) = match grant {
            UploadGrant::Stored { key } => {
                let why = "The backend says that storage has it already: nothing was sent.".to_owned();
                let completion = Completion { key, etag: None, location: None, told: Vec::new() };
                self.finish(completion, Integrity::Unverified(why));
                return Ok(());
            }
            UploadGrant::Whole { key, mut signed, expires_in } => {
                if signed.method == Method::Post && self.would_refuse_form(&signed.url) {
                    self.ask_without_form();
                    return Ok(());
                }
                self.key = key;
                self.upload = None;
                // The store keeps the type that is sent; and where it is signed, it is what was asked for.
                let typed = signed.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
                if signed.method == Method::Put && !typed {
                    signed.headers.push(("content-type".into(), self.request.content_type.clone()));
                }
                self.log(Level::Info, "The backend signed one request for the whole file.");
                (Plan::whole(size)?, PartGrants { parts: vec![(1, signed)], expires_in })
            }
            UploadGrant::Parts { key, upload_id, part_size, grants, sums } => {
                let Some(part_size) = part_size.or(self.request.part_size) else {
                    return Err(Error::new(Code::Backend, "The backend's answer lacks `part_size`."));
                };
                self.upload = Some(UploadRef { key: key.clone(), upload_id: upload_id.clone() });
                self.key = key.clone();
                self.hashing.obey(sums);
                let plan = Plan::new(size, part_size)?;
                self.log(Level::Info, format!("{} parts of {}.", plan.parts(), amount(part_size)));
                if let Some(identity) = self.identity.clone().filter(|_| self.ending.is_none()) {
                    let point = UploadPoint { identity, key, upload_id, part_size, sums };
                    self.save(Save::Begin(Checkpoint::Upload(point)));
                }
                (plan, grants)
            }
        };
        self.leases.grant(self.now, grants);
        // A fresh signature for a single PUT comes as a new grant; the part and its retries are still the same.
        if self.parts.is_none() || was_whole != self.upload.is_none() {
            self.parts = Some(Parts::new(plan));
        }
        self.phase = Phase::Sending;
        Ok(())
    }

    pub(super) fn ask_without_form(&mut self) {
        self.request.form_refused = true;
        self.start_anew("Storage takes no POST forms");
    }

    /// It is known to, so that the file need not be sent in vain. A backend that signs forms all the same is let have its way.
    fn would_refuse_form(&self, url: &str) -> bool {
        let provider = self.provider.or_else(|| Provider::of(url));
        !self.request.form_refused && provider.is_some_and(|provider| !provider.forms)
    }

    fn signed(&mut self, grants: PartGrants) {
        if !grants.parts.iter().any(|(number, _)| self.asked.contains(number)) {
            return self.fail(Error::new(Code::Backend, "The backend signed none of the parts that it was asked for."));
        }
        self.leases.grant(self.now, grants);
    }

    /// What storage has is the truth, whatever was noted here.
    fn listed(&mut self, list: &[StoredPart]) {
        if let Phase::Confirming(_, error) = &self.phase {
            let error = error.clone();
            return self.not_completed(error);
        }
        let Some(parts) = &mut self.parts else { return };
        let fresh = parts.reconcile(list);
        let (stored, all) = (parts.stored(), parts.plan().parts());
        self.log(Level::Info, format!("Storage has {stored} of {all} parts."));
        if self.saved {
            fresh.into_iter().for_each(|part| self.save(Save::Part(part)));
        }
        self.phase = Phase::Sending;
    }

    fn looked(&mut self, seen: Option<Seen>) {
        let Phase::Looking(error) = std::mem::replace(&mut self.phase, Phase::Sending) else {
            return;
        };
        match seen.map(|seen| (self.likeness(&seen), seen)) {
            Some((Likeness::Same, seen)) => self.completed_unheard(seen),
            Some((Likeness::Alike, seen)) if self.doubt => self.phase = Phase::Confirming(seen, error),
            _ => self.not_completed(error),
        }
    }

    fn completed_unheard(&mut self, seen: Seen) {
        self.log(Level::Warn, "No answer said that the upload was completed, but the object itself shows it.");
        self.completed(Completion { key: self.key.clone(), etag: seen.etag, location: None, told: seen.told });
    }

    /// The object is not there, or not this one.
    fn not_completed(&mut self, error: Error) {
        if self.resumed && self.is_gone(&error) {
            self.start_anew("The upload that was cut off is gone on the server");
        } else if error.status == Some(200) {
            self.complete_again(error);
        } else {
            self.fail(error);
        }
    }

    /// The answer was a success that means nothing, and nothing was completed: it is asked for again.
    fn complete_again(&mut self, error: Error) {
        let Some(delay) = self.nonsense.pause(&self.policy, None, &mut self.chance) else {
            return self.fail(error);
        };
        self.calls.rest(Some(self.now.saturating_add(delay)));
        self.phase = Phase::Completing;
        let attempt = self.nonsense.attempt();
        self.out.push_back(Output::Emit(Event::Retry { part: None, attempt, delay, error: error.retryable() }));
    }

    /// Whether the object is the one that these parts make.
    fn likeness(&self, seen: &Seen) -> Likeness {
        let Some(parts) = &self.parts else { return Likeness::Other };
        let etags = parts.etags();
        let etag = seen.etag.as_deref().map(etag::bare);
        let other = |etag: &str| etag.contains('-') && !etag::has_parts(etag, etags.len());
        if seen.size.is_some_and(|size| size != self.request.size) || etag.is_some_and(other) {
            return Likeness::Other;
        }
        match etag {
            Some(etag) if etag::composite(&etags).as_deref() == Some(etag) => Likeness::Same,
            // ETags that are no MD5s, or none that can be read.
            _ if seen.size.is_some() => Likeness::Alike,
            _ => Likeness::Other,
        }
    }

    pub(super) fn call_failed(&mut self, mut failure: Failure) {
        // A call that was refused by storage signs anew when it is made again: the look at the object.
        if failure.verdict == Verdict::Resign {
            failure = Failure::retry(failure.into_error());
        }
        if self.reach.excuses(&failure.error) {
            self.doubt |= matches!(self.phase, Phase::Completing);
            if self.reach.lost() {
                self.out.push_back(Output::Reached(false));
            }
            return;
        }
        let removing = matches!(self.phase, Phase::Removing(_));
        if let (Some(keep), false) = (self.ending, removing) {
            return self.remove(keep);
        }
        // Where the request may have arrived, it may have been obeyed.
        let perhaps = failure.error.status.is_none_or(|status| !(300..500).contains(&status));
        self.doubt |= matches!(self.phase, Phase::Completing) && perhaps;
        let tried_again = self.budget.spend(&self.policy)
            && self.calls.retry(self.now, &failure, &self.policy, &mut self.chance).is_some_and(|event| {
                self.out.push_back(Output::Emit(event));
                true
            });
        if !tried_again {
            self.calls.succeeded();
            self.refused(failure);
        }
    }

    /// A call has failed for good.
    fn refused(&mut self, failure: Failure) {
        let (gone, absent) = (self.is_gone(&failure.error), failure.verdict == Verdict::Absent);
        let error = failure.into_error();
        match &self.phase {
            Phase::Removing(_) => {
                if !gone {
                    self.log(Level::Warn, format!("What storage holds of it could not be removed: {}", error.message));
                }
                self.end(State::Aborted, End::Aborted);
            }
            Phase::Listing if absent => {
                let noted = self.parts.as_mut().map(Parts::trust).unwrap_or_default();
                self.log(
                    Level::Warn,
                    format!("The backend can't list parts: the {noted} that this browser has noted count as stored."),
                );
                self.phase = Phase::Sending;
            }
            Phase::Listing if gone => {
                // All parts were noted: it may have been completed, and only the answer was lost.
                let all = self.parts.as_mut().is_some_and(|parts| {
                    parts.trust();
                    parts.all_stored()
                });
                if all {
                    self.phase = Phase::Looking(error);
                } else {
                    self.start_anew("The upload that was cut off is gone on the server");
                }
            }
            Phase::Sending if (gone || absent) && self.resumed => {
                self.start_anew(if gone {
                    "The upload that was cut off is gone on the server"
                } else {
                    "The backend signs no parts of an upload that was cut off"
                });
            }
            Phase::Sending if absent && self.upload.is_some() => {
                let mut error = error;
                error.code = Code::Backend;
                error.message = "The backend signs no further parts: it has no /request-parts.".into();
                self.fail(error);
            }
            // Some part is not as it was noted: storage is asked again which it has, once.
            Phase::Completing if error.status == Some(400) && !self.relisted => {
                self.relisted = true;
                self.log(Level::Warn, format!("{} Storage is asked which parts it has.", error.message));
                self.phase = Phase::Listing;
            }
            Phase::Completing if self.doubt || gone => self.phase = Phase::Looking(error),
            Phase::Verifying(_) => {
                self.log(Level::Warn, format!("No checksum of the object is to be had: {}", error.message));
                self.looked_up(None);
            }
            Phase::Looking(why) => {
                let why = why.clone();
                self.fail(why);
            }
            // Nobody else ends an upload: its completion did.
            Phase::Confirming(seen, _) if gone && !absent => {
                let seen = seen.clone();
                self.completed_unheard(seen);
            }
            Phase::Confirming(_, why) => {
                let why = why.clone();
                self.not_completed(why);
            }
            _ => self.fail(error),
        }
    }

    pub(super) fn is_gone(&self, error: &Error) -> bool {
        self.upload.is_some() && (error.code == Code::Gone || error.status == Some(404))
    }

    /// What there was to go on with is no more.
    pub(super) fn start_anew(&mut self, why: &str) {
        self.log(Level::Warn, format!("{why}: it starts anew."));
        self.cancel(|_| true);
        self.unsave();
        (self.upload, self.parts, self.resumed, self.doubt) = (None, None, false, false);
        self.leases = Default::default();
        self.hashing = Hashing::new(self.hashing.algorithm);
        self.phase = Phase::Requesting;
    }
}
