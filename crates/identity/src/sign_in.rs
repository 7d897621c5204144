//! The admin keys of people for whom an identity provider vouches: made when they sign in, revoked
//! when they sign out, and ended by themselves meanwhile.

use crate::api_key::{Holder, NewKey, Terms};
use crate::jobs::StoreRevocation;
use crate::operations::Shared;
use crate::row_mac::RowMac;
use crate::store;
use crate::unstored::RevocationRequest;
use coffer_base::{Clock, Random, Redacted, Tenant, Timestamp, id::random_id, limit};
use coffer_dialect::ApiError;
use coffer_kernel::{
    ActorKind, AuditActor, AuditEntry, AuditTarget, BoxFuture, Peer, Person, SignIns, SignOut,
    append_audit, storage_failure,
};
use coffer_storage::{Share, StorageError, Tx, Work};
use std::sync::Arc;

/// The people of an installation.
pub(crate) struct People {
    shared: Shared,
    random: Arc<dyn Random>,
    clock: Arc<dyn Clock>,
}

impl People {
    pub(crate) fn new(shared: Shared, random: Arc<dyn Random>, clock: Arc<dyn Clock>) -> Self {
        let store = shared.store.of_share(Share::SYSTEM);
        Self { shared: Shared { store, ..shared }, random, clock }
    }

    /// An id like those of requests, since an audit entry needs one and the API was sent none.
    fn request(&self) -> String {
        random_id("req", limit::REQUEST_ID_CHARACTERS, &*self.random)
    }
}

impl SignIns for People {
    fn begin<'a>(
        &'a self,
        person: &'a Person,
        seconds: i64,
        peer: Peer,
    ) -> BoxFuture<'a, Result<Redacted<String>, ApiError>> {
        Box::pin(async move {
            let now = self.clock.now();
            let holder = Holder::Person(person.role, person.id.clone());
            let terms = Terms { expires_at: Some(now.plus(seconds)), ..Terms::named(&person.name) };
            let new = Arc::new(NewKey::generate(holder, terms, &*self.random, now));
            let insert = InsertKey {
                mac: self.shared.mac.clone(),
                new: Arc::clone(&new),
                now,
                request: self.request(),
                actor: actor(&person.id, new.id(), peer),
                detail: format!("{}, by {}", person.role.as_str(), person.issuer),
            };
            let stored = self.shared.store.write(insert).await;
            stored.map_err(|error| storage_failure(&error))?;
            Ok(new.token().clone())
        })
    }

    fn end<'a>(&'a self, out: SignOut<'a>) -> BoxFuture<'a, Result<(), ApiError>> {
        Box::pin(async move {
            let Shared { store, mac, directory, .. } = &self.shared;
            let now = self.clock.now();
            let own = out.keys.first().map_or("", |key| key);
            let asked = RevocationRequest {
                within: None,
                actor: actor(out.person, own, out.peer),
                request: self.request().into(),
                operation: "dashboard.sign_out",
            };
            let mut meant: Vec<String> = out.keys.iter().map(ToString::to_string).collect();
            // Before the store is asked anything: that may fail, or take long.
            meant.iter().for_each(|id| directory.revoke_in_memory(id, asked.clone()));
            let mut failed = None;
            if out.everywhere {
                match store::keys_of_person(store, mac, out.person, now).await {
                    Ok(found) => {
                        let others = found.into_iter().map(|key| key.id);
                        let others: Vec<_> = others.filter(|id| !meant.contains(id)).collect();
                        others.iter().for_each(|id| directory.revoke_in_memory(id, asked.clone()));
                        meant.extend(others);
                    }
                    Err(error) => failed = Some(error),
                }
            }
            for id in meant {
                // What fails once would fail again: a job stores the others too.
                if failed.is_none() {
                    let (mac, asked) = (mac.clone(), asked.clone());
                    let revoke = StoreRevocation { mac, id: id.clone(), asked, now };
                    failed = store.write(revoke).await.err();
                }
                match &failed {
                    None => directory.unstored().remove(&id, None),
                    Some(error) => {
                        directory.unstored().found(&id, None);
                        directory.unstored().fail(&id, None);
                        tracing::error!(key = id, %error, "a sign-out cannot be stored yet");
                    }
                }
            }
            self.shared.settle().await;
            failed.map_or(Ok(()), |error| Err(storage_failure(&error)))
        })
    }
}

/// The person, with one of their keys.
fn actor(person: &str, key: &str, peer: Peer) -> AuditActor {
    AuditActor {
        kind: ActorKind::Admin,
        id: Some(key.into()),
        user: Some(person.into()),
        peer: Some(peer.address()),
    }
}

/// Inserts a person's key with its audit entry, as one transaction.
struct InsertKey {
    mac: RowMac,
    new: Arc<NewKey>,
    now: Timestamp,
    request: String,
    actor: AuditActor,
    detail: String,
}

impl Work for InsertKey {
    type Out = ();

    /// An operator needs a key to take away what fills the disk.
    fn grows(&self) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        self.new.insert(tx, &self.mac).await?;
        let subject = Some(self.new.id().to_owned());
        let entry = AuditEntry {
            request: Some(self.request.as_str().into()),
            actor: self.actor.clone(),
            target: AuditTarget { subject, ..AuditTarget::default() },
            detail: Some(self.detail.clone()),
            ..AuditEntry::of_program("dashboard.sign_in", Tenant::system(), self.now)
        };
        append_audit(tx, &entry);
        Ok(())
    }
}
