//! The reasons of this crate's refusals, as [`Reason`](crate::Reason) describes them.

crate::reasons! {
    URL_UNKNOWN = "url.unknown":
        "there is no call with this method and path, or none that the listener serves",
        "compare both with the reference; the admin API may have a listener of its own";
    URL_OF_STRIPE = "url.stripes":
        "Stripe's API has this path, and Coffer does not serve it",
        "have the client send that request to Stripe";
    KEY_ABSENT = "key.absent":
        "no API key came with it",
        "send one in the Authorization header, as Bearer or as the user name of HTTP Basic";
    KEY_UNREADABLE = "key.unreadable":
        "its Authorization header holds no key: {about}",
        "correct what the client puts into that header";
    KEY_UNKNOWN = "key.unknown":
        "nobody has the key that it sent: it is mistyped, is another server's, or its app was \
         deleted",
        "compare its last four characters with those of `coffer keys list`";
    KEY_EXPIRED = "key.expired":
        "its key has expired or was revoked",
        "give the caller a new one";
    KEY_PUBLISHABLE = "key.publishable":
        "a publishable key opens nothing here",
        "use a secret or a restricted key";
    ACCOUNT_NO_ACCESS = "account.no_access":
        "there is no such account, or the key's app is not installed on it",
        "install the app on the account with `coffer installs create`, or correct the id";
    PERMISSION_MISSING = "permission.missing":
        "its restricted key lacks the permission '{about}'",
        "make a key that has it, or use the app's secret key";
    PERMISSION_NOT_GRANTED = "permission.not_granted":
        "its app declares permissions, and the account has not granted '{about}'",
        "have the app declare it, and authorize the app again: `coffer installs create` does";
    FORBIDDEN = "forbidden":
        "its key may not do this",
        "read the message of the response";
    IDEMPOTENCY_OTHER_OPERATION = "idempotency.other_operation":
        "its idempotency key was used before, for another call",
        "have the client make a new key for each request";
    IDEMPOTENCY_OTHER_PARAMETERS = "idempotency.other_parameters":
        "its idempotency key was used before, with other parameters",
        "have the client make a new key for each request";
    IDEMPOTENCY_IN_USE = "idempotency.in_use":
        "another request with the same idempotency key was still being carried out",
        "nothing; the client sends it again";
    LOCK_TIMEOUT = "store.lock_timeout":
        "others kept the rows that it needed locked for too long",
        "nothing if it is rare; else have the client change one object less often";
    BODY_TOO_LARGE = "body.too_large":
        "its body was longer than the server reads",
        "send less";
    HEADERS_TOO_LARGE = "headers.too_large":
        "its headers were more, or longer, than the server reads",
        "look at what a proxy or the client adds to them";
    URL_TOO_LONG = "url.too_long":
        "its URL was longer than the server reads",
        "send the parameters in the body";
    BODY_LATE = "body.late":
        "its body did not arrive in time",
        "look at the network between the client and the server";
    INTERNAL = "server.fault":
        "the server has a fault",
        "look for the request's id in the server's log, which says what failed";
    UNAVAILABLE = "server.unavailable":
        "something that the server needs did not answer or has no room",
        "look for the request's id in the server's log, and at `coffer doctor`";
    SEALED = "server.sealed":
        "an operator has sealed the server, which has no keys",
        "end that with `coffer unseal` once the cause is gone";
    SEALED_HERE = "server.sealed_here":
        "the server is sealed, and the key store could not be written, so that others may not be",
        "seal it again once the key store can be written";
    SEALED_UNRECORDED = "server.seal_unrecorded":
        "it sealed the server, and the audit could not be written with it",
        "seal it again once the audit can be written; it stays sealed meanwhile";
    REVOKED_IN_MEMORY = "server.revocation_unstored":
        "the key is refused by this server, but its revocation could not be stored",
        "look at `coffer doctor`, and revoke the key again";
    BUSY = "server.busy":
        "more of its app's requests waited for the store than may",
        "have the app send fewer at once";
    UNKNOWN_OUTCOME = "server.unknown_outcome":
        "the server did not learn whether its change was stored",
        "send it again with the same idempotency key, and look for its id in the server's log";
    RATE_LIMITED = "rate.limited":
        "there were more requests than {about} may send",
        "have the client send fewer, or raise the app's quota";
    REQUEST_INVALID = "request.invalid":
        "it broke a rule that its response names",
        "read the message of the response";
    PARAMETER_INVALID = "parameter.invalid":
        "its parameter '{about}' had a value that is not accepted",
        "read the message of the response";
    PARAMETER_MISSING = "parameter.missing":
        "its parameter '{about}' is required and was not sent",
        "send it";
    PARAMETER_EMPTY = "parameter.empty":
        "its parameter '{about}' was sent empty, which asks to unset it, and it cannot be unset",
        "leave it out, or give it a value; SDKs send a null so";
    PARAMETER_UNKNOWN = "parameter.unknown":
        "it had a parameter that the call does not know",
        "compare the response's message with the reference";
    PARAMETER_INTEGER = "parameter.integer":
        "its parameter '{about}' was no integer",
        "send a whole number in decimal digits";
    PARAMETER_RANGE = "parameter.range":
        "its parameter '{about}' was an integer outside of the range that is allowed",
        "send one within the bound that the response names";
    PARAMETER_TYPE = "parameter.type":
        "its parameter '{about}' had the wrong type: a text for an object or a list, or the other \
         way round",
        "look at how the client encodes it";
    PARAMETER_CHOICE = "parameter.choice":
        "its parameter '{about}' was none of the words that are allowed",
        "send one of those that the response lists";
    PARAMETER_CURRENCY = "parameter.currency":
        "its parameter '{about}' was no currency that the server has",
        "send one of the codes that the response lists";
    PARAMETER_TOO_LONG = "parameter.too_long":
        "its parameter '{about}' was too long",
        "send at most as many characters as the response names";
    PARAMETER_NUL = "parameter.nul":
        "its parameter '{about}' had a NUL character in it, which PostgreSQL cannot store",
        "send text";
    PARAMETER_INDEXES = "parameter.indexes":
        "the keys of the list '{about}' were not 0, 1, 2 and so on",
        "number them without a gap, or use []";
    CURRENCY_CODE = "parameter.currency_code":
        "its '{about}' was not three or four letters in lower case",
        "send the currency's code as the processor writes it";
    OBJECT_MISSING = "object.missing":
        "there is no {about} with the id or name that it asked for, in this mode and for this \
         account",
        "correct the id, the account or the key's mode";
    REFERENCE_MISSING = "reference.missing":
        "its parameter '{about}' names an object that does not exist in this mode and for this \
         account",
        "correct the id, the account or the key's mode";
    CURSORS_BOTH = "list.both_cursors":
        "it had both cursors of a list",
        "send starting_after or ending_before";
    FORM_MALFORMED = "form.malformed":
        "its parameters are not form-encoded as they should be",
        "look at how the client encodes names and values";
    FORM_TOO_MANY = "form.too_many":
        "it had more parameters, or deeper or longer names, than the server reads",
        "send less in one request";
    EXPAND_UNKNOWN = "expand.unknown":
        "it asked to expand a field that cannot be expanded",
        "correct the path in expand[], which begins with data. on lists";
    EXPAND_DEPTH = "expand.depth":
        "it asked to expand more deeply than is possible",
        "ask for fewer levels";
    VERSION_INVALID = "version.invalid":
        "its Stripe-Version header has no version in it",
        "send a date such as 2026-10-28, or leave the header out";
    METADATA_KEYS = "metadata.keys":
        "the object would have too many keys of metadata",
        "unset some by sending them empty";
    METADATA_INVALID = "metadata.invalid":
        "a key or a value of its metadata is too long or has characters that are not allowed",
        "shorten what the response names";
}
