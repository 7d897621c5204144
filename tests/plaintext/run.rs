//! Everything that a server can be asked, well or badly, with secrets that are known.

use crate::haystack::Haystack;
use crate::marker::Marker;
use coffer_testkit::{Answer, Client, encode};

const SECRETS: &str = "/v1/apps/secrets";

/// A run, and the secrets that it used.
pub struct Run {
    anonymous: Client,
    admin: Client,
    app: Client,
    pub secrets: Vec<Marker>,
}

impl Run {
    pub fn new(anonymous: Client, admin_key: &str) -> Self {
        let admin = anonymous.with_key(admin_key);
        let account = admin.post("/v1/admin/accounts", &[]).text("id");
        let params = [("account", account.as_str()), ("name", "app"), ("secrets_per_scope", "500")];
        let app_id = admin.post("/v1/admin/apps", &params).text("id");
        let of_key = [("app", app_id.as_str()), ("mode", "live")];
        let key = admin.idempotent("a key").post("/v1/admin/api_keys", &of_key).text("key");
        // The token is shown once, so its stored response must not hold it.
        admin.idempotent("a key").post("/v1/admin/api_keys", &of_key).refused(400);
        let secrets = vec![Marker::token("admin key", admin_key), Marker::token("API key", &key)];
        Self { app: admin.with_key(&key), admin, anonymous, secrets }
    }

    /// The app's key.
    pub fn app_key(&self) -> &str {
        self.app.key()
    }

    /// A payload that is looked for from now on.
    pub fn new_payload(&mut self, label: &str) -> String {
        let marker = Marker::payload(label);
        let text = marker.text();
        self.secrets.push(marker);
        text
    }

    pub fn everything(&mut self) {
        self.well();
        self.tokens();
        self.badly();
    }

    /// What an app does all day.
    fn well(&mut self) {
        for at in 0..30 {
            let name = format!("secret {at}");
            let payload = self.new_payload(&name);
            let params = [
                ("name", name.as_str()),
                ("payload", &payload),
                ("scope[type]", "user"),
                ("scope[user]", "user"),
                ("expand[]", "payload"),
            ];
            let client = self.app.idempotent(&name);
            let first = client.post(SECRETS, &params);
            assert_eq!(first.ok()["payload"], payload.as_str());
            assert_eq!(client.post(SECRETS, &params).body, first.body);
            let replaced = self.new_payload("replaced");
            self.app.set(&name, &replaced).ok();
            let last = self.new_payload("last");
            self.app.set(&name, &last).ok();
            assert_eq!(self.app.find(&name).ok()["payload"], last.as_str());
            if at % 3 == 0 {
                self.app.remove(&name).ok();
            }
        }
        let params = [("scope[type]", "account"), ("expand[]", "data.payload"), ("limit", "100")];
        self.app.get(SECRETS, &params).ok();
    }

    /// Keys for one user, and keys that are revoked.
    fn tokens(&mut self) {
        let made = self.app.idempotent("an ephemeral key");
        let answer = made.post("/v1/ephemeral_keys", &[("user", "user")]);
        answer.ok();
        let token = token_of(&answer);
        self.secrets.push(Marker::token("ephemeral token", &token));
        made.post("/v1/ephemeral_keys", &[("user", "user")]).refused(400);
        let mut params = vec![("name", "own"), ("scope[type]", "user"), ("scope[user]", "user")];
        let payload = self.new_payload("by an ephemeral key");
        params.push(("payload", &payload));
        let user = self.app.with_key(&token);
        user.post(SECRETS, &params).ok();
        self.judge(user.set("name", &payload));
        self.judge(user.get("/v1/admin/accounts", &[]));
        let id = answer.text("id");
        self.app.delete(&format!("/v1/ephemeral_keys/{id}"), &[]).ok();
        self.judge(user.post(SECRETS, &params));
        // Tokens where none belong, whole and spoiled.
        for key in [format!("{token}x"), format!(" {token}"), format!("Bearer {token}")] {
            self.judge(self.app.with_key(&key).list());
        }
        for scheme in ["Basic ", "Digest ", ""] {
            let header = format!("{scheme}{token}");
            self.judge(self.anonymous.with_header("Authorization", &header).list());
        }
        self.judge(self.admin.set("name", &payload));
        self.judge(self.app.get("/v1/admin/accounts", &[]));
    }

    /// An answer that must be a refusal, and must not repeat any secret.
    #[track_caller]
    fn judge(&self, answer: Answer) {
        assert!(answer.status >= 400, "{} {}", answer.status, answer.body);
        let found = Haystack::new(&self.secrets).look_in("a refusal", answer.body.as_bytes());
        assert!(found.is_empty(), "{found:#?} in {}", answer.body);
    }

    /// Requests that are wrong in one way each, with a payload in them.
    fn badly(&mut self) {
        let payload = self.new_payload("in a bad request");
        let form = encode(&[("payload", &payload)]).split_off("payload=".len());
        let place = "name=bad&scope[type]=account";
        let long = encode(&[("payload", &payload.repeat(120))]);
        let bodies = [
            format!("{place}&{long}"),
            format!("{place}&payload[value]={form}"),
            format!("{place}&payload[]={form}"),
            format!("{place}&payload={form}&payload={form}&payload[a]={form}"),
            format!("{place}&payload={form}%00"),
            format!("{place}&payload={form}%FF"),
            format!("{place}&payload={form}%ZZ"),
            format!("{place}&value={form}"),
            format!("{place}&payload={form}&secret={form}"),
            format!("{place}&payload={form}&metadata[a][b][c][d][e]={form}"),
            format!("{place}&payload={form}&expires_at=1"),
            format!("payload={form}"),
            format!("name=bad&payload={form}&scope[type]=account&scope[user]=user"),
            format!("name=bad&payload={form}&scope=account"),
            format!("name=bad&payload={form}&scope[type]={form}"),
            format!("{place}&payload={form}{}", "&a=1".repeat(70)),
            format!("{place}&payload={form}&filler={}", "x".repeat(300_000)),
        ];
        for body in &bodies {
            // Whoever sends too much may find the connection closed before the answer is read.
            if let Ok(answer) = self.app.attempt("POST", SECRETS, Some(body)) {
                self.judge(answer);
            }
            if body.len() < 60_000 {
                // As some old clients write, in the query.
                self.judge(self.app.raw("GET", &format!("{SECRETS}?{body}"), None));
                self.judge(self.app.raw("GET", &format!("{SECRETS}/find?{body}"), None));
                self.judge(self.app.raw("POST", &format!("{SECRETS}/delete?{body}"), None));
                self.judge(self.app.raw("POST", &format!("/v1/unknown?{body}"), None));
            }
        }
        let json = self.app.with_header("Content-Type", "application/json");
        let text = serde_json::json!({ "name": "bad", "payload": payload }).to_string();
        self.judge(json.raw("POST", SECRETS, Some(&text)));
        let anonymous = self.app.with_key("sk_live_unknown");
        self.judge(anonymous.set("name", &payload));
        self.judge(self.app.for_account("acct_unknown").set("name", &payload));
        self.judge(self.app.with_header("Stripe-Version", "bad").set("name", &payload));

        let client = self.app.idempotent("mismatch");
        client.set("bad", &payload).ok();
        let other = self.new_payload("mismatch");
        self.judge(client.set("bad", &other));
        self.app.remove("bad").ok();
        self.only_logged();
    }

    /// Secrets where a caller's own words are repeated to it: they must not be logged.
    fn only_logged(&mut self) {
        let payload = self.new_payload("in the wrong place");
        let form = encode(&[("payload", &payload)]).split_off("payload=".len());
        let place = "name=bad&scope[type]=account";
        let bodies = [
            format!("{place}&payload=x&expires_at={form}"),
            format!("{place}&payload=x&expand[]={form}"),
            format!("{place}&payload=x&{form}=1"),
            format!("{place}&payload=x&scope[{form}]=1"),
            format!("{form}={form}"),
            form.clone(),
        ];
        for body in &bodies {
            let answer = self.app.raw("POST", SECRETS, Some(body));
            assert_eq!(answer.status, 400, "{}", answer.body);
            self.app.raw("GET", &format!("{SECRETS}?{body}"), None);
        }
        let key = self.app_key().to_owned();
        self.app.for_account(&key).list().refused(403);
        self.app.idempotent(&key).raw("POST", SECRETS, Some("")).refused(400);
    }

    /// While every look at the clock panics.
    pub fn panicking(&mut self) {
        let payload = self.new_payload("while it panics");
        let answer = self.app.set("name", &payload);
        assert_eq!(answer.status, 500);
        self.judge(answer);
        self.judge(self.app.find("name"));
    }
}

fn token_of(answer: &Answer) -> String {
    let json = answer.json();
    let secret = json.get("secret").or(json.get("key")).and_then(|token| token.as_str());
    secret.unwrap_or_else(|| panic!("no token in {}", answer.body)).to_owned()
}
