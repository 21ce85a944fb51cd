//! The parts of one upload: what is waiting, under way, resting before a retry, and stored.

use crate::core::{
    checkpoint::NotedPart,
    checksum::{Algorithm, Checksum},
    etag,
    plan::Plan,
    protocol::StoredPart,
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
    /// The checksum of its bytes, as they were read here.
    sum: Option<Checksum>,
    hashing: bool,
    backoff: Backoff,
    /// How many parts were stored when this one failed last: more since then is progress.
    stored_at_failure: u32,
    /// How many parts were stored when it was signed once more.
    resigned: Option<u32>,
    /// Its last failure was the network's, which may be over any moment.
    cut_off: bool,
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
    noted: Vec<NotedPart>,
    /// Under way or stored, and neither hashed nor being hashed.
    unhashed: Sorted<u32>,
    hashed: usize,
}

impl Parts {
    pub fn new(plan: Plan) -> Self {
        let part = || Part {
            state: PartState::Waiting,
            loaded: 0,
            etag: None,
            sum: None,
            hashing: false,
            backoff: Backoff::default(),
            stored_at_failure: 0,
            resigned: None,
            cut_off: false,
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
            noted: Vec::new(),
            unhashed: Sorted::default(),
            hashed: 0,
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

    pub fn stored(&self) -> u32 {
        self.stored
    }

    pub fn loaded(&self) -> u64 {
        self.loaded
    }

    pub fn bytes_left(&self) -> u64 {
        self.plan.size() - self.loaded.min(self.plan.size())
    }

    /// What Complete wants to know; checksums only where they were signed.
    pub fn to_complete(&self, signed: bool) -> Vec<NotedPart> {
        let own = (1..).zip(&self.parts);
        let part = |(number, part): (u32, &Part)| {
            Some(NotedPart { number, etag: part.etag.clone()?, sum: part.sum.filter(|_| signed) })
        };
        own.filter_map(part).collect()
    }

    pub fn etags(&self) -> Vec<(u32, String)> {
        (1..).zip(&self.parts).filter_map(|(number, part)| Some((number, part.etag.clone()?))).collect()
    }

    pub fn start(&mut self, number: u32) {
        self.waiting.remove(&number);
        self.unhash(number);
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

    /// Storage has it already, from an earlier life of this upload. False for what is no part of the plan.
    pub fn restore(&mut self, number: u32, etag: String, size: u64) -> bool {
        let bytes = self.plan.bytes(number);
        let known = (1..=self.plan.parts()).contains(&number) && bytes.end - bytes.start == size;
        if known && self.waiting.take(&number) {
            self.store(number, Some(etag));
            self.unhash(number);
        }
        known
    }

    /// What was noted in an earlier life; it counts only once it is known to be true. What was hashed then need not be again.
    pub fn note(&mut self, noted: Vec<NotedPart>) {
        for NotedPart { number, sum, .. } in &noted {
            if let Some(sum) = sum.filter(|_| (1..=self.plan.parts()).contains(number)) {
                self.hashed(*number, sum);
            }
        }
        self.noted = noted;
    }

    /// Nobody can tell what storage has: what was noted counts. Returns how many parts that are.
    pub fn trust(&mut self) -> usize {
        let noted = std::mem::take(&mut self.noted);
        let known = |part: &NotedPart| {
            let bytes = self.plan.bytes(part.number);
            self.restore(part.number, part.etag.clone(), bytes.end - bytes.start)
        };
        noted.iter().map(known).filter(|known| *known).count()
    }

    /// Storage's own list, number and size: what is not on it has to be sent, what is on it has not. Returns what had not been
    /// noted.
    pub fn reconcile(&mut self, list: &[StoredPart]) -> Vec<NotedPart> {
        for number in 1..=self.plan.parts() {
            if self.part(number).is_some_and(|part| part.state == PartState::Done) {
                self.stored -= 1;
                self.put_back(number);
            }
        }
        let noted = std::mem::take(&mut self.noted).into_iter().map(|part| (part.number, part.etag));
        let noted: Sorted<u32, String> = Sorted::of_pairs(noted.collect::<Vec<_>>());
        let mut fresh = Vec::new();
        for StoredPart { number, etag, size } in list {
            if self.restore(*number, etag.clone(), *size) && noted.get(number) != Some(etag) {
                fresh.push(NotedPart { number: *number, etag: etag.clone(), sum: self.sum_of(*number) });
            }
        }
        fresh
    }

    /// The next part to hash.
    pub fn take_unhashed(&mut self) -> Option<u32> {
        let (number, ()) = self.unhashed.pop_first()?;
        if let Some(part) = self.part(number) {
            part.hashing = true;
        }
        Some(number)
    }

    /// It is to be hashed, unless it is already, or just now.
    pub fn unhash(&mut self, number: u32) {
        if self.part(number).is_some_and(|part| part.sum.is_none() && !part.hashing) {
            self.unhashed.add(number);
        }
    }

    /// So many that wait are to be hashed.
    pub fn unhash_next(&mut self, count: usize) {
        let next: Vec<_> = self.waiting().take(count).collect();
        next.into_iter().for_each(|number| self.unhash(number));
    }

    /// Its hashing came to nothing.
    pub fn hash_again(&mut self, number: u32) {
        if let Some(part) = self.part(number) {
            part.hashing = false;
        }
        self.unhash(number);
    }

    /// Its ETag, where it is stored.
    pub fn hashed(&mut self, number: u32, sum: Checksum) -> Option<String> {
        self.unhashed.remove(&number);
        let part = self.part(number)?;
        let first = part.sum.replace(sum).is_none();
        part.hashing = false;
        let etag = part.etag.clone().filter(|_| part.state == PartState::Done);
        self.hashed += usize::from(first);
        etag
    }

    pub fn sum_of(&self, number: u32) -> Option<Checksum> {
        self.parts.get(number as usize - 1)?.sum
    }

    pub fn all_hashed(&self) -> bool {
        self.hashed == self.parts.len()
    }

    /// The checksum of the whole, once every part is hashed; `composite`, where it was not sent as one.
    pub fn sum(&self, algorithm: Algorithm, composite: bool) -> Option<Checksum> {
        // Asked after each part: what is not all there yet is not put together each time.
        if !self.all_hashed() {
            return None;
        }
        if !algorithm.is_crc() {
            let mut sums = self.parts.iter().map(|part| part.sum);
            return if composite { Checksum::of_parts(algorithm, sums) } else { sums.next()? };
        }
        let size = |number| {
            let bytes = self.plan.bytes(number);
            bytes.end - bytes.start
        };
        // All parts but the last are of one size.
        let (usual, last) = (algorithm.shift(size(1)), algorithm.shift(size(self.plan.parts())));
        let mut whole = Checksum::empty(algorithm);
        for number in 1..=self.plan.parts() {
            let shift = if number < self.plan.parts() { usual } else { last };
            whole = whole.and(self.sum_of(number)?, shift);
        }
        Some(whole)
    }

    /// Storage's ETags are MD5s: that of a part is what its bytes have here.
    pub fn has_md5s(&self) -> bool {
        let is_md5 = |part: &Part| part.sum.is_some() && part.etag.as_deref().and_then(etag::md5) == part.sum;
        self.parts.iter().any(is_md5)
    }

    /// The attempt is off, through no fault of the part's.
    pub fn put_back(&mut self, number: u32) {
        self.waiting.add(number);
        self.set(number, PartState::Waiting, 0);
    }

    pub fn rest(&mut self, number: u32, until: Millis, cut_off: bool) {
        self.resting.add((until, number));
        if let Some(part) = self.part(number) {
            part.cut_off = cut_off;
        }
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

    /// One fresh signature is owed to a part, and another one after some progress.
    pub fn may_resign(&mut self, number: u32) -> bool {
        let stored = self.stored;
        self.part(number).is_some_and(|part| part.resigned.replace(stored).is_none_or(|before| stored > before))
    }

    /// The network is back: nothing needs to rest any longer that only waited for that.
    pub fn hurry(&mut self) {
        let cut_off: Vec<_> = self.resting.keys().copied().filter(|(_, number)| self.is_cut_off(*number)).collect();
        for (until, number) in cut_off {
            self.resting.remove(&(until, number));
            self.put_back(number);
        }
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

    fn is_cut_off(&self, number: u32) -> bool {
        self.parts.get(number as usize - 1).is_some_and(|part| part.cut_off)
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
    use crate::core::hashing::Hasher;

    fn noted(number: u32, etag: &str) -> NotedPart {
        NotedPart { number, etag: etag.into(), sum: None }
    }

    #[test]
    fn the_sum_of_the_parts_is_that_of_the_whole() {
        let bytes: Vec<u8> = (0..25).collect();
        let sum = |bytes: &[u8]| {
            let mut hasher = Hasher::new(Algorithm::Crc64Nvme);
            hasher.add(bytes);
            hasher.finish()
        };
        let mut parts = Parts::new(Plan::new(25, 10).unwrap());
        parts.start(3);
        assert_eq!((parts.take_unhashed(), parts.take_unhashed()), (Some(3), None));
        // It is sent again while it is hashed.
        parts.put_back(3);
        parts.start(3);
        assert_eq!(parts.take_unhashed(), None);
        for number in 1..=3 {
            let own = parts.plan().bytes(number);
            parts.hashed(number, sum(&bytes[own.start as usize..own.end as usize]));
        }
        assert!(parts.all_hashed());
        assert_eq!(parts.sum(Algorithm::Crc64Nvme, true), Some(sum(&bytes)));
    }

    #[test]
    fn a_part_rests_and_wakes() {
        let mut parts = Parts::new(Plan::new(25, 10).unwrap());
        parts.start(1);
        parts.sent(1, 7);
        assert_eq!((parts.loaded(), parts.bytes_left()), (7, 18));
        parts.rest(1, 100, false);
        assert_eq!((parts.loaded(), parts.next_wake()), (0, Some(100)));
        parts.wake(99);
        assert_eq!(parts.waiting().collect::<Vec<_>>(), [2, 3]);
        parts.wake(100);
        assert_eq!(parts.waiting().collect::<Vec<_>>(), [1, 2, 3]);
    }

    #[test]
    fn only_parts_of_the_plan_are_restored() {
        let mut parts = Parts::new(Plan::new(25, 10).unwrap());
        assert!(parts.restore(1, "e1".into(), 10) && parts.restore(1, "e1".into(), 10));
        assert!(parts.restore(3, "e3".into(), 5));
        for (number, size) in [(0, 10), (2, 9), (3, 10), (4, 0), (u32::MAX, 10)] {
            assert!(!parts.restore(number, "e".into(), size), "{number} {size}");
        }
        assert_eq!((parts.loaded(), parts.waiting().collect::<Vec<_>>()), (15, vec![2]));
    }

    #[test]
    fn storages_list_is_the_truth() {
        let stored = |number, etag: &str, size| StoredPart { number, etag: etag.into(), size };
        let mut parts = Parts::new(Plan::new(25, 10).unwrap());
        parts.note(vec![noted(1, "e1"), noted(2, "e2")]);
        let fresh = parts.reconcile(&[stored(1, "e1", 10), stored(2, "e2", 9), stored(3, "e3", 5)]);
        assert_eq!(fresh, [noted(3, "e3")]);
        assert_eq!((parts.stored(), parts.waiting().collect::<Vec<_>>()), (2, vec![2]));
        parts.reconcile(&[stored(2, "e2", 10)]);
        assert_eq!((parts.stored(), parts.loaded(), parts.waiting().collect::<Vec<_>>()), (1, 10, vec![1, 3]));
    }

    #[test]
    fn where_nobody_can_list_the_notes_count() {
        let mut parts = Parts::new(Plan::new(25, 10).unwrap());
        parts.note(vec![noted(3, "e3"), noted(9, "e9")]);
        assert_eq!((parts.trust(), parts.etags()), (1, vec![(3, "e3".into())]));
    }

    #[test]
    fn what_the_network_cut_off_need_not_rest() {
        let mut parts = Parts::new(Plan::new(25, 10).unwrap());
        for (number, cut_off) in [(1, true), (2, false)] {
            parts.start(number);
            parts.rest(number, 1_000, cut_off);
        }
        parts.hurry();
        assert_eq!(parts.waiting().collect::<Vec<_>>(), [1, 3]);
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
