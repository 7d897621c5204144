//! The reasons of the kernel's refusals, as [`Reason`](coffer_dialect::Reason) describes them.

coffer_dialect::reasons! {
    HTTP_MALFORMED = "http.malformed":
        "it was no valid HTTP/1.1",
        "look at the client, or at what stands between it and the server";
    HOST_MISSING = "http.host":
        "its Host header was missing, or was no host",
        "look at the client, or at what stands between it and the server";
    HEADER_NOT_ASCII = "header.not_ascii":
        "its header '{about}' had characters other than plain ASCII",
        "correct what the client sends";
    HEADER_TWICE = "header.twice":
        "its header '{about}' came twice, and a proxy may have believed the other one",
        "send it once; a proxy that adds it should replace it";
    ACCOUNT_HEADERS_DIFFER = "header.accounts_differ":
        "its headers Stripe-Account and Stripe-Context named different accounts",
        "send one of them";
    ACCOUNT_HEADER_EMPTY = "header.account_empty":
        "its header '{about}' was there, and empty",
        "look for the account's id that the client left out";
    SIMULATED = "simulated":
        "it asked for a fault, '{about}', by its header Coffer-Simulate",
        "send it again, which goes through, as a client does that retries";
    SIMULATION_ELSEWHERE = "header.simulate":
        "it asked for a fault by its header Coffer-Simulate, which only developer mode simulates",
        "leave the header out: a test's code has reached this server";
    SIMULATION_UNKNOWN = "header.simulate_unknown":
        "it asked for a fault that there is not by its header Coffer-Simulate",
        "correct the word in the header";
    IDEMPOTENCY_HEADER = "header.idempotency_key":
        "its idempotency key was empty or too long",
        "correct what the client sends";
    CONDITION = "header.condition":
        "its header '{about}' is none that the call takes, or was empty or too long",
        "send it with the calls that take it, as an earlier response had it";
    BODY_CUT = "body.cut":
        "its body ended too early",
        "look at the network between the client and the server";
    BODY_CHUNKS = "body.chunks":
        "the chunks of its body were malformed",
        "look at the client, or at what stands between it and the server";
    BODY_ENCODED = "body.encoded":
        "its body was encoded in a way that is not read",
        "send the form without a Content-Encoding";
    BODY_NOT_A_FORM = "body.not_a_form":
        "its body was no form",
        "send name=value pairs, and not JSON; that is for other APIs";
    PAGE_REFUSED = "page.refused":
        "a web page sent it, from an origin that is not allowed",
        "keep keys in a backend, or allow the origin with --allow-origin";
    HOST_NOT_ALLOWED = "page.host":
        "its Host header named a server other than this one, as a page can that was given another \
         address",
        "call developer mode by localhost, or allow the name with --allow-host";
    RATE_OF_ADDRESS = "rate.address":
        "too many keys from its address were refused, and its own was not looked up in time",
        "find what tries keys at that address";
    RATE_OF_APP = "rate.app":
        "there were more requests than {about} may send within a second",
        "have the app send fewer, or raise its quota requests_per_second";
    RATE_OF_KEY = "rate.key":
        "there were more requests than {about} may send within a second",
        "have the caller send fewer, or raise the app's quota requests_per_second_per_key";
    AT_ONCE_OF_APP = "rate.app_at_once":
        "there were more requests at the same time than {about} may have",
        "have the app send fewer at once, or raise its quota requests_at_once";
    AT_ONCE_OF_KEY = "rate.key_at_once":
        "there were more requests at the same time than {about} may have",
        "have the caller send fewer at once, or raise the app's quota requests_at_once_per_key";
    ROLE_NEEDED = "access.role_needed":
        "its admin key has the role '{about}', which may not do this",
        "use an operator's key";
    NETWORK_NEEDED = "access.network":
        "its key may not be used from {about}",
        "use it in one of its networks; behind a proxy, name that with --trusted-proxy";
    ADMIN_KEY_NEEDED = "access.admin_key_needed":
        "the admin API takes admin keys only, and its key is an app's",
        "use a key that begins with ak_coffer_";
    APP_KEY_NEEDED = "access.app_key_needed":
        "an admin key opens no app's data",
        "use a key of the app";
    BACKEND_ONLY = "access.backend_only":
        "an ephemeral key may not make this call",
        "make it from the app's backend, with the app's own key";
    ACCOUNT_SCOPE_READ_ONLY = "access.account_scope_read_only":
        "its ephemeral key may read the account's scope, but not write to it",
        "make the key with account_access=write";
    OTHER_USER = "access.other_user":
        "its ephemeral key belongs to another user than the scope that it asked for",
        "make an ephemeral key for that user, or use the app's own key";
    GONE_MEANWHILE = "key.gone_meanwhile":
        "its key expired or was revoked while the request was on its way",
        "give the caller a new key";
    UNINSTALLED_MEANWHILE = "install.gone_meanwhile":
        "its app was uninstalled, or its data purged, while the request was on its way",
        "install the app again if that was not meant";
    TOKEN_NOT_KEPT = "idempotency.token_not_kept":
        "it repeats a request that made a token, which is shown only once and not kept",
        "if the token was lost, revoke it and make another with a new idempotency key";
    QUOTA_REACHED = "quota.reached":
        "its app keeps as much as its quota '{about}' allows",
        "delete what is no longer needed, or raise the quota with `coffer apps`";
    EVENT_FILTER = "events.filter":
        "it asked for events by a type that cannot be, or by too many types",
        "correct 'type' or 'types'";
    SIGN_IN_UNKNOWN = "sign_in.unknown":
        "it came back from an identity provider with a sign-in that was not begun in that browser, \
         took too long, or was ended before",
        "have the person sign in again; if it happens often, find who sends them such links";
    SIGN_IN_ANSWER = "sign_in.answer":
        "the identity provider refused to vouch for the person, or its answer was not believed",
        "see the server's log for what was wrong with it";
    SIGN_IN_ROLE = "sign_in.role":
        "the identity provider vouches for the person, who has none of the values that give a role",
        "give them one there if they should be let in, or correct the settings oidc_operators, \
         oidc_auditors and oidc_keys";
    NOT_RECORDED = "server.not_recorded":
        "the entry of the audit that had to come first could not be written",
        "see the server's log for what keeps the audit from being written";
    KEY_ROTATED = "server.key_rotated":
        "the tenant's key was changed during each attempt to write",
        "nothing; the client sends it again";
}
