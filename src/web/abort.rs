//! AbortController and AbortSignal, cleaned up on drop.

use wasm_bindgen::prelude::*;
use web_sys::{AbortController, AbortSignal};

/// Ends a fetch when dropped. Never the user's own signal: gloo-net 0.7 hangs when a fetch is aborted with a reason that
/// is no Error.
pub struct AbortOnDrop(AbortController);

impl AbortOnDrop {
    pub fn new() -> Result<Self, JsValue> {
        AbortController::new().map(Self)
    }

    pub fn signal(&self) -> AbortSignal {
        self.0.signal()
    }
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Listens to the user's signal until dropped.
#[must_use = "it stops listening when dropped"]
pub struct AbortWatch {
    signal: AbortSignal,
    listener: Closure<dyn FnMut()>,
}

impl AbortWatch {
    /// Calls back when the signal is aborted; not where it is already.
    pub fn new(signal: AbortSignal, aborted: impl FnMut() + 'static) -> Self {
        let listener = Closure::new(aborted);
        // It can only fail for a listener that is no function.
        let _ = signal.add_event_listener_with_callback("abort", listener.as_ref().unchecked_ref());
        Self { signal, listener }
    }
}

impl Drop for AbortWatch {
    fn drop(&mut self) {
        let _ = self.signal.remove_event_listener_with_callback("abort", self.listener.as_ref().unchecked_ref());
    }
}
