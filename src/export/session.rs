//! One client's WebAssembly side: it starts the loop and posts to its mailbox.

use std::{
    cell::{Cell, RefCell},
    future::Future,
    rc::Rc,
};

use futures_channel::oneshot;
use futures_util::future::{Either, select};
use js_sys::{Array, Date, Function, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{future_to_promise, spawn_local};
use web_sys::{AbortSignal, Blob, File};

use super::{
    error, events,
    listener::{JsListener, Observer},
    options::{ClientOptions, Options, UploadOptions, invalid},
    panic,
};
use crate::{
    core::{
        error::{Code, Error},
        fleet::TransferId,
        options::Settings,
        plan,
        protocol::{StoredFile, UploadRequest},
        transfer::Input,
    },
    drive::{
        Driver,
        call::retrying,
        mailbox::{Mailbox, Message},
        seams::{Backend, Platform},
    },
    web::{
        AbortWatch, BlobSink, BlobSource, BrowserClock, BrowserStore, BrowserTransport, HttpBackend, LinkWatch,
        SavedRecord, warm_up,
    },
};

/// The browser as a platform.
pub struct Browser {
    backend: HttpBackend,
    transport: BrowserTransport,
    store: BrowserStore,
    clock: BrowserClock,
}

impl Platform for Browser {
    type Backend = HttpBackend;
    type Source = BlobSource;
    type Sink = BlobSink;
    type Store = BrowserStore;
    type Transport = BrowserTransport;
    type Clock = BrowserClock;
    type Listener = JsListener;

    fn backend(&self) -> &HttpBackend {
        &self.backend
    }

    fn transport(&self) -> &BrowserTransport {
        &self.transport
    }

    fn store(&self) -> &BrowserStore {
        &self.store
    }

    fn clock(&self) -> &BrowserClock {
        &self.clock
    }
}

#[wasm_bindgen]
pub struct Session {
    platform: Rc<Browser>,
    mailbox: Mailbox<Browser>,
    settings: Settings,
    on_log: Option<Function>,
    link: RefCell<Option<LinkWatch>>,
    closed: Cell<bool>,
}

#[wasm_bindgen]
impl Session {
    #[wasm_bindgen(constructor)]
    pub fn new(options: JsValue) -> Result<Session, JsValue> {
        panic::tell_whoever_waits();
        let ClientOptions { backend, settings, store, on_log } =
            Options::new(options).and_then(|options| options.client()).map_err(|error| error::to_js(&error))?;
        let store = BrowserStore::new(store, backend.endpoint.as_str());
        let platform = Rc::new(Browser { backend, transport: BrowserTransport, store, clock: BrowserClock });
        let (driver, mailbox) = Driver::new(platform.clone(), settings.clone(), seed());
        spawn_local(driver.run());
        warm_up();
        let heard = mailbox.clone();
        let link = LinkWatch::new(move |link| heard.post(Message::Link(link)));
        Ok(Self { platform, mailbox, settings, on_log, link: RefCell::new(Some(link)), closed: Cell::new(false) })
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
        self.start_upload(id, source, options, group, observer).map_err(|error| {
            if let Some(group) = group {
                self.mailbox.post(Message::Refused { group: group.into(), id: id.into() });
            }
            error::to_js(&error)
        })
    }

    /// Sums up uploads to come, whose sizes and number are these.
    pub fn group(&self, id: u32, total_bytes: f64, files: u32, observer: Observer) {
        let listener = JsListener { observer, on_log: None, sink: None, _watch: None };
        self.mailbox.post(Message::Group { id: id.into(), total_bytes: total_bytes as u64, files, listener });
    }

    pub fn download(&self, id: u32, key: JsValue, options: JsValue, observer: Observer) -> Result<(), JsValue> {
        self.start_download(id, &key, options, observer).map_err(|error| error::to_js(&error))
    }

    pub fn pause(&self, id: u32) {
        self.mailbox.post(Message::Heard(id.into(), Input::Pause));
    }

    pub fn resume(&self, id: u32) {
        self.mailbox.post(Message::Heard(id.into(), Input::Resume));
    }

    pub fn abort(&self, id: u32, keep: bool) {
        self.mailbox.post(Message::Heard(id.into(), Input::Abort { keep }));
    }

    pub fn list(&self, options: JsValue) -> Promise {
        let (platform, retry) = (self.platform.clone(), self.settings.retry.clone());
        abortable(options, move |options| async move {
            let prefix = options.text("prefix")?;
            let call = || platform.backend.list(prefix.as_deref());
            let files = retrying(&platform.clock, &retry, seed(), call).await?;
            files.iter().map(stored_file).collect::<Result<Array, Error>>().map(JsValue::from)
        })
    }

    pub fn remove(&self, key: JsValue, options: JsValue) -> Promise {
        let (platform, retry) = (self.platform.clone(), self.settings.retry.clone());
        abortable(options, move |_| async move {
            let key = key_of(&key)?;
            retrying(&platform.clock, &retry, seed(), || platform.backend.remove(&key)).await?;
            Ok(JsValue::UNDEFINED)
        })
    }

    /// What was cut off before, newest first.
    pub fn saved(&self) -> Promise {
        let platform = self.platform.clone();
        future_to_promise(async move {
            let records = platform.store.saved().await.map_err(|why| error::to_js(&Error::new(Code::Internal, why)))?;
            Ok(records.iter().map(events::saved).collect::<Array>().into())
        })
    }

    /// Forgets what was cut off, and has the backend remove what storage holds of it.
    pub fn discard(&self, id: String) -> Promise {
        let (platform, retry) = (self.platform.clone(), self.settings.retry.clone());
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
    pub async fn resume_upload(&self, id: u32, saved: String, options: JsValue, observer: Observer) -> Result<(), JsValue> {
        let found = self.platform.store.saved().await.map_err(|why| error::to_js(&Error::new(Code::Internal, why)))?;
        let record = found.into_iter().find(|record| record.id == saved);
        let file = match record {
            Some(record) => record.file().await,
            None => Err(Error::new(Code::NotFound, "Nothing is remembered of this upload any more.")),
        };
        let (file, options) = file
            .and_then(|file| Ok((file.clone(), Options::new(options)?.with_defaults(&file.options)?)))
            .map_err(|error| error::to_js(&error))?;
        self.upload(id, file.file.into(), options, None, observer)
    }

    pub fn close(&self) {
        self.closed.set(true);
        self.link.take();
        self.mailbox.post(Message::Close);
    }

    fn start_upload(
        &self,
        id: u32,
        source: JsValue,
        options: JsValue,
        group: Option<u32>,
        observer: Observer,
    ) -> Result<(), Error> {
        self.check_open()?;
        let UploadOptions { key, content_type, metadata, accept, resume, handle, signal } =
            Options::new(options)?.upload()?;
        let blob: Blob = source.dyn_into().map_err(|_| invalid("source", "a Blob or File"))?;
        let size = blob.size() as u64;
        let content_type = content_type
            .or_else(|| Some(blob.type_()).filter(|own| !own.is_empty()))
            .unwrap_or_else(|| "application/octet-stream".into());
        let filename = match blob.dyn_ref::<File>() {
            Some(file) => file.name(),
            None => key.as_deref().and_then(|key| key.rsplit('/').next()).unwrap_or("blob").to_owned(),
        };
        accept.check(&filename, &content_type, size)?;
        let part_size = Some(plan::part_size(size, self.settings.part_size)?);
        let request = UploadRequest { filename, content_type, size, key, metadata, part_size };
        let id = id.into();
        if let Some(handle) = handle {
            self.platform.store.remember_handle(id, handle);
        }
        self.mailbox.post(Message::Upload {
            id,
            resume,
            request,
            source: Rc::new(BlobSource::new(blob)),
            listener: self.listener(id, observer, None, signal.clone()),
            group: group.map(TransferId::from),
        });
        self.end_if_aborted(id, signal);
        Ok(())
    }

    fn start_download(&self, id: u32, key: &JsValue, options: JsValue, observer: Observer) -> Result<(), Error> {
        self.check_open()?;
        let (key, options) = (key_of(key)?, Options::new(options)?);
        let (signal, resume) = (options.signal()?, options.resume()?);
        let (id, sink) = (id.into(), Rc::new(BlobSink::default()));
        let listener = self.listener(id, observer, Some(sink.clone()), signal.clone());
        self.mailbox.post(Message::Download { id, key, sink, listener, resume });
        self.end_if_aborted(id, signal);
        Ok(())
    }

    /// A signal that was aborted before the transfer began never says so again.
    fn end_if_aborted(&self, id: TransferId, signal: Option<AbortSignal>) {
        if signal.is_some_and(|signal| signal.aborted()) {
            self.mailbox.post(Message::Heard(id, Input::Abort { keep: false }));
        }
    }

    fn check_open(&self) -> Result<(), Error> {
        if self.closed.get() {
            return Err(Error::new(Code::InvalidOption, "The client is closed."));
        }
        Ok(())
    }

    fn listener(
        &self,
        id: TransferId,
        observer: Observer,
        sink: Option<Rc<BlobSink>>,
        signal: Option<AbortSignal>,
    ) -> JsListener {
        let mailbox = self.mailbox.clone();
        let abort = move || mailbox.post(Message::Heard(id, Input::Abort { keep: false }));
        let watch = signal.map(|signal| AbortWatch::new(signal, abort));
        JsListener { observer, on_log: self.on_log.clone(), sink, _watch: watch }
    }
}

/// Runs a call until it ends or the user's signal is aborted; then it rejects with the signal's reason, as fetch does.
fn abortable<F>(options: JsValue, call: impl FnOnce(Options) -> F + 'static) -> Promise
where
    F: Future<Output = Result<JsValue, Error>>,
{
    future_to_promise(async move {
        let run = async {
            let options = Options::new(options)?;
            let signal = options.signal()?;
            if let Some(signal) = signal.as_ref().filter(|signal| signal.aborted()) {
                return Ok(Err(signal.reason()));
            }
            let (abort, aborted) = oneshot::channel();
            let mut abort = Some(abort);
            let watch = signal.clone().map(|signal| {
                AbortWatch::new(signal, move || {
                    if let Some(abort) = abort.take() {
                        // The call has ended meanwhile: nobody listens.
                        let _ = abort.send(());
                    }
                })
            });
            let call = Box::pin(call(options));
            let aborted = Box::pin(async move {
                if aborted.await.is_err() {
                    std::future::pending::<()>().await;
                }
            });
            let outcome = match select(call, aborted).await {
                Either::Left((outcome, _)) => outcome.map(Ok),
                Either::Right(_) => Ok(Err(signal.map(|signal| signal.reason()).unwrap_or_default())),
            };
            drop(watch);
            outcome
        };
        run.await.map_err(|error: Error| error::to_js(&error))?
    })
}

fn stored_file(file: &StoredFile) -> Result<JsValue, Error> {
    let date = Date::new(&JsValue::from_str(&file.last_modified));
    if date.get_time().is_nan() {
        return Err(Error::new(Code::Backend, "The backend's answer has a wrong `last_modified`: not a date."));
    }
    let object = js_sys::Object::new();
    for (name, value) in [
        ("key", JsValue::from_str(&file.key)),
        ("size", JsValue::from_f64(file.size as f64)),
        ("lastModified", date.into()),
    ] {
        // A plain object takes any member.
        let _ = Reflect::set(&object, &JsValue::from_str(name), &value);
    }
    Ok(object.into())
}

fn key_of(key: &JsValue) -> Result<String, Error> {
    key.as_string().filter(|key| !key.is_empty()).ok_or_else(|| invalid("key", "a string with something in it"))
}

/// Jitter need not be secret.
fn seed() -> u64 {
    js_sys::Math::random().to_bits()
}
