//! Begins transfers: reads what the application passed, and posts it to the loop.

use std::{cell::Cell, rc::Rc};

use js_sys::Function;
use wasm_bindgen::prelude::*;
use web_sys::{AbortSignal, Blob, File};

use super::{
    listener::{JsListener, Observer},
    media::Media,
    options::{Options, UploadOptions, invalid},
    platform::Browser,
    reader::Reader,
};
use crate::{
    core::{
        download::Wanted,
        error::{Code, Error},
        fleet::TransferId,
        options::Settings,
        plan,
        protocol::UploadRequest,
        transfer::Input,
    },
    drive::{
        mailbox::{Mailbox, Message},
        stream::Stream,
    },
    web::{AbortWatch, BlobSource, BrowserSink},
};

pub struct Starter {
    pub platform: Rc<Browser>,
    pub mailbox: Mailbox<Browser>,
    pub settings: Settings,
    pub on_log: Option<Function>,
    pub closed: Cell<bool>,
}

impl Starter {
    /// `group` is that of an earlier [`Message::Group`], which is told where the file is refused.
    pub fn upload(
        &self,
        id: u32,
        source: JsValue,
        options: JsValue,
        group: Option<u32>,
        observer: Observer,
    ) -> Result<(), Error> {
        self.start_upload(id, source, options, group, observer).inspect_err(|_| {
            if let Some(group) = group {
                self.mailbox.post(Message::Refused { group: group.into(), id: id.into() });
            }
        })
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
        let UploadOptions { key, content_type, metadata, accept, resume, unpacked, handle, signal } =
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
        accept.check(&filename, &content_type, unpacked.unwrap_or(size))?;
        plan::check(size)?;
        let part_size = self.settings.part_size.map(|wanted| plan::part_size(size, wanted));
        let form_refused = self.settings.provider.is_some_and(|provider| !provider.forms);
        let request = UploadRequest { filename, content_type, size, key, metadata, part_size, form_refused, unpacked };
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

    pub fn download(&self, id: u32, key: &JsValue, options: JsValue, observer: Observer) -> Result<BrowserSink, Error> {
        self.check_open()?;
        let (key, options) = (key_of(key)?, Options::new(options)?);
        let (signal, resume, if_match) = (options.signal()?, options.resume()?, options.flag("ifMatch", false)?);
        let disks = self.platform.store.disks.clone();
        let (id, sink) = (id.into(), BrowserSink::new(options.to()?, resume, disks, self.settings.checksum_down()));
        let listener = self.listener(id, observer, Some(sink.clone()), signal.clone());
        self.mailbox.post(Message::Download {
            id,
            key,
            sink: Rc::new(sink.clone()),
            listener,
            wanted: Wanted::File { resume, if_match },
        });
        self.end_if_aborted(id, signal);
        Ok(sink)
    }

    /// A download that is read while it comes.
    pub fn media(
        &self,
        id: u32,
        key: &JsValue,
        options: JsValue,
        observer: Observer,
        watcher: Function,
    ) -> Result<Media, Error> {
        let (sink, mailbox, id) = (self.download(id, key, options, observer)?, self.mailbox.clone(), id.into());
        // Nothing has come before the loop turns.
        sink.watch(watcher);
        mailbox.post(Message::Heard(id, Input::Wanted { from: 0 }));
        Ok(Media { id, mailbox, sink })
    }

    pub fn stream(&self, id: u32, key: &JsValue, options: JsValue, observer: Observer) -> Result<Reader, Error> {
        self.check_open()?;
        let (id, key, options) = (id.into(), key_of(key)?, Options::new(options)?);
        let (signal, (start, end)) = (options.signal()?, options.span()?);
        // Of a part of it, storage tells no checksum.
        let algorithm = self.settings.checksum_down().filter(|_| (start, end) == (0, None));
        let stream = Stream::new(start, algorithm);
        let sink = Rc::new(BrowserSink::streamed(stream.clone(), self.platform.store.disks.clone()));
        let listener = self.listener(id, observer, None, signal.clone());
        self.mailbox.post(Message::Download { id, key, sink, listener, wanted: Wanted::Stream { start, end } });
        self.end_if_aborted(id, signal);
        Ok(Reader { id, mailbox: self.mailbox.clone(), stream })
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
        sink: Option<BrowserSink>,
        signal: Option<AbortSignal>,
    ) -> JsListener {
        let mailbox = self.mailbox.clone();
        let abort = move || mailbox.post(Message::Heard(id, Input::Abort { keep: false }));
        let watch = signal.map(|signal| AbortWatch::new(signal, abort));
        JsListener { observer, on_log: self.on_log.clone(), sink, _watch: watch }
    }
}

pub fn key_of(key: &JsValue) -> Result<String, Error> {
    key.as_string().filter(|key| !key.is_empty()).ok_or_else(|| invalid("key", "a string with something in it"))
}
