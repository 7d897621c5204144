//! Empty values, as SDKs send them for a null: a parameter can be unset, or the request is refused
//! and names it (conventions §2.1).

use coffer_base::Clock;
use coffer_kernel::{Access, Definition};
use coffer_testkit::catalogue::Catalogue;
use coffer_testkit::{Client, TestServer};

/// An empty value for each parameter of each operation's example.
#[test]
fn what_cannot_be_unset_is_named() {
    let server = TestServer::start();
    let app = server.app();
    let (_, client) = server.connected(&app);
    let catalogue = Catalogue::of(&server);
    let mut asked = 0;
    let makes_its_own = |definition: &&Definition| {
        matches!(definition.access, Access::Tenant { .. }) && !definition.example.params.is_empty()
    };
    for definition in catalogue.definitions().iter().filter(makes_its_own) {
        let request = catalogue.request(definition, &client);
        // An empty value of metadata takes its key away.
        let params = request.params.iter().map(|(name, _)| *name);
        for name in params.filter(|name| !name.starts_with("metadata")) {
            let answer = request.with(name, "").send(&client);
            let error = answer.refused(400);
            assert_eq!(error["code"], "parameter_invalid_empty", "{}: {error}", definition.name);
            assert_eq!(error["param"], name.trim_end_matches("[]"), "{}", definition.name);
            asked += 1;
        }
    }
    assert!(asked > 20, "{asked} parameters");
}

/// A request that succeeds, and a parameter that is added to it.
type Row<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a [&'a str]);

#[test]
fn neither_can_optional_ones() {
    let server = TestServer::start();
    let client = server.app().client();
    let account = [("name", "n"), ("scope[type]", "account")];
    let set = [account[0], account[1], ("payload", "p")];
    client.post("/v1/apps/secrets", &set).ok();
    let charge = [("id", "ch_1"), ("amount", "5"), ("currency", "usd")];
    let plan = [
        ("percent", "5"),
        ("type", "rolling_release"),
        ("rolling_release[days_after_charge]", "9"),
    ];
    let date = server.clock.now().plus(30 * 86_400).unix().to_string();
    let hold = [charge[1], charge[2], ("release_schedule[release_after]", date.as_str())];
    let scope = ["scope[user]"];
    let paging = ["limit", "starting_after", "ending_before"];
    let facts = ["fee", "application_fee", "source_type", "source_transfer", "created"];
    let rows: [Row<'_>; 14] = [
        ("POST", "/v1/apps/secrets", &set, &["scope[user]", "expires_at"]),
        ("POST", "/v1/apps/secrets/delete", &account, &scope),
        ("GET", "/v1/apps/secrets/find", &account, &scope),
        ("GET", "/v1/apps/secrets", &account[1..], &["scope[user]", "limit", "starting_after"]),
        ("GET", "/v1/events", &[], &["type", "delivery_success", "created", "created[gt]"]),
        ("GET", "/v1/ledger/charges", &[], &["currency", "created[lte]"]),
        ("GET", "/v1/ledger/payouts", &[], &["currency", "status"]),
        ("GET", "/v1/reserve/plans", &[], &["destination", "status"]),
        ("GET", "/v1/reserve/holds", &[], &["currency", "is_releasable", "reason"]),
        ("GET", "/v1/reserve/releases", &[], &paging),
        ("POST", "/v1/ledger/charges", &charge, &facts),
        ("POST", "/v1/reserve/plans", &plan, &["currency"]),
        ("POST", "/v1/reserve/holds", &hold, &["source_type"]),
        ("POST", "/v1/ephemeral_keys", &[("user", "u")], &["expires_in", "account_access"]),
    ];
    for (verb, path, params, names) in rows {
        for name in names {
            let all = [params, &[(*name, "")]].concat();
            let error = ask(&client, verb, path, &all);
            assert_eq!(error["code"], "parameter_invalid_empty", "{verb} {path} {name}: {error}");
            assert_eq!(error["param"], *name, "{verb} {path}");
        }
    }
}

fn ask(client: &Client, verb: &str, path: &str, params: &[(&str, &str)]) -> serde_json::Value {
    let answer = if verb == "GET" { client.get(path, params) } else { client.post(path, params) };
    answer.refused(400)
}
