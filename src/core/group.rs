//! Several uploads shown as one: the sums, kept up to date at a constant cost per event.

use serde::Serialize;

use super::{
    meter::Meter,
    sorted::Sorted,
    time::Millis,
    transfer::{Deadline, Event, Progress},
};

/// How many files of a group have ended, and how.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize)]
pub struct Files {
    pub done: u32,
    pub failed: u32,
    pub total: u32,
}

#[derive(Debug)]
pub struct Group {
    loaded: Sorted<u64, u64>,
    sum: u64,
    total: u64,
    files: Files,
    meter: Meter,
}

impl Group {
    pub fn new(total_bytes: u64, files: u32) -> Self {
        Self {
            loaded: Sorted::default(),
            sum: 0,
            total: total_bytes,
            files: Files { total: files, ..Files::default() },
            meter: Meter::new(total_bytes),
        }
    }

    /// A member will send another number of bytes than was announced.
    pub fn replace(&mut self, announced: u64, bytes: u64) {
        self.total = (self.total + bytes).saturating_sub(announced);
        self.meter.set_total(self.total);
    }

    pub fn progress(&mut self, now: Millis, member: u64, loaded: u64) {
        let before = self.loaded.insert(member, loaded).unwrap_or_default();
        self.sum = self.sum - before + loaded;
        self.meter.set(now, self.sum);
    }

    pub fn end(&mut self, member: u64, done: bool) {
        self.loaded.remove(&member);
        if done {
            self.files.done += 1
        } else {
            self.files.failed += 1
        }
        self.meter.touch();
    }

    /// The next frame's figures, if one is due.
    pub fn flush(&mut self, now: Millis) -> Option<(Progress, Files)> {
        match self.meter.flush(now, self.is_over())? {
            Event::Progress(progress) => Some((progress, self.files)),
            _ => None,
        }
    }

    pub fn is_over(&self) -> bool {
        self.files.done + self.files.failed == self.files.total
    }

    pub fn deadline(&self) -> Option<Deadline> {
        self.meter.deadline()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_follow_their_members() {
        let mut group = Group::new(30, 2);
        group.progress(0, 1, 5);
        group.progress(0, 2, 10);
        group.progress(20, 1, 10);
        let (progress, files) = group.flush(20).unwrap();
        assert_eq!((progress.loaded, progress.total, files.done), (20, 30, 0));
        group.end(1, true);
        group.end(2, false);
        assert_eq!(group.flush(21).unwrap().1, Files { done: 1, failed: 1, total: 2 });
        assert!(group.is_over());
    }
}
