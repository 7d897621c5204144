//! Measures the log of an embedded store: how long it takes to write so many entries, to take them
//! into the log, and to verify it. With a number of seconds behind that of the entries it fails if
//! verifying takes longer.
//!
//! ```sh
//! cargo run --release -p coffer-audit --example audit_log -- 10000000 60
//! ```

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement ends at what it did not expect, and prints what it found"
)]

use coffer_audit::checkpoint::VerifierKey;
use coffer_audit::{Entry, Expected, MIGRATIONS, SIGNING_PURPOSE, Sequencer, verify};
use coffer_base::{Clock, SystemClock, Tenant, TestRandom, Timestamp};
use coffer_storage::{Options, Result, Store, Tx, Work};
use std::sync::Arc;
use std::time::Instant;

/// Entries of one transaction.
const BATCH: u64 = 10_000;

struct Fill(u64);

impl Work for Fill {
    type Out = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        for number in 0..BATCH {
            let at = Timestamp::from_unix(1_800_000_000);
            let entry = Entry::of_program("apps.secrets.create", Tenant::system(), at);
            let request = Some(Arc::from(format!("req_{:014}", self.0 + number)));
            let detail = Some("as long as what most entries have besides".to_owned());
            coffer_audit::append(tx, &Entry { request, detail, ..entry });
        }
        Ok(())
    }
}

fn main() {
    let entries: u64 = std::env::args().nth(1).map_or(1_000_000, |text| text.parse().unwrap());
    let most: f64 = std::env::args().nth(2).map_or(f64::INFINITY, |text| text.parse().unwrap());
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
        let directory = tempfile::tempdir().unwrap();
        let now = SystemClock.now();
        let random = Arc::new(TestRandom::seeded(1));
        let keys = directory.path().join("keys.db");
        let keyring = coffer_keyring::testing::keyring(&keys, random, now).await.unwrap();
        keyring.create_row_key(now).await.unwrap();
        let signing = keyring.signing_key(SIGNING_PURPOSE).await.unwrap();
        let key = VerifierKey::of(keyring.store_id(), &signing).unwrap();
        let path = directory.path().join("data.db");
        let (store, _) = Store::open_sqlite(&path, &[MIGRATIONS], now, Options::default()).unwrap();

        let begun = Instant::now();
        for batch in 0..entries.div_ceil(BATCH) {
            store.write(Fill(batch * BATCH)).await.unwrap();
        }
        report("written", entries, begun);
        let begun = Instant::now();
        let sequencer = Sequencer::new(store.clone(), Arc::new(keyring));
        while sequencer.run(now).await.unwrap() > 0 {}
        report("taken into the log", entries, begun);
        let begun = Instant::now();
        let expected = Expected::new(key, Vec::new());
        let found = verify(&store, &expected, |_, _| ()).await.unwrap();
        let seconds = report("verified", found.size, begun);
        assert_eq!((found.problems, found.size), (vec![], entries.div_ceil(BATCH) * BATCH));
        assert!(seconds <= most, "verifying took more than {most} s");
    });
}

fn report(what: &str, entries: u64, begun: Instant) -> f64 {
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "{entries} entries {what} in {seconds:.1} s, {:.1} µs each",
        seconds / entries as f64 * 1e6
    );
    seconds
}
