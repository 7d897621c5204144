//! The cases of ephemeral keys.

use crate::cases::{Case, Run};
use crate::expectations::{self, tenant_of};
use crate::fixtures::{Account, Credential, User};
use crate::operations::Operation;
use coffer_testkit::catalogue::Request;

/// Makes one.
pub fn make(run: &mut Run, operation: &Operation, who: &Credential, named: Option<Account>) {
    let expect = expectations::backend(operation, who, named);
    let (own, about) = ([User::One.id()], "a user");
    let case = Case { operation, who, named, about, expect, own: &own, subject: "" };
    let params = vec![("user", User::One.id().to_owned())];
    let ask = Request::new(&operation.definition, operation.path.to_owned(), params);
    let before = run.fixtures.server.count("api_key");
    let Some(answer) = run.ask(case, &ask) else { return };
    run.check(case, run.fixtures.server.count("api_key") == before + 1, "not one key more");
    let tenant = tenant_of(who, named);
    let prefix = format!("ek_{}_coffer_", tenant.mode.word());
    run.check(case, answer.text("secret").starts_with(&prefix), "a key of another mode");
    let path = format!("/v1/ephemeral_keys/{}", answer.text("id"));
    let ended = run.fixtures.keeper(tenant).delete(&path, &[]);
    run.check(case, ended.status == 200, "a key of another tenant");
    run.changes.has_changed(&run.fixtures.server);
}

/// Ends one, of everybody's.
pub fn end(run: &mut Run, operation: &Operation, who: &Credential, named: Option<Account>) {
    for at in 0..run.fixtures.victims.len() {
        let victim = run.fixtures.victims[at].clone();
        let tenant = tenant_of(who, named);
        let reached = expectations::backend(operation, who, named);
        let expect = expectations::about(reached, victim.tenant == Some(tenant), "id");
        let about = format!("{:?}", victim.tenant);
        let own = [victim.id.as_str(), User::One.id()];
        let subject = victim.id.as_str();
        let case = Case { operation, who, named, about: &about, expect, own: &own, subject };
        let path = operation.path.replace(":id", &victim.id);
        let ask = Request::new(&operation.definition, path, Vec::new());
        let Some(answer) = run.ask(case, &ask) else { continue };
        run.check(case, answer.json()["deleted"] == true, "not ended");
        let shown = run.fixtures.admin.get(&format!("/v1/admin/api_keys/{}", victim.id), &[]);
        run.check(case, shown.json()["revoked_at"].is_i64(), "it is not revoked");
        let id = run.fixtures.make_victim(tenant);
        run.fixtures.ids.insert(id.clone());
        run.fixtures.victims[at].id = id;
        run.changes.has_changed(&run.fixtures.server);
    }
}
