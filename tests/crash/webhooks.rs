//! Rounds of load and SIGKILL while webhooks are sent: each event that was committed arrives at
//! each endpoint, none arrives that was not, and few arrive twice.

use crate::kill::{Answers, wait_until};
use crate::kill_rounds::Fixture;
use crate::process::{Program, start_with_admin};
use coffer_testkit::Client;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

const ROUNDS: usize = 5;
const CALLERS: usize = 3;
const ENDPOINTS: usize = 2;

/// Answers until the kill: enough that deliveries are under way.
const ANSWERS: usize = 60;

const PLAN: [(&str, &str); 3] =
    [("percent", "10"), ("type", "rolling_release"), ("rolling_release[days_after_charge]", "30")];

/// How often each event has arrived, by path.
type Arrived = BTreeMap<String, BTreeMap<String, usize>>;

fn receiver() -> (u16, Arc<Mutex<Arrived>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let arrived = Arc::<Mutex<Arrived>>::default();
    let kept = Arc::clone(&arrived);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, kept) = (stream.unwrap(), Arc::clone(&kept));
            // Whoever sends may be killed at any moment.
            std::thread::spawn(move || drop(take(&stream, &kept)));
        }
    });
    (port, arrived)
}

fn take(mut stream: &TcpStream, arrived: &Mutex<Arrived>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let (mut path, mut length) = (String::new(), 0);
    for line in reader.by_ref().lines() {
        let line = line?.to_ascii_lowercase();
        match line.split(' ').collect::<Vec<_>>().as_slice() {
            ["post", to, _] => (*to).clone_into(&mut path),
            ["content-length:", value] => length = value.parse().unwrap(),
            [""] => break,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let event: Value = serde_json::from_slice(&body)?;
    let id = event["id"].as_str().unwrap_or_default().to_owned();
    *arrived.lock().unwrap().entry(path).or_default().entry(id).or_default() += 1;
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
}

/// Makes a plan and disables it, again and again, until the server is gone.
fn load(client: &Client, answers: &Answers) {
    let form = coffer_testkit::encode(&PLAN);
    while let Ok(made) = client.attempt("POST", "/v1/reserve/plans", Some(&form)) {
        answers.add();
        if made.status != 200 {
            continue;
        }
        let path = format!("/v1/reserve/plans/{}/disable", made.text("id"));
        if client.attempt("POST", &path, Some("")).is_err() {
            return;
        }
    }
}

/// The ids of all events.
fn events(client: &Client) -> BTreeSet<String> {
    let mut ids = Vec::<String>::new();
    loop {
        let mut params = vec![("limit", "100")];
        params.extend(ids.last().map(|last| ("starting_after", last.as_str())));
        let page = client.get("/v1/events", &params).ok();
        let id = |one: &Value| one["id"].as_str().unwrap().to_owned();
        let more: Vec<String> = page["data"].as_array().unwrap().iter().map(id).collect();
        ids.extend(more);
        if page["has_more"] == false {
            return ids.into_iter().collect();
        }
    }
}

#[test]
fn whatever_a_kill_cuts_every_event_arrives_and_no_other() {
    let fixture = Fixture::new(0);
    let (server, admin) = start_with_admin(fixture.directory());
    let admin = server.anonymous().with_key(&admin);
    let app = admin.get("/v1/admin/apps", &[]).ok()["data"][0]["id"].clone();
    let params = [("app", app.as_str().unwrap()), ("mode", "test")];
    let key = admin.post("/v1/admin/api_keys", &params).text("key");
    let client = server.anonymous().with_key(&key);
    let (port, arrived) = receiver();
    for path in 0..ENDPOINTS {
        let url = format!("http://127.0.0.1:{port}/{path}");
        let params = [("url", url.as_str()), ("enabled_events[]", "*")];
        client.post("/v1/webhook_endpoints", &params).ok();
    }
    server.stop();
    for _ in 0..ROUNDS {
        let mut server = Program::Test("none").start(fixture.directory()).unwrap();
        let client = server.anonymous().with_key(&key);
        let answers = Answers::default();
        std::thread::scope(|scope| {
            (0..CALLERS).for_each(|_| drop(scope.spawn(|| load(&client, &answers))));
            answers.wait_for(ANSWERS);
            server.kill();
        });
    }
    let server = Program::Test("none").start(fixture.directory()).unwrap();
    let committed = events(&server.anonymous().with_key(&key));
    let count = || arrived.lock().unwrap().values().map(BTreeMap::len).sum::<usize>();
    wait_until(|| count() >= ENDPOINTS * committed.len(), "all events arrive");
    let arrived = arrived.lock().unwrap();
    assert_eq!(arrived.len(), ENDPOINTS);
    for (path, counts) in &*arrived {
        assert_eq!(counts.keys().collect::<Vec<_>>(), committed.iter().collect::<Vec<_>>());
        let twice: usize = counts.values().map(|count| count - 1).sum();
        println!("{path}: {} events, {twice} deliveries twice, {ROUNDS} kills", counts.len());
        assert!(twice <= counts.len() / 4, "{twice} of {} came twice", counts.len());
    }
    println!("durability: kill -9, webhooks | {ROUNDS} | {} | 0", committed.len());
    assert!(committed.len() >= ROUNDS * ANSWERS);
    server.stop();
}
