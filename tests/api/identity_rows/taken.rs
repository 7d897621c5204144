//! Rows that a hand takes away: what that can do, and what it cannot.

use super::hands::{Hands, ephemeral, with_secret};
use coffer_storage::Value;
use coffer_testkit::Client;

fn take(hands: &Hands, table: &str, column: &str, id: &str) {
    hands.execute(&format!("DELETE FROM {table} WHERE {column} = ?"), &[Value::from(id)]);
    hands.refresh();
}

/// Whoever was let in before may still be, and nobody else; what was kept is not shown to others.
fn no_more_than_before(client: &Client, what: &str) {
    let answer = client.find("token");
    match answer.status {
        200 => assert_eq!(answer.json()["payload"], "the value", "{what}"),
        status => assert!([401, 403].contains(&status), "{what}: {}", answer.body),
    }
}

#[test]
fn an_account_or_an_install_that_is_taken_away_gives_nobody_more() {
    let hands = Hands::new();
    let admin = hands.server.admin();
    let app = hands.server.app();
    let (account, client) = hands.server.connected(&app);
    with_secret(&client);
    let (_, user) = ephemeral(&client);
    let stranger = hands.server.app();
    for (table, column) in [("account", "id"), ("install", "account")] {
        let row = hands.copy(table, column, &account);
        take(&hands, table, column, &account);
        no_more_than_before(&client, table);
        let as_user = user.list();
        assert!([200, 401, 403].contains(&as_user.status), "{table}: {}", as_user.body);
        stranger.client().for_account(&account).find("token").refused(403);
        if table == "account" {
            admin.get(&format!("/v1/admin/accounts/{account}"), &[]).refused(404);
        }
        hands.is_clean();
        hands.put_back(&row);
        assert_eq!(client.find("token").ok()["payload"], "the value", "{table}");
        hands.is_clean();
    }
}

/// The keys are destroyed before the purge is answered. Without its row the rows of the tenant
/// stay, and nobody can open them, nor sees them who installs the app again.
#[test]
fn an_erasure_that_is_taken_away_leaves_rows_that_nobody_can_open() {
    let hands = Hands::new();
    let app = hands.server.app();
    let account = hands.server.account();
    let install = hands.server.install(&app, &account);
    let client = app.client().for_account(&account);
    with_secret(&client);
    let rows = hands.server.count("secret");
    let path = format!("/v1/admin/installs/{install}");
    hands.server.admin().delete(&path, &[("purge", "true")]).ok();
    let count = hands.server.count("erasure");
    assert_eq!((count, hands.server.count("secret")), (1, rows), "the rows go later");
    take(&hands, "erasure", "account", &account);
    hands.server.run_jobs();
    assert_eq!(hands.server.count("secret"), rows, "nobody knows that they are to go");
    hands.server.install(&app, &account);
    client.find("token").refused(404);
    client.set("token", "another value").ok();
    assert_eq!(client.find("token").ok()["payload"], "another value");
    hands.is_clean();
}
