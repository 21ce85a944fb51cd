//! Hands what the loop says to the JavaScript object that stands for a transfer.

use js_sys::{Array, Date, Function};
use wasm_bindgen::prelude::*;

use super::{error, events};
use crate::{
    core::{
        group::Files,
        transfer::{End, Event, Progress},
    },
    drive::seams::Listener,
    web::{AbortWatch, BrowserSink},
};

#[wasm_bindgen]
extern "C" {
    /// The face's side of a transfer. It throws nothing: what applications throw in their callbacks is reported there.
    pub type Observer;

    #[wasm_bindgen(method)]
    fn events(this: &Observer, events: Array);
    /// For the timeline.
    #[wasm_bindgen(method)]
    fn log(this: &Observer, entry: &JsValue);
    #[wasm_bindgen(method)]
    fn group(this: &Observer, progress: JsValue);
    #[wasm_bindgen(method)]
    fn done(this: &Observer, result: JsValue);
    #[wasm_bindgen(method)]
    fn failed(this: &Observer, error: JsValue);
    #[wasm_bindgen(method)]
    fn aborted(this: &Observer);
    #[wasm_bindgen(method, getter)]
    fn id(this: &Observer) -> String;
}

pub struct JsListener {
    pub observer: Observer,
    pub on_log: Option<Function>,
    /// Where a download's bytes are.
    pub sink: Option<BrowserSink>,
    /// The user's signal, for as long as the transfer lives.
    pub _watch: Option<AbortWatch>,
}

impl JsListener {
    fn log(&self, event: &Event) {
        let Some(entry) = events::log(event, Date::now(), Some(&self.observer.id())) else {
            return;
        };
        self.observer.log(&entry);
        tell(self.on_log.as_ref(), &entry);
    }
}

pub fn tell(on_log: Option<&Function>, entry: &JsValue) {
    if let Some(on_log) = on_log {
        // An application's faulty log callback must not end its transfers.
        let _ = on_log.call1(&JsValue::UNDEFINED, entry);
    }
}

impl Listener for JsListener {
    fn events(&self, list: Vec<Event>) {
        list.iter().for_each(|event| self.log(event));
        let list: Array = list.iter().filter_map(events::event).collect();
        if list.length() > 0 {
            self.observer.events(list);
        }
    }

    fn group(&self, progress: Progress, files: Files) {
        self.observer.group(events::group(progress, files));
    }

    fn end(&self, end: End) {
        match end {
            End::Done(finish) => {
                let blob = self.sink.as_ref().and_then(|sink| sink.take()).map_or(JsValue::UNDEFINED, JsValue::from);
                self.observer.done(events::result(&finish, blob));
            }
            End::Failed(failure) => self.observer.failed(error::to_js(&failure)),
            End::Aborted => self.observer.aborted(),
        }
    }
}
