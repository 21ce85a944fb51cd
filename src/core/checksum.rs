//! Checksums of objects and of their parts.
//!
//! CRC-64/NVME, which S3 computes by itself, and CRC-32C, which Google Cloud Storage does, can be put together from those of
//! stretches, in whatever order these were hashed. SHA-256 and MD5 can't: of an object in parts there is the digest of its
//! parts' digests, as S3 makes of SHA-256 a composite checksum, and of MD5 an ETag.
//!
//! Both CRCs are reflected, with all bits set at their start and inverted at their end, so one register of 64 bits does for
//! both.

use super::{base64, crc::Crc, hashing::Hasher, hex};

pub static CRC64NVME: Crc = Crc::new(0x9a6c_9329_ac4b_c9b5);
pub static CRC32C: Crc = Crc::new(0x82f6_3b78);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Algorithm {
    Crc64Nvme,
    Crc32c,
    Sha256,
    Md5,
}

impl Algorithm {
    pub const ALL: [Algorithm; 4] = [Algorithm::Crc64Nvme, Algorithm::Crc32c, Algorithm::Sha256, Algorithm::Md5];
    /// Those of a whole that is hashed in stretches.
    pub const CRCS: [Algorithm; 2] = [Algorithm::Crc64Nvme, Algorithm::Crc32c];

    /// The name in options and results.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Crc64Nvme => "crc64nvme",
            Algorithm::Crc32c => "crc32c",
            Algorithm::Sha256 => "sha256",
            Algorithm::Md5 => "md5",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }

    pub fn is_crc(self) -> bool {
        Self::CRCS.contains(&self)
    }

    /// Of a CRC: what so many bytes do to the checksum of what is before them, x to the power of 8 times their number.
    pub fn shift(self, length: u64) -> u64 {
        let one = self.ones() ^ (self.ones() >> 1);
        let (mut power, mut square, mut left) = (one, one >> 8, length);
        while left > 0 {
            if left & 1 == 1 {
                power = multiply(self, power, square);
            }
            square = multiply(self, square, square);
            left >>= 1;
        }
        power
    }

    /// Of a CRC: a register with all bits set.
    pub fn ones(self) -> u64 {
        if self == Algorithm::Crc32c { u32::MAX.into() } else { u64::MAX }
    }

    fn bytes(self) -> usize {
        match self {
            Algorithm::Crc64Nvme => 8,
            Algorithm::Crc32c => 4,
            Algorithm::Sha256 => 32,
            Algorithm::Md5 => 16,
        }
    }
}

/// A finished checksum.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Checksum {
    pub algorithm: Algorithm,
    /// As many of these as the algorithm has.
    value: [u8; 32],
    /// It is that of so many parts' checksums; 0 where it is that of the bytes themselves.
    parts: u32,
}

impl Checksum {
    pub fn new(algorithm: Algorithm, bytes: &[u8]) -> Self {
        let mut value = [0; 32];
        for (own, byte) in value.iter_mut().zip(bytes.iter().take(algorithm.bytes())) {
            *own = *byte;
        }
        Self { algorithm, value, parts: 0 }
    }

    pub fn of_crc(algorithm: Algorithm, register: u64) -> Self {
        let unused = 8 - algorithm.bytes().min(8);
        Self::new(algorithm, register.to_be_bytes().get(unused..).unwrap_or_default())
    }

    /// Of no bytes at all, by a CRC.
    pub fn empty(algorithm: Algorithm) -> Self {
        Self::of_crc(algorithm, 0)
    }

    /// Of an object in parts, by what is no CRC; `None` where a part's is not known.
    pub fn of_parts(algorithm: Algorithm, sums: impl Iterator<Item = Option<Checksum>>) -> Option<Self> {
        let (mut hasher, mut parts) = (Hasher::new(algorithm), 0);
        for sum in sums {
            hasher.add(sum?.bytes());
            parts += 1;
        }
        Some(Self { parts, ..hasher.finish() })
    }

    /// As stores tell it, those of parts' checksums with a dash and their number behind.
    pub fn parse(algorithm: Algorithm, text: &str) -> Option<Self> {
        let (sum, parts) = match text.rsplit_once('-') {
            // Stores have composite CRCs as well, which are of no use here.
            Some((sum, parts)) if !algorithm.is_crc() => (sum, parts.parse().ok().filter(|parts| *parts > 0)?),
            _ => (text, 0),
        };
        let whole = match algorithm {
            Algorithm::Crc64Nvme => Self::new(algorithm, &base64::decode::<8>(sum)?),
            Algorithm::Crc32c => Self::new(algorithm, &base64::decode::<4>(sum)?),
            Algorithm::Sha256 => Self::new(algorithm, &base64::decode::<32>(sum)?),
            Algorithm::Md5 => Self::new(algorithm, &hex::decode::<16>(sum)?),
        };
        Some(Self { parts, ..whole })
    }

    /// As stores write it: MD5 in hexadecimal digits, as ETags have it, all others in base64.
    pub fn text(self) -> String {
        let mut text =
            if self.algorithm == Algorithm::Md5 { hex::encode(self.bytes()) } else { base64::encode(self.bytes()) };
        if self.parts > 0 {
            text += &format!("-{}", self.parts);
        }
        text
    }

    /// With its name before it, as it is written down.
    pub fn tagged(self) -> String {
        format!("{} {}", self.algorithm.name(), self.text())
    }

    pub fn untagged(text: &str) -> Option<Self> {
        let (name, value) = text.split_once(' ')?;
        Self::parse(Algorithm::named(name)?, value)
    }

    /// Whether they are made alike, and of the same bytes only if they are equal.
    pub fn is_like(self, other: Checksum) -> bool {
        self.algorithm == other.algorithm && self.parts == other.parts
    }

    /// Of a CRC: that of this stretch with `next` behind it; `shift` is that of the next one's length.
    pub fn and(self, next: Checksum, shift: u64) -> Checksum {
        Self::of_crc(self.algorithm, multiply(self.algorithm, shift, self.register()) ^ next.register())
    }

    /// Of a CRC: its value as a number.
    pub fn register(self) -> u64 {
        self.bytes().iter().take(8).fold(0, |number, byte| (number << 8) | u64::from(*byte))
    }

    pub fn bytes(&self) -> &[u8] {
        self.value.get(..self.algorithm.bytes()).unwrap_or_default()
    }
}

/// The product of two polynomials, modulo the algorithm's.
fn multiply(algorithm: Algorithm, a: u64, mut b: u64) -> u64 {
    let crc = if algorithm == Algorithm::Crc32c { &CRC32C } else { &CRC64NVME };
    let mut product = 0;
    let mut bit = algorithm.ones() ^ (algorithm.ones() >> 1);
    while bit > 0 {
        if a & bit > 0 {
            product ^= b;
        }
        b = (b >> 1) ^ if b & 1 == 1 { crc.polynomial } else { 0 };
        bit >>= 1;
    }
    product
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(algorithm: Algorithm, bytes: &[u8]) -> Checksum {
        let mut hasher = Hasher::new(algorithm);
        hasher.add(bytes);
        hasher.finish()
    }

    proptest! {
        #[test]
        fn crcs_of_stretches_are_put_together(bytes in prop::collection::vec(any::<u8>(), 0..2_000), cut in 0..2_000usize) {
            let (left, right) = bytes.split_at(cut.min(bytes.len()));
            for algorithm in Algorithm::CRCS {
                let whole = of(algorithm, left).and(of(algorithm, right), algorithm.shift(right.len() as u64));
                prop_assert_eq!(whole, of(algorithm, &bytes));
            }
        }

        #[test]
        fn text_is_read_again(bytes: [u8; 32], parts in 1..10_001usize) {
            for algorithm in Algorithm::ALL {
                let sum = Checksum::new(algorithm, &bytes);
                prop_assert_eq!(Checksum::parse(algorithm, &sum.text()), Some(sum));
                prop_assert_eq!(Checksum::untagged(&sum.tagged()), Some(sum));
            }
            for algorithm in [Algorithm::Sha256, Algorithm::Md5] {
                let part = Checksum::new(algorithm, &bytes);
                let whole = Checksum::of_parts(algorithm, std::iter::repeat_n(Some(part), parts)).unwrap();
                let tail = format!("-{parts}");
                prop_assert!(whole.text().ends_with(&tail) && !whole.is_like(part));
                prop_assert_eq!(Checksum::parse(algorithm, &whole.text()), Some(whole));
            }
        }

        #[test]
        fn no_text_panics(text in "[A-Fa-f0-9+/=é-]{0,50}") {
            for algorithm in Algorithm::ALL {
                let _ = Checksum::parse(algorithm, &text);
            }
        }
    }

    #[test]
    fn other_lengths_are_no_checksum() {
        for text in ["", "AAAA", "AAAAAA==", "AAAAAAAAAAAAAAAA", "not base64!", "AAAAAAAAAAA=-2"] {
            assert_eq!(Checksum::parse(Algorithm::Crc64Nvme, text), None, "{text}");
        }
        for text in ["", "0cc1", "0cc175b9c0f1b6a831c399e26977266-", "0cc175b9c0f1b6a831c399e269772661-0", "é"] {
            assert_eq!(Checksum::parse(Algorithm::Md5, text), None, "{text}");
        }
    }
}
