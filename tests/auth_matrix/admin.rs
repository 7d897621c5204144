//! The cases of the admin API.

use crate::backend::any_of;
use crate::cases::{Case, Run};
use crate::expectations::{self, Expectation};
use crate::fixtures::{Account, App, Credential};
use crate::operations::{Call, Operation};
use coffer_testkit::catalogue::Request;
use std::collections::BTreeMap;

/// The case of one operation for one caller and account. Somebody who may is given objects of
/// its own to change; somebody who may not is pointed at those that others need.
pub fn case(run: &mut Run, operation: &Operation, who: &Credential, named: Option<Account>) {
    let expect = expectations::door(operation, who, named);
    let begins = ["admin.keyring.rotate", "admin.keyring.destroy"].contains(&operation.name);
    if begins && expect == Expectation::Allowed {
        // There is one rotation at a time, and the case before may have begun one.
        run.fixtures.server.run_jobs();
    }
    let ask = if expect == Expectation::Allowed && operation.call == Call::AdminWrite {
        ask(operation, &Objects::fresh(run))
    } else {
        ask(operation, &Objects::standing(run))
    };
    run.changes.has_changed(&run.fixtures.server);
    let case = Case { operation, who, named, about: "", expect, own: &[], subject: "" };
    if run.ask(case, &ask).is_none() {
        return;
    }
    let changed = run.changes.has_changed(&run.fixtures.server);
    let writes = operation.call == Call::AdminWrite;
    // Installing what is installed and naming an app as it was named are changes all the same:
    // the audit has them.
    run.check(case, changed == writes, "changes where there should be none, or none");
    if operation.name == "admin.api_keys.lock" {
        let installation = run.fixtures.server.server().installation();
        let unlocked = coffer_keyring::lock_making(&installation.stores.keys, false);
        run.fixtures.server.block_on(unlocked).unwrap();
    }
    if operation.name == "admin.keyring.seal" {
        run.fixtures.admin.post("/v1/admin/keyring/unseal", &[]).ok();
    }
}

/// What the calls are about.
struct Objects {
    account: String,
    app: String,
    install: String,
    key: String,
    request: String,
    erasure: String,
    /// What stories are told of, by their kind.
    told: BTreeMap<&'static str, String>,
}

/// A hold, a charge and a payout.
fn told(run: &Run) -> BTreeMap<&'static str, String> {
    let kinds = [
        ("holds", "/v1/reserve/holds"),
        ("charges", "/v1/ledger/charges"),
        ("payouts", "/v1/ledger/payouts"),
    ];
    kinds.into_iter().map(|(kind, path)| (kind, any_of(run, path))).collect()
}

impl Objects {
    fn standing(run: &Run) -> Self {
        Self {
            account: Account::Installed.id().to_owned(),
            app: run.fixtures.app_id(App::Main).to_owned(),
            install: run.fixtures.install.clone(),
            key: run.fixtures.key.clone(),
            request: run.fixtures.request.clone(),
            erasure: run.fixtures.erasure.clone(),
            told: told(run),
        }
    }

    fn fresh(run: &Run) -> Self {
        let admin = &run.fixtures.admin;
        let account = admin.post("/v1/admin/accounts", &[]).text("id");
        let app = admin.post("/v1/admin/apps", &[("account", &account)]).text("id");
        let of = [("app", app.as_str()), ("account", account.as_str())];
        let install = admin.post("/v1/admin/installs", &of).text("id");
        let of = [("app", app.as_str()), ("mode", "test")];
        let key = admin.post("/v1/admin/api_keys", &of).text("id");
        let (request, erasure) = (run.fixtures.request.clone(), run.fixtures.erasure.clone());
        Self { account, app, install, key, request, erasure, told: told(run) }
    }
}

fn ask(operation: &Operation, on: &Objects) -> Request {
    let told = operation.path.split('/').nth(5).and_then(|kind| on.told.get(kind));
    let id: &str = match operation.path.split('/').nth(3) {
        Some("reserves") => told.map_or("", String::as_str),
        Some("accounts") => &on.account,
        Some("apps") => &on.app,
        Some("installs") => &on.install,
        Some("audit") => "aud_1",
        Some("requests") => &on.request,
        Some("erasures") => &on.erasure,
        _ => &on.key,
    };
    let params = match operation.name {
        "admin.apps.create" => vec![("account", on.account.clone())],
        "admin.secrets.history" => {
            vec![("name", "n".to_owned()), ("account", on.account.clone())]
        }
        "admin.secrets.last_reads" => vec![
            ("app", on.app.clone()),
            ("account", on.account.clone()),
            ("secrets[]", "appsecret_1".to_owned()),
        ],
        "admin.secrets.unused" => vec![("app", on.app.clone()), ("account", on.account.clone())],
        "admin.apps.update" => vec![("name", "renamed".to_owned())],
        "admin.installs.create" => {
            vec![("account", on.account.clone()), ("app", on.app.clone())]
        }
        "admin.audit.prune" => vec![("before", "0".to_owned())],
        "admin.reserves.simulate" => {
            vec![
                ("mode", "test".to_owned()),
                ("plan[]", "percent=5,days_after_charge=9".to_owned()),
            ]
        }
        "admin.users.purge" => vec![("user", "usr_matrix".to_owned())],
        "admin.api_keys.create" => vec![("app", on.app.clone()), ("mode", "test".to_owned())],
        _ => Vec::new(),
    };
    Request::new(&operation.definition, operation.path.replace(":id", id), params)
}
