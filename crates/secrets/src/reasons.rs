//! The reasons of this crate's refusals, as [`Reason`](coffer_dialect::Reason) describes them.

coffer_dialect::reasons! {
    NOT_FOUND = "secret.missing":
        "the scope has no secret with that name",
        "compare the name, the scope, the account and the key's mode with those of the set";
    USER_OF_ACCOUNT_SCOPE = "secret.user_of_account_scope":
        "it named a user of the account's scope, which has none",
        "leave scope[user] out, or set scope[type] to user";
    SCOPE_FULL = "secret.scope_full":
        "the scope holds as many secrets as it may, which is {about}",
        "delete one, or raise the app's quota secrets_per_scope";
    VERSION_CHANGED = "secret.version_changed":
        "the secret did not have the version that the request names: others have set it meanwhile",
        "nothing if it is rare; the client reads the secret again and decides anew";
    LEASE_HELD = "secret.lease_held":
        "another worker has the lease of the secret",
        "nothing; the client waits, and reads the secret again";
    LEASE_LOST = "secret.lease_lost":
        "its lease of the secret is over: the secret was set since, or others have leased it",
        "have the client read the secret again; a lease ought to be longer than the work takes";
    LEASE_WISHES = "secret.lease_wishes":
        "it asked for a lease in two ways that exclude each other",
        "send a token to keep or release a lease, and none to take one";
    LEASE_INTERRUPTED = "secret.lease_interrupted":
        "whoever had the lease has begun to use the value up, and has stored none in its place",
        "look whether that worker is still running; if it is not, have the client take the lease \
         over with takeover=true, and expect that the value is used up";
    EXPIRY_PAST = "secret.expiry_past":
        "the secret would have expired before it was set",
        "send a time ahead, in Unix seconds, and look at the caller's clock";
    EXPIRY_FAR = "secret.expiry_far":
        "the secret would expire more than 100 years ahead",
        "send Unix seconds and not milliseconds";
}
