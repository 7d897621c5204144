//! The dashboard, as a browser without a script meets it.

mod audit_filters;
mod browser;
mod last_reads;
mod lists;
mod live;
mod odd_names;
mod oidc;
mod overview;
mod pages;
mod routes;
mod sign_in;
mod sign_out;
mod size;
mod webhooks;
