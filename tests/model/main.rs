//! The whole server against a model of it that fits a few pages: whatever happens in whatever
//! order, each answer must be the one that the model predicts.
//!
//! The run repeats itself. `PROPTEST_CASES` runs more cases, `PROPTEST_RNG_SEED` others;
//! a failure tells the shortest case that it finds.

mod books;
mod compare;
mod corruption;
mod driver;
mod erasure;
mod keys;
mod linear;
mod lockstep;
mod property_tests;
mod races;
mod reference;
mod refresh;
mod rotation;
mod simulation;
mod step;
mod transactions;
