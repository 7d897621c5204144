//! Whoever can write to the files gets errors out of the server, and never a value that was not
//! set there.
//!
//! What is not claimed: rows can be deleted, and a row's own older envelope can be put back while
//! its expiry is the same. Neither leaves a trace inside the database.

mod answers;
mod keys;
mod links;
mod redaction;
mod roots;
mod rows;
mod start;
mod tampered_store;
