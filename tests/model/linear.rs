//! Whether what several callers saw of one secret can have happened one after another
//! (Wing and Gong, 1993: a search for an order that fits the times and the answers).

use std::collections::HashSet;

/// What one call did or saw. Ids and values are the answers'.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Did {
    Set {
        value: String,
        id: String,
    },
    /// It was deleted; `None`: it was not there.
    Deleted(Option<String>),
    /// It was found: value and id; `None`: it was not there.
    Found(Option<(String, String)>),
}

/// A call: what it did, and between which two moments.
#[derive(Clone, Debug)]
pub struct Call {
    pub from: u64,
    pub to: u64,
    pub did: Did,
}

/// The secret's value and id; `None`: there is none.
pub type State = Option<(String, String)>;

/// What the secret is after the call, if the answer fits what it was before. A secret whose value
/// is not `alive` is kept, and nobody sees it.
fn after(state: &State, did: &Did, alive: &dyn Fn(&str) -> bool) -> Option<State> {
    let is_seen = state.as_ref().is_some_and(|(value, _)| alive(value));
    let seen = if is_seen { state } else { &None };
    match (did, seen) {
        (Did::Set { value, id }, None) => Some(Some((value.clone(), id.clone()))),
        (Did::Set { value, id }, Some((_, known))) => {
            (id == known).then(|| Some((value.clone(), id.clone())))
        }
        (Did::Deleted(None), None) => Some(state.clone()),
        (Did::Deleted(Some(id)), Some((_, known))) => (id == known).then_some(None),
        (Did::Found(found), _) => (found == seen).then(|| state.clone()),
        _ => None,
    }
}

/// Whether there is an order; at most 64 calls.
pub fn fits(calls: &[Call]) -> bool {
    !ends(&[None], calls, &|_| true).is_empty()
}

/// What the secret can be after all the calls, in any order that explains them, if it was one of
/// `before`; at most 64 calls.
pub fn ends(before: &[State], calls: &[Call], alive: &dyn Fn(&str) -> bool) -> Vec<State> {
    assert!(calls.len() <= 64);
    let all = (0..calls.len()).fold(0u64, |set, at| set | 1 << at);
    let mut tried = HashSet::new();
    let mut open: Vec<_> = before.iter().map(|state| (0u64, state.clone())).collect();
    let mut ends = Vec::new();
    while let Some((done, state)) = open.pop() {
        if !tried.insert((done, state.clone())) {
            continue;
        }
        if done == all {
            ends.push(state);
            continue;
        }
        let left = || calls.iter().enumerate().filter(|(at, _)| done & 1 << at == 0);
        let soonest = left().map(|(_, call)| call.to).min().unwrap_or(u64::MAX);
        for (at, call) in left().filter(|(_, call)| call.from <= soonest) {
            if let Some(state) = after(&state, &call.did, alive) {
                open.push((done | 1 << at, state));
            }
        }
    }
    ends
}

#[test]
fn what_cannot_have_happened_is_noticed() {
    let set = |value: &str, id: &str| Did::Set { value: value.into(), id: id.into() };
    let found = |value: &str, id: &str| Did::Found(Some((value.into(), id.into())));
    let call = |from, to, did| Call { from, to, did };
    let history =
        |last: Did| fits(&[call(0, 1, set("a", "1")), call(2, 5, set("b", "1")), call(3, 4, last)]);
    assert!(history(found("a", "1")) && history(found("b", "1")));
    assert!(!history(found("c", "1")), "never set");
    assert!(!history(found("a", "2")), "another id");
    assert!(!history(Did::Found(None)), "never deleted");
    let stale = [call(0, 1, set("a", "1")), call(2, 3, set("b", "1")), call(4, 5, found("a", "1"))];
    assert!(!fits(&stale), "overwritten before");
    let [old, new] = ["a", "b"].map(|value| set(value, "1"));
    let after = ends(&[None], &[call(0, 3, old.clone()), call(1, 2, new.clone())], &|_| true);
    assert_eq!(after.len(), 2, "either can have been the last: {after:?}");
    let expired = [call(0, 1, old), call(2, 3, Did::Found(None)), call(4, 5, set("b", "2"))];
    assert!(!fits(&expired) && !ends(&[None], &expired, &|value| value != "a").is_empty());
}
