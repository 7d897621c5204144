//! Moving an installation from one engine to another: rows and wrapped keys as they are, and the
//! root key stays where it is.
//!
//! It knows which tables say that a store is complete, and nothing else about what is moved.

use crate::assemble::{self, AssembleError, AssembleOptions, Stores};
use coffer_keyring::KEY_MIGRATIONS;
use coffer_storage::{Counts, Progress, Transfer};
use std::fmt;

/// What was moved.
#[derive(Debug)]
pub struct Moved {
    /// The store's id, which moves with it.
    pub store_id: String,
    /// Rows of each table of the data.
    pub data: Counts,
    /// Rows of each table of the keys.
    pub keys: Counts,
    /// How many envelopes of what were opened in the target.
    pub opened: Vec<(&'static str, u64)>,
}

/// What is being done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Rows are moved.
    Moving,
    /// All rows of both sides are compared.
    Comparing,
    /// Everything that is sealed is opened in the target.
    Opening,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Moving => "moving",
            Self::Comparing => "comparing",
            Self::Opening => "opening",
        })
    }
}

/// Whoever is told how far it is.
pub type Tell<'t> = &'t mut (dyn FnMut(Step, Option<&Progress>) + Send);

/// Moves the installation at `from` to `to`, which must be empty or hold a part of this very move,
/// and checks what arrived. Nothing may write to either meanwhile.
///
/// # Errors
/// [`AssembleError`]; when it is run again it goes on where it was.
pub async fn run(
    from: &AssembleOptions,
    to: &AssembleOptions,
    tell: Tell<'_>,
) -> Result<Moved, AssembleError> {
    let now = from.clock.now();
    let source = Stores::of(from, now).await?;
    let Some(store_id) = coffer_keyring::store_id(&source.data).await? else {
        return Err(from.not_founded());
    };
    // Nothing is moved that nobody could open.
    assemble::open_keyring(from, &source.keys, &store_id).await?;
    assemble::make(to, now).await?;
    let target = Stores::even_half_moved(to, now).await?;
    let sets = to.families.migrations();
    let data = Transfer::new(&source.data, &target.data, &sets)?;
    let keys = Transfer::new(&source.keys, &target.keys, &[KEY_MIGRATIONS])?;
    for transfer in [&data, &keys] {
        transfer.run(&store_id, |progress| tell(Step::Moving, Some(progress))).await?;
    }
    let mut compared = |progress: &Progress| tell(Step::Comparing, Some(progress));
    let counts = (data.compare(&mut compared).await?, keys.compare(&mut compared).await?);
    tell(Step::Opening, None);
    let (keyring, _) = assemble::open_keyring(to, &target.keys, &store_id).await?;
    let opened = to.families.open_all(&target.data, &keyring, now).await?;
    // Whoever opens the store looks for the note in the data: until it is gone, nobody serves it.
    data.finish().await?;
    keys.finish().await?;
    source.close().await;
    target.close().await;
    Ok(Moved { store_id, data: counts.0, keys: counts.1, opened })
}
