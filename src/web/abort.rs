//! AbortController and AbortSignal, cleaned up on drop.

use wasm_bindgen::prelude::*;
use web_sys::{AbortController, AbortSignal};

use super::listening::Listening;

/// Ends a fetch when dropped. Never the user's own signal: gloo-net 0.7 hangs when a fetch is aborted with a reason that
/// is no Error.
pub struct AbortOnDrop {
    controller: AbortController,
    over: bool,
}

impl AbortOnDrop {
    pub fn new() -> Result<Self, JsValue> {
        AbortController::new().map(|controller| Self { controller, over: false })
    }

    pub fn signal(&self) -> AbortSignal {
        self.controller.signal()
    }

    /// What it was for has ended by itself.
    pub fn over(mut self) {
        self.over = true;
    }
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        if !self.over {
            self.controller.abort();
        }
    }
}

/// Listens to the user's signal until dropped.
#[must_use = "it stops listening when dropped"]
pub struct AbortWatch {
    _listening: Listening,
}

impl AbortWatch {
    /// Calls back when the signal is aborted; not where it is already.
    pub fn new(signal: AbortSignal, mut aborted: impl FnMut() + 'static) -> Self {
        Self { _listening: Listening::new(&signal, &["abort"], move |_| aborted()) }
    }
}
