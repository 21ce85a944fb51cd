//! The object as an application sees it: equal blocks that fill up, wherever the ranges of the moment run.

use crate::core::{
    plan::Plan,
    sorted::Sorted,
    transfer::{PartEvent, PartState},
};

/// More would be no picture any more.
const MOST_BLOCKS: u64 = 1_000;

#[derive(Debug)]
pub struct Blocks {
    plan: Plan,
    loaded: Vec<u64>,
    changed: Sorted<u32>,
}

impl Blocks {
    /// `None` for what is too large for a picture (5 TB).
    pub fn new(size: u64, part_size: u64) -> Option<Self> {
        let plan = Plan::new(size, part_size.max(size.div_ceil(MOST_BLOCKS))).ok()?;
        Some(Self { plan, loaded: vec![0; plan.parts() as usize], changed: Sorted::of(1..=plan.parts()) })
    }

    /// Bytes have come at `at`.
    pub fn receive(&mut self, at: u64, bytes: u64) {
        let end = at.saturating_add(bytes);
        let mut at = at;
        while at < end {
            let number = self.plan.part_at(at);
            let until = end.min(self.plan.bytes(number).end);
            if until <= at {
                break;
            }
            if let Some(loaded) = self.loaded.get_mut(number as usize - 1) {
                *loaded += until - at;
            }
            self.changed.add(number);
            at = until;
        }
    }

    pub fn clear(&mut self) {
        self.loaded.fill(0);
        self.changed = Sorted::of(1..=self.plan.parts());
    }

    /// Something other than its bytes has changed for the block at `at`.
    pub fn touch(&mut self, at: u64) {
        self.changed.add(self.plan.part_at(at));
    }

    /// The blocks that changed since the last call. `busy` tells where a piece is, in which state and attempt.
    pub fn changes(&mut self, busy: &[(u64, PartState, u32)]) -> Vec<PartEvent> {
        let busy: Vec<_> = busy.iter().map(|(at, state, attempt)| (self.plan.part_at(*at), *state, *attempt)).collect();
        let changed = std::mem::take(&mut self.changed);
        changed.keys().filter_map(|number| self.event(*number, &busy)).collect()
    }

    pub fn has_changes(&self) -> bool {
        !self.changed.is_empty()
    }

    fn event(&self, number: u32, busy: &[(u32, PartState, u32)]) -> Option<PartEvent> {
        let bytes = self.plan.bytes(number);
        let (size, loaded) = (bytes.end - bytes.start, *self.loaded.get(number as usize - 1)?);
        let here = busy.iter().find(|(block, ..)| *block == number);
        let (state, attempt) = match here {
            _ if loaded >= size => (PartState::Done, 1),
            Some((_, state, attempt)) => (*state, *attempt),
            None => (PartState::Waiting, 1),
        };
        Some(PartEvent { part: number, parts: self.plan.parts(), state, loaded: loaded.min(size), size, attempt })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_fill_the_blocks_they_fall_in() {
        let mut blocks = Blocks::new(25, 10).unwrap();
        blocks.changes(&[]);
        blocks.receive(8, 14);
        let seen: Vec<_> = blocks
            .changes(&[(22, PartState::Active, 2)])
            .iter()
            .map(|part| (part.part, part.state, part.loaded, part.size, part.attempt))
            .collect();
        assert_eq!(
            seen,
            [(1, PartState::Waiting, 2, 10, 1), (2, PartState::Done, 10, 10, 1), (3, PartState::Active, 2, 5, 2)]
        );
    }

    #[test]
    fn a_huge_object_has_a_picture_still() {
        assert!(Blocks::new(1 << 42, 1 << 20).unwrap().loaded.len() <= MOST_BLOCKS as usize);
    }
}
