//! A download that is read before its end.

use wasm_bindgen::prelude::*;

use super::platform::Browser;
use crate::{
    core::{fleet::TransferId, transfer::Input},
    drive::mailbox::{Mailbox, Message},
    web::BrowserSink,
};

#[wasm_bindgen]
pub struct Media {
    pub(super) id: TransferId,
    pub(super) mailbox: Mailbox<Browser>,
    pub(super) sink: BrowserSink,
}

#[wasm_bindgen]
impl Media {
    /// Somebody waits for the bytes from here on.
    pub fn want(&self, from: f64) {
        self.mailbox.post(Message::Heard(self.id, Input::Wanted { from: from as u64 }));
    }

    /// Bytes that are there: a Blob, or the promise of a Uint8Array. `undefined`, where they can't be read just now.
    pub fn read(&self, at: f64, end: f64) -> JsValue {
        self.sink.read(at, end)
    }
}
