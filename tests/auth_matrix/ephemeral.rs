//! The cells of ephemeral keys.

use crate::cast::{Account, Credential, User};
use crate::cells::{Ask, Cell, Run};
use crate::operations::Operation;
use crate::oracle::{self, tenant_of};

/// Makes one.
pub fn make(run: &mut Run, operation: &Operation, who: &Credential, named: Option<Account>) {
    let expect = oracle::backend(operation, who, named);
    let (own, about) = ([User::One.id()], "a user");
    let cell = Cell { operation, who, named, about, expect, own: &own, subject: "" };
    let params = vec![("user", User::One.id().to_owned())];
    let ask = Ask { method: operation.method, path: operation.path.to_owned(), params };
    let before = run.world.server.count("api_key");
    let Some(answer) = run.ask(cell, &ask) else { return };
    run.check(cell, run.world.server.count("api_key") == before + 1, "not one key more");
    let tenant = tenant_of(who, named);
    let prefix = format!("ek_{}_coffer_", tenant.mode.word());
    run.check(cell, answer.text("secret").starts_with(&prefix), "a key of another mode");
    let path = format!("/v1/ephemeral_keys/{}", answer.text("id"));
    let ended = run.world.keeper(tenant).delete(&path, &[]);
    run.check(cell, ended.status == 200, "a key of another tenant");
    run.watch.look(&run.world.server);
}

/// Ends one, of everybody's.
pub fn end(run: &mut Run, operation: &Operation, who: &Credential, named: Option<Account>) {
    for at in 0..run.world.victims.len() {
        let victim = run.world.victims[at].clone();
        let tenant = tenant_of(who, named);
        let reached = oracle::backend(operation, who, named);
        let expect = oracle::about(reached, victim.tenant == Some(tenant), "id");
        let about = format!("{:?}", victim.tenant);
        let own = [victim.id.as_str(), User::One.id()];
        let subject = victim.id.as_str();
        let cell = Cell { operation, who, named, about: &about, expect, own: &own, subject };
        let path = operation.path.replace(":id", &victim.id);
        let ask = Ask { method: operation.method, path, params: Vec::new() };
        let Some(answer) = run.ask(cell, &ask) else { continue };
        run.check(cell, answer.json()["deleted"] == true, "not ended");
        let shown = run.world.admin.get(&format!("/v1/admin/api_keys/{}", victim.id), &[]);
        run.check(cell, shown.json()["revoked_at"].is_i64(), "it is not revoked");
        let id = run.world.make_victim(tenant);
        run.world.ids.push(id.clone());
        run.world.victims[at].id = id;
        run.watch.look(&run.world.server);
    }
}
