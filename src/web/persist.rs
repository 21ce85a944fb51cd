//! Asks the browser, once a page, not to clear this origin's files away where its disk grows full.

use std::cell::Cell;

use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};

thread_local! {
    static ASKED: Cell<bool> = const { Cell::new(false) };
}

/// Nobody waits for the answer, as it may be a person's: without leave, files are kept for as long as there is room.
pub fn ask_to_persist() {
    if !ASKED.replace(true)
        && let Some(answer) = ask()
    {
        spawn_local(async move { drop(JsFuture::from(answer).await) });
    }
}

/// `None` in workers, and where the page is not secure.
fn ask() -> Option<Promise> {
    let get = |object: &JsValue, name: &str| Reflect::get(object, &name.into()).ok();
    let storage = get(&get(&js_sys::global(), "navigator")?, "storage")?;
    let persist: Function = get(&storage, "persist")?.dyn_into().ok()?;
    persist.call0(&storage).ok()?.dyn_into().ok()
}
