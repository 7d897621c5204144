//! What a server does by schedule to keep its stores, and where it keeps how far they have come.

use super::{Kind, SETTING, Setting};

/// Where backups go.
pub const BACKUP_TO: Setting = Setting {
    name: "backup_to",
    env: "COFFER_BACKUP_TO",
    flag: Some("backup-to"),
    kind: Kind::Path,
    about: "directory for backups, on another disk than the data",
    ..SETTING
};

/// Where those of the keys go.
pub const BACKUP_KEYS_TO: Setting = Setting {
    name: "backup_keys_to",
    env: "COFFER_BACKUP_KEYS_TO",
    flag: Some("backup-keys-to"),
    kind: Kind::Path,
    about: "directory for backups of the keys, apart from those of the data; without it, backup_to",
    ..SETTING
};

/// How often.
pub const BACKUP_EVERY: Setting = Setting {
    name: "backup_every",
    env: "COFFER_BACKUP_EVERY",
    flag: Some("backup-every"),
    kind: Kind::Duration,
    about: "time between two backups that the server makes by itself, such as 24h; without it, \
            none",
    ..SETTING
};

/// How many are kept.
pub const BACKUP_KEEP: Setting = Setting {
    name: "backup_keep",
    env: "COFFER_BACKUP_KEEP",
    flag: Some("backup-keep"),
    kind: Kind::Number { from: 1, to: 10_000 },
    about: "how many backups are kept, the newest; without it and backup_keep_days, all",
    ..SETTING
};

/// For how long.
pub const BACKUP_KEEP_DAYS: Setting = Setting {
    name: "backup_keep_days",
    env: "COFFER_BACKUP_KEEP_DAYS",
    flag: Some("backup-keep-days"),
    kind: Kind::Number { from: 1, to: 36_525 },
    about: "for how many days backups are kept; the newest one always is",
    ..SETTING
};

/// Where something is restored to for a while.
pub const BACKUP_SCRATCH: Setting = Setting {
    name: "backup_scratch",
    env: "COFFER_BACKUP_SCRATCH",
    flag: Some("backup-scratch"),
    kind: Kind::Path,
    about: "directory where drills restore to, with room for both stores; without it, backup_to",
    ..SETTING
};

/// How often one is restored.
pub const DRILL_EVERY: Setting = Setting {
    name: "drill_every",
    env: "COFFER_DRILL_EVERY",
    flag: Some("drill-every"),
    kind: Kind::Duration,
    about: "time between two drills, which restore the newest backup and verify it, such as 7d; \
            without it, none",
    ..SETTING
};

/// How databases are restored.
pub const DRILL_COMMAND: Setting = Setting {
    name: "drill_command",
    env: "COFFER_DRILL_COMMAND",
    flag: Some("drill-command"),
    kind: Kind::Text,
    about: "for PostgreSQL: command of the shell that restores both databases below \
            COFFER_DRILL_DIR, prints their addresses, and ends them when its input ends",
    ..SETTING
};

/// Where it is kept how far the stores have come.
pub const HEAD_FILE: Setting = Setting {
    name: "head_file",
    env: "COFFER_HEAD_FILE",
    flag: Some("head-file"),
    kind: Kind::Path,
    about: "file that keeps how far the stores have come, on another disk than theirs: a start \
            from an older state is refused",
    ..SETTING
};

/// All of these, in the order in which they are shown.
pub const KEEPING: [&Setting; 9] = [
    &BACKUP_TO,
    &BACKUP_KEYS_TO,
    &BACKUP_EVERY,
    &BACKUP_KEEP,
    &BACKUP_KEEP_DAYS,
    &BACKUP_SCRATCH,
    &DRILL_EVERY,
    &DRILL_COMMAND,
    &HEAD_FILE,
];
