//! The reasons of this crate's refusals, as [`Reason`](coffer_dialect::Reason) describes them. What
//! became of a key or an install is looked up when somebody asks for an explanation.

coffer_dialect::reasons! {
    KEY_EXPIRED = "key.past_expiry":
        "its key {about} has expired",
        "make another one with `coffer keys create`";
    KEY_REVOKED = "key.revoked":
        "its key {about} was revoked",
        "give the caller the key that took its place";
    KEY_USED_UP = "key.used_up":
        "its key {about} was used as often as it may be",
        "make another one with `coffer keys create`";
    PARENT_ENDED = "key.parent_ended":
        "the key that made its ephemeral key {about} has expired or was revoked",
        "have the app's backend make another ephemeral key with the key that it has now";
    PARENT_USED_UP = "key.parent_used_up":
        "the key that made its ephemeral key {about} was used as often as it may be",
        "have the app's backend make another ephemeral key with a key that has uses left";
    LAST_USE = "key.last_use":
        "its key had no use left for the ephemeral key that it would have made",
        "make another one with `coffer keys create`";
    KEY_FROM_AHEAD = "key.from_ahead":
        "its ephemeral key {about} expires later than any can: a clock that was ahead has made it",
        "have the app's backend make another one";
    APP_GONE = "key.app_gone":
        "the app of its key {about} was deleted, or its row is not believed",
        "look at `coffer doctor`; else give the caller a key of an app that there is";
    NEVER_INSTALLED = "install.never":
        "{about}, and the app is not installed there, or there is no such account",
        "install the app with `coffer installs create`, or correct the account's id";
    UNINSTALLED = "install.removed":
        "{about}, from which the app was uninstalled",
        "install it again with `coffer installs create` if that was not meant";
    BOUND_ELSEWHERE = "key.bound_elsewhere":
        "its ephemeral key {about} belongs to another account than the one that it named",
        "have the app's backend make one for that account";
    LIVE_KEY_IN_DEVELOPMENT = "developer.live_key":
        "developer mode takes no live keys",
        "use a key that begins with sk_test_";
    KEY_OF_ANOTHER_RUN = "developer.other_run":
        "developer mode under names that others use takes only keys that begin with its own",
        "use the KEY that `coffer dev` printed at its start";
    EPHEMERAL_KEY_UNKNOWN = "developer.ephemeral_key_unknown":
        "developer mode makes up no ephemeral keys, and this one was not made here, or was pruned",
        "make it with POST /v1/ephemeral_keys";
    MANIFEST_INVALID = "app.manifest":
        "what it named for the app's '{about}' is too much, or no list of URLs or names",
        "read the message of the response";
    PURGE_OF_ONE_MODE = "install.purge_of_one_mode":
        "it wanted what an app keeps purged in one mode, and a purge is of both",
        "leave the mode out";
    EPHEMERAL_KEY_OF_STRIPE = "ephemeral_key.stripes":
        "it asked for an ephemeral key of Stripe's, with its parameter '{about}'",
        "have the client send that request to Stripe";
    ID_INVALID = "id.invalid":
        "its parameter '{about}' is no id that an object can have",
        "correct the id";
    ID_TAKEN = "id.taken":
        "there is {about} with that id already",
        "choose another id, or use the object that there is";
    PERMISSION_UNKNOWN = "permission.unknown":
        "it asked for a permission that no call needs",
        "name one of those that the response lists";
    PERMISSIONS_NOT_TYPE = "key.permissions_not_type":
        "restricted keys have permissions, and only those have any",
        "send permissions with type=restricted, and with no other";
    ADMIN_KEY_OF_APP = "key.admin_of_app":
        "an admin key belongs to no app and no mode, and it named one",
        "leave both out";
    ROLE_OF_APP_KEY = "key.role_of_app":
        "only admin keys have a role, and it named one for another key",
        "leave the role out";
    NETWORKS_INVALID = "key.networks":
        "what it named as a key's network is none, or there were too many",
        "read the message of the response";
    NOT_ROLLED = "key.not_rolled":
        "the key that it wanted rolled has ended, was rolled before, or is an ephemeral one",
        "read the message of the response";
    OPERATORS_ONLY = "role.operators_only":
        "only operators make, roll and revoke admin keys",
        "use an operator's key";
    MAKING_LOCKED = "key.making_locked":
        "the making of keys of apps is locked",
        "unlock it on the host with `coffer keys unlock`, or set lock_keys to false";
    EXPIRY_PAST = "key.expiry_past":
        "the key would have expired before it was made",
        "send a time ahead, in Unix seconds";
    CHOSEN_KEY = "developer.chosen_key":
        "a key of the caller's choice has a form of its own, and no app and no mode beside it",
        "read the message of the response";
}
