//! What the store has been asked, for tests and the demo page.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

#[derive(Default)]
pub struct Stats {
    requests: Mutex<BTreeMap<&'static str, u64>>,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    in_flight: AtomicU64,
    max_in_flight: AtomicU64,
}

#[derive(Debug, Serialize)]
pub struct Report {
    pub requests: BTreeMap<&'static str, u64>,
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub in_flight: u64,
    pub max_in_flight: u64,
}

impl Stats {
    pub fn report(&self) -> Report {
        Report {
            requests: self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            bytes_in: self.bytes_in.load(Ordering::Relaxed),
            bytes_out: self.bytes_out.load(Ordering::Relaxed),
            in_flight: self.in_flight.load(Ordering::Relaxed),
            max_in_flight: self.max_in_flight.load(Ordering::Relaxed),
        }
    }

    /// Everything but what is running now.
    pub fn reset(&self) {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.bytes_in.store(0, Ordering::Relaxed);
        self.bytes_out.store(0, Ordering::Relaxed);
        let now = self.in_flight.load(Ordering::Relaxed);
        self.max_in_flight.store(now, Ordering::Relaxed);
    }

    /// Counts a request until what this returns is dropped.
    pub fn begin(self: &Arc<Self>, op: &'static str) -> InFlight {
        *self.requests.lock().unwrap_or_else(PoisonError::into_inner).entry(op).or_default() += 1;
        // A preflight carries nothing, so it is counted but not as a transfer under way.
        let counted = op != "preflight";
        if counted {
            let now = self.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
            self.max_in_flight.fetch_max(now, Ordering::Relaxed);
        }
        InFlight { stats: Some(self.clone()), counted }
    }
}

/// A request under way; nothing is counted for the page's origin.
#[derive(Default)]
pub struct InFlight {
    stats: Option<Arc<Stats>>,
    counted: bool,
}

impl InFlight {
    pub fn came_in(&self, bytes: usize) {
        if let Some(stats) = &self.stats {
            stats.bytes_in.fetch_add(bytes as u64, Ordering::Relaxed);
        }
    }

    pub fn went_out(&self, bytes: usize) {
        if let Some(stats) = &self.stats {
            stats.bytes_out.fetch_add(bytes as u64, Ordering::Relaxed);
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
