//! Chunks that come in any order, some bytes of them twice, and are taken in order.

use super::sorted::Sorted;

#[derive(Debug)]
pub struct Ordered<T> {
    next: u64,
    /// By where they begin, each with its end.
    chunks: Sorted<u64, (u64, T)>,
}

impl<T> Ordered<T> {
    pub fn from(start: u64) -> Self {
        Self { next: start, chunks: Sorted::default() }
    }

    /// Up to here, all is taken.
    pub fn next(&self) -> u64 {
        self.next
    }

    pub fn put(&mut self, at: u64, len: u64, chunk: T) {
        let end = at.saturating_add(len);
        if end > self.next && self.chunks.get(&at).is_none_or(|(known, _)| *known < end) {
            self.chunks.insert(at, (end, chunk));
        }
    }

    /// A chunk with the next bytes, and how many at its front were taken before.
    pub fn take(&mut self) -> Option<(u64, T)> {
        while self.chunks.first().is_some_and(|(at, _)| *at <= self.next) {
            let (at, (end, chunk)) = self.chunks.pop_first()?;
            if end > self.next {
                let before = std::mem::replace(&mut self.next, end);
                return Some((before - at, chunk));
            }
        }
        None
    }

    /// Nothing lies here that was not taken.
    pub fn is_taken(&self) -> bool {
        self.chunks.values().all(|(end, _)| *end <= self.next)
    }

    /// Forgets what lies ready; what was taken stays taken.
    pub fn clear(&mut self) {
        self.chunks.clear();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_byte_is_taken_once_and_in_order(
            start in 0u64..10,
            chunks in prop::collection::vec((0u64..60, 0u64..20, any::<bool>()), 0..40),
        ) {
            let (mut ordered, mut taken, mut there) = (Ordered::from(start), Vec::new(), [false; 100]);
            for (at, len, takes) in chunks {
                ordered.put(at, len, (at..at + len).collect::<Vec<_>>());
                (at..at + len).for_each(|byte| there[byte as usize] = true);
                while takes && let Some((skip, chunk)) = ordered.take() {
                    taken.extend_from_slice(&chunk[skip as usize..]);
                }
            }
            prop_assert_eq!(&taken, &(start..ordered.next()).collect::<Vec<_>>());
            prop_assert!(taken.iter().all(|byte| there[*byte as usize]));
        }
    }

    #[test]
    fn nothing_is_taken_beyond_a_gap() {
        let mut ordered = Ordered::from(5);
        ordered.put(10, 5, 'c');
        ordered.put(0, 5, 'a');
        assert!(ordered.take().is_none());
        ordered.put(3, 8, 'b');
        assert_eq!((ordered.take(), ordered.take(), ordered.take()), (Some((2, 'b')), Some((1, 'c')), None));
        ordered.put(15, 1, 'd');
        ordered.clear();
        assert_eq!((ordered.take(), ordered.next()), (None, 15));
    }
}
