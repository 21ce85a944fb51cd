//! Stretches of an object's bytes, as a download collects them: in any order, and some of them twice.

use super::sorted::Sorted;

/// Bytes from `start` up to `end`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Stretch {
    pub start: u64,
    pub end: u64,
}

/// Covers `0..size` without a gap and without an overlap: which stretch gives which bytes, in order. `None` where bytes
/// are missing.
pub fn tile(stretches: &[Stretch], size: u64) -> Option<Vec<(usize, Stretch)>> {
    let order = in_order(stretches);
    let (mut tiles, mut rest, mut at) = (Vec::new(), order.keys().peekable(), 0);
    while at < size {
        let mut best: Option<(usize, Stretch)> = None;
        while let Some(&(stretch, index)) = rest.next_if(|(stretch, _)| stretch.start <= at) {
            if best.is_none_or(|(_, best)| stretch.end > best.end) {
                best = Some((index, stretch));
            }
        }
        let (index, stretch) = best.filter(|(_, stretch)| stretch.end > at)?;
        let end = stretch.end.min(size);
        tiles.push((index, Stretch { start: at, end }));
        at = end;
    }
    Some(tiles)
}

/// What of `0..size` none of the stretches has, in order.
pub fn gaps(stretches: &[Stretch], size: u64) -> Vec<Stretch> {
    let (mut gaps, mut at) = (Vec::new(), 0);
    for &(Stretch { start, end }, _) in in_order(stretches).keys() {
        if start.min(size) > at {
            gaps.push(Stretch { start: at, end: start.min(size) });
        }
        at = at.max(end);
    }
    if at < size {
        gaps.push(Stretch { start: at, end: size });
    }
    gaps
}

/// By where they start. (`std`'s sorts cost 5 KB of WebAssembly each.)
fn in_order(stretches: &[Stretch]) -> Sorted<(Stretch, usize)> {
    let mut order = Sorted::default();
    stretches.iter().zip(0..).for_each(|(stretch, index)| order.add((*stretch, index)));
    order
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn tiles_are_found_exactly_where_all_bytes_are_there(
            stretches in prop::collection::vec((0u64..60, 0u64..30), 0..20),
            size in 0u64..60,
        ) {
            let stretches: Vec<_> = stretches.into_iter().map(|(start, len)| Stretch { start, end: start + len }).collect();
            let there = |byte: u64| stretches.iter().any(|stretch| (stretch.start..stretch.end).contains(&byte));
            let tiles = tile(&stretches, size);
            prop_assert_eq!(tiles.is_some(), (0..size).all(there));
            let mut at = 0;
            for (index, own) in tiles.unwrap_or_default() {
                let whole = stretches[index];
                prop_assert!(own.start == at && own.start < own.end && whole.start <= own.start && own.end <= whole.end);
                at = own.end;
            }
            prop_assert!(at == size || at == 0);
        }

        #[test]
        fn a_byte_is_in_a_gap_or_in_a_stretch(
            stretches in prop::collection::vec((0u64..60, 0u64..30), 0..10),
            size in 0u64..60,
        ) {
            let stretches: Vec<_> = stretches.into_iter().map(|(start, len)| Stretch { start, end: start + len }).collect();
            let within = |all: &[Stretch], byte| all.iter().any(|stretch| (stretch.start..stretch.end).contains(&byte));
            let gaps = gaps(&stretches, size);
            prop_assert!(gaps.iter().all(|gap| gap.start < gap.end && gap.end <= size));
            for byte in 0..size {
                prop_assert!(within(&gaps, byte) != within(&stretches, byte));
            }
        }
    }
}
