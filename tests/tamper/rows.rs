//! The rows of secrets.

use crate::tampered_store::{PAYLOAD, TamperedStore, broken, flips, id_of};
use coffer_testkit::{Client, START};
use rusqlite::Row;

const EXPIRES: i64 = START.unix() + 1000;

/// Sets a secret anywhere; its id.
fn set(client: &Client, user: Option<&str>, name: &str, payload: &str, expires: &str) -> String {
    let kind = if user.is_some() { "user" } else { "account" };
    let mut params = vec![("name", name), ("payload", payload), ("scope[type]", kind)];
    params.extend(user.map(|user| ("scope[user]", user)));
    if !expires.is_empty() {
        params.push(("expires_at", expires));
    }
    id_of(&client.post("/v1/apps/secrets", &params).ok())
}

fn find_of(client: &Client, user: Option<&str>, name: &str) -> coffer_testkit::Answer {
    let Some(user) = user else { return client.find(name) };
    let params =
        [("name", name), ("scope[type]", "user"), ("scope[user]", user), ("expand[]", "payload")];
    client.get("/v1/apps/secrets/find", &params)
}

#[test]
fn no_changed_byte_of_an_envelope_gives_a_value() {
    let store = TamperedStore::new();
    let client = store.app.client();
    let id = set(&client, None, "token", PAYLOAD, "");
    let sealed = store.sealed(&id);
    let mut tried = 0;
    for changed in flips(&sealed) {
        store.put(&id, &changed);
        broken(&client.find("token"));
        tried += 1;
    }
    assert_eq!(tried, 3 * (65 + PAYLOAD.len()), "format, version, salt, nonce, text and tag");
    for changed in [&sealed[1..], &sealed[..sealed.len() - 1], &sealed[..20], &[]] {
        store.put(&id, &changed.to_vec());
        broken(&client.find("token"));
        broken(&client.list());
    }
    store.put(&id, &[sealed.as_slice(), b"x"].concat());
    broken(&client.find("token"));
    store.put(&id, &"a text");
    broken(&client.find("token"));
    store.put(&id, &sealed);
    assert_eq!(client.find("token").ok()["payload"], PAYLOAD);
}

#[test]
fn the_other_operations_do_not_trust_a_changed_row_either() {
    let store = TamperedStore::new();
    let client = store.app.client();
    let id = set(&client, None, "token", PAYLOAD, "");
    let mut changed = store.sealed(&id);
    changed[50] ^= 1;
    store.put(&id, &changed);
    broken(&client.list());
    let without_payload = [("name", "token"), ("scope[type]", "account")];
    broken(&client.get("/v1/apps/secrets/find", &without_payload));
    // The ways out: another value, or none.
    client.set("token", "another").ok();
    assert_eq!(client.find("token").ok()["payload"], "another");
    store.put(&id, &changed);
    client.remove("token").ok();
    client.find("token").refused(404);
}

#[test]
fn an_expiry_cannot_be_changed() {
    let store = TamperedStore::new();
    let client = store.app.client();
    let lasting = set(&client, None, "lasting", PAYLOAD, "");
    let expiring = set(&client, None, "expiring", PAYLOAD, &EXPIRES.to_string());
    let expire = |id: &str, at: Option<i64>| {
        store.change("UPDATE secret SET expires_at = ? WHERE id = ?", &[&at, &id], 1);
    };
    for at in [None, Some(EXPIRES + 1), Some(EXPIRES - 1), Some(1), Some(0), Some(i64::MAX)] {
        expire(&expiring, at);
        broken(&client.find("expiring"));
    }
    expire(&expiring, Some(EXPIRES));
    for at in [0, 1, EXPIRES, i64::MAX] {
        expire(&lasting, Some(at));
        broken(&client.find("lasting"));
    }
    expire(&lasting, Some(EXPIRES));
    broken(&client.list());
    // A list leaves out what seems to have expired, as if the row had been deleted.
    expire(&lasting, Some(1));
    assert_eq!(client.list().ok()["data"].as_array().unwrap().len(), 1);
    expire(&lasting, None);
    assert_eq!(client.list().ok()["data"].as_array().unwrap().len(), 2);
    // An expired secret does not come back with a later expiry.
    store.server.clock.advance(1001);
    expire(&expiring, Some(EXPIRES + 5000));
    broken(&client.find("expiring"));
}

#[test]
fn an_envelope_opens_in_its_own_row_only() {
    let store = TamperedStore::new();
    let client = store.app.client();
    let other_account = store.server.account();
    store.server.install(&store.app, &other_account);
    let elsewhere = client.for_account(&other_account);
    let other_app = store.server.app();
    store.server.install(&other_app, &store.app.account);
    let other_client = other_app.client().for_account(&store.app.account);
    let live = store.app.live();

    let victim = set(&client, Some("user"), "token", PAYLOAD, "");
    let sealed = store.sealed(&victim);
    let places: [(&str, &Client, Option<&str>, &str); 7] = [
        ("another name", &client, Some("user"), "tokem"),
        ("another user", &client, Some("user2"), "token"),
        ("the account's scope", &client, None, "token"),
        ("another account", &elsewhere, Some("user"), "token"),
        ("another app", &other_client, Some("user"), "token"),
        ("live mode", &live, Some("user"), "token"),
        ("a user called as the scope", &client, Some("account"), "token"),
    ];
    for (what, client, user, name) in places {
        let id = set(client, user, name, "its own", "");
        let own = store.sealed(&id);
        store.put(&id, &sealed);
        let answer = find_of(client, user, name);
        assert_eq!(answer.status, 500, "moved to {what}: {}", answer.body);
        broken(&answer);
        store.put(&id, &own);
        assert_eq!(find_of(client, user, name).ok()["payload"], "its own");
    }
    assert_eq!(find_of(&client, Some("user"), "token").ok()["payload"], PAYLOAD);
}

#[test]
fn rows_cannot_trade_envelopes_or_places() {
    let store = TamperedStore::new();
    let client = store.app.client();
    let one = set(&client, None, "one", PAYLOAD, "");
    let two = set(&client, None, "two", "the other payload", "");
    let (first, second) = (store.sealed(&one), store.sealed(&two));
    store.put(&one, &second);
    store.put(&two, &first);
    broken(&client.find("one"));
    broken(&client.find("two"));
    broken(&client.list());
    store.put(&one, &first);
    store.put(&two, &second);

    // The whole row where another one was found.
    let columns = "SELECT slot, name_key FROM secret WHERE id = ?";
    let (slot, name_key): (i64, Vec<u8>) =
        store.data.query_row(columns, [&two], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    store.change("DELETE FROM secret WHERE id = ?", &[&two], 1);
    let set_place = "UPDATE secret SET slot = ?, name_key = ? WHERE id = ?";
    store.change(set_place, &[&slot, &name_key, &one], 1);
    broken(&client.find("two"));
    store.change("UPDATE secret SET name = 'two' WHERE id = ?", &[&one], 1);
    broken(&client.find("two"));
    broken(&client.list());
}

#[test]
fn a_row_moved_to_another_tenant_is_not_found_or_does_not_open() {
    let store = TamperedStore::new();
    let client = store.app.client();
    let id = set(&client, None, "token", PAYLOAD, "");
    let other = store.server.account();
    store.server.install(&store.app, &other);
    let elsewhere = client.for_account(&other);
    let theirs = set(&elsewhere, None, "token", "theirs", "");
    // Lookup digests are keyed by the tenant, so the row alone is nowhere to be found.
    store.change("DELETE FROM secret WHERE id = ?", &[&theirs], 1);
    store.change("UPDATE secret SET account = ? WHERE id = ?", &[&other, &id], 1);
    elsewhere.find("token").refused(404);
    client.find("token").refused(404);
    // With the digests of the row that stood there, it is found and does not open.
    let theirs = set(&elsewhere, None, "token", "theirs", "");
    let columns = "SELECT slot, scope, name_key FROM secret WHERE id = ?";
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let (slot, scope, name_key): (i64, Vec<u8>, Vec<u8>) =
        store.data.query_row(columns, [&theirs], read).unwrap();
    store.change("DELETE FROM secret WHERE id = ?", &[&theirs], 1);
    let set_digests = "UPDATE secret SET slot = ?, scope = ?, name_key = ? WHERE id = ?";
    store.change(set_digests, &[&slot, &scope, &name_key, &id], 1);
    broken(&elsewhere.find("token"));
    broken(&elsewhere.list());
}

#[test]
fn the_plain_columns_beside_an_envelope_decide_nothing() {
    let store = TamperedStore::new();
    let client = store.app.client();
    let id = set(&client, Some("user"), "token", PAYLOAD, "");
    // What a find answers with comes from the request, which the envelope confirms.
    store.change("UPDATE secret SET scope_user = 'mallory' WHERE id = ?", &[&id], 1);
    let found = find_of(&client, Some("user"), "token").ok();
    assert_eq!(found["scope"]["user"], "user");
    find_of(&client, Some("mallory"), "token").refused(404);
    store.change("UPDATE secret SET name = 'other' WHERE id = ?", &[&id], 1);
    assert_eq!(find_of(&client, Some("user"), "token").ok()["name"], "token");
    find_of(&client, Some("user"), "other").refused(404);
    // A list has only the row's own word for the name.
    broken(&client.get("/v1/apps/secrets", &[("scope[type]", "user"), ("scope[user]", "user")]));
}

#[test]
fn an_older_envelope_of_the_same_row_is_refused_if_its_expiry_was_another() {
    let store = TamperedStore::new();
    let client = store.app.client();
    let id = set(&client, None, "token", "old", "");
    let old = store.sealed(&id);
    assert_eq!(set(&client, None, "token", PAYLOAD, ""), id);
    // By design: only a memory outside the database could tell an old value from the newest, and
    // whoever can write here could also put back a whole old file.
    store.put(&id, &old);
    assert_eq!(client.find("token").ok()["payload"], "old");
    set(&client, None, "token", PAYLOAD, &EXPIRES.to_string());
    store.put(&id, &old);
    broken(&client.find("token"));
}
