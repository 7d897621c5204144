//! Callers who share a few secrets: whatever happens, what they saw must fit some order of what
//! they did.

use super::wire::Request;
use crate::books::changes::Rng;
use crate::books::reference::DAY;
use crate::linear::{Call, Did, State, ends};
use coffer_testkit::Answer;
use std::collections::BTreeMap;

/// Secrets that are fought over.
pub const NAMES: usize = 3;

/// Calls of one secret that are explained at once.
pub const CALLS: usize = 24;

/// What a caller wants.
#[derive(Clone, Debug)]
pub enum SecretCall {
    Set { name: usize, value: String },
    Delete { name: usize },
    Find { name: usize },
}

/// The secrets, and what was seen of them.
#[derive(Default)]
pub struct Secrets {
    names: [History; NAMES],
    /// When a value ends.
    expires: BTreeMap<String, i64>,
    values: usize,
}

struct History {
    /// What the secret can be now.
    states: Vec<State>,
    /// What was done since then.
    calls: Vec<Call>,
}

impl Default for History {
    fn default() -> Self {
        Self { states: vec![None], calls: Vec::new() }
    }
}

impl Secrets {
    /// Something to do.
    pub fn think(&mut self, rng: &mut Rng, now: i64) -> SecretCall {
        let name = usize::try_from(rng.below(NAMES as i64)).unwrap();
        match rng.below(10) {
            0..5 => {
                self.values += 1;
                let value = format!("value {}", self.values);
                if rng.below(3) == 0 {
                    self.expires.insert(value.clone(), now + 1 + rng.below(2 * DAY));
                }
                SecretCall::Set { name, value }
            }
            5..7 => SecretCall::Delete { name },
            _ => SecretCall::Find { name },
        }
    }

    /// How it is asked for.
    pub fn request(&self, asked: &SecretCall) -> Request {
        let (SecretCall::Set { name, .. }
        | SecretCall::Delete { name }
        | SecretCall::Find { name }) = asked;
        let name = format!("name{name}");
        let place = [("name", name.as_str()), ("scope[type]", "account")];
        match asked {
            SecretCall::Set { value, .. } => {
                let expires = self.expires.get(value).map(i64::to_string);
                let mut params = [&place[..], &[("payload", value.as_str())]].concat();
                params.extend(expires.as_deref().map(|at| ("expires_at", at)));
                Request::new("POST", "/v1/apps/secrets", &params)
            }
            SecretCall::Delete { .. } => Request::new("POST", "/v1/apps/secrets/delete", &place),
            SecretCall::Find { .. } => {
                let params = [&place[..], &[("expand[]", "payload")]].concat();
                Request::new("GET", "/v1/apps/secrets/find", &params)
            }
        }
    }

    /// Takes in what a caller was answered, between two moments. Answers whether enough was done
    /// for it to be explained.
    pub fn learn(
        &mut self,
        asked: &SecretCall,
        answer: &Answer,
        (from, to): (u64, u64),
    ) -> Result<bool, String> {
        let id = || answer.json()["id"].as_str().unwrap_or_default().to_owned();
        let (name, did) = match (asked, answer.status) {
            (SecretCall::Set { name, value }, 200) => {
                (name, Did::Set { value: value.clone(), id: id() })
            }
            (SecretCall::Delete { name }, 200) => (name, Did::Deleted(Some(id()))),
            (SecretCall::Delete { name }, 404) => (name, Did::Deleted(None)),
            (SecretCall::Find { name }, 404) => (name, Did::Found(None)),
            (SecretCall::Find { name }, 200) => {
                let payload = answer.json()["payload"].as_str().unwrap_or_default().to_owned();
                (name, Did::Found(Some((payload, id()))))
            }
            _ => return Err(format!("{asked:?}: {} {}", answer.status, answer.body)),
        };
        let calls = &mut self.names[*name].calls;
        calls.push(Call { from, to, did });
        Ok(calls.len() >= CALLS)
    }

    /// Explains what was done so far; nothing is under way.
    pub fn explain(&mut self, now: i64) -> Result<(), String> {
        for (name, history) in self.names.iter_mut().enumerate() {
            let alive = |value: &str| self.expires.get(value).is_none_or(|at| now < *at);
            let after = ends(&history.states, &history.calls, &alive);
            if after.is_empty() {
                let (states, calls) = (&history.states, &history.calls);
                return Err(format!(
                    "name{name} was one of {states:?}; nothing explains {calls:#?}"
                ));
            }
            history.states = after;
            history.calls.clear();
        }
        Ok(())
    }

    /// What has expired may have been deleted.
    pub fn may_prune(&mut self, now: i64) {
        for history in &mut self.names {
            let expired = |state: &State| {
                let at = state.as_ref().and_then(|(value, _)| self.expires.get(value));
                at.is_some_and(|at| *at <= now)
            };
            if history.states.iter().any(expired) && !history.states.contains(&None) {
                history.states.push(None);
            }
        }
    }
}
