//! How far the feeder is, for each account: a file that is replaced as a whole, so that it says
//! what was told or less, whatever ends the process.

use crate::cli::exit::{Exit, Failure};
use crate::cli::private_file;
use crate::config;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::fs::{DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Most bytes of a file. The opening balance of an account with many currencies is most of it.
const FILE_BYTES: u64 = 4 * 1024 * 1024;

/// Payouts whose transactions were told that are remembered: more than 40 days bring.
const PAYOUTS: usize = 200;

/// The directory of all accounts' files, which one process has at a time.
pub struct Marks {
    directory: PathBuf,
    server: String,
    _lock: File,
}

/// How far one account is.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Mark {
    /// Everything that was created before is told, but for what appears late. None before the
    /// first.
    pub until: Option<i64>,
    /// What was created before is not this ledger's.
    pub from: i64,
    /// What stood in the balance at a cut-over: transactions that are to be told, in their order.
    pub opening: Vec<Value>,
    /// Events up to then were looked at.
    pub events: i64,
    /// When the last days were listed again, in Unix seconds.
    pub looked_back: i64,
    /// Automatic payouts whose transactions were told, the last ones.
    pub payouts: VecDeque<String>,
}

impl Mark {
    /// Remembers a payout.
    pub fn has_told(&mut self, payout: &str) {
        if self.payouts.len() >= PAYOUTS {
            self.payouts.pop_front();
        }
        self.payouts.push_back(payout.to_owned());
    }

    fn read(json: &Value) -> Option<Self> {
        let number = |name: &str| json.get(name).and_then(Value::as_i64);
        let payouts = json.get("payouts")?.as_array()?.iter();
        Some(Self {
            until: number("until"),
            from: number("from")?,
            opening: json.get("opening")?.as_array()?.clone(),
            events: number("events")?,
            looked_back: number("looked_back")?,
            payouts: payouts.filter_map(|id| id.as_str().map(str::to_owned)).collect(),
        })
    }

    fn document(&self, server: &str) -> Value {
        json!({
            "server": server,
            "until": self.until,
            "from": self.from,
            "opening": self.opening,
            "events": self.events,
            "looked_back": self.looked_back,
            "payouts": self.payouts,
        })
    }
}

impl Marks {
    /// The files in `directory`, or beside the configuration, of what is told to `server`.
    ///
    /// # Errors
    /// If the directory cannot be made, or if another process feeds from it.
    pub fn open(directory: Option<&Path>, server: String) -> Result<Self, Failure> {
        let directory =
            directory.map_or_else(|| config::config_home().join("feeder"), Path::to_owned);
        let failed =
            |error: std::io::Error| Failure::failed(format!("{}: {error}", directory.display()));
        DirBuilder::new().recursive(true).mode(0o700).create(&directory).map_err(failed)?;
        let path = directory.join("lock");
        let lock =
            OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
        let lock = lock.map_err(failed)?;
        lock.try_lock().map_err(|error| match error {
            std::fs::TryLockError::WouldBlock => Failure::new(
                Exit::Unavailable,
                format!(
                    "another process feeds with {}: end it, or name another --state",
                    directory.display()
                ),
            ),
            std::fs::TryLockError::Error(error) => failed(error),
        })?;
        Ok(Self { directory, server, _lock: lock })
    }

    /// How far an account is; a new one is nowhere.
    ///
    /// # Errors
    /// If its file cannot be read, or is about another server.
    pub fn read(&self, account: Option<&str>) -> Result<Mark, Failure> {
        let path = self.path(account)?;
        if !path.exists() {
            return Ok(Mark::default());
        }
        let wrong = |why: &str| Failure::failed(format!("{}: {why}", path.display()));
        let text = private_file::read(&path, FILE_BYTES).map_err(|e| wrong(&e.to_string()))?;
        let json = serde_json::from_str::<Value>(&text).map_err(|_| wrong("it is no JSON"))?;
        if json.get("server").and_then(Value::as_str) != Some(self.server.as_str()) {
            return Err(wrong("it is about another server: name another --state"));
        }
        Mark::read(&json).ok_or_else(|| wrong("it does not say how far the account is"))
    }

    /// Keeps how far an account is; on the disk once this returns.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn keep(&self, account: Option<&str>, mark: &Mark) -> Result<(), Failure> {
        let text = mark.document(&self.server).to_string();
        private_file::write(&self.path(account)?, text.as_bytes())
    }

    fn path(&self, account: Option<&str>) -> Result<PathBuf, Failure> {
        let name = account.unwrap_or("own");
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if name.is_empty() || name.len() > 255 || !name.bytes().all(is_plain) {
            return Err(Failure::usage(format!(
                "'{}' is no account",
                crate::cli::table::plain(name)
            )));
        }
        Ok(self.directory.join(format!("{name}.json")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let open = |server: &str| Marks::open(Some(directory.path()), server.to_owned());
        let marks = open("http://a").unwrap();
        assert_eq!(marks.read(Some("acct_1")).unwrap(), Mark::default());
        let mut mark = Mark { until: Some(7), events: 8, ..Mark::default() };
        mark.opening.push(json!({ "id": "txn_1" }));
        mark.has_told("po_1");
        marks.keep(Some("acct_1"), &mark).unwrap();
        assert_eq!(marks.read(Some("acct_1")).unwrap(), mark);
        assert_eq!(marks.read(None).unwrap(), Mark::default());
        assert!(open("http://a").err().unwrap().message.contains("another process"));
        drop(marks);
        let other = open("http://b").unwrap().read(Some("acct_1"));
        assert!(other.unwrap_err().message.contains("another server"));
        assert!(open("http://a").unwrap().read(Some("../x")).is_err());
    }

    #[test]
    fn the_last_payouts_are_remembered() {
        let mut mark = Mark::default();
        for number in 0..=PAYOUTS {
            mark.has_told(&format!("po_{number}"));
        }
        assert_eq!(mark.payouts.len(), PAYOUTS);
        assert_eq!(mark.payouts.back().unwrap(), &format!("po_{PAYOUTS}"));
    }
}
