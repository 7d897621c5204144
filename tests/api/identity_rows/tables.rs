//! The tables whose rows have a MAC, and changes of those that the server reads seldom.

use super::hands::{Hands, TABLES, changes, columns, is_shut_out, with_secret};
use coffer_storage::Value;
use std::collections::BTreeSet;

/// A table or a column that is added meets the tests of this folder.
#[test]
fn all_tables_with_a_mac_are_tried_with_all_their_columns() {
    let hands = Hands::new();
    let tried: BTreeSet<String> = TABLES.iter().map(|(name, _)| (*name).to_owned()).collect();
    let known: BTreeSet<String> = hands.server.tables_with(&["mac"]).into_iter().collect();
    assert_eq!(tried, known);
    for (table, _) in TABLES {
        let tried: BTreeSet<_> = columns(table).into_iter().map(|(name, _)| name).collect();
        let of_schema = hands.columns_of_schema(table);
        assert_eq!(tried, of_schema.iter().map(String::as_str).collect(), "{table}");
    }
}

#[test]
fn no_changed_column_of_what_is_between_app_and_account_is_believed() {
    let hands = Hands::new();
    let app = hands.server.app();
    let account = hands.server.account();
    let install = hands.server.install(&app, &account);
    let client = app.client().for_account(&account);
    with_secret(&client);
    hands.change_each(&hands.copy("install", "account", &account), |_| hands.is_forged("install"));
    assert_eq!(client.find("token").ok()["payload"], "the value");
    hands.is_clean();
    // A tenant that was purged and lives again has a generation.
    let path = format!("/v1/admin/installs/{install}");
    hands.server.admin().delete(&path, &[("purge", "true")]).ok();
    hands.server.run_jobs();
    hands.server.install(&app, &account);
    with_secret(&client);
    let generation = hands.copy("tenant_generation", "account", &account);
    hands.change_each(&generation, |_| hands.is_forged("tenant_generation"));
    assert_eq!(client.find("token").ok()["payload"], "the value");
    hands.is_clean();
}

/// A revocation on its way, as a server that died has left it: as it was written it ends the app,
/// and with any column changed it ends nothing and does not stay.
#[test]
fn no_changed_column_of_a_revocation_on_its_way_is_believed() {
    let hands = Hands::new();
    let app = hands.server.app();
    with_secret(&app.client());
    let keyring = &hands.server.server().installation().context.keyring;
    let key = hands.server.block_on(keyring.row_key()).unwrap();
    let mut row = vec![Value::from(format!("app/{}", app.id)), Value::Int(1_000_000), Value::Null];
    row.push(Value::from(key.mac("pending_revocation", &row).as_bytes()));
    let kept = hands.server.count_of_keys("revocation");
    let settle = |row: &[Value]| {
        hands.insert("pending_revocation", row);
        hands.server.run_jobs();
        assert_eq!(hands.server.count("pending_revocation"), 0);
        hands.refresh();
    };
    for (at, (name, nullable)) in columns("pending_revocation").into_iter().enumerate() {
        for changed in changes(name, nullable, &row[at]) {
            let mut forged = row.clone();
            forged[at] = changed;
            settle(&forged);
            assert_eq!(app.client().find("token").ok()["payload"], "the value", "{name}");
            assert_eq!(hands.server.count_of_keys("revocation"), kept, "{name}");
        }
    }
    settle(&row);
    is_shut_out(&app.client().find("token"), "the revocation itself");
}
