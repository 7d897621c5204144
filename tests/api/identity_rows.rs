//! A hand in the database: rows that say who is who are changed, added, put back and taken away.
//! Each is noticed, or harmless.

mod added;
mod hands;
mod tables;
mod taken;

use coffer_storage::Value;
use coffer_testkit::{Client, TestServer};
use hands::{Hands, columns, ephemeral, is_shut_out, key_id, token, with_secret};

#[test]
fn no_changed_column_of_a_key_is_believed() {
    let hands = Hands::new();
    let app = hands.server.app();
    let (_, elsewhere) = hands.server.connected(&app);
    with_secret(&app.client());
    with_secret(&elsewhere);
    let (_, user) = ephemeral(&elsewhere);
    let admin = hands.server.admin();
    let made = admin.post("/v1/admin/api_keys", &[("type", "admin")]);
    let operator = admin.with_key(&made.text("key"));
    let secrets: [(Client, &str); 3] = [
        (app.client(), "/v1/apps/secrets?scope[type]=account"),
        (user, "/v1/apps/secrets?scope[type]=account"),
        (operator, "/v1/admin/accounts"),
    ];
    for (client, path) in secrets {
        let read = || client.raw("GET", path, None);
        let row = hands.copy("api_key", "id", &key_id(&hands, &client));
        hands.change_each(&row, |column| match column {
            // They tell a person something, and decide nothing.
            "last_used" | "successor" => drop(read().ok()),
            _ => is_shut_out(&read(), column),
        });
        read().ok();
        hands.is_clean();
    }
}

#[test]
fn no_changed_column_of_an_app_an_install_or_an_account_is_believed() {
    let hands = Hands::new();
    let app = hands.server.app();
    let (account, client) = hands.server.connected(&app);
    with_secret(&client);
    let install = hands.copy_install(&account);
    for row in [hands.copy("app", "id", &app.id), install] {
        hands.change_each(&row, |column| is_shut_out(&client.find("token"), column));
        client.find("token").ok();
    }
    let admin = hands.server.admin();
    let path = format!("/v1/admin/accounts/{account}");
    hands.change_each(&hands.copy("account", "id", &account), |_| {
        admin.get(&path, &[]).refused(404);
        let listed = admin.get("/v1/admin/accounts", &[("limit", "100")]);
        assert!(!listed.body.contains(&format!("\"{account}\"")), "{}", listed.body);
        hands.is_forged("account");
    });
    admin.get(&path, &[]).ok();
    hands.is_clean();
}

#[test]
fn no_added_row_is_believed() {
    let hands = Hands::new();
    let app = hands.server.app();
    let account = hands.server.account();
    with_secret(&app.client());
    // A key whose token the hand knows, made after an existing one; and an operator's.
    for (id, prefix) in [("key_forged", "sk_test_coffer_"), ("key_admin", "ak_coffer_")] {
        let token = &*token(prefix);
        let mut row = hands.copy("api_key", "id", &key_id(&hands, &app.client()));
        row.id = Value::from(id);
        for (value, (name, _)) in row.values.iter_mut().zip(columns("api_key")) {
            match name {
                "hash" => *value = Value::from(coffer_crypto::TokenHash::of(token).as_bytes()),
                "id" => *value = Value::from(id),
                "kind" if token.starts_with("ak") => *value = Value::from("admin"),
                "app" | "mode" if token.starts_with("ak") => *value = Value::Null,
                _ => {}
            }
        }
        hands.put_back(&row);
        let client = app.client().with_key(token);
        is_shut_out(&client.find("token"), token);
        is_shut_out(&client.get("/v1/admin/accounts", &[]), token);
        hands.is_forged("api_key");
    }
    // An install on somebody else's account.
    let (known, _) = hands.server.connected(&app);
    let mut row = hands.copy_install(&known);
    row.id = Value::from(account.as_str());
    row.values[1] = Value::from(account.as_str());
    row.values[3] = Value::from("appinst_test_forged");
    hands.put_back(&row);
    is_shut_out(&app.client().for_account(&account).find("token"), "install");
    hands.is_forged("install_mode");
}

#[test]
fn a_forged_erasure_destroys_nothing() {
    let hands = Hands::new();
    let app = hands.server.app();
    with_secret(&app.client());
    let sql = "INSERT INTO erasure (app, account, created, request, seq, mac) \
               VALUES (?, ?, 1, 'req_forged', 1, ?)";
    let mac = Value::Blob(vec![0; 16]);
    let tenant = [Value::from(app.id.as_str()), Value::from(app.account.as_str())];
    hands.execute(sql, &[tenant[0].clone(), tenant[1].clone(), mac]);
    hands.server.run_jobs();
    assert_eq!(app.client().find("token").ok()["payload"], "the value");
    hands.is_forged("erasure");
    // Nor does one keep a real one from being listed.
    let (account, elsewhere) = hands.server.connected(&app);
    with_secret(&elsewhere);
    let mac = Value::Blob(vec![0; 16]);
    hands.execute(sql, &[tenant[0].clone(), Value::from(account.as_str()), mac]);
    let row = hands.copy("install", "account", &account);
    let path = format!("/v1/admin/installs/{}", row.id_of_install());
    hands.server.admin().delete(&path, &[("purge", "true")]).ok();
    hands.server.run_jobs();
    assert_eq!(hands.server.count("erasure"), 1, "the forged one of the other tenant");
    hands.server.install(&app, &account);
    elsewhere.find("token").refused(404);
    // A forged revocation revokes nothing either, and does not stay.
    let sql = "INSERT INTO pending_revocation (subject, floor, mac) VALUES (?, 1000000, ?)";
    hands.execute(sql, &[Value::from(format!("app/{}", app.id)), Value::Blob(vec![0; 16])]);
    hands.server.run_jobs();
    hands.refresh();
    app.client().find("token").ok();
    assert_eq!(hands.server.count("pending_revocation"), 0);
}

#[test]
fn an_erasure_that_is_put_back_destroys_nothing_of_who_lives_again() {
    let hands = Hands::new();
    let app = hands.server.app();
    let account = hands.server.account();
    let install = hands.server.install(&app, &account);
    let client = app.client().for_account(&account);
    with_secret(&client);
    let path = format!("/v1/admin/installs/{install}");
    hands.server.admin().delete(&path, &[("purge", "true")]).ok();
    let row = hands.copy("erasure", "account", &account);
    hands.change_each(&row, |_| hands.is_forged("erasure"));
    hands.server.run_jobs();
    assert_eq!(hands.server.count("erasure"), 0);
    hands.server.install(&app, &account);
    with_secret(&client);
    hands.put_back(&row);
    hands.is_outdated("erasure");
    hands.server.run_jobs();
    assert_eq!(client.find("token").ok()["payload"], "the value");
    assert_eq!(hands.server.count("erasure"), 0);
}

/// What a purge has taken away does not come back, whatever the row says that tells the tenant from
/// the one before.
#[test]
fn no_hand_brings_back_what_was_purged() {
    let hands = Hands::new();
    let app = hands.server.app();
    let account = hands.server.account();
    let client = app.client().for_account(&account);
    let of_account = [Value::from(account.as_str())];
    let install = || hands.server.install(&app, &account);
    let purge = || {
        let path = format!("/v1/admin/installs/{}", install());
        hands.server.admin().delete(&path, &[("purge", "true")]).ok();
    };
    let generation = || hands.copy("tenant_generation", "account", &account);
    install();
    purge();
    install();
    with_secret(&client);
    let row = generation();
    let changes = [
        "UPDATE tenant_generation SET generation = generation + 1000 WHERE account = ?",
        "UPDATE tenant_generation SET generation = 0 WHERE account = ?",
        "UPDATE tenant_generation SET generation = generation - 1 WHERE account = ?",
        "DELETE FROM tenant_generation WHERE account = ?",
    ];
    for (change, is_there) in changes.into_iter().zip([true, true, true, false]) {
        hands.execute(change, &of_account);
        hands.refresh();
        if is_there {
            hands.is_forged("tenant_generation");
        }
        assert_eq!(client.find("token").ok()["payload"], "the value", "{change}");
        hands.is_clean();
        assert_eq!(generation().values, row.values, "{change}");
    }
    for change in &changes[1..] {
        // Nobody is there between the change and the purge, whom the server could look up.
        hands.execute(change, &of_account);
        purge();
        install();
        client.find("token").refused(404);
        hands.server.run_jobs();
        client.find("token").refused(404);
        hands.is_clean();
        with_secret(&client);
    }
    let of_before = generation();
    purge();
    install();
    hands.put_back(&of_before);
    hands.is_outdated("tenant_generation");
    client.find("token").refused(404);
    hands.is_clean();
    hands.put_back(&row);
    purge();
    install();
    client.find("token").refused(404);
}

#[test]
fn a_key_from_before_its_revocation_stays_revoked() {
    let hands = Hands::new();
    let app = hands.server.app();
    with_secret(&app.client());
    let (child_id, child) = ephemeral(&app.client());
    let (other_id, other) = ephemeral(&app.client());
    let id = key_id(&hands, &app.client());
    let rows = [&id, &child_id, &other_id].map(|id| hands.copy("api_key", "id", id));
    let path = format!("/v1/ephemeral_keys/{other_id}");
    app.client().delete(&path, &[]).ok();
    hands.put_back(&rows[2]);
    is_shut_out(&other.list(), "deleted");
    hands.is_outdated("api_key");
    child.list().ok();
    hands.server.admin().post(&format!("/v1/admin/api_keys/{id}/revoke"), &[]).ok();
    for row in &rows {
        hands.put_back(row);
        for client in [&app.client(), &child, &other] {
            is_shut_out(&client.list(), "revoked");
        }
    }
    // The mark alone.
    let sql = "UPDATE api_key SET revoked_at = NULL WHERE id = ?";
    hands.execute(sql, &[Value::from(id.as_str())]);
    hands.refresh();
    is_shut_out(&app.client().find("token"), "unmarked");
    hands.server.run_jobs();
    is_shut_out(&app.client().find("token"), "after the jobs");
}

#[test]
fn an_install_from_before_its_end_stays_ended() {
    let hands = Hands::new();
    let app = hands.server.app();
    let account = hands.server.account();
    let install = hands.server.install(&app, &account);
    let client = app.client().for_account(&account);
    with_secret(&client);
    let (user_id, user) = ephemeral(&client);
    let installed = hands.copy_install(&account);
    let key = hands.copy("api_key", "id", &user_id);
    let path = format!("/v1/admin/installs/{install}");
    hands.server.admin().delete(&path, &[]).ok();
    let put_back = || {
        hands.put_back(&installed);
        hands.put_back(&key);
        is_shut_out(&client.find("token"), "uninstalled");
        is_shut_out(&user.list(), "uninstalled");
        hands.is_outdated("install_mode");
        hands.is_outdated("api_key");
    };
    put_back();
    // Installed again, what was before stays ended, and what is new works.
    hands.server.install(&app, &account);
    client.find("token").ok();
    let (_, new) = ephemeral(&client);
    new.list().ok();
    is_shut_out(&user.list(), "installed again");
    put_back();
    // A purge takes the row away; it stays so.
    hands.server.admin().delete(&path, &[("purge", "true")]).ok();
    hands.server.run_jobs();
    put_back();
}

#[test]
fn apps_and_accounts_that_were_deleted_stay_deleted() {
    let hands = Hands::new();
    let admin = hands.server.admin();
    let app = hands.server.app();
    let account = hands.server.account();
    hands.server.install(&app, &account);
    let client = app.client().for_account(&account);
    let (id, account_row) = (key_id(&hands, &client), hands.copy("account", "id", &app.account));
    let rows = [
        hands.copy("app", "id", &app.id),
        hands.copy_install(&account),
        hands.copy("api_key", "id", &id),
    ];
    let delete = |path: &str| {
        admin.delete(path, &[]).ok();
        hands.server.run_jobs();
    };
    delete(&format!("/v1/admin/apps/{}", app.id));
    let put_back = || {
        rows.iter().for_each(|row| hands.put_back(row));
        is_shut_out(&client.list(), "deleted");
        is_shut_out(&app.client().list(), "deleted");
        for row in &rows {
            hands.is_outdated(row.table);
        }
    };
    put_back();
    for row in &rows {
        let sql = format!("DELETE FROM {} WHERE {} = ?", row.table, row.key);
        hands.execute(&sql, std::slice::from_ref(&row.id));
    }
    // Another app of the same id: the old key and the old install are none of its own.
    let params = [("account", app.account.as_str()), ("id", app.id.as_str())];
    admin.post("/v1/admin/apps", &params).ok();
    for row in &rows[1..] {
        hands.put_back(row);
    }
    is_shut_out(&app.client().list(), "another app");
    let made = admin.post("/v1/admin/api_keys", &[("app", &app.id), ("mode", "test")]);
    let new = app.client().with_key(&made.text("key"));
    new.list().ok();
    is_shut_out(&new.for_account(&account).list(), "the old install");
    // The developer's account goes, and all with it.
    let own = hands.copy("app", "id", &app.id);
    delete(&format!("/v1/admin/accounts/{}", app.account));
    hands.put_back(&account_row);
    hands.put_back(&own);
    put_back();
    hands.is_outdated("account");
}

#[test]
fn older_quotas_are_noticed() {
    let hands = Hands::new();
    let app = hands.server.app();
    let row = hands.copy("app", "id", &app.id);
    let path = format!("/v1/admin/apps/{}", app.id);
    hands.server.admin().post(&path, &[("name", "renamed")]).ok();
    hands.is_clean();
    app.client().list().ok();
    hands.put_back(&row);
    hands.is_outdated("app");
    // The app goes on: data from a backup has such rows too.
    app.client().list().ok();
    hands.server.admin().post(&path, &[("name", "renamed again")]).ok();
    hands.is_clean();
}

#[test]
fn rows_taken_away_only_take_rights_away() {
    let hands = Hands::new();
    let app = hands.server.app();
    let (account, client) = hands.server.connected(&app);
    with_secret(&client);
    let (_, user) = ephemeral(&client);
    for row in [
        hands.copy("api_key", "id", &key_id(&hands, &client)),
        hands.copy_install(&account),
        hands.copy("app", "id", &app.id),
    ] {
        let sql = format!("DELETE FROM {} WHERE {} = ?", row.table, row.key);
        hands.execute(&sql, std::slice::from_ref(&row.id));
        hands.refresh();
        is_shut_out(&client.find("token"), row.table);
        is_shut_out(&user.list(), row.table);
        hands.put_back(&row);
        client.find("token").ok();
        user.list().ok();
    }
    hands.is_clean();
}

#[test]
fn data_from_an_older_backup_gives_new_rows_places_that_were_not_revoked() {
    let home = tempfile::TempDir::new().unwrap();
    let start = || TestServer::builder().data_dir(home.path()).without_background_jobs().start();
    let server = start();
    let app = server.app();
    let account = server.account();
    let path = format!("/v1/admin/installs/{}", server.install(&app, &account));
    server.admin().delete(&path, &[]).ok();
    assert_eq!(server.count("pending_revocation"), 0, "moved before the response");
    assert_eq!(server.count_of_keys("revocation"), 2, "one for each mode");
    // As in a copy of the data from before all that, with the newest keys.
    assert_eq!(server.execute("UPDATE identity_sequence SET seq = 0", &[]).unwrap(), 1);
    server.stop();
    let server = start();
    server.install(&app, &account);
    server.anonymous().with_key(&app.test_key).for_account(&account).list().ok();
}
