//! The steps of something that takes time: how far it is, and how long each step took.

use std::time::{Duration, Instant};

/// Is told the step, and how many of how many bytes it is through, 0 of 0 if it does not count any;
/// its error ends the work.
pub type OnProgress<'p> = &'p mut (dyn FnMut(&str, u64, u64) -> Result<(), &'static str> + Send);

/// A step that is done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// What was done.
    pub name: String,
    /// How long it took.
    pub took: Duration,
}

/// The steps so far.
#[derive(Debug)]
pub struct Steps {
    done: Vec<Step>,
    since: Instant,
}

impl Default for Steps {
    fn default() -> Self {
        Self { done: Vec::new(), since: Instant::now() }
    }
}

impl Steps {
    /// What was done since the last step had this name.
    pub fn done(&mut self, name: impl Into<String>) {
        let now = Instant::now();
        let took = now.saturating_duration_since(self.since);
        self.done.push(Step { name: name.into(), took });
        self.since = now;
    }

    /// All of them.
    pub fn end(self) -> Vec<Step> {
        self.done
    }
}
