//! The engine of one download.
//!
//! Its first request is open-ended and tells the object's size and version. Then what is left is split over the
//! connections, and a connection that runs dry takes half of what the slowest still has to bring. A server that knows no
//! ranges is read as one stream. What an earlier life has fetched is not fetched again, as long as the object is the same.
//!
//! | its room | |
//! |---|---|
//! | this file | the contract of [`Engine`], and what follows from each input |
//! | `calls` | what the backend and the sink are asked, and what their answers mean |
//! | `early` | ranges that are asked for before the first answer |
//! | `hosts` | several that have the same object |
//! | `getting` | one range on its way from storage |
//! | `losing` | what becomes of a range that broke off |
//! | `matching` | ranges that storage itself refuses of another version |
//! | `pieces` | what is still to come |
//! | `pace` | shorter ranges, while they are read more slowly than they come |
//! | `verifying` | whether what has come is what storage has |
//! | `repairing` | which parts of it are not, and are fetched again |
//! | `version` | whether an answer speaks of the same object |
//! | `cursor` | where a player reads: what it waits for comes first |
//! | `window` | a stream in order: how far ahead of its reader it is fetched |
//! | `blocks` | the object as an application sees it |
//! | `telling` | what an application hears |

mod blocks;
mod calls;
mod cursor;
mod early;
mod getting;
mod hosts;
mod losing;
mod matching;
mod pace;
mod pieces;
mod repairing;
mod telling;
mod verifying;
pub mod version;
mod window;

pub use self::{
    calls::WORTH_SAVING,
    window::{AHEAD, Wanted},
};

use std::collections::VecDeque;

use self::{
    blocks::Blocks,
    cursor::Cursor,
    early::Early,
    hosts::Hosts,
    matching::Matching,
    pace::Pace,
    pieces::{Piece, Pieces},
    repairing::Repairing,
    verifying::Hashing,
    version::Version,
    window::Window,
};
use super::{
    calls::Calls,
    chance::Chance,
    checkpoint::Save,
    checksum::Algorithm,
    disposition,
    error::{Code, Error, Failure},
    flight::Flights,
    host::Host,
    integrity::Integrity,
    lease::Lease,
    meter::Meter,
    options::Settings,
    reach::Reach,
    retry::{Backoff, Budget, Policy},
    time::Millis,
    transfer::{Answer, Deadline, End, Engine, Event, Finish, Input, Level, Link, Output, Reason, State, Ticket, Want},
};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// It may have been cut off before.
    Recalling {
        resume: bool,
    },
    Requesting,
    /// The first GET is under way: nothing is known of the object yet.
    Probing,
    Fetching,
    /// The server knows no ranges: one stream from the start.
    Streaming,
    /// The stream broke: what came of it is thrown away.
    Restarting,
    Sealing,
    /// So many bytes are compared with storage's checksum.
    Verifying(Algorithm, u64),
    /// They differ: it is found out which parts do.
    Comparing,
    /// The sink forgets those.
    Reopening,
    /// All is well: the sink gives the object its final name.
    Committing,
    Over,
}

#[derive(Debug)]
enum Work {
    /// A call to the backend, or to the sink.
    Call,
    Get {
        piece: Piece,
        signature: u32,
        host: Host,
    },
    /// Hashing from here to there.
    Hash(u64, u64),
}

#[derive(Debug)]
pub struct Download {
    key: String,
    /// Where its bytes are wanted in order.
    window: Option<Window>,
    policy: Policy,
    ways: usize,
    /// The application has said how many requests there may be.
    fixed: bool,
    part_size: Option<u64>,
    phase: Phase,
    paused: bool,
    admitted: bool,
    /// The user has ended it, and what an earlier life has left is to go as well.
    ending: bool,
    lease: Option<Lease>,
    hosts: Hosts,
    /// How many URLs were signed so far: tells a 403 on an old one from one on the present.
    signature: u32,
    /// Bytes received when a fresh signature was last asked for after a 403: without progress since, the next 403 is final.
    resigned_at: Option<u64>,
    /// It is stored encoded, and comes decoded, as one stream.
    plain: bool,
    version: Version,
    /// Who told the version; unknown where an earlier life heard of it.
    version_of: Option<Host>,
    matching: Matching,
    size: Option<u64>,
    content_type: Option<String>,
    filename: Option<String>,
    pieces: Pieces,
    cursor: Cursor,
    early: Early,
    pace: Pace,
    blocks: Option<Blocks>,
    hashing: Hashing,
    repairing: Repairing,
    /// Whether the object is what storage has, once that is known.
    integrity: Option<Integrity>,
    received: u64,
    /// Bytes received when something was last gained; see [`Budget`].
    gained_at: u64,
    /// Retries of a stream, whose progress is lost with each.
    restarts: Backoff,
    round_trip: Millis,
    /// Something of it is remembered.
    saved: bool,
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

impl Download {
    pub fn new(key: String, settings: &Settings, seed: u64, wanted: Wanted) -> Self {
        // Of a stream nothing is kept, so there is nothing to recall; and of a part of an object, storage tells no checksum.
        let (phase, checksum, if_match) = match wanted {
            Wanted::File { resume, if_match } => (Phase::Recalling { resume }, settings.checksum_down(), if_match),
            Wanted::Stream { start: 0, end: None } => (Phase::Requesting, settings.checksum_down(), false),
            Wanted::Stream { .. } => (Phase::Requesting, None, false),
        };
        Self {
            key,
            window: Window::of(wanted, settings.part_size),
            policy: settings.retry.clone(),
            ways: settings.ways(),
            fixed: settings.concurrency.is_some(),
            part_size: settings.part_size,
            phase,
            paused: false,
            admitted: false,
            ending: false,
            lease: None,
            hosts: Hosts::default(),
            signature: 0,
            resigned_at: None,
            plain: false,
            version: Version::default(),
            version_of: None,
            matching: Matching::new(if_match),
            size: None,
            content_type: None,
            filename: None,
            pieces: Pieces::default(),
            cursor: Cursor::default(),
            early: Early::default(),
            pace: Pace::new(),
            blocks: None,
            hashing: Hashing::new(checksum),
            repairing: Repairing::default(),
            integrity: None,
            received: 0,
            gained_at: 0,
            restarts: Backoff::default(),
            round_trip: 0,
            saved: false,
            flights: Flights::new(settings.stall_timeout),
            calls: Calls::default(),
            budget: Budget::default(),
            reach: Reach::default(),
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
                self.calls.succeeded();
                self.called(answer);
            }
            (Work::Call, Err(failure)) => self.call_failed(failure),
            (Work::Get { piece, signature, host }, Ok(Answer::Ended)) => self.ended(piece, signature, host),
            (Work::Get { piece, signature, host }, Ok(Answer::Replied(reply))) if !piece.opened => {
                self.reached();
                self.refused(piece, signature, host, &reply);
            }
            (Work::Get { piece, signature, host }, Err(failure)) => self.piece_failed(piece, signature, host, failure),
            (Work::Hash(start, _), Ok(Answer::Hashed(sum))) => self.hashed(start, Ok(sum)),
            (Work::Hash(start, _), Err(failure)) => self.hashed(start, Err(failure)),
            (Work::Get { .. } | Work::Hash(..), Ok(_)) => {
                self.fail(Error::new(Code::Internal, "A range was answered with something else."))
            }
        }
    }

    /// Somebody answered.
    fn reached(&mut self) {
        if self.reach.heard() {
            self.out.push_back(Output::Reached(true));
        }
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

    fn set_link(&mut self, link: Link) {
        if self.reach.set(link) {
            self.calls.hurry();
            self.pieces.hurry();
        }
        if link == Link::Down {
            self.meter.rest();
        }
    }

    fn woke(&mut self) {
        self.flights.excuse(self.now);
        if let Some(lease) = &mut self.lease {
            lease.doubt();
        }
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
            match (self.flights.land(stalled.ticket), self.phase) {
                (Some(Work::Get { piece, .. }), _) => {
                    self.touch(piece.at);
                    self.put_back(piece, None);
                    self.log(Level::Info, "A range did not survive the jump of the clock: it is asked for again.");
                }
                (Some(Work::Hash(start, end)), Phase::Verifying(algorithm, _)) => self.hash(algorithm, start, end),
                (Some(Work::Hash(..)), Phase::Comparing) => self.give_up(),
                _ => {}
            }
        }
    }

    fn proceed(&mut self) {
        if self.phase == Phase::Over {
            return;
        }
        self.pieces.wake(self.now);
        self.calls.wake(self.now);
        let got_all = self.pieces.is_empty() && self.flights.is_empty() && self.size.is_some();
        if got_all && matches!(self.phase, Phase::Fetching | Phase::Streaming) {
            self.phase = Phase::Sealing;
        }
        self.verify();
        self.compare();
        let calling = self.calls.is_resting() || self.flights.iter().any(|(_, work)| matches!(work, Work::Call));
        if !calling {
            self.call();
        }
        self.tell_state();
        self.tell_progress(false);
    }

    /// The object has its final name.
    fn finish(&mut self) {
        let Some(integrity) = self.integrity.take() else { return };
        let size = self.size.filter(|_| self.window.is_none()).unwrap_or(self.received);
        let finish = Finish {
            key: self.key.clone(),
            size,
            etag: self.version.etag.clone(),
            location: None,
            content_type: self.content_type.clone(),
            filename: self.filename.take().or_else(|| disposition::of_key(&self.key)),
            integrity,
        };
        self.unsave();
        self.end(State::Done, End::Done(finish));
    }

    fn abort(&mut self, keep: bool) {
        if !keep && self.phase == (Phase::Recalling { resume: true }) {
            self.ending = true;
            return;
        }
        if !keep {
            self.unsave();
        }
        self.end(State::Aborted, End::Aborted);
    }

    fn fail(&mut self, error: Error) {
        if self.ending {
            return self.end(State::Aborted, End::Aborted);
        }
        // What was fetched is of another object, or of none.
        if matches!(error.code, Code::ObjectChanged | Code::NotFound | Code::Gone) {
            self.unsave();
        }
        self.end(State::Failed, End::Failed(error));
    }

    fn end(&mut self, state: State, end: End) {
        if self.phase == Phase::Over {
            return;
        }
        for ticket in self.flights.tickets() {
            if let Some(Work::Get { piece, .. }) = self.flights.land(ticket) {
                self.touch(piece.at);
            }
            self.out.push_back(Output::Cancel(ticket));
        }
        self.tell_progress(true);
        (self.phase, self.state) = (Phase::Over, state);
        self.out.push_back(Output::Emit(Event::State(state)));
        self.out.push_back(Output::End(end));
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

    fn deadline(&self) -> Option<Deadline> {
        let retry = |at| Deadline { at, reason: Reason::Retry };
        let wake = self.pieces.next_wake().filter(|_| !self.paused).map(retry);
        [wake, self.calls.deadline(), self.flights.deadline(), self.meter.deadline()].into_iter().flatten().min()
    }
}

impl Engine for Download {
    fn handle(&mut self, now: Millis, input: Input) {
        debug_assert!(std::mem::replace(&mut self.drained, false), "the drain rule: poll until it waits");
        if self.phase == Phase::Over {
            return;
        }
        self.now = now;
        // A connection that is free is offered at once.
        let offered = !matches!(input, Input::Slot { .. } | Input::Wanted { .. });
        match input {
            Input::Admitted => self.admitted = true,
            Input::Slot { at } => self.start_piece(at),
            Input::Pause => self.set_paused(true),
            Input::Resume => self.set_paused(false),
            Input::Abort { keep } => self.abort(keep),
            Input::Link(link) => self.set_link(link),
            Input::Woke => self.woke(),
            Input::Unsaved(why) => self.log(Level::Warn, why),
            Input::Head { ticket, head } => self.head(ticket, &head),
            Input::Received { ticket, bytes } => self.received(ticket, bytes),
            Input::Behind => self.fell_behind(),
            Input::Answer { ticket, answer } => self.answered(ticket, answer),
            Input::Taken { up_to } => self.taken(up_to),
            Input::Wanted { from } => self.wanted(from),
            Input::Sent { .. } | Input::Tick => {}
        }
        if offered {
            self.make_room();
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
        if self.reach.is_down() || self.ending {
            return Want::Nothing;
        }
        let begins = matches!(self.phase, Phase::Recalling { .. } | Phase::Requesting);
        if begins && !self.admitted && !self.paused {
            Want::Admission
        } else if self.can_start() {
            Want::Slot { bytes_left: self.size.unwrap_or_default().saturating_sub(self.received) }
        } else {
            Want::Nothing
        }
    }

    fn hosts(&self) -> Vec<Host> {
        self.choice()
    }
}
