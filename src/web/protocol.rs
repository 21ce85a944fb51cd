//! What storage speaks, HTTP/1.1, 2 or 3, as the browser's Resource Timing tells it.
//!
//! `nextHopProtocol` is empty for another origin that does not send `Timing-Allow-Origin`; then it is what the store is known to
//! speak, and of one that is not known, HTTP/1.1 with its six connections. The browser's list of timings may be full, or a page may have emptied it, so a few answers are looked for.

use std::cell::Cell;

use js_sys::{Array, JsString, Reflect};
use wasm_bindgen::prelude::*;

use crate::core::{provider::Provider, text::split_once};

/// So many answers are looked for in the list, then it is given up.
const TRIES: u8 = 8;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch, js_namespace = performance, js_name = getEntriesByType)]
    fn entries(kind: &str) -> Result<Array, JsValue>;
}

/// Looks until it has found out, or tried often enough.
pub struct ProtocolSight {
    left: Cell<u8>,
    /// Whose store it is, where the application says it.
    provider: Option<&'static Provider>,
}

impl Default for ProtocolSight {
    fn default() -> Self {
        Self::new(None)
    }
}

impl ProtocolSight {
    pub fn new(provider: Option<&'static Provider>) -> Self {
        Self { left: Cell::new(TRIES), provider }
    }

    /// The ALPN name of what the origin of this URL speaks, once.
    pub fn look(&self, url: &str) -> Option<String> {
        let left = self.left.get().checked_sub(1)?;
        self.left.set(left);
        let found = seen(&origin(url)?).or_else(|| {
            let known = self.provider.or_else(|| Provider::of(url));
            known.filter(|known| known.multiplexed).map(|_| "h2".to_owned())
        });
        if found.is_some() {
            self.left.set(0);
        }
        found
    }
}

/// Any request to the origin tells, the last ones first.
fn seen(origin: &str) -> Option<String> {
    let entries = entries("resource").ok()?;
    let protocol = |index| {
        let entry = entries.get(index);
        // Compared where it is: these URLs may be many, and long.
        let name: JsString = Reflect::get(&entry, &"name".into()).ok()?.dyn_into().ok()?;
        let protocol = Reflect::get(&entry, &"nextHopProtocol".into()).ok()?;
        protocol.as_string().filter(|protocol| !protocol.is_empty() && name.starts_with(origin, 0))
    };
    (0..entries.length()).rev().find_map(protocol)
}

/// With the slash that ends it.
fn origin(url: &str) -> Option<String> {
    let (scheme, rest) = split_once(url, "://")?;
    let host = rest.split(['/', '?', '#']).next()?;
    Some(format!("{scheme}://{host}/"))
}
