//! Which bytes of an object are there.

use super::sorted::Sorted;

/// Stretches by where they start, none of which touches another.
#[derive(Default, Debug)]
pub struct Cover(Sorted<u64, u64>);

impl Cover {
    pub fn add(&mut self, start: u64, end: u64) {
        if start >= end {
            return;
        }
        let (mut from, mut to) = (start, end);
        let touching = |cover: &Self, from, to| {
            cover.0.iter().find(|(own, until)| **own <= to && from <= **until).map(|(own, until)| (*own, *until))
        };
        while let Some((own, until)) = touching(self, from, to) {
            (from, to) = (from.min(own), to.max(until));
            self.0.remove(&own);
        }
        self.0.insert(from, to);
    }

    /// Up to where there are bytes from this offset on, where there are any.
    pub fn end_of(&self, at: u64) -> Option<u64> {
        self.0.iter().find(|(start, end)| **start <= at && at < **end).map(|(_, end)| *end)
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_added_is_there_and_nothing_else(stretches in prop::collection::vec((0u64..90, 0u64..12), 0..20)) {
            let (mut cover, mut there) = (Cover::default(), [false; 110]);
            for (start, length) in stretches {
                cover.add(start, start + length);
                (start..start + length).for_each(|byte| there[byte as usize] = true);
            }
            for at in 0..110 {
                let end = (at..110).find(|byte| !there[*byte]).filter(|end| *end > at);
                prop_assert_eq!(cover.end_of(at as u64), end.map(|end| end as u64));
            }
        }
    }
}
