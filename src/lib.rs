//! `presigned` moves files straight between the browser and object storage through presigned URLs.
//!
//! Five rooms, arrows one way: `face -> export -> web -> drive -> core`. `core` decides, `drive` feeds it and performs
//! what it says, `web` knows the browser, `export` is what JavaScript can call, `face` is what npm users import.

#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

pub mod core;
pub mod drive;
#[cfg(target_arch = "wasm32")]
pub mod export;
#[cfg(target_arch = "wasm32")]
pub mod web;

/// A third of the code of `std`'s own, and as quick: two levels of free lists, neighbours joined when freed.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();
