//! A bounded map that forgets what was not asked for longest.

use std::{
    collections::{BTreeMap, HashMap},
    hash::Hash,
};

pub(super) struct Cache<K, V> {
    limit: usize,
    turn: u64,
    values: HashMap<K, (u64, V)>,
    order: BTreeMap<u64, K>,
}

impl<K: Copy + Eq + Hash, V> Cache<K, V> {
    /// A cache of at most `limit` values.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, turn: 0, values: HashMap::new(), order: BTreeMap::new() }
    }

    /// The value, which is now the last to be forgotten.
    pub(super) fn fetch(&mut self, key: &K) -> Option<&V> {
        let (turn, value) = self.values.get_mut(key)?;
        self.turn += 1;
        self.order.remove(turn);
        self.order.insert(self.turn, *key);
        *turn = self.turn;
        Some(value)
    }

    pub(super) fn insert(&mut self, key: K, value: V) {
        self.remove(&key);
        self.turn += 1;
        self.order.insert(self.turn, key);
        self.values.insert(key, (self.turn, value));
        while self.values.len() > self.limit
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.values.remove(&oldest);
        }
    }

    pub(super) fn remove(&mut self, key: &K) {
        if let Some((turn, _)) = self.values.remove(key) {
            self.order.remove(&turn);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_not_asked_for_longest_goes_first() {
        let mut cache = Cache::new(2);
        cache.insert(1, "one");
        cache.insert(2, "two");
        assert_eq!(cache.fetch(&1), Some(&"one"));
        cache.insert(3, "three");
        assert_eq!(cache.fetch(&2), None);
        assert_eq!(cache.fetch(&1), Some(&"one"));
        assert_eq!(cache.fetch(&3), Some(&"three"));
    }

    #[test]
    fn replacing_and_removing_leave_no_trace() {
        let mut cache = Cache::new(2);
        for value in 0..10 {
            cache.insert(1, value);
        }
        assert_eq!(cache.fetch(&1), Some(&9));
        cache.remove(&1);
        assert_eq!(cache.fetch(&1), None);
        assert!(cache.order.is_empty());
    }
}
