//! Callbacks that were due and found no place, in memory: a line per receiver, taken in turn.

use std::collections::{BTreeMap, HashMap, VecDeque};

use store::StoredCallback;

/// Callbacks that wait in memory, at most; others wait in the outbox.
const MOST: usize = 8192;
/// Those for one receiver, at most: one that hangs leaves room for others.
const MOST_PER_HOST: usize = 4096;

#[derive(Debug, Default)]
pub(super) struct Waiting {
    lines: HashMap<String, BTreeMap<i64, StoredCallback>>,
    /// Receivers with a line, in turn.
    turns: VecDeque<String>,
    count: usize,
}

impl Waiting {
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// How many receivers have a line.
    pub(super) fn hosts(&self) -> usize {
        self.turns.len()
    }

    /// Takes a callback into the line of its host; whether there was room.
    pub(super) fn keep(&mut self, host: &str, callback: StoredCallback) -> bool {
        if !self.lines.contains_key(host) {
            if self.count >= MOST {
                return false;
            }
            self.lines.insert(host.to_owned(), BTreeMap::new());
            self.turns.push_back(host.to_owned());
        }
        let line = self.lines.entry(host.to_owned()).or_default();
        if !line.contains_key(&callback.id) {
            if self.count >= MOST || line.len() >= MOST_PER_HOST {
                return false;
            }
            self.count += 1;
        }
        line.insert(callback.id, callback);
        true
    }

    /// Forgets a callback, which found its place another way.
    pub(super) fn forget(&mut self, host: &str, id: i64) {
        if self.lines.get_mut(host).is_some_and(|line| line.remove(&id).is_some()) {
            self.count -= 1;
            self.close_if_empty(host);
        }
    }

    /// The receiver whose turn it is.
    pub(super) fn turn(&mut self) -> Option<String> {
        let host = self.turns.pop_front()?;
        self.turns.push_back(host.clone());
        Some(host)
    }

    /// The oldest callback in a line.
    pub(super) fn first(&mut self, host: &str) -> Option<StoredCallback> {
        let (_, first) = self.lines.get_mut(host)?.pop_first()?;
        self.count -= 1;
        self.close_if_empty(host);
        Some(first)
    }

    fn close_if_empty(&mut self, host: &str) {
        if self.lines.get(host).is_some_and(BTreeMap::is_empty) {
            self.lines.remove(host);
            self.turns.retain(|turn| turn != host);
        }
    }
}

#[cfg(test)]
mod tests {
    use model::Time;
    use store::CallbackStanding;

    use super::*;

    fn callback(id: i64) -> StoredCallback {
        StoredCallback {
            id,
            message: None,
            account: "acme".into(),
            dialect: "telesign".into(),
            url: "https://a.example/".into(),
            request: Vec::new(),
            about: "delivered".into(),
            created_at: Time(0),
            due_at: Time(0),
            tries: 0,
            standing: CallbackStanding::Pending,
            last_result: None,
        }
    }

    #[test]
    fn receivers_take_turns_and_each_line_is_in_order() {
        let mut waiting = Waiting::default();
        for id in [4, 2] {
            assert!(waiting.keep("a", callback(id)));
        }
        assert!(waiting.keep("b", callback(3)));
        let mut taken = Vec::new();
        while let Some(host) = waiting.turn() {
            taken.extend(waiting.first(&host).map(|callback| callback.id));
        }
        assert_eq!(taken, [2, 3, 4]);
        assert_eq!((waiting.len(), waiting.hosts()), (0, 0));
    }

    #[test]
    fn a_receiver_that_hangs_leaves_room_for_others_and_the_whole_is_bounded() {
        let mut waiting = Waiting::default();
        let kept = (0..10_000).filter(|id| waiting.keep("slow", callback(*id))).count();
        assert_eq!(kept, MOST_PER_HOST);
        assert!(waiting.keep("slow", callback(0)), "it is there already");
        let others = (10_000..30_000).filter(|id| waiting.keep(&id.to_string(), callback(*id))).count();
        assert_eq!((kept + others, waiting.len()), (MOST, MOST));
        waiting.forget("slow", 0);
        waiting.forget("slow", 0);
        assert_eq!(waiting.len(), MOST - 1);
    }
}
