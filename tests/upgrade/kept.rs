//! Stores of versions that were shipped, opened by this build.

use crate::expected::{Expected, books, text, verify_log};
use crate::fill::DAY;
use crate::pins;
use coffer::assemble::{self, DATA_FILE, DEVELOPER_ROOT_FILE, KEYS_FILE};
use coffer_testkit::{Restored, TestServer, is_postgres};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// What a version has a folder for.
pub const ENGINES: [&str; 2] = ["files", "postgres"];

/// The root key of a store that is kept, which opens nothing else.
pub const ROOT_KEY: &str = "root.key.test-only";

/// The store of one version, copied to where a test can change it.
struct Fixture {
    version: String,
    expected: Expected,
    home: TempDir,
    restored: Option<Restored>,
}

/// The folders of all versions, oldest first.
fn versions() -> Vec<PathBuf> {
    let stores = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/stores");
    let mut found: Vec<_> = fs::read_dir(stores).unwrap().map(|one| one.unwrap().path()).collect();
    found.sort();
    assert!(!found.is_empty(), "no store is kept");
    found
}

/// A copy of each store that is kept for the engine of this run.
fn all() -> impl Iterator<Item = Fixture> {
    versions().into_iter().map(|folder| Fixture::copy(&folder))
}

impl Fixture {
    fn copy(version: &Path) -> Self {
        let from = version.join(ENGINES[usize::from(is_postgres())]);
        let home = tempfile::tempdir().unwrap();
        let to = home.path().join("data");
        fs::create_dir(&to).unwrap();
        let read = |name: &str| fs::read(from.join(name)).unwrap();
        // As an operator would put them there: a version control keeps no owner and no mode.
        let put = |name: &str, bytes: Vec<u8>| {
            let path = to.join(name);
            fs::write(&path, bytes).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        };
        fs::set_permissions(&to, fs::Permissions::from_mode(0o700)).unwrap();
        put(DEVELOPER_ROOT_FILE, read(ROOT_KEY));
        let restored = is_postgres().then(|| {
            let [data, keys] =
                ["data.dump", "keys.dump"].map(|name| String::from_utf8(read(name)).unwrap());
            Restored::of(&to, &data, &keys)
        });
        if restored.is_none() {
            put(DATA_FILE, read(DATA_FILE));
            put(KEYS_FILE, read(KEYS_FILE));
        }
        let expected = Expected(serde_json::from_slice(&read("expected.json")).unwrap());
        Self { version: version.display().to_string(), expected, home, restored }
    }

    /// Brings the store up to date as an operator does, and serves it `later` seconds after it was
    /// left.
    fn serve(&self, later: i64) -> TestServer {
        let now = self.expected.made().plus(later);
        if let Some(restored) = &self.restored {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                assemble::expand(&restored.database, now).await.unwrap();
                assemble::finish(&restored.database, now).await.unwrap();
            });
        }
        let server = TestServer::builder()
            .data_dir(&self.home.path().join("data"))
            .without_background_jobs()
            .starts_at(now)
            .start();
        assert_eq!(server.count("schema_migration"), pins::count("data") as i64);
        assert_eq!(server.count_of_keys("schema_migration"), pins::count("keys") as i64);
        server
    }
}

/// Right after it was left: whatever can be asked is answered the same, and what is kept of
/// answers is repeated.
#[test]
fn a_store_of_every_version_opens_and_holds_what_it_held() {
    for fixture in all() {
        println!("{}", fixture.version);
        let server = fixture.serve(3600);
        assert_ne!(server.admin().get("/v1/admin/clock", &[]).ok()["state"], "doubtful");
        fixture.expected.is_verified_by(&server);
        fixture.expected.is_answered_by(&server);
        fixture.expected.is_repeated_by(&server);
        // It goes on as any other store.
        let checkpoint = text(&fixture.expected.0["audit"]["checkpoint"]);
        server.app().client().set("new", "value").ok();
        server.run_jobs();
        verify_log(&server, checkpoint);
        books(&server);
    }
}

/// Years later: a copy that lay somewhere is served, and once an operator has said that the clock
/// is right, what was due is done.
#[test]
fn a_store_that_lay_for_years_opens_and_goes_on_once_its_clock_is_agreed_to() {
    for fixture in all() {
        println!("{}", fixture.version);
        let server = fixture.serve(2 * 365 * DAY);
        fixture.expected.is_verified_by(&server);
        fixture.expected.is_answered_by(&server);
        assert_eq!(server.admin().get("/v1/admin/clock", &[]).ok()["state"], "doubtful");
        // Nothing is destroyed and nothing released by a clock that nobody has agreed to.
        let before = server.digest();
        server.run_jobs();
        fixture.expected.is_answered_by(&server);
        server.admin().post("/v1/admin/clock/accept", &[]).ok();
        for _ in 0..3 {
            server.run_jobs();
            server.clock.advance(60);
        }
        assert_ne!(server.digest(), before);
        verify_log(&server, text(&fixture.expected.0["audit"]["checkpoint"]));
        books(&server);
        assert_eq!(server.count("reserve_hold WHERE released < amount"), 0, "still reserved");
    }
}

#[test]
fn every_version_has_both_engines() {
    for version in versions() {
        for engine in ENGINES {
            assert!(version.join(engine).join("expected.json").is_file(), "{version:?} {engine}");
        }
    }
}
