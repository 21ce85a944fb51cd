//! The inner loop of reflected CRCs of up to 64 bits: sixteen bytes at once, each looked up in a table of its own (Kounavis
//! and Berry 2005, "A Systematic Approach to Building High Performance Software-Based CRC Generators").
//!
//! The tables are made at run time, because as constants they would not compress; and they stand at a fixed address, because
//! WebAssembly then looks up with one instruction, which makes the loop half as fast again.

use std::sync::atomic::{
    AtomicBool, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};

/// Bytes looked up at once.
const LANES: usize = 16;

/// A polynomial with its tables. Threads that fill them at once write the same.
pub struct Crc {
    /// Its highest power at the lowest bit.
    pub polynomial: u64,
    filled: AtomicBool,
    tables: [[AtomicU64; 256]; LANES],
}

impl Crc {
    pub const fn new(polynomial: u64) -> Self {
        let tables = [const { [const { AtomicU64::new(0) }; 256] }; LANES];
        Self { polynomial, filled: AtomicBool::new(false), tables }
    }

    /// What bytes make of the register. Inlined, so that each caller's tables have their fixed address.
    #[inline(always)]
    pub fn feed(&self, register: u64, bytes: &[u8]) -> u64 {
        if !self.filled.load(Acquire) {
            self.fill();
        }
        self.fold(register, bytes)
    }

    #[allow(clippy::indexing_slicing, reason = "a byte is an index of 256, and lanes are counted")]
    #[inline(never)]
    fn fill(&self) {
        let [first, ..] = &self.tables;
        let shifted = |value: u64| (value >> 1) ^ if value & 1 == 1 { self.polynomial } else { 0 };
        for (byte, entry) in first.iter().enumerate() {
            entry.store((0..8).fold(byte as u64, |value, _| shifted(value)), Relaxed);
        }
        for [before, next] in self.tables.array_windows() {
            for (before, entry) in before.iter().zip(next) {
                let before = before.load(Relaxed);
                entry.store(first[before as usize & 255].load(Relaxed) ^ (before >> 8), Relaxed);
            }
        }
        self.filled.store(true, Release);
    }

    #[allow(clippy::indexing_slicing, reason = "a byte is an index of 256, and lanes are counted")]
    #[inline(always)]
    fn fold(&self, mut register: u64, bytes: &[u8]) -> u64 {
        let at = |lane: usize, word: u32, bits: u32| self.tables[lane][(word >> bits) as usize & 255].load(Relaxed);
        let (pairs, rest) = bytes.as_chunks::<LANES>();
        for pair in pairs {
            let pair = u128::from_le_bytes(*pair);
            let word = register ^ pair as u64;
            let (a, b, c, d) = (word as u32, (word >> 32) as u32, (pair >> 64) as u32, (pair >> 96) as u32);
            // Written out: a loop over the lanes, compiled for size, is a third as fast.
            register = (at(7, c, 0) ^ at(6, c, 8) ^ at(5, c, 16) ^ at(4, c, 24))
                ^ (at(3, d, 0) ^ at(2, d, 8) ^ at(1, d, 16) ^ at(0, d, 24))
                ^ (at(15, a, 0) ^ at(14, a, 8) ^ at(13, a, 16) ^ at(12, a, 24))
                ^ (at(11, b, 0) ^ at(10, b, 8) ^ at(9, b, 16) ^ at(8, b, 24));
        }
        for byte in rest {
            register = at(0, (register as u8 ^ byte).into(), 0) ^ (register >> 8);
        }
        register
    }
}
