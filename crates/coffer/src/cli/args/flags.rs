//! Which settings are flags of which verb.

use crate::config::{self, Setting};
use clap::Command;

/// Settings that are flags together.
pub(super) enum Group {
    /// These.
    Of(&'static [&'static Setting]),
    /// What the families declare.
    Families,
}

impl Group {
    /// Its settings.
    pub(super) fn settings(&self) -> Vec<&'static Setting> {
        match self {
            Self::Of(settings) => settings.to_vec(),
            Self::Families => config::declared_by_families().iter().collect(),
        }
    }
}

/// Gives every verb its flags.
pub(super) fn with_all(command: Command) -> Command {
    FLAGS.iter().fold(command, |command, (path, groups)| {
        with_flags(command, path, &groups.iter().flat_map(Group::settings).collect::<Vec<_>>())
    })
}

/// Gives the flags to the verb at `path`, or to all verbs of the group there.
fn with_flags(command: Command, path: &[&str], settings: &[&Setting]) -> Command {
    if let [first, rest @ ..] = path {
        return command.mut_subcommand(*first, |below| with_flags(below, rest, settings));
    }
    if command.has_subcommands() {
        return command.mut_subcommands(|below| with_flags(below, &[], settings));
    }
    command.args(settings.iter().filter_map(|setting| setting.argument()))
}

/// Which settings are flags of which verb. Environment and file may set any of them.
pub(super) const FLAGS: &[(&[&str], &[Group])] = &[
    (&["dev"], &[Group::Of(DEVELOPER), Group::Families, Group::Of(PROCESS)]),
    (&["init"], &[Group::Of(STORE)]),
    (
        &["serve"],
        &[
            Group::Of(SERVER),
            Group::Families,
            Group::Of(&config::KEEPING),
            Group::Of(&config::SIGNING_IN),
            Group::Of(PROCESS),
        ],
    ),
    (&["status"], &[Group::Of(CLIENT)]),
    (&["health"], &[Group::Of(CLIENT)]),
    (&["doctor"], &[Group::Of(STORE)]),
    (&["admin-key", "create"], &[Group::Of(STORE)]),
    (&["accounts"], &[Group::Of(CLIENT)]),
    (&["users"], &[Group::Of(CLIENT)]),
    (&["erasures"], &[Group::Of(CLIENT)]),
    (&["apps"], &[Group::Of(CLIENT)]),
    (&["installs"], &[Group::Of(CLIENT)]),
    (&["keys", "create"], &[Group::Of(CLIENT)]),
    (&["keys", "list"], &[Group::Of(CLIENT)]),
    (&["keys", "show"], &[Group::Of(CLIENT)]),
    (&["keys", "roll"], &[Group::Of(CLIENT)]),
    (&["keys", "revoke"], &[Group::Of(CLIENT)]),
    (&["keys", "lock"], &[Group::Of(CLIENT)]),
    (&["keys", "unlock"], &[Group::Of(STORE)]),
    (&["secrets"], &[Group::Of(CLIENT)]),
    (&["run"], &[Group::Of(CLIENT)]),
    (&["import"], &[Group::Of(CLIENT)]),
    (&["compare"], &[Group::Of(CLIENT)]),
    (&["login"], &[Group::Of(CLIENT)]),
    (&["logout"], &[Group::Of(&[&config::PROFILE])]),
    (&["listen"], &[Group::Of(CLIENT)]),
    (&["audit", "tail"], &[Group::Of(CLIENT)]),
    (&["audit", "search"], &[Group::Of(CLIENT)]),
    (&["explain"], &[Group::Of(CLIENT)]),
    (&["keyring", "status"], &[Group::Of(CLIENT)]),
    (&["keyring", "rotate"], &[Group::Of(CLIENT)]),
    (&["keyring", "destroy"], &[Group::Of(CLIENT)]),
    (&["keyring", "root"], &[Group::Of(STORE)]),
    (&["keyring", "export"], &[Group::Of(STORE)]),
    (&["keyring", "import"], &[Group::Of(STORE)]),
    (&["seal"], &[Group::Of(CLIENT)]),
    (&["unseal"], &[Group::Of(CLIENT)]),
    (&["clock"], &[Group::Of(CLIENT)]),
    (&["schedule"], &[Group::Of(CLIENT)]),
    (&["ledger", "verify"], &[Group::Of(READER)]),
    (&["ledger", "pull"], &[Group::Of(CLIENT)]),
    (&["ledger", "import"], &[Group::Of(CLIENT)]),
    (&["ledger", "reconcile"], &[Group::Of(CLIENT)]),
    (&["migrate"], &[Group::Of(SCHEMA)]),
    (&["migrate-store"], &[Group::Of(TRANSFER)]),
    (&["backup"], &[Group::Of(STORE)]),
    (&["drill"], &[Group::Of(STORE)]),
    (
        &["config"],
        &[
            Group::Of(SERVER),
            Group::Families,
            Group::Of(&config::KEEPING),
            Group::Of(&config::SIGNING_IN),
            Group::Of(PROCESS),
        ],
    ),
];
const DEVELOPER: &[&Setting] = &[
    &config::LISTEN,
    &config::DATA_DIR,
    &config::RATE_LIMIT,
    &config::AUDIT_READS,
    &config::AUDIT_NAMES,
    &config::ALLOW_HOST,
    &config::ALLOW_ORIGIN,
    &config::DEV_KEY,
];
const PROCESS: &[&Setting] =
    &[&config::LOG_LEVEL, &config::LOG_FORMAT, &config::LOG_REQUESTS, &config::CONFIG];
const STORE: &[&Setting] = &[
    &config::DATA_DIR,
    &config::KEY_DIR,
    &config::DATABASE,
    &config::KEY_DATABASE,
    &config::DATABASE_PASSWORD,
    &config::ROOT_KEY,
    &config::ROOT,
    &config::ROOT_SECRET,
    &config::ROOT_CA,
    &config::ROOT_WAIT,
    &config::CONFIG,
];
const READER: &[&Setting] = &[
    &config::DATA_DIR,
    &config::KEY_DIR,
    &config::DATABASE,
    &config::KEY_DATABASE,
    &config::DATABASE_PASSWORD,
    &config::CONFIG,
];
const TRANSFER: &[&Setting] = &[
    &config::DATABASE_PASSWORD,
    &config::ROOT_KEY,
    &config::ROOT,
    &config::ROOT_SECRET,
    &config::ROOT_CA,
    &config::ROOT_WAIT,
    &config::CONFIG,
];
const SCHEMA: &[&Setting] =
    &[&config::DATABASE, &config::KEY_DATABASE, &config::DATABASE_PASSWORD, &config::CONFIG];
const CLIENT: &[&Setting] = &[&config::PROFILE, &config::URL, &config::CA_CERT, &config::CONFIG];
const SERVER: &[&Setting] = &[
    &config::DATA_DIR,
    &config::KEY_DIR,
    &config::DATABASE,
    &config::KEY_DATABASE,
    &config::DATABASE_PASSWORD,
    &config::LISTEN,
    &config::ADMIN_LISTEN,
    &config::METRICS_LISTEN,
    &config::TLS_CERT,
    &config::TLS_KEY,
    &config::ROOT_KEY,
    &config::ROOT,
    &config::ROOT_SECRET,
    &config::ROOT_CA,
    &config::ROOT_WAIT,
    &config::INSECURE_HTTP,
    &config::TRUSTED_PROXY,
    &config::RATE_LIMIT,
    &config::AUDIT_READS,
    &config::AUDIT_NAMES,
    &config::ALLOW_ORIGIN,
    &config::AUDIT_ANCHOR,
    &config::AUDIT_SHIP,
    &config::AUDIT_SHIP_TOKEN,
];
