//! What the browser says of the network.

use js_sys::Reflect;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::EventTarget;

use super::listening::Listening;
use crate::core::transfer::Link;

/// Listens to `online` and `offline`, in windows and in workers, until dropped.
#[must_use = "it stops listening when dropped"]
pub struct LinkWatch {
    _listening: Listening,
}

impl LinkWatch {
    /// Calls back at each change; before it returns, too, where the network is said to be down already.
    pub fn new(changed: impl Fn(Link) + 'static) -> Self {
        let global: JsValue = js_sys::global().into();
        let navigator = Reflect::get(&global, &"navigator".into()).unwrap_or_default();
        let online = Reflect::get(&navigator, &"onLine".into()).unwrap_or_default();
        if online.as_bool() == Some(false) {
            changed(Link::Down);
        }
        let target: EventTarget = global.unchecked_into();
        let heard = move |event: web_sys::Event| {
            changed(if event.type_() == "online" { Link::Up } else { Link::Down });
        };
        Self { _listening: Listening::new(&target, &["online", "offline"], heard) }
    }
}
