//! IndexedDB as futures: one database of two object stores.
//!
//! All requests of a transaction are made at once and only its end is awaited: it would end by itself as soon as it had
//! nothing to do, and what it wrote counts only then.

use std::{cell::Cell, rc::Rc};

use futures_util::future::{Either, select};
use gloo_timers::future::TimeoutFuture;
use js_sys::{Array, Reflect};
use wasm_bindgen::prelude::*;
use web_sys::{
    Event, IdbDatabase, IdbFactory, IdbKeyRange, IdbObjectStore, IdbOpenDbRequest, IdbRequest, IdbTransaction,
};

use super::listening::{Listening, first};

pub use web_sys::IdbTransactionMode as Mode;

const NAME: &str = "presigned";
/// Of the database, not of what is written in it. An older page closes when a newer one opens.
const VERSION: u32 = 1;

/// One record for each unfinished transfer; its key is the saved id.
pub const TRANSFERS: &str = "transfers";
/// What a transfer has got so far; the key is `[saved id, number]`.
pub const PIECES: &str = "pieces";

/// Longer than any browser takes to open a database that it will open.
const PATIENCE: u32 = 15_000;

/// Why there is no database, in words.
#[derive(Debug)]
pub struct Unavailable(pub String);

/// A connection, closed when dropped.
pub struct Database {
    raw: IdbDatabase,
    closed: Rc<Cell<bool>>,
    _closing: Listening,
}

/// Several requests that succeed or fail together. Dropped without its end being awaited, it ends all the same.
pub struct Transaction(IdbTransaction);

impl Database {
    /// # Errors
    /// In private modes, in pages that may have no storage, and where another page holds on to an older version.
    pub async fn open() -> Result<Self, Unavailable> {
        let refused = |error| Unavailable(words(&error));
        let factory = Reflect::get(&js_sys::global(), &"indexedDB".into()).map_err(refused)?;
        if !factory.is_object() {
            return Err(Unavailable("this browser has no IndexedDB".into()));
        }
        let request = factory.unchecked_into::<IdbFactory>().open_with_u32(NAME, VERSION).map_err(refused)?;
        let _upgrading = Listening::new(&request, &["upgradeneeded"], create_stores);
        let opened = Box::pin(first(&request, &["success", "error", "blocked"]));
        match select(opened, TimeoutFuture::new(PATIENCE)).await {
            Either::Left((kind, _)) if kind == "success" => {}
            Either::Left((kind, _)) if kind == "blocked" => {
                return Err(Unavailable("another tab holds on to an older version of it".into()));
            }
            Either::Left(_) => return Err(Unavailable(request_error(&request))),
            Either::Right(_) => return Err(Unavailable("the browser does not open its database".into())),
        }
        let raw: IdbDatabase = request.result().map_err(refused)?.unchecked_into();
        let closed = Rc::new(Cell::new(false));
        let (database, mark) = (raw.clone(), closed.clone());
        // A newer page, or the user, wants to change or delete it; or the browser has closed it by itself.
        let _closing = Listening::new(&raw, &["versionchange", "close"], move |_| {
            database.close();
            mark.set(true);
        });
        Ok(Self { raw, closed, _closing })
    }

    /// Nothing more can be done with it; another may be opened.
    pub fn is_closed(&self) -> bool {
        self.closed.get()
    }

    pub fn transaction(&self, stores: &[&str], mode: Mode) -> Result<Transaction, JsValue> {
        let stores: Array = stores.iter().map(|name| JsValue::from_str(name)).collect();
        self.raw.transaction_with_str_sequence_and_mode(&stores, mode).map(Transaction)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.raw.close();
    }
}

impl Transaction {
    pub fn store(&self, name: &str) -> Result<IdbObjectStore, JsValue> {
        self.0.object_store(name)
    }

    /// Waits until all its requests have succeeded; then their results may be read.
    pub async fn end(self) -> Result<(), JsValue> {
        if first(&self.0, &["complete", "abort"]).await == "complete" {
            return Ok(());
        }
        Err(self.0.error().map_or(JsValue::UNDEFINED, JsValue::from))
    }
}

/// The result of a request whose transaction has ended, where it is a list.
pub fn list(request: &IdbRequest) -> Result<Array, JsValue> {
    request.result()?.dyn_into()
}

/// The keys of all pieces of one transfer. An array comes after any number.
pub fn pieces_of(id: &JsValue) -> Result<JsValue, JsValue> {
    IdbKeyRange::bound(&Array::of1(id), &Array::of2(id, &Array::new())).map(JsValue::from)
}

/// What the browser says went wrong.
pub fn words(error: &JsValue) -> String {
    let text = |name: &str| Reflect::get(error, &name.into()).ok()?.as_string().filter(|text| !text.is_empty());
    match (text("name"), text("message")) {
        (Some(name), _) if name == "QuotaExceededError" => "no room is left for it".into(),
        (Some(name), Some(message)) => format!("{name}: {message}"),
        (Some(word), None) | (None, Some(word)) => word,
        (None, None) => "the browser does not say why".into(),
    }
}

fn create_stores(event: Event) {
    let Some(request) = event.target() else { return };
    let Ok(raw) = request.unchecked_into::<IdbOpenDbRequest>().result() else { return };
    let database: IdbDatabase = raw.unchecked_into();
    for name in [TRANSFERS, PIECES] {
        // Without its stores the first transaction fails, and says so.
        let _ = database.create_object_store(name);
    }
}

fn request_error(request: &IdbRequest) -> String {
    words(&request.error().ok().flatten().map_or(JsValue::UNDEFINED, JsValue::from))
}
