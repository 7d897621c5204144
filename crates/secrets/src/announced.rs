//! How much events have announced of a secret's expiry.

use coffer_base::Timestamp;

/// What a row says was announced of its secret.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Announced {
    /// Nothing.
    Nothing,
    /// That it will expire; or nothing will say so, since it was set with less time than that.
    Expiring,
    /// That it has expired.
    Expired,
}

impl Announced {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Nothing, Self::Expiring, Self::Expired];

    /// As rows have it.
    pub(crate) const fn code(self) -> i64 {
        match self {
            Self::Nothing => 0,
            Self::Expiring => 1,
            Self::Expired => 2,
        }
    }

    /// Of a secret that is being set, if what expires is announced `before` seconds ahead.
    pub(crate) fn when_set(
        expires_at: Option<Timestamp>,
        now: Timestamp,
        before: Option<i64>,
    ) -> Self {
        match (expires_at, before) {
            (Some(at), Some(before)) if at.plus(-before) <= now => Self::Expiring,
            _ => Self::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_with_less_time_is_not_announced_ahead() {
        let at = |second| Some(Timestamp::from_unix(second));
        let now = Timestamp::from_unix(100);
        let announced = |expires_at, before| Announced::when_set(expires_at, now, before);
        assert_eq!(announced(None, Some(10)), Announced::Nothing);
        assert_eq!(announced(at(111), Some(10)), Announced::Nothing);
        assert_eq!(announced(at(110), Some(10)), Announced::Expiring);
        assert_eq!(announced(at(110), None), Announced::Nothing);
    }
}
