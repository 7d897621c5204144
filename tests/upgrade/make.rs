//! Makes the store that is kept of a version: `cargo xtask fixture`.

use crate::fill::fill;
use crate::kept::{ENGINES, ROOT_KEY};
use coffer::assemble::{DATA_FILE, DEVELOPER_ROOT_FILE, KEYS_FILE};
use coffer_testkit::is_postgres;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The directory of the version, where nothing may be yet for the engine of this run.
const INTO: &str = "COFFER_FIXTURE";

/// The program that dumps a database.
const DUMP: &str = "COFFER_PG_DUMP";

#[test]
#[ignore = "it makes what is kept of a version, once: `cargo xtask fixture`"]
fn the_store_of_a_version() {
    let into =
        PathBuf::from(std::env::var_os(INTO).unwrap()).join(ENGINES[usize::from(is_postgres())]);
    fs::create_dir_all(into.parent().unwrap()).unwrap();
    fs::create_dir(&into).expect("what was kept of a version is not made again");
    let home = tempfile::tempdir().unwrap();
    let data_dir = home.path().join("data");
    let (server, expected) = fill(&data_dir);
    let flags = server.store_flags();
    server.stop();
    if is_postgres() {
        let [_, data, _, keys] = &flags[..] else { panic!("{flags:?}") };
        dump(data, &into.join("data.dump"));
        dump(keys, &into.join("keys.dump"));
    } else {
        for file in [DATA_FILE, KEYS_FILE] {
            let log = data_dir.join(format!("{file}-wal"));
            assert!(!log.exists(), "the log of {file} was not written back");
            fs::copy(data_dir.join(file), into.join(file)).unwrap();
        }
    }
    fs::copy(data_dir.join(DEVELOPER_ROOT_FILE), into.join(ROOT_KEY)).unwrap();
    fs::write(into.join("expected.json"), expected.text()).unwrap();
}

/// Writes a database as statements, without what only `psql` knows.
fn dump(database: &OsStr, to: &Path) {
    let program = std::env::var_os(DUMP).unwrap_or_else(|| "pg_dump".into());
    let words = ["--inserts", "--no-owner", "--no-privileges", "--dbname"];
    let done = Command::new(program).args(words).arg(database).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let text = String::from_utf8(done.stdout).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('\\') && !line.starts_with("--"));
    let text = lines.fold(String::new(), |text, line| text + line + "\n");
    fs::write(to, text).unwrap();
}
