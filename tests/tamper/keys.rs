//! Tenants' keys in the key store, under a server that has not read them yet.

use crate::tampered_store::{PAYLOAD, TamperedStore, broken, flips, id_of};
use coffer_testkit::Client;

/// Two accounts with a secret each, and nothing of their keys in memory.
fn two_tenants() -> (TamperedStore, Client, Client, String) {
    let store = TamperedStore::new();
    let account = store.server.account();
    store.server.install(&store.app, &account);
    store.app.client().set("token", PAYLOAD).ok();
    store.app.client().for_account(&account).set("token", "theirs").ok();
    let store = store.restarted();
    let (one, two) = (store.app.client(), store.app.client().for_account(&account));
    (store, one, two, account)
}

fn wrapped(store: &TamperedStore, account: &str, purpose: &str) -> Vec<u8> {
    let sql = "SELECT wrapped FROM tenant_key WHERE account = ? AND purpose = ?";
    store.keys.query_row(sql, [account, purpose], |row| row.get(0)).unwrap()
}

#[track_caller]
fn put(store: &TamperedStore, account: &str, purpose: &str, wrapped: &[u8]) {
    let sql = "UPDATE tenant_key SET wrapped = ? WHERE account = ? AND purpose = ?";
    store.change_keys(sql, &[&wrapped, &account, &purpose], 1);
}

/// No operation answers with a value, and a write does not make new keys.
#[track_caller]
fn nothing_works(store: &TamperedStore, client: &Client) {
    let count = || -> i64 {
        store.keys.query_row("SELECT count(*) FROM tenant_key", [], |row| row.get(0)).unwrap()
    };
    let keys = count();
    broken(&client.find("token"));
    broken(&client.list());
    broken(&client.set("token", "new"));
    broken(&client.remove("token"));
    assert_eq!(count(), keys, "keys were made anew");
}

#[test]
fn no_changed_byte_of_a_wrapped_key_gives_a_key() {
    let (store, client, _, _) = two_tenants();
    let account = store.app.account.clone();
    for purpose in ["sealing", "lookup"] {
        let own = wrapped(&store, &account, purpose);
        for changed in flips(&own) {
            put(&store, &account, purpose, &changed);
            broken(&client.find("token"));
        }
        put(&store, &account, purpose, &own[1..]);
        nothing_works(&store, &client);
        put(&store, &account, purpose, &own);
    }
    assert_eq!(client.find("token").ok()["payload"], PAYLOAD);
}

#[test]
fn a_wrapped_key_is_bound_to_its_tenant_purpose_and_version() {
    let (store, one, two, theirs) = two_tenants();
    let account = store.app.account.clone();
    let sealing = wrapped(&store, &account, "sealing");
    let lookup = wrapped(&store, &account, "lookup");

    put(&store, &theirs, "sealing", &sealing);
    nothing_works(&store, &two);
    put(&store, &account, "sealing", &lookup);
    put(&store, &account, "lookup", &sealing);
    nothing_works(&store, &one);
    put(&store, &account, "sealing", &sealing);
    put(&store, &account, "lookup", &lookup);

    for (column, wrong, right) in [("version", 2, 1), ("master_version", 2, 1)] {
        let sql = format!("UPDATE tenant_key SET {column} = ? WHERE account = ?");
        store.change_keys(&sql, &[&wrong, &account], 2);
        nothing_works(&store, &one);
        store.change_keys(&sql, &[&right, &account], 2);
    }
    let sql = "UPDATE tenant_key SET purpose = ? WHERE account = ? AND purpose = ?";
    store.change_keys(sql, &[&"other", &account, &"lookup"], 1);
    nothing_works(&store, &one);
    store.change_keys(sql, &[&"lookup", &account, &"other"], 1);
    assert_eq!(one.find("token").ok()["payload"], PAYLOAD);
}

#[test]
fn keys_that_were_taken_out_are_missed_and_not_made_anew() {
    let (store, one, two, theirs) = two_tenants();
    let account = store.app.account.clone();
    // As in a copy of the key store that is older than the tenant.
    store.change_keys("DELETE FROM tenant_key WHERE account = ?", &[&account], 2);
    nothing_works(&store, &one);
    // One without the other.
    let lookup = "DELETE FROM tenant_key WHERE account = ? AND purpose = 'lookup'";
    store.change_keys(lookup, &[&theirs], 1);
    nothing_works(&store, &two);
}

#[test]
fn an_account_whose_keys_are_lost_can_be_purged_and_begin_anew() {
    let (store, _, client, account) = two_tenants();
    store.change_keys("DELETE FROM tenant_key WHERE account = ?", &[&account], 2);
    nothing_works(&store, &client);
    let admin = store.server.admin();
    let installs = admin.get("/v1/admin/installs", &[("account", &account)]).ok();
    let install = format!("/v1/admin/installs/{}", id_of(&installs["data"][0]));
    admin.delete(&install, &[("purge", "true")]).ok();
    store.server.run_jobs();
    store.server.install(&store.app, &account);
    client.find("token").refused(404);
    client.set("token", "new").ok();
    assert_eq!(client.find("token").ok()["payload"], "new");
}
