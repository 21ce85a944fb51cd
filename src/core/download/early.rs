//! Ranges that are asked for before the first answer is here.
//!
//! Where the backend says how large the object is, the other connections need not wait until storage tells it: that saves
//! each of them a round trip. The backend's word is not believed, though. What they bring is read once the first answer
//! agrees; where it does not, they are given up.

use super::{Download, Phase, Piece, Work, version::Body};
use crate::core::{
    http::Response,
    plan::MIB,
    transfer::{Output, Ticket},
};

/// Of less, the first answer has brought most before others could help.
const WORTH_IT: u64 = 8 * MIB;

#[derive(Debug, Default)]
pub(super) struct Early {
    /// The object's size, and where the first request's share of it ends.
    split: Option<(u64, u64)>,
    /// Answers that are not read yet.
    heads: Vec<(Ticket, Response)>,
    /// What failed meanwhile. Why, the first answer will tell.
    lost: Vec<Piece>,
}

impl Download {
    /// The first request is about to be made, of an object that has so many bytes as the backend says.
    pub(super) fn divide_early(&mut self, size: Option<u64>) {
        let Some(size) = size.filter(|size| *size >= WORTH_IT) else { return };
        let in_order = self.window.is_some() || self.cursor.step().is_some();
        if !in_order && !self.plain && !self.matching.is_wanted() && !self.hosts.are_several() {
            let share = self.pieces.split(0, size, self.ways, self.part_size);
            self.early.split = Some((size, share));
        }
    }

    /// The first answer is not here, and others may be.
    pub(super) fn is_undecided(&self) -> bool {
        self.phase == Phase::Probing && self.early.split.is_some()
    }

    pub(super) fn is_early(&self, piece: &Piece) -> bool {
        self.is_undecided() && piece.at > 0
    }

    /// An early range is answered.
    pub(super) fn head_early(&mut self, ticket: Ticket, head: &Response) {
        self.early.heads.push((ticket, head.clone()));
    }

    /// An early range failed.
    pub(super) fn lose_early(&mut self, piece: Piece) {
        self.early.lost.push(piece);
    }

    /// The first answer is here. Returns where its share ends, if it agrees with what was asked for early.
    pub(super) fn agreed(&mut self, body: Body) -> Option<u64> {
        let (size, share) = self.early.split.take()?;
        if matches!(body, Body::Range { total, .. } if total == Some(size)) {
            std::mem::take(&mut self.early.lost).into_iter().for_each(|piece| self.pieces.put(piece));
            return Some(share);
        }
        self.disperse();
        None
    }

    /// The early ranges are of no use.
    pub(super) fn disperse(&mut self) {
        self.call_back_early();
        self.early = Early::default();
        self.pieces.clear();
    }

    /// The first request has to be made again. Others must not stand in its way, since they wait for it.
    pub(super) fn call_back_early(&mut self) {
        self.early.heads.clear();
        for ticket in self.flights.tickets() {
            if matches!(self.flights.get_mut(ticket), Some(Work::Get { piece, .. }) if piece.at > 0) {
                self.out.push_back(Output::Cancel(ticket));
                if let Some(Work::Get { piece, .. }) = self.flights.land(ticket) {
                    self.pieces.put(piece);
                }
            }
        }
    }

    /// An early range may be asked for once the first request is under way.
    pub(super) fn may_probe(&self) -> bool {
        let mut flights = self.flights.iter();
        self.pieces.next().is_some_and(|piece| piece.at == self.start())
            || flights.any(|(_, work)| matches!(work, Work::Get { piece, .. } if piece.at == self.start()))
    }

    /// Those that were answered are read, now that it is known what they are of.
    pub(super) fn read_early(&mut self) {
        for (ticket, head) in std::mem::take(&mut self.early.heads) {
            self.head(ticket, &head);
        }
        self.shorten();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{
        checkpoint::Recalled,
        download::Wanted,
        http::Headers,
        options::Settings,
        protocol::{DownloadGrant, Method, Signed},
        transfer::{Answer, Command, Engine, Input},
    };

    const SIZE: u64 = 96 * MIB;
    const WAYS: u64 = 6;

    struct Told {
        engine: Download,
        gets: Vec<(Ticket, u64, Option<u64>)>,
        cancelled: Vec<Ticket>,
        read: Vec<(Ticket, u64)>,
    }

    impl Told {
        /// Six connections are free, and the backend says that the object has so many bytes.
        fn of(size: u64) -> Self {
            let settings = Settings { concurrency: Some(WAYS as usize), checksum: None, ..Settings::default() };
            let engine = Download::new("k".into(), &settings, 1, Wanted::File { resume: true, if_match: false });
            let mut told = Self { engine, gets: Vec::new(), cancelled: Vec::new(), read: Vec::new() };
            told.say(Input::Admitted);
            let recalled = Recalled { identity: None, found: None, warning: None };
            told.say(Input::Answer { ticket: Ticket(0), answer: Ok(Answer::Recalled(recalled)) });
            let signed = Signed { url: "https://s/k".into(), method: Method::Put, headers: vec![], fields: vec![] };
            let grant = DownloadGrant {
                parts: Vec::new(),
                signed,
                others: Vec::new(),
                expires_in: None,
                size: Some(size),
                etag: None,
                content_type: None,
                told: Vec::new(),
            };
            told.say(Input::Answer { ticket: Ticket(1), answer: Ok(Answer::DownloadGranted(grant)) });
            told.slots();
            told
        }

        fn slots(&mut self) {
            for _ in 0..WAYS {
                self.say(Input::Slot { at: None });
            }
        }

        fn say(&mut self, input: Input) {
            self.engine.handle(100, input);
            loop {
                match self.engine.poll() {
                    Output::Perform(ticket, Command::Get { start, end, .. }) => self.gets.push((ticket, start, end)),
                    Output::Cancel(ticket) => self.cancelled.push(ticket),
                    Output::Read(ticket, until) => self.read.push((ticket, until)),
                    Output::Wait(_) => break,
                    _ => {}
                }
            }
        }

        fn head(&mut self, (ticket, start, end): (Ticket, u64, Option<u64>)) {
            let last = end.unwrap_or(SIZE) - 1;
            let headers = [
                ("content-range".to_owned(), format!("bytes {start}-{last}/{SIZE}")),
                ("cache-control".to_owned(), "no-store".to_owned()),
            ];
            let head = Response { status: 206, headers: Headers::new(headers), body: String::new() };
            self.say(Input::Head { ticket, head });
        }
    }

    #[test]
    fn ranges_are_asked_for_beside_the_first_and_read_once_it_agrees() {
        let mut told = Told::of(SIZE);
        let ranges: Vec<_> = told.gets.iter().map(|(_, start, end)| (start / MIB, end.map(|end| end / MIB))).collect();
        assert_eq!(ranges[..3], [(0, None), (16, Some(32)), (32, Some(48))]);
        assert_eq!(ranges.len() as u64, WAYS);
        let (first, others) = told.gets.split_first().map(|(first, others)| (*first, others.to_vec())).unwrap();
        others.iter().for_each(|get| told.head(*get));
        assert!(told.read.is_empty(), "nobody knows yet of what they are");
        told.head(first);
        assert_eq!(told.read[0], (first.0, SIZE / WAYS));
        assert_eq!(told.read.len() as u64, WAYS);
        assert!(told.cancelled.is_empty());
    }

    #[test]
    fn another_size_than_the_backends_has_the_rest_asked_for_anew() {
        let mut told = Told::of(SIZE + 1);
        let gets = told.gets.clone();
        gets.iter().skip(1).for_each(|get| told.head(*get));
        told.head(gets[0]);
        assert_eq!(told.cancelled, gets.iter().skip(1).map(|get| get.0).collect::<Vec<_>>());
        told.slots();
        let mut starts: Vec<_> = told.gets.iter().skip(gets.len()).map(|get| get.1 / MIB).collect();
        starts.sort_unstable();
        assert_eq!(starts, [16, 32, 48, 64, 80]);
    }

    #[test]
    fn the_first_request_is_never_kept_from_its_place() {
        let mut told = Told::of(SIZE);
        let (first, ..) = told.gets[0];
        told.say(Input::Answer { ticket: first, answer: Err(crate::core::error::Failure::network()) });
        assert_eq!(told.cancelled.len() as u64, WAYS - 1);
        let before = told.gets.len();
        told.slots();
        assert_eq!(told.gets.len(), before, "they wait for it while it rests");
    }
}
