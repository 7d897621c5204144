//! Places that are taken in turn.

use std::sync::Arc;

use tokio::task::JoinHandle;

use super::*;
use crate::gate::{Entrant, Gate, Place, Places, Purpose};

const SOME: Places = Places { total: 6, reads: 5, writes: 4, each: 2, jobs: 1 };

fn reads(share: Share) -> Entrant {
    Entrant { share, purpose: Purpose::Read }
}

fn writes(share: Share) -> Entrant {
    Entrant { share, purpose: Purpose::Write }
}

fn app(name: &str) -> Share {
    Share::of_app(name)
}

/// Wants a place; returns once it has one, or waits for it.
async fn want(gate: &Arc<Gate>, entrant: Entrant) -> JoinHandle<Result<Place>> {
    let before = gate.waiting();
    let wanting = Arc::clone(gate);
    let task = tokio::spawn(async move { wanting.enter(entrant).await });
    while !task.is_finished() && gate.waiting() == before {
        tokio::task::yield_now().await;
    }
    task
}

async fn has_place(task: &JoinHandle<Result<Place>>) -> bool {
    // Everything that can go on has gone on after as many rounds as there are tasks in these tests.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    task.is_finished()
}

#[tokio::test]
async fn no_app_has_more_than_its_part_and_not_all_is_for_apps() {
    let gate = Gate::new(SOME);
    let mut held = Vec::new();
    for entrant in [writes(app("a")), reads(app("a")), writes(app("b")), writes(app("b"))] {
        held.push(gate.enter(entrant).await.unwrap());
    }
    let third = want(&gate, reads(app("a"))).await;
    assert!(!has_place(&third).await, "it has two");
    let write = want(&gate, writes(app("c"))).await;
    assert!(!has_place(&write).await, "four are in use, and the others are not for writes");
    let read = want(&gate, reads(app("c"))).await;
    assert!(has_place(&read).await);
    let last = want(&gate, reads(app("d"))).await;
    assert!(!has_place(&last).await, "the last is not for apps");
    let system = want(&gate, reads(Share::AUTHENTICATION)).await;
    assert!(has_place(&system).await);
    // One of a's leaves, so a has its third; the last is still for the server.
    drop(held.remove(0));
    assert!(!has_place(&third).await && !has_place(&write).await && !has_place(&last).await);
    drop(system);
    assert!(has_place(&third).await, "now fewer are in use");
    assert!(!has_place(&write).await && !has_place(&last).await);
}

#[tokio::test]
async fn those_who_wait_are_served_in_turn() {
    let gate = Gate::new(Places::ONE);
    let first = gate.enter(writes(app("a"))).await.unwrap();
    let mut waiting = Vec::new();
    for name in ["a", "a", "a", "b"] {
        waiting.push(want(&gate, writes(app(name))).await);
    }
    drop(first);
    for next in [0, 3, 1, 2] {
        for (at, task) in waiting.iter().enumerate() {
            assert_eq!(has_place(task).await, at == next, "{at} while it is {next}'s turn");
        }
        let task = std::mem::replace(&mut waiting[next], tokio::spawn(async { pending().await }));
        drop(task.await.unwrap().unwrap());
    }
}

/// Never returns.
async fn pending() -> Result<Place> {
    std::future::pending().await
}

#[tokio::test]
async fn jobs_have_a_part_of_their_own() {
    let gate = Gate::new(SOME);
    let job = gate.enter(writes(Share::JOBS)).await.unwrap();
    let another = want(&gate, writes(Share::JOBS)).await;
    assert!(!has_place(&another).await);
    drop(job);
    assert!(has_place(&another).await);
}

#[tokio::test]
async fn who_goes_away_leaves_its_place_to_the_next() {
    let gate = Gate::new(Places::ONE);
    let first = gate.enter(writes(app("a"))).await.unwrap();
    let gone = want(&gate, writes(app("a"))).await;
    let next = want(&gate, writes(app("b"))).await;
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    drop(first);
    assert!(has_place(&next).await);
    // The same for who goes away with a place that it was given and has not taken up.
    let last = want(&gate, writes(app("c"))).await;
    drop(next.await.unwrap().unwrap());
    last.abort();
    let _ = last.await;
    drop(gate.enter(writes(app("d"))).await.unwrap());
}

#[tokio::test]
async fn waiting_ends_in_time_and_with_the_gate() {
    let gate = Gate::new(Places::ONE);
    let _first = gate.enter(writes(app("a"))).await.unwrap();
    let error = gate.enter(writes(app("b"))).await.unwrap_err();
    assert_eq!(error, StorageError::Busy);
    let waiting = want(&gate, writes(app("b"))).await;
    gate.close();
    assert_eq!(waiting.await.unwrap().unwrap_err(), StorageError::Closed);
    assert_eq!(gate.enter(writes(app("c"))).await.unwrap_err(), StorageError::Closed);
}

#[test]
fn any_number_of_connections_leaves_something_for_everybody() {
    for total in 0..=64 {
        let Places { total, reads, writes, each, jobs } = Places::connections(total);
        assert!(total >= 1 && 1 <= writes && writes <= reads && reads <= total, "{total}");
        assert!(1 <= each && 1 <= jobs && each <= total.div_ceil(2), "{total}");
    }
    let Places { total, reads, writes, each, jobs } = Places::connections(24);
    assert_eq!([total, reads, writes, each, jobs], [24, 22, 20, 12, 4]);
}
