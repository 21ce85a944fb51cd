//! Checksums of a whole object that can be put together from those of its stretches: CRC-64/NVME, which S3 computes by
//! itself, and CRC-32C, which Google Cloud Storage does.
//!
//! Both are reflected CRCs with all bits set at their start and inverted at their end, so one register of 64 bits does for
//! both.

use super::crc::Crc;

static CRC64NVME: Crc = Crc::new(0x9a6c_9329_ac4b_c9b5);
static CRC32C: Crc = Crc::new(0x82f6_3b78);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Algorithm {
    Crc64Nvme,
    Crc32c,
}

impl Algorithm {
    pub const ALL: [Algorithm; 2] = [Algorithm::Crc64Nvme, Algorithm::Crc32c];

    /// The name in options and results.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Crc64Nvme => "crc64nvme",
            Algorithm::Crc32c => "crc32c",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }

    fn polynomial(self) -> u64 {
        match self {
            Algorithm::Crc64Nvme => CRC64NVME.polynomial,
            Algorithm::Crc32c => CRC32C.polynomial,
        }
    }

    /// What so many bytes do to the checksum of what is before them: x to the power of 8 times their number.
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

    fn bytes(self) -> usize {
        match self {
            Algorithm::Crc64Nvme => 8,
            Algorithm::Crc32c => 4,
        }
    }

    fn ones(self) -> u64 {
        u64::MAX >> (64 - 8 * self.bytes())
    }
}

/// A finished checksum.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Checksum {
    pub algorithm: Algorithm,
    pub value: u64,
}

impl Checksum {
    /// Of no bytes at all.
    pub fn empty(algorithm: Algorithm) -> Self {
        Self { algorithm, value: 0 }
    }

    /// In base64, as stores tell it.
    pub fn parse(algorithm: Algorithm, text: &str) -> Option<Self> {
        let (mut bits, mut count) = (0u128, 0);
        let digits = text.trim().trim_end_matches('=');
        for digit in digits.bytes() {
            bits = (bits << 6) | u128::from(BASE64.iter().position(|known| *known == digit)? as u8);
            count += 6;
            if count > 72 {
                return None;
            }
        }
        let own = 8 * algorithm.bytes();
        let spare = (count as usize).checked_sub(own).filter(|spare| *spare < 6)?;
        let value = u64::try_from(bits >> spare).ok()?;
        (bits & ((1 << spare) - 1) == 0).then_some(Self { algorithm, value })
    }

    /// In base64, most significant byte first, as S3 and Google Cloud Storage write it.
    #[allow(clippy::indexing_slicing, reason = "six bits are an index of 64")]
    pub fn text(self) -> String {
        let own = 8 * self.algorithm.bytes();
        let digits = own.div_ceil(6);
        let bits = u128::from(self.value) << (digits * 6 - own);
        let mut text: String =
            (0..digits).rev().map(|place| char::from(BASE64[(bits >> (place * 6)) as usize & 63])).collect();
        while !text.len().is_multiple_of(4) {
            text.push('=');
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

    /// That of this stretch with `next` behind it; `shift` is that of the next one's length.
    pub fn and(self, next: Checksum, shift: u64) -> Checksum {
        let Checksum { algorithm, value } = self;
        Checksum { algorithm, value: multiply(algorithm, shift, value) ^ next.value }
    }
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The product of two polynomials, modulo the algorithm's.
fn multiply(algorithm: Algorithm, a: u64, mut b: u64) -> u64 {
    let mut product = 0;
    let mut bit = algorithm.ones() ^ (algorithm.ones() >> 1);
    while bit > 0 {
        if a & bit > 0 {
            product ^= b;
        }
        b = (b >> 1) ^ if b & 1 == 1 { algorithm.polynomial() } else { 0 };
        bit >>= 1;
    }
    product
}

/// What bytes are hashed with, one after another.
pub struct Hasher {
    algorithm: Algorithm,
    register: u64,
}

impl Hasher {
    pub fn new(algorithm: Algorithm) -> Self {
        Self { algorithm, register: algorithm.ones() }
    }

    pub fn add(&mut self, bytes: &[u8]) {
        self.register = match self.algorithm {
            Algorithm::Crc64Nvme => CRC64NVME.feed(self.register, bytes),
            Algorithm::Crc32c => CRC32C.feed(self.register, bytes),
        };
    }

    /// The next bytes are behind those of which this is the checksum.
    pub fn go_on(&mut self, before: u64) {
        self.register = before ^ self.algorithm.ones();
    }

    /// The checksum of all bytes so far; the next ones begin anew.
    pub fn finish(&mut self) -> Checksum {
        let register = std::mem::replace(&mut self.register, self.algorithm.ones());
        Checksum { algorithm: self.algorithm, value: register ^ self.algorithm.ones() }
    }
}

#[cfg(test)]
mod tests {
    use crc_fast::{CrcAlgorithm, checksum};
    use proptest::prelude::*;

    use super::*;

    fn of(algorithm: Algorithm, bytes: &[u8]) -> Checksum {
        let mut hasher = Hasher::new(algorithm);
        hasher.add(bytes);
        hasher.finish()
    }

    fn oracle(algorithm: Algorithm, bytes: &[u8]) -> u64 {
        let kind = match algorithm {
            Algorithm::Crc64Nvme => CrcAlgorithm::Crc64Nvme,
            Algorithm::Crc32c => CrcAlgorithm::Crc32Iscsi,
        };
        checksum(kind, bytes)
    }

    #[test]
    fn the_catalogues_check_values() {
        assert_eq!(of(Algorithm::Crc64Nvme, b"123456789").value, 0xae8b_1486_0a79_9888);
        assert_eq!(of(Algorithm::Crc32c, b"123456789").value, 0xe306_9283);
        assert_eq!(of(Algorithm::Crc32c, b"123456789").text(), "4waSgw==");
    }

    proptest! {
        #[test]
        fn a_well_kept_crate_agrees(bytes in prop::collection::vec(any::<u8>(), 0..2_000), cut in 0..2_000usize) {
            for algorithm in Algorithm::ALL {
                let mut hasher = Hasher::new(algorithm);
                let (left, right) = bytes.split_at(cut.min(bytes.len()));
                hasher.add(left);
                let first = hasher.finish();
                hasher.go_on(first.value);
                hasher.add(right);
                let whole = hasher.finish();
                prop_assert_eq!(whole.value, oracle(algorithm, &bytes));
                prop_assert_eq!(of(algorithm, left).and(of(algorithm, right), algorithm.shift(right.len() as u64)), whole);
            }
        }

        #[test]
        fn text_is_read_again(value: u64) {
            for algorithm in Algorithm::ALL {
                let sum = Checksum { algorithm, value: value & algorithm.ones() };
                prop_assert_eq!(Checksum::parse(algorithm, &sum.text()), Some(sum));
                prop_assert_eq!(Checksum::untagged(&sum.tagged()), Some(sum));
            }
        }

        #[test]
        fn no_text_panics(text in "[A-Za-z0-9+/=é-]{0,40}") {
            for algorithm in Algorithm::ALL {
                if let Some(sum) = Checksum::parse(algorithm, &text) {
                    let again = sum.text();
                    prop_assert_eq!(again.trim_end_matches('='), text.trim_end_matches('='));
                }
            }
        }
    }

    #[test]
    fn other_lengths_are_no_checksum() {
        for text in ["", "AAAA", "AAAAAA==", "AAAAAAAAAAAAAAAA", "not base64!"] {
            assert_eq!(Checksum::parse(Algorithm::Crc64Nvme, text), None, "{text}");
        }
    }
}
