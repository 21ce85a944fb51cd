//! What the store has been asked, for tests and the demo page.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use crate::faults::target::Target;

#[derive(Default)]
pub struct Stats {
    requests: Mutex<BTreeMap<&'static str, u64>>,
    answers: Mutex<BTreeMap<u16, u64>>,
    parts: Mutex<BTreeMap<String, Part>>,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    in_flight: AtomicU64,
    max_in_flight: AtomicU64,
}

#[derive(Debug, Serialize)]
pub struct Report {
    pub requests: BTreeMap<&'static str, u64>,
    /// By status; those of preflights are left out.
    pub answers: BTreeMap<u16, u64>,
    /// By `<key>#<number>`, over all uploads of the key.
    pub parts: BTreeMap<String, Part>,
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub in_flight: u64,
    pub max_in_flight: u64,
}

/// What has come of one part: whoever sends again what is stored already is seen here.
#[derive(Debug, Default, Clone, Copy, Serialize)]
pub struct Part {
    /// Times that it was begun to be sent.
    pub tries: u64,
    /// Times that the store has taken it, whether or not its answer arrived.
    pub stored: u64,
    /// Bytes that came in, over all tries.
    pub bytes: u64,
}

impl Stats {
    pub fn report(&self) -> Report {
        Report {
            requests: self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            answers: self.answers.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            parts: self.parts.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            bytes_in: self.bytes_in.load(Ordering::Relaxed),
            bytes_out: self.bytes_out.load(Ordering::Relaxed),
            in_flight: self.in_flight.load(Ordering::Relaxed),
            max_in_flight: self.max_in_flight.load(Ordering::Relaxed),
        }
    }

    /// Everything but what is running now.
    pub fn reset(&self) {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.parts.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.bytes_in.store(0, Ordering::Relaxed);
        self.bytes_out.store(0, Ordering::Relaxed);
        let now = self.in_flight.load(Ordering::Relaxed);
        self.max_in_flight.store(now, Ordering::Relaxed);
    }

    /// Counts a request until what this returns is dropped.
    pub fn begin(self: &Arc<Self>, target: &Target) -> InFlight {
        *self.requests.lock().unwrap_or_else(PoisonError::into_inner).entry(target.op).or_default() += 1;
        // A preflight carries nothing, so it is counted but not as a transfer under way.
        let counted = target.op != "preflight";
        if counted {
            let now = self.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
            self.max_in_flight.fetch_max(now, Ordering::Relaxed);
        }
        let part = target.part.filter(|_| target.op == "part").map(|number| format!("{}#{number}", target.key));
        let flight = InFlight { stats: Some(self.clone()), counted, part };
        flight.of_part(|part| part.tries += 1);
        flight
    }
}

/// A request under way; nothing is counted for the page's origin.
#[derive(Default)]
pub struct InFlight {
    stats: Option<Arc<Stats>>,
    counted: bool,
    part: Option<String>,
}

impl InFlight {
    /// There is an answer, which may yet be lost; `stored` if the store has taken what the request carried.
    pub fn answered(&self, status: u16, stored: bool) {
        if let Some(stats) = &self.stats
            && self.counted
        {
            *stats.answers.lock().unwrap_or_else(PoisonError::into_inner).entry(status).or_default() += 1;
        }
        if stored {
            self.of_part(|part| part.stored += 1);
        }
    }

    pub fn came_in(&self, bytes: usize) {
        if let Some(stats) = &self.stats {
            stats.bytes_in.fetch_add(bytes as u64, Ordering::Relaxed);
        }
        self.of_part(|part| part.bytes += bytes as u64);
    }

    pub fn went_out(&self, bytes: usize) {
        if let Some(stats) = &self.stats {
            stats.bytes_out.fetch_add(bytes as u64, Ordering::Relaxed);
        }
    }

    fn of_part(&self, change: impl FnOnce(&mut Part)) {
        if let (Some(stats), Some(part)) = (&self.stats, &self.part) {
            change(stats.parts.lock().unwrap_or_else(PoisonError::into_inner).entry(part.clone()).or_default());
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if let Some(stats) = &self.stats
            && self.counted
        {
            stats.in_flight.fetch_sub(1, Ordering::Relaxed);
        }
    }
}
