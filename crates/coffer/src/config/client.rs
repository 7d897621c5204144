//! Settings of the commands that call a server.

use super::{Kind, SETTING, Setting};

/// The server that the command line talks to.
pub const URL: Setting = Setting {
    name: "url",
    env: "COFFER_URL",
    flag: Some("url"),
    default: Some("http://127.0.0.1:4747"),
    kind: Kind::Server,
    about: "server that the command line talks to: https://, http:// on this machine, or unix:PATH",
    ..SETTING
};

/// The server and the keys that `coffer login` has kept.
pub const PROFILE: Setting = Setting {
    name: "profile",
    env: "COFFER_PROFILE",
    flag: Some("profile"),
    in_file: false,
    about: "what `coffer login` has kept under this name: a server and keys for it; without it the \
            profile default, unless url or a key is given",
    ..SETTING
};

/// Whom the command line trusts.
pub const CA_CERT: Setting = Setting {
    name: "ca_cert",
    env: "COFFER_CA_CERT",
    flag: Some("ca-cert"),
    kind: Kind::Path,
    about: "PEM file with the certificates that vouch for the server at url; without it, the \
            public authorities",
    ..SETTING
};

/// The key with which the command line works on secrets.
pub const API_KEY: Setting = Setting {
    name: "api_key",
    env: "COFFER_API_KEY",
    kind: Kind::Secret,
    about: "app's key, for `coffer secrets` and `coffer run`",
    ..SETTING
};

/// The key with which the command line administers.
pub const ADMIN_KEY: Setting = Setting {
    name: "admin_key",
    env: "COFFER_ADMIN_KEY",
    kind: Kind::Secret,
    about: "admin key, for the verbs that ask a server, but for secrets",
    ..SETTING
};
