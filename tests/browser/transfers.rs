//! Whole transfers by the real loop over the browser's seams.

use std::{cell::RefCell, rc::Rc};

use futures_channel::oneshot;
use presigned::{
    core::{
        checksum::Algorithm,
        download::Wanted,
        group::Files,
        options::Settings,
        transfer::{End, Event, Input, Link, Progress, State},
    },
    drive::{
        Driver,
        mailbox::{Mailbox, Message},
        seams::{Backend, Listener, Platform},
    },
    web::{
        BlobSource, BrowserBackend, BrowserClock, BrowserSink, BrowserStore, BrowserTransport, StoreKind, Target,
        WorkerHasher,
    },
};
use wasm_bindgen_futures::spawn_local;
use wasm_bindgen_test::wasm_bindgen_test;

use super::{
    disk,
    server::{backend, blob, bytes, faults, heal, pause, read, request, sha256, stat, stored, until_stat},
};

/// The browser with a listener that tests can await.
struct Here {
    backend: BrowserBackend,
    transport: BrowserTransport,
    store: BrowserStore,
    hasher: WorkerHasher,
}

/// Notes the events and hands on the end.
struct Notes {
    events: Rc<RefCell<Vec<Event>>>,
    end: RefCell<Option<oneshot::Sender<End>>>,
}

pub struct Running {
    pub events: Rc<RefCell<Vec<Event>>>,
    pub end: oneshot::Receiver<End>,
}

impl Platform for Here {
    type Backend = BrowserBackend;
    type Source = BlobSource;
    type Sink = BrowserSink;
    type Store = BrowserStore;
    type Transport = BrowserTransport;
    type Hasher = WorkerHasher;
    type Clock = BrowserClock;
    type Listener = Notes;

    fn backend(&self) -> &BrowserBackend {
        &self.backend
    }

    fn transport(&self) -> &BrowserTransport {
        &self.transport
    }

    fn store(&self) -> &BrowserStore {
        &self.store
    }

    fn hasher(&self) -> &WorkerHasher {
        &self.hasher
    }

    fn clock(&self) -> &BrowserClock {
        &BrowserClock
    }
}

impl Listener for Notes {
    fn events(&self, events: Vec<Event>) {
        self.events.borrow_mut().extend(events);
    }

    fn group(&self, _: Progress, _: Files) {}

    fn end(&self, end: End) {
        let _ = self.end.take().expect("one end").send(end);
    }
}

fn listen() -> (Notes, Running) {
    let (events, (sender, end)) = (Rc::new(RefCell::new(Vec::new())), oneshot::channel());
    (Notes { events: events.clone(), end: RefCell::new(Some(sender)) }, Running { events, end })
}

/// A client of its own, with a loop of its own.
pub struct Client(Mailbox<Here>, Rc<Here>);

impl Client {
    pub async fn new(user: &str) -> Self {
        Self::with(user, Settings::default()).await
    }

    /// One that takes silence for a stall sooner.
    pub async fn impatient(user: &str, stall_timeout: u64) -> Self {
        Self::with(user, Settings { stall_timeout, ..Settings::default() }).await
    }

    async fn with(user: &str, settings: Settings) -> Self {
        let here = Here {
            transport: BrowserTransport::default(),
            backend: backend(user).await,
            store: BrowserStore::new(StoreKind::IndexedDb, user, disk::disks()),
            // A page that may have no workers.
            hasher: WorkerHasher::new(|| Err("no workers here".into()), |_| {}),
        };
        let here = Rc::new(here);
        let (driver, mailbox) = Driver::new(here.clone(), settings, 1);
        spawn_local(driver.run());
        Self(mailbox, here)
    }

    pub fn upload(&self, id: u64, name: &str, content: &js_sys::Uint8Array) -> Running {
        let request = presigned::core::protocol::UploadRequest {
            part_size: Some(5 << 20),
            ..request(name, content.length().into())
        };
        let (listener, running) = listen();
        let source = Rc::new(BlobSource::new(blob(content)));
        self.0.post(Message::Upload { id, request, source, listener, group: None, resume: true });
        running
    }

    pub fn download(&self, id: u64, key: &str) -> (Running, BrowserSink) {
        let (listener, running) = listen();
        let sink = BrowserSink::new(Target::Auto, true, self.1.store.disks.clone(), Some(Algorithm::Crc32c));
        self.0.post(Message::Download {
            id,
            key: key.into(),
            sink: Rc::new(sink.clone()),
            listener,
            wanted: Wanted::File { resume: true, if_match: false },
        });
        (running, sink)
    }

    pub fn post(&self, id: u64, input: Input) {
        self.0.post(Message::Heard(id, input));
    }

    pub fn link(&self, link: Link) {
        self.0.post(Message::Link(link));
    }

    pub fn close(&self) {
        self.0.post(Message::Close);
    }
}

fn assert_progress_rises(events: &[Event], total: u64) {
    let loaded: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Progress(progress) => Some(progress.loaded),
            _ => None,
        })
        .collect();
    assert!(loaded.is_sorted(), "{loaded:?}");
    assert_eq!(loaded.last(), Some(&total));
}

#[wasm_bindgen_test]
async fn twenty_megabytes_go_up_and_come_down_the_same() {
    let (client, content) = (Client::new("twenty").await, bytes(20 << 20));
    let running = client.upload(1, "twenty.bin", &content);
    let End::Done(finish) = running.end.await.unwrap() else { panic!("it goes up") };
    assert_progress_rises(&running.events.borrow(), 20 << 20);
    assert!(finish.etag.unwrap().contains("-4"), "four parts of 5 MiB");

    let (running, sink) = client.download(2, &finish.key);
    let End::Done(finish) = running.end.await.unwrap() else { panic!("it comes down") };
    assert_progress_rises(&running.events.borrow(), 20 << 20);
    assert_eq!(finish.size, 20 << 20);
    let got = sink.take().expect("a Blob");
    assert_eq!(got.type_(), "application/octet-stream");
    assert_eq!(sha256(&read(&got).await).await, sha256(&content).await);
}

#[wasm_bindgen_test]
async fn cut_ranges_go_on_where_they_stopped() {
    let (client, content) = (Client::new("cuts").await, bytes(8 << 20));
    let End::Done(finish) = client.upload(1, "cuts.bin", &content).end.await.unwrap() else { panic!("up") };
    let before = stat("bytes_out").await;
    faults(r#"{"on":"get","times":4,"do":{"cut_response":500000}}"#).await;
    let (running, sink) = client.download(2, &finish.key);
    let End::Done(_) = running.end.await.unwrap() else { panic!("down") };
    heal().await;
    assert!(running.events.borrow().iter().any(|event| matches!(event, Event::Retry { .. })));
    assert!(read(&sink.take().unwrap()).await.to_vec() == content.to_vec());
    let sent = stat("bytes_out").await - before;
    // What the cut connections still held is lost with them.
    assert!(sent < 8_388_608.0 + 4.0 * 500_000.0 + 2_097_152.0, "nothing comes twice but what was on the wire: {sent}");
}

#[wasm_bindgen_test]
async fn a_server_without_ranges_is_read_as_one_stream() {
    let (client, content) = (Client::new("stream").await, bytes(3 << 20));
    let key = stored(&backend("stream").await, "stream.bin", &content).await;
    faults(r#"{"on":"get","do":{"ignore_range":true}}"#).await;
    let (running, sink) = client.download(1, &key);
    let end = running.end.await.unwrap();
    heal().await;
    assert!(matches!(end, End::Done(_)), "{end:?}");
    assert!(read(&sink.take().unwrap()).await.to_vec() == content.to_vec());
}

#[wasm_bindgen_test]
async fn an_object_that_changes_is_told() {
    let (client, content) = (Client::new("changes").await, bytes(6 << 20));
    let key = stored(&backend("changes").await, "changes.bin", &content).await;
    faults(r#"{"on":"get","skip":1,"do":{"changed_object":true}}"#).await;
    let (running, sink) = client.download(1, &key);
    let end = running.end.await.unwrap();
    heal().await;
    let End::Failed(error) = end else { panic!("{end:?}") };
    assert_eq!(error.code.name(), "object-changed");
    assert!(sink.take().is_none(), "nothing half-mixed is handed out");
}

#[wasm_bindgen_test]
async fn paused_nothing_moves_and_resumed_it_ends() {
    let (client, content) = (Client::new("paused").await, bytes(12 << 20));
    faults(r#"{"on":"part","do":{"bytes_per_second":3000000}}"#).await;
    let running = client.upload(1, "paused.bin", &content);
    until_stat("in_flight", 3.0).await;
    client.post(1, Input::Pause);
    until_stat("in_flight", 0.0).await;
    let events = running.events.borrow().len();
    pause(300).await;
    assert!(matches!(running.events.borrow().last(), Some(Event::Progress(_) | Event::State(State::Paused))));
    assert!(running.events.borrow().len() <= events + 3, "at most the frame that was due");
    heal().await;
    client.post(1, Input::Resume);
    let End::Done(_) = running.end.await.unwrap() else { panic!("it ends") };
    assert_progress_rises(&running.events.borrow(), 12 << 20);
}

#[wasm_bindgen_test]
async fn an_abort_leaves_nothing_behind() {
    let (client, content) = (Client::new("aborts").await, bytes(12 << 20));
    let before = stat("unfinished_uploads").await;
    faults(r#"{"on":"part","do":{"bytes_per_second":2000000}}"#).await;
    let running = client.upload(1, "aborts.bin", &content);
    until_stat("in_flight", 3.0).await;
    client.post(1, Input::Abort { keep: false });
    assert_eq!(running.end.await.unwrap(), End::Aborted);
    heal().await;
    until_stat("in_flight", 0.0).await;
    assert_eq!(stat("unfinished_uploads").await, before);
}

#[wasm_bindgen_test]
async fn several_files_go_up_under_one_limit() {
    let client = Client::new("several").await;
    let files: Vec<_> = (0..8).map(|n| client.upload(n, &format!("{n}.bin"), &bytes(100_000 + n as u32))).collect();
    for file in files {
        assert!(matches!(file.end.await.unwrap(), End::Done(_)));
    }
    let listed = backend("several").await.list(None).await.unwrap();
    assert!(listed.len() >= 8 && listed.iter().all(|file| file.size >= 100_000));
}
