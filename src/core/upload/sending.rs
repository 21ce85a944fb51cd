//! One part on its way to storage.

use super::{Phase, Upload, Work, parts::Parts};
use crate::core::{
    answer::{self, Asked},
    checkpoint::{NotedPart, Save},
    error::{Code, Failure, Verdict},
    flight::Stage,
    http::Response,
    integrity, kept,
    protocol::{Completion, Method, UnsignedPart},
    time::Millis,
    transfer::{Command, Event, Level, Output, Ticket},
    xml::Flat,
};

/// Parts signed by one call at the most.
const BATCH: usize = 32;

impl Upload {
    pub(super) fn start_part(&mut self) {
        let Some(number) = self.ready(self.now) else {
            return;
        };
        let (Some(parts), Some(lease)) = (&mut self.parts, self.leases.good(number, self.now)) else {
            return;
        };
        let (bytes, signed) = (parts.plan().bytes(number), lease.signed.clone());
        parts.start(number);
        let ticket = self.flights.depart(self.now, Work::Part(number));
        self.out.push_back(Output::Perform(ticket, Command::Put { signed, start: bytes.start, end: bytes.end }));
    }

    pub(super) fn sent(&mut self, ticket: Ticket, loaded: u64) {
        let (Some(Work::Part(number)), Some(parts)) = (self.flights.get_mut(ticket).copied(), &mut self.parts) else {
            return;
        };
        parts.sent(number, loaded);
        let bytes = parts.plan().bytes(number);
        let all = loaded >= bytes.end - bytes.start;
        self.flights.heard(ticket, self.now, if all { Stage::Waiting } else { Stage::Sending });
    }

    pub(super) fn stored(&mut self, number: u32, response: &Response) {
        let chunk = self.leases.get(number).and_then(|lease| lease.signed.chunk()).filter(|_| response.status == 308);
        if let Some(false) = chunk.map(|chunk| kept::keeps_chunk(response, chunk)) {
            return self.part_failed(number, kept::chunk_cut_off(response));
        }
        if chunk.is_none() && !response.is_success() {
            let form = self.leases.get(number).is_some_and(|lease| lease.signed.method == Method::Post);
            if form && matches!(response.status, 405 | 501) && !self.request.form_refused {
                return self.ask_without_form();
            }
            let failure = match self.leases.get(number) {
                Some(lease) => answer::refused(response, &Asked::of(&lease.signed, lease.left(self.now))),
                None => answer::storage(response),
            };
            return self.part_failed(number, failure);
        }
        // A form that asked for 201 is answered by a document, which needs no header exposed.
        let document = Flat::parse(&response.body).filter(|flat| flat.root == "PostResponse");
        let said = |name: &str| document.as_ref().and_then(|document| document.child(name)).map(str::to_owned);
        let etag = match kept::part_etag(response, self.leases.get(number).map(|lease| &lease.signed)) {
            Ok(etag) => Some(etag),
            Err(_) if self.upload.is_none() => said("ETag"),
            Err(failure) => return self.part_failed(number, failure),
        };
        let Some(parts) = &mut self.parts else { return };
        parts.store(number, etag.clone());
        let sum = parts.sum_of(number);
        self.leases.end(number);
        self.budget.gain();
        self.resumed = false;
        match etag {
            Some(etag) if self.upload.is_some() => {
                if self.saved {
                    self.save(Save::Part(NotedPart { number, etag, sum }));
                }
            }
            etag => {
                let location = response.headers.get("location").map(str::to_owned).or_else(|| said("Location"));
                let told = integrity::in_headers(&response.headers);
                // The key of a form may hold a `${filename}` that storage has filled in.
                let key = said("Key").unwrap_or_else(|| self.key.clone());
                self.completed(Completion { key, etag, location, told });
            }
        }
    }

    pub(super) fn part_failed(&mut self, number: u32, failure: Failure) {
        let verdict = failure.verdict;
        let error = failure.into_error().at_part(self.upload.is_some().then_some(number));
        let doubtful = self.leases.get(number).is_some_and(|lease| lease.is_doubtful(self.now));
        let unanswered = error.status.is_none();
        let excused = self.reach.excuses(&error);
        let Some(parts) = &mut self.parts else { return };
        match verdict {
            Verdict::Retry { .. } if excused => {
                parts.put_back(number);
                if self.reach.lost() {
                    self.out.push_back(Output::Reached(false));
                }
            }
            // Storage sends no CORS headers with some refusals, so a lapsed URL can look like no answer at all.
            Verdict::Retry { .. } if unanswered && doubtful && parts.may_resign(number) => {
                self.sign_again(number, &error.message)
            }
            Verdict::Resign if parts.may_resign(number) => self.sign_again(number, &error.message),
            Verdict::Retry { after } => {
                let Some(backoff) = parts.backoff(number) else {
                    return;
                };
                let pause = backoff.pause(&self.policy, after, &mut self.chance);
                let attempt = backoff.attempt();
                let Some(delay) = pause.filter(|_| self.budget.spend(&self.policy)) else {
                    return self.fail(error);
                };
                parts.rest(number, self.now.saturating_add(delay), unanswered);
                self.out.push_back(Output::Emit(Event::Retry { part: error.part, attempt, delay, error }));
            }
            Verdict::Fatal if error.code == Code::Gone && self.resumed => {
                self.start_anew("The upload that was cut off is gone on the server");
            }
            Verdict::Resign | Verdict::Absent | Verdict::Fatal => self.fail(error),
        }
    }

    /// The next part that could start.
    pub(super) fn ready(&self, now: Millis) -> Option<u32> {
        let sending = matches!(self.phase, Phase::Sending) && !self.paused && self.ending.is_none();
        let good = |number: &u32| self.leases.is_good(*number, now) && self.is_in_turn(*number);
        if sending { self.waiting().take(self.ahead()).find(good) } else { None }
    }

    /// A chunk of a resumable upload begins where storage has come to.
    fn is_in_turn(&self, number: u32) -> bool {
        let chunk = self.leases.get(number).is_some_and(|lease| lease.signed.chunk().is_some());
        !chunk || self.parts.as_ref().is_some_and(|parts| parts.stored() + 1 == number)
    }

    /// The next parts that have no good URL, no more than one call is to sign; with their checksums, where those are signed.
    pub(super) fn unsigned(&self) -> Vec<UnsignedPart> {
        let most = BATCH.min(self.in_a_life().max(self.ways));
        let sum = |number| self.parts.as_ref()?.sum_of(number).filter(|_| self.hashing.signed);
        let unsigned = self.waiting().filter(|number| !self.leases.is_good(*number, self.now));
        let parts = unsigned.map(|number| UnsignedPart { number, sum: sum(number) });
        parts.filter(|part| part.sum.is_some() || !self.hashing.signed).take(most).collect()
    }

    pub(super) fn waiting(&self) -> impl Iterator<Item = u32> {
        self.parts.iter().flat_map(Parts::waiting)
    }

    /// URLs are kept signed for so many parts that have not started: not so few that a call is waited for, and not so many
    /// that they lapse in the queue.
    pub(super) fn ahead(&self) -> usize {
        (self.ways * 2).min(self.in_a_life().max(self.ways))
    }

    /// So many parts are sent while a URL lives, at the present speed.
    fn in_a_life(&self) -> usize {
        let (Some(life), Some(parts), speed) = (self.leases.life(), &self.parts, self.meter.speed()) else {
            return usize::MAX;
        };
        let bytes: Millis = life.saturating_mul(speed) / 1000;
        if speed == 0 { usize::MAX } else { usize::try_from(bytes / parts.plan().part_size()).unwrap_or(usize::MAX) }
    }

    fn sign_again(&mut self, number: u32, why: &str) {
        if let Some(parts) = &mut self.parts {
            parts.put_back(number);
        }
        self.leases.end(number);
        self.log(Level::Warn, format!("{why} It is signed once more."));
        if self.upload.is_none() {
            self.phase = Phase::Requesting;
        }
    }

    pub(super) fn cancel(&mut self, which: impl Fn(&Work) -> bool) {
        for ticket in self.flights.tickets() {
            if self.flights.get_mut(ticket).is_some_and(|work| which(work)) {
                if let (Some(Work::Part(number)), Some(parts)) = (self.flights.land(ticket), &mut self.parts) {
                    parts.put_back(number);
                }
                self.out.push_back(Output::Cancel(ticket));
            }
        }
    }
}
