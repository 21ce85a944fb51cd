//! Chance from a seed, so that a simulated world replays to the letter.

/// SplitMix64 (Steele, Lea, Flood 2014): one word of state, and every seed is a good one. It spreads retries; it keeps no secrets.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Evenly from `0..=most`.
    pub fn up_to(&mut self, most: u64) -> u64 {
        let wide = u128::from(self.bits()) * (u128::from(most) + 1);
        (wide >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_same_chance() {
        let (mut a, mut b) = (Chance::new(7), Chance::new(7));
        assert!((0..100).all(|_| a.bits() == b.bits()));
    }

    #[test]
    fn up_to_includes_both_ends() {
        let mut chance = Chance::new(1);
        let seen: std::collections::BTreeSet<_> = (0..200).map(|_| chance.up_to(3)).collect();
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [0, 1, 2, 3]);
        assert_eq!(chance.up_to(0), 0);
    }
}
