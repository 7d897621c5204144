//! The whole server against a model of it that fits a few pages: whatever happens in whatever
//! order, each answer must be the one that the model predicts.
//!
//! The run repeats itself. `PROPTEST_CASES` plays more games, `PROPTEST_RNG_SEED` other ones;
//! a failure tells the shortest game that it found.

mod books;
mod compare;
mod erasure;
mod games;
mod keys;
mod linear;
mod lockstep;
mod play;
mod races;
mod reference;
mod step;
