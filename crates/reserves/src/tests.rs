//! Reserves over a real store: what facts do to a ledger of which money is reserved.

mod available;
mod books;
mod facts;
mod lists;
mod measure;
mod objects;
mod reports;
mod simulated;
mod verify;
