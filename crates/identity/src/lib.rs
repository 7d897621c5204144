//! Who is who, and who may: accounts, apps, installs and keys.
//!
//! This room answers the kernel's question who is calling ([`Directory`], and [`Developer`] in
//! developer mode), and declares the operations of the admin API and of ephemeral keys. It never
//! sees what the other families store.

mod api_key;
mod developer;
mod directory;
mod erasure;
mod jobs;
pub mod limits;
mod objects;
mod operations;
mod store;
mod wire;

pub use api_key::{NewKey, create_admin_key};
pub use developer::Developer;
pub use directory::Directory;
pub use erasure::Eraser;
pub use jobs::{EraseTenants, FlushLastUsed, PruneEphemeralKeys};
pub use operations::register;
pub use store::MIGRATIONS;
