//! What the configuration says of backups.

use super::super::exit::Failure;
use super::super::setup;
use crate::config::{
    BACKUP_EVERY, BACKUP_KEEP, BACKUP_KEEP_DAYS, BACKUP_KEYS_TO, BACKUP_SCRATCH, BACKUP_TO, Config,
    DRILL_COMMAND, DRILL_EVERY, Setting,
};
use coffer::assemble::{DATA_FILE, Database, KEYS_FILE};
use coffer::backup::{Keep, Plan, ScheduledBackups, Sources};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is planned.
pub fn plan(config: &Config) -> Plan {
    let path = |setting: &Setting| config.path(setting).map(Path::to_owned);
    let number = |setting| config.number(setting).and_then(|number| u32::try_from(number).ok());
    let command = config.text(&DRILL_COMMAND);
    Plan {
        to: path(&BACKUP_TO),
        keys_to: path(&BACKUP_KEYS_TO),
        more: Vec::new(),
        every: config.seconds(&BACKUP_EVERY),
        keep: Keep { number: number(&BACKUP_KEEP), days: number(&BACKUP_KEEP_DAYS) },
        drill_every: config.seconds(&DRILL_EVERY),
        drill_command: (!command.is_empty()).then(|| command.to_owned()),
        scratch: path(&BACKUP_SCRATCH),
    }
}

/// The files of the stores.
pub(super) fn sources(config: &Config) -> Sources {
    Sources { data: config.data_dir().join(DATA_FILE), keys: config.key_dir().join(KEYS_FILE) }
}

/// Where something is restored to for a while: `asked`, what is configured, or the system's place.
pub(super) fn scratch(config: &Config, asked: Option<&PathBuf>) -> PathBuf {
    let configured = || plan(config).scratch;
    asked.cloned().or_else(configured).unwrap_or_else(std::env::temp_dir)
}

/// The job of a server, if anything is to be done by schedule.
///
/// # Errors
/// If the schedule lacks what it needs.
pub fn scheduled(config: &Config) -> Result<Option<ScheduledBackups>, Failure> {
    let plan = plan(config);
    if plan.every.is_none() && plan.drill_every.is_none() {
        return Ok(None);
    }
    let is_embedded = matches!(config.database()?, Database::Embedded);
    if is_embedded && plan.to.is_none() {
        let text = "backup_every and drill_every need backup_to, a directory for the backups";
        return Err(Failure::usage(text));
    }
    if !is_embedded && plan.every.is_some() {
        return Err(Failure::usage(
            "backup_every is for stores in files; PostgreSQL databases are backed up with \
             PostgreSQL's own tools",
        ));
    }
    if !is_embedded && plan.drill_command.is_none() {
        return Err(Failure::usage(
            "drill_every needs drill_command here, which restores the databases",
        ));
    }
    let sources = is_embedded.then(|| sources(config));
    let again = config.again()?;
    let installation =
        Arc::new(move || setup::production(&again).map_err(|failure| failure.message));
    Ok(Some(ScheduledBackups { plan, sources, installation }))
}
