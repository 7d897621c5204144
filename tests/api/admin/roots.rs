//! A move to another root of trust beside a running server, on both engines, and what the audit
//! says of it.

use coffer_testkit::{TestServer, coffer_binary};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

struct Operator<'s> {
    binary: PathBuf,
    server: &'s TestServer,
    home: tempfile::TempDir,
}

impl Operator<'_> {
    /// The program with `words` and one root: a file, or a passphrase in one.
    fn run(&self, words: &[&str], root: (&str, &Path)) -> Output {
        let mut command = Command::new(&self.binary);
        command.args(words).args(self.server.store_flags()).arg(root.0).arg(root.1);
        command.env_clear().env("XDG_CONFIG_HOME", self.home.path());
        if root.0 == "--root-secret" {
            command.env("COFFER_ROOT", "passphrase");
        }
        command.output().unwrap()
    }

    #[track_caller]
    fn done(&self, words: &[&str], root: (&str, &Path)) -> String {
        let output = self.run(words, root);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

/// What the audit has of roots: operation and subject.
fn audited(server: &TestServer) -> Vec<(String, String)> {
    let sql = format!(
        "SELECT operation, subject FROM audit_entry WHERE operation LIKE 'keyring.%' ORDER BY {}",
        server.insertion_order()
    );
    let rows = server.query(&sql, &[]);
    let text = |row: &coffer_storage::Row, at| row.text(at).unwrap().to_owned();
    rows.iter().map(|row| (text(row, 0), text(row, 1))).collect()
}

#[test]
fn a_move_beside_a_server_is_in_the_audit_and_both_roots_open_until_its_end() {
    let Some(binary) = coffer_binary() else {
        println!("skipped: COFFER_BIN does not name the server's binary");
        return;
    };
    let server = TestServer::builder().without_background_jobs().start();
    let client = server.app().client();
    client.set("token", "one").ok();
    let operator = Operator { binary, server: &server, home: tempfile::TempDir::new().unwrap() };
    let words = operator.home.path().join("words");
    fs::write(&words, "correct horse battery staple").unwrap();
    fs::set_permissions(&words, Permissions::from_mode(0o600)).unwrap();
    let root = server.data_dir().join("root.key");
    let (old, new) = (("--root-key", root.as_path()), ("--root-secret", words.as_path()));
    let secret = words.display().to_string();

    let migrate =
        ["keyring", "root", "migrate", "--to", "passphrase", "--to-secret", secret.as_str()];
    let finish = ["keyring", "root", "finish"];
    let status = ["keyring", "root", "status"];
    assert!(!operator.run(&finish, new).status.success());
    operator.done(&migrate, old);
    let shown = operator.done(&status, old);
    assert!(shown.contains("current   key") && shown.contains("incoming  passphrase"), "{shown}");
    operator.done(&["keyring", "export", "--passphrase", &secret], new);
    operator.done(&finish, new);
    let refused = operator.run(&migrate, old);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let shown = operator.done(&status, new);
    assert!(shown.starts_with("current   passphrase") && !shown.contains("key "), "{shown}");

    // The server serves on with what it has in memory, also what it has not read yet.
    assert_eq!(client.find("token").ok()["payload"], "one");
    server.app().client().set("token", "two").ok();
    assert!(audited(&server).is_empty());
    server.run_jobs();
    let audited = audited(&server);
    let operations: Vec<&str> = audited.iter().map(|(operation, _)| operation.as_str()).collect();
    assert_eq!(operations, ["keyring.root.migrate", "keyring.export", "keyring.root.finish"]);
    assert!(audited.iter().all(|(_, subject)| subject.starts_with("passphrase ")), "{audited:?}");
    server.run_jobs();
    assert_eq!(self::audited(&server).len(), 3);
}
