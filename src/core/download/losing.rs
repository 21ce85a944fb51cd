//! Ranges that end before all their bytes have come: whose fault it was, and what becomes of the rest.

use super::{
    Download, Phase, Piece,
    getting::beyond,
    version::{self, Version},
};
use crate::core::{
    answer::{self, Asked},
    error::{Code, Error, Failure, Verdict},
    host::Host,
    http::Response,
    time::Millis,
    transfer::{Event, Level, Output},
};

impl Download {
    pub(super) fn ended(&mut self, mut piece: Piece, signature: u32, host: Host) {
        if self.size.is_none() {
            piece.end = Some(piece.at);
            self.size = Some(piece.at);
            self.meter.set_total(piece.at.saturating_sub(self.start()));
            self.show_blocks(piece.at);
            if let Some(blocks) = &mut self.blocks {
                blocks.receive(0, piece.at);
            }
        }
        if !piece.is_whole() {
            let error = Error::new(Code::Network, "The body ended before all its bytes had come.");
            self.piece_failed(piece, signature, host, Failure::retry(error));
        }
    }

    /// Storage sent no body to read, but an answer in words.
    pub(super) fn refused(&mut self, piece: Piece, signature: u32, host: Host, reply: &Response) {
        if self.is_early(&piece) {
            self.lose_early(piece);
        } else if version::is_empty_object(reply, piece.at) && self.phase == Phase::Probing {
            self.disperse();
            self.version = Version::of(reply);
            self.size = Some(0);
            self.phase = Phase::Fetching;
        } else if reply.status == 416 && self.window.is_some() && self.phase == Phase::Probing {
            self.fail(beyond().with_status(416));
        } else if reply.status == 416 {
            let changed = version::changed().with_status(416);
            self.piece_failed(piece, signature, host, Failure::fatal(changed));
        } else {
            let failure = match &self.lease {
                Some(lease) => answer::refused(reply, &Asked::of(&lease.signed, lease.left(self.now))),
                None => answer::storage(reply),
            };
            self.piece_failed(piece, signature, host, failure);
        }
    }

    pub(super) fn piece_failed(&mut self, mut piece: Piece, signature: u32, host: Host, failure: Failure) {
        // The rest of it was given away while it was under way: it has all that it was left with.
        if piece.is_whole() {
            return;
        }
        if self.is_early(&piece) {
            return self.lose_early(piece);
        }
        if self.is_spared(&piece, signature, host, &failure) {
            self.touch(piece.at);
            return self.put_back(piece, None);
        }
        let unanswered = failure.error.status.is_none();
        let doubtful = self.lease.as_ref().is_some_and(|lease| lease.is_doubtful(self.now));
        match failure.verdict {
            Verdict::Retry { .. } if self.reach.excuses(&failure.error) => {
                self.touch(piece.at);
                self.put_back(piece, None);
                if self.reach.lost() {
                    self.out.push_back(Output::Reached(false));
                }
            }
            // It was under way with an old URL: the fresh signature is for all of them.
            Verdict::Resign if self.lease.is_none() || signature != self.signature => self.put_back(piece, None),
            Verdict::Resign if self.may_resign() => self.sign_again(piece, &failure.error),
            // Storage sends no CORS headers with some refusals, so a lapsed URL can look like no answer at all.
            Verdict::Retry { .. } if unanswered && !piece.opened && doubtful && self.may_resign() => {
                self.sign_again(piece, &failure.error);
            }
            Verdict::Retry { after } => {
                let pause = piece.fail(unanswered).pause(&self.policy, after, &mut self.chance);
                let Some(delay) = pause.filter(|_| self.budget.spend(&self.policy)) else {
                    return self.fail(self.matching.blamed(failure.into_error()));
                };
                let attempt = piece.backoff.attempt();
                self.touch(piece.at);
                self.put_back(piece, Some(self.now.saturating_add(delay)));
                self.out.push_back(Output::Emit(Event::Retry {
                    part: None,
                    attempt,
                    delay,
                    error: failure.into_error(),
                }));
            }
            Verdict::Resign | Verdict::Absent | Verdict::Fatal => self.fail(failure.into_error()),
        }
    }

    pub(super) fn may_resign(&self) -> bool {
        self.lease.is_some() && self.resigned_at != Some(self.received)
    }

    fn sign_again(&mut self, piece: Piece, error: &Error) {
        self.resigned_at = Some(self.received);
        self.lease = None;
        self.put_back(piece, None);
        self.log(Level::Warn, format!("{} It is signed once more.", error.message));
    }

    /// Back among those to be fetched. A stream can't go on in the middle: it starts anew.
    pub(super) fn put_back(&mut self, mut piece: Piece, until: Option<Millis>) {
        if self.phase == Phase::Streaming {
            self.restarts = piece.backoff;
            return self.restart(until);
        }
        if self.phase == Phase::Probing && !self.is_early(&piece) {
            self.call_back_early();
            piece.end = self.all().end;
        }
        match until {
            Some(until) => self.pieces.rest(piece, until),
            None => self.pieces.put(piece),
        }
    }

    fn restart(&mut self, until: Option<Millis>) {
        self.calls.rest(until);
        self.phase = Phase::Restarting;
        self.received = 0;
        self.gained_at = 0;
        self.size = None;
        self.pieces.clear();
        if let Some(blocks) = &mut self.blocks {
            blocks.clear();
        }
    }
}
