//! The store as it should be, in memory: the rules of the contract, and nothing of the server.

use crate::step::{Caller, Scope, Shows};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A refusal, as far as a caller can act on it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    pub status: u16,
    pub kind: &'static str,
    pub code: Option<&'static str>,
    pub param: Option<&'static str>,
    /// What the message must be, where the contract gives its words.
    pub message: Option<String>,
}

impl Refusal {
    pub const fn new(status: u16, code: Option<&'static str>, param: Option<&'static str>) -> Self {
        Self { status, kind: "invalid_request_error", code, param, message: None }
    }

    pub fn no_such(status: u16, id: &str, param: &'static str) -> Self {
        let message = Some(format!("No such secret: '{id}'"));
        Self { message, ..Self::new(status, Some("resource_missing"), Some(param)) }
    }

    pub const fn pruned() -> Self {
        Self::new(401, None, None)
    }

    pub fn mismatch() -> Self {
        Self { kind: "idempotency_error", ..Self::new(400, None, None) }
    }
}

/// Mode, app, account.
pub type Tenant = (usize, usize, usize);

/// A secret that was set and not taken away yet; it may have expired.
#[derive(Clone, Debug)]
pub struct Row {
    pub name: String,
    pub id: String,
    pub payload: String,
    pub created: i64,
    pub expires_at: Option<i64>,
    pub seq: u64,
}

/// One scope.
#[derive(Clone, Default, Debug)]
pub struct Secrets {
    pub rows: Vec<Row>,
    /// Where something stood that is gone: id, place, and since when.
    pub gone: Vec<(String, u64, i64)>,
}

/// A response that is stored under an idempotency key.
#[derive(Clone, Debug)]
pub struct StoredResponse {
    /// The operation and its parameters.
    pub request: String,
    pub status: u16,
    pub body: String,
    pub request_id: String,
    pub created: i64,
}

impl StoredResponse {
    /// What a replay shows: a payload only if the secret has it still.
    pub fn shown(&self, now: Option<&Row>) -> Self {
        let Some(from) = self.body.find(PAYLOAD) else { return self.clone() };
        let end = from + self.body[from..].find('\n').unwrap() + 1;
        let line = &self.body[from..end];
        let same = now.is_some_and(|row| line == format!("{PAYLOAD}\"{}\",\n", row.payload));
        let body = if same { self.body.clone() } else { self.body.replace(line, "") };
        Self { body, ..self.clone() }
    }
}

/// How the line of a payload begins in a response.
const PAYLOAD: &str = "  \"payload\": ";

/// An ephemeral key.
#[derive(Clone, Debug)]
pub struct Ephemeral {
    pub token: String,
    pub id: String,
    pub tenant: Tenant,
    pub user: usize,
    pub writes: bool,
    pub expires_at: i64,
    pub over: bool,
    pub pruned: bool,
}

/// An install.
#[derive(Clone, Debug)]
pub struct Install {
    pub id: String,
    /// By mode.
    pub active: [bool; 2],
}

/// An app's key of one mode.
#[derive(Clone, Debug)]
pub struct Key {
    pub token: String,
    pub id: String,
    pub over: bool,
}

/// Seconds of a day.
const DAY: i64 = 86_400;

/// Everything.
#[derive(Clone, Default, Debug)]
pub struct Reference {
    pub now: i64,
    pub scopes: BTreeMap<(Tenant, Scope), Secrets>,
    pub kept: BTreeMap<(Tenant, Option<usize>, u8), StoredResponse>,
    pub installs: BTreeMap<(usize, usize), Install>,
    pub quotas: [Option<i64>; 2],
    pub ephemeral: Vec<Ephemeral>,
    /// By app and mode.
    pub keys: Vec<[Key; 2]>,
    pub next_seq: u64,
}

/// Whoever was let in.
#[derive(Clone, Copy, Debug)]
pub struct Let {
    pub tenant: Tenant,
    pub user: Option<usize>,
    pub writes_account: bool,
    pub only_reads: bool,
}

impl Reference {
    /// The account whose app it is: app 0 is account 0's, app 1 is account 1's.
    pub const fn developer(app: usize) -> usize {
        app
    }

    pub fn shown(&self, by: Caller) -> Option<&Ephemeral> {
        match by.shows {
            Shows::Ephemeral(at) if !self.ephemeral.is_empty() => {
                // The newest few: most of the others are over.
                let many = self.ephemeral.len();
                self.ephemeral.get(many - 1 - at % many.min(6))
            }
            _ => None,
        }
    }

    /// Whether the caller is let in at all.
    pub fn door(&self, by: Caller) -> Result<Let, Refusal> {
        let expired = Refusal::new(401, Some("api_key_expired"), None);
        let let_in = match self.shown(by) {
            Some(key) if key.pruned => return Err(Refusal::pruned()),
            Some(key) if key.over || key.expires_at <= self.now => return Err(expired),
            Some(key) => Let {
                tenant: key.tenant,
                user: Some(key.user),
                writes_account: key.writes,
                only_reads: false,
            },
            None => {
                let reader = matches!(by.shows, Shows::Reader);
                let mode = if reader { 0 } else { by.mode };
                if !reader && self.keys[by.app][mode].over {
                    return Err(expired);
                }
                Let {
                    tenant: (mode, by.app, by.account),
                    user: None,
                    writes_account: true,
                    only_reads: reader,
                }
            }
        };
        let (mode, app, account) = let_in.tenant;
        let install = self.installs.get(&(app, account));
        let installed = install.is_some_and(|install| install.active[mode]);
        if account != Self::developer(app) && !installed {
            return Err(Refusal::new(403, Some("account_invalid"), None));
        }
        Ok(let_in)
    }

    /// Whether it may reach into the scope.
    pub fn reach(&self, by: Caller, scope: Scope, writes: bool) -> Result<Let, Refusal> {
        let let_in = self.door(by)?;
        if writes && let_in.only_reads {
            return Err(Refusal::new(403, None, None));
        }
        match (let_in.user, scope) {
            (Some(user), Some(other)) if user != other => {
                Err(Refusal::new(403, None, Some("scope[user]")))
            }
            (Some(_), None) if writes && !let_in.writes_account => {
                Err(Refusal::new(403, None, Some("scope[type]")))
            }
            _ => Ok(let_in),
        }
    }

    pub fn is_live(&self, row: &Row) -> bool {
        row.expires_at.is_none_or(|at| self.now < at)
    }

    /// The live secret of that name.
    pub fn find(&self, tenant: Tenant, scope: Scope, name: &str) -> Option<&Row> {
        let secrets = self.scopes.get(&(tenant, scope))?;
        secrets.rows.iter().find(|row| row.name == name && self.is_live(row))
    }

    /// Whether a new secret fits.
    pub fn has_room(&self, tenant: Tenant, scope: Scope) -> bool {
        let live = self
            .scopes
            .get(&(tenant, scope))
            .map_or(0, |secrets| secrets.rows.iter().filter(|row| self.is_live(row)).count());
        i64::try_from(live).unwrap() < self.quotas[tenant.1].unwrap_or(10)
    }

    /// Adds a secret, or gives the one that is there another value and expiry.
    pub fn put(&mut self, tenant: Tenant, scope: Scope, new: Row) {
        let now = self.now;
        let replaces = self.find(tenant, scope, &new.name).is_some();
        self.next_seq += 1;
        let seq = self.next_seq;
        let secrets = self.scopes.entry((tenant, scope)).or_default();
        if replaces {
            let row = secrets.rows.iter_mut().find(|row| row.name == new.name).unwrap();
            (row.payload, row.expires_at) = (new.payload, new.expires_at);
            return;
        }
        secrets.take(|row| row.name == new.name, now);
        secrets.rows.push(Row { seq, ..new });
    }

    pub fn remove(&mut self, tenant: Tenant, scope: Scope, name: &str) {
        let now = self.now;
        if let Some(secrets) = self.scopes.get_mut(&(tenant, scope)) {
            secrets.take(|row| row.name == name, now);
        }
    }

    /// A page: from which place, in which direction, and how many.
    pub fn page(
        &self,
        tenant: Tenant,
        scope: Scope,
        (from, newer): (Option<u64>, bool),
        limit: i64,
    ) -> (Vec<&Row>, bool) {
        let rows = self.scopes.get(&(tenant, scope)).map(|secrets| secrets.rows.as_slice());
        let mut rows: Vec<&Row> =
            rows.unwrap_or_default().iter().filter(|row| self.is_live(row)).collect();
        rows.sort_by_key(|row| row.seq);
        match from {
            Some(from) if newer => rows.retain(|row| row.seq > from),
            Some(from) => rows.retain(|row| row.seq < from),
            None => {}
        }
        if !newer {
            rows.reverse();
        }
        let most = usize::try_from(limit.clamp(1, 100)).unwrap();
        let more = rows.len() > most;
        rows.truncate(most);
        if newer {
            rows.reverse();
        }
        (rows, more)
    }

    /// Where the secret of that id stands or stood.
    pub fn place(&self, tenant: Tenant, scope: Scope, id: &str) -> Option<u64> {
        let secrets = self.scopes.get(&(tenant, scope))?;
        let row = secrets.rows.iter().find(|row| row.id == id).map(|row| row.seq);
        row.or_else(|| secrets.gone.iter().find(|(of, ..)| of == id).map(|(_, seq, _)| *seq))
    }

    /// The ids that a cursor of the scope can name.
    pub fn ids(&self, tenant: Tenant, scope: Scope) -> Vec<String> {
        let Some(secrets) = self.scopes.get(&(tenant, scope)) else { return Vec::new() };
        let rows = secrets.rows.iter().map(|row| row.id.clone());
        rows.chain(secrets.gone.iter().map(|(id, ..)| id.clone())).collect()
    }

    /// What the background does when it runs.
    pub fn jobs(&mut self) {
        let now = self.now;
        for secrets in self.scopes.values_mut() {
            secrets.take(|row| row.expires_at.is_some_and(|at| at <= now - DAY), now);
            secrets.gone.retain(|(_, _, since)| *since >= now - DAY);
        }
        self.kept.retain(|_, kept| kept.created >= now - DAY);
        for key in &mut self.ephemeral {
            key.pruned |= key.expires_at < now - DAY;
        }
    }

    /// Ends the ephemeral keys for which `ends` holds.
    pub fn end_ephemeral(&mut self, ends: impl Fn(&Ephemeral) -> bool) {
        for key in self.ephemeral.iter_mut().filter(|key| ends(key)) {
            key.over = true;
        }
    }

    /// Takes an install away in one mode.
    pub fn uninstall_in(&mut self, app: usize, account: usize, mode: usize) {
        self.end_ephemeral(|key| key.tenant == (mode, app, account));
        self.installs.get_mut(&(app, account)).unwrap().active[mode] = false;
    }

    /// Takes an install away; with `purge` all that the app kept for the account goes with it.
    pub fn uninstall(&mut self, app: usize, account: usize, purge: bool) {
        self.end_ephemeral(|key| (key.tenant.1, key.tenant.2) == (app, account));
        if !purge {
            self.installs.get_mut(&(app, account)).unwrap().active = [false; 2];
            return;
        }
        self.installs.remove(&(app, account));
        self.scopes.retain(|((_, of, on), _), _| (*of, *on) != (app, account));
        self.kept.retain(|((_, of, on), _, _), _| (*of, *on) != (app, account));
    }
}

impl Secrets {
    fn take(&mut self, goes: impl Fn(&Row) -> bool, now: i64) {
        let gone = self.rows.iter().filter(|row| goes(row));
        self.gone.extend(gone.map(|row| (row.id.clone(), row.seq, now)));
        self.rows.retain(|row| !goes(row));
    }
}

impl Row {
    /// The secret on the wire (secret store §2.1).
    pub fn json(&self, mode: usize, scope: Scope, expand: bool) -> Value {
        let mut object = json!({
            "id": self.id, "object": "apps.secret", "created": self.created,
            "expires_at": self.expires_at, "livemode": mode == 1, "name": self.name,
        });
        if expand {
            object["payload"] = json!(self.payload);
        }
        object["scope"] = match scope {
            None => json!({"type": "account"}),
            Some(user) => json!({"type": "user", "user": crate::step::USERS[user]}),
        };
        object
    }
}
