//! Where a player reads: what it waits for is fetched first, and the rest from there on.

use super::{
    Download, Phase, Work,
    pieces::{Piece, Pieces},
};
use crate::core::{plan::MIB, transfer::Output};

/// One range while somebody plays: so short that a connection is soon free for what is wanted next.
const STEP: u64 = 2 * MIB;
/// A piece that begins so close before the wanted byte is fetched from its beginning.
const NEAR: u64 = MIB / 4;

#[derive(Debug, Default)]
pub struct Cursor {
    /// `None` where nobody plays.
    at: Option<u64>,
    /// Nobody fetches what is wanted.
    waits: bool,
}

impl Cursor {
    /// How long a range is to be, where somebody plays.
    pub fn step(&self) -> Option<u64> {
        self.at.map(|_| STEP)
    }

    /// The next piece to fetch, cut to what is wanted first.
    pub fn take(&mut self, pieces: &mut Pieces) -> Option<Piece> {
        let Some(at) = self.at else { return pieces.take() };
        self.waits = false;
        let mut piece = pieces.take_from(at)?;
        // What is wanted may lie in the middle of it; unless all behind that is there, or under way.
        if piece.at.saturating_add(NEAR) < at && piece.end.is_some_and(|end| at < end) {
            piece = later(&mut piece, at, pieces)?;
        }
        if piece.left().is_some_and(|left| left >= STEP + STEP / 2) {
            let rest = piece.cut(piece.at + STEP);
            rest.into_iter().for_each(|rest| pieces.put(rest));
        }
        Some(piece)
    }
}

/// What of the piece is behind `at`; the rest is put back.
fn later(piece: &mut Piece, at: u64, pieces: &mut Pieces) -> Option<Piece> {
    let later = piece.cut(at).map(|later| later.tried(piece.backoff));
    pieces.put(piece.clone());
    later
}

impl Download {
    /// A player waits for the bytes from here on.
    pub(super) fn wanted(&mut self, from: u64) {
        if self.window.is_none() {
            self.cursor = Cursor { at: Some(from), waits: self.pieces.is_idle(from) };
        }
    }

    /// What is wanted got no connection when it was asked for: the one that has most left to bring is taken for it.
    pub(super) fn make_room(&mut self) {
        if !std::mem::take(&mut self.cursor.waits) || self.phase != Phase::Fetching || !self.can_start() {
            return;
        }
        let left = |(ticket, work): (_, &Work)| match work {
            Work::Get { piece, .. } => Some((piece.left()?, ticket)),
            _ => None,
        };
        let Some((_, ticket)) = self.flights.iter().filter_map(left).max() else { return };
        self.out.push_back(Output::Cancel(ticket));
        if let Some(Work::Get { piece, .. }) = self.flights.land(ticket) {
            self.touch(piece.at);
            self.put_back(piece, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::core::{
        checkpoint::Recalled,
        download::Wanted,
        http::{Headers, Response},
        options::Settings,
        protocol::{DownloadGrant, Method, Signed},
        transfer::{Answer, Command, End, Engine, Input, Ticket, Want},
    };

    const WAYS: usize = 4;

    /// A request: where it stands, and how far its bytes may be read.
    struct Get {
        ticket: Ticket,
        at: u64,
        until: u64,
    }

    /// A download with a network that brings what a test wants, when it wants it.
    struct Play {
        engine: Download,
        now: u64,
        size: u64,
        gets: Vec<Get>,
        received: Vec<(u64, u64)>,
        ended: Option<End>,
    }

    impl Play {
        fn of(size: u64) -> Self {
            let settings = Settings { concurrency: Some(WAYS), checksum: None, ..Settings::default() };
            let engine = Download::new("film".into(), &settings, 1, Wanted::File { resume: true, if_match: false });
            let mut play = Self { engine, now: 0, size, gets: Vec::new(), received: Vec::new(), ended: None };
            play.say(Input::Wanted { from: 0 });
            play.say(Input::Admitted);
            play.slots();
            let (ticket, until) = play.gets.first().map(|get| (get.ticket, get.until)).unwrap();
            assert_eq!((play.gets.len(), until), (1, u64::MAX), "the first asks for all");
            play.head(ticket, 0, size - 1);
            play
        }

        fn head(&mut self, ticket: Ticket, start: u64, last: u64) {
            let headers = [
                ("content-range".to_owned(), format!("bytes {start}-{last}/{}", self.size)),
                ("etag".to_owned(), "\"one\"".to_owned()),
            ];
            let head = Response { status: 206, headers: Headers::new(headers), body: String::new() };
            self.say(Input::Head { ticket, head });
        }

        fn say(&mut self, input: Input) {
            self.now += 1;
            self.engine.handle(self.now, input);
            let mut asked = Vec::new();
            loop {
                match self.engine.poll() {
                    Output::Perform(ticket, command) => asked.push((ticket, command)),
                    Output::Cancel(ticket) => self.gets.retain(|get| get.ticket != ticket),
                    Output::Read(ticket, until) => {
                        self.gets.iter_mut().filter(|get| get.ticket == ticket).for_each(|get| get.until = until);
                    }
                    Output::End(end) => self.ended = Some(end),
                    Output::Wait(_) => break,
                    _ => {}
                }
            }
            for (ticket, command) in asked {
                self.perform(ticket, command);
            }
        }

        fn perform(&mut self, ticket: Ticket, command: Command) {
            let signed = Signed { url: "https://s/f".into(), method: Method::Put, headers: vec![], fields: vec![] };
            let answer = match command {
                Command::Recall { .. } => Answer::Recalled(Recalled { identity: None, found: None, warning: None }),
                Command::RequestDownload(_) => Answer::DownloadGranted(DownloadGrant {
                    parts: Vec::new(),
                    signed,
                    others: vec![],
                    expires_in: None,
                    size: None,
                    etag: None,
                    content_type: None,
                    told: Default::default(),
                }),
                Command::Get { start, end, .. } => {
                    self.gets.push(Get { ticket, at: start, until: end.unwrap_or(u64::MAX) });
                    if let Some(end) = end {
                        self.head(ticket, start, end - 1);
                    }
                    return;
                }
                Command::Seal { .. } => Answer::Sealed(None),
                Command::Commit => Answer::Committed,
                other => panic!("{other:?}"),
            };
            self.say(Input::Answer { ticket, answer: Ok(answer) });
        }

        /// Offers what connections are free.
        fn slots(&mut self) {
            for _ in self.gets.len()..WAYS {
                if matches!(self.engine.want(self.now), Want::Slot { .. }) {
                    self.say(Input::Slot { at: None });
                }
            }
        }

        /// One request brings so many bytes.
        fn bring(&mut self, index: usize, bytes: u64) {
            let Some(get) = self.gets.get_mut(index) else { return };
            let (ticket, bytes) = (get.ticket, bytes.min(get.until.min(self.size) - get.at));
            self.received.push((get.at, get.at + bytes));
            get.at += bytes;
            let over = get.at == get.until.min(self.size);
            self.say(Input::Received { ticket, bytes });
            if over && self.gets.iter().any(|get| get.ticket == ticket) {
                self.gets.retain(|get| get.ticket != ticket);
                self.say(Input::Answer { ticket, answer: Ok(Answer::Ended) });
            }
            self.slots();
        }

        fn seek(&mut self, from: u64) {
            self.say(Input::Wanted { from });
            self.slots();
        }

        fn has(&self, byte: u64) -> bool {
            self.received.iter().any(|(start, end)| (*start..*end).contains(&byte))
        }
    }

    proptest! {
        #[test]
        fn what_is_wanted_is_fetched_next_and_nothing_twice(
            size in 1u64..100 * MIB,
            steps in prop::collection::vec((0u8..4, any::<u32>(), 1u64..3 * MIB), 0..60),
        ) {
            let mut play = Play::of(size);
            play.slots();
            for (kind, pick, bytes) in steps {
                if kind > 0 {
                    play.bring(pick as usize % WAYS, bytes);
                    continue;
                }
                let from = (u64::from(pick) * size) >> 32;
                play.seek(from);
                // One word from anywhere else, and a connection is there for it.
                play.bring(pick as usize % WAYS, 1);
                let coming = |get: &Get| get.at <= from && from < get.until && from - get.at <= STEP + STEP / 2;
                prop_assert!(play.ended.is_some() || play.has(from) || play.gets.iter().any(coming), "{from} of {size}");
                prop_assert!(play.gets.len() <= WAYS);
            }
            for _ in 0..1_000 {
                play.bring(0, 4 * MIB);
            }
            prop_assert!(matches!(play.ended, Some(End::Done(_))), "{:?}", play.ended);
            play.received.sort_unstable();
            let mut at = 0;
            for (start, end) in play.received {
                prop_assert_eq!(start, at);
                at = end;
            }
            prop_assert_eq!(at, size);
        }
    }

    #[test]
    fn who_plays_from_the_start_gets_the_next_ranges_from_all_connections() {
        let mut play = Play::of(100 * MIB);
        play.slots();
        let mut starts: Vec<_> = play.gets.iter().map(|get| get.at / MIB).collect();
        starts.sort_unstable();
        assert_eq!(starts, [0, 2, 4, 6]);
        play.seek(91 * MIB);
        assert_eq!(play.gets.len(), WAYS, "nothing is given up before it is known that no connection is free");
        play.bring(0, 1);
        assert!(play.gets.iter().any(|get| get.at == 91 * MIB), "the wanted byte comes first");
        play.bring(0, 4 * MIB);
        assert!(play.gets.iter().any(|get| get.at == 92 * MIB), "and then what follows it");
    }

    #[test]
    fn nobody_makes_room_for_what_is_there_or_comes_already() {
        let mut play = Play::of(100 * MIB);
        play.slots();
        play.bring(0, MIB);
        let before: Vec<_> = play.gets.iter().map(|get| get.ticket).collect();
        for from in [0, MIB / 2, MIB + 7, 3 * MIB] {
            play.seek(from);
            play.bring(0, 1);
        }
        assert_eq!(play.gets.iter().map(|get| get.ticket).collect::<Vec<_>>(), before);
    }
}
