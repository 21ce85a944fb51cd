//! The engine of one upload.
//!
//! It asks the backend for URLs, sends the parts, completes; or sends the whole file with one PUT, which is an upload of
//! one part without a completion. What storage holds is deleted only when the user aborts.

mod leases;
mod parts;

use std::collections::VecDeque;

use self::{leases::Leases, parts::Parts};
use super::{
    answer,
    chance::Chance,
    error::{Code, Error, Failure, Verdict},
    flight::Flights,
    http::Response,
    meter::Meter,
    options::Settings,
    plan::Plan,
    protocol::{Completion, Method, PartGrants, UploadGrant, UploadRef, UploadRequest},
    retry::{Backoff, Policy},
    time::Millis,
    transfer::{
        Answer, Command, Deadline, End, Engine, Event, Finish, Input, Level, Output, Reason, State, Ticket, Want,
    },
};

/// Parts signed by one call.
const BATCH: usize = 32;

/// Where the upload stands; each names what the backend or storage is needed for.
#[derive(Debug)]
enum Phase {
    Requesting,
    Sending,
    Completing,
    /// The user has ended it; this call takes away what storage holds.
    Removing(Command),
    Over,
}

/// What a request in flight is for. There is one call to the backend at a time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Work {
    Call,
    Part(u32),
}

#[derive(Debug)]
pub struct Upload {
    request: UploadRequest,
    policy: Policy,
    /// URLs are kept signed for so many parts that have not started.
    ahead: usize,
    phase: Phase,
    paused: bool,
    admitted: bool,
    /// Set when the user has ended it: whether to keep what storage holds.
    ending: Option<bool>,
    key: String,
    upload: Option<UploadRef>,
    parts: Option<Parts>,
    leases: Leases,
    flights: Flights<Work>,
    /// Retries of calls to the backend, and until when the next one rests.
    calls: Backoff,
    calls_rest: Option<Millis>,
    meter: Meter,
    chance: Chance,
    state: State,
    now: Millis,
    out: VecDeque<Output>,
    drained: bool,
}

impl Upload {
    pub fn new(request: UploadRequest, settings: &Settings, seed: u64) -> Self {
        Self {
            meter: Meter::new(request.size),
            request,
            policy: settings.retry.clone(),
            ahead: settings.concurrency * 2,
            phase: Phase::Requesting,
            paused: false,
            admitted: false,
            ending: None,
            key: String::new(),
            upload: None,
            parts: None,
            leases: Leases::default(),
            flights: Flights::new(settings.stall_timeout),
            calls: Backoff::default(),
            calls_rest: None,
            chance: Chance::new(seed),
            state: State::Starting,
            now: 0,
            out: VecDeque::new(),
            drained: true,
        }
    }

    fn answered(&mut self, now: Millis, ticket: Ticket, answer: Result<Answer, Failure>) {
        let Some(work) = self.flights.land(ticket) else {
            return;
        };
        match (work, answer) {
            (Work::Part(number), Ok(Answer::Replied(response))) => self.stored(now, number, &response),
            (Work::Part(number), Err(failure)) => self.part_failed(now, number, failure),
            (Work::Call, Ok(answer)) => {
                self.calls.refresh();
                self.called(now, answer);
            }
            (Work::Call, Err(failure)) => self.call_failed(now, failure),
            (Work::Part(_), Ok(_)) => self.fail(Error::new(Code::Internal, "A part was answered with something else.")),
        }
    }

    fn called(&mut self, now: Millis, answer: Answer) {
        match answer {
            Answer::UploadGranted(grant) => {
                if let Err(error) = self.granted(now, grant) {
                    return self.fail(error);
                }
                if let Some(keep) = self.ending {
                    self.remove(keep);
                }
            }
            Answer::PartsGranted(grants) => self.signed(now, grants),
            Answer::Completed(completion) if self.ending == Some(false) => {
                self.phase = Phase::Removing(Command::RemoveObject(completion.key));
            }
            Answer::Completed(completion) => self.finish(completion),
            Answer::Removed => self.end(State::Aborted, End::Aborted),
            _ => self.fail(Error::new(Code::Internal, "A call was answered with something else.")),
        }
    }

    fn granted(&mut self, now: Millis, grant: UploadGrant) -> Result<(), Error> {
        let (size, was_whole) = (self.request.size, self.upload.is_none());
        let (plan, grants) = match grant {
            UploadGrant::Whole { key, mut signed, expires_in } => {
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
            UploadGrant::Parts { key, upload_id, part_size, grants } => {
                let Some(part_size) = part_size.or(self.request.part_size) else {
                    return Err(Error::new(Code::Backend, "The backend's answer lacks `part_size`."));
                };
                self.upload = Some(UploadRef { key: key.clone(), upload_id });
                self.key = key;
                let plan = Plan::new(size, part_size)?;
                self.log(Level::Info, format!("{} parts of {part_size} bytes.", plan.parts()));
                (plan, grants)
            }
        };
        self.leases.grant(now, grants);
        // A fresh signature for a single PUT comes as a new grant; the part and its retries are still the same.
        if self.parts.is_none() || was_whole != self.upload.is_none() {
            self.parts = Some(Parts::new(plan));
        }
        self.phase = Phase::Sending;
        Ok(())
    }

    fn signed(&mut self, now: Millis, grants: PartGrants) {
        let needed = self.unsigned(now);
        if !grants.parts.iter().any(|(number, _)| needed.contains(number)) {
            return self.fail(Error::new(Code::Backend, "The backend signed none of the parts that it was asked for."));
        }
        self.leases.grant(now, grants);
    }

    fn stored(&mut self, now: Millis, number: u32, response: &Response) {
        if !response.is_success() {
            return self.part_failed(now, number, answer::storage(response));
        }
        let etag = match answer::part_etag(response) {
            Ok(etag) => Some(etag),
            Err(_) if self.upload.is_none() => None,
            Err(failure) => return self.part_failed(now, number, failure),
        };
        let Some(parts) = &mut self.parts else { return };
        parts.store(number, etag.clone());
        self.leases.end(number);
        if self.upload.is_none() {
            let location = response.headers.get("location").map(str::to_owned);
            self.finish(Completion { key: self.key.clone(), etag, location });
        }
    }

    fn part_failed(&mut self, now: Millis, number: u32, failure: Failure) {
        let error = failure.error.at_part(self.upload.is_some().then_some(number));
        let Some(parts) = &mut self.parts else { return };
        match failure.verdict {
            Verdict::Retry { after } => {
                let Some(backoff) = parts.backoff(number) else {
                    return;
                };
                let Some(delay) = backoff.pause(&self.policy, after, &mut self.chance) else {
                    return self.fail(error);
                };
                let attempt = backoff.attempt();
                parts.rest(number, now.saturating_add(delay));
                self.out.push_back(Output::Emit(Event::Retry { part: error.part, attempt, delay, error }));
            }
            Verdict::Resign if parts.may_resign(number) => {
                parts.put_back(number);
                self.leases.end(number);
                self.log(Level::Warn, format!("{} It is signed once more.", error.message));
                if self.upload.is_none() {
                    self.phase = Phase::Requesting;
                }
            }
            Verdict::Resign | Verdict::Fatal => self.fail(error),
        }
    }

    fn call_failed(&mut self, now: Millis, failure: Failure) {
        let removing = matches!(self.phase, Phase::Removing(_));
        if let (Some(keep), false) = (self.ending, removing) {
            return self.remove(keep);
        }
        if let Verdict::Retry { after } = failure.verdict
            && let Some(delay) = self.calls.pause(&self.policy, after, &mut self.chance)
        {
            self.calls_rest = Some(now.saturating_add(delay));
            let event = Event::Retry { part: None, attempt: self.calls.attempt(), delay, error: failure.error };
            return self.out.push_back(Output::Emit(event));
        }
        if removing {
            let gone = matches!(failure.error.code, Code::NotFound | Code::Gone);
            if !gone {
                self.log(
                    Level::Warn,
                    format!("What storage holds of it could not be removed: {}", failure.error.message),
                );
            }
            return self.end(State::Aborted, End::Aborted);
        }
        let absent = matches!(failure.error.status, Some(404 | 405 | 501)) && matches!(self.phase, Phase::Sending);
        self.fail(if absent {
            Error {
                code: Code::Backend,
                message: "The backend signs no further parts: it has no /request-parts.".into(),
                ..failure.error
            }
        } else {
            failure.error
        });
    }

    /// The user has ended it: what is under way stops, what storage holds goes, unless it is to be kept.
    fn abort(&mut self, keep: bool) {
        if self.ending.replace(keep).is_some() || matches!(self.phase, Phase::Over) {
            return;
        }
        self.cancel(|work| matches!(work, Work::Part(_)));
        // These two calls change what storage holds; only their answers tell what there is to remove.
        let awaited = matches!(self.phase, Phase::Requesting | Phase::Completing) && !keep;
        if !(awaited && self.flights.iter().any(|(_, work)| *work == Work::Call)) {
            self.remove(keep);
        }
    }

    fn remove(&mut self, keep: bool) {
        self.cancel(|_| true);
        self.calls_rest = None;
        match self.upload.clone().filter(|_| !keep) {
            Some(upload) => self.phase = Phase::Removing(Command::RemoveUpload(upload)),
            None => self.end(State::Aborted, End::Aborted),
        }
    }

    fn set_paused(&mut self, now: Millis, paused: bool) {
        if self.paused == paused || self.ending.is_some() {
            return;
        }
        self.paused = paused;
        if paused {
            self.cancel(|work| matches!(work, Work::Part(_)));
            self.meter.rest();
            self.measure(now);
        }
    }

    fn give_up_stalled(&mut self, now: Millis) {
        for (ticket, silent) in self.flights.stalled(now) {
            self.out.push_back(Output::Cancel(ticket));
            self.answered(now, ticket, Err(Failure::timeout(silent)));
        }
    }

    /// Whatever can be done now without a slot.
    fn proceed(&mut self, now: Millis) {
        if matches!(self.phase, Phase::Over) {
            return;
        }
        if let Some(parts) = &mut self.parts {
            parts.wake(now);
        }
        if self.calls_rest.is_some_and(|until| until <= now) {
            self.calls_rest = None;
        }
        if matches!(self.phase, Phase::Sending)
            && self.parts.as_ref().is_some_and(Parts::all_stored)
            && self.upload.is_some()
        {
            self.phase = Phase::Completing;
        }
        let calling = self.calls_rest.is_some() || self.flights.iter().any(|(_, work)| *work == Work::Call);
        if !calling && let Some(command) = self.next_call(now) {
            let patient = matches!(command, Command::Complete(..));
            let ticket = self.flights.depart(now, Work::Call);
            if patient {
                self.flights.be_patient(ticket);
            }
            self.out.push_back(Output::Perform(ticket, command));
        }
        self.tell_state();
        self.tell_progress(now, false);
    }

    fn next_call(&self, now: Millis) -> Option<Command> {
        match &self.phase {
            Phase::Requesting if self.admitted && !self.paused => Some(Command::RequestUpload(self.request.clone())),
            Phase::Sending if !self.paused => match &self.upload {
                None => (!self.leases.is_good(1, now) && self.waiting().next().is_some())
                    .then(|| Command::RequestUpload(self.request.clone())),
                Some(upload) => {
                    let short = self.waiting().take(self.ahead).any(|number| !self.leases.is_good(number, now));
                    short.then(|| Command::RequestParts(upload.clone(), self.unsigned(now)))
                }
            },
            Phase::Completing => Some(Command::Complete(self.upload.clone()?, self.parts.as_ref()?.etags())),
            Phase::Removing(command) => Some(command.clone()),
            _ => None,
        }
    }

    /// The next parts that have no good URL.
    fn unsigned(&self, now: Millis) -> Vec<u32> {
        self.waiting().filter(|number| !self.leases.is_good(*number, now)).take(BATCH).collect()
    }

    fn waiting(&self) -> impl Iterator<Item = u32> {
        self.parts.iter().flat_map(Parts::waiting)
    }

    /// The next part that could start.
    fn ready(&self, now: Millis) -> Option<u32> {
        let sending = matches!(self.phase, Phase::Sending) && !self.paused && self.ending.is_none();
        if sending { self.waiting().take(self.ahead).find(|number| self.leases.is_good(*number, now)) } else { None }
    }

    fn start_part(&mut self, now: Millis) {
        let Some(number) = self.ready(now) else {
            return;
        };
        let (Some(parts), Some(signed)) = (&mut self.parts, self.leases.get(number, now).cloned()) else {
            return;
        };
        let bytes = parts.plan().bytes(number);
        parts.start(number);
        let ticket = self.flights.depart(now, Work::Part(number));
        self.out.push_back(Output::Perform(ticket, Command::Put { signed, start: bytes.start, end: bytes.end }));
    }

    fn sent(&mut self, now: Millis, ticket: Ticket, loaded: u64) {
        let (Some(Work::Part(number)), Some(parts)) = (self.flights.get_mut(ticket).copied(), &mut self.parts) else {
            return;
        };
        parts.sent(number, loaded);
        let bytes = parts.plan().bytes(number);
        self.flights.heard(ticket, now);
        if loaded >= bytes.end - bytes.start {
            self.flights.be_patient(ticket);
        }
    }

    fn cancel(&mut self, which: impl Fn(&Work) -> bool) {
        for ticket in self.flights.tickets() {
            if self.flights.get_mut(ticket).is_some_and(|work| which(work)) {
                if let (Some(Work::Part(number)), Some(parts)) = (self.flights.land(ticket), &mut self.parts) {
                    parts.put_back(number);
                }
                self.out.push_back(Output::Cancel(ticket));
            }
        }
    }

    fn finish(&mut self, completion: Completion) {
        let finish = Finish {
            key: completion.key,
            size: self.request.size,
            etag: completion.etag,
            location: completion.location,
            content_type: Some(self.request.content_type.clone()),
        };
        self.end(State::Done, End::Done(finish));
    }

    fn fail(&mut self, error: Error) {
        if let Some(keep) = self.ending {
            return self.remove(keep);
        }
        self.end(State::Failed, End::Failed(error));
    }

    fn end(&mut self, state: State, end: End) {
        if matches!(self.phase, Phase::Over) {
            return;
        }
        if state == State::Done {
            self.tell_progress(self.now, true);
        }
        self.cancel(|_| true);
        self.phase = Phase::Over;
        self.state = state;
        self.out.push_back(Output::Emit(Event::State(state)));
        self.out.push_back(Output::End(end));
    }

    fn tell_state(&mut self) {
        let state = match self.phase {
            Phase::Over => return,
            Phase::Completing => State::Completing,
            _ if self.paused => State::Paused,
            Phase::Requesting if self.parts.is_none() => State::Starting,
            _ => State::Active,
        };
        if std::mem::replace(&mut self.state, state) != state {
            self.out.push_back(Output::Emit(Event::State(state)));
        }
    }

    fn measure(&mut self, now: Millis) {
        if let Some(parts) = &self.parts {
            self.meter.set(now, parts.loaded());
        }
    }

    fn tell_progress(&mut self, now: Millis, last: bool) {
        self.measure(now);
        if self.parts.as_ref().is_some_and(Parts::has_changes) {
            self.meter.touch();
        }
        if let (Some(event), Some(parts)) = (self.meter.flush(now, last), &mut self.parts) {
            self.out.extend(parts.changes().into_iter().map(|part| Output::Emit(Event::Part(part))));
            self.out.push_back(Output::Emit(event));
        }
    }

    fn log(&mut self, level: Level, message: impl Into<String>) {
        self.out.push_back(Output::Emit(Event::Log(level, message.into())));
    }

    fn deadline(&self) -> Option<Deadline> {
        let retry = |at| Deadline { at, reason: Reason::Retry };
        let wake = self.parts.as_ref().and_then(Parts::next_wake).filter(|_| !self.paused);
        [
            wake.map(retry),
            self.calls_rest.map(retry),
            self.flights.deadline(),
            self.meter.deadline().filter(|_| self.parts.is_some()),
        ]
        .into_iter()
        .flatten()
        .min()
    }
}

impl Engine for Upload {
    fn handle(&mut self, now: Millis, input: Input) {
        debug_assert!(std::mem::replace(&mut self.drained, false), "the drain rule: poll until it waits");
        if matches!(self.phase, Phase::Over) {
            return;
        }
        self.now = now;
        match input {
            Input::Admitted => self.admitted = true,
            Input::Slot => self.start_part(now),
            Input::Pause => self.set_paused(now, true),
            Input::Resume => self.set_paused(now, false),
            Input::Abort { keep } => self.abort(keep),
            Input::Sent { ticket, loaded } => self.sent(now, ticket, loaded),
            Input::Answer { ticket, answer } => self.answered(now, ticket, answer),
            Input::Tick => {}
            Input::Head { .. } | Input::Received { .. } => {}
        }
        self.give_up_stalled(now);
        self.proceed(now);
    }

    fn poll(&mut self) -> Output {
        self.out.pop_front().unwrap_or_else(|| {
            self.drained = true;
            Output::Wait(if matches!(self.phase, Phase::Over) { None } else { self.deadline() })
        })
    }

    fn want(&self, now: Millis) -> Want {
        match (&self.phase, &self.parts) {
            (Phase::Requesting, None) if !self.admitted && !self.paused => Want::Admission,
            (Phase::Sending, Some(parts)) if self.ready(now).is_some() => Want::Slot { bytes_left: parts.bytes_left() },
            _ => Want::Nothing,
        }
    }
}
