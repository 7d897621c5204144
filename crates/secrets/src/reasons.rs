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
    EXPIRY_PAST = "secret.expiry_past":
        "the secret would have expired before it was set",
        "send a time ahead, in Unix seconds, and look at the caller's clock";
    EXPIRY_FAR = "secret.expiry_far":
        "the secret would expire more than 100 years ahead",
        "send Unix seconds and not milliseconds";
}
