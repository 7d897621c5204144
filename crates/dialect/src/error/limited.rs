//! Refusals of callers who ask too much (conventions §8).

use super::ApiError;
use crate::reasons;
use std::borrow::Cow;

/// Which limit was met: the value of the header `Stripe-Rate-Limited-Reason`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LimitReason {
    /// Requests a second.
    GlobalRate,
    /// Requests at the same time.
    GlobalConcurrency,
}

impl LimitReason {
    /// The word for it on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GlobalRate => "global-rate",
            Self::GlobalConcurrency => "global-concurrency",
        }
    }
}

impl ApiError {
    /// 429: a limit of requests was met; nothing was executed, and SDKs send the request again.
    pub fn rate_limited(reason: LimitReason, message: impl Into<Cow<'static, str>>) -> Self {
        let mut error = Self::request(429, &reasons::RATE_LIMITED, message)
            .with_code("rate_limit")
            .with_retry(true);
        error.0.limit = Some(reason);
        error
    }

    /// The limit that was met, if this is such a refusal.
    pub fn limit_reason(&self) -> Option<LimitReason> {
        self.0.limit
    }
}
