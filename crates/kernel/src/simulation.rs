//! Faults on request: in developer mode a request can ask for the error that it wants to meet, so
//! that a client's retries are tested with what production answers.
//!
//! Of two requests that are the same, the first meets the fault and the second goes through, since
//! a client that retries sends the same headers again, this one too.

use crate::limits;
use coffer_dialect::{ApiError, LimitReason};
use http::header::HeaderName;
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// The header that asks for a fault.
pub(crate) const SIMULATE: HeaderName = HeaderName::from_static("coffer-simulate");

/// What is simulated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    /// The refusal of a caller who sends too much.
    RateLimit,
    /// The refusal of a change whose locks were taken.
    LockTimeout,
    /// No answer at all; nothing is carried out.
    Timeout,
    /// No answer either, but the request is carried out.
    DropAfterCommit,
    /// The fault of a server that does not know what came of the request.
    Internal,
}

/// The words of the header.
pub(crate) const FAULTS: [(&str, Fault); 5] = [
    ("rate_limit", Fault::RateLimit),
    ("lock_timeout", Fault::LockTimeout),
    ("timeout", Fault::Timeout),
    ("drop_after_commit", Fault::DropAfterCommit),
    ("500", Fault::Internal),
];

/// What can be asked for by `Coffer-Simulate`, in developer mode.
pub const WORDS: [&str; FAULTS.len()] = {
    let [(first, _), (second, _), (third, _), (fourth, _), (fifth, _)] = FAULTS;
    [first, second, third, fourth, fifth]
};

impl Fault {
    /// The fault that `word` asks for.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        FAULTS.iter().find(|(known, _)| *known == word).map(|&(_, fault)| fault)
    }

    /// The answer that it is, if it is one.
    pub(crate) fn answer(self) -> Option<ApiError> {
        match self {
            Self::RateLimit => Some(ApiError::rate_limited(
                LimitReason::GlobalRate,
                "Too many requests: this was asked for by the header Coffer-Simulate.",
            )),
            Self::LockTimeout => Some(ApiError::lock_timeout()),
            Self::Internal => Some(ApiError::unknown_outcome("it was asked for")),
            Self::Timeout | Self::DropAfterCommit => None,
        }
    }
}

/// The requests that have met their fault, and whose repetition goes through.
#[derive(Default)]
pub(crate) struct Simulations(Mutex<HashSet<String>>);

impl Simulations {
    /// Whether this request meets its fault: it does unless the one before it did.
    pub(crate) fn meets(&self, request: String) -> bool {
        let mut failed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if failed.remove(&request) {
            return false;
        }
        if failed.len() >= limits::SIMULATIONS_IN_MEMORY {
            failed.clear();
        }
        failed.insert(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repetition_goes_through() {
        let simulations = Simulations::default();
        let seen = ["a", "b", "a", "a", "a", "b"].map(|one| simulations.meets(one.to_owned()));
        assert_eq!(seen, [true, true, false, true, false, false]);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let simulations = Simulations::default();
        for number in 0..=limits::SIMULATIONS_IN_MEMORY {
            assert!(simulations.meets(number.to_string()));
        }
        assert_eq!(simulations.0.lock().unwrap().len(), 1);
    }
}
