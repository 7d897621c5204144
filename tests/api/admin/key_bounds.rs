//! Keys that may be used from some networks only, so many times, or for so long.

use coffer_identity::KEY_LIFETIME_DAYS;
use coffer_kernel::TrafficSettings;
use coffer_testkit::{App, Client, TestServer};
use std::time::Duration;

const URL: &str = "/v1/admin/api_keys";

fn make(server: &TestServer, app: &App, more: &[(&str, &str)]) -> (String, Client) {
    let mut params = vec![("app", app.id.as_str()), ("mode", "test")];
    params.extend_from_slice(more);
    let made = server.admin().post(URL, &params);
    made.ok();
    (made.text("id"), server.anonymous().with_key(&made.text("key")))
}

/// The server believes this machine about where requests come from.
fn believe_proxies(server: &TestServer) {
    let proxies = vec!["127.0.0.1".parse().unwrap()];
    let traffic = TrafficSettings { proxies, ..TrafficSettings::default() };
    server.server().installation().kernel.set_traffic(&traffic);
}

#[test]
fn a_key_is_used_in_its_networks_alone() {
    let server = TestServer::start();
    let app = server.app();
    let networks = [("networks[]", "10.0.0.0/8"), ("networks[]", "2001:db8::/32")];
    let (_, client) = make(&server, &app, &networks);
    let refused = client.list().refused(403);
    let message = refused["message"].as_str().unwrap();
    assert!(message.contains("may not be used from here (127.0.0.1)"), "{message}");
    // What a stranger says of where it is counts for nothing.
    let from = |client: &Client, address: &str| {
        client.with_header("X-Forwarded-For", address).list().status
    };
    assert_eq!(from(&client, "10.1.2.3"), 403);
    believe_proxies(&server);
    for (address, status) in [
        ("10.1.2.3", 200),
        ("::ffff:10.1.2.3", 200),
        ("[::ffff:10.1.2.3]:4747", 200),
        ("2001:db8::1", 200),
        ("11.0.0.1", 403),
        ("::ffff:11.0.0.1", 403),
        ("2001:db9::1", 403),
        ("10.1.2.3, 11.0.0.1", 403),
        ("11.0.0.1, 10.1.2.3", 200),
        ("nonsense", 403),
    ] {
        assert_eq!(from(&client, address), status, "{address}");
    }
    // A network that is written as mapped is the IPv4 one.
    let (_, mapped) = make(&server, &app, &[("networks[]", "::ffff:10.0.0.0/104")]);
    assert_eq!(from(&mapped, "10.1.2.3"), 200);
    assert_eq!(from(&app.client(), "11.0.0.1"), 200, "an ordinary key");
}

#[test]
fn networks_are_written_as_they_are_meant() {
    let server = TestServer::start();
    let app = server.app();
    let params = |network| [("app", app.id.as_str()), ("mode", "test"), ("networks[]", network)];
    for wrong in ["10.1.2.3/8", "10.0.0.0/33", "example.com", "", "2001:db8::1/32"] {
        let refused = server.admin().post(URL, &params(wrong)).refused(400);
        let param = refused["param"].as_str().unwrap().to_owned();
        assert!(param.starts_with("networks"), "{wrong}: {param}");
    }
    let made = server.admin().post(URL, &params("127.0.0.1/32")).ok();
    assert_eq!(made["networks"][0], "127.0.0.1");
    let mut many = vec![("app", app.id.as_str()), ("mode", "test")];
    many.extend(vec![("networks[]", "127.0.0.1"); 17]);
    server.admin().post(URL, &many).refused(400);
}

#[test]
fn a_key_that_is_used_up_is_refused_like_a_revoked_one() {
    let server = TestServer::start();
    let app = server.app();
    let (id, client) = make(&server, &app, &[("uses", "3")]);
    let one = format!("{URL}/{id}");
    client.set("token", "value").ok();
    // What never came to an operation is no use.
    client.get("/v1/nothing", &[]).refused(404);
    client.get("/v1/admin/accounts", &[]).refused(403);
    assert_eq!(server.admin().get(&one, &[]).ok()["uses_left"], 2);
    client.find("token").ok();
    client.find("nothing").refused(404);
    for _ in 0..2 {
        let refused = client.find("token").refused(401);
        assert_eq!(refused["code"], "api_key_expired");
    }
    client.set("token", "other").refused(401);
    // Also for a server that has never seen it.
    server.install(&app, &server.account());
    client.find("token").refused(401);
    assert_eq!(server.admin().get(&one, &[]).ok()["uses_left"], 0);
    assert_eq!(server.admin().get(URL, &[]).ok()["data"][0]["uses_left"], 0);
}

/// Whoever was given so many uses of a key gets no more by having it make others.
#[test]
fn what_ephemeral_keys_do_are_uses_of_the_key_that_made_them() {
    let server = TestServer::start();
    let app = server.app();
    let (id, client) = make(&server, &app, &[("uses", "4")]);
    let one = format!("{URL}/{id}");
    let user = || [("user", "usr_1"), ("account_access", "write")];
    let made = client.post("/v1/ephemeral_keys", &user());
    let ephemeral = server.anonymous().with_key(&made.text("secret"));
    let list = || ephemeral.list();
    list().ok();
    assert_eq!(server.admin().get(&one, &[]).ok()["uses_left"], 2);
    client.list().ok();
    list().ok();
    for _ in 0..2 {
        for refused in [list(), client.list()] {
            assert_eq!(refused.refused(401)["code"], "api_key_expired");
        }
    }
    // Also for a server that has never seen it.
    server.install(&app, &server.account());
    list().refused(401);
    assert_eq!(server.admin().get(&one, &[]).ok()["uses_left"], 0);
    // The last use makes none: it would be refused from the start.
    let (_, client) = make(&server, &app, &[("uses", "1")]);
    let refused = client.post("/v1/ephemeral_keys", &user()).refused(403);
    assert!(refused["message"].as_str().unwrap().contains("last use"), "{refused}");
    // One whose maker has no such limit is as it was.
    let made = app.client().post("/v1/ephemeral_keys", &user());
    let ephemeral = server.anonymous().with_key(&made.text("secret"));
    (0..5).for_each(|_| drop(ephemeral.list().ok()));
}

#[test]
fn a_use_is_counted_once_however_many_ask_at_once_and_wherever() {
    const USES: usize = 20;
    let home = tempfile::TempDir::new().unwrap();
    let data = home.path().join("data");
    let start = || TestServer::builder().data_dir(&data).without_background_jobs().start();
    let mut servers = vec![start()];
    if coffer_testkit::is_postgres() {
        servers.push(start());
    }
    let app = servers[0].app();
    let (_, client) = make(&servers[0], &app, &[("uses", "20")]);
    let let_in: usize = std::thread::scope(|scope| {
        let each = servers.iter().cycle().take(8);
        let threads: Vec<_> = each
            .map(|server| {
                let client = server.anonymous().with_key(client.key());
                scope.spawn(move || (0..10).filter(|_| client.list().status == 200).count())
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(let_in, USES);
    for server in &servers {
        server.clock.pass(Duration::from_secs(1));
        server.anonymous().with_key(client.key()).list().refused(401);
    }
}

/// Whoever can write to the data gives no key its uses or its time back.
#[test]
fn uses_and_the_end_of_a_rolled_key_are_not_in_the_data() {
    let server = TestServer::builder().without_background_jobs().start();
    let app = server.app();
    let columns = "expires_at, mac";
    let row = |id: &str| {
        let sql = format!("SELECT {columns} FROM api_key WHERE id = ?");
        server.query(&sql, &[id.into()]).remove(0).into_values()
    };
    let (id, client) = make(&server, &app, &[]);
    let before = row(&id);
    server.admin().post(&format!("{URL}/{id}/roll"), &[("expires_in", "60")]).ok();
    let sql = "UPDATE api_key SET expires_at = ?, mac = ? WHERE id = ?";
    let params = [before[0].clone(), before[1].clone(), id.as_str().into()];
    server.execute(sql, &params).unwrap();
    server.install(&app, &server.account());
    client.list().ok();
    server.clock.advance(60);
    client.list().refused(401);
    let (id, client) = make(&server, &app, &[("uses", "1")]);
    let sql = "UPDATE api_key SET uses = 1000 WHERE id = ?";
    client.list().ok();
    server.execute(sql, &[id.as_str().into()]).unwrap();
    server.install(&app, &server.account());
    client.list().refused(401);
}

#[test]
fn keys_end_by_default_where_the_operator_says_so() {
    let server = TestServer::builder().set(&KEY_LIFETIME_DAYS, "30").start();
    let app = server.app();
    let admin = server.admin();
    let params = [("app", app.id.as_str()), ("mode", "test")];
    let with =
        |more: &[(&'static str, &'static str)]| admin.post(URL, &[&params[..], more].concat()).ok();
    const DAYS: i64 = 30 * 86_400;
    assert_eq!(with(&[])["expires_at"], 1_800_000_000 + DAYS);
    assert_eq!(with(&[("expires_at", "1900000000")])["expires_at"], 1_900_000_000);
    assert!(with(&[("expires_at", "")])["expires_at"].is_null(), "never, if that is said");
    let admin_key = admin.post(URL, &[("type", "admin"), ("role", "auditor")]).ok();
    assert_eq!(admin_key["expires_at"], 1_800_000_000 + DAYS);
    server.clock.advance(DAYS);
    app.client().list().refused(401);
}
