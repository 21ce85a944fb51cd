//! A bandwidth: when the bytes that come now will have left.

use std::time::Duration;

use tokio::time::Instant;

/// Timers wake late by a millisecond or so; what was lost by that may be caught up with.
const SLACK: Duration = Duration::from_millis(5);

pub struct Pace {
    bytes_per_second: Option<f64>,
    /// When the last byte so far leaves.
    free: Option<Instant>,
}

impl Pace {
    pub fn new(bytes_per_second: Option<f64>) -> Self {
        Self { bytes_per_second, free: None }
    }

    /// Takes the bytes; when the last of them has left.
    pub fn take(&mut self, bytes: usize, now: Instant) -> Instant {
        let Some(rate) = self.bytes_per_second else { return now };
        let least = now.checked_sub(SLACK).unwrap_or(now);
        let start = self.free.map_or(now, |free| free.max(least));
        let end = start + Duration::from_secs_f64(bytes as f64 / rate);
        self.free = Some(end);
        end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_its_rate_though_timers_are_late() {
        let start = Instant::now();
        let mut pace = Pace::new(Some(1_000_000.0));
        let mut now = start;
        for _ in 0..100 {
            // Each wake-up is 2 ms late.
            now = pace.take(10_000, now).max(now) + Duration::from_millis(2);
        }
        let rate = 1_000_000.0 / (now - start).as_secs_f64();
        assert!((990_000.0..1_010_000.0).contains(&rate), "{rate}");
    }

    #[test]
    fn a_rest_earns_nothing() {
        let start = Instant::now();
        let mut pace = Pace::new(Some(1_000.0));
        pace.take(1_000, start);
        let later = start + Duration::from_secs(60);
        assert!(pace.take(1_000, later) >= later + Duration::from_millis(995));
    }

    #[test]
    fn without_a_rate_nothing_waits() {
        let now = Instant::now();
        assert_eq!(Pace::new(None).take(1 << 30, now), now);
    }
}
