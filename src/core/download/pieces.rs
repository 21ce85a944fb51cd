//! The stretches of an object that are still to come. Each byte belongs to one piece; a piece is idle, resting before a
//! retry, or in flight (then the flight holds it).

use crate::core::{plan::MIB, retry::Backoff, sorted::Sorted, time::Millis};

/// A stretch from `at` up to `end`, which is unknown until the object's size is.
#[derive(Clone, PartialEq, Debug)]
pub struct Piece {
    pub at: u64,
    pub end: Option<u64>,
    pub backoff: Backoff,
    /// Its present request was answered with bytes to read.
    pub opened: bool,
    /// Where `at` was when it failed last: further on since then is progress.
    failed_at: Option<u64>,
    /// Its last failure was the network's, which may be over any moment.
    cut_off: bool,
    /// Where and when its present request began, for its speed.
    began: (u64, Millis),
}

/// A request costs a round trip and often a connection: less than this is left to the one that has it.
const LEAST_STEAL: u64 = MIB / 2;
/// The first split makes no smaller pieces.
const LEAST_SPLIT: u64 = MIB;

impl Piece {
    pub fn new(at: u64, end: Option<u64>) -> Self {
        Self { at, end, backoff: Backoff::default(), opened: false, failed_at: None, cut_off: false, began: (at, 0) }
    }

    /// With the retries that others before it have used up.
    pub fn tried(self, backoff: Backoff) -> Self {
        Self { backoff, ..self }
    }

    pub fn begin(&mut self, now: Millis) {
        (self.began, self.opened) = ((self.at, now), false);
    }

    /// How long its present request has been under way.
    pub fn under_way(&self, now: Millis) -> Millis {
        now.saturating_sub(self.began.1)
    }

    /// Its present request has brought bytes.
    pub fn has_moved(&self) -> bool {
        self.at > self.began.0
    }

    /// Moves on by so many bytes, and tells how many of them are its own.
    pub fn advance(&mut self, bytes: u64) -> u64 {
        let own = bytes.min(self.left().unwrap_or(u64::MAX - self.at));
        self.at += own;
        own
    }

    pub fn left(&self) -> Option<u64> {
        self.end.map(|end| end.saturating_sub(self.at))
    }

    pub fn is_whole(&self) -> bool {
        self.left() == Some(0)
    }

    /// Notes a failure; its retries start afresh where bytes came since the last one.
    pub fn fail(&mut self, cut_off: bool) -> &mut Backoff {
        self.cut_off = cut_off;
        if self.failed_at.replace(self.at).is_some_and(|failed_at| self.at > failed_at) {
            self.backoff.refresh();
        }
        &mut self.backoff
    }

    /// How long the rest takes at its present speed, where half of it is worth a request of its own. A piece that has
    /// brought nothing since it began may take for ever.
    pub fn worth_stealing(&self, now: Millis, round_trip: Millis) -> Option<Millis> {
        let left = self.left().filter(|left| *left >= 2 * LEAST_STEAL)?;
        let (from, since) = self.began;
        let elapsed = now.saturating_sub(since);
        let rest = left.saturating_mul(elapsed).checked_div(self.at - from).unwrap_or(Millis::MAX);
        (elapsed > round_trip && rest > 2 * round_trip).then_some(rest)
    }

    /// Gives away the second half of what is left.
    pub fn halve(&mut self) -> Option<Piece> {
        let middle = self.at + (self.end? - self.at).div_ceil(2);
        self.cut(middle)
    }

    /// Gives away what is behind this offset.
    pub fn cut(&mut self, at: u64) -> Option<Piece> {
        let end = self.end.replace(at)?;
        Some(Piece::new(at, Some(end)))
    }
}

/// Pieces that nobody fetches just now.
#[derive(Debug, Default)]
pub struct Pieces {
    idle: Sorted<u64, Piece>,
    resting: Sorted<(Millis, u64), Piece>,
}

impl Pieces {
    pub fn put(&mut self, piece: Piece) {
        if !piece.is_whole() {
            self.idle.insert(piece.at, piece);
        }
    }

    pub fn rest(&mut self, piece: Piece, until: Millis) {
        self.resting.insert((until, piece.at), piece);
    }

    pub fn wake(&mut self, now: Millis) {
        while self.next_wake().is_some_and(|until| until <= now) {
            let Some((_, piece)) = self.resting.pop_first() else { return };
            self.idle.insert(piece.at, piece);
        }
    }

    /// The network is back: nothing needs to rest any longer that only waited for that.
    pub fn hurry(&mut self) {
        let waited: Vec<_> = self.resting.iter().filter(|(_, piece)| piece.cut_off).map(|(key, _)| *key).collect();
        for key in waited {
            if let Some(piece) = self.resting.remove(&key) {
                self.put(piece);
            }
        }
    }

    pub fn next_wake(&self) -> Option<Millis> {
        self.resting.first().map(|((until, _), _)| *until)
    }

    pub fn take(&mut self) -> Option<Piece> {
        self.idle.pop_first().map(|(_, piece)| piece)
    }

    /// The first that has bytes from this offset on; behind the last one, the first of all.
    pub fn take_from(&mut self, at: u64) -> Option<Piece> {
        let from = self.idle.values().find(|piece| piece.end.is_none_or(|end| end > at)).or(self.next())?.at;
        self.idle.remove(&from)
    }

    /// Nobody fetches the byte at this offset, and nothing keeps one from it.
    pub fn is_idle(&self, at: u64) -> bool {
        self.idle.values().any(|piece| piece.at <= at && piece.end.is_none_or(|end| end > at))
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The one that [`take`](Self::take) would give.
    pub fn next(&self) -> Option<&Piece> {
        self.idle.first().map(|(_, piece)| piece)
    }

    pub fn is_empty(&self) -> bool {
        self.idle.is_empty() && self.resting.is_empty()
    }

    pub fn resting(&self) -> impl Iterator<Item = &Piece> {
        self.resting.values()
    }

    /// Cuts what the first request would read, now that the size is known: equal pieces for `ways` connections, or pieces of
    /// the size that the application set. Returns the end that is left to the first request.
    pub fn split(&mut self, at: u64, size: u64, ways: usize, part_size: Option<u64>) -> u64 {
        let length = size.saturating_sub(at);
        let step = part_size.unwrap_or_else(|| length.div_ceil(ways.max(1) as u64).max(LEAST_SPLIT)).max(1);
        let first = at.saturating_add(step).min(size);
        let mut start = first;
        while start < size {
            let end = start.saturating_add(step).min(size);
            self.put(Piece::new(start, Some(end)));
            start = end;
        }
        first
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_split_tiles_the_object(size in 1u64..1 << 32, ways in 1usize..20, part in prop::option::of(1u64 << 20..1 << 28)) {
            let mut pieces = Pieces::default();
            let mut at = pieces.split(0, size, ways, part);
            prop_assert!(at > 0);
            while let Some(piece) = pieces.take() {
                prop_assert_eq!(piece.at, at);
                at = piece.end.unwrap();
            }
            prop_assert_eq!(at, size);
        }

        #[test]
        fn halves_make_a_whole(at in 0u64..1000, length in 1u64..1000) {
            let mut piece = Piece::new(at, Some(at + length));
            let stolen = piece.halve().unwrap();
            prop_assert_eq!(piece.end, Some(stolen.at));
            prop_assert_eq!(stolen.end, Some(at + length));
        }

        #[test]
        fn nothing_beyond_the_end_is_its_own(length in 0u64..100, steps in prop::collection::vec(0u64..50, 0..10)) {
            let mut piece = Piece::new(7, Some(7 + length));
            let own: u64 = steps.iter().map(|bytes| piece.advance(*bytes)).sum();
            prop_assert_eq!(own, steps.iter().sum::<u64>().min(length));
        }
    }

    #[test]
    fn only_a_long_rest_is_stolen() {
        let mut piece = Piece::new(0, Some(100 * MIB));
        piece.begin(1000);
        assert_eq!(piece.worth_stealing(1050, 60), None, "it has hardly begun");
        assert_eq!(piece.worth_stealing(1100, 60), Some(Millis::MAX), "nothing has come");
        piece.advance(50 * MIB);
        assert_eq!(piece.worth_stealing(2000, 60), Some(1000));
        piece.advance(50 * MIB - 1);
        assert_eq!(piece.worth_stealing(3000, 60), None);
    }
}
