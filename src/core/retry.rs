//! Whether and when to try again: exponential backoff with full jitter, as values rather than sleeps.
//!
//! Full jitter is the variant that AWS's "Exponential Backoff and Jitter" found to spread load best: any delay up to the bound.

use super::{chance::Chance, time::Millis};

/// A server may ask for patience, but not for an afternoon.
const LONGEST_WAIT: Millis = 5 * 60_000;

/// The bounds of the pauses before each retry of one request; as many retries as there are bounds.
#[derive(Clone, PartialEq, Debug)]
pub struct Policy {
    bounds: Vec<Millis>,
}

impl Policy {
    pub fn new(bounds: Vec<Millis>) -> Self {
        Self { bounds }
    }

    /// So many failures in a row, over all requests of a transfer, are the end of it: else one that wins a byte with each
    /// attempt would go on for ever.
    fn most_in_vain(&self) -> usize {
        if self.bounds.is_empty() { 0 } else { 50 + 10 * self.bounds.len() }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::new(vec![500, 1_000, 2_000, 4_000, 8_000])
    }
}

/// How often one request has failed since it last got anywhere.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The pause before the next try, or `None` when the tries are used up. `asked` is the server's Retry-After.
    pub fn pause(&mut self, policy: &Policy, asked: Option<Millis>, chance: &mut Chance) -> Option<Millis> {
        let bound = *policy.bounds.get(self.failures as usize)?;
        self.failures += 1;
        let jittered = chance.up_to(bound);
        // Jitter on top of what was asked, or every client that was turned away comes back in the same instant.
        Some(asked.map_or(jittered, |asked| asked.min(LONGEST_WAIT).saturating_add(jittered)))
    }

    /// Real progress was made: the next failure is a first one.
    pub fn refresh(&mut self) {
        self.failures = 0;
    }

    /// Retries so far, counted from 1 with the first retry.
    pub fn attempt(&self) -> u32 {
        self.failures
    }
}

/// The failures of a whole transfer since it last gained something that stays.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Budget {
    in_vain: usize,
}

impl Budget {
    /// A part was stored, or as many bytes came.
    pub fn gain(&mut self) {
        self.in_vain = 0;
    }

    /// Whether one more failure may be answered by a retry.
    pub fn spend(&mut self, policy: &Policy) -> bool {
        self.in_vain += 1;
        self.in_vain <= policy.most_in_vain()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_pause_is_within_its_bound(seed: u64, bounds in prop::collection::vec(0u64..100_000, 0..8)) {
            let (mut chance, mut backoff) = (Chance::new(seed), Backoff::default());
            let policy = Policy::new(bounds.clone());
            for bound in bounds {
                prop_assert!(backoff.pause(&policy, None, &mut chance).unwrap() <= bound);
            }
            prop_assert_eq!(backoff.pause(&policy, None, &mut chance), None);
        }

        #[test]
        fn retry_after_is_obeyed_and_bounded(seed: u64, asked: u64) {
            let (mut chance, mut backoff) = (Chance::new(seed), Backoff::default());
            let pause = backoff.pause(&Policy::default(), Some(asked), &mut chance).unwrap();
            prop_assert!(pause >= asked.min(LONGEST_WAIT));
            prop_assert!(pause <= LONGEST_WAIT + 500);
        }
    }

    #[test]
    fn progress_starts_the_tries_afresh() {
        let (mut chance, mut backoff) = (Chance::new(0), Backoff::default());
        let policy = Policy::new(vec![10]);
        assert!(backoff.pause(&policy, None, &mut chance).is_some());
        assert!(backoff.pause(&policy, None, &mut chance).is_none());
        backoff.refresh();
        assert!(backoff.pause(&policy, None, &mut chance).is_some());
    }
}
