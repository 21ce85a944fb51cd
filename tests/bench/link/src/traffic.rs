//! What has crossed the link.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde::Serialize;

#[derive(Default)]
pub struct Traffic {
    connections: AtomicU64,
    cuts: AtomicU64,
    up: AtomicU64,
    down: AtomicU64,
}

#[derive(Debug, Serialize)]
pub struct Counts {
    pub connections: u64,
    pub cuts: u64,
    /// Bytes to servers, headers among them.
    pub up: u64,
    pub down: u64,
}

#[derive(Debug, Clone, Copy)]
pub enum Way {
    Up,
    Down,
}

impl Traffic {
    pub fn opened(&self) {
        self.connections.fetch_add(1, Relaxed);
    }

    pub fn cut(&self) {
        self.cuts.fetch_add(1, Relaxed);
    }

    pub fn crossed(&self, way: Way, bytes: usize) {
        match way {
            Way::Up => self.up.fetch_add(bytes as u64, Relaxed),
            Way::Down => self.down.fetch_add(bytes as u64, Relaxed),
        };
    }

    pub fn counts(&self) -> Counts {
        Counts {
            connections: self.connections.load(Relaxed),
            cuts: self.cuts.load(Relaxed),
            up: self.up.load(Relaxed),
            down: self.down.load(Relaxed),
        }
    }

    pub fn reset(&self) {
        for count in [&self.connections, &self.cuts, &self.up, &self.down] {
            count.store(0, Relaxed);
        }
    }
}
