//! What moves between the page and storage, over all transfers: how many requests, how many bytes, how fast.
//!
//! It needs no timer: it is told the time whenever something happens, and looks back.

use super::{host::Host, time::Millis, transfer::Command};

/// Speeds are means over so long at least.
const WINDOW: Millis = 1_000;
/// Bodies are under way, and no byte moves for so long: that is no pause for breath.
const SILENCE: Millis = 3_000;

/// One request's bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Load {
    moved: u64,
    /// Where it is known before.
    size: Option<u64>,
    host: Host,
    /// It is at another host than the usual one, with connections of its own.
    pub aside: bool,
}

impl Load {
    /// `None` for a command that moves no bytes of an object.
    pub fn of(command: &Command) -> Option<Self> {
        match command {
            Command::Put { signed, start, end } => Some(Self::new(&signed.url, Some(end - start))),
            Command::Get { signed, start, end } => Some(Self::new(&signed.url, end.map(|end| end - start))),
            _ => None,
        }
    }

    fn new(url: &str, size: Option<u64>) -> Self {
        Self { moved: 0, size, host: Host::of(url), aside: false }
    }

    pub fn host(&self) -> Host {
        self.host
    }

    pub fn moved(&self) -> u64 {
        self.moved
    }

    /// The network owes it bytes: not the server its answer, nor the page its turn.
    fn is_under_way(&self) -> bool {
        self.moved > 0 && self.size.is_none_or(|size| self.moved < size)
    }
}

/// What was seen in a while.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// Bytes per second, all together.
    pub goodput: u64,
    /// Milliseconds that requests have taken, all together.
    pub busy: u64,
    pub span: Millis,
}

impl Window {
    /// There was enough to do for so many requests, and no more of them than that.
    pub fn is_full(&self, most: usize) -> bool {
        let (busy, all) = (self.busy.saturating_mul(10), self.span.saturating_mul(most as u64));
        busy >= all.saturating_mul(8) && busy <= all.saturating_mul(11)
    }
}

#[derive(Default, Debug)]
pub struct Traffic {
    in_flight: usize,
    aside: usize,
    /// Where each request goes.
    hosts: Vec<Host>,
    under_way: usize,
    /// When a byte moved last, or silence was last told of.
    heard: Millis,
    /// The present window: since when, summed up until when, and what was seen in it.
    since: Millis,
    until: Millis,
    busy: u64,
    bytes: u64,
    /// Bytes per second of one request, when there was last a window full of them.
    pace: Option<u64>,
}

impl Traffic {
    /// Requests in flight.
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Those of them that share the usual host's connections.
    pub fn usual(&self) -> usize {
        self.in_flight - self.aside
    }

    pub fn at(&self, host: Host) -> usize {
        self.hosts.iter().filter(|other| **other == host).count()
    }

    /// Bytes per second that one request among the others makes, as far as that was seen.
    pub fn pace(&self) -> Option<u64> {
        self.pace
    }

    pub fn depart(&mut self, now: Millis, load: Load) {
        // Between small files there are short pauses; a long one is another time.
        if self.in_flight == 0 && now >= self.until.saturating_add(WINDOW) {
            self.restart(now);
        }
        self.sum_up(now);
        self.in_flight += 1;
        self.aside += usize::from(load.aside);
        self.hosts.push(load.host);
    }

    /// The request has `moved` so many bytes by now.
    pub fn moves(&mut self, now: Millis, load: &mut Load, moved: u64) {
        self.sum_up(now);
        self.under_way -= usize::from(load.is_under_way());
        if moved > load.moved {
            self.bytes += moved - load.moved;
            (load.moved, self.heard) = (moved, now);
        }
        self.under_way += usize::from(load.is_under_way());
    }

    pub fn land(&mut self, now: Millis, load: Load) {
        self.sum_up(now);
        self.under_way -= usize::from(load.is_under_way());
        self.in_flight -= 1;
        self.aside -= usize::from(load.aside);
        if let Some(at) = self.hosts.iter().position(|host| *host == load.host) {
            self.hosts.swap_remove(at);
        }
    }

    /// Whatever was seen is forgotten: the clock has jumped.
    pub fn restart(&mut self, now: Millis) {
        (self.heard, self.since, self.until, self.busy, self.bytes) = (now, now, now, 0, 0);
    }

    /// Nothing has moved that should; told once for each span of silence. To be asked before one tells what moves now.
    pub fn is_silent(&mut self, now: Millis) -> bool {
        if self.under_way == 0 {
            self.heard = self.heard.max(now);
            return false;
        }
        let silent = now >= self.heard.saturating_add(SILENCE);
        if silent {
            self.heard = now;
        }
        silent
    }

    /// What was seen since the last window, if that was long enough ago.
    pub fn window(&mut self, now: Millis) -> Option<Window> {
        self.sum_up(now);
        let span = now.saturating_sub(self.since);
        if span < WINDOW {
            return None;
        }
        let window = Window { goodput: self.bytes.saturating_mul(1000) / span, busy: self.busy, span };
        if self.bytes > 0 && self.busy > 0 {
            self.pace = Some(self.bytes.saturating_mul(1000) / self.busy);
        }
        (self.since, self.busy, self.bytes) = (now, 0, 0);
        Some(window)
    }

    fn sum_up(&mut self, now: Millis) {
        self.busy += (self.usual() as u64).saturating_mul(now.saturating_sub(self.until));
        self.until = self.until.max(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(size: Option<u64>) -> Load {
        Load::new("https://s.example/k", size)
    }

    #[test]
    fn a_window_sums_up_what_moved_and_who_was_busy() {
        let (mut traffic, mut one, two) = (Traffic::default(), load(Some(5_000)), load(None));
        traffic.depart(10_000, one);
        traffic.moves(10_100, &mut one, 1_000);
        traffic.depart(10_500, two);
        assert!(traffic.window(10_999).is_none());
        traffic.moves(11_000, &mut one, 4_000);
        let window = traffic.window(11_000).unwrap();
        assert_eq!((window.goodput, window.busy, window.span), (4_000, 1_500, 1_000));
        assert!(!window.is_full(1) && !window.is_full(2));
        assert_eq!(traffic.pace(), Some(2_666));
        traffic.land(11_500, two);
        traffic.land(11_500, one);
        assert_eq!(traffic.in_flight(), 0);
        traffic.depart(99_000, one);
        assert!(traffic.window(99_999).is_none(), "nobody was waited for meanwhile");
        assert!(traffic.window(100_000).is_some_and(|window| window.is_full(1) && !window.is_full(2)));
    }

    #[test]
    fn silence_is_of_bodies_under_way() {
        let (mut traffic, mut one) = (Traffic::default(), load(Some(100)));
        traffic.depart(0, one);
        assert!(!traffic.is_silent(9_000), "it may wait for a connection");
        traffic.moves(9_000, &mut one, 50);
        assert!(!traffic.is_silent(11_999));
        assert!(traffic.is_silent(12_000));
        assert!(!traffic.is_silent(12_001), "told once");
        assert!(traffic.is_silent(15_000));
        traffic.moves(15_000, &mut one, 100);
        assert!(!traffic.is_silent(99_000), "the server owes its answer");
    }
}
