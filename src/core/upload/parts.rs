//! The parts of one upload: what is waiting, under way, resting before a retry, and stored.

use crate::core::{
    plan::Plan,
    retry::Backoff,
    sorted::Sorted,
    time::Millis,
    transfer::{PartEvent, PartState},
};

#[derive(Debug)]
struct Part {
    state: PartState,
    loaded: u64,
    etag: Option<String>,
    backoff: Backoff,
    /// How many parts were stored when this one failed last: more since then is progress.
    stored_at_failure: u32,
    resigned: bool,
}

#[derive(Debug)]
pub struct Parts {
    plan: Plan,
    parts: Vec<Part>,
    waiting: Sorted<u32>,
    resting: Sorted<(Millis, u32)>,
    stored: u32,
    /// Bytes stored or under way.
    loaded: u64,
    changed: Sorted<u32>,
}

impl Parts {
    pub fn new(plan: Plan) -> Self {
        let part = || Part {
            state: PartState::Waiting,
            loaded: 0,
            etag: None,
            backoff: Backoff::default(),
            stored_at_failure: 0,
            resigned: false,
        };
        let numbers = 1..=plan.parts();
        Self {
            plan,
            parts: numbers.clone().map(|_| part()).collect(),
            waiting: Sorted::of(numbers.clone()),
            resting: Sorted::default(),
            stored: 0,
            loaded: 0,
            changed: Sorted::of(numbers),
        }
    }

    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Numbers of the parts that may start, lowest first.
    pub fn waiting(&self) -> impl Iterator<Item = u32> {
        self.waiting.keys().copied()
    }

    pub fn all_stored(&self) -> bool {
        self.stored as usize == self.parts.len()
    }

    pub fn loaded(&self) -> u64 {
        self.loaded
    }

    pub fn bytes_left(&self) -> u64 {
        self.plan.size() - self.loaded.min(self.plan.size())
    }

    /// What Complete wants to know.
    pub fn etags(&self) -> Vec<(u32, String)> {
        (1..).zip(&self.parts).filter_map(|(number, part)| Some((number, part.etag.clone()?))).collect()
    }

    pub fn start(&mut self, number: u32) {
        self.waiting.remove(&number);
        self.set(number, PartState::Active, 0);
    }

    pub fn sent(&mut self, number: u32, loaded: u64) {
        let bytes = self.plan.bytes(number);
        self.set(number, PartState::Active, loaded.min(bytes.end - bytes.start));
    }

    pub fn store(&mut self, number: u32, etag: Option<String>) {
        let bytes = self.plan.bytes(number);
        self.set(number, PartState::Done, bytes.end - bytes.start);
        self.stored += 1;
        if let Some(part) = self.part(number) {
            part.etag = etag;
        }
    }

    /// The attempt is off, through no fault of the part's.
    pub fn put_back(&mut self, number: u32) {
        self.waiting.add(number);
        self.set(number, PartState::Waiting, 0);
    }

    pub fn rest(&mut self, number: u32, until: Millis) {
        self.resting.add((until, number));
        self.set(number, PartState::Resting, 0);
    }

    /// Parts whose pause is over wait again.
    pub fn wake(&mut self, now: Millis) {
        while let Some((&(_, number), ())) = self.resting.first().filter(|((until, _), ())| *until <= now) {
            self.resting.pop_first();
            self.put_back(number);
        }
    }

    pub fn next_wake(&self) -> Option<Millis> {
        self.resting.first().map(|((until, _), ())| *until)
    }

    /// The part's retries; they start afresh where other parts were stored meanwhile.
    pub fn backoff(&mut self, number: u32) -> Option<&mut Backoff> {
        let stored = self.stored;
        let part = self.part(number)?;
        if stored > part.stored_at_failure {
            part.stored_at_failure = stored;
            part.backoff.refresh();
        }
        Some(&mut part.backoff)
    }

    /// True the first time: one fresh signature is owed to a part.
    pub fn may_resign(&mut self, number: u32) -> bool {
        self.part(number).is_some_and(|part| !std::mem::replace(&mut part.resigned, true))
    }

    /// The parts that changed since the last call.
    pub fn changes(&mut self) -> Vec<PartEvent> {
        std::mem::take(&mut self.changed).keys().filter_map(|number| self.event(*number)).collect()
    }

    pub fn has_changes(&self) -> bool {
        !self.changed.is_empty()
    }

    fn event(&self, number: u32) -> Option<PartEvent> {
        let part = self.parts.get(number as usize - 1)?;
        let bytes = self.plan.bytes(number);
        Some(PartEvent {
            part: number,
            parts: self.plan.parts(),
            state: part.state,
            loaded: part.loaded,
            size: bytes.end - bytes.start,
            attempt: part.backoff.attempt() + 1,
        })
    }

    fn part(&mut self, number: u32) -> Option<&mut Part> {
        self.parts.get_mut(number as usize - 1)
    }

    fn set(&mut self, number: u32, state: PartState, loaded: u64) {
        let Some(part) = self.part(number) else {
            return;
        };
        let before = std::mem::replace(&mut part.loaded, loaded);
        part.state = state;
        self.loaded = self.loaded - before + loaded;
        self.changed.add(number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_rests_and_wakes() {
        let mut parts = Parts::new(Plan::new(25, 10).unwrap());
        parts.start(1);
        parts.sent(1, 7);
        assert_eq!((parts.loaded(), parts.bytes_left()), (7, 18));
        parts.rest(1, 100);
        assert_eq!((parts.loaded(), parts.next_wake()), (0, Some(100)));
        parts.wake(99);
        assert_eq!(parts.waiting().collect::<Vec<_>>(), [2, 3]);
        parts.wake(100);
        assert_eq!(parts.waiting().collect::<Vec<_>>(), [1, 2, 3]);
    }

    #[test]
    fn all_stored_with_etags_in_order() {
        let mut parts = Parts::new(Plan::new(25, 10).unwrap());
        for number in [3, 1, 2] {
            parts.start(number);
            parts.store(number, Some(format!("e{number}")));
        }
        assert!(parts.all_stored());
        assert_eq!(parts.loaded(), 25);
        assert_eq!(parts.etags(), [(1, "e1".into()), (2, "e2".into()), (3, "e3".into())]);
        assert_eq!(parts.changes().len(), 3);
        assert_eq!(parts.changes().len(), 0);
    }
}
