//! A thousand endpoints of which a hundred hang, in time that passes only when the test says so:
//! the others have their events before any of it has, but for what a look at what waits may take.

use super::life::{Around, CALM, Cut, DATA, Life, settle};
use super::receivers::{GOOD, HANG, Receivers};
use super::template::{Endpoint, Template, home, make};
use super::wire::Request;
use coffer_base::{TestClock, TestRandom, Timestamp};
use coffer_storage::Faults;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Builder;

const ACCOUNTS: usize = 10;

/// Endpoints of each account, and which of them hang: every tenth.
const ENDPOINTS: usize = 100;
const HANGS: usize = 10;

/// Events of each account, one after the other.
const EVENTS: usize = 2;

/// What may pass until all others have an event: two looks at what waits. Those that hang do so for
/// a hundred times as long.
const DELAY: Duration = Duration::from_millis(200);
const STEP: Duration = Duration::from_millis(100);

fn endpoints(accounts: &[String]) -> Vec<Endpoint> {
    let of = |account: &String, number: usize| {
        let what = if number.is_multiple_of(HANGS) { HANG } else { GOOD };
        let (path, account) = (format!("{what}/{account}/{number}"), Some(account.clone()));
        Endpoint { account, path, connect: "false" }
    };
    accounts.iter().flat_map(|account| (0..ENDPOINTS).map(move |at| of(account, at))).collect()
}

/// Lets all go on that can, without any time.
async fn calm(life: &Life) {
    loop {
        settle(CALM).await;
        if life.store(DATA).stats().waiting == 0 {
            return;
        }
        life.batch(DATA, None, Cut::Nowhere);
    }
}

/// Makes a plan for each account.
async fn happen(life: &Life, template: &Template) {
    let plan = [
        ("percent", "10"),
        ("type", "rolling_release"),
        ("rolling_release[days_after_charge]", "30"),
    ];
    for account in &template.accounts {
        let request = Request::new("POST", "/v1/reserve/plans", &plan);
        let request = Request { account: Some(account.clone()), ..request };
        life.ask(&template.key, &request).await.unwrap().ok();
    }
}

/// Waits until all others have an event; how long that took. Adds those that hang.
async fn arrive(life: &Life, receivers: &Receivers, hang: &mut BTreeSet<String>) -> Duration {
    let (mut good, mut passed) = (BTreeSet::new(), Duration::ZERO);
    loop {
        calm(life).await;
        for one in receivers.take() {
            let to = if one.path.starts_with(GOOD) { &mut good } else { &mut *hang };
            assert!(to.insert(one.path), "each has the event once, and who hangs one attempt");
        }
        if good.len() == ACCOUNTS * (ENDPOINTS - ENDPOINTS / HANGS) {
            return passed;
        }
        assert!(passed < DELAY, "only {} have arrived", good.len());
        tokio::time::advance(STEP).await;
        passed += STEP;
    }
}

#[test]
fn simulation_of_receivers_that_hang_lets_no_other_wait() {
    let made = Builder::new_current_thread().enable_time().build().unwrap();
    let template = made.block_on(make(ACCOUNTS, endpoints));
    let home = home();
    let directory = home.path().join("data");
    template.disk.write(&directory);
    let receivers = Arc::new(Receivers::new(1));
    let around = Around {
        clock: Arc::new(TestClock::at(Timestamp::from_unix(template.now))),
        random: Arc::new(TestRandom::seeded(1)),
        receivers: Arc::clone(&receivers),
        canary: Faults::none(),
    };
    let paused = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let life = paused.block_on(async {
        let life = around.start(&directory).await.unwrap();
        let mut hang = BTreeSet::new();
        happen(&life, &template).await;
        let sending = life.send_webhooks();
        for event in 1..=EVENTS {
            let passed = arrive(&life, &receivers, &mut hang).await;
            println!("event {event}: all others after {passed:?}");
            happen(&life, &template).await;
        }
        assert_eq!(hang.len(), ACCOUNTS * ENDPOINTS / HANGS);
        assert!(!sending.is_finished(), "they still hang");
        life
    });
    life.release();
    drop(paused);
}
