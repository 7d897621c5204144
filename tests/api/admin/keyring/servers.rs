//! Rotations beside other servers, where this run has databases.

use super::{Fixture, finish, rotate, server_at, status};
use coffer_testkit::{Client, TestServer, is_postgres};
use std::time::Duration;
use tempfile::TempDir;

fn pair() -> Option<(TestServer, TestServer, TempDir)> {
    if !is_postgres() {
        println!("skipped: the stores of this run are files");
        return None;
    }
    let home = TempDir::new().unwrap();
    let data = home.path().join("data");
    Some((server_at(&data), server_at(&data), home))
}

/// The same caller at another server.
fn at(server: &TestServer, client: &Client) -> Client {
    server.anonymous().with_key(client.key()).like(client)
}

#[test]
fn a_server_that_knows_only_old_keys_reads_and_writes_under_the_new_ones() {
    let Some((one, other, _home)) = pair() else { return };
    let fixture = Fixture::new(&one);
    // What the other server has read of keys stays in its memory: its clock stands still.
    fixture.is_whole(&other);
    rotate(&one, &[]);
    finish(&one);
    fixture.is_whole(&other);
    let client = &fixture.clients[0];
    at(&other, client).set("name 0", "value of the other").ok();
    assert_eq!(client.find("name 0").ok()["payload"], "value of the other");
    // It makes keys of new tenants under the master key that it has not seen.
    Fixture::new(&other).is_whole(&one);
    assert_eq!(status(&one)["keys_under_old_master_keys"], 0);
}

#[test]
fn another_server_takes_over_from_one_that_is_silent() {
    let Some((one, other, _home)) = pair() else { return };
    let fixture = Fixture::new(&one);
    rotate(&one, &[]);
    let sql = "UPDATE rotation SET worker = 'server_gone', beat = 7";
    assert_eq!(one.execute(sql, &[]).unwrap(), 1);
    let number = |server: &TestServer| status(server)["rotation"]["finished"].clone();
    for _ in 0..3 {
        other.run_jobs();
        assert!(number(&other).is_null(), "that server may be at work");
        other.clock.pass(Duration::from_secs(5));
    }
    other.clock.pass(Duration::from_secs(60));
    finish(&other);
    fixture.is_whole(&one);
}
