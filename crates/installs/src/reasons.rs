//! The reasons of this crate's refusals, as [`Reason`](coffer_dialect::Reason) describes them.

coffer_dialect::reasons! {
    CHANNEL_WRONG = "installs.channel":
        "the channel that it named, or left out, is not one by which this caller installs",
        "read the message of the response";
    CODE_CHALLENGE = "installs.code_challenge":
        "its code challenge has other characters than RFC 7636 allows, or too few or too many",
        "correct what the client sends; Coffer has no use for it otherwise";
    SELF_INSTALL_NEEDED = "installs.self_install":
        "the app {about} may not install itself where it was not, or where others uninstalled it",
        "install it with `coffer installs create`, or set self_install=true of the app";
    NOT_EMBEDDED = "installs.embedder":
        "{about} is not among the embedders of the app",
        "add the account to the app's embedders in the admin API, if it is to install the app";
    PENDING_ACCESS = "installs.pending":
        "the app asks for more than the account has granted, and cannot grant that itself",
        "authorize it with `coffer installs create`, or with a key of the account";
    ACCOUNT_UNNAMED = "installs.account_unnamed":
        "an app changes its install on an account only by naming the account",
        "have the client send Stripe-Account";
    OTHER_ACCOUNT = "installs.other_account":
        "it asked for the installs of another account than it acts for",
        "have the client send Stripe-Account, or name its own app too";
}
