//! One client's WebAssembly side: all that JavaScript can ask of it.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use js_sys::{Array, Date, Function, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;

use super::{
    call::{abortable, promise, stored_file},
    error, events,
    listener::{self, JsListener, Observer},
    media::Media,
    options::{ClientOptions, Options},
    panic,
    platform::Browser,
    reader::Reader,
    starter::{Starter, key_of},
    workers::start_worker,
};
use crate::{
    core::{
        error::{Code, Error},
        transfer::{Event, Input, Level},
    },
    drive::{Driver, call::retrying, mailbox::Message, seams::Backend},
    web::{BrowserBackend, BrowserClock, BrowserStore, BrowserTransport, Disks, LinkWatch, WorkerHasher, warm_up},
};

#[wasm_bindgen]
pub struct Session {
    starter: Rc<Starter>,
    link: RefCell<Option<LinkWatch>>,
}

#[wasm_bindgen]
impl Session {
    #[wasm_bindgen(constructor)]
    pub fn new(options: JsValue) -> Result<Session, JsValue> {
        panic::tell_whoever_waits();
        let ClientOptions { peer, settings, store, on_log } =
            Options::new(options).and_then(|options| options.client()).map_err(|error| error::to_js(&error))?;
        let warn = |on_log: Option<Function>| {
            move |why: &str| {
                let entry = events::log(&Event::Log(Level::Warn, why.to_owned(), None), Date::now(), None);
                entry.iter().for_each(|entry| listener::tell(on_log.as_ref(), entry));
            }
        };
        let backend = BrowserBackend::new(peer, warn(on_log.clone()));
        let forgetful = settings.provider.is_some_and(|provider| provider.forgets);
        let store = BrowserStore::new(store, backend.name(), Disks::new(start_worker)).of_storage(forgetful);
        let hasher = WorkerHasher::new(start_worker, warn(on_log.clone()));
        let transport = BrowserTransport::new(settings.provider);
        let platform = Rc::new(Browser { backend, transport, store, hasher, clock: BrowserClock });
        let (driver, mailbox) = Driver::new(platform.clone(), settings.clone(), seed());
        let closed = platform.clone();
        spawn_local(async move {
            driver.run().await;
            closed.store.close();
            closed.hasher.close();
        });
        warm_up();
        let heard = mailbox.clone();
        let link = LinkWatch::new(move |link| heard.post(Message::Link(link)));
        let starter = Starter { platform, mailbox, settings, on_log, closed: Cell::new(false) };
        Ok(Self { starter: Rc::new(starter), link: RefCell::new(Some(link)) })
    }

    /// Starts an upload under this number. `group` is that of an earlier `group` call.
    pub fn upload(
        &self,
        id: u32,
        source: JsValue,
        options: JsValue,
        group: Option<u32>,
        observer: Observer,
    ) -> Result<(), JsValue> {
        self.starter.upload(id, source, options, group, observer).map_err(|error| error::to_js(&error))
    }

    /// Sums up uploads to come, whose sizes and number are these.
    pub fn group(&self, id: u32, total_bytes: f64, files: u32, observer: Observer) {
        let listener = JsListener { observer, on_log: None, sink: None, _watch: None };
        self.starter.mailbox.post(Message::Group { id: id.into(), total_bytes: total_bytes as u64, files, listener });
    }

    pub fn download(&self, id: u32, key: JsValue, options: JsValue, observer: Observer) -> Result<(), JsValue> {
        self.starter.download(id, &key, options, observer).map(drop).map_err(|error| error::to_js(&error))
    }

    /// A download that is read while it comes; `watcher` is told what does: see `BrowserSink::watch`.
    pub fn media(
        &self,
        id: u32,
        key: JsValue,
        options: JsValue,
        observer: Observer,
        watcher: Function,
    ) -> Result<Media, JsValue> {
        self.starter.media(id, &key, options, observer, watcher).map_err(|error| error::to_js(&error))
    }

    /// The object's bytes in order.
    pub fn stream(&self, id: u32, key: JsValue, options: JsValue, observer: Observer) -> Result<Reader, JsValue> {
        self.starter.stream(id, &key, options, observer).map_err(|error| error::to_js(&error))
    }

    pub fn pause(&self, id: u32) {
        self.starter.mailbox.post(Message::Heard(id.into(), Input::Pause));
    }

    pub fn resume(&self, id: u32) {
        self.starter.mailbox.post(Message::Heard(id.into(), Input::Resume));
    }

    pub fn abort(&self, id: u32, keep: bool) {
        self.starter.mailbox.post(Message::Heard(id.into(), Input::Abort { keep }));
    }

    pub fn list(&self, options: JsValue) -> Promise {
        let (platform, retry) = (self.starter.platform.clone(), self.starter.settings.retry.clone());
        abortable(options, move |options| async move {
            let prefix = options.text("prefix")?;
            let call = || platform.backend.list(prefix.as_deref());
            let files = retrying(&platform.clock, &retry, seed(), call).await?;
            files.iter().map(stored_file).collect::<Result<Array, Error>>().map(JsValue::from)
        })
    }

    pub fn remove(&self, key: JsValue, options: JsValue) -> Promise {
        let (platform, retry) = (self.starter.platform.clone(), self.starter.settings.retry.clone());
        abortable(options, move |_| async move {
            let key = key_of(&key)?;
            retrying(&platform.clock, &retry, seed(), || platform.backend.remove(&key)).await?;
            Ok(JsValue::UNDEFINED)
        })
    }

    /// What was cut off before, newest first.
    pub fn saved(&self) -> Promise {
        let platform = self.starter.platform.clone();
        promise(async move {
            let records = platform.store.saved().await.map_err(|why| error::to_js(&Error::new(Code::Internal, why)))?;
            Ok(records.iter().map(events::saved).collect::<Array>().into())
        })
    }

    /// Forgets what was cut off, and has the backend remove what storage holds of it.
    pub fn discard(&self, id: String) -> Promise {
        let (platform, retry) = (self.starter.platform.clone(), self.starter.settings.retry.clone());
        abortable(JsValue::UNDEFINED, move |_| async move {
            let Some(upload) = platform.store.discard(&id).await? else { return Ok(JsValue::UNDEFINED) };
            let removed = retrying(&platform.clock, &retry, seed(), || platform.backend.abort_upload(&upload)).await;
            match removed {
                // It is gone already, or this backend leaves it to the store's own rules.
                Err(error) if !matches!(error.status, Some(404 | 405 | 501)) => Err(error),
                _ => Ok(JsValue::UNDEFINED),
            }
        })
    }

    /// Goes on with a saved upload, by the handle that the browser has kept.
    pub fn resume_upload(&self, id: u32, saved: String, options: JsValue, observer: Observer) -> Promise {
        let starter = self.starter.clone();
        promise(async move {
            let run = async {
                let record =
                    starter.platform.store.saved_one(&saved).await.map_err(|why| Error::new(Code::Internal, why))?;
                let gone = || Error::new(Code::NotFound, "Nothing is remembered of this upload any more.");
                let record = record.ok_or_else(gone)?;
                let file = record.file().await?;
                starter.upload(id, file.into(), Options::new(options)?.begun_with(&record), None, observer)
            };
            run.await.map(|()| JsValue::UNDEFINED).map_err(|error: Error| error::to_js(&error))
        })
    }

    pub fn close(&self) {
        self.starter.closed.set(true);
        self.link.take();
        self.starter.mailbox.post(Message::Close);
    }
}

/// Jitter need not be secret.
fn seed() -> u64 {
    js_sys::Math::random().to_bits()
}
