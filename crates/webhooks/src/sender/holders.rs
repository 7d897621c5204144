//! Who sends to which endpoint, where several servers share a store.
//!
//! An endpoint has at most one holder. A server shows that it is there by a beat that changes; how
//! long it has not changed is measured by whoever looks, on a clock that nobody sets. What was held
//! by a server that has ended is taken over, so at worst something is sent twice. An embedded store
//! has one server, and no holders.

use crate::endpoint::Endpoint;
use crate::limits;
use crate::store::server::{Beat, LetGo, Take, beats};
use coffer_base::{id::random_id, limit};
use coffer_kernel::JobContext;
use coffer_storage::StorageError;
use std::collections::{HashMap, HashSet};
use std::time::Duration;
use tokio::time::Instant;

/// What one server knows of the others.
#[derive(Default)]
pub(super) struct Holders {
    /// This server's name, once it has one.
    id: String,
    beaten: Option<Instant>,
    /// The last beat of each server, and since when it is that.
    seen: HashMap<String, (i64, Instant)>,
    held: HashSet<String>,
    /// When there was last anything to send.
    busy: Option<Instant>,
}

impl Holders {
    /// Shows that this server is there, and looks at the others.
    pub(super) async fn beat(&mut self, context: &JobContext) -> Result<(), StorageError> {
        let every = Duration::from_secs(limits::BEAT_SECONDS);
        // Drawn on either engine, so that the same seed says the same on both.
        if self.id.is_empty() {
            self.id = random_id("server", limit::RANDOM_ID_CHARACTERS, &*context.random);
        }
        if !context.store.is_shared() || self.beaten.is_some_and(|at| at.elapsed() < every) {
            return Ok(());
        }
        context.store.write(Beat(self.id.clone())).await?;
        let now = Instant::now();
        let beats = beats(&context.store).await?;
        if self.seen.len() > limits::SERVERS {
            self.seen.retain(|id, _| beats.iter().any(|(known, _)| known == id));
        }
        for (id, beat) in beats {
            let seen = self.seen.entry(id).or_insert((beat, now));
            if seen.0 != beat {
                *seen = (beat, now);
            }
        }
        self.beaten = Some(now);
        Ok(())
    }

    /// Whether this server may send to an endpoint: it holds it, or takes it now.
    pub(super) async fn hold(
        &mut self,
        context: &JobContext,
        endpoint: &Endpoint,
    ) -> Result<bool, StorageError> {
        if !context.store.is_shared() {
            return Ok(true);
        }
        self.busy = Some(Instant::now());
        if endpoint.holder == self.id {
            self.held.insert(endpoint.id.clone());
            return Ok(true);
        }
        self.held.remove(&endpoint.id);
        if !self.has_ended(&endpoint.holder) {
            return Ok(false);
        }
        let take = Take {
            endpoint: endpoint.id.clone(),
            from: endpoint.holder.clone(),
            to: self.id.clone(),
        };
        let is_ours = context.store.write(take).await?;
        if is_ours {
            self.held.insert(endpoint.id.clone());
        }
        Ok(is_ours)
    }

    /// Whether a holder sends no more: there is none, or its beat has not changed for long. One
    /// that nobody has seen is watched from now on.
    fn has_ended(&mut self, holder: &str) -> bool {
        if holder.is_empty() {
            return true;
        }
        let now = Instant::now();
        let (_, since) = self.seen.entry(holder.to_owned()).or_insert((0, now));
        since.elapsed() >= Duration::from_secs(limits::HELD_SECONDS)
    }

    /// Lets go of everything if there has been nothing to send for a while.
    pub(super) async fn rest(&mut self, context: &JobContext) -> Result<(), StorageError> {
        let idle = Duration::from_secs(limits::IDLE_SECONDS);
        let is_busy = self.busy.is_some_and(|at| at.elapsed() < idle);
        if self.held.is_empty() || is_busy {
            return Ok(());
        }
        let long = Duration::from_secs(limits::HELD_SECONDS.saturating_mul(10));
        let over =
            self.seen.iter().filter(|(id, (_, since))| **id != self.id && since.elapsed() >= long);
        let ended = over.map(|(id, (beat, _))| (id.clone(), *beat)).collect();
        let endpoints = self.held.iter().cloned().collect();
        context.store.write(LetGo { holder: self.id.clone(), endpoints, ended }).await?;
        self.held.clear();
        Ok(())
    }
}
