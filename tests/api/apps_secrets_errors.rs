//! The errors of the store: a row here for every row of the table in secret store §5.

use crate::contract::{Row, covers, explained, rows};
use coffer_base::Clock;
use coffer_testkit::{Answer, App, Client, TestServer, encode};

const PAGE: &str = include_str!("../../docs/wire/secret-store.md");
const SET: &str = "/v1/apps/secrets";
const FIND: &str = "/v1/apps/secrets/find";
const DELETE: &str = "/v1/apps/secrets/delete";
const ACCOUNT: (&str, &str) = ("scope[type]", "account");
const USER: (&str, &str) = ("scope[type]", "user");
const NAME: (&str, &str) = ("name", "n");
const PAYLOAD: (&str, &str) = ("payload", "p");
const INVALID: &str = "invalid_request_error";
const CHOICE: &str = "Invalid scope[type]: must be one of account or user";

/// Who asks, and where.
struct Caller {
    server: TestServer,
    app: App,
    client: Client,
}

type Params<'a> = &'a [(&'a str, &'a str)];

impl Caller {
    fn new() -> Self {
        let server = TestServer::start();
        let app = server.app();
        let client = app.client();
        Self { server, app, client }
    }

    fn send(client: &Client, path: &str, params: Params<'_>) -> (String, Answer) {
        let get = path == FIND || params.iter().any(|(name, _)| *name == "list");
        let params: Vec<_> = params.iter().filter(|(name, _)| *name != "list").copied().collect();
        let answer = if get { client.get(path, &params) } else { client.post(path, &params) };
        (format!("{path} {}", encode(&params)).chars().take(200).collect(), answer)
    }

    /// A parameter error: 400.
    fn row(
        &self,
        row: &'static str,
        path: &str,
        params: Params<'_>,
        error: (Option<&'static str>, Option<&'static str>),
        message: &str,
    ) -> Row {
        let (code, param) = error;
        self.row_of(row, &self.client, (path, params), (400, INVALID, code, param), message)
    }

    fn row_of(
        &self,
        row: &'static str,
        client: &Client,
        (path, params): (&str, Params<'_>),
        error: (u16, &'static str, Option<&'static str>, Option<&'static str>),
        message: &str,
    ) -> Row {
        let (asked, answer) = Self::send(client, path, params);
        Row { row, asked, answer, error, message: message.to_owned() }
    }
}

fn empty(param: &str) -> String {
    format!(
        "'{param}' was sent as an empty string. An empty value asks to unset a parameter, and \
         '{param}' cannot be unset: leave it out, or give it a value."
    )
}

#[test]
fn every_row_of_the_table_is_answered_as_it_says() {
    let caller = Caller::new();
    let mut tested = missing_secrets(&caller);
    tested.extend(missing_parameters(&caller));
    tested.extend(wrong_scopes(&caller));
    tested.extend(wrong_values(&caller));
    tested.extend(expansions_and_cursors(&caller));
    tested.extend(keys_and_accounts(&caller));
    tested.push(too_many(&caller));
    tested.iter().for_each(Row::check);
    tested.iter().for_each(|row| explained(&caller.server, row.row, &row.answer));
    covers(&rows(PAGE, "## 5. Errors"), &tested, &[]);
}

fn missing_secrets(caller: &Caller) -> Vec<Row> {
    let expiring = [("name", "expired"), PAYLOAD, ACCOUNT, ("expires_at", "1800000001")];
    caller.client.post(SET, &expiring).ok();
    caller.server.clock.advance(1);
    let missing = Some("resource_missing");
    let row = |row, path, name| {
        let error = (404, INVALID, missing, Some("name"));
        let message = format!("No such secret: '{name}'");
        caller.row_of(row, &caller.client, (path, &[("name", name), ACCOUNT]), error, &message)
    };
    vec![
        row("find: scope has no such name", FIND, "n"),
        row("delete: scope has no such name", DELETE, "n"),
        row("find or delete, the secret expired", FIND, "expired"),
        row("find or delete, the secret expired", DELETE, "expired"),
    ]
}

fn missing_parameters(caller: &Caller) -> Vec<Row> {
    let row = |row, path, params: Params<'_>, param: &'static str| {
        let message = format!("Missing required param: {param}.");
        caller.row(row, path, params, (Some("parameter_missing"), Some(param)), &message)
    };
    let first = "`name`, `payload` or `scope` missing";
    let no_type = "`scope` has no `type`";
    let no_user = "`user` without `scope[user]`";
    vec![
        row(first, SET, &[PAYLOAD, ACCOUNT], "name"),
        row(first, SET, &[NAME, ACCOUNT], "payload"),
        row(first, SET, &[NAME, PAYLOAD], "scope"),
        row(first, SET, &[], "name"),
        row(first, FIND, &[ACCOUNT], "name"),
        row(first, FIND, &[NAME], "scope"),
        row(first, DELETE, &[ACCOUNT], "name"),
        row(first, DELETE, &[NAME], "scope"),
        row(first, SET, &[("list", "")], "scope"),
        row(no_type, SET, &[NAME, PAYLOAD, ("scope[user]", "usr_1")], "scope[type]"),
        row(no_type, FIND, &[NAME, ("scope[user]", "usr_1")], "scope[type]"),
        row(no_user, SET, &[NAME, PAYLOAD, USER], "scope[user]"),
        row(no_user, FIND, &[NAME, USER], "scope[user]"),
        row(no_user, DELETE, &[NAME, USER], "scope[user]"),
        row(no_user, SET, &[USER, ("list", "")], "scope[user]"),
    ]
}

fn wrong_scopes(caller: &Caller) -> Vec<Row> {
    let row = |row, path, params: Params<'_>, param, message: &str| {
        caller.row(row, path, params, (None, Some(param)), message)
    };
    let object = "`scope=account`, not an object";
    let word = "`scope[type]` has another value";
    let both = "`account` with `scope[user]`";
    let both_text = "A secret in the account's scope belongs to no user: leave scope[user] out, or \
                     set scope[type] to 'user'.";
    let user = ("scope[user]", "usr_1");
    vec![
        row(object, SET, &[NAME, PAYLOAD, ("scope", "account")], "scope", "Invalid object"),
        row(object, FIND, &[NAME, ("scope", "account")], "scope", "Invalid object"),
        row(object, SET, &[("scope", "account"), ("list", "")], "scope", "Invalid object"),
        row(object, DELETE, &[NAME, ("scope[]", "account")], "scope", "Invalid object"),
        row(word, SET, &[NAME, PAYLOAD, ("scope[type]", "team")], "scope[type]", CHOICE),
        row(word, FIND, &[NAME, ("scope[type]", "Account")], "scope[type]", CHOICE),
        row(both, SET, &[NAME, PAYLOAD, ACCOUNT, user], "scope[user]", both_text),
        row(both, FIND, &[NAME, ACCOUNT, user], "scope[user]", both_text),
    ]
}

fn wrong_values(caller: &Caller) -> Vec<Row> {
    let row = |row, path, params: Params<'_>, code, param, message: &str| {
        caller.row(row, path, params, (code, Some(param)), message)
    };
    let is_empty = |name, path, params: Params<'_>, param| {
        row(name, path, params, Some("parameter_invalid_empty"), param, &empty(param))
    };
    let expiry = |name, expires_at: &str, code, message: &str| {
        let params = [NAME, PAYLOAD, ACCOUNT, ("expires_at", expires_at)];
        row(name, SET, &params, code, "expires_at", message)
    };
    let long = format!("abcd{}wxyz", "-".repeat(4993));
    let long_text = "Invalid string: abcd...wxyz; must be at most 5000 characters";
    let long_payload =
        "Invalid string: the value has 5001 characters; must be at most 5000 characters";
    let integer = Some("parameter_invalid_integer");
    let now = caller.server.clock.now().unix();
    let century = (now + 3_155_760_001).to_string();
    let past_text = format!("The expiry must lie in the future; it is {now} now, in Unix seconds.");
    let far_text = "The expiry may not lie more than 100 years ahead. It is a time in Unix \
                    seconds, not in milliseconds.";
    let blanks = "`name`, `scope[type]`, `scope[user]`, `expires_at` empty";
    let no_payload = [NAME, ("payload", ""), ACCOUNT];
    let above = "`name` or `payload` above 5000";
    let unknown = Some("parameter_unknown");
    for number in 0..10 {
        let user = [USER, ("scope[user]", "full"), PAYLOAD];
        let name = number.to_string();
        let params: Vec<_> = [("name", name.as_str())].into_iter().chain(user).collect();
        caller.client.post(SET, &params).ok();
    }
    let full = [NAME, PAYLOAD, USER, ("scope[user]", "full")];
    let full_text = "This scope already holds 10 secrets, which is as many as it may. Delete \
                     one before you add another.";
    vec![
        is_empty("`payload=`, empty", SET, &no_payload, "payload"),
        is_empty("`payload` null from Node: `payload=`", SET, &no_payload, "payload"),
        is_empty(blanks, SET, &[("name", ""), PAYLOAD, ACCOUNT], "name"),
        is_empty(blanks, FIND, &[NAME, ("scope[type]", "")], "scope[type]"),
        is_empty(blanks, DELETE, &[NAME, USER, ("scope[user]", "")], "scope[user]"),
        // Node sends `user: null` and `expires_at: null` so.
        is_empty(blanks, FIND, &[NAME, ACCOUNT, ("scope[user]", "")], "scope[user]"),
        is_empty(blanks, SET, &[NAME, PAYLOAD, ACCOUNT, ("expires_at", "")], "expires_at"),
        row(above, FIND, &[("name", &long), ACCOUNT], None, "name", long_text),
        // Of a payload, which is a secret, the message shows nothing.
        row(above, SET, &[NAME, ("payload", &long), ACCOUNT], None, "payload", long_payload),
        caller.row("an 11th secret in the scope", SET, &full, (None, None), full_text),
        expiry("`expires_at` is no integer", "soon", integer, "Invalid integer: soon"),
        expiry("`expires_at` is no integer", "1.5e9", integer, "Invalid integer: 1.5e9"),
        expiry("`expires_at` lies in the past", &now.to_string(), None, &past_text),
        expiry("`expires_at` over 100 years away", &century, None, far_text),
        row(
            "unknown parameter",
            SET,
            &[NAME, ACCOUNT, ("foo", "1")],
            unknown,
            "foo",
            "Received unknown parameter: foo",
        ),
    ]
}

fn expansions_and_cursors(caller: &Caller) -> Vec<Row> {
    let nonsense = "This property cannot be expanded (nonsense).";
    let hint = "This property cannot be expanded (payload). On a list, write 'data.payload'.";
    let both = "'starting_after' and 'ending_before' are mutually exclusive: send one of them.";
    let row = |row, path, params: Params<'_>, code, param, message: &str| {
        caller.row(row, path, params, (code, param), message)
    };
    let list = ("list", "");
    let cursor = |cursor: &'static str| {
        let params = [ACCOUNT, (cursor, "appsecret_1"), list];
        let message = "No such secret: 'appsecret_1'";
        row("unknown cursor", SET, &params, Some("resource_missing"), Some(cursor), message)
    };
    let cursors = [ACCOUNT, ("starting_after", "a"), ("ending_before", "b"), list];
    let expand = ("expand[]", "nonsense");
    let name = "`expand[]=nonsense`";
    vec![
        row(name, SET, &[NAME, PAYLOAD, ACCOUNT, expand], None, None, nonsense),
        row(name, FIND, &[NAME, ACCOUNT, expand], None, None, nonsense),
        row(name, DELETE, &[NAME, ACCOUNT, expand], None, None, nonsense),
        row(name, SET, &[ACCOUNT, expand, list], None, None, nonsense),
        row(
            "list: `expand[]=payload`",
            SET,
            &[ACCOUNT, ("expand[]", "payload"), list],
            None,
            None,
            hint,
        ),
        cursor("starting_after"),
        cursor("ending_before"),
        row("both cursors", SET, &cursors, None, None, both),
    ]
}

fn keys_and_accounts(caller: &Caller) -> Vec<Row> {
    let Caller { server, app, client } = caller;
    let asked: (&str, Params<'_>) = (FIND, &[NAME, ACCOUNT]);
    let how = "No API key was sent. Send it in the Authorization header: 'Bearer <key>', or HTTP \
               Basic with the key as the user name and an empty password.";
    let row = |row, client: &Client, error: (u16, Option<&'static str>), message: &str| {
        let (status, code) = error;
        caller.row_of(row, client, asked, (status, INVALID, code, None), message)
    };
    let wrong = client.with_key("sk_test_coffer_thisisnotthekey1234");
    let wrong_text = format!("Invalid API Key provided: sk_test_{}1234", "*".repeat(22));
    let publishable = client.with_key("pk_test_coffer_1234567890");
    let publishable_text = "A publishable key cannot be used here. Use a secret or a restricted \
                            key, and keep it on your server.";
    let account_text = |account: &str| {
        format!(
            "The API key {} has no access to the account '{account}', or there is no such \
             account. The app may have been uninstalled there.",
            masked(client.key())
        )
    };
    let stranger = server.account();
    let invalid = (403, Some("account_invalid"));
    let account = "`Stripe-Account` unknown or not installed";
    let mut tested = vec![
        row("no key", &server.anonymous(), (401, None), how),
        row("wrong key", &wrong, (401, None), &wrong_text),
        row("publishable key", &publishable, (403, Some("secret_key_required")), publishable_text),
        row(account, &client.for_account("acct_1"), invalid, &account_text("acct_1")),
        row(account, &client.for_account(&stranger), invalid, &account_text(&stranger)),
    ];
    let reader = server.restricted(app, &["secret_read"]);
    let denied = format!(
        "The API key {} may not do this on the account '{}': it lacks the permission \
         'secret_write'. Give it that permission, or use a key that has it.",
        masked(reader.key()),
        app.account
    );
    tested.push(caller.row_of(
        "key without `secret_write`",
        &reader,
        (SET, &[NAME, PAYLOAD, ACCOUNT]),
        (403, INVALID, None, None),
        &denied,
    ));
    let made = client.post("/v1/ephemeral_keys", &[("user", "usr_1")]).text("secret");
    tested.push(caller.row_of(
        "another user's scope",
        &client.with_key(&made),
        (FIND, &[NAME, USER, ("scope[user]", "usr_2")]),
        (403, INVALID, None, Some("scope[user]")),
        "This ephemeral key belongs to one user and cannot reach another user's scope.",
    ));
    tested
}

fn too_many(caller: &Caller) -> Row {
    let app = caller.server.app();
    let path = format!("/v1/admin/apps/{}", app.id);
    caller.server.admin().post(&path, &[("requests_per_second", "1")]).ok();
    let client = app.client();
    let asked: (&str, Params<'_>) = (FIND, &[NAME, ACCOUNT]);
    let refused = (0..10_000).map(|_| Caller::send(&client, asked.0, asked.1));
    let (asked, answer) = refused.into_iter().find(|(_, answer)| answer.status != 404).unwrap();
    let error = (429, INVALID, Some("rate_limit"), None);
    let message = "There were too many requests of this app or key within a second. Send this one \
                   again in a moment, and later ones more slowly.";
    Row { row: "rate limit", asked, answer, error, message: message.to_owned() }
}

/// A key of 53 characters as a message shows it.
fn masked(key: &str) -> String {
    assert_eq!(key.len(), 53);
    format!("{}{}{}", &key[..8], "*".repeat(41), &key[49..])
}

/// The columns of the table in secret store §1.1: what a call does not take, it does not know.
#[test]
fn each_call_knows_its_own_parameters_only() {
    let caller = Caller::new();
    let client = &caller.client;
    let value = |name| match name {
        "name" => (name, "n"),
        "payload" => (name, "p"),
        _ => (name, "1900000000"),
    };
    let all = ["name", "payload", "expires_at", "limit", "starting_after", "ending_before"];
    for (path, method, needed, optional) in [
        (SET, "POST", &["name", "payload"][..], &["expires_at"][..]),
        (SET, "GET", &[], &["limit", "starting_after", "ending_before"]),
        (FIND, "GET", &["name"], &[]),
        (DELETE, "POST", &["name"], &[]),
    ] {
        let own = |name: &&str| needed.contains(name) || optional.contains(name);
        for foreign in all.into_iter().filter(|name| !own(name)) {
            let mut params = vec![ACCOUNT];
            params.extend(needed.iter().copied().chain([foreign]).map(value));
            let answer = if method == "GET" {
                client.get(path, &params)
            } else {
                client.post(path, &params)
            };
            let error = answer.refused(400);
            assert_eq!(error["code"], "parameter_unknown", "{method} {path} {foreign}");
            assert_eq!(error["param"], foreign, "{method} {path}");
        }
    }
}
