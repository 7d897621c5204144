//! Plays steps against a server and the reference, and tells the first difference.

use crate::compare::{granted, replayed, same, same_refusal};
use crate::reference::{Ephemeral, Install, Key, Let, Reference, Refusal, Row, StoredResponse};
use crate::step::{Caller, Cursor, MODES, Scope, Shows, Step, USERS, Write, Writing};
use coffer_base::{Clock, Timestamp};
use coffer_storage::Faults;
use coffer_testkit::{Answer, Client, TestServer, home};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A difference between the server and the reference.
pub type Compared = Result<(), String>;

/// A server and what it should hold.
pub struct Driver {
    directory: tempfile::TempDir,
    faults: Faults,
    server: Option<TestServer>,
    anyone: Client,
    admin: Client,
    apps: Vec<String>,
    accounts: Vec<String>,
    readers: Vec<String>,
    reference: Reference,
    /// All ids of secrets that were ever told.
    ids: BTreeSet<String>,
    last: Option<Writing>,
    /// What was asked, and how it was answered: how often.
    pub outcomes: BTreeMap<String, usize>,
}

fn start(directory: &Path, faults: &Faults, now: Option<i64>) -> TestServer {
    let mut builder = TestServer::builder()
        .data_dir(&directory.join("data"))
        .faults(faults.clone())
        .without_background_jobs();
    if let Some(now) = now {
        builder = builder.starts_at(Timestamp::from_unix(now));
    }
    builder.start()
}

impl Driver {
    /// Two apps, four accounts, and three installs.
    pub fn new(faults: Faults) -> Self {
        let directory = home();
        let server = start(directory.path(), &faults, None);
        let (anyone, admin) = (server.anonymous(), server.admin());
        let reference = Reference { now: server.clock.now().unix(), ..Reference::default() };
        let accounts = (0..4).map(|_| admin.post("/v1/admin/accounts", &[]).text("id")).collect();
        let mut driver = Self {
            directory,
            faults,
            server: Some(server),
            anyone,
            admin,
            apps: Vec::new(),
            accounts,
            readers: Vec::new(),
            reference,
            ids: BTreeSet::new(),
            last: None,
            outcomes: BTreeMap::new(),
        };
        for app in 0..2 {
            let account = &driver.accounts[Reference::developer(app)];
            let made = driver.admin.post("/v1/admin/apps", &[("account", account)]);
            driver.apps.push(made.text("id"));
            let keys = [driver.make_key(app, 0), driver.make_key(app, 1)];
            driver.reference.keys.push(keys);
            let params = [
                ("app", driver.apps[app].as_str()),
                ("mode", "test"),
                ("permissions[]", "secret_read"),
            ];
            driver.readers.push(driver.admin.post("/v1/admin/api_keys", &params).text("key"));
        }
        for (app, account) in [(0, 2), (0, 3), (1, 2)] {
            driver.install(app, account).unwrap();
        }
        driver.quota(0, Some(3)).unwrap();
        driver
    }

    /// Plays one step.
    pub fn run(&mut self, step: &Step) -> Compared {
        match step {
            Step::Write(writing) => self.write(writing),
            Step::Again => self.last.clone().map_or(Ok(()), |writing| self.write(&writing)),
            Step::Find { by, scope, name, expand } => self.find(*by, *scope, *name, *expand),
            Step::List { by, scope, limit, cursor, expand } => {
                self.list(*by, *scope, *limit, *cursor, *expand)
            }
            Step::Advance(seconds) => {
                self.server().clock.advance(*seconds);
                self.reference.now += seconds;
                Ok(())
            }
            Step::Jobs => {
                self.server().run_jobs();
                self.reference.jobs();
                Ok(())
            }
            Step::Install { app, account } => self.install(*app, *account),
            Step::Uninstall { app, account, purge, mode: None } => {
                self.uninstall(*app, *account, *purge)
            }
            Step::Uninstall { app, account, mode: Some(mode), .. } => {
                self.uninstall_itself(*app, *account, *mode)
            }
            Step::Quota { app, most } => self.quota(*app, *most),
            Step::Revoke { app, mode } => self.revoke(*app, *mode),
            Step::Renew { app, mode } => {
                if self.reference.keys[*app][*mode].over {
                    self.reference.keys[*app][*mode] = self.make_key(*app, *mode);
                }
                Ok(())
            }
            Step::MakeEphemeral { by, user, writes, seconds } => {
                self.make_ephemeral(*by, *user, *writes, *seconds)
            }
            Step::EndEphemeral { at } => self.end_ephemeral(*at),
            Step::Restart => self.restart(),
        }
    }

    fn note(&mut self, asked: &str, answer: &Answer) {
        let json = answer.json();
        let error = &json["error"];
        let mut told = format!("{asked} {}", answer.status);
        for word in [&error["type"], &error["code"], &error["param"]] {
            told += &word.as_str().map(|word| format!(" {word}")).unwrap_or_default();
        }
        if answer.header("idempotent-replayed").is_some() {
            told += " replayed";
        }
        if json["has_more"] == true {
            told += " more";
        }
        *self.outcomes.entry(told.replace(" invalid_request_error", "")).or_default() += 1;
    }

    fn server(&self) -> &TestServer {
        self.server.as_ref().unwrap()
    }

    fn restart(&mut self) -> Compared {
        self.server.take().unwrap().stop();
        let server = start(self.directory.path(), &self.faults, Some(self.reference.now));
        (self.anyone, self.admin) = (server.anonymous(), server.admin());
        // The server need not watch its clock for a while first.
        self.admin.post("/v1/admin/clock/accept", &[]).ok();
        self.server = Some(server);
        Ok(())
    }

    /// The client that shows the caller's key for the caller's account.
    fn client(&self, by: Caller) -> Client {
        if let Some(key) = self.reference.shown(by) {
            return self.anyone.with_key(&key.token);
        }
        let token = match by.shows {
            Shows::Reader => &self.readers[by.app],
            _ => &self.reference.keys[by.app][by.mode].token,
        };
        let client = self.anyone.with_key(token);
        if by.account == Reference::developer(by.app) {
            return client;
        }
        client.for_account(&self.accounts[by.account])
    }

    fn write(&mut self, writing: &Writing) -> Compared {
        let Writing { by, scope, name, write, key } = writing;
        let name = format!("name{name}");
        let mut params = place(&name, *scope);
        let path = match write {
            Write::Delete => "/v1/apps/secrets/delete",
            Write::Set { payload, expires_in, expand } => {
                params.push(("payload", format!("payload{payload}")));
                if let Some(seconds) = expires_in {
                    params.push(("expires_at", (self.reference.now + seconds).to_string()));
                }
                if *expand {
                    params.push(("expand[]", "payload".to_owned()));
                }
                "/v1/apps/secrets"
            }
        };
        let request = format!("{path} {params:?}");
        let mut client = self.client(*by);
        if let Some(key) = key {
            client = client.idempotent(&format!("key{key}"));
            self.last = Some(writing.clone());
        }
        let answer = client.post(path, &borrowed(&params));
        self.note(if matches!(write, Write::Delete) { "delete" } else { "set" }, &answer);
        let let_in = match self.reference.reach(*by, *scope, true) {
            Ok(let_in) => let_in,
            Err(refusal) => return same_refusal(&answer, &refusal),
        };
        let claim = key.map(|key| (let_in.tenant, let_in.user, key));
        if let Some(kept) = claim.and_then(|claim| self.reference.kept.get(&claim)) {
            let now = self.reference.find(let_in.tenant, *scope, &name);
            return replayed(&answer, &kept.shown(now), &request);
        }
        if answer.header("idempotent-replayed").is_some() {
            return Err("a replay of what was never sent".to_owned());
        }
        let (outcome, keeps) = self.change(let_in, *scope, &name, write, &answer);
        outcome?;
        if let Some(claim) = claim.filter(|_| keeps) {
            let request_id = answer.header("request-id").unwrap_or_default().to_owned();
            let (status, created) = (answer.status, self.reference.now);
            let kept = StoredResponse { request, status, body: answer.body, request_id, created };
            self.reference.kept.insert(claim, kept);
        }
        Ok(())
    }

    /// What a write that is let in comes to, and whether its answer is kept.
    fn change(
        &mut self,
        let_in: Let,
        scope: Scope,
        name: &str,
        write: &Write,
        answer: &Answer,
    ) -> (Compared, bool) {
        let (mode, ..) = let_in.tenant;
        let now = self.reference.now;
        if let Write::Set { expires_in: Some(seconds), .. } = write
            && !(1..=3_155_760_000).contains(seconds)
        {
            let refusal = Refusal::new(400, None, Some("expires_at"));
            return (same_refusal(answer, &refusal), false);
        }
        let found = self.reference.find(let_in.tenant, scope, name).cloned();
        let Write::Set { payload, expires_in, expand } = write else {
            let Some(row) = found else {
                return (same_refusal(answer, &Refusal::no_such(404, name, "name")), true);
            };
            self.reference.remove(let_in.tenant, scope, name);
            let gone = json!({"id": row.id, "object": "apps.secret", "deleted": true});
            return (same(answer, &gone), true);
        };
        if found.is_none() && !self.reference.has_room(let_in.tenant, scope) {
            return (same_refusal(answer, &Refusal::new(400, None, None)), true);
        }
        let told = answer.json()["id"].as_str().unwrap_or_default().to_owned();
        if found.is_none() && (!told.starts_with("appsecret_") || !self.ids.insert(told.clone())) {
            return (Err(format!("expected a new secret's id, not '{told}'")), true);
        }
        let row = Row {
            name: name.to_owned(),
            id: found.as_ref().map_or(told, |row| row.id.clone()),
            payload: format!("payload{payload}"),
            created: found.map_or(now, |row| row.created),
            expires_at: expires_in.map(|seconds| now + seconds),
            seq: 0,
        };
        let expected = row.json(mode, scope, *expand);
        self.reference.put(let_in.tenant, scope, row);
        (same(answer, &expected), true)
    }

    fn find(&mut self, by: Caller, scope: Scope, name: u8, expand: bool) -> Compared {
        let name = format!("name{name}");
        let mut params = place(&name, scope);
        if expand {
            params.push(("expand[0]", "payload".to_owned()));
        }
        let answer = self.client(by).get("/v1/apps/secrets/find", &borrowed(&params));
        self.note("find", &answer);
        let let_in = match self.reference.reach(by, scope, false) {
            Ok(let_in) => let_in,
            Err(refusal) => return same_refusal(&answer, &refusal),
        };
        match self.reference.find(let_in.tenant, scope, &name) {
            Some(row) => same(&answer, &row.json(let_in.tenant.0, scope, expand)),
            None => same_refusal(&answer, &Refusal::no_such(404, &name, "name")),
        }
    }

    fn list(
        &mut self,
        by: Caller,
        scope: Scope,
        limit: Option<i64>,
        cursor: Cursor,
        expand: bool,
    ) -> Compared {
        let mut params = place("", scope);
        params.retain(|(name, _)| *name != "name");
        if let Some(limit) = limit {
            params.push(("limit", limit.to_string()));
        }
        if expand {
            params.push(("expand[]", "data.payload".to_owned()));
        }
        let (after, before) = match cursor {
            Cursor::None => (None, None),
            Cursor::After(at) => (Some(self.id(by, scope, at)), None),
            Cursor::Before(at) => (None, Some(self.id(by, scope, at))),
            Cursor::Both(after, before) => {
                (Some(self.id(by, scope, after)), Some(self.id(by, scope, before)))
            }
        };
        params.extend(after.iter().map(|id| ("starting_after", id.clone())));
        params.extend(before.iter().map(|id| ("ending_before", id.clone())));
        let answer = self.client(by).get("/v1/apps/secrets", &borrowed(&params));
        self.note("list", &answer);
        if after.is_some() && before.is_some() && self.reference.door(by).is_ok() {
            return same_refusal(&answer, &Refusal::new(400, None, None));
        }
        let let_in = match self.reference.reach(by, scope, false) {
            Ok(let_in) => let_in,
            Err(refusal) => return same_refusal(&answer, &refusal),
        };
        let newer = before.is_some();
        let param = if newer { "ending_before" } else { "starting_after" };
        let mut from = None;
        if let Some(id) = after.or(before) {
            from = self.reference.place(let_in.tenant, scope, &id);
            if from.is_none() {
                return same_refusal(&answer, &Refusal::no_such(400, &id, param));
            }
        }
        let limit = limit.unwrap_or(10);
        let (rows, more) = self.reference.page(let_in.tenant, scope, (from, newer), limit);
        let rows: Vec<Value> =
            rows.iter().map(|row| row.json(let_in.tenant.0, scope, expand)).collect();
        let url = "/v1/apps/secrets";
        same(&answer, &json!({"object": "list", "url": url, "has_more": more, "data": rows}))
    }

    /// One of the scope's ids, also of those that are gone, or of any that was ever told.
    fn id(&self, by: Caller, scope: Scope, at: usize) -> String {
        let here = self.reference.door(by).map(|let_in| self.reference.ids(let_in.tenant, scope));
        let here = here.ok().filter(|ids| !at.is_multiple_of(4) && !ids.is_empty());
        let ids = here.unwrap_or_else(|| self.ids.iter().cloned().collect());
        let never = "appsecret_never".to_owned();
        if ids.is_empty() { never } else { ids[(at / 4) % ids.len()].clone() }
    }

    fn make_key(&self, app: usize, mode: usize) -> Key {
        let params = [("app", self.apps[app].as_str()), ("mode", MODES[mode])];
        let made = self.admin.post("/v1/admin/api_keys", &params);
        Key { token: made.text("key"), id: made.text("id"), over: false }
    }

    fn revoke(&mut self, app: usize, mode: usize) -> Compared {
        let path = format!("/v1/admin/api_keys/{}/revoke", self.reference.keys[app][mode].id);
        granted(&self.admin.post(&path, &[]))?;
        self.reference.keys[app][mode].over = true;
        // Each of the mode's ephemeral keys was made by this key or by one revoked before.
        self.reference.end_ephemeral(|key| (key.tenant.0, key.tenant.1) == (mode, app));
        Ok(())
    }

    fn install(&mut self, app: usize, account: usize) -> Compared {
        let of = [("app", self.apps[app].as_str()), ("account", self.accounts[account].as_str())];
        let answer = self.admin.post("/v1/admin/installs", &of);
        self.note("install", &answer);
        granted(&answer)?;
        let install = Install { id: answer.text("id"), active: [true; 2] };
        let before = self.reference.installs.insert((app, account), install.clone());
        match before {
            Some(before) if before.id != install.id => Err("another install".to_owned()),
            _ => Ok(()),
        }
    }

    fn uninstall(&mut self, app: usize, account: usize, purge: bool) -> Compared {
        let Some(install) = self.reference.installs.get(&(app, account)) else { return Ok(()) };
        let purges = [("purge", if purge { "true" } else { "false" })];
        let answer = self.admin.delete(&format!("/v1/admin/installs/{}", install.id), &purges);
        granted(&answer)?;
        self.reference.uninstall(app, account, purge);
        Ok(())
    }

    /// The app uninstalls itself, in the one mode of its key.
    fn uninstall_itself(&mut self, app: usize, account: usize, mode: usize) -> Compared {
        let key = &self.reference.keys[app][mode];
        let Some(install) = self.reference.installs.get(&(app, account)) else { return Ok(()) };
        if key.over || !install.active[mode] {
            return Ok(());
        }
        let shown = self.admin.get(&format!("/v1/admin/installs/{}", install.id), &[]);
        let client = self.admin.with_key(&key.token).for_account(&self.accounts[account]);
        let path = format!("/v1/apps/installs/{}/uninstall", shown.text(MODES[mode]));
        granted(&client.post(&path, &[]))?;
        self.reference.uninstall_in(app, account, mode);
        Ok(())
    }

    fn quota(&mut self, app: usize, most: Option<i64>) -> Compared {
        let path = format!("/v1/admin/apps/{}", self.apps[app]);
        let most_text = most.map(|most| most.to_string()).unwrap_or_default();
        granted(&self.admin.post(&path, &[("secrets_per_scope", &most_text)]))?;
        self.reference.quotas[app] = most;
        Ok(())
    }

    fn make_ephemeral(&mut self, by: Caller, user: usize, writes: bool, seconds: i64) -> Compared {
        let by = Caller { shows: Shows::Backend, ..by };
        let seconds_text = seconds.to_string();
        let access = if writes { "write" } else { "read" };
        let params =
            [("user", USERS[user]), ("expires_in", &seconds_text), ("account_access", access)];
        let answer = self.client(by).post("/v1/ephemeral_keys", &params);
        self.note("make", &answer);
        let let_in = match self.reference.door(by) {
            Ok(let_in) => let_in,
            Err(refusal) => return same_refusal(&answer, &refusal),
        };
        let (mode, app, account) = let_in.tenant;
        granted(&answer)?;
        let (token, id) = (answer.text("secret"), answer.text("id"));
        let (now, expires_at) = (self.reference.now, self.reference.now + seconds);
        let expected = json!({
            "id": id, "object": "ephemeral_key", "created": now, "expires": expires_at,
            "livemode": mode == 1, "secret": token, "user": USERS[user],
        });
        let tenant = (mode, app, account);
        let (over, pruned) = (false, false);
        let key = Ephemeral { token, id, tenant, user, writes, expires_at, over, pruned };
        self.reference.ephemeral.push(key);
        same(&answer, &expected)
    }

    fn end_ephemeral(&mut self, at: usize) -> Compared {
        let many = self.reference.ephemeral.len();
        let Some(key) = (many > 0).then(|| self.reference.ephemeral[at % many].clone()) else {
            return Ok(());
        };
        let (mode, app, account) = key.tenant;
        let by = Caller { app, mode, account, shows: Shows::Backend };
        let answer = self.client(by).delete(&format!("/v1/ephemeral_keys/{}", key.id), &[]);
        if let Err(refusal) = self.reference.door(by) {
            return same_refusal(&answer, &refusal);
        }
        if key.pruned {
            return same_refusal(&answer, &Refusal::new(404, Some("resource_missing"), Some("id")));
        }
        self.reference.ephemeral[at % many].over = true;
        granted(&answer)
    }
}

fn place(name: &str, scope: Scope) -> Vec<(&'static str, String)> {
    let mut params = vec![("name", name.to_owned())];
    match scope {
        None => params.push(("scope[type]", "account".to_owned())),
        Some(user) => {
            params.push(("scope[type]", "user".to_owned()));
            params.push(("scope[user]", USERS[user].to_owned()));
        }
    }
    params
}

fn borrowed<'a>(params: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    params.iter().map(|(name, value)| (*name, value.as_str())).collect()
}
