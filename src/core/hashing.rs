//! What bytes are hashed with, one after another.

use md5::{Digest, Md5};
use sha2::Sha256;

use super::checksum::{Algorithm, CRC32C, CRC64NVME, Checksum};

// Few of them exist at a time, so that the largest one's room is no waste.
#[allow(clippy::large_enum_variant)]
enum State {
    Crc(u64),
    Sha256(Sha256),
    Md5(Md5),
}

pub struct Hasher {
    algorithm: Algorithm,
    state: State,
}

impl Hasher {
    pub fn new(algorithm: Algorithm) -> Self {
        let state = match algorithm {
            Algorithm::Crc64Nvme | Algorithm::Crc32c => State::Crc(algorithm.ones()),
            Algorithm::Sha256 => State::Sha256(Sha256::new()),
            Algorithm::Md5 => State::Md5(Md5::new()),
        };
        Self { algorithm, state }
    }

    pub fn add(&mut self, bytes: &[u8]) {
        match &mut self.state {
            State::Crc(register) if self.algorithm == Algorithm::Crc32c => *register = CRC32C.feed(*register, bytes),
            State::Crc(register) => *register = CRC64NVME.feed(*register, bytes),
            State::Sha256(digest) => digest.update(bytes),
            State::Md5(digest) => digest.update(bytes),
        }
    }

    /// Of a CRC: the next bytes are behind those of which this is the checksum.
    pub fn go_on(&mut self, before: u64) {
        self.state = State::Crc(before ^ self.algorithm.ones());
    }

    /// The checksum of all bytes so far.
    pub fn finish(self) -> Checksum {
        let algorithm = self.algorithm;
        match self.state {
            State::Crc(register) => Checksum::of_crc(algorithm, register ^ algorithm.ones()),
            State::Sha256(digest) => Checksum::new(algorithm, &digest.finalize()),
            State::Md5(digest) => Checksum::new(algorithm, &digest.finalize()),
        }
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

    #[test]
    fn the_catalogues_check_values() {
        let text = |algorithm| of(algorithm, b"123456789").text();
        assert_eq!(of(Algorithm::Crc64Nvme, b"123456789").register(), 0xae8b_1486_0a79_9888);
        assert_eq!(of(Algorithm::Crc32c, b"123456789").register(), 0xe306_9283);
        assert_eq!(text(Algorithm::Crc32c), "4waSgw==");
        assert_eq!(text(Algorithm::Sha256), "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=");
        assert_eq!(text(Algorithm::Md5), "25f9e794323b453885f5181f1b624d0b");
    }

    proptest! {
        #[test]
        fn a_well_kept_crate_agrees_on_crcs(bytes in prop::collection::vec(any::<u8>(), 0..2_000), cut in 0..2_000usize) {
            for (algorithm, kind) in [
                (Algorithm::Crc64Nvme, CrcAlgorithm::Crc64Nvme),
                (Algorithm::Crc32c, CrcAlgorithm::Crc32Iscsi),
            ] {
                let (left, right) = bytes.split_at(cut.min(bytes.len()));
                let mut hasher = Hasher::new(algorithm);
                hasher.go_on(of(algorithm, left).register());
                hasher.add(right);
                prop_assert_eq!(hasher.finish().register(), checksum(kind, &bytes));
            }
        }

        #[test]
        fn bytes_may_come_in_pieces(bytes in prop::collection::vec(any::<u8>(), 0..300), cut in 0..300usize) {
            for algorithm in Algorithm::ALL {
                let (left, right) = bytes.split_at(cut.min(bytes.len()));
                let mut hasher = Hasher::new(algorithm);
                hasher.add(left);
                hasher.add(right);
                prop_assert_eq!(hasher.finish(), of(algorithm, &bytes));
            }
        }
    }
}
