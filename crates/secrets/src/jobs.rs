//! What the family does in the background.

pub(crate) mod expire;
