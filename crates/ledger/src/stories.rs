//! What moved because of an object, for whoever tells its story.

pub use crate::store::story::{Cause, Kind, Movement, movements, owners};
