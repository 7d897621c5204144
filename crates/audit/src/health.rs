//! Whether the log goes on: what is wrong with it is said once, and known to whoever is asked.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// What the log may not do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogFault {
    /// Go on: what is stored does not fit its signed head, and nothing is added to that.
    Append,
    /// Delete what may be pruned: nobody has signed that.
    Prune,
    /// Continue what the key store knows of it.
    Mark,
}

/// What is wrong with a log, of each fault in words.
#[derive(Default, Debug)]
pub struct LogHealth(Mutex<[Option<String>; 3]>);

impl LogHealth {
    /// Notes what is wrong now, or that nothing is. The log of the program has what is new.
    pub fn note(&self, fault: LogFault, why: Option<String>) {
        let mut faults = self.faults();
        let Some(known) = faults.get_mut(fault as usize) else { return };
        if *known == why {
            return;
        }
        match &why {
            Some(why) => tracing::error!(why, "the audit's log is not what it was"),
            None => tracing::info!("the audit's log is again what it was"),
        }
        *known = why;
    }

    /// Whether nothing enters the log, since what is stored of it does not fit its signed head.
    pub fn is_stopped(&self) -> bool {
        self.faults().first().is_some_and(Option::is_some)
    }

    /// All that is wrong.
    pub fn why(&self) -> Vec<String> {
        self.faults().iter().flatten().cloned().collect()
    }

    fn faults(&self) -> MutexGuard<'_, [Option<String>; 3]> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_known_until_it_is_not() {
        let health = LogHealth::default();
        assert!(!health.is_stopped() && health.why().is_empty());
        health.note(LogFault::Mark, Some("set back".to_owned()));
        assert!(!health.is_stopped(), "the log goes on");
        health.note(LogFault::Append, Some("forged".to_owned()));
        assert!(health.is_stopped());
        assert_eq!(health.why(), ["forged", "set back"]);
        health.note(LogFault::Append, None);
        assert_eq!((health.is_stopped(), health.why()), (false, vec!["set back".to_owned()]));
    }
}
