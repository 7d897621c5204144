//! The ledger over a real store: each fact and what it posts.

mod available;
mod books;
mod facts;
mod lists;
mod objects;
mod operations;
mod verify;
