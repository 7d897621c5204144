//! Bounds of what a request may hold, and of what an error repeats of it.

/// Most parameters of a request, query and body together: 50 keys of metadata and more than any
/// operation knows besides.
pub const PARAMETERS: usize = 64;

/// Deepest nesting of a parameter: `a[b][c][d]` has depth 4. No operation knows a deeper one.
pub const PARAMETER_DEPTH: usize = 4;

/// Longest bracket path of a parameter, in bytes: several times the longest that exists, and short
/// enough for an error to repeat it.
pub const PARAMETER_NAME_BYTES: usize = 200;

/// Most characters of a refused value that an error repeats, so that the caller can tell which.
pub const ECHO_CHARACTERS: usize = 40;

/// Longest `Stripe-Version` header, in bytes: a version and a few feature flags.
pub const VERSION_BYTES: usize = 255;

/// Longest object id sent as a cursor, in characters: Stripe's bound for it.
pub const CURSOR_CHARACTERS: usize = 5000;

/// Longest id by which a list is narrowed, in bytes: no object has one that is longer.
pub const FILTER_ID_BYTES: usize = 255;

/// Objects on a page if the caller does not say: Stripe's default.
pub const PAGE_DEFAULT: i64 = 10;

/// Deepest expansion, in levels: Stripe's bound.
pub const EXPAND_DEPTH: usize = 4;

/// Longest API key that is looked up, in bytes: those that the server makes have under 80.
pub const TOKEN_BYTES: usize = 255;

/// Most keys of an object's metadata: Stripe's bound.
pub const METADATA_KEYS: usize = 50;

/// Longest key of metadata, in characters: Stripe's bound.
pub const METADATA_KEY_CHARACTERS: usize = 40;

/// Longest value of metadata, in characters: Stripe's bound.
pub const METADATA_VALUE_CHARACTERS: usize = 500;

/// Largest amount of money, in the currency's minor unit: eleven digits, so that sums of many
/// millions of amounts stay within 64 bits.
pub const AMOUNT_CEILING: i64 = 99_999_999_999;

/// Largest amount of a transaction that a processor tells, in the currency's minor unit: fifteen
/// digits, so that payouts of whole platforms in small currencies fit, and thousands of such
/// amounts sum up within 64 bits.
pub const TOLD_AMOUNT_CEILING: i64 = 999_999_999_999_999;

/// Letters of a currency's code: three by ISO 4217, four for what processors count in beside it.
pub const CURRENCY_LETTERS: usize = 4;
