//! The browser as a platform: which seam is filled by what.

use super::listener::JsListener;
use crate::{
    drive::seams::Platform,
    web::{BlobSource, BrowserBackend, BrowserClock, BrowserSink, BrowserStore, BrowserTransport, WorkerHasher},
};

pub struct Browser {
    pub backend: BrowserBackend,
    pub transport: BrowserTransport,
    pub store: BrowserStore,
    pub hasher: WorkerHasher,
    pub clock: BrowserClock,
}

impl Platform for Browser {
    type Backend = BrowserBackend;
    type Source = BlobSource;
    type Sink = BrowserSink;
    type Store = BrowserStore;
    type Transport = BrowserTransport;
    type Hasher = WorkerHasher;
    type Clock = BrowserClock;
    type Listener = JsListener;

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
        &self.clock
    }
}
