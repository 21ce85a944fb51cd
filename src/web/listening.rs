//! Event listeners that are taken back when dropped.

use futures_channel::oneshot;
use wasm_bindgen::prelude::*;
use web_sys::{Event, EventTarget};

/// Listens to some kinds of events of a target until dropped.
#[must_use = "it stops listening when dropped"]
pub struct Listening {
    target: EventTarget,
    kinds: &'static [&'static str],
    listener: Closure<dyn FnMut(Event)>,
}

impl Listening {
    pub fn new(target: &EventTarget, kinds: &'static [&'static str], heard: impl FnMut(Event) + 'static) -> Self {
        let listener = Closure::<dyn FnMut(Event)>::new(heard);
        for kind in kinds {
            // It can only fail for a listener that is no function.
            let _ = target.add_event_listener_with_callback(kind, listener.as_ref().unchecked_ref());
        }
        Self { target: target.clone(), kinds, listener }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        for kind in self.kinds {
            let _ = self.target.remove_event_listener_with_callback(kind, self.listener.as_ref().unchecked_ref());
        }
    }
}

/// Waits for the first of these events and tells its kind.
pub async fn first(target: &EventTarget, kinds: &'static [&'static str]) -> String {
    let (sender, heard) = oneshot::channel();
    let mut sender = Some(sender);
    let _listening = Listening::new(target, kinds, move |event| {
        if let Some(sender) = sender.take() {
            // Nobody waits any more when the future was dropped.
            let _ = sender.send(event.type_());
        }
    });
    // The sender lives in the listener, so it is never cancelled.
    heard.await.unwrap_or_default()
}
