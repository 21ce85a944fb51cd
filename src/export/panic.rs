//! A panic leaves promises pending for ever, so its last act is to reject them.

use std::{panic, sync::Once};

use wasm_bindgen::prelude::*;

#[wasm_bindgen(raw_module = "./panic.js")]
extern "C" {
    fn panicked(message: &str);
}

static SET: Once = Once::new();

/// With `panic = "abort"` nothing of this module can be relied on after a panic.
pub fn tell_whoever_waits() {
    SET.call_once(|| {
        panic::set_hook(Box::new(|info| {
            panicked(&info.to_string());
        }));
    });
}
