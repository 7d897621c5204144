//! Who gets a place: how many attempts may be under way to which endpoint.
//!
//! An endpoint begins with one attempt at a time, gets more while it answers, up to ten, and has
//! one again after a failure. Those that have not answered lately share half of all places:
//! receivers that hang keep nobody waiting who answers.

use crate::limits;
use std::collections::HashMap;

/// What is known of one endpoint.
#[derive(Clone, Copy, Debug)]
struct Standing {
    /// How many attempts may be under way.
    window: usize,
    under_way: usize,
    /// Whether its last answer came quickly, good or bad.
    is_proven: bool,
}

impl Default for Standing {
    fn default() -> Self {
        Self { window: 1, under_way: 0, is_proven: false }
    }
}

/// What is known of all endpoints.
#[derive(Debug, Default)]
pub(super) struct Standings {
    known: HashMap<String, Standing>,
    under_way: usize,
    unproven: usize,
}

impl Standings {
    /// How many more attempts may be started to an endpoint.
    pub(super) fn places(&self, id: &str) -> usize {
        let standing = self.known.get(id).copied().unwrap_or_default();
        let own = standing.window.saturating_sub(standing.under_way);
        let all = limits::IN_FLIGHT.saturating_sub(self.under_way);
        let unproven = limits::IN_FLIGHT_UNPROVEN.saturating_sub(self.unproven);
        if standing.is_proven { own.min(all) } else { own.min(all).min(unproven) }
    }

    /// How many attempts to an endpoint are under way.
    pub(super) fn under_way(&self, id: &str) -> usize {
        self.known.get(id).map_or(0, |standing| standing.under_way)
    }

    /// An attempt was started.
    pub(super) fn started(&mut self, id: &str) {
        if self.known.len() >= limits::STANDINGS {
            self.known.retain(|_, standing| standing.under_way > 0);
        }
        let standing = self.known.entry(id.to_owned()).or_default();
        standing.under_way = standing.under_way.saturating_add(1);
        self.count();
    }

    /// An attempt has ended; `milliseconds` as far as that is known.
    pub(super) fn ended(&mut self, id: &str, good: bool, milliseconds: Option<i64>) {
        if let Some(standing) = self.known.get_mut(id) {
            standing.under_way = standing.under_way.saturating_sub(1);
            standing.is_proven = milliseconds.is_some_and(|ms| ms <= limits::QUICK_MILLISECONDS);
            standing.window = if good {
                standing.window.saturating_mul(2).min(limits::IN_FLIGHT_TO_ENDPOINT)
            } else {
                1
            };
        }
        self.count();
    }

    /// A pass was cut, or begins.
    pub(super) fn nothing_is_under_way(&mut self) {
        self.known.values_mut().for_each(|standing| standing.under_way = 0);
        self.count();
    }

    fn count(&mut self) {
        let sum = |proven: Option<bool>| {
            let of = self.known.values().filter(|one| proven.is_none_or(|is| one.is_proven == is));
            of.map(|one| one.under_way).sum()
        };
        (self.under_way, self.unproven) = (sum(None), sum(Some(false)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_gets_more_places_while_it_answers_and_one_after_a_failure() {
        let mut standings = Standings::default();
        let mut windows = Vec::new();
        for _ in 0..6 {
            windows.push(standings.places("a"));
            standings.started("a");
            standings.ended("a", true, Some(5));
        }
        assert_eq!(windows, [1, 2, 4, 8, 10, 10]);
        standings.started("a");
        assert_eq!((standings.places("a"), standings.under_way("a")), (9, 1));
        standings.ended("a", false, Some(5));
        assert_eq!(standings.places("a"), 1);
    }

    #[test]
    fn those_that_hang_never_take_all_places() {
        let mut standings = Standings::default();
        standings.started("good");
        standings.ended("good", true, Some(5));
        let mut hanging = 0;
        for number in 0..1000 {
            let id = format!("hanging-{number}");
            if standings.places(&id) > 0 {
                standings.started(&id);
                hanging += 1;
            }
        }
        assert_eq!(hanging, limits::IN_FLIGHT_UNPROVEN);
        assert_eq!((standings.places("new"), standings.places("good")), (0, 2));
        standings.ended("hanging-0", false, None);
        assert_eq!((standings.places("new"), standings.places("hanging-0")), (1, 1));
        standings.nothing_is_under_way();
        assert_eq!(standings.places("new"), 1);
    }
}
