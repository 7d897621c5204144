//! A queue in which everybody has a line, and the lines are served in turn.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// How much may wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// In one line.
    pub(crate) line: usize,
    /// In all lines together.
    pub(crate) total: usize,
}

/// What became of an item that was pushed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pushed<T> {
    /// It waits.
    Waiting,
    /// It waits, and the newest item of the longest line had to go.
    Displaced(T),
    /// It must not wait, since its own line is too long.
    Refused(T),
}

/// A bounded queue of a line for each `K`, which are served one item each, round by round.
#[derive(Debug)]
pub(crate) struct FairQueue<K, T> {
    /// The lines in which something waits.
    lines: HashMap<K, VecDeque<T>>,
    /// Whose lines these are, the one whose turn it is first.
    turns: VecDeque<K>,
    /// Empty lines, kept so that a new one need not be allocated.
    spare: Vec<VecDeque<T>>,
    len: usize,
    bounds: Bounds,
}

/// How many empty lines are kept.
const SPARE_LINES: usize = 16;

impl<K: Copy + Eq + Hash, T> FairQueue<K, T> {
    pub(crate) fn new(bounds: Bounds) -> Self {
        let (lines, turns) = (HashMap::new(), VecDeque::new());
        Self { lines, turns, spare: Vec::new(), len: 0, bounds }
    }

    /// How many items wait.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Adds an item to a line. If too much waits in all, the longest line gives way, unless it is
    /// this one.
    pub(crate) fn push(&mut self, key: K, item: T) -> Pushed<T> {
        let before = self.lines.get(&key).map_or(0, VecDeque::len);
        if before >= self.bounds.line {
            return Pushed::Refused(item);
        }
        if self.len < self.bounds.total {
            self.add(key, item);
            return Pushed::Waiting;
        }
        match self.displace(before.saturating_add(1)) {
            Some(displaced) => {
                self.add(key, item);
                Pushed::Displaced(displaced)
            }
            None => Pushed::Refused(item),
        }
    }

    /// Takes the next item of the line whose turn it is, among those that are `ready`.
    pub(crate) fn pop(&mut self, ready: impl Fn(K) -> bool) -> Option<(K, T)> {
        let at = self.turns.iter().position(|key| ready(*key))?;
        let key = self.turns.remove(at)?;
        let line = self.lines.get_mut(&key)?;
        let item = line.pop_front()?;
        self.len = self.len.saturating_sub(1);
        if line.is_empty() {
            self.end_line(key);
        } else {
            self.turns.push_back(key);
        }
        Some((key, item))
    }

    /// Removes the items of a line that are not to be kept.
    pub(crate) fn retain(&mut self, key: K, keep: impl FnMut(&T) -> bool) {
        let Some(line) = self.lines.get_mut(&key) else { return };
        let before = line.len();
        line.retain(keep);
        self.len = self.len.saturating_sub(before.saturating_sub(line.len()));
        if line.is_empty() {
            self.turns.retain(|turn| *turn != key);
            self.end_line(key);
        }
    }

    /// Empties the queue, and answers what was in it.
    pub(crate) fn clear(&mut self) -> Vec<T> {
        self.len = 0;
        self.turns.clear();
        self.lines.drain().flat_map(|(_, line)| line).collect()
    }

    fn add(&mut self, key: K, item: T) {
        let Self { lines, turns, spare, len, .. } = self;
        let line = lines.entry(key).or_insert_with(|| {
            turns.push_back(key);
            spare.pop().unwrap_or_default()
        });
        line.push_back(item);
        *len = len.saturating_add(1);
    }

    /// Takes the newest item of the longest line, if that is longer than `length`.
    fn displace(&mut self, length: usize) -> Option<T> {
        let (_, longest) = self.lines.iter_mut().max_by_key(|(_, line)| line.len())?;
        if longest.len() <= length {
            return None;
        }
        self.len = self.len.saturating_sub(1);
        longest.pop_back()
    }

    /// Removes a line in which nothing waits any more.
    fn end_line(&mut self, key: K) {
        if let Some(line) = self.lines.remove(&key)
            && self.spare.len() < SPARE_LINES
        {
            self.spare.push(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(line: usize, total: usize) -> FairQueue<char, u32> {
        FairQueue::new(Bounds { line, total })
    }

    fn all(queue: &mut FairQueue<char, u32>) -> Vec<(char, u32)> {
        std::iter::from_fn(|| queue.pop(|_| true)).collect()
    }

    #[test]
    fn lines_are_served_in_turn_and_each_in_its_order() {
        let mut queue = queue(10, 100);
        for (key, item) in [('a', 1), ('a', 2), ('a', 3), ('b', 4), ('c', 5), ('b', 6)] {
            assert_eq!(queue.push(key, item), Pushed::Waiting);
        }
        let served = [('a', 1), ('b', 4), ('c', 5), ('a', 2), ('b', 6), ('a', 3)];
        assert_eq!(all(&mut queue), served);
        assert_eq!(queue.len(), 0);
    }

    #[test]
    fn who_comes_late_is_served_after_one_item_of_each_other_line() {
        let mut queue = queue(1000, 1000);
        (0..900).for_each(|item| drop(queue.push('a', item)));
        queue.pop(|_| true);
        queue.push('b', 7);
        assert_eq!(queue.pop(|_| true), Some(('a', 1)));
        assert_eq!(queue.pop(|_| true), Some(('b', 7)));
    }

    #[test]
    fn a_line_that_is_not_ready_keeps_its_turn() {
        let mut queue = queue(10, 10);
        for (key, item) in [('a', 1), ('b', 2), ('b', 3)] {
            queue.push(key, item);
        }
        assert_eq!(queue.pop(|key| key != 'a'), Some(('b', 2)));
        assert_eq!(queue.pop(|_| false), None);
        assert_eq!(all(&mut queue), [('a', 1), ('b', 3)]);
    }

    #[test]
    fn a_full_line_refuses_its_own_and_a_full_queue_takes_from_the_longest() {
        let mut queue = queue(3, 4);
        (0..3).for_each(|item| assert_eq!(queue.push('a', item), Pushed::Waiting));
        assert_eq!(queue.push('a', 3), Pushed::Refused(3));
        assert_eq!(queue.push('b', 10), Pushed::Waiting);
        assert_eq!(queue.push('c', 20), Pushed::Displaced(2));
        assert_eq!(queue.push('c', 21), Pushed::Refused(21));
        assert_eq!(all(&mut queue), [('a', 0), ('b', 10), ('c', 20), ('a', 1)]);
    }

    #[test]
    fn what_nobody_waits_for_any_more_is_removed() {
        let mut queue = queue(3, 4);
        for (key, item) in [('a', 1), ('b', 2), ('a', 3)] {
            queue.push(key, item);
        }
        queue.retain('a', |item| *item == 3);
        queue.retain('b', |_| false);
        assert_eq!((queue.len(), all(&mut queue)), (1, vec![('a', 3)]));
        queue.push('a', 4);
        assert_eq!((queue.clear(), queue.len()), (vec![4], 0));
        assert_eq!(queue.pop(|_| true), None);
    }
}
