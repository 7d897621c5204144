//! The ledger over a real store, without anything that reserves: each fact and what it posts.

mod available;
mod books;
mod facts;
mod lists;
mod operations;
