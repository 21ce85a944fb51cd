//! A stream: which bytes of the object are wanted, and how far ahead of their reader they are fetched.

use super::pieces::Piece;
use crate::core::plan::MIB;

/// Bytes that lie ready for the reader or are on their way to it, at most: what a stream takes of memory.
pub const AHEAD: u64 = 32 * MIB;
/// One range: a few of them are under way at once, and the first is whole soon.
const STEP: u64 = 4 * MIB;

/// What an application wants of an object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// All of it, in whatever order. `resume`: go on with a download of the same object that was cut off. `if_match`: storage is to
    /// refuse each range of another version itself.
    File { resume: bool, if_match: bool },
    /// Its bytes from `start` to `end`, or to its own end, in order.
    Stream { start: u64, end: Option<u64> },
}

#[derive(Debug)]
pub struct Window {
    pub start: u64,
    pub end: Option<u64>,
    step: u64,
    taken: u64,
}

impl Window {
    /// `None` for a file.
    pub fn of(wanted: Wanted, part_size: Option<u64>) -> Option<Self> {
        let Wanted::Stream { start, end } = wanted else { return None };
        Some(Self { start, end, step: part_size.unwrap_or(STEP).min(AHEAD), taken: start })
    }

    pub fn is_part(&self) -> bool {
        self.start > 0 || self.end.is_some()
    }

    /// The reader has taken all up to here.
    pub fn take(&mut self, up_to: u64) {
        self.taken = self.taken.max(up_to);
    }

    /// From here on, bytes wait for the reader.
    pub fn limit(&self) -> u64 {
        self.taken.saturating_add(AHEAD)
    }

    /// Whether there is room for the next range of this piece, all of it: no request waits for the reader in its middle.
    pub fn has_room(&self, piece: &Piece) -> bool {
        self.end_of_step(piece).is_none_or(|end| end <= self.limit())
    }

    /// The next range of this piece ends here; unknown while the object's size is.
    pub fn end_of_step(&self, piece: &Piece) -> Option<u64> {
        piece.end.map(|end| end.min(piece.at.saturating_add(self.step)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_asked_for_once_there_is_room_for_all_of_it() {
        let mut window = Window::of(Wanted::Stream { start: 10, end: None }, None).unwrap();
        let at = 10 + AHEAD - STEP;
        assert!(window.has_room(&Piece::new(at, Some(1 << 40))));
        assert!(!window.has_room(&Piece::new(at + 1, Some(1 << 40))));
        assert!(window.has_room(&Piece::new(at + 1, Some(10 + AHEAD))), "the last range is shorter");
        window.take(11);
        window.take(10);
        assert!(window.has_room(&Piece::new(at + 1, Some(1 << 40))));
    }

    #[test]
    fn no_part_size_is_too_large_for_the_window() {
        let window = Window::of(Wanted::Stream { start: 0, end: None }, Some(1 << 40)).unwrap();
        assert!(window.has_room(&Piece::new(0, Some(1 << 41))));
        assert!(Window::of(Wanted::File { resume: true, if_match: false }, None).is_none());
    }
}
