//! Bounds of the secret store.

/// Random letters and digits of a secret's id, as many as Stripe's examples show.
pub const SECRET_ID_CHARACTERS: usize = 30;

/// Longest name of a secret, in characters: Stripe's bound.
pub const SECRET_NAME_CHARACTERS: usize = 5000;

/// Longest payload of a secret, in characters: Stripe's bound.
pub const SECRET_PAYLOAD_CHARACTERS: usize = 5000;

/// Most secrets that an installation or an app may allow in one scope, which is listed and counted
/// without an index of its own.
pub const SECRETS_PER_SCOPE_CEILING: i64 = 1000;

/// Rows that the writers of a tenant's scopes lock, on a shared store: enough that two writes at
/// once rarely wait for each other, few enough to cost a large tenant no space.
pub const SCOPE_LOCKS: i64 = 256;

/// Scopes with secrets that an app may have in one mode, unless it has a number of its own: one for
/// each user of a large app.
pub const SCOPES_PER_APP: i64 = 20_000_000;

/// The largest number of scopes that an app may be given.
pub const SCOPES_CEILING: i64 = 1_000_000_000_000;

/// How far ahead a secret's expiry may lie, in seconds: Stripe's 100 years, counted as
/// 365.25 days each.
pub const EXPIRY_AHEAD_SECONDS: i64 = 3_155_760_000;

/// Seconds for which the row of an expired secret is kept: a day, in which a wrong clock is found
/// before it has destroyed what was not due. Callers do not see it meanwhile.
pub const EXPIRED_KEPT_SECONDS: i64 = 86_400;

/// Rows of expired secrets that a scope keeps at least, while it is written to: the longest expired
/// go first beyond them, or beyond twice its quota if that is more, since whoever counts or lists
/// the scope reads them all.
pub const EXPIRED_PER_SCOPE: i64 = 100;

/// Expired rows of a scope that one write deletes at most: more than it adds, few enough not to be
/// felt.
pub const EXPIRED_PER_WRITE: i64 = 10;

/// Rows of one kind that are announced in one transaction, each with an event.
pub const NOTICES_AT_ONCE: i64 = 100;

/// Least seconds ahead of a secret's expiry at which it can be announced: less is nothing that
/// anybody could act in.
pub const EXPIRING_BEFORE_LEAST: i64 = 60;

/// Most seconds ahead of a secret's expiry at which it can be announced: a year.
pub const EXPIRING_BEFORE_MOST: i64 = 31_536_000;

/// Seconds ahead of a secret's expiry at which it is announced, unless an operator says otherwise:
/// a week, in which somebody looks.
pub const EXPIRING_BEFORE: &str = "604800";

/// Seconds between two passes of the job that removes expired rows: often enough that they go in
/// small numbers.
pub const EXPIRE_EVERY_SECONDS: u64 = 20;

/// Secrets that are looked at to find where one of a name is: an app's accounts have a few each,
/// and an operator waits for a second at most.
pub const NAMES_EXPLAINED: i64 = 20_000;

/// Entries of the audit that the history of a secret is made of: the newest ones of its account.
pub const HISTORY_ENTRIES: usize = 5_000;

/// Entries of the audit that a caller may have looked at for that: as many as a search of the audit
/// ever looks at.
pub const LOOKED_AT_CEILING: i64 = 500_000;

/// Seconds for which nobody has read a secret that is worth a look, unless somebody says otherwise:
/// a quarter of a year.
pub const UNUSED_SECONDS: i64 = 90 * 86_400;

/// Seconds ahead at which a secret's end is worth a look, unless somebody says otherwise.
pub const EXPIRING_SECONDS: i64 = 30 * 86_400;

/// Most seconds that somebody may say: a year.
pub const LOOKED_AHEAD_SECONDS: i64 = 366 * 86_400;

/// Secrets that an operator is shown of those that end soon or that nobody reads, unless they ask
/// for more.
pub const SHOWN_TO_OPERATORS: i64 = 10;

/// Secrets whose last reads an operator may ask about at once: a page of a table, within the
/// parameters that a request may have.
pub const LAST_READS_AT_ONCE: usize = 50;

/// Changes that the history of a secret shows.
pub const HISTORY_CHANGES: usize = 50;

/// Characters of a secret's id in its version: enough that no two secrets of one name share them.
pub const VERSION_ID_CHARACTERS: usize = 8;

/// Seconds that a lease of a secret may have at least.
pub const LEASE_SECONDS_LEAST: i64 = 1;

/// Seconds that a lease of a secret may have at most: others wait for it if its holder has died.
pub const LEASE_SECONDS_MOST: i64 = 60;

/// Seconds of a lease whose holder does not say: what a slow provider of tokens takes.
pub const LEASE_SECONDS: i64 = 30;

/// Characters of a lease's token: several times what the server itself gives.
pub const LEASE_TOKEN_CHARACTERS: usize = 100;
