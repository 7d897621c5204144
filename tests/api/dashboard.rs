//! The dashboard, as a browser without a script meets it.

mod browser;
mod odd_names;
mod pages;
mod sign_in;
mod webhooks;
