//! Locks by name over all tabs of an origin (Web Locks). The browser takes them back from a page that is gone.

use std::cell::{Cell, RefCell};

use futures_channel::oneshot;
use futures_util::future::{Either, select};
use gloo_timers::future::TimeoutFuture;
use js_sys::{Array, Function, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use super::json;
use crate::core::sorted::Sorted;

#[wasm_bindgen]
extern "C" {
    /// web-sys counts it as unstable.
    type LockManager;

    #[wasm_bindgen(method, catch)]
    fn request(this: &LockManager, name: &str, options: &JsValue, granted: &JsValue) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch)]
    fn query(this: &LockManager) -> Result<Promise, JsValue>;
}

thread_local! {
    /// Where the browser has no locks (an insecure page, an opaque origin), this page at least agrees with itself.
    static OF_THIS_PAGE: RefCell<Sorted<String>> = RefCell::default();
}

/// A lock that this page holds until it is dropped.
#[must_use = "it is given back when dropped"]
pub struct Lock {
    _of_browser: Option<Holding>,
    _of_page: Option<OfThisPage>,
}

/// A request to the browser: the lock is held until its promise is resolved.
struct Holding {
    resolve: Function,
    _granted: Closure<dyn FnMut(JsValue) -> JsValue>,
}

struct OfThisPage(String);

impl Lock {
    /// `None` where somebody else holds it.
    pub async fn try_take(name: &str) -> Option<Self> {
        match of_browser(name).await {
            Some(answer) => answer.map(|holding| Self { _of_browser: Some(holding), _of_page: None }),
            None => OfThisPage::new(name).map(|own| Self { _of_browser: None, _of_page: Some(own) }),
        }
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        // A promise's own resolver throws nothing.
        let _ = self.resolve.call0(&JsValue::UNDEFINED);
    }
}

impl OfThisPage {
    fn new(name: &str) -> Option<Self> {
        OF_THIS_PAGE.with_borrow_mut(|held| held.insert(name.to_owned(), ()).is_none()).then(|| Self(name.to_owned()))
    }
}

impl Drop for OfThisPage {
    fn drop(&mut self) {
        OF_THIS_PAGE.with_borrow_mut(|held| held.remove(&self.0));
    }
}

/// The names of all locks that are held now, by whatever tab.
pub async fn held() -> Vec<String> {
    // What was let go just now is still to be told to the browser.
    TimeoutFuture::new(0).await;
    let mut names: Vec<_> = OF_THIS_PAGE.with_borrow(|held| held.keys().cloned().collect());
    if let Some(Ok(asked)) = manager().map(|manager| manager.query())
        && let Ok(answer) = JsFuture::from(asked).await
        && let Ok(list) = Reflect::get(&answer, &"held".into())
        && let Ok(list) = list.dyn_into::<Array>()
    {
        let name = |lock: JsValue| Reflect::get(&lock, &"name".into()).ok()?.as_string();
        names.extend(list.iter().filter_map(name));
    }
    names
}

/// `Some(None)` where somebody else holds it, `None` where this browser or page has no locks.
async fn of_browser(name: &str) -> Option<Option<Holding>> {
    let manager = manager()?;
    let mut resolve = None;
    let promise = Promise::new(&mut |resolved, _| resolve = Some(resolved));
    let (sender, asked) = oneshot::channel();
    let sender = Cell::new(Some(sender));
    let granted = Closure::<dyn FnMut(JsValue) -> JsValue>::new(move |lock: JsValue| {
        if let Some(sender) = sender.take() {
            // Nobody waits any more when the future was dropped; then its promise is resolved already.
            let _ = sender.send(!lock.is_null());
        }
        if lock.is_null() { JsValue::NULL } else { promise.clone().into() }
    });
    let options = json::object(&[("ifAvailable", JsValue::TRUE)]);
    let request = manager.request(name, &options, granted.as_ref()).ok()?;
    let holding = Holding { resolve: resolve?, _granted: granted };
    // Where the page may have no locks, the request is rejected and nobody is called back.
    match select(asked, JsFuture::from(request)).await {
        Either::Left((got, _)) => Some(got.unwrap_or_default().then_some(holding)),
        Either::Right(_) => None,
    }
}

fn manager() -> Option<LockManager> {
    let navigator = Reflect::get(&js_sys::global(), &"navigator".into()).ok()?;
    let locks = Reflect::get(&navigator, &"locks".into()).ok()?;
    locks.is_object().then(|| locks.unchecked_into())
}
