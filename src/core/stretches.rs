//! Stretches of an object's bytes, as a download collects them: in any order, and some of them twice.

/// Bytes from `start` up to `end`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Stretch {
    pub start: u64,
    pub end: u64,
}

/// Covers `0..size` without a gap and without an overlap: which stretch gives which bytes, in order. `None` where bytes
/// are missing.
pub fn tile(stretches: &[Stretch], size: u64) -> Option<Vec<(usize, Stretch)>> {
    let mut order: Vec<_> = stretches.iter().copied().enumerate().collect();
    order.sort_by_key(|(_, stretch)| stretch.start);
    let (mut tiles, mut rest, mut at) = (Vec::new(), order.into_iter().peekable(), 0);
    while at < size {
        let mut best: Option<(usize, Stretch)> = None;
        while let Some(next) = rest.next_if(|(_, stretch)| stretch.start <= at) {
            if best.is_none_or(|(_, best)| next.1.end > best.end) {
                best = Some(next);
            }
        }
        let (index, stretch) = best.filter(|(_, stretch)| stretch.end > at)?;
        let end = stretch.end.min(size);
        tiles.push((index, Stretch { start: at, end }));
        at = end;
    }
    Some(tiles)
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
    }
}
