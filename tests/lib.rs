//! Tests of the whole server live beside this file, a folder each. Here is what they share.

#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "for tests alone")]

pub mod notes;
