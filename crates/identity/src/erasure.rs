//! Erasing tenants for good: first their keys, then their rows.
//!
//! An operation lists a tenant for erasure in its own transaction, begins a new generation of it,
//! and destroys the old one's keys before it answers; from then on nothing of it can be opened. The
//! rows are deleted by a job, in small transactions, while the tenant may live again. All steps may
//! be repeated, and several servers may run them at once.

use crate::floors::{of_erasure, of_generation};
use crate::objects::ErasureReceipt;
use crate::revocation::settle;
use crate::row_mac::RowMac;
use crate::store::{self, CompleteReceipt, Erasure, Erasures, FinishErasure, RotateForUser};
use coffer_base::{AccountId, AppId, Clock, Mode, Tenant, Timestamp, limit};
use coffer_kernel::{AuditEntry, Prune, append_audit, record_audit};
use coffer_keyring::{FLOORS_AT_ONCE, Keyring, KeyringError, Revocation, retire_seal};
use coffer_storage::{Query, StorageError, Store, Tx, Value, Work};
use std::sync::Arc;
use tracing::info;

/// Erases what is listed for erasure.
pub(crate) struct Eraser {
    /// Where the tenants' keys are destroyed.
    keyring: Arc<Keyring>,
    /// Checks the list: a row that somebody else wrote would destroy a tenant's keys.
    mac: RowMac,
    /// How the families' rows of a tenant are deleted.
    purge: Vec<Prune>,
    /// How their rows of one of its users are.
    purge_user: Vec<Prune>,
    /// When receipts are completed.
    clock: Arc<dyn Clock>,
}

/// Bars the keys of a tenant from sealing new rows, while its erasure is listed. It must come
/// before the keys are destroyed: a write that holds them in memory would otherwise store what
/// nobody can open.
struct Retire {
    /// The erasure that must still be listed.
    erasure: Erasure,
    /// The tenant of one mode of it.
    tenant: Tenant,
    /// The tenant's newest key version, up to which all are destroyed; 0 if it never had a key.
    newest: u32,
    now: Timestamp,
}

impl Work for Retire {
    /// Whether the erasure is still to be done.
    type Out = bool;

    fn grows(&self) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StorageError> {
        let Query { sql, params } = self.erasure.listed_query();
        if tx.query(sql, &params).await?.is_empty() {
            return Ok(false);
        }
        retire_seal(tx, &self.tenant, self.newest).await?;
        if self.newest > 0 {
            // Before they are destroyed: what is recorded may be repeated, and never missing.
            let entry = of(&self.erasure, "program.keys.destroy", &self.tenant, self.now);
            append_audit(tx, &AuditEntry { amount: Some(self.newest.into()), ..entry });
        }
        Ok(true)
    }
}

/// An entry of the audit of what the program does for an erasure, which names the request that
/// asked for it.
fn of(erasure: &Erasure, operation: &'static str, tenant: &Tenant, now: Timestamp) -> AuditEntry {
    let entry = AuditEntry::of_program(operation, tenant.clone(), now);
    AuditEntry { request: Some(erasure.request.as_str().into()), ..entry }
}

/// What the key store remembers of an erasure that is done.
fn end_of(erasure: &Erasure) -> Revocation {
    let subject = of_erasure(erasure.app.as_str(), erasure.account.as_str());
    Revocation { subject, floor: erasure.seq, expires_at: None }
}

/// Whether the erasure was done before.
async fn is_done(keys: &Store, erasure: &Erasure) -> Result<bool, KeyringError> {
    let Revocation { subject, floor, .. } = end_of(erasure);
    Ok(floor_of(keys, subject).await?.is_some_and(|done| done >= floor))
}

/// The floor of one subject.
async fn floor_of(keys: &Store, subject: String) -> Result<Option<i64>, KeyringError> {
    let mut subjects: [String; FLOORS_AT_ONCE] = Default::default();
    if let Some(first) = subjects.first_mut() {
        first.clone_from(&subject);
    }
    Ok(coffer_keyring::floors(keys, &subjects).await?.get(&subject).copied())
}

/// Erasures of whichever request.
const ANY_REQUEST: &str = "";

/// An erasure covers both modes, each of which is a tenant with keys of its own.
fn tenants(erasure: &Erasure) -> [Tenant; 2] {
    let Erasure { app, account, .. } = erasure;
    Mode::ALL.map(|mode| Tenant { mode, app: app.clone(), account: account.clone() })
}

impl Eraser {
    /// An eraser over the keys in `keyring` and the families' rows that `purge` selects.
    pub fn new(
        keyring: Arc<Keyring>,
        mac: RowMac,
        purge: Vec<Prune>,
        purge_user: Vec<Prune>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { keyring, mac, purge, purge_user, clock }
    }

    /// The next page of what is to be erased, from behind `after` on. A row that was put back after
    /// its erasure was done is taken off the list: the tenant may live again.
    async fn page(
        &self,
        store: &Store,
        request: &str,
        after: Option<[Value; 2]>,
    ) -> Result<Erasures, KeyringError> {
        let mut page = store::erasures(store, &self.mac, request, after, limit::JOB_BATCH).await?;
        for at in (0..page.listed.len()).rev() {
            let Some(erasure) = page.listed.get(at) else { continue };
            if is_done(self.keyring.store(), erasure).await? {
                store.write(FinishErasure(page.listed.remove(at))).await?;
            }
        }
        Ok(page)
    }

    /// Moves the revocations that a transaction has listed to the key store.
    ///
    /// # Errors
    /// When a store fails; the job then goes on.
    pub async fn settle(&self, store: &Store) -> Result<u64, KeyringError> {
        settle(store, self.keyring.store(), &self.mac).await
    }

    /// Destroys the keys of what `request` listed for erasure: from then on no server can open any
    /// of it. It waits for no other request's erasure. Returns whether the key store's log is
    /// emptied too, so that no copy of the files that is made later has the keys either.
    ///
    /// # Errors
    /// When a store fails; the keys that were destroyed stay so, and the job goes on later.
    pub async fn destroy_keys(&self, store: &Store, request: &str) -> Result<bool, KeyringError> {
        let mut after = None;
        loop {
            let page = self.page(store, request, after).await?;
            for erasure in &page.listed {
                self.destroy_keys_of(store, erasure).await?;
            }
            let Some(last) = page.last else { break };
            after = Some(last);
        }
        match self.keyring.empty_log().await {
            Ok(()) => Ok(true),
            Err(error) => {
                info!(%error, "the key store's log still holds keys that were destroyed");
                Ok(false)
            }
        }
    }

    /// Completes the receipts of `request`, whose keys are destroyed and out of the log; or of all
    /// requests of which nothing is listed any more, if it is empty. A new epoch of the key store
    /// begins for them, so that copies from before tell themselves from those that hold none of the
    /// keys.
    ///
    /// # Errors
    /// When a store fails; the job then goes on.
    pub async fn complete_receipts(
        &self,
        store: &Store,
        request: &str,
    ) -> Result<(), KeyringError> {
        let open = store::open_receipts(store, request).await?;
        if open.is_empty() {
            return Ok(());
        }
        let epoch = coffer_keyring::advance_epoch(self.keyring.store()).await?;
        let now = self.clock.now();
        for receipt in open {
            store.write(CompleteReceipt { receipt, epoch, now }).await?;
        }
        Ok(())
    }

    /// Goes on with the erasure of one user of an account: deletes what all apps keep for the user,
    /// in both modes, and begins a rotation of the account's keys, which seals what is left under
    /// new ones and destroys those from before. A rotation that is under way is waited for.
    ///
    /// # Errors
    /// When a store fails: what was deleted stays deleted, and the job goes on.
    pub async fn erase_user(
        &self,
        store: &Store,
        receipt: &ErasureReceipt,
    ) -> Result<(), KeyringError> {
        let user = receipt.user.as_deref().unwrap_or_default();
        for app in store::apps_on(store, &receipt.account).await? {
            let generation = self.newest_generation(store, &app, &receipt.account).await?;
            let account = receipt.account.in_generation(generation);
            for mode in Mode::ALL {
                let tenant = Tenant { mode, app: app.clone(), account: account.clone() };
                coffer_kernel::purge_user(store, &tenant, user, &self.purge_user).await?;
            }
        }
        let floor = coffer_keyring::highest_rotation(self.keyring.store()).await?;
        let (receipt, now) = (receipt.clone(), self.clock.now());
        Ok(store.write(RotateForUser { receipt, floor, now }).await?)
    }

    /// Goes on with the erasure of all users whose receipts are not done, and completes the
    /// receipts of those whose old keys are destroyed.
    ///
    /// # Errors
    /// When a store fails; the job then goes on.
    pub async fn erase_users(&self, store: &Store) -> Result<(), KeyringError> {
        for receipt in store::open_user_receipts(store).await? {
            let Some(rotation) = receipt.rotation else {
                self.erase_user(store, &receipt).await?;
                continue;
            };
            let (keys, account) = (self.keyring.store(), receipt.account.name());
            if coffer_keyring::has_older_keys(keys, account, receipt.created, rotation).await? {
                continue;
            }
            self.keyring.empty_log().await?;
            let (epoch, now) = (coffer_keyring::advance_epoch(keys).await?, self.clock.now());
            store.write(CompleteReceipt { receipt, epoch, now }).await?;
        }
        Ok(())
    }

    /// The generation of what an app keeps for an account, whatever a hand has made of the data.
    async fn newest_generation(
        &self,
        store: &Store,
        app: &AppId,
        account: &AccountId,
    ) -> Result<i64, KeyringError> {
        let known = store::generation_of(store, &self.mac, app, account).await?;
        let subject = of_generation(app.as_str(), account.as_str());
        let floor = floor_of(self.keyring.store(), subject).await?;
        Ok(known.max(floor.unwrap_or(0)))
    }

    /// Retires and destroys the keys of one erasure, unless it is done already.
    async fn destroy_keys_of(&self, store: &Store, erasure: &Erasure) -> Result<(), KeyringError> {
        for tenant in tenants(erasure) {
            loop {
                let newest = self.keyring.newest_version(&tenant).await?;
                let now = self.keyring.now();
                let listed =
                    Retire { erasure: erasure.clone(), tenant: tenant.clone(), newest, now };
                let listed = store.write(listed).await?;
                if !listed || newest == 0 {
                    break;
                }
                self.keyring.destroy(&tenant, newest).await?;
                // A rotation may have made the next version meanwhile; it makes none after a
                // destroyed one.
                if self.keyring.newest_version(&tenant).await? == newest {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Erases everything that is listed for erasure, keys and rows, and returns how many tenants
    /// this call has finished. One that fails keeps no other waiting. It may be cut anywhere, and
    /// goes on when it is called again.
    ///
    /// # Errors
    /// The last failure of a store; what was erased stays so.
    pub async fn erase(&self, store: &Store) -> Result<u64, KeyringError> {
        let (mut erased, mut after, mut outcome) = (0u64, None, Ok(()));
        loop {
            let page = self.page(store, ANY_REQUEST, after).await?;
            for erasure in page.listed {
                match self.erase_one(store, erasure).await {
                    Ok(done) => erased += u64::from(done),
                    Err(error) => outcome = Err(error),
                }
            }
            let Some(last) = page.last else { return outcome.map(|()| erased) };
            after = Some(last);
        }
    }

    /// Erases one tenant in both modes, and returns whether this call finished it. Another server
    /// may have done so before; then each step finds the erasure no longer listed and touches
    /// nothing. It stays listed until the key store's log holds none of its keys.
    async fn erase_one(&self, store: &Store, erasure: Erasure) -> Result<bool, KeyringError> {
        self.destroy_keys_of(store, &erasure).await?;
        let mut rows = 0u64;
        for tenant in tenants(&erasure) {
            let listed = erasure.listed_query();
            rows += coffer_kernel::purge_tenant(store, &tenant, &self.purge, &listed).await?;
        }
        self.keyring.empty_log().await?;
        // First, so that the row is never believed again once it is off the list.
        coffer_keyring::revoke(self.keyring.store(), vec![end_of(&erasure)]).await?;
        let done = store.write(FinishErasure(erasure.clone())).await?;
        if done {
            let [tenant, _] = tenants(&erasure);
            let entry = of(&erasure, "program.tenant.erase", &tenant, self.keyring.now());
            let amount = Some(i64::try_from(rows).unwrap_or(i64::MAX));
            record_audit(store, AuditEntry { amount, ..entry }).await?;
            let Erasure { app, account, .. } = &erasure;
            info!(app = app.as_str(), account = account.name(), rows, "tenant erased");
        }
        Ok(done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row_mac::ERASURE;
    use coffer_base::{TestClock, TestRandom};
    use coffer_crypto::root::RootKey;
    use coffer_keyring::{DATA_MIGRATIONS, KEY_MIGRATIONS, KeyringOptions};
    use coffer_storage::{Options, values};
    use std::path::Path;

    const NOW: Timestamp = Timestamp::from_unix(1);

    async fn stores(home: &Path) -> (Store, Eraser) {
        let sets = [
            DATA_MIGRATIONS,
            coffer_kernel::AUDIT_MIGRATIONS,
            coffer_kernel::MIGRATIONS,
            store::MIGRATIONS,
        ];
        let open = |name: &str, sets: &[_]| {
            Store::open_sqlite(&home.join(name), sets, NOW, Options::default()).unwrap().0
        };
        let (data, keys) = (open("data", &sets), open("keys", &[KEY_MIGRATIONS]));
        let random = Arc::new(TestRandom::seeded(7));
        let root = RootKey::generate("store_a", &*random);
        let options = || KeyringOptions {
            keys: keys.clone(),
            store_id: "a".to_owned(),
            random: random.clone(),
        };
        Keyring::init(&options(), &root, NOW).await.unwrap();
        let keyring = Keyring::open(options(), &root).await.unwrap();
        let mac = RowMac::new(keyring.create_row_key(NOW).await.unwrap());
        let (kernels, clock) = (coffer_kernel::KERNEL.purge.to_vec(), Arc::new(TestClock::at(NOW)));
        (data, Eraser::new(Arc::new(keyring), mac, kernels, vec![], clock))
    }

    struct Run(&'static str, Vec<Value>);

    impl Work for Run {
        type Out = ();

        async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
            tx.execute(self.0, &self.1).await.map(drop)
        }
    }

    async fn list(data: &Store, eraser: &Eraser, request: &str, seq: i64) -> Erasure {
        let sql = "INSERT INTO erasure (app, account, created, request, seq, mac) \
                   VALUES (?, ?, ?, ?, ?, ?)";
        let columns = values!["app_a", "acct_a", 1_i64, request, seq];
        data.write(Run(sql, eraser.mac.with_mac(&ERASURE, columns))).await.unwrap();
        Erasure {
            app: AppId::parse("app_a").unwrap(),
            account: AccountId::parse("acct_a").unwrap(),
            request: request.to_owned(),
            seq,
        }
    }

    /// The tenant lives, and has a row.
    async fn live(data: &Store) {
        let sql = "INSERT INTO tombstone (mode, app, account, collection, id, seq, created) \
                   VALUES (0, 'app_a', ?, x'01', 'id', 1, 1)";
        data.write(Run(sql, values!["acct_a"].into())).await.unwrap();
    }

    async fn rows(data: &Store) -> i64 {
        let rows = data.query_part("SELECT count(*) FROM tombstone", &[]).await.unwrap();
        rows.first().unwrap().int(0).unwrap()
    }

    /// What a slow server does that read the list before another one was done with it.
    #[tokio::test]
    async fn an_erasure_that_is_done_touches_nothing_of_who_lives_again() {
        let home = tempfile::TempDir::new().unwrap();
        let (data, eraser) = stores(home.path()).await;
        live(&data).await;
        let first = list(&data, &eraser, "req_first", 1).await;
        assert!(eraser.erase_one(&data, first.clone()).await.unwrap());
        assert_eq!(rows(&data).await, 0);

        live(&data).await;
        assert!(!eraser.erase_one(&data, first.clone()).await.unwrap());
        assert_eq!(rows(&data).await, 1);

        list(&data, &eraser, "req_second", 2).await;
        assert!(!eraser.erase_one(&data, first).await.unwrap());
        assert_eq!(rows(&data).await, 1);
        assert_eq!(eraser.erase(&data).await.unwrap(), 1);
        assert_eq!(rows(&data).await, 0);
        assert_eq!(eraser.erase(&data).await.unwrap(), 0);
    }
}
