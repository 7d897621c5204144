//! Who may use up a secret's value and store the one that follows: what is known of its lease, and
//! what each request makes of it.
//!
//! Time decides only for how long others wait. That a value is used up once hangs on no clock: a
//! lease is told from all others by its number, and once its holder has said that the value is
//! being used up, nobody else has it without asking for just that.

use crate::limits;
use crate::reasons;
use crate::secret::numbered;
use coffer_base::Timestamp;
use coffer_dialect::ApiError;

/// The lease of a secret, as it is stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct LeaseState {
    /// The newest lease; 0 before the first. It only rises.
    pub(crate) number: i64,
    /// When it runs out by the store's clock; `None` if it has ended.
    pub(crate) until: Option<Timestamp>,
    /// The lease whose holder uses the value up, or 0: an earlier one if it was taken over.
    pub(crate) spent: i64,
}

/// What a request wants of a lease.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Wish {
    /// To have it; with `takeover` also from somebody who has begun to use the value up, and has
    /// not come back.
    Take { takeover: bool },
    /// To keep what this token stands for.
    Keep(String),
    /// To end that.
    Release(String),
}

impl LeaseState {
    /// Whether a set may carry this token: that of the lease, and also that of an earlier one that
    /// has begun to use the value up, as long as no later one has.
    pub(crate) fn admits(&self, token: &str, id: &str) -> bool {
        let is_token_of = |number: i64| number > 0 && token_of(number, id) == token;
        self.until.is_some() && (is_token_of(self.number) || is_token_of(self.spent))
    }

    /// The lease after a request, at the time `now` of the store: for `ttl` seconds, and from now
    /// on using the value up if `spend` says so.
    ///
    /// # Errors
    /// A 409 if another holder has it, or if the caller no longer has it.
    pub(crate) fn after(
        self,
        wish: &Wish,
        id: &str,
        now: Timestamp,
        ttl: i64,
        spend: bool,
    ) -> Result<Self, ApiError> {
        // One more, since both times are cut to whole seconds: it lasts for `ttl` at least.
        let until = Some(now.plus(ttl.saturating_add(1)));
        let (number, until) = match wish {
            Wish::Take { takeover } => {
                self.check_free(*takeover, now)?;
                (self.number.saturating_add(1), until)
            }
            Wish::Keep(token) => {
                self.check_held(token, id)?;
                (self.number, until)
            }
            Wish::Release(token) => {
                self.check_held(token, id)?;
                return Ok(self.released());
            }
        };
        let spent = if spend { number } else { self.spent };
        Ok(Self { number, until, spent })
    }

    fn check_free(&self, takeover: bool, now: Timestamp) -> Result<(), ApiError> {
        let Some(until) = self.until else { return Ok(()) };
        // What would last longer than any lease was written under another clock, and is over.
        let longest = now.plus(limits::LEASE_SECONDS_MOST.saturating_add(1));
        if now < until && until <= longest {
            return Err(held(until.unix().saturating_sub(now.unix())));
        }
        if self.spent != 0 && !takeover {
            return Err(interrupted());
        }
        Ok(())
    }

    fn check_held(&self, token: &str, id: &str) -> Result<(), ApiError> {
        let is_held = self.until.is_some() && token_of(self.number, id) == token;
        if is_held { Ok(()) } else { Err(lost()) }
    }

    /// Ended by its holder. An earlier holder that has begun to use the value up is still waited
    /// for.
    fn released(self) -> Self {
        if self.spent == 0 || self.spent == self.number {
            return Self { until: None, spent: 0, ..self };
        }
        Self { until: Some(Timestamp::from_unix(0)), ..self }
    }
}

/// The text by which a holder shows that it has the lease with this number.
pub(crate) fn token_of(number: i64, id: &str) -> String {
    format!("lease-{}", numbered(number, id))
}

/// The caller has no lease, or has one no longer.
pub(crate) fn lost() -> ApiError {
    ApiError::conflict(
        &reasons::LEASE_LOST,
        "secret_lease_lost",
        "This lease of the secret is over: the secret was set since, or another worker has leased \
         it. Nothing was changed. Read the secret again.",
    )
}

fn held(seconds: i64) -> ApiError {
    let message = format!(
        "Another worker has the lease of this secret, for {seconds} more seconds at most. Wait a \
         little, and read the secret again: it may have been set by then."
    );
    ApiError::conflict(&reasons::LEASE_HELD, "secret_lease_held", message)
}

fn interrupted() -> ApiError {
    ApiError::conflict(
        &reasons::LEASE_INTERRUPTED,
        "secret_lease_interrupted",
        "Another worker has begun to use up the value of this secret, and its lease has run out \
         without a new one. It may still store one: wait a little, and read the secret again. If \
         that worker is certainly gone, ask for the lease with takeover=true; the value may be \
         used up already.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "appsecret_abcdefghij";
    const NEW: LeaseState = LeaseState { number: 0, until: None, spent: 0 };
    const TAKE: Wish = Wish::Take { takeover: false };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_unix(1_000_000 + second)
    }

    fn code(result: Result<LeaseState, ApiError>) -> String {
        result.unwrap_err().code().unwrap().to_owned()
    }

    #[test]
    fn a_lease_has_one_holder_until_it_runs_out() {
        let first = NEW.after(&TAKE, ID, at(0), 10, false).unwrap();
        assert!(first.admits("lease-1-abcdefgh", ID));
        for second in 0..=10 {
            let refused = first.after(&TAKE, ID, at(second), 10, false);
            assert_eq!(code(refused), "secret_lease_held", "{second}");
        }
        let second = first.after(&TAKE, ID, at(11), 10, false).unwrap();
        assert!(second.admits("lease-2-abcdefgh", ID) && !second.admits("lease-1-abcdefgh", ID));
        let late = first.after(&Wish::Keep("lease-1-abcdefgh".into()), ID, at(99), 10, true);
        assert!(late.is_ok(), "nobody else has taken it");
        let late = second.after(&Wish::Keep("lease-1-abcdefgh".into()), ID, at(11), 10, true);
        assert_eq!(code(late), "secret_lease_lost");
    }

    #[test]
    fn a_value_that_is_being_used_up_is_nobody_elses() {
        let spent = NEW.after(&TAKE, ID, at(0), 5, true).unwrap();
        assert_eq!(code(spent.after(&TAKE, ID, at(1), 5, true)), "secret_lease_held");
        assert_eq!(code(spent.after(&TAKE, ID, at(6), 5, true)), "secret_lease_interrupted");
        let takeover = Wish::Take { takeover: true };
        assert_eq!(code(spent.after(&takeover, ID, at(1), 5, false)), "secret_lease_held");
        let over = spent.after(&takeover, ID, at(6), 5, false).unwrap();
        // The first holder may store what it got until the second begins to use up the value.
        assert!(over.admits("lease-1-abcdefgh", ID) && over.admits("lease-2-abcdefgh", ID));
        let begun = over.after(&Wish::Keep("lease-2-abcdefgh".into()), ID, at(7), 5, true).unwrap();
        assert!(!begun.admits("lease-1-abcdefgh", ID) && begun.admits("lease-2-abcdefgh", ID));
        let back = over.after(&Wish::Release("lease-2-abcdefgh".into()), ID, at(7), 5, false);
        let back = back.unwrap();
        assert!(back.admits("lease-1-abcdefgh", ID));
        assert_eq!(code(back.after(&TAKE, ID, at(8), 5, true)), "secret_lease_interrupted");
    }

    #[test]
    fn a_lease_of_another_clock_lasts_no_longer_than_the_longest() {
        let first = NEW.after(&TAKE, ID, at(100_000), 60, false).unwrap();
        assert!(first.after(&TAKE, ID, at(0), 60, false).is_ok());
        let ahead = first.after(&TAKE, ID, at(200_000), 60, false).unwrap();
        assert!(!ahead.admits("lease-1-abcdefgh", ID), "the first holder is fenced off");
    }

    #[test]
    fn a_release_ends_a_lease() {
        let spent = NEW.after(&TAKE, ID, at(0), 5, true).unwrap();
        let free = spent.after(&Wish::Release("lease-1-abcdefgh".into()), ID, at(1), 5, false);
        let free = free.unwrap();
        assert!(!free.admits("lease-1-abcdefgh", ID) && !free.admits("lease-0-abcdefgh", ID));
        assert_eq!(free.after(&TAKE, ID, at(1), 5, false).unwrap().number, 2);
    }
}
