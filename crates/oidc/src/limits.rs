//! Bounds of what is asked of an identity provider, and of what it answers.

/// Seconds for one exchange with the provider: a person is waiting, and two follow each other at
/// most three times.
pub const EXCHANGE_SECONDS: u64 = 8;

/// Bytes of each answer of the provider: discovery documents have a few thousand, keys a few
/// thousand for each, and a token with two hundred groups about ten thousand.
pub const ANSWER_BYTES: usize = 256 * 1024;

/// Keys of a provider that are looked at: it has two while it changes them, and some have six.
pub const KEYS: usize = 50;

/// Characters of an ID token: one that names two hundred groups has about ten thousand.
pub const TOKEN_CHARACTERS: usize = 64 * 1024;

/// Characters of a code, or of another parameter, that a provider hands to the browser.
pub const PARAMETER_CHARACTERS: usize = 4096;

/// Characters of an address that settings or the provider name.
pub const URL_CHARACTERS: usize = 2048;

/// Characters of a person's subject: no provider has more (OpenID Connect Core 1.0, section 2).
pub const SUBJECT_CHARACTERS: usize = 255;

/// Characters of a person's name that are shown.
pub const NAME_CHARACTERS: usize = 100;

/// Values of a claim that are looked at: a person can be in many groups.
pub const CLAIM_VALUES: usize = 1000;

/// Seconds by which the provider's clock may differ from this machine's.
pub const LEEWAY_SECONDS: i64 = 60;

/// Seconds of the age of an ID token: it is fetched the moment it is made.
pub const TOKEN_AGE_SECONDS: i64 = 600;

/// Seconds after which the provider's document and keys are fetched again: an hour, within which
/// a key that it has taken back is forgotten.
pub const KEPT_SECONDS: u64 = 3600;

/// Seconds between two attempts to find a key that is not known: providers that change their keys
/// announce the new one before they use it, and a token that names made-up keys must not have the
/// provider asked all the time.
pub const KEYS_AGAIN_SECONDS: u64 = 30;

/// Seconds for which a provider that did not answer, or with something else than its document or
/// its keys, is not asked again.
pub const FAILED_SECONDS: u64 = 5;

/// Letters and digits of a state, of a nonce and of a code verifier: more than 256 bits, and as
/// many as a verifier must have (RFC 7636, section 4.1).
pub const RANDOM_CHARACTERS: usize = 44;
