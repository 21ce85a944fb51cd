//! Progress as it is shown: it never falls, has a speed, and comes at most once a frame.

use std::collections::VecDeque;

use super::{
    time::Millis,
    transfer::{Deadline, Event, Progress, Reason},
};

/// Events are held back so long, about a frame of a display.
const FRAME: Millis = 16;
/// The speed shown is the mean over so long.
const WINDOW: Millis = 4_000;
/// Samples are this far apart at least, so that the window holds a bounded number of them.
const SAMPLE: Millis = 100;

#[derive(Debug)]
pub struct Meter {
    total: u64,
    /// Bytes that count now; falls when an attempt is lost.
    loaded: u64,
    /// The most that was ever shown.
    shown: u64,
    /// All bytes that ever counted, those of lost attempts too: what the speed is made of.
    moved: u64,
    samples: VecDeque<(Millis, u64)>,
    dirty: bool,
    flushed: Option<Millis>,
}

impl Meter {
    pub fn new(total: u64) -> Self {
        Self { total, loaded: 0, shown: 0, moved: 0, samples: VecDeque::new(), dirty: false, flushed: None }
    }

    pub fn set_total(&mut self, total: u64) {
        self.total = total;
        self.dirty = true;
    }

    /// `loaded` is the sum of what is stored and what is under way.
    pub fn set(&mut self, now: Millis, loaded: u64) {
        self.moved = self.moved.saturating_add(loaded.saturating_sub(self.loaded));
        self.loaded = loaded;
        self.dirty |= loaded != self.shown;
        match self.samples.back_mut() {
            Some((at, last)) if now < at.saturating_add(SAMPLE) => *last = self.moved,
            _ => self.samples.push_back((now, self.moved)),
        }
        while self.samples.get(1).is_some_and(|(at, _)| at.saturating_add(WINDOW) <= now) {
            self.samples.pop_front();
        }
    }

    /// Something else than the bytes is to be shown with the next frame.
    pub fn touch(&mut self) {
        self.dirty = true;
    }

    /// Movement ends for now: an old speed would be a lie when it goes on.
    pub fn rest(&mut self) {
        self.samples.clear();
        self.dirty = true;
    }

    /// The next frame's event, if one is due. `last` does not wait for the frame.
    pub fn flush(&mut self, now: Millis, last: bool) -> Option<Event> {
        let due = self.flushed.is_none_or(|flushed| now >= flushed.saturating_add(FRAME));
        if !self.dirty || !(due || last) {
            return None;
        }
        (self.dirty, self.flushed) = (false, Some(now));
        Some(Event::Progress(self.progress()))
    }

    pub fn deadline(&self) -> Option<Deadline> {
        let at = self.flushed.unwrap_or_default().saturating_add(FRAME);
        self.dirty.then_some(Deadline { at, reason: Reason::Frame })
    }

    pub fn progress(&mut self) -> Progress {
        self.shown = self.shown.max(self.loaded);
        let bytes_per_second = self.speed();
        let left = self.total.saturating_sub(self.shown);
        let seconds_left = (bytes_per_second > 0).then(|| left.div_ceil(bytes_per_second));
        // An object that is another one after a restart may be smaller than what was shown already.
        let total = if self.total == 0 { 0 } else { self.total.max(self.shown) };
        Progress { loaded: self.shown, total, bytes_per_second, seconds_left }
    }

    /// Bytes per second of late; 0 while nothing moves.
    pub fn speed(&self) -> u64 {
        let (Some((start, from)), Some((end, to))) = (self.samples.front(), self.samples.back()) else {
            return 0;
        };
        to.saturating_sub(*from).saturating_mul(1000).checked_div(end - start).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn progress_never_falls_and_never_passes_a_frame(steps in prop::collection::vec((0u64..40, 0u64..1000), 1..100)) {
            let (mut meter, mut now, mut shown, mut last) = (Meter::new(1000), 0, 0, None::<Millis>);
            for (pause, loaded) in steps {
                now += pause;
                meter.set(now, loaded);
                if let Some(Event::Progress(progress)) = meter.flush(now, false) {
                    prop_assert!(progress.loaded >= shown && progress.loaded >= loaded);
                    prop_assert!(last.is_none_or(|last| now >= last + FRAME));
                    (shown, last) = (progress.loaded, Some(now));
                }
            }
        }
    }

    #[test]
    fn speed_is_the_mean_of_the_window() {
        let mut meter = Meter::new(1 << 30);
        for second in 0..10 {
            meter.set(second * 1000, second * 5_000_000);
        }
        let progress = meter.progress();
        assert_eq!(progress.bytes_per_second, 5_000_000);
        assert_eq!(progress.seconds_left, Some(((1 << 30) - 45_000_000u64).div_ceil(5_000_000)));
        meter.set(10_000, 20_000_000);
        assert!(meter.progress().bytes_per_second > 3_000_000, "a lost attempt is no standstill");
        meter.rest();
        assert_eq!((meter.progress().bytes_per_second, meter.progress().seconds_left), (0, None));
    }
}
