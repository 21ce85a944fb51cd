//! The engine of one download.
//!
//! Its first request is open-ended and tells the object's size and version. Then what is left is split over the
//! connections, and a connection that runs dry takes half of what the slowest still has to bring. A server that knows no
//! ranges is read as one stream.

mod blocks;
mod pieces;
mod version;

use std::collections::VecDeque;

use self::{
    blocks::Blocks,
    pieces::{Piece, Pieces},
    version::{Body, Version},
};
use super::{
    answer,
    chance::Chance,
    error::{Code, Error, Failure, Verdict},
    flight::Flights,
    http::Response,
    meter::Meter,
    options::Settings,
    plan::USUAL_PART,
    protocol::{DownloadGrant, Signed},
    retry::{Backoff, Policy},
    time::Millis,
    transfer::{
        Answer, Command, Deadline, End, Engine, Event, Finish, Input, Level, Output, PartState, Reason, State, Ticket,
        Want,
    },
};

/// A GET must have begun so long before its URL lapses.
const LEASE_MARGIN: Millis = 10_000;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Requesting,
    /// The first GET is under way: nothing is known of the object yet.
    Probing,
    Fetching,
    /// The server knows no ranges: one stream from the start.
    Streaming,
    /// The stream broke: what came of it is thrown away.
    Restarting,
    Sealing,
    Over,
}

#[derive(Debug)]
enum Work {
    /// A call to the backend, or to the sink.
    Call,
    Get {
        piece: Piece,
        opened: bool,
        signature: u32,
    },
}

#[derive(Debug)]
pub struct Download {
    key: String,
    policy: Policy,
    ways: usize,
    part_size: Option<u64>,
    phase: Phase,
    paused: bool,
    admitted: bool,
    lease: Option<(Signed, Option<Millis>)>,
    /// How many URLs were signed so far: tells a 403 on an old one from one on the present.
    signature: u32,
    /// Bytes received when a fresh signature was last asked for after a 403: without progress since, the next 403 is final.
    resigned_at: Option<u64>,
    version: Version,
    size: Option<u64>,
    content_type: Option<String>,
    pieces: Pieces,
    blocks: Option<Blocks>,
    received: u64,
    /// Retries of a stream, whose progress is lost with each.
    restarts: Backoff,
    round_trip: Millis,
    asked_at: Millis,
    flights: Flights<Work>,
    calls: Backoff,
    calls_rest: Option<Millis>,
    meter: Meter,
    chance: Chance,
    state: State,
    now: Millis,
    out: VecDeque<Output>,
    drained: bool,
}

impl Download {
    pub fn new(key: String, settings: &Settings, seed: u64) -> Self {
        Self {
            key,
            policy: settings.retry.clone(),
            ways: settings.concurrency,
            part_size: settings.part_size,
            phase: Phase::Requesting,
            paused: false,
            admitted: false,
            lease: None,
            signature: 0,
            resigned_at: None,
            version: Version::default(),
            size: None,
            content_type: None,
            pieces: Pieces::default(),
            blocks: None,
            received: 0,
            restarts: Backoff::default(),
            round_trip: 0,
            asked_at: 0,
            flights: Flights::new(settings.stall_timeout),
            calls: Backoff::default(),
            calls_rest: None,
            meter: Meter::new(0),
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
        match (work, answer) {
            (Work::Call, Ok(answer)) => {
                self.calls.refresh();
                self.called(answer);
            }
            (Work::Call, Err(failure)) => self.call_failed(failure),
            (Work::Get { piece, signature, .. }, Ok(Answer::Ended)) => self.ended(piece, signature),
            (Work::Get { piece, opened: false, signature }, Ok(Answer::Replied(reply))) => {
                self.refused(piece, signature, &reply)
            }
            (Work::Get { piece, signature, .. }, Err(failure)) => self.piece_failed(piece, signature, failure),
            (Work::Get { .. }, Ok(_)) => {
                self.fail(Error::new(Code::Internal, "A range was answered with something else."))
            }
        }
    }

    fn called(&mut self, answer: Answer) {
        match answer {
            Answer::DownloadGranted(grant) => self.granted(grant),
            Answer::Restarted => {
                self.pieces.put(Piece::new(0, None).tried(self.restarts));
                self.phase = Phase::Probing;
            }
            Answer::Sealed => self.finish(),
            _ => self.fail(Error::new(Code::Internal, "A call was answered with something else.")),
        }
    }

    fn granted(&mut self, grant: DownloadGrant) {
        let good_until = grant.expires_in.map(|seconds| {
            let life = seconds.saturating_mul(1000);
            self.now.saturating_add(life - LEASE_MARGIN.min(life / 4))
        });
        self.lease = Some((grant.signed, good_until));
        self.signature += 1;
        self.content_type = grant.content_type.or(self.content_type.take());
        if self.size.is_none() {
            // Only the answer of storage counts; until then the backend's word is good enough to show.
            self.meter.set_total(grant.size.unwrap_or_default());
        }
        if self.phase == Phase::Requesting {
            self.pieces.put(Piece::new(0, None));
            self.phase = Phase::Probing;
        }
    }

    fn head(&mut self, ticket: Ticket, head: &Response) {
        let Some(Work::Get { piece, opened, .. }) = self.flights.get_mut(ticket) else {
            return;
        };
        *opened = true;
        let (at, end) = (piece.at, piece.end);
        self.flights.heard(ticket, self.now);
        let (first, version) = (self.phase == Phase::Probing, Version::of(head));
        match version::body(head, at, end) {
            Err(failure) => self.misled(ticket, failure),
            Ok(_) if !first && !self.version.agrees(&version) => self.fail(version::changed()),
            Ok(Body::Whole { .. }) if !first => {
                let error = Error::new(Code::Storage, "Storage answered a range with the whole object.")
                    .with_status(head.status);
                self.misled(ticket, Failure::retry(error));
            }
            Ok(Body::Range { total }) if !first && total.is_some_and(|total| Some(total) != self.size) => {
                self.fail(version::changed())
            }
            Ok(Body::Range { .. }) if !first => self.read(ticket),
            Ok(body) => {
                self.version = version;
                self.content_type = self.content_type.take().or(head.headers.get("content-type").map(str::to_owned));
                self.round_trip = self.now.saturating_sub(self.asked_at);
                self.learned(ticket, body);
            }
        }
    }

    /// The first answer is here: what kind of object it is decides how it is fetched.
    fn learned(&mut self, ticket: Ticket, body: Body) {
        let size = match body {
            Body::Range { total: Some(size) } => {
                self.phase = Phase::Fetching;
                let first = self.pieces.split(0, size, self.ways, self.part_size);
                self.bound(ticket, first);
                Some(size)
            }
            Body::Range { total: None } | Body::Whole { size: None } => {
                self.phase = Phase::Streaming;
                self.log(Level::Warn, "Storage does not tell the object's size: it comes as one stream.");
                None
            }
            Body::Whole { size: Some(size) } => {
                self.phase = Phase::Streaming;
                self.log(Level::Warn, "Storage ignores ranges: the object comes as one stream.");
                self.bound(ticket, size);
                Some(size)
            }
        };
        self.size = size;
        if let Some(size) = size {
            self.meter.set_total(size);
            self.blocks = Blocks::new(size, self.part_size.unwrap_or(USUAL_PART));
        }
        self.read(ticket);
    }

    fn bound(&mut self, ticket: Ticket, end: u64) {
        if let Some(Work::Get { piece, .. }) = self.flights.get_mut(ticket) {
            piece.end = Some(end);
        }
    }

    fn read(&mut self, ticket: Ticket) {
        if let Some(Work::Get { piece, .. }) = self.flights.get_mut(ticket) {
            let until = piece.end.unwrap_or(u64::MAX);
            self.out.push_back(Output::Read(ticket, until));
        }
    }

    /// The answer is not to what was asked: its body must not be read.
    fn misled(&mut self, ticket: Ticket, failure: Failure) {
        self.out.push_back(Output::Cancel(ticket));
        if let Some(Work::Get { piece, signature, .. }) = self.flights.land(ticket) {
            self.piece_failed(piece, signature, failure);
        }
    }

    fn received(&mut self, ticket: Ticket, bytes: u64) {
        let Some(Work::Get { piece, .. }) = self.flights.get_mut(ticket) else {
            return;
        };
        let at = piece.at;
        let own = piece.advance(bytes);
        self.flights.heard(ticket, self.now);
        self.received += own;
        if let Some(blocks) = &mut self.blocks {
            blocks.receive(at, own);
        }
    }

    fn ended(&mut self, mut piece: Piece, signature: u32) {
        if piece.end.is_none() {
            piece.end = Some(piece.at);
            self.size = Some(piece.at);
            self.meter.set_total(piece.at);
            self.blocks = Blocks::new(piece.at, self.part_size.unwrap_or(USUAL_PART));
            if let Some(blocks) = &mut self.blocks {
                blocks.receive(0, piece.at);
            }
        }
        if !piece.is_whole() {
            let error = Error::new(Code::Network, "The body ended before all its bytes had come.");
            self.piece_failed(piece, signature, Failure::retry(error));
        }
    }

    /// Storage sent no body to read, but an answer in words.
    fn refused(&mut self, piece: Piece, signature: u32, reply: &Response) {
        if version::is_empty_object(reply, piece.at) && self.phase == Phase::Probing {
            self.version = Version::of(reply);
            self.size = Some(0);
            self.phase = Phase::Fetching;
        } else if reply.status == 416 {
            self.fail(version::changed().with_status(416));
        } else {
            self.piece_failed(piece, signature, answer::storage(reply));
        }
    }

    fn piece_failed(&mut self, mut piece: Piece, signature: u32, failure: Failure) {
        match failure.verdict {
            Verdict::Retry { after } => {
                let Some(delay) = piece.fail().pause(&self.policy, after, &mut self.chance) else {
                    return self.fail(failure.error);
                };
                let attempt = piece.backoff.attempt();
                let part = None;
                self.touch(piece.at);
                self.put_back(piece, Some(self.now.saturating_add(delay)));
                self.out.push_back(Output::Emit(Event::Retry { part, attempt, delay, error: failure.error }));
            }
            // It was under way with an old URL: the fresh signature is for all of them.
            Verdict::Resign if self.lease.is_none() || signature != self.signature => self.put_back(piece, None),
            Verdict::Resign if self.resigned_at != Some(self.received) => {
                self.resigned_at = Some(self.received);
                self.lease = None;
                self.put_back(piece, None);
                self.log(Level::Warn, format!("{} It is signed once more.", failure.error.message));
            }
            Verdict::Resign | Verdict::Fatal => self.fail(failure.error),
        }
    }

    /// Back among those to be fetched. A stream can't go on in the middle: it starts anew.
    fn put_back(&mut self, mut piece: Piece, until: Option<Millis>) {
        if self.phase == Phase::Streaming {
            self.calls_rest = until;
            self.restarts = piece.backoff;
            self.restart();
            return;
        }
        if self.phase == Phase::Probing {
            piece.end = None;
        }
        match until {
            Some(until) => self.pieces.rest(piece, until),
            None => self.pieces.put(piece),
        }
    }

    fn restart(&mut self) {
        self.phase = Phase::Restarting;
        self.received = 0;
        self.size = None;
        self.version = Version::default();
        self.pieces.clear();
        if let Some(blocks) = &mut self.blocks {
            blocks.clear();
        }
    }

    fn call_failed(&mut self, failure: Failure) {
        let Verdict::Retry { after } = failure.verdict else {
            return self.fail(failure.error);
        };
        let Some(delay) = self.calls.pause(&self.policy, after, &mut self.chance) else {
            return self.fail(failure.error);
        };
        self.calls_rest = Some(self.now.saturating_add(delay));
        self.out.push_back(Output::Emit(Event::Retry {
            part: None,
            attempt: self.calls.attempt(),
            delay,
            error: failure.error,
        }));
    }

    fn set_paused(&mut self, paused: bool) {
        if std::mem::replace(&mut self.paused, paused) == paused || !paused {
            return;
        }
        for ticket in self.flights.tickets() {
            if matches!(self.flights.get_mut(ticket), Some(Work::Get { .. })) {
                self.out.push_back(Output::Cancel(ticket));
                if let Some(Work::Get { piece, .. }) = self.flights.land(ticket) {
                    self.touch(piece.at);
                    self.put_back(piece, None);
                }
            }
        }
        self.meter.rest();
    }

    fn give_up_stalled(&mut self) {
        for (ticket, silent) in self.flights.stalled(self.now) {
            self.out.push_back(Output::Cancel(ticket));
            self.answered(ticket, Err(Failure::timeout(silent)));
        }
    }

    fn proceed(&mut self) {
        if self.phase == Phase::Over {
            return;
        }
        self.pieces.wake(self.now);
        if self.calls_rest.is_some_and(|until| until <= self.now) {
            self.calls_rest = None;
        }
        let got_all = self.pieces.is_empty() && self.flights.is_empty() && self.size.is_some();
        if got_all && matches!(self.phase, Phase::Fetching | Phase::Streaming) {
            self.phase = Phase::Sealing;
        }
        let calling = self.calls_rest.is_some() || self.flights.iter().any(|(_, work)| matches!(work, Work::Call));
        if !calling && let Some(command) = self.next_call() {
            let ticket = self.flights.depart(self.now, Work::Call);
            self.out.push_back(Output::Perform(ticket, command));
        }
        self.tell_state();
        self.tell_progress(false);
    }

    fn next_call(&self) -> Option<Command> {
        let request = || Command::RequestDownload(self.key.clone());
        match self.phase {
            Phase::Sealing => Some(Command::Seal { size: self.size?, content_type: self.content_type.clone() }),
            _ if self.paused => None,
            Phase::Requesting => self.admitted.then(request),
            Phase::Restarting => Some(Command::Restart),
            Phase::Probing | Phase::Fetching if self.signed().is_none() && self.pieces.has_idle() => Some(request()),
            _ => None,
        }
    }

    fn signed(&self) -> Option<&Signed> {
        let (signed, good_until) = self.lease.as_ref()?;
        good_until.is_none_or(|until| self.now < until).then_some(signed)
    }

    fn can_start(&self) -> bool {
        let open = match self.phase {
            Phase::Probing => self.pieces.has_idle(),
            Phase::Fetching => self.pieces.has_idle() || self.victim().is_some(),
            _ => false,
        };
        open && !self.paused && self.signed().is_some()
    }

    /// The flight whose rest takes longest, where half of it is worth a request.
    fn victim(&self) -> Option<Ticket> {
        if self.part_size.is_some() {
            return None;
        }
        let rest = |(ticket, work): (Ticket, &Work)| match work {
            Work::Get { piece, opened: true, .. } => Some((piece.worth_stealing(self.now, self.round_trip)?, ticket)),
            _ => None,
        };
        self.flights.iter().filter_map(rest).max().map(|(_, ticket)| ticket)
    }

    fn start_piece(&mut self) {
        if !self.can_start() {
            return;
        }
        let stolen = self.pieces.take().or_else(|| {
            let ticket = self.victim()?;
            let Some(Work::Get { piece, .. }) = self.flights.get_mut(ticket) else {
                return None;
            };
            let half = piece.halve();
            self.read(ticket);
            half
        });
        let (Some(mut piece), Some(signed)) = (stolen, self.signed().cloned()) else {
            return;
        };
        piece.begin(self.now);
        self.asked_at = self.now;
        self.touch(piece.at);
        let (start, end) = (piece.at, piece.end);
        let ticket = self.flights.depart(self.now, Work::Get { piece, opened: false, signature: self.signature });
        self.out.push_back(Output::Perform(ticket, Command::Get { signed, start, end }));
    }

    fn finish(&mut self) {
        let size = self.size.unwrap_or(self.received);
        let finish = Finish {
            key: self.key.clone(),
            size,
            etag: self.version.etag.clone(),
            location: None,
            content_type: self.content_type.clone(),
        };
        self.tell_progress(true);
        self.end(State::Done, End::Done(finish));
    }

    fn fail(&mut self, error: Error) {
        self.end(State::Failed, End::Failed(error));
    }

    fn end(&mut self, state: State, end: End) {
        if self.phase == Phase::Over {
            return;
        }
        for ticket in self.flights.tickets() {
            self.flights.land(ticket);
            self.out.push_back(Output::Cancel(ticket));
        }
        (self.phase, self.state) = (Phase::Over, state);
        self.out.push_back(Output::Emit(Event::State(state)));
        self.out.push_back(Output::End(end));
    }

    fn tell_state(&mut self) {
        let state = match self.phase {
            Phase::Over => return,
            Phase::Sealing => State::Completing,
            _ if self.paused => State::Paused,
            Phase::Requesting => State::Starting,
            _ => State::Active,
        };
        if std::mem::replace(&mut self.state, state) != state {
            self.out.push_back(Output::Emit(Event::State(state)));
        }
    }

    fn tell_progress(&mut self, last: bool) {
        self.meter.set(self.now, self.received);
        if self.blocks.as_ref().is_some_and(Blocks::has_changes) {
            self.meter.touch();
        }
        let Some(event) = self.meter.flush(self.now, last) else {
            return;
        };
        let active = self.flights.iter().filter_map(|(_, work)| match work {
            Work::Get { piece, .. } => Some((piece.at, PartState::Active, piece.backoff.attempt() + 1)),
            Work::Call => None,
        });
        let resting = self.pieces.resting().map(|piece| (piece.at, PartState::Resting, piece.backoff.attempt() + 1));
        let busy: Vec<_> = active.chain(resting).collect();
        if let Some(blocks) = &mut self.blocks {
            self.out.extend(blocks.changes(&busy).into_iter().map(|part| Output::Emit(Event::Part(part))));
        }
        self.out.push_back(Output::Emit(event));
    }

    fn touch(&mut self, at: u64) {
        if let Some(blocks) = &mut self.blocks {
            blocks.touch(at);
        }
    }

    fn log(&mut self, level: Level, message: impl Into<String>) {
        self.out.push_back(Output::Emit(Event::Log(level, message.into())));
    }

    fn deadline(&self) -> Option<Deadline> {
        let retry = |at| Deadline { at, reason: Reason::Retry };
        let wake = self.pieces.next_wake().filter(|_| !self.paused).map(retry);
        [wake, self.calls_rest.map(retry), self.flights.deadline(), self.meter.deadline()].into_iter().flatten().min()
    }
}

impl Engine for Download {
    fn handle(&mut self, now: Millis, input: Input) {
        debug_assert!(std::mem::replace(&mut self.drained, false), "the drain rule: poll until it waits");
        if self.phase == Phase::Over {
            return;
        }
        self.now = now;
        match input {
            Input::Admitted => self.admitted = true,
            Input::Slot => self.start_piece(),
            Input::Pause => self.set_paused(true),
            Input::Resume => self.set_paused(false),
            Input::Abort { .. } => self.end(State::Aborted, End::Aborted),
            Input::Head { ticket, head } => self.head(ticket, &head),
            Input::Received { ticket, bytes } => self.received(ticket, bytes),
            Input::Answer { ticket, answer } => self.answered(ticket, answer),
            Input::Sent { .. } | Input::Tick => {}
        }
        self.give_up_stalled();
        self.proceed();
    }

    fn poll(&mut self) -> Output {
        self.out.pop_front().unwrap_or_else(|| {
            self.drained = true;
            Output::Wait(if self.phase == Phase::Over { None } else { self.deadline() })
        })
    }

    fn want(&self, _now: Millis) -> Want {
        if self.phase == Phase::Requesting && !self.admitted && !self.paused {
            Want::Admission
        } else if self.can_start() {
            Want::Slot { bytes_left: self.size.unwrap_or_default().saturating_sub(self.received) }
        } else {
            Want::Nothing
        }
    }
}
