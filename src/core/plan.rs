//! How a file is cut into parts, within S3's limits ("Amazon S3 multipart upload limits" in its User Guide).

use std::ops::Range;

use super::error::{Code, Error};

pub const MIB: u64 = 1 << 20;
pub const GIB: u64 = 1 << 30;
/// Part numbers run from 1 to 10,000.
pub const MOST_PARTS: u64 = 10_000;
/// Every part but the last has at least this many bytes.
pub const LEAST_PART: u64 = 5 * MIB;
/// No part, and no single PUT, has more than this many bytes.
pub const LARGEST_PART: u64 = 5 * GIB;
/// 10,000 parts of 5 GiB: 48.8 TiB.
pub const LARGEST_OBJECT: u64 = MOST_PARTS * LARGEST_PART;
/// Large enough that a round trip a part is cheap, small enough that a cut connection costs little; good up to 78 GiB.
pub const USUAL_PART: u64 = 8 * MIB;

/// Safari's bodies may have to be copied before they are sent: no part that is planned here is larger, unless it must be.
const LARGEST_PLANNED: u64 = 16 * MIB;

/// # Errors
/// `too-large` where no object can hold so many bytes.
pub fn check(size: u64) -> Result<(), Error> {
    if size > LARGEST_OBJECT {
        return Err(Error::new(Code::TooLarge, "The file is larger than an object can be (48.8 TiB)."));
    }
    Ok(())
}

/// The part size to ask the backend for: what the application wants, raised where 10,000 parts would not do.
pub fn part_size(size: u64, wanted: u64) -> u64 {
    wanted.max(least(size)).min(LARGEST_PART)
}

/// The part size to ask the backend for, where the application leaves it to us: such that `ways` requests at once come to
/// their ends together.
///
/// A part takes about a second at the `pace` of one request (bytes per second) that was seen so far: on a slow link a cut
/// costs little then, on a fast one the two round trips a part (a preflight, as each URL is another, and the answer) are
/// cheap. Where nothing was seen, a file of a few rounds is cut into two, and one of many has smaller parts, by whose ends it
/// is found out how many ways pay. There are as many parts as fill whole rounds of all ways, so
/// that the last round leaves none of them idle; and two rounds at least, where parts can be that small, so that a fast
/// connection takes over what a slow one has not begun.
pub fn planned(size: u64, ways: usize, pace: Option<u64>) -> u64 {
    // One request, and nothing to plan: it must not depend on the pace whether there is something to be resumed.
    if size <= USUAL_PART {
        return USUAL_PART;
    }
    let (size, ways) = (size.min(LARGEST_OBJECT), ways.max(1) as u64);
    let smallest = least(size).max(LEAST_PART);
    let most = LARGEST_PLANNED.max(smallest);
    let half = (size / (2 * ways)).max(USUAL_PART);
    let guess = if half <= LARGEST_PLANNED { half } else { USUAL_PART };
    let round = ways * pace.unwrap_or(guess).clamp(smallest, most);
    let mut rounds = ((size + round / 2) / round).max(1);
    if size.div_ceil(rounds * ways) > most {
        rounds += 1;
    }
    if rounds == 1 && size / (2 * ways) >= LEAST_PART {
        rounds = 2;
    }
    size.div_ceil(rounds * ways).clamp(smallest, most)
}

/// Smaller parts would be more than 10,000.
fn least(size: u64) -> u64 {
    size.div_ceil(MOST_PARTS).next_multiple_of(MIB)
}

/// In words, for logs.
pub fn amount(bytes: u64) -> String {
    if bytes > 0 && bytes.is_multiple_of(MIB) { format!("{} MiB", bytes / MIB) } else { format!("{bytes} bytes") }
}

/// A file cut into equal parts; only the last may be shorter (R2 refuses others).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Plan {
    size: u64,
    part_size: u64,
}

impl Plan {
    /// # Errors
    /// `backend` when this size does not cut the file into 1 to 10,000 parts that S3 could take.
    pub fn new(size: u64, part_size: u64) -> Result<Self, Error> {
        if part_size == 0 || part_size > LARGEST_PART || size.div_ceil(part_size) > MOST_PARTS {
            let message = format!(
                "The backend's part size of {part_size} bytes does not cut {size} bytes into 1 to 10,000 parts of at most 5 GiB."
            );
            return Err(Error::new(Code::Backend, message));
        }
        Ok(Self { size, part_size })
    }

    /// The whole file in one request.
    pub fn whole(size: u64) -> Result<Self, Error> {
        if size > LARGEST_PART {
            let message =
                "The backend signs one PUT only, and that takes 5 GiB at most; larger files need multipart uploads.";
            return Err(Error::new(Code::TooLarge, message));
        }
        Ok(Self { size, part_size: size.max(1) })
    }

    /// An empty file has one empty part.
    pub fn parts(&self) -> u32 {
        u32::try_from(self.size.div_ceil(self.part_size).max(1)).unwrap_or(u32::MAX)
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    pub fn part_size(&self) -> u64 {
        self.part_size
    }

    /// The bytes of a part, numbered from 1.
    pub fn bytes(&self, part: u32) -> Range<u64> {
        let start = u64::from(part.saturating_sub(1)).saturating_mul(self.part_size).min(self.size);
        start..start.saturating_add(self.part_size).min(self.size)
    }

    /// The part that the byte at `offset` belongs to.
    pub fn part_at(&self, offset: u64) -> u32 {
        u32::try_from(offset / self.part_size).unwrap_or(u32::MAX).saturating_add(1).min(self.parts())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn parts_tile_the_file(size in 0u64..1 << 45, wanted in prop::option::of(1u64..1 << 34)) {
            let part = wanted.map_or_else(|| planned(size, 6, None), |wanted| part_size(size, wanted));
            let plan = Plan::new(size, part).unwrap();
            prop_assert!(u64::from(plan.parts()) <= MOST_PARTS);
            let mut at = 0;
            for part in 1..=plan.parts() {
                let bytes = plan.bytes(part);
                prop_assert_eq!(bytes.start, at);
                prop_assert!(bytes.end - bytes.start == plan.part_size() || part == plan.parts());
                if !bytes.is_empty() {
                    prop_assert_eq!(plan.part_at(bytes.start), part);
                    prop_assert_eq!(plan.part_at(bytes.end - 1), part);
                }
                at = bytes.end;
            }
            prop_assert_eq!(at, size);
        }

        #[test]
        fn no_size_panics(size: u64, part: u64, number: u32) {
            let _ = (part_size(size, part), planned(size, number as usize % 200, Some(part)), check(size));
            let _ = Plan::whole(size);
            if let Ok(plan) = Plan::new(size, part) {
                prop_assert!(plan.bytes(number).end <= size);
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_planned_is_within_all_limits(
            size in 0u64..LARGEST_OBJECT, ways in 1usize..=24, pace in prop::option::of(0u64..1 << 30)
        ) {
            let part = planned(size, ways, pace);
            prop_assert!((LEAST_PART..=LARGEST_PART).contains(&part));
            prop_assert!(size.div_ceil(part) <= MOST_PARTS);
            prop_assert!(part <= LARGEST_PLANNED || size > MOST_PARTS * (part - MIB));
            prop_assert_eq!(part < size, size > USUAL_PART);
        }

        /// No connection is idle for longer than a tenth of the time, where parts are free to be chosen.
        #[test]
        fn the_last_round_is_full(size in 60 * MIB..100 * GIB, ways in 1usize..=6, pace in prop::option::of(0u64..1 << 30)) {
            let part = planned(size, ways, pace);
            let rounds = size.div_ceil(part * ways as u64);
            let idle = rounds * part * ways as u64 - size;
            prop_assert!(idle * 10 <= size, "{idle} of {size} in {rounds} rounds of {part}");
        }
    }

    #[test]
    fn parts_follow_the_pace() {
        let far = 192 * MIB;
        assert_eq!(planned(far, 6, None), 16 * MIB, "two rounds of six");
        assert_eq!(planned(96 * MIB, 6, None), 8 * MIB, "a cut costs less than a part of twelve");
        assert_eq!(planned(far, 6, Some(10_000_000)).div_ceil(1 << 10), 10_923, "three");
        assert_eq!(planned(far, 6, Some(100_000_000)), 16 * MIB, "two");
        assert!(planned(far, 6, Some(100_000)) <= 6 * MIB);
        assert_eq!(planned(60 * MIB, 6, None), 5 * MIB, "two rounds");
        assert_eq!(planned(50 * MIB, 6, None), (50 * MIB).div_ceil(6), "one, rather than one part in a second");
        assert_eq!(planned(8 * MIB + 1, 6, None), LEAST_PART);
    }

    #[test]
    fn parts_grow_where_10_000_would_not_do() {
        assert_eq!(part_size(78 * GIB, USUAL_PART), USUAL_PART);
        assert_eq!(part_size(79 * GIB, USUAL_PART), 9 * MIB);
        assert_eq!(part_size(LARGEST_OBJECT, USUAL_PART), LARGEST_PART);
        assert_eq!(planned(LARGEST_OBJECT, 6, None), LARGEST_PART);
        assert_eq!(check(LARGEST_OBJECT + 1).unwrap_err().code, Code::TooLarge);
        assert!(check(LARGEST_OBJECT).is_ok());
    }

    #[test]
    fn an_empty_file_is_one_empty_part() {
        let plan = Plan::whole(0).unwrap();
        assert_eq!((plan.parts(), plan.bytes(1)), (1, 0..0));
    }
}
