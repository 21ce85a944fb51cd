//! The reading end of a stream.

use std::rc::Rc;

use js_sys::Promise;
use wasm_bindgen::prelude::*;

use super::{call::promise, platform::Browser};
use crate::{
    core::{fleet::TransferId, transfer::Input},
    drive::{
        mailbox::{Mailbox, Message},
        stream::Stream,
    },
    web::Bytes,
};

#[wasm_bindgen]
pub struct Reader {
    pub(super) id: TransferId,
    pub(super) mailbox: Mailbox<Browser>,
    pub(super) stream: Rc<Stream<Bytes>>,
}

#[wasm_bindgen]
impl Reader {
    /// The next bytes; `undefined` at the end, whether all have come or not.
    pub fn next(&self) -> Promise {
        let (id, mailbox, stream) = (self.id, self.mailbox.clone(), self.stream.clone());
        promise(async move {
            let Some((bytes, up_to)) = stream.next().await else { return Ok(JsValue::UNDEFINED) };
            mailbox.post(Message::Heard(id, Input::Taken { up_to }));
            Ok(bytes.into_own().into())
        })
    }

    /// Whoever waits for more has waited long enough.
    pub fn end(self) {
        self.stream.clear();
        self.stream.end();
    }
}
