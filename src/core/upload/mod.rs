//! The engine of one upload.
//!
//! It asks the backend for URLs, sends the parts, completes; or sends the whole file with one PUT, which is an upload of
//! one part without a completion. What storage holds is deleted only when the user aborts: after any failure, the same file
//! goes on from there.
//!
//! | its room | |
//! |---|---|
//! | this file | the contract of [`Engine`], and what follows from each input |
//! | `calls` | what the backend is asked, and what its answers mean |
//! | `sending` | one part on its way to storage |
//! | `verifying` | whether storage has what was sent |
//! | `ending` | how it ends: done, failed, aborted |
//! | `parts` | what is waiting, under way, resting and stored |

mod calls;
mod ending;
mod parts;
mod sending;
mod verifying;

use std::collections::VecDeque;

use self::{parts::Parts, verifying::Hashing};
use super::{
    calls::Calls,
    chance::Chance,
    checkpoint::{Identity, Save},
    error::{Code, Error, Failure},
    flight::Flights,
    lease::Leases,
    meter::Meter,
    options::Settings,
    plan::USUAL_PART,
    protocol::{Completion, UploadRef, UploadRequest},
    provider::Provider,
    reach::Reach,
    retry::{Backoff, Budget, Policy},
    time::Millis,
    trace::Trace,
    transfer::{
        Answer, Command, Deadline, Engine, Event, Input, Level, Link, Output, Reason, Seen, State, Ticket, Want,
    },
};

/// Where the upload stands; each names what the backend or storage is needed for.
#[derive(Debug)]
enum Phase {
    /// It may have been cut off before.
    Recalling {
        resume: bool,
    },
    Requesting,
    /// Only storage knows which parts it has.
    Listing,
    Sending,
    Completing,
    /// Nobody knows whether it was completed: the object itself will tell. Else this is why it failed.
    Looking(Error),
    /// The object looks like this one; the upload's own end would prove it. Else this is why it failed.
    Confirming(Seen, Error),
    /// The object is there, and is compared with what was sent.
    Verifying(Completion),
    /// The user has ended it; this call takes away what storage holds.
    Removing(Command),
    Over,
}

/// What a request in flight is for. There is one call to the backend at a time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Work {
    Call,
    Part(u32),
    Hash(u32),
}

#[derive(Debug)]
pub struct Upload {
    request: UploadRequest,
    policy: Policy,
    ways: usize,
    /// Whose store it is, where the application says it.
    provider: Option<&'static Provider>,
    phase: Phase,
    paused: bool,
    admitted: bool,
    /// Set when the user has ended it: whether to keep what storage holds.
    ending: Option<bool>,
    key: String,
    upload: Option<UploadRef>,
    /// The file, to be remembered by.
    identity: Option<Identity>,
    /// Something of it is remembered.
    saved: bool,
    /// It goes on with what an earlier life has left, and nothing was stored in this one.
    resumed: bool,
    /// The completion may have happened, though its answer was no success.
    doubt: bool,
    /// Retries of a completion that was answered with nonsense.
    nonsense: Backoff,
    /// Storage was asked once more for its parts after it had refused the completion.
    relisted: bool,
    parts: Option<Parts>,
    hashing: Hashing,
    /// The parts that the backend is asked to sign just now.
    asked: Vec<u32>,
    leases: Leases,
    flights: Flights<Work>,
    calls: Calls,
    budget: Budget,
    reach: Reach,
    meter: Meter,
    chance: Chance,
    state: State,
    now: Millis,
    out: VecDeque<Output>,
    drained: bool,
}

impl Upload {
    /// `resume`: go on with an upload of the same file that was cut off.
    pub fn new(request: UploadRequest, settings: &Settings, seed: u64, resume: bool) -> Self {
        // What fits into one request has nothing to go on with.
        let in_parts = request.size > request.part_size.unwrap_or(USUAL_PART);
        Self {
            meter: Meter::new(request.size),
            request,
            policy: settings.retry.clone(),
            ways: settings.ways(),
            provider: settings.provider,
            phase: if in_parts { Phase::Recalling { resume } } else { Phase::Requesting },
            paused: false,
            admitted: false,
            ending: None,
            key: String::new(),
            upload: None,
            identity: None,
            saved: false,
            resumed: false,
            doubt: false,
            nonsense: Backoff::default(),
            relisted: false,
            parts: None,
            hashing: Hashing::new(settings.checksum),
            asked: Vec::new(),
            leases: Leases::default(),
            flights: Flights::new(settings.stall_timeout),
            calls: Calls::default(),
            budget: Budget::default(),
            reach: Reach::default(),
            chance: Chance::new(seed),
            state: State::Starting,
            now: 0,
            out: VecDeque::new(),
            drained: true,
        }
    }

    fn answered(&mut self, ticket: Ticket, answer: Result<Answer, Failure>) {
        let Some(work) = self.flights.land(ticket) else {
            return;
        };
        if self.is_from_afar(&answer) && self.reach.heard() {
            self.out.push_back(Output::Reached(true));
        }
        match (work, answer) {
            (Work::Part(number), Ok(Answer::Replied(response))) => self.stored(number, &response),
            (Work::Part(number), Err(failure)) => self.part_failed(number, failure),
            (Work::Hash(number), Ok(Answer::Hashed(sum))) => self.hashed(number, Ok(sum)),
            (Work::Hash(number), Err(failure)) => self.hashed(number, Err(failure)),
            (Work::Call, Ok(answer)) => {
                self.calls.succeeded();
                self.called(answer);
            }
            (Work::Call, Err(failure)) => self.call_failed(failure),
            (Work::Part(_) | Work::Hash(_), Ok(_)) => {
                self.fail(Error::new(Code::Internal, "A part was answered with something else."))
            }
        }
    }

    /// It proves that there is a network.
    fn is_from_afar(&self, answer: &Result<Answer, Failure>) -> bool {
        match answer {
            Ok(Answer::Recalled(_) | Answer::Hashed(_)) => false,
            Ok(_) => true,
            Err(failure) => failure.error.status.is_some(),
        }
    }

    fn set_paused(&mut self, paused: bool) {
        if self.paused == paused || self.ending.is_some() {
            return;
        }
        self.paused = paused;
        if paused {
            self.cancel(|work| matches!(work, Work::Part(_)));
            self.meter.rest();
            self.measure();
        }
    }

    fn set_link(&mut self, link: Link) {
        if self.reach.set(link) {
            self.calls.hurry();
            if let Some(parts) = &mut self.parts {
                parts.hurry();
            }
        }
        if link == Link::Down {
            self.meter.rest();
        }
    }

    fn woke(&mut self) {
        self.flights.excuse(self.now);
        self.leases.doubt();
        self.meter.rest();
        self.log(Level::Info, "The clock has jumped: this computer slept, or the page was held up.");
    }

    fn give_up_stalled(&mut self) {
        for stalled in self.flights.stalled(self.now) {
            self.out.push_back(Output::Cancel(stalled.ticket));
            if !stalled.slept {
                let failure = Failure::timeout(stalled.stage.words(), stalled.silent);
                self.answered(stalled.ticket, Err(failure));
                continue;
            }
            match (self.flights.land(stalled.ticket), &mut self.parts) {
                (Some(Work::Part(number)), Some(parts)) => {
                    parts.put_back(number);
                    self.log(
                        Level::Info,
                        format!("Part {number} did not survive the jump of the clock: it is sent again."),
                    );
                }
                (Some(Work::Hash(number)), _) => self.hash_again(number),
                _ => {}
            }
        }
    }

    /// Whatever can be done now without a slot.
    fn proceed(&mut self) {
        if matches!(self.phase, Phase::Over) {
            return;
        }
        if let Some(parts) = &mut self.parts {
            parts.wake(self.now);
        }
        self.calls.wake(self.now);
        // A completion names the checksums that were signed, so that those of an earlier life are to be known again.
        let ready = |parts: &Parts| parts.all_stored() && (parts.all_hashed() || !self.hashing.signed);
        let all_stored = self.parts.as_ref().is_some_and(ready);
        if matches!(self.phase, Phase::Sending) && all_stored && self.upload.is_some() {
            self.phase = Phase::Completing;
        }
        self.verify();
        let calling = self.calls.is_resting() || self.flights.iter().any(|(_, work)| *work == Work::Call);
        if !calling && !self.reach.is_down() {
            self.call();
        }
        self.hash();
        self.tell_state();
        self.tell_progress(false);
    }

    fn tell_state(&mut self) {
        let state = match self.phase {
            Phase::Over => return,
            Phase::Removing(_) => self.state,
            _ if self.reach.is_down() && self.flights.is_empty() && !self.paused => State::Offline,
            Phase::Completing | Phase::Looking(_) | Phase::Confirming(..) | Phase::Verifying(_) => State::Completing,
            _ if self.paused => State::Paused,
            _ if self.parts.is_none() => State::Starting,
            _ => State::Active,
        };
        if std::mem::replace(&mut self.state, state) != state {
            self.out.push_back(Output::Emit(Event::State(state)));
        }
    }

    fn measure(&mut self) {
        if let Some(parts) = &self.parts {
            self.meter.set(self.now, parts.loaded());
        }
    }

    fn tell_progress(&mut self, last: bool) {
        self.measure();
        if self.parts.as_ref().is_some_and(Parts::has_changes) {
            self.meter.touch();
        }
        if let (Some(event), Some(parts)) = (self.meter.flush(self.now, last), &mut self.parts) {
            self.out.extend(parts.changes().into_iter().map(|part| Output::Emit(Event::Part(part))));
            self.out.push_back(Output::Emit(event));
        }
    }

    fn save(&mut self, save: Save) {
        self.saved = save != Save::Forget;
        self.out.push_back(Output::Save(save));
    }

    fn unsave(&mut self) {
        if self.saved {
            self.save(Save::Forget);
        }
    }

    fn log(&mut self, level: Level, message: impl Into<String>) {
        let none: Option<Trace> = None;
        self.out.push_back(Output::Emit(Event::Log(level, message.into(), none)));
    }

    fn deadline(&self) -> Option<Deadline> {
        let wake = self.parts.as_ref().and_then(Parts::next_wake).filter(|_| !self.paused);
        [
            wake.map(|at| Deadline { at, reason: Reason::Retry }),
            self.calls.deadline(),
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
            Input::Slot { .. } => self.start_part(),
            Input::Pause => self.set_paused(true),
            Input::Resume => self.set_paused(false),
            Input::Abort { keep } => self.abort(keep),
            Input::Link(link) => self.set_link(link),
            Input::Woke => self.woke(),
            Input::Unsaved(why) => self.log(Level::Warn, why),
            Input::Sent { ticket, loaded } => self.sent(ticket, loaded),
            Input::Answer { ticket, answer } => self.answered(ticket, answer),
            Input::Tick => {}
            Input::Head { .. }
            | Input::Received { .. }
            | Input::Behind
            | Input::Taken { .. }
            | Input::Wanted { .. } => {}
        }
        self.give_up_stalled();
        self.proceed();
    }

    fn poll(&mut self) -> Output {
        self.out.pop_front().unwrap_or_else(|| {
            self.drained = true;
            Output::Wait(if matches!(self.phase, Phase::Over) { None } else { self.deadline() })
        })
    }

    fn want(&self, now: Millis) -> Want {
        if self.reach.is_down() || self.ending.is_some() {
            return Want::Nothing;
        }
        match (&self.phase, &self.parts) {
            (Phase::Recalling { .. } | Phase::Requesting, None) if !self.admitted && !self.paused => Want::Admission,
            (Phase::Sending, Some(parts)) if self.ready(now).is_some() => Want::Slot { bytes_left: parts.bytes_left() },
            _ => Want::Nothing,
        }
    }
}
