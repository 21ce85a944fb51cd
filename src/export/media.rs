//! A download that is read before its end.

use js_sys::{Array, Promise};
use wasm_bindgen::prelude::*;

use super::{call::promise, platform::Browser};
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
    /// The object's size and type as storage tells them, as far as it does; `undefined` at the end.
    pub fn facts(&self) -> Promise {
        let sink = self.sink.clone();
        promise(async move {
            loop {
                if let Some((size, content_type)) = sink.arrivals().facts() {
                    return Ok(Array::of2(&size.map(|size| size as f64).into(), &content_type.into()).into());
                }
                if !sink.arrivals().change().await {
                    return Ok(JsValue::UNDEFINED);
                }
            }
        })
    }

    /// Some bytes from `at` on, up to `end`, as a Uint8Array or a Blob, once there are any; they are fetched next. `undefined`
    /// at the end, and where what is written can't be read.
    pub fn read(&self, at: f64, end: f64) -> Promise {
        let (sink, at, end) = (self.sink.clone(), at as u64, end as u64);
        if sink.arrivals().end_of(at).is_none() {
            self.mailbox.post(Message::Heard(self.id, Input::Wanted { from: at }));
        }
        promise(async move { Ok(sink.read(at, end).await) })
    }

    /// Whoever waits for bytes has waited long enough.
    pub fn end(self) {
        self.sink.arrivals().end();
    }
}
