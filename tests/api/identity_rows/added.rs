//! Rows that a hand adds to the tables whose rows have a MAC.

use super::hands::{Copy, Hands, columns, is_shut_out, key_id, token, with_secret};
use crate::lines;
use coffer_storage::Value;

/// A copy of a row in which some columns are others.
fn altered(row: Copy, others: &[(&str, Value)]) -> Copy {
    let Copy { table, key, mut id, mut values } = row;
    for (value, (name, _)) in values.iter_mut().zip(columns(table)) {
        let Some((_, other)) = others.iter().find(|(of, _)| *of == name) else { continue };
        value.clone_from(other);
        if name == key {
            id.clone_from(other);
        }
    }
    Copy { table, key, id, values }
}

#[test]
fn no_added_account_and_no_added_app_is_believed() {
    let hands = Hands::new();
    let app = hands.server.app();
    let admin = hands.server.admin();
    hands.put_back(&altered(
        hands.copy("account", "id", &app.account),
        &[("id", Value::from("acct_forged")), ("seq", Value::Int(5000))],
    ));
    admin.get("/v1/admin/accounts/acct_forged", &[]).refused(404);
    let of_nobody = [("account", "acct_forged"), ("name", "Shop")];
    admin.post("/v1/admin/apps", &of_nobody).refused(400);
    hands.is_forged("account");
    hands.put_back(&altered(
        hands.copy("app", "id", &app.id),
        &[("id", Value::from("app_forged")), ("seq", Value::Int(5001))],
    ));
    admin.get("/v1/admin/apps/app_forged", &[]).refused(404);
    let key = [("app", "app_forged"), ("mode", "test")];
    admin.post("/v1/admin/api_keys", &key).refused(400);
    hands.is_forged("app");
    // A key that says that it is of that app.
    let token = token("sk_test_coffer_");
    let hash = Value::from(coffer_crypto::TokenHash::of(&token).as_bytes());
    let of_app =
        [("hash", hash), ("id", Value::from("key_of_app")), ("app", Value::from("app_forged"))];
    let row = hands.copy("api_key", "id", &key_id(&hands, &app.client()));
    hands.put_back(&altered(row, &of_app));
    is_shut_out(&app.client().with_key(&token).list(), "a key of a forged app");
}

#[test]
fn nothing_that_is_added_between_app_and_account_is_believed() {
    let hands = Hands::new();
    let app = hands.server.app();
    let (known, client) = hands.server.connected(&app);
    with_secret(&client);
    let stranger = hands.server.account();
    let to_stranger = |row: Copy, id: &str, columns: &[(&str, Value)]| {
        let own = [("account", Value::from(stranger.as_str())), ("id", Value::from(id))];
        altered(row, &[&own[..], columns].concat())
    };
    let other = to_stranger(hands.copy("install", "account", &known), "appinst_forged", &[]);
    hands.put_back(&other);
    is_shut_out(&app.client().for_account(&stranger).list(), "an install");
    hands.is_forged("install");
    let other = to_stranger(hands.copy_install(&known), "appinst_test_forged", &[]);
    hands.put_back(&other);
    is_shut_out(&app.client().for_account(&stranger).list(), "both rows of an install");
    hands.is_forged("install_mode");
    // A generation of a tenant that was never purged hides nothing of it and shows nothing else.
    let mac = Value::Blob(vec![7; 32]);
    let tenant = [Value::from(app.id.as_str()), Value::from(known.as_str())];
    hands.insert("tenant_generation", &[&tenant[..], &[Value::Int(3), mac]].concat());
    hands.refresh();
    hands.is_forged("tenant_generation");
    assert_eq!(client.find("token").ok()["payload"], "the value");
}

/// Whoever reads the log learns of it: once for each row, however often it is met.
#[test]
fn the_log_names_a_row_that_was_changed_behind_the_servers_back() {
    lines::keep();
    let hands = Hands::new();
    let app = hands.server.app();
    let (token, id) = (token("sk_test_coffer_"), "key_that_the_log_tells_of");
    let hash = Value::from(coffer_crypto::TokenHash::of(&token).as_bytes());
    let row = hands.copy("api_key", "id", &key_id(&hands, &app.client()));
    hands.put_back(&altered(row, &[("hash", hash), ("id", Value::from(id))]));
    for _ in 0..3 {
        is_shut_out(&app.client().with_key(&token).list(), id);
        hands.refresh();
    }
    let told = lines::with(id);
    let [line] = &told[..] else { panic!("there is one line: {told:?}") };
    assert!(line.contains("a row was changed behind the server's back: it is ignored"), "{line}");
    assert!(line.contains("\"ERROR\"") && line.contains("\"table\":\"api_key\""), "{line}");
    assert!(!line.contains(&token), "{line}");
}
