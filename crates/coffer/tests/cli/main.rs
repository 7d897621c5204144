//! The program itself, as a person or a script runs it.

mod backups;
mod doctor;
mod environment;
mod erasing;
mod listen;
mod logs;
mod next_steps;
mod program;
mod proxies;
mod secret_files;
mod signals;
mod verbs;
