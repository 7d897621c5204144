//! Random steps: each is made by the server and by the reference, and both must agree.

use super::changes::{Bookkeeper, CHANGES, Change, Rng, judge};
use super::fixture::{Fixture, compare};
use super::reference::DAY;
use std::collections::BTreeMap;

pub struct Driver {
    pub fixture: Fixture,
    pub keeper: Bookkeeper,
    /// What was done, for whoever reads of a failure.
    pub log: Vec<String>,
    /// What was done, and how it was answered: how often.
    pub outcomes: BTreeMap<String, usize>,
}

impl Driver {
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let now = 1_772_359_200 + rng.below(DAY);
        Self {
            fixture: Fixture::new(now),
            keeper: Bookkeeper::new(rng, now),
            log: Vec::new(),
            outcomes: BTreeMap::new(),
        }
    }

    /// One step, and the comparison after it.
    pub fn step(&mut self) -> Result<(), String> {
        match self.keeper.rng.below(100) {
            change @ 0..CHANGES => self.change(change),
            86..97 => self.advance(),
            97..98 => self.go_back(),
            _ => self.crash(),
        }?;
        compare(&self.fixture, &mut self.keeper.books)
    }

    /// Sends a change. Now and then the commit fails first, and the change is asked for again; now
    /// and then it is asked for twice.
    fn change(&mut self, which: i64) -> Result<(), String> {
        let Some(change) = self.keeper.change(which) else { return Ok(()) };
        let Change { path, params, accepted } = &change;
        self.log.push(format!("{path} {params:?} {accepted}"));
        let answer = if *accepted && self.keeper.rng.below(12) == 0 {
            self.note("a commit that failed");
            let lost = self.fixture.post_in_vain(path, params);
            if lost.status < 500 {
                return Err(format!("a commit failed, and the answer was {}", lost.status));
            }
            self.fixture.again(path, params)
        } else {
            self.fixture.post(path, params)
        };
        judge(&answer, *accepted)?;
        self.note(&format!("{} {}", kind(path), answer.status));
        self.keeper.learn(&change, &answer);
        if self.keeper.rng.below(6) == 0 {
            let again = self.fixture.again(path, params);
            if (again.status, &again.body) != (answer.status, &answer.body) {
                return Err(format!("asked again: {again:?}, and before {answer:?}"));
            }
        }
        Ok(())
    }

    fn note(&mut self, what: &str) {
        *self.outcomes.entry(what.to_owned()).or_default() += 1;
    }

    /// Time passes: seconds, days, or weeks.
    fn advance(&mut self) -> Result<(), String> {
        let most = self.keeper.rng.one(&[90, DAY, 4 * DAY, 21 * DAY]);
        let by = 1 + self.keeper.rng.below(most);
        self.keeper.books.now += by;
        self.log.push(format!("it is {}", self.keeper.books.now));
        self.fixture.set_clock(self.keeper.books.now);
        self.keeper.books.run_due();
        Ok(())
    }

    /// The machine's clock is set back.
    fn go_back(&mut self) -> Result<(), String> {
        let by = self.keeper.rng.below(3 * DAY);
        self.keeper.books.now -= by;
        self.log.push(format!("it is {} again", self.keeper.books.now));
        self.note("a clock that went back");
        self.fixture.set_clock(self.keeper.books.now);
        self.keeper.books.run_due();
        Ok(())
    }

    fn crash(&mut self) -> Result<(), String> {
        self.log.push("crash".to_owned());
        self.note("a crash");
        self.fixture.crash(self.keeper.books.now);
        Ok(())
    }
}

/// A path with its ids taken out.
fn kind(path: &str) -> String {
    let named = |part: &str| part.contains('_') || part.chars().any(|letter| letter.is_numeric());
    let parts = path.trim_start_matches("/v1/").split('/');
    parts.map(|part| if named(part) { ":id" } else { part }).collect::<Vec<_>>().join("/")
}
