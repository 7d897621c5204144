//! Keys that rotate while everybody writes.

use coffer_kernel::ROTATION_RATE;
use coffer_testkit::{Client, TestServer, insist};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

/// Callers, each with names of its own, so that each knows what must be there.
const CALLERS: usize = 4;

/// What each of them does at least.
const STEPS: usize = 120;

/// Rotations that end while they do.
const ROTATIONS: usize = 3;

const KEYRING: &str = "/v1/admin/keyring";

/// One caller's secrets, and what must be in them.
struct Caller {
    number: usize,
    client: Client,
    secrets: BTreeMap<usize, String>,
}

impl Caller {
    fn step(&mut self, step: usize) {
        let name = (step * 7 + self.number) % 5;
        let text = format!("{} {name}", self.number);
        match step % 6 {
            0 | 2 | 4 => {
                let value = format!("value {step}");
                let expires = step.is_multiple_of(4).then(|| "1900000000".to_owned());
                let mut params = vec![
                    ("name", text.as_str()),
                    ("payload", value.as_str()),
                    ("scope[type]", "account"),
                ];
                params.extend(expires.as_deref().map(|at| ("expires_at", at)));
                let keyed = self.client.idempotent(&format!("{text} {step}"));
                let send = || insist(|| keyed.post("/v1/apps/secrets", &params));
                let first = send();
                first.ok();
                let again = send();
                assert_eq!(again.header("idempotent-replayed"), Some("true"), "{}", again.body);
                assert_eq!(again.body, first.body);
                self.secrets.insert(name, value);
            }
            1 => {
                let removed = insist(|| self.client.remove(&text));
                let expected = if self.secrets.remove(&name).is_some() { 200 } else { 404 };
                assert_eq!(removed.status, expected, "{}", removed.body);
            }
            _ => self.check(name),
        }
    }

    fn check(&self, name: usize) {
        let found = insist(|| self.client.find(&format!("{} {name}", self.number)));
        match self.secrets.get(&name) {
            Some(value) => assert_eq!(found.ok()["payload"], value.as_str()),
            None => drop(found.refused(404)),
        }
    }
}

/// Rotates all keys, and waits for the end.
fn rotate(server: &TestServer) {
    server.admin().post(&format!("{KEYRING}/rotate"), &[("keys", "all")]).ok();
    let job = server.job("rotate_keys");
    let context = server.server().installation().context.clone();
    loop {
        server.block_on(job.run(&context)).unwrap();
        let keyring = server.admin().get(KEYRING, &[]).ok();
        let rotation = &keyring["rotation"];
        if !rotation["finished"].is_null() {
            assert_eq!(rotation["records_under_old_keys"], 0, "{rotation}");
            assert_eq!(rotation["unreadable"], 0, "{rotation}");
            assert_eq!(keyring["old_tenant_keys"], 0, "{keyring}");
            return;
        }
    }
}

#[test]
fn whoever_writes_while_keys_rotate_loses_nothing() {
    let builder = TestServer::builder().set(&ROTATION_RATE, "1000000");
    let server = builder.without_background_jobs().start();
    let app = server.app();
    let (_, connected) = server.connected(&app);
    let clients = [app.client(), app.client(), app.live(), connected];
    let rotated = AtomicBool::new(false);
    let callers: Vec<Caller> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..CALLERS)
            .map(|number| {
                let (client, rotated) = (clients[number].clone(), &rotated);
                let mut caller = Caller { number, client, secrets: BTreeMap::new() };
                scope.spawn(move || {
                    let mut step = 0;
                    while step < STEPS || !rotated.load(Ordering::SeqCst) {
                        caller.step(step);
                        step += 1;
                    }
                    caller
                })
            })
            .collect();
        for _ in 0..ROTATIONS {
            rotate(&server);
        }
        rotated.store(true, Ordering::SeqCst);
        running.into_iter().map(|caller| caller.join().unwrap()).collect()
    });
    rotate(&server);
    for caller in &callers {
        (0..5).for_each(|name| caller.check(name));
    }
    let context = &server.server().installation().context;
    let families = coffer::family_set::FamilySet::default();
    let opened = server.block_on(families.open_all(&context.store, &context.keyring)).unwrap();
    let here = opened.iter().filter(|(what, _)| *what != "webhook secrets");
    assert!(here.clone().count() > 1 && here.clone().all(|(_, count)| *count > 0), "{opened:?}");
}
