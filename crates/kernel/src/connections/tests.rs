//! Who makes room, on tokio's clock, which the tests move.

use super::*;
use coffer_base::limit;
use std::pin::pin;
use std::time::Duration;

fn peer(last: u8) -> Peer {
    Peer::Ip([192, 0, 2, last].into())
}

fn is_given_up(connection: &OpenConnection) -> bool {
    let mut given_up = pin!(connection.is_given_up());
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    given_up.as_mut().poll(&mut cx).is_ready()
}

/// Runs a test on one thread, with tokio's clock stopped.
fn run(test: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().start_paused(true).build().unwrap().block_on(test);
}

async fn seconds(count: u64) {
    tokio::time::advance(Duration::from_secs(count)).await;
}

#[test]
fn the_longest_idle_goes_first_and_strangers_before_those_with_a_good_key() {
    run(async {
        let all = Connections::new(100);
        let known = all.add(peer(1), false).unwrap();
        known.vouch();
        known.enter(Phase::Idle);
        let busy = all.add(peer(2), false).unwrap();
        busy.enter(Phase::Serving);
        let uploading = all.add(peer(6), false).unwrap();
        uploading.vouch();
        seconds(5).await;
        uploading.enter(Phase::Pending);
        seconds(15).await;
        let silent = all.add(peer(3), false).unwrap();
        seconds(1).await;
        let slow = all.add(peer(4), false).unwrap();
        slow.received(10).unwrap();
        seconds(1).await;
        let newest = all.add(peer(5), false).unwrap();
        for (expected, others) in [
            (&silent, vec![&slow, &newest, &known, &uploading]),
            (&slow, vec![&newest, &known, &uploading]),
            (&newest, vec![&known, &uploading]),
            (&known, vec![&uploading]),
            (&uploading, vec![]),
        ] {
            assert!(all.close_longest_idle());
            assert!(is_given_up(expected));
            assert!(others.into_iter().all(|other| !is_given_up(other)));
        }
        assert!(!all.close_longest_idle() && !is_given_up(&busy), "a request is finished");
    });
}

#[test]
fn one_address_cannot_have_all_and_takes_from_itself() {
    run(async {
        let all = Connections::new(3);
        let mut many: Vec<_> = (0..3).map(|_| all.add(peer(1), false).unwrap()).collect();
        let other = all.add(peer(2), false).unwrap();
        seconds(1).await;
        many.push(all.add(peer(1), false).unwrap());
        let given_up: Vec<_> = many.iter().map(is_given_up).collect();
        assert_eq!(given_up.iter().filter(|each| **each).count(), 1);
        assert!(!given_up[3] && !is_given_up(&other));
        many.iter().for_each(|each| each.enter(Phase::Serving));
        assert!(all.add(peer(1), false).is_none(), "all of them are busy");
        assert!(all.add(peer(1), true).is_some(), "a proxy stands for many");
        drop(many);
        assert!(all.add(peer(1), false).is_some());
        assert_eq!(all.count(), 1);
    });
}

#[test]
fn unfinished_heads_are_bounded_whoever_sends_them() {
    for (connections, each) in [(800, 155_000), (2000, 20_000), (1000, 8000)] {
        run(async move {
            let all = Connections::new(100_000);
            let mut open = Vec::new();
            let mut finished = 0;
            for number in 0..connections {
                let connection = all.add(peer(1), false).unwrap();
                let accepted = connection.received(each);
                // Those that are given up go, as their tasks would.
                if accepted.is_ok() {
                    open.push(connection);
                }
                open.retain(|connection| !is_given_up(connection));
                assert!(all.unfinished_head_bytes() <= limits::UNFINISHED_HEAD_BYTES, "{number}");
                // An honest head, as long as the longest that browsers send, always comes through.
                seconds(0).await;
                let honest = all.add(peer(2), false).unwrap();
                if honest.received(4000).is_ok() && honest.received(4000).is_ok() {
                    finished += 1;
                }
            }
            assert_eq!(finished, connections);
            drop(open);
            assert_eq!((all.unfinished_head_bytes(), all.count()), (0, 0));
        });
    }
}

#[test]
fn a_head_that_ends_is_no_longer_counted() {
    run(async {
        let all = Connections::new(10);
        let connection = all.add(peer(1), false).unwrap();
        for _ in 0..3 {
            connection.received(limits::HEAD_BYTES_FREE).unwrap();
            assert_eq!(all.unfinished_head_bytes(), 0);
            connection.received(1000).unwrap();
            assert_eq!(all.unfinished_head_bytes(), 1000);
            connection.enter(Phase::Serving);
            connection.received(100_000).unwrap();
            assert_eq!(all.unfinished_head_bytes(), 0, "a body has its own bound");
            connection.enter(Phase::Idle);
        }
    });
}

#[test]
fn each_phase_has_its_time() {
    run(async {
        let all = Connections::new(10);
        for (phase, allowed) in [
            (Phase::Silent, limits::FIRST_BYTE_SECONDS),
            (Phase::Head, limit::HEADER_SECONDS),
            (Phase::Idle, limit::IDLE_SECONDS),
            (Phase::Pending, limit::REQUEST_SECONDS + limit::BODY_SECONDS),
            (Phase::Serving, limit::REQUEST_SECONDS + limit::BODY_SECONDS),
        ] {
            let connection = all.add(peer(1), true).unwrap();
            connection.enter(phase);
            seconds(allowed).await;
            assert!(!connection.is_overdue(), "{phase:?}");
            seconds(1).await;
            assert!(connection.is_overdue(), "{phase:?}");
        }
    });
}
