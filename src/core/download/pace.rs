//! How long ranges are while the page reads more slowly than the network brings.
//!
//! Chromium lets a response that nobody reads pile up in the page's process: up to 50 MB of each, whatever the reader's
//! back-pressure (`BufferingBytesConsumer`). Only what was not asked for can't pile up, so ranges are short then. Where the
//! reader is waiting for the network, each would cost a round trip. A response with `Cache-Control: no-store` is held back
//! as it should be, so backends do well to sign `response-cache-control=no-store`.

use super::{Download, Phase, Work};
use crate::core::{http::Response, plan::MIB, time::Millis, transfer::Level};

/// One range while the reader is behind: so many for each connection is what may pile up.
const STEP: u64 = 4 * MIB;
/// In milliseconds: an answer within this is of a network that may be faster than any disk. A round trip to it costs so little that
/// ranges are short from the first on, until the reader is seen to keep up.
const NEAR: Millis = 30;
/// So much has to come, without the reader falling behind again, before ranges are twice as long.
const CALM: u64 = 64 * MIB;

#[derive(Debug)]
pub(super) struct Pace {
    step: Option<u64>,
    calm: u64,
    /// How far storage is, is known.
    learned: bool,
    /// Nothing piles up.
    held_back: bool,
}

impl Pace {
    pub fn new() -> Self {
        Self { step: Some(STEP), calm: 0, learned: false, held_back: false }
    }

    /// How long a range is to be; `None` for as long as it likes.
    pub fn step(&self) -> Option<u64> {
        self.step
    }

    /// An answer took so long. The first one counts.
    pub fn learn(&mut self, round_trip: Millis, head: &Response) {
        if std::mem::replace(&mut self.learned, true) {
            return;
        }
        let control = head.headers.get("cache-control").unwrap_or_default();
        self.held_back = control.split(',').any(|directive| directive.trim().eq_ignore_ascii_case("no-store"));
        if self.held_back || round_trip > NEAR {
            self.step = None;
        }
    }

    /// True where it was not known already.
    fn fall_behind(&mut self) -> bool {
        self.calm = 0;
        self.step.replace(STEP).is_none()
    }

    pub fn receive(&mut self, bytes: u64) {
        self.calm += bytes;
        if self.calm >= CALM {
            (self.step, self.calm) = (self.step.map(|step| 2 * step).filter(|step| *step < CALM), 0);
        }
    }
}

impl Download {
    /// The bytes of an answer come faster than they are read.
    pub(super) fn fell_behind(&mut self) {
        // A stream's ranges are short anyway, and an application's own size is its own choice.
        if self.phase != Phase::Fetching || self.pace.held_back || self.window.is_some() || self.part_size.is_some() {
            return;
        }
        if self.pace.fall_behind() {
            self.log(Level::Info, "The bytes come faster than they can be stored: ranges are shorter for a while.");
        }
        self.shorten();
    }

    /// What is under way brings no more than a step, where there are steps.
    pub(super) fn shorten(&mut self) {
        let Some(step) = self.pace.step().filter(|_| self.part_size.is_none()) else { return };
        for ticket in self.flights.tickets() {
            if let Some(Work::Get { piece, .. }) = self.flights.get_mut(ticket)
                && piece.opened
                && piece.left().is_some_and(|left| left > 2 * step)
            {
                let rest = piece.cut(piece.at + step);
                rest.into_iter().for_each(|rest| self.pieces.put(rest));
                self.read(ticket);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::http::Headers;

    fn head(control: &str) -> Response {
        let headers = Headers::new([("cache-control".to_owned(), control.to_owned())]);
        Response { status: 206, headers, body: String::new() }
    }

    #[test]
    fn ranges_grow_again_once_the_reader_keeps_up() {
        let mut pace = Pace::new();
        pace.learn(NEAR + 1, &head(""));
        pace.learn(NEAR, &head(""));
        assert_eq!((pace.step(), pace.fall_behind(), pace.fall_behind()), (None, true, false));
        pace.receive(CALM - 1);
        assert_eq!((pace.fall_behind(), pace.step()), (false, Some(STEP)));
        pace.receive(CALM - 1);
        assert_eq!(pace.step(), Some(STEP));
        let mut steps = Vec::new();
        for _ in 0..4 {
            pace.receive(CALM);
            steps.push(pace.step());
        }
        pace.learn(0, &head(""));
        assert_eq!(steps, [Some(2 * STEP), Some(4 * STEP), Some(8 * STEP), None]);
    }

    #[test]
    fn ranges_of_a_near_storage_are_short_from_the_first_on() {
        let mut pace = Pace::new();
        pace.learn(NEAR, &head("max-age=60"));
        assert_eq!((pace.step(), pace.fall_behind()), (Some(STEP), false));
        let mut pace = Pace::new();
        pace.learn(NEAR, &head("private, No-Store"));
        assert_eq!((pace.step(), pace.held_back), (None, true));
    }
}
