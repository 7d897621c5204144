//! The bounds of webhooks, each with its reason.

/// Endpoints of one owner unless the operator allows more: as many as Stripe has in live mode.
pub const ENDPOINTS: &str = "16";

/// Most endpoints that an operator can allow one owner: each event looks at all of them.
pub const ENDPOINTS_CEILING: i64 = 100;

/// Characters of a URL: some receivers and proxies take no longer ones.
pub const URL_CHARACTERS: usize = 2000;

/// Characters of a description, as of other texts of this kind.
pub const DESCRIPTION_CHARACTERS: usize = 5000;

/// Items of `enabled_events`: as many as a request has parameters. Each event looks at them.
pub const ENABLED_EVENTS: usize = 64;

/// Letters and digits of an endpoint's id.
pub const ENDPOINT_ID_CHARACTERS: usize = 24;

/// Letters and digits of a secret behind `whsec_`: 190 random bits.
pub const SECRET_CHARACTERS: usize = 32;

/// Most seconds for which a secret stays beside the one that takes its place: a day, as at Stripe.
pub const ROLL_SECONDS: i64 = 86_400;

/// Seconds to connect, TLS included: a receiver that is there answers within them.
pub const CONNECT_SECONDS: u64 = 5;

/// Seconds from the name's resolution to the status, unless the operator sets another number.
pub const TIMEOUT_SECONDS: &str = "20";

/// Most seconds that an operator can give a receiver: a place of [`IN_FLIGHT`] is taken meanwhile.
pub const TIMEOUT_CEILING: i64 = 60;

/// Bytes of a delivery's body, which no event reaches: objects of events are bounded far below.
pub const BODY_BYTES: usize = 256 * 1024;

/// Attempts under way to one endpoint, so that no receiver is flooded.
pub const IN_FLIGHT_TO_ENDPOINT: usize = 10;

/// Attempts under way in all: a file descriptor, and some memory, for each.
pub const IN_FLIGHT: usize = 256;

/// Attempts under way to endpoints that have not answered lately: receivers that hang may keep half
/// of the places, and never those of the others.
pub const IN_FLIGHT_UNPROVEN: usize = 128;

/// Milliseconds within which an endpoint that fails still counts as one that answers: it takes no
/// place for long.
pub const QUICK_MILLISECONDS: i64 = 1000;

/// Endpoints that one look at what waits goes through, so that the look is short.
pub const ENDPOINTS_AT_ONCE: i64 = 1000;

/// Milliseconds between two looks at what waits.
pub const LOOK_MILLISECONDS: u64 = 100;

/// Milliseconds between two passes: as long as an event may wait that came when all was quiet.
pub const PASS_MILLISECONDS: u64 = 250;

/// Attempts whose outcome is written in one transaction.
pub const SETTLED_AT_ONCE: usize = 200;

/// Endpoints whose standing is remembered; beyond it those with nothing under way are forgotten.
pub const STANDINGS: usize = 10_000;

/// Seconds between two beats of a server that sends.
pub const BEAT_SECONDS: u64 = 5;

/// Servers whose beats are remembered; beyond it those that are gone are forgotten.
pub const SERVERS: usize = 1000;

/// Seconds without a beat after which others take over what a server held.
pub const HELD_SECONDS: u64 = 30;

/// Seconds without work after which a server lets go of what it holds, so that the next one who has
/// time takes it.
pub const IDLE_SECONDS: u64 = 5;

/// Attempts after the first that an operator can set.
pub const RETRIES: usize = 20;

/// Seconds after an event until which it is tried: three days, as at Stripe.
pub const TRIED_SECONDS: i64 = 72 * 3600;

/// Seconds beyond that within which an attempt that had to wait, for its endpoint or for a server,
/// is still made: the longest time between two attempts.
pub const LATE_SECONDS: i64 = 12 * 3600;

/// Seconds for which attempts are kept: as long as events.
pub const KEPT_SECONDS: i64 = 30 * 86_400;

/// Days without success after which an endpoint is disabled, unless the operator sets another
/// number.
pub const DISABLE_DAYS: &str = "9";

/// Most days that an operator can set for that.
pub const DISABLE_DAYS_CEILING: i64 = 365;

/// Failed attempts that it takes as well: one event in nine days says little.
pub const DISABLE_FAILURES: i64 = 20;

/// Seconds without success after which the log and the platform's other endpoints are told, once a
/// day.
pub const WARN_SECONDS: i64 = 3 * 86_400;

/// Seconds between two such warnings.
pub const WARN_EVERY_SECONDS: i64 = 86_400;

/// Attempts that wait for one endpoint; beyond it the oldest are given up.
pub const WAITING_CEILING: i64 = 1_000_000;

/// Seconds between two passes of the job that deletes old attempts.
pub const PRUNE_EVERY_SECONDS: u64 = 3600;
