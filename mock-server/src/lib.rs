//! A backend, an S3-shaped store and a fault machine on loopback, for the demo page and the tests.
//!
//! - `backend`: signs URLs and keeps the rules. The part to copy into an application.
//! - `store`: S3's protocol on a folder, or Google's.
//! - `provider`: whose store it passes for. `goog4`: Google's signatures, which backend and store share.
//! - `faults`: whatever can go wrong, on demand.
//! - `page`, `control`: the demo's files; the routes that set faults and read statistics.

mod backend;
mod control;
mod faults;
mod goog4;
mod page;
mod provider;
pub mod server;
pub mod settings;
mod stats;
mod store;
