use super::*;
use coffer_base::TestClock;
use coffer_storage::{Faults, Options};
use tempfile::TempDir;

const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

struct World {
    recorder: Arc<Recorder>,
    store: Store,
    _home: TempDir,
}

fn world(faults: Faults) -> World {
    let home = TempDir::new().unwrap();
    let options = Options { faults, ..Options::default() };
    let path = home.path().join("data.db");
    let (store, _) = Store::open_sqlite(&path, &[coffer_audit::MIGRATIONS], NOW, options).unwrap();
    let clock = Arc::new(TestClock::at(NOW));
    World { recorder: Arc::new(Recorder::new(&store, clock, Arc::default())), store, _home: home }
}

fn entry(operation: &'static str) -> Entry {
    Entry::of_program(operation, Tenant::system(), NOW)
}

/// How many rows of each operation there are.
async fn rows(store: &Store) -> Vec<(String, i64, Option<i64>)> {
    let sql = "SELECT operation, count(*), sum(amount) FROM audit_entry GROUP BY operation \
               ORDER BY operation";
    let rows = store.query_part(sql, &[]).await.unwrap();
    let row = |row: &coffer_storage::Row| {
        (row.text(0).unwrap().to_owned(), row.int(1).unwrap(), row.optional_int(2).unwrap())
    };
    rows.iter().map(row).collect()
}

#[tokio::test]
async fn what_is_written_is_there_and_what_is_pushed_comes_soon() {
    let World { recorder, store, _home } = world(Faults::none());
    recorder.push(entry("pushed"));
    recorder.write(entry("written")).await.unwrap();
    let all = rows(&store).await;
    assert_eq!(all, [("pushed".into(), 1, None), ("written".into(), 1, None)]);
    let numbered = "SELECT id, operation FROM audit_entry ORDER BY id";
    let numbered = store.query_part(numbered, &[]).await.unwrap();
    let numbered = numbered.iter().map(|row| (row.int(0).unwrap(), row.text(1).unwrap()));
    assert_eq!(numbered.collect::<Vec<_>>(), [(1, "pushed"), (2, "written")]);
    for _ in 0..2000 {
        recorder.push(entry("pushed"));
    }
    recorder.flush().await;
    assert_eq!(rows(&store).await.first().unwrap().1, 2001);
    // A task that has ended is followed by another one.
    while !recorder.waiting().is_empty() || recorder.waiting().has_writer {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    recorder.push(entry("later"));
    while rows(&store).await.iter().all(|(operation, ..)| operation != "later") {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn while_nothing_can_be_written_entries_wait_and_what_has_no_room_is_counted() {
    let armed = Arc::new(AtomicBool::new(true));
    let World { recorder, store, _home } = world(Faults::none().fail_commit(Arc::clone(&armed)));
    assert!(recorder.write(entry("strict")).await.is_err());
    assert!(recorder.is_failing());
    for _ in 0..limits::AUDIT_WAITING + 7 {
        recorder.push(entry("relaxed"));
    }
    recorder.leave_out(Omission::RefusedKnown);
    assert!(!recorder.write_waiting(true).await);
    armed.store(false, Ordering::SeqCst);
    recorder.flush().await;
    assert!(!recorder.is_failing());
    let all = rows(&store).await;
    let [(_, _, left_out), (relaxed, kept, _)] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!(relaxed, "relaxed");
    // The one that was not answered, the refusal, and those for which there was no room.
    let pushed = i64::try_from(limits::AUDIT_WAITING).unwrap() + 7;
    assert_eq!(left_out.unwrap() + kept, 2 + pushed);
    assert!(left_out.unwrap() >= 9, "{left_out:?}");
}

#[tokio::test]
async fn what_comes_while_a_batch_is_written_waits_for_more() {
    let World { recorder, store, _home } = world(Faults::none());
    // No task but this one writes.
    recorder.waiting().has_writer = true;
    recorder.push(entry("first"));
    let mut writing = std::pin::pin!(recorder.write_waiting(false));
    std::future::poll_fn(|context| {
        assert!(writing.as_mut().poll(context).is_pending());
        std::task::Poll::Ready(())
    })
    .await;
    recorder.push(entry("second"));
    assert!(writing.await);
    assert_eq!(rows(&store).await, [("first".into(), 1, None)]);
    assert_eq!(recorder.count_waiting(), 1);
    for _ in 0..limits::AUDIT_BATCH {
        recorder.push(entry("third"));
    }
    // A full one is followed by what is left.
    assert!(recorder.write_waiting(false).await);
    assert_eq!(recorder.count_waiting(), 0);
}
