//! Wrong parameters: a row here for every row of the table in conventions §3.2.

use crate::contract::{Row, covers, explained, rows};
use coffer_base::Currency;
use coffer_testkit::{Answer, Client, TestServer};

const PAGE: &str = include_str!("../../../docs/wire/conventions.md");
const INVALID: &str = "invalid_request_error";

type Params<'a> = &'a [(&'a str, &'a str)];
type Error = (u16, Option<&'static str>, Option<&'static str>);

fn row(row: &'static str, answer: Answer, error: Error, message: impl Into<String>) -> Row {
    let (status, code, param) = error;
    let error = (status, INVALID, code, param);
    Row { row, asked: answer.body.clone(), answer, error, message: message.into() }
}

#[test]
fn every_row_of_the_table_is_answered_as_it_says() {
    let server = TestServer::start();
    let (app, admin) = (server.app(), server.admin());
    let client = app.client();
    let mut tested = names(&client, &admin);
    tested.extend(values(&client, &admin));
    tested.extend(objects(&client, &admin, &app.id));
    tested.iter().for_each(Row::check);
    tested.iter().for_each(|row| explained(&server, row.row, &row.answer));
    covers(&rows(PAGE, "### 3.2 Wrong parameters"), &tested, &[]);
}

fn names(client: &Client, admin: &Client) -> Vec<Row> {
    let ephemeral = |params: Params<'_>| client.post("/v1/ephemeral_keys", params);
    let apps = |params: Params<'_>| admin.post("/v1/admin/apps", params);
    let unknown = |param| (400, Some("parameter_unknown"), Some(param));
    let missing = |param| (400, Some("parameter_missing"), Some(param));
    let is_empty = "'user' was sent as an empty string. An empty value asks to unset a parameter, \
                    and 'user' cannot be unset: leave it out, or give it a value.";
    let empty = (400, Some("parameter_invalid_empty"), Some("user"));
    let several = "Received unknown parameters: a, b[c]";
    let find = |params: Params<'_>| client.get("/v1/apps/secrets/find", params);
    let no_type = find(&[("name", "n"), ("scope[user]", "u")]);
    vec![
        row("unknown", apps(&[("x", "1")]), unknown("x"), "Received unknown parameter: x"),
        row(
            "unknown",
            apps(&[("a", "1"), ("b[c]", "1")]),
            unknown("a"),
            several.replace("[c]", ""),
        ),
        row("missing", ephemeral(&[]), missing("user"), "Missing required param: user."),
        row("missing", apps(&[]), missing("account"), "Missing required param: account."),
        row("missing", no_type, missing("scope[type]"), "Missing required param: scope[type]."),
        row("empty and not to be unset", ephemeral(&[("user", "")]), empty, is_empty),
    ]
}

fn values(client: &Client, admin: &Client) -> Vec<Row> {
    let expires_in =
        |value| client.post("/v1/ephemeral_keys", &[("user", "u"), ("expires_in", value)]);
    let integer = |param| (400, Some("parameter_invalid_integer"), Some(param));
    let plain = |param| (400, None, Some(param));
    let limits = "too small or too large";
    let least = "This value must be greater than or equal to 60.";
    let most = "This value must be less than or equal to 86400.";
    let kinds = "no boolean, object, array, text";
    let purge = |word| admin.delete("/v1/admin/installs/inst_1", &[("purge", word)]);
    let scope = [("name", "n"), ("scope", "account")];
    let object = client.get("/v1/apps/secrets/find", &scope);
    let array = client.get("/v1/apps/secrets", &[("expand", "data.payload")]);
    let no_list = client.get("/v1/apps/secrets", &[("expand[a]", "x"), ("expand[b]", "y")]);
    let nested = client.get("/v1/apps/secrets", &[("expand[][0]", "data.payload")]);
    let nested_text = "Invalid string: {\"0\":\"data.payload\"}";
    let kind = admin.post("/v1/admin/api_keys", &[("type", "root")]);
    let mode = admin.post("/v1/admin/api_keys", &[("app", "app_1"), ("mode", "prod")]);
    let words = "Invalid type: must be one of admin, restricted, or secret";
    let long = format!("abcd{}wxyz", "é".repeat(193));
    let long_text = "Invalid string: abcd...wxyz; must be at most 200 characters";
    let name = admin.post("/v1/admin/accounts", &[("name", &long)]);
    let gap = client.get("/v1/apps/secrets", &[("expand[1]", "data.payload")]);
    let keys = |keys| {
        format!(
            "Invalid array: the keys of 'expand' must be [0], [1], [2] and so on, from [0] and \
             without a gap, or all be []. Received: {keys}"
        )
    };
    let gaps = "gaps in an array's keys";
    let codes: Vec<String> = Currency::all().map(|each| each.to_string()).collect();
    let currency = |shown: &str| {
        format!("Invalid currency: {shown}. It must be one of these codes: {}", codes.join(", "))
    };
    let hold = |code| client.post("/v1/reserve/holds", &[("amount", "1"), ("currency", code)]);
    let listed = client.get("/v1/balance_transactions", &[("currency", "US")]);
    vec![
        row("no currency", hold("euro"), plain("currency"), currency("euro")),
        row("no currency", hold("978"), plain("currency"), currency("978")),
        row("no currency", listed, plain("currency"), currency("US")),
        row("no integer", expires_in("an hour"), integer("expires_in"), "Invalid integer: an hour"),
        row(limits, expires_in("59"), integer("expires_in"), least),
        row(limits, expires_in("-1"), integer("expires_in"), least),
        row(limits, expires_in("86401"), integer("expires_in"), most),
        row(kinds, purge("yes"), plain("purge"), "Invalid boolean: yes"),
        row(kinds, purge("True"), plain("purge"), "Invalid boolean: True"),
        row(kinds, object, plain("scope"), "Invalid object"),
        row(kinds, array, plain("expand"), "Invalid array"),
        row(kinds, nested, plain("expand[0]"), nested_text),
        row("not in the enum", kind, plain("type"), words),
        row("not in the enum", mode, plain("mode"), "Invalid mode: must be one of test or live"),
        row("too long", name, plain("name"), long_text),
        row(gaps, gap, plain("expand"), keys("[1]")),
        row(gaps, no_list, plain("expand"), keys("[a], [b]")),
    ]
}

fn objects(client: &Client, admin: &Client, app: &str) -> Vec<Row> {
    let missing = |status, param| (status, Some("resource_missing"), Some(param));
    let refers = "parameter or cursor names no object";
    let url = "URL names no object: **404**";
    let install = admin.post("/v1/admin/installs", &[("app", app), ("account", "acct_none")]);
    let account = [("scope[type]", "account")];
    let cursor = |id| client.get("/v1/apps/secrets", &[account[0], ("starting_after", id)]);
    let odd = "No such secret: '\\'\\\\\\u003Cb\\u003E\\u0026'; it begins or ends with a space or \
               a quote. Was it copied with one?";
    let both = [account[0], ("starting_after", "a"), ("ending_before", "b")];
    let both_text =
        "'starting_after' and 'ending_before' are mutually exclusive: send one of them.";
    let mut tested = vec![
        row(refers, install, missing(400, "account"), "No such account: 'acct_none'"),
        row(refers, cursor("x"), missing(400, "starting_after"), "No such secret: 'x'"),
        row(refers, cursor("'\\<b>&"), missing(400, "starting_after"), odd),
        row("both cursors", client.get("/v1/apps/secrets", &both), (400, None, None), both_text),
    ];
    for (path, kind) in [("accounts", "account"), ("apps", "app"), ("installs", "install")] {
        let gone = format!("/v1/admin/{path}/gone");
        let message = format!("No such {kind}: 'gone'");
        tested.push(row(url, admin.get(&gone, &[]), missing(404, "id"), &message));
        tested.push(row(url, admin.delete(&gone, &[]), missing(404, "id"), &message));
    }
    let key = "/v1/admin/api_keys/gone";
    let message = "No such api_key: 'gone'";
    tested.push(row(url, admin.get(key, &[]), missing(404, "id"), message));
    let revoke = admin.post("/v1/admin/api_keys/gone/revoke", &[]);
    tested.push(row(url, revoke, missing(404, "id"), message));
    tested
}
