//! Runs of an object's bytes, as a file collects them: each with its checksum, where it has one.

use super::{
    checksum::Checksum,
    stretches::{Stretch, tile},
};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Run {
    pub stretch: Stretch,
    pub sum: Option<Checksum>,
}

/// The checksum of `0..size`, where the runs follow each other exactly and all have one of the same kind.
pub fn whole(runs: &[Run], size: u64) -> Option<Checksum> {
    let stretches: Vec<_> = runs.iter().map(|run| run.stretch).collect();
    let mut whole: Option<Checksum> = None;
    for (index, own) in tile(&stretches, size)? {
        let Run { stretch, sum } = runs.get(index).filter(|run| run.stretch == own)?;
        let sum = (*sum)?;
        let before = whole.unwrap_or(Checksum::empty(sum.algorithm));
        if before.algorithm != sum.algorithm {
            return None;
        }
        whole = Some(before.and(sum, sum.algorithm.shift(stretch.end - stretch.start)));
    }
    whole
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::core::{checksum::Algorithm, hashing::Hasher};

    fn run(start: u64, bytes: &[u8], algorithm: Algorithm) -> Run {
        let mut hasher = Hasher::new(algorithm);
        hasher.add(bytes);
        let stretch = Stretch { start, end: start + bytes.len() as u64 };
        Run { stretch, sum: Some(hasher.finish()) }
    }

    proptest! {
        #[test]
        fn pieces_in_any_order_have_the_sum_of_all(
            bytes in prop::collection::vec(any::<u8>(), 1..300),
            cuts in prop::collection::vec(0usize..300, 0..6),
            turn in 0usize..6,
        ) {
            let mut cuts: Vec<_> = cuts.into_iter().filter(|cut| *cut < bytes.len()).chain([0, bytes.len()]).collect();
            cuts.sort_unstable();
            cuts.dedup();
            for algorithm in Algorithm::CRCS {
                let mut runs: Vec<_> =
                    cuts.windows(2).map(|cut| run(cut[0] as u64, &bytes[cut[0]..cut[1]], algorithm)).collect();
                let turn = turn % runs.len();
                runs.rotate_left(turn);
                prop_assert_eq!(whole(&runs, bytes.len() as u64), run(0, &bytes, algorithm).sum);
                prop_assert_eq!(whole(&runs, bytes.len() as u64 + 1), None, "bytes are missing");
            }
        }
    }

    #[test]
    fn what_does_not_follow_exactly_has_no_sum() {
        let (a, b) = (run(0, b"presigned", Algorithm::Crc64Nvme), run(8, b"downloads", Algorithm::Crc64Nvme));
        assert_eq!(whole(&[a, b], 17), None, "a byte twice");
        let other = run(9, b"downloads", Algorithm::Crc32c);
        assert_eq!(whole(&[a, other], 18), None, "of two kinds");
        assert_eq!(whole(&[a, Run { sum: None, ..other }], 18), None);
        assert_eq!(whole(&[], 0), None);
    }
}
