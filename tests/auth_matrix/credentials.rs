//! Every kind of credential, in every state.

use crate::cast::{Account, App, Kind, Mode, Standing, User};
use crate::world::World;
use coffer_base::Clock;

const READ: &[&str] = &["secret_read"];
const WRITE: &[&str] = &["secret_write"];
const ONLY_KEYS: &[&str] = &["ephemeral_key_write"];
const READ_AND_KEYS: &[&str] = &["secret_read", "ephemeral_key_write"];
const ALL: &[&str] = &["secret_read", "secret_write", "ephemeral_key_write"];

const READS_BOOKS: &[&str] = &[
    "ledger_read",
    "balance_read",
    "event_read",
    "reserve_hold_read",
    "reserve_plan_read",
    "reserve_release_read",
];
const WRITES_RESERVES: &[&str] =
    &["reserve_hold_write", "reserve_plan_write", "reserve_release_write"];
const WRITES_LEDGER: &[&str] = &["ledger_write"];

/// Seconds until what is to expire does.
const SHORT: i64 = 60;

pub fn make(world: &mut World) {
    strangers(world);
    backends(world);
    users(world);
    ended(world);
    admins(world);
}

fn strangers(world: &mut World) {
    let made_up = "00000000000000000000000000000001";
    for (name, token) in [
        ("garbage", "garbage".to_owned()),
        ("unknown secret key", format!("sk_test_coffer_{made_up}")),
        ("unknown live key", format!("sk_live_coffer_{made_up}")),
        ("unknown restricted key", format!("rk_test_coffer_{made_up}")),
        ("unknown ephemeral key", format!("ek_test_coffer_{made_up}")),
        ("unknown admin key", format!("ak_coffer_{made_up}")),
    ] {
        world.credential(name, token, Standing::Unknown, Kind::Nothing);
    }
    for (name, mode) in [("publishable test key", "test"), ("publishable live key", "live")] {
        let token = format!("pk_{mode}_coffer_{made_up}");
        world.credential(name, token, Standing::Publishable, Kind::Nothing);
    }
    let none = world.credential("no key", String::new(), Standing::Absent, Kind::Nothing);
    none.token = None;
}

fn backends(world: &mut World) {
    for (name, app, mode) in [
        ("secret key", App::Main, Mode::Test),
        ("secret key, live", App::Main, Mode::Live),
        ("secret key of another app", App::Rival, Mode::Test),
        ("secret key of another app, live", App::Rival, Mode::Live),
        ("secret key of another app of the developer", App::Sibling, Mode::Test),
    ] {
        let token = world.token(app, mode).to_owned();
        let made = world.credential(name, token, Standing::Good, Kind::Backend);
        (made.app, made.mode) = (app, mode);
    }
    for (name, permissions) in [
        ("restricted key, reads", READ),
        ("restricted key, writes", WRITE),
        ("restricted key, ephemeral keys only", ONLY_KEYS),
        ("restricted key, all", ALL),
        ("restricted key, reads the books", READS_BOOKS),
        ("restricted key, writes reserves", WRITES_RESERVES),
        ("restricted key, writes the ledger", WRITES_LEDGER),
    ] {
        let token = restricted(world, permissions).0;
        let made = world.credential(name, token, Standing::Good, Kind::Backend);
        made.permissions = Some(permissions);
    }
}

fn restricted(world: &World, permissions: &[&str]) -> (String, String) {
    let mut more = vec![("mode", "test")];
    more.extend(permissions.iter().map(|permission| ("permissions[]", *permission)));
    world.make_key(App::Main, &more)
}

/// An ephemeral key made with `parent`: its token and its id.
fn ephemeral(
    world: &World,
    parent: &str,
    account: Account,
    user: User,
    more: &[(&str, &str)],
) -> (String, String) {
    let mut params = vec![("user", user.id())];
    params.extend_from_slice(more);
    let maker = world.anyone.with_key(parent).for_account(account.id());
    let answer = maker.post("/v1/ephemeral_keys", &params);
    answer.ok();
    (answer.text("secret"), answer.text("id"))
}

/// When a key expires that is to be expired after [`SHORT`] seconds.
fn soon(world: &World) -> String {
    world.server.clock.now().plus(SHORT).unix().to_string()
}

const WRITES: &[(&str, &str)] = &[("account_access", "write")];

fn users(world: &mut World) {
    let of = |account, user, writes_account| Kind::Ephemeral { account, user, writes_account };
    let backend = world.token(App::Main, Mode::Test).to_owned();
    let (one, two) = (User::One, User::Two);
    for (name, account, user, writes) in [
        ("ephemeral key", Account::Installed, one, false),
        ("ephemeral key, writes", Account::Installed, one, true),
        ("ephemeral key of another user", Account::Installed, two, true),
        ("ephemeral key of the developer", Account::Developer, one, true),
    ] {
        let more = if writes { WRITES } else { &[] };
        let (token, _) = ephemeral(world, &backend, account, user, more);
        world.credential(name, token, Standing::Good, of(account, user, writes));
    }
    for (name, app, mode) in [
        ("ephemeral key, live", App::Main, Mode::Live),
        ("ephemeral key of another app", App::Rival, Mode::Test),
    ] {
        let parent = world.token(app, mode).to_owned();
        let (token, _) = ephemeral(world, &parent, Account::Installed, one, WRITES);
        let kind = of(Account::Installed, one, true);
        let made = world.credential(name, token, Standing::Good, kind);
        (made.app, made.mode) = (app, mode);
    }
    for (name, permissions) in [
        ("ephemeral key of one that reads", READ_AND_KEYS),
        ("ephemeral key of one with neither", ONLY_KEYS),
        ("ephemeral key of one with all", ALL),
    ] {
        let (parent, _) = restricted(world, permissions);
        let (token, _) = ephemeral(world, &parent, Account::Installed, one, WRITES);
        let kind = of(Account::Installed, one, true);
        world.credential(name, token, Standing::Good, kind).permissions = Some(permissions);
    }
}

fn ended(world: &mut World) {
    let backend = world.token(App::Main, Mode::Test).to_owned();
    let key = |world: &World, more: &[(&str, &str)]| world.make_key(App::Main, more);
    let at = soon(world);
    let (expired, _) = key(world, &[("mode", "test"), ("expires_at", &at)]);
    let (orphan, _) = ephemeral(world, &expired, Account::Installed, User::One, WRITES);
    let (revoked, revoked_id) = key(world, &[("mode", "test")]);
    let (halved, _) = ephemeral(world, &revoked, Account::Installed, User::One, WRITES);
    let short = [("expires_in", "60"), ("account_access", "write")];
    let (brief, _) = ephemeral(world, &backend, Account::Installed, User::One, &short);
    let (ended, ended_id) = ephemeral(world, &backend, Account::Installed, User::One, WRITES);
    let on = |account| ephemeral(world, &backend, account, User::One, WRITES).0;
    let (shut, back) = (on(Account::Uninstalled), on(Account::Reinstalled));
    let (purged, erased) = (on(Account::Purged), on(Account::Erased));
    let (dead_app, dead_app_id) = dead_app(world);

    world.server.clock.advance(SHORT);
    world.admin.post(&format!("/v1/admin/api_keys/{revoked_id}/revoke"), &[]).ok();
    let maker = world.anyone.with_key(&backend).for_account(Account::Installed.id());
    maker.delete(&format!("/v1/ephemeral_keys/{ended_id}"), &[]).ok();
    world.uninstall(App::Main, Account::Uninstalled, false);
    world.uninstall(App::Main, Account::Reinstalled, false);
    world.install(App::Main, Account::Reinstalled);
    world.uninstall(App::Main, Account::Purged, true);
    world.admin.delete(&format!("/v1/admin/accounts/{}", Account::Erased.id()), &[]).ok();
    world.admin.delete(&format!("/v1/admin/apps/{dead_app_id}"), &[]).ok();
    world.server.run_jobs();
    let (fresh, _) = ephemeral(world, &backend, Account::Reinstalled, User::One, WRITES);

    let of = |account| Kind::Ephemeral { account, user: User::One, writes_account: true };
    for (name, token, standing, kind) in [
        ("expired key", expired, Standing::Over, Kind::Backend),
        ("revoked key", revoked, Standing::Over, Kind::Backend),
        ("ephemeral key of an expired one", orphan, Standing::Over, of(Account::Installed)),
        ("ephemeral key of a revoked one", halved, Standing::Over, of(Account::Installed)),
        ("expired ephemeral key", brief, Standing::Over, of(Account::Installed)),
        ("ended ephemeral key", ended, Standing::Over, of(Account::Installed)),
        ("ephemeral key after uninstall", shut, Standing::Over, of(Account::Uninstalled)),
        ("ephemeral key after reinstall", back, Standing::Over, of(Account::Reinstalled)),
        ("ephemeral key after purge", purged, Standing::Over, of(Account::Purged)),
        ("ephemeral key of an erased account", erased, Standing::Unknown, of(Account::Erased)),
        ("key of an erased app", dead_app, Standing::Unknown, Kind::Backend),
        ("new ephemeral key after reinstall", fresh, Standing::Good, of(Account::Reinstalled)),
    ] {
        world.credential(name, token, standing, kind);
    }
}

/// The key of an app that will be erased, and the app's id.
fn dead_app(world: &World) -> (String, String) {
    let account = [("account", Account::Developer.id())];
    let app = world.admin.post("/v1/admin/apps", &account).text("id");
    let params = [("app", app.as_str()), ("mode", "test")];
    (world.admin.post("/v1/admin/api_keys", &params).text("key"), app)
}

fn admins(world: &mut World) {
    let at = soon(world);
    let make = |more: &[(&str, &str)]| {
        let mut params = vec![("type", "admin")];
        params.extend_from_slice(more);
        let answer = world.admin.post("/v1/admin/api_keys", &params);
        (answer.text("key"), answer.text("id"))
    };
    let ((good, _), (expired, _), (revoked, id)) =
        (make(&[]), make(&[("expires_at", &at)]), make(&[]));
    world.server.clock.advance(SHORT);
    world.admin.post(&format!("/v1/admin/api_keys/{id}/revoke"), &[]).ok();
    for (name, token, standing) in [
        ("admin key", good, Standing::Good),
        ("expired admin key", expired, Standing::Over),
        ("revoked admin key", revoked, Standing::Over),
    ] {
        world.credential(name, token, standing, Kind::Admin);
    }
}
