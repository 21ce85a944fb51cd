//! One range on its way from storage.

use super::{
    Download, Phase, Piece, Work,
    version::{self, Body, Version},
};
use crate::core::{
    disposition,
    error::{Code, Error, Failure},
    flight::Stage,
    host::Host,
    http::Response,
    integrity,
    plan::MIB,
    transfer::{Command, Level, Output, Ticket},
};

impl Download {
    pub(super) fn can_start(&self) -> bool {
        let open = match self.phase {
            Phase::Probing => self.has_next() && self.may_probe(),
            Phase::Fetching => self.has_next() || self.victim().is_some(),
            _ => false,
        };
        open && !self.paused && self.lease().is_some()
    }

    /// All that is wanted, while nothing of it is known.
    pub(super) fn all(&self) -> Piece {
        self.window.as_ref().map_or(Piece::new(0, None), |window| Piece::new(window.start, window.end))
    }

    pub(super) fn start(&self) -> u64 {
        self.all().at
    }

    /// A piece waits for a request, and a stream has room for it.
    pub(super) fn has_next(&self) -> bool {
        let has_room =
            |piece| self.phase == Phase::Probing || self.window.as_ref().is_none_or(|window| window.has_room(piece));
        self.pieces.next().is_some_and(has_room)
    }

    fn next_piece(&mut self) -> Option<Piece> {
        if !self.has_next() {
            return None;
        }
        let mut piece = self.cursor.take(&mut self.pieces)?;
        // The first request shall tell the size: it asks for all.
        let step = self.pace.step().filter(|_| self.part_size.is_none()).map(|step| piece.at.saturating_add(step));
        if self.phase == Phase::Fetching
            && let Some(end) = self.window.as_ref().map_or(step, |window| window.end_of_step(&piece))
            && piece.end.is_some_and(|whole| end < whole)
            && let Some(rest) = piece.cut(end)
        {
            self.pieces.put(rest);
        }
        Some(piece)
    }

    /// The flight whose rest takes longest, where half of it is worth a request.
    fn victim(&self) -> Option<Ticket> {
        if self.part_size.is_some() {
            return None;
        }
        let rest = |(ticket, work): (Ticket, &Work)| match work {
            Work::Get { piece, .. } if piece.opened => Some((piece.worth_stealing(self.now, self.round_trip)?, ticket)),
            _ => None,
        };
        self.flights.iter().filter_map(rest).max().map(|(_, ticket)| ticket)
    }

    pub(super) fn start_piece(&mut self, at: Option<Host>) {
        if !self.can_start() {
            return;
        }
        let stolen = self.next_piece().or_else(|| {
            let ticket = self.victim()?;
            let Some(Work::Get { piece, .. }) = self.flights.get_mut(ticket) else {
                return None;
            };
            let half = piece.halve();
            self.read(ticket);
            half
        });
        let (Some(mut piece), Some((mut signed, host))) = (stolen, self.signed_at(at)) else {
            return;
        };
        signed.headers.extend(self.condition());
        piece.begin(self.now);
        self.touch(piece.at);
        let (start, end) = (piece.at, piece.end);
        let ticket = self.flights.depart(self.now, Work::Get { piece, signature: self.signature, host });
        self.out.push_back(Output::Perform(ticket, Command::Get { signed, start, end }));
    }

    pub(super) fn head(&mut self, ticket: Ticket, head: &Response) {
        let undecided = self.is_undecided();
        let Some(Work::Get { piece, host, .. }) = self.flights.get_mut(ticket) else {
            return;
        };
        let (at, end, host, took) = (piece.at, piece.end, *host, piece.under_way(self.now));
        let is_early = undecided && at > 0;
        piece.opened = !is_early;
        self.flights.heard(ticket, self.now, Stage::Reading);
        self.reached();
        if is_early {
            return self.head_early(ticket, head);
        }
        self.pace.learn(took, head);
        self.matching.answered(self.phase == Phase::Probing);
        let (first, version) = (self.phase == Phase::Probing, Version::of(head));
        let body = match version::body(head, at, end) {
            // What comes is decoded, whether or not the header that says so can be read.
            Ok(Body::Whole { .. }) if self.plain => Ok(Body::Whole { size: None }),
            body => body,
        };
        match body {
            Err(failure) => self.misled(ticket, failure),
            Ok(_) if self.is_of_another_version(host, &version) => self.mixed(ticket),
            Ok(_) if self.passes_over(host, &version) => {
                self.log(
                    Level::Warn,
                    "A host has another version of the object than the backend says: others are asked first.",
                );
                self.out.push_back(Output::Cancel(ticket));
                if let Some(Work::Get { piece, .. }) = self.flights.land(ticket) {
                    self.put_back(piece, None);
                }
            }
            Ok(Body::Whole { .. }) if !first => {
                let error = Error::new(Code::Storage, "Storage answered a range with the whole object.")
                    .with_status(head.status);
                self.misled(ticket, Failure::retry(error));
            }
            Ok(Body::Range { total, .. }) if !first && total.is_some_and(|total| Some(total) != self.size) => {
                self.mixed(ticket)
            }
            Ok(Body::Range { .. }) if !first => self.read(ticket),
            Ok(body) => {
                (self.version, self.version_of) = (version, Some(host));
                // Of a range, storage tells none but that of a part.
                if (at, end) == (0, None) {
                    self.hashing.told = integrity::in_headers(&head.headers);
                }
                // Google hands out what is stored as gzip decoded to some, and then ignores ranges.
                let encodings = ["content-encoding", "x-goog-stored-content-encoding"];
                let encoding = encodings.iter().find_map(|name| head.headers.get(name));
                self.hashing.decoded = encoding.is_some_and(|encoding| encoding != "identity") || self.plain;
                self.content_type = self.content_type.take().or(head.headers.get("content-type").map(str::to_owned));
                let named = head.headers.get("content-disposition").and_then(disposition::filename);
                self.filename = named.or(self.filename.take());
                self.round_trip = took;
                self.learned(ticket, body);
            }
        }
    }

    /// The first answer is here: what kind of object it is decides how it is fetched.
    fn learned(&mut self, ticket: Ticket, body: Body) {
        let (start, wanted) = (self.start(), self.all().end);
        let within = |size: u64| size.min(wanted.unwrap_or(size));
        let end = match body {
            Body::Range { total: Some(total), .. } => Some(within(total)),
            Body::Range { total: None, end } => end.filter(|_| wanted.is_some()),
            Body::Whole { size } => size.map(within),
        };
        if end.is_some_and(|end| end <= start && start > 0) {
            return self.fail(beyond());
        }
        let share = self.agreed(body);
        self.phase = match (body, end) {
            (Body::Range { .. }, Some(_)) => Phase::Fetching,
            _ => Phase::Streaming,
        };
        let from = if let Body::Whole { .. } = body { 0 } else { start };
        match (body, end) {
            (Body::Range { .. }, Some(end)) => self.spread(ticket, start, end, share),
            (Body::Whole { .. }, Some(end)) => {
                self.log(Level::Warn, "Storage ignores ranges: the object comes as one stream.");
                self.bound(ticket, Some(end));
            }
            (_, None) => {
                self.log(
                    Level::Warn,
                    if self.plain {
                        "The object is stored encoded, and decoded on its way: it comes as one stream."
                    } else {
                        "Storage does not tell the object's size: it comes as one stream."
                    },
                );
                self.bound(ticket, wanted);
            }
        }
        if let Some(Work::Get { piece, .. }) = self.flights.get_mut(ticket) {
            piece.at = from;
        }
        self.size = match body {
            Body::Range { total: Some(total), .. } => Some(total),
            _ => end,
        };
        if let Some(end) = end {
            self.meter.set_total(end - start);
            self.show_blocks(end);
        }
        self.read(ticket);
        if share.is_some() {
            self.read_early();
        }
    }

    /// The rest is split over the connections; of a stream, range after range.
    fn spread(&mut self, ticket: Ticket, start: u64, end: u64, share: Option<u64>) {
        let mut first = Piece::new(start, Some(end));
        let bound = match self.window.as_ref().and_then(|window| window.end_of_step(&first)) {
            Some(bound) => {
                first.cut(bound).into_iter().for_each(|rest| self.pieces.put(rest));
                bound
            }
            None => {
                let hosts = if self.fixed { 1 } else { self.choice().len().max(1) };
                let share = share.unwrap_or_else(|| {
                    self.pieces.split(0, end, self.ways * hosts, self.part_size.or(self.cursor.step()))
                });
                let step = self.pace.step().filter(|step| *step < share && self.part_size.is_none());
                step.into_iter().for_each(|step| self.pieces.put(Piece::new(step, Some(share))));
                step.unwrap_or(share)
            }
        };
        self.bound(ticket, Some(bound));
        self.remember(end);
    }

    fn bound(&mut self, ticket: Ticket, end: Option<u64>) {
        if let Some(Work::Get { piece, .. }) = self.flights.get_mut(ticket) {
            piece.end = end;
        }
    }

    pub(super) fn read(&mut self, ticket: Ticket) {
        if let Some(Work::Get { piece, .. }) = self.flights.get_mut(ticket) {
            let until = piece.end.unwrap_or(u64::MAX);
            self.out.push_back(Output::Read(ticket, until));
        }
    }

    /// The answer is not to what was asked: its body must not be read.
    fn misled(&mut self, ticket: Ticket, failure: Failure) {
        self.out.push_back(Output::Cancel(ticket));
        if let Some(Work::Get { piece, signature, host }) = self.flights.land(ticket) {
            self.piece_failed(piece, signature, host, failure);
        }
    }

    /// The answer is of another version: the host's fault where there are others, else the object was replaced.
    fn mixed(&mut self, ticket: Ticket) {
        if self.hosts.are_several() {
            self.misled(ticket, Failure::fatal(version::changed()));
        } else {
            self.fail(version::changed());
        }
    }

    pub(super) fn received(&mut self, ticket: Ticket, bytes: u64) {
        let Some(Work::Get { piece, host, .. }) = self.flights.get_mut(ticket) else {
            return;
        };
        self.hosts.gain(*host);
        self.pace.receive(bytes);
        let at = piece.at;
        let own = piece.advance(bytes);
        // A stream that its reader does not read has not stalled.
        let waits = self.window.as_ref().is_some_and(|window| piece.at >= window.limit());
        self.flights.heard(ticket, self.now, if waits { Stage::Local } else { Stage::Reading });
        // What a server without ranges sends before a stream's start is not wanted.
        let wanted_from = at.max(self.start());
        self.received += (at + own).saturating_sub(wanted_from);
        if self.received >= self.gained_at.saturating_add(MIB) {
            self.gained_at = self.received;
            self.budget.gain();
        }
        if let Some(blocks) = &mut self.blocks {
            blocks.receive(at, own);
        }
    }

    /// The reader of a stream has got on.
    pub(super) fn taken(&mut self, up_to: u64) {
        let Some(window) = &mut self.window else { return };
        let before = window.limit();
        window.take(up_to);
        let waited = |(ticket, work): (Ticket, &Work)| match work {
            Work::Get { piece, .. } if piece.at >= before && piece.at < window.limit() => Some(ticket),
            _ => None,
        };
        let waited = self.flights.iter().find_map(waited);
        if let Some(ticket) = waited {
            self.flights.heard(ticket, self.now, Stage::Reading);
        }
    }
}

pub(super) fn beyond() -> Error {
    Error::new(Code::InvalidOption, "`start` lies beyond the object's end.")
}
