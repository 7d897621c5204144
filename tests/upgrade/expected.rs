//! What a kept store holds: questions, and what they were answered when the store was made.

use coffer::family_set::FamilySet;
use coffer_audit::checkpoint::VerifierKey;
use coffer_audit::{Expected as ExpectedLog, Report, SIGNING_PURPOSE};
use coffer_base::{Clock, Timestamp};
use coffer_testkit::{Answer, Client, TestServer};
use serde_json::{Value, json};

/// The version of the API in which all questions are asked: it is kept for good.
const VERSION: &str = "2026-10-28.preview";

/// Letters at the beginning of a key that are written apart from the others, so that nobody's
/// scanner takes the key of a test for one that was lost.
const KEY_HEAD: usize = 8;

/// What is written beside a store.
pub struct Expected(pub Value);

/// A text that must be there.
#[track_caller]
pub fn text(of: &Value) -> &str {
    of.as_str().unwrap_or_else(|| panic!("no text: {of}"))
}

impl Expected {
    /// A file that nothing was written to.
    pub fn new() -> Self {
        Self(json!({ "callers": {}, "reads": [], "repeats": [] }))
    }

    /// The file, with a line for each question.
    pub fn text(&self) -> String {
        self.0.to_string().replace("{\"caller\":", "\n{\"caller\":") + "\n"
    }

    /// When the store was left.
    pub fn made(&self) -> Timestamp {
        Timestamp::from_unix(self.0["made"].as_i64().unwrap())
    }

    /// Keeps a key, and the account that it is used for.
    pub fn caller(&mut self, name: &str, client: &Client, account: Option<&str>) {
        let (head, rest) = client.key().split_at(KEY_HEAD);
        self.0["callers"][name] = json!({ "key": [head, rest], "account": account });
    }

    /// Somebody who was kept, or the operator, whose key each server makes anew.
    pub fn client(&self, server: &TestServer, name: &str) -> Client {
        let caller = &self.0["callers"][name];
        let client = if name == "operator" {
            server.admin()
        } else {
            let key = [text(&caller["key"][0]), text(&caller["key"][1])].concat();
            server.anonymous().with_key(&key)
        };
        let client = client.with_header("Stripe-Version", VERSION);
        match caller["account"].as_str() {
            Some(account) => client.for_account(account),
            None => client,
        }
    }

    /// Asks, and keeps the question with its answer. From the time `until` on there is nothing:
    /// 404, or an empty page.
    pub fn read(&mut self, server: &TestServer, name: &str, path: &str, until: Option<i64>) {
        let answer = self.client(server, name).get(path, &[]);
        let mut kept = answer.json();
        if answer.status == 200 {
            // What the server that was asked has counted in memory is not the store's.
            kept.as_object_mut().unwrap().remove("usage");
        } else {
            // Sentences may become better.
            let error = answer.refused(answer.status);
            kept = json!({ "error": { "type": error["type"], "code": error.get("code") } });
        }
        let read = json!({
            "caller": name, "get": path, "until": until, "status": answer.status, "answer": kept,
        });
        self.0["reads"].as_array_mut().unwrap().push(read);
    }

    /// Sends a change, and keeps it with its answer: sent again, it is answered the same.
    pub fn repeat(&mut self, server: &TestServer, name: &str, path: &str, form: &str) {
        let answer = self.client(server, name).idempotent("kept").raw("POST", path, Some(form));
        answer.ok();
        let repeat = json!({ "caller": name, "post": path, "form": form, "answer": answer.json() });
        self.0["repeats"].as_array_mut().unwrap().push(repeat);
    }

    /// Keeps what else there is, and when the store is left.
    pub fn finish(&mut self, server: &TestServer) {
        let installation = server.server().installation();
        server.flush_audit();
        server.block_on(installation.audit.catch_up()).unwrap();
        let head = server.block_on(coffer_audit::head(&installation.stores.data)).unwrap();
        let head = head.unwrap();
        self.0["made"] = server.clock.now().unix().into();
        self.0["audit"] = json!({ "entries": head.size, "checkpoint": head.note });
        self.0["sealed"] = sealed(server);
        self.0["books"] = books(server);
    }

    /// Asks everything again, soon after the store was left or whenever it is now.
    #[track_caller]
    pub fn is_answered_by(&self, server: &TestServer) {
        let now = server.clock.now().unix();
        for read in self.0["reads"].as_array().unwrap() {
            let (caller, path) = (text(&read["caller"]), text(&read["get"]));
            let answer = self.client(server, caller).get(path, &[]);
            let place = format!("{caller}: GET {path}");
            if read["until"].as_i64().is_some_and(|until| now >= until) {
                let gone = answer.status == 404 || answer.ok()["data"] == json!([]);
                assert!(gone, "{place}: {}", answer.body);
                continue;
            }
            assert_eq!(read["status"], answer.status, "{place}: {}", answer.body);
            assert_holds(&read["answer"], &answer.json(), &place);
        }
    }

    /// Sends the changes again whose answers are kept for a day.
    #[track_caller]
    pub fn is_repeated_by(&self, server: &TestServer) {
        for repeat in self.0["repeats"].as_array().unwrap() {
            let client = self.client(server, text(&repeat["caller"])).idempotent("kept");
            let answer: Answer =
                client.raw("POST", text(&repeat["post"]), Some(text(&repeat["form"])));
            assert_eq!(answer.ok(), repeat["answer"]);
            assert_eq!(answer.header("idempotent-replayed"), Some("true"));
        }
    }

    /// Opens every sealed value, and verifies the books and the audit's log, which must go on from
    /// the checkpoint that was kept.
    #[track_caller]
    pub fn is_verified_by(&self, server: &TestServer) {
        assert_holds(&self.0["sealed"], &sealed(server), "what opens");
        assert_holds(&self.0["books"], &books(server), "the books");
        verify_log(server, text(&self.0["audit"]["checkpoint"]));
    }
}

/// How much opens of what is sealed.
fn sealed(server: &TestServer) -> Value {
    let installation = server.server().installation();
    let families = FamilySet::default();
    let opened = families.open_all(&installation.stores.data, &installation.context.keyring);
    counts(server.block_on(opened).unwrap())
}

fn counts(named: Vec<(&'static str, u64)>) -> Value {
    let fields = named.into_iter().map(|(name, count)| (name.to_owned(), count.into()));
    Value::Object(fields.collect())
}

/// What the books count, as `coffer ledger verify` does.
pub fn books(server: &TestServer) -> Value {
    let store = &server.server().installation().stores.data;
    let findings = server.block_on(FamilySet::default().verify(store)).unwrap();
    assert!(findings.differences.is_empty(), "{:#?}", findings.differences);
    assert_eq!(findings.unverified, [""; 0]);
    counts(findings.counts)
}

/// Verifies the log, as `coffer audit verify` does, against a checkpoint of before.
pub fn verify_log(server: &TestServer, checkpoint: &str) {
    let installation = server.server().installation();
    server.flush_audit();
    server.block_on(installation.audit.catch_up()).unwrap();
    let signing = server.block_on(installation.context.keyring.signing_key(SIGNING_PURPOSE));
    let key = VerifierKey::of(&installation.store_id, &signing.unwrap()).unwrap();
    let anchors = vec![("kept".to_owned(), checkpoint.to_owned())];
    let expected = ExpectedLog::new(key, anchors);
    let store = &installation.stores.data;
    let report: Report =
        server.block_on(coffer_audit::verify(store, &expected, |_, _| ())).unwrap();
    let problems: Vec<_> = report.problems.iter().map(ToString::to_string).collect();
    assert_eq!((problems, report.anchors), (Vec::new(), 1));
}

/// Asserts that `today` has all that `then` has: objects may have got more fields.
#[track_caller]
pub fn assert_holds(then: &Value, today: &Value, place: &str) {
    if let Some(difference) = difference(then, today) {
        panic!("{place}{difference}\nthen:  {then}\ntoday: {today}");
    }
}

/// Where `today` lacks something that `then` has.
fn difference(then: &Value, today: &Value) -> Option<String> {
    match (then, today) {
        (Value::Object(then), Value::Object(today)) => then.iter().find_map(|(name, value)| {
            let other = today.get(name).unwrap_or(&Value::Null);
            difference(value, other).map(|rest| format!(".{name}{rest}"))
        }),
        (Value::Array(then), Value::Array(today)) if then.len() == today.len() => {
            let mut pairs = then.iter().zip(today).enumerate();
            pairs.find_map(|(at, (then, today))| {
                difference(then, today).map(|rest| format!("[{at}]{rest}"))
            })
        }
        _ => (then != today).then(|| format!(": {then} became {today}")),
    }
}

#[test]
fn fields_may_be_added_and_nothing_else_may_differ() {
    let then = json!({ "a": [1, { "b": "c" }], "d": null });
    let more = json!({ "a": [1, { "b": "c", "new": 1 }], "d": null, "new": [] });
    assert_eq!(difference(&then, &more), None);
    let found = |today: Value| difference(&then, &today).unwrap();
    assert_eq!(found(json!({ "a": [1, { "b": "x" }] })), ".a[1].b: \"c\" became \"x\"");
    assert!(found(json!({ "a": [1], "d": null })).starts_with(".a: "));
    assert!(found(json!({ "a": [1, { "b": "c" }], "d": 1 })).starts_with(".d: "));
    assert!(found(json!({})).starts_with(".a: "));
}
