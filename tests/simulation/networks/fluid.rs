//! A network as pipes and a fluid: requests share what there is, each up to what its connection lets through.

use presigned::core::{chance::Chance, time::Millis};

/// Speeds in bytes per millisecond.
#[derive(Clone, Copy, Debug)]
pub struct Network {
    pub name: &'static str,
    /// One connection for all requests, each a stream; else one connection a request.
    pub h2: bool,
    /// All together.
    pub capacity: u64,
    /// A connection, or a stream, from a slowest to a fastest.
    pub per_way: [u64; 2],
    /// A round trip.
    pub latency: Millis,
    /// Connections are cut after so many bytes.
    pub cut_after: Option<[u64; 2]>,
    /// The store answers SlowDown beyond these.
    pub most_at_once: Option<usize>,
    pub most_per_second: Option<u64>,
    /// Beyond so many, less gets through with each, and in some seconds nothing at all.
    pub collapses_above: Option<usize>,
    /// Requests beyond these are held in silence until they are given up.
    pub held_above: Option<usize>,
    /// What is uploaded.
    pub files: u64,
    pub size: u64,
}

impl Network {
    pub fn is_by_chance(&self) -> bool {
        self.cut_after.is_some() || self.per_way[0] != self.per_way[1]
    }
}

/// An open connection that a request may use.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    pub speed: u64,
    pub left_to_cut: u64,
}

#[derive(Debug)]
struct Flow {
    id: u64,
    left: u64,
    way: Way,
    speed: u64,
    held: bool,
}

/// How a request's body is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flowing {
    /// So many bytes are left, and it is worth looking again then.
    On(u64, Millis),
    Cut,
    Through,
}

pub struct Fluid {
    network: Network,
    chance: Chance,
    flows: Vec<Flow>,
    idle: Vec<Way>,
    now: Millis,
    next: u64,
    /// Requests that the store may take just now, in thousandths; filled with time.
    tokens: u64,
}

/// Browsers tell of progress more often; to all at once, so that it costs less to look.
const REPORT: Millis = 250;

impl Fluid {
    pub fn new(network: Network, seed: u64) -> Self {
        let tokens = network.most_per_second.unwrap_or_default() * 1000;
        Self { network, chance: Chance::new(seed), flows: Vec::new(), idle: Vec::new(), now: 0, next: 0, tokens }
    }

    /// A connection to send over, and how long it takes until it is there.
    pub fn connect(&mut self) -> (Way, Millis) {
        let [slowest, fastest] = self.network.per_way;
        // The one connection of HTTP/2 is open all the time.
        if self.network.h2 {
            return (Way { speed: fastest, left_to_cut: u64::MAX }, 0);
        }
        if let Some(way) = self.idle.pop() {
            return (way, 0);
        }
        let speed = slowest + self.chance.up_to(fastest - slowest);
        let left_to_cut =
            self.network.cut_after.map_or(u64::MAX, |[least, most]| least + self.chance.up_to(most - least));
        // TCP, and TLS 1.3.
        (Way { speed, left_to_cut }, 2 * self.network.latency)
    }

    /// Whether the store takes one more request, which begins to send now.
    pub fn enter(&mut self, now: Millis, way: Way, bytes: u64) -> Option<u64> {
        self.settle(now);
        if self.network.most_at_once.is_some_and(|most| self.flows.len() >= most) {
            return None;
        }
        if self.network.most_per_second.is_some() {
            if self.tokens < 1000 {
                return None;
            }
            self.tokens -= 1000;
        }
        let held =
            self.network.held_above.is_some_and(|most| self.flows.iter().filter(|flow| !flow.held).count() >= most);
        self.next += 1;
        self.flows.push(Flow { id: self.next, left: bytes, way, speed: 0, held });
        self.share();
        Some(self.next)
    }

    pub fn look(&mut self, now: Millis, id: u64) -> Flowing {
        self.settle(now);
        let Some(flow) = self.flows.iter().find(|flow| flow.id == id) else { return Flowing::Cut };
        if flow.left == 0 {
            return Flowing::Through;
        }
        if flow.way.left_to_cut == 0 {
            return Flowing::Cut;
        }
        let until = flow.left.min(flow.way.left_to_cut).div_ceil(flow.speed.max(1));
        Flowing::On(flow.left, until.clamp(1, REPORT - now % REPORT))
    }

    /// It is through, or given up: then its connection is closed.
    pub fn leave(&mut self, now: Millis, id: u64) {
        self.settle(now);
        if let Some(index) = self.flows.iter().position(|flow| flow.id == id) {
            let flow = self.flows.swap_remove(index);
            if flow.left == 0 {
                self.keep(flow.way);
            }
        }
        self.share();
    }

    /// A connection waits for the next request.
    pub fn keep(&mut self, way: Way) {
        if !self.network.h2 {
            self.idle.push(way);
        }
    }

    fn settle(&mut self, now: Millis) {
        let per_second = self.network.most_per_second.unwrap_or_default();
        // Tokens of one second at the most.
        self.tokens = (self.tokens + (now - self.now) * per_second).min(per_second * 1000);
        let crowded = self.network.collapses_above.is_some_and(|most| self.flows.len() > most);
        let mut moving = now - self.now;
        if crowded {
            // In four seconds of eight, nothing moves.
            let moved = |until: Millis| until / 8_000 * 4_000 + (until % 8_000).min(4_000);
            moving = moved(now) - moved(self.now);
        }
        for flow in self.flows.iter_mut().filter(|flow| !flow.held) {
            let bytes = (flow.speed * moving).min(flow.left).min(flow.way.left_to_cut);
            flow.left -= bytes;
            flow.way.left_to_cut -= if flow.way.left_to_cut == u64::MAX { 0 } else { bytes };
        }
        self.now = now;
    }

    /// Max-min fair: who can take less than an equal share leaves the rest to the others.
    fn share(&mut self) {
        let count = self.flows.iter().filter(|flow| !flow.held).count() as u64;
        let mut capacity = self.network.capacity;
        if let Some(most) = self.network.collapses_above.filter(|most| count > *most as u64) {
            capacity = capacity * most as u64 / count;
        }
        self.flows.sort_by_key(|flow| (flow.way.speed, flow.id));
        let mut left = count;
        for flow in self.flows.iter_mut().filter(|flow| !flow.held) {
            flow.speed = flow.way.speed.min(capacity / left).max(1);
            capacity -= flow.speed.min(capacity);
            left -= 1;
        }
    }
}
