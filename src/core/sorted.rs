//! A map, or a set, as a sorted vector.
//!
//! `std`'s B-trees cost 7 KB of WebAssembly for each pair of types (14 of them were half of the module), a vector next to
//! nothing. Keys mostly come in order, and even 10,000 of them move in a microsecond.

/// Keys in order, each with its value; a set where the value is `()`.
#[derive(Clone, Debug)]
pub struct Sorted<K, V = ()>(Vec<(K, V)>);

impl<K, V> Default for Sorted<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Ord, V> Sorted<K, V> {
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn contains(&self, key: &K) -> bool {
        self.find(key).is_ok()
    }

    pub fn get(&self, key: &K) -> Option<&V> {
        let (_, value) = self.0.get(self.find(key).ok()?)?;
        Some(value)
    }

    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let index = self.find(key).ok()?;
        self.0.get_mut(index).map(|(_, value)| value)
    }

    /// What was there before.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.find(&key) {
            Ok(index) => self.0.get_mut(index).map(|(_, before)| std::mem::replace(before, value)),
            Err(index) => {
                self.0.insert(index, (key, value));
                None
            }
        }
    }

    pub fn remove(&mut self, key: &K) -> Option<V> {
        let index = self.find(key).ok()?;
        Some(self.0.remove(index).1)
    }

    pub fn first(&self) -> Option<(&K, &V)> {
        self.0.first().map(|(key, value)| (key, value))
    }

    pub fn pop_first(&mut self) -> Option<(K, V)> {
        if self.0.is_empty() { None } else { Some(self.0.remove(0)) }
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> {
        self.0.iter().map(|(key, _)| key)
    }

    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.0.iter().map(|(_, value)| value)
    }

    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.0.iter_mut().map(|(_, value)| value)
    }

    /// In whatever order they come.
    pub fn of_pairs(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        let mut sorted = Self::default();
        for (key, value) in pairs {
            sorted.insert(key, value);
        }
        sorted
    }

    fn find(&self, key: &K) -> Result<usize, usize> {
        // Most keys are new and last, or among the first.
        match self.0.last() {
            Some((last, _)) if last < key => Err(self.0.len()),
            _ => self.0.binary_search_by(|(own, _)| own.cmp(key)),
        }
    }
}

impl<K: Ord> Sorted<K> {
    /// A set of keys that come in order.
    pub fn of(keys: impl Iterator<Item = K>) -> Self {
        let mut set = Self::default();
        keys.for_each(|key| set.add(key));
        set
    }

    pub fn add(&mut self, key: K) {
        self.insert(key, ());
    }

    /// Whether it was there.
    pub fn take(&mut self, key: &K) -> bool {
        self.remove(key).is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_b_tree_to_its_users(steps in prop::collection::vec((0u8..4, 0u8..20, any::<u8>()), 0..100)) {
            let (mut sorted, mut tree) = (Sorted::default(), BTreeMap::new());
            for (step, key, value) in steps {
                match step {
                    0 | 1 => prop_assert_eq!(sorted.insert(key, value), tree.insert(key, value)),
                    2 => prop_assert_eq!(sorted.remove(&key), tree.remove(&key)),
                    _ => prop_assert_eq!(sorted.pop_first(), tree.pop_first()),
                }
                prop_assert!(sorted.iter().eq(tree.iter()));
                prop_assert_eq!(sorted.get(&key), tree.get(&key));
                prop_assert_eq!(sorted.first(), tree.first_key_value());
            }
        }
    }
}
