//! A server, and somebody who can write to its database.

use coffer_identity::RowFindings;
use coffer_storage::Value;
use coffer_testkit::{Answer, App, Client, TestServer, is_postgres};

/// The tables under a MAC, with their columns: `?` after a name says that it may be null.
pub(super) const TABLES: [(&str, &str); 8] = [
    ("account", "id seq name created mac"),
    ("app", "id seq account name quotas manifest self_install embedders created version mac"),
    ("install", "app account id seq created mac"),
    ("install_mode", "app account mode id seq state created created_by? granted version mac"),
    (
        "api_key",
        "hash id seq kind mode? app? account? user_id? account_access? permissions? parent? name \
         redacted created expires_at? role? networks? uses? revoked_at? last_used? successor? mac",
    ),
    ("erasure", "app account created request seq mac"),
    ("tenant_generation", "app account generation mac"),
    ("pending_revocation", "subject floor expires_at? mac"),
];

/// The columns that hold numbers.
const NUMBERS: [&str; 10] = [
    "seq",
    "created",
    "version",
    "self_install",
    "mode",
    "expires_at",
    "revoked_at",
    "last_used",
    "floor",
    "uses",
];

pub(super) fn columns(table: &str) -> Vec<(&'static str, bool)> {
    let (_, columns) = TABLES.into_iter().find(|(name, _)| *name == table).unwrap();
    let named = columns.split_whitespace();
    named.map(|name| (name.trim_end_matches('?'), name.ends_with('?'))).collect()
}

/// A server, and somebody who can write to its database.
pub(super) struct Hands {
    pub(super) server: TestServer,
    scrap: (App, String),
}

/// A row as it was.
pub(super) struct Copy {
    pub(super) table: &'static str,
    pub(super) key: &'static str,
    pub(super) id: Value,
    pub(super) values: Vec<Value>,
}

impl Copy {
    /// The id of an install, of which this must be a copy.
    pub(super) fn id_of_install(&self) -> String {
        match &self.values[2] {
            Value::Text(id) => id.clone(),
            other => panic!("an install's id is {other:?}"),
        }
    }
}

impl Hands {
    pub(super) fn new() -> Self {
        let server = TestServer::builder().without_background_jobs().start();
        let (app, account) = (server.app(), server.account());
        Self { server, scrap: (app, account) }
    }

    /// The columns that a table has, by the database itself.
    pub(super) fn columns_of_schema(&self, table: &str) -> Vec<String> {
        let sql = if is_postgres() {
            "SELECT CAST(column_name AS text) FROM information_schema.columns \
             WHERE table_schema = 'public' AND table_name = ? ORDER BY ordinal_position"
        } else {
            "SELECT name FROM pragma_table_info(?) ORDER BY cid"
        };
        let rows = self.server.query(sql, &[Value::from(table)]);
        rows.iter().map(|row| row.text(0).unwrap().to_owned()).collect()
    }

    /// Adds a row as it is, in place of none.
    pub(super) fn insert(&self, table: &str, values: &[Value]) {
        let names: Vec<&str> = columns(table).into_iter().map(|(name, _)| name).collect();
        let marks = vec!["?"; names.len()].join(", ");
        let insert = format!("INSERT INTO {table} ({}) VALUES ({marks})", names.join(", "));
        self.execute(&insert, values);
    }

    /// Lets the server read everything from the database again: an operator's change does.
    pub(super) fn refresh(&self) {
        self.server.install(&self.scrap.0, &self.scrap.1);
    }

    pub(super) fn execute(&self, sql: &str, params: &[Value]) {
        assert_eq!(self.server.execute(sql, params).unwrap(), 1, "{sql}");
    }

    /// The row of `table` whose column `key` is `id`.
    pub(super) fn copy(&self, table: &'static str, key: &'static str, id: &str) -> Copy {
        let names: Vec<&str> = columns(table).into_iter().map(|(name, _)| name).collect();
        let sql = format!("SELECT {} FROM {table} WHERE {key} = ?", names.join(", "));
        let mut rows = self.server.query(&sql, &[Value::from(id)]);
        assert_eq!(rows.len(), 1, "{table} {id}");
        let values = rows.remove(0).into_values();
        Copy { table, key, id: Value::from(id), values }
    }

    /// The row by which an account's install lets test keys in, of which it is the only one from
    /// now on: the one for live keys goes.
    pub(super) fn copy_install(&self, account: &str) -> Copy {
        let sql = "DELETE FROM install_mode WHERE account = ? AND mode = 1";
        self.execute(sql, &[Value::from(account)]);
        self.copy("install_mode", "account", account)
    }

    /// Puts a row back as it was, in place of what is there now.
    pub(super) fn put_back(&self, copy: &Copy) {
        let Copy { table, key, id, values } = copy;
        let delete = format!("DELETE FROM {table} WHERE {key} = ?");
        self.server.execute(&delete, std::slice::from_ref(id)).unwrap();
        self.insert(table, values);
        self.refresh();
    }

    /// Every way in which the test changes one column of a row, each put right afterwards: calls
    /// `then` with the column's name.
    pub(super) fn change_each(&self, copy: &Copy, then: impl Fn(&str)) {
        for (at, (name, nullable)) in columns(copy.table).into_iter().enumerate() {
            for changed in changes(name, nullable, &copy.values[at]) {
                let sql = format!("UPDATE {} SET {name} = ? WHERE {} = ?", copy.table, copy.key);
                let by_other = name == copy.key;
                self.execute(&sql, &[changed.clone(), copy.id.clone()]);
                self.refresh();
                then(name);
                let id = if by_other { changed } else { copy.id.clone() };
                self.execute(&sql, &[copy.values[at].clone(), id]);
            }
        }
        self.refresh();
    }

    pub(super) fn findings(&self) -> RowFindings {
        let installation = self.server.server().installation();
        let data = &installation.stores.data;
        let keyring = &installation.context.keyring;
        self.server.block_on(coffer_identity::verify_rows(data, keyring)).unwrap()
    }

    #[track_caller]
    pub(super) fn is_clean(&self) {
        let RowFindings { checked, forged, outdated } = self.findings();
        assert!(checked > 0 && forged.is_empty() && outdated.is_empty(), "{forged:?} {outdated:?}");
    }

    #[track_caller]
    pub(super) fn is_forged(&self, table: &str) {
        let (forged, name) = (self.findings().forged, format!("{table} "));
        assert!(forged.iter().any(|row| row.starts_with(&name)), "{table}: {forged:?}");
    }

    #[track_caller]
    pub(super) fn is_outdated(&self, table: &str) {
        let (outdated, name) = (self.findings().outdated, format!("{table} "));
        assert!(outdated.iter().any(|row| row.starts_with(&name)), "{table}: {outdated:?}");
    }
}

/// Other values of a column that holds `value`.
pub(super) fn changes(name: &str, nullable: bool, value: &Value) -> Vec<Value> {
    let other = match value {
        Value::Int(number) => Value::Int(number + 1),
        Value::Text(text) => Value::Text(format!("{text}x")),
        Value::Blob(bytes) => {
            let mut bytes = bytes.clone();
            bytes[0] ^= 1;
            Value::Blob(bytes)
        }
        Value::Null if NUMBERS.contains(&name) => Value::Int(1),
        Value::Null => Value::Text("acct_x".to_owned()),
    };
    let null = nullable && *value != Value::Null;
    std::iter::once(other).chain(null.then_some(Value::Null)).collect()
}

/// Refused, as somebody whom the server does not know, or does not let in.
#[track_caller]
pub(super) fn is_shut_out(answer: &Answer, what: &str) {
    assert!([401, 403].contains(&answer.status), "{what}: {} {}", answer.status, answer.body);
    assert!(!answer.body.contains("the value"), "{what}: {}", answer.body);
}

pub(super) fn with_secret(client: &Client) {
    client.set("token", "the value").ok();
}

pub(super) fn ephemeral(client: &Client) -> (String, Client) {
    let made = client.post("/v1/ephemeral_keys", &[("user", "usr_1"), ("account_access", "write")]);
    made.ok();
    (made.text("id"), client.with_key(&made.text("secret")))
}

pub(super) fn key_id(hands: &Hands, client: &Client) -> String {
    let hash = coffer_crypto::TokenHash::of(client.key());
    let sql = "SELECT id FROM api_key WHERE hash = ?";
    hands.server.query(sql, &[Value::from(hash.as_bytes())])[0].text(0).unwrap().to_owned()
}

/// A token as the server makes them: it is looked for, unlike what is made up.
pub(super) fn token(prefix: &str) -> String {
    coffer_crypto::new_token(prefix, &coffer_crypto::SystemRandom).expose().clone()
}
