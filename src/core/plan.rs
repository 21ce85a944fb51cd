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

/// The part size to ask the backend for: what the application wants or the usual, raised where 10,000 parts would not do.
pub fn part_size(size: u64, wanted: Option<u64>) -> Result<u64, Error> {
    if size > LARGEST_OBJECT {
        return Err(Error::new(Code::TooLarge, "The file is larger than an object can be (48.8 TiB)."));
    }
    let least = size.div_ceil(MOST_PARTS).next_multiple_of(MIB);
    Ok(wanted.unwrap_or(USUAL_PART).max(least).min(LARGEST_PART))
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
            let plan = Plan::new(size, part_size(size, wanted).unwrap()).unwrap();
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
            let _ = part_size(size, Some(part));
            let _ = Plan::whole(size);
            if let Ok(plan) = Plan::new(size, part) {
                prop_assert!(plan.bytes(number).end <= size);
            }
        }
    }

    #[test]
    fn the_usual_part_reaches_78_gib() {
        assert_eq!(part_size(78 * GIB, None).unwrap(), USUAL_PART);
        assert_eq!(part_size(79 * GIB, None).unwrap(), 9 * MIB);
        assert_eq!(part_size(LARGEST_OBJECT, None).unwrap(), LARGEST_PART);
        assert_eq!(part_size(LARGEST_OBJECT + 1, None).unwrap_err().code, Code::TooLarge);
    }

    #[test]
    fn an_empty_file_is_one_empty_part() {
        let plan = Plan::whole(0).unwrap();
        assert_eq!((plan.parts(), plan.bytes(1)), (1, 0..0));
    }
}
