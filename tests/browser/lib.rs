//! The seams in a real browser, against the mock server, whose addresses are compiled in.

#![cfg(all(test, target_arch = "wasm32"))]

mod answers;
mod database;
mod disk;
mod hashing;
mod link;
mod locks;
mod server;
mod sinks;
mod store;
mod survival;
mod transfers;
mod transport;

wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);
