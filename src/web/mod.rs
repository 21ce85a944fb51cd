//! The seams of [`crate::drive::seams`] filled for browsers. Whatever the browser calls back is owned by a struct that
//! takes it back when dropped.

mod abort;
pub mod backend;
mod batch;
mod blob_sink;
mod buffers;
mod clock;
mod disk;
mod endpoint;
mod fetch;
mod functions;
mod handle;
pub mod hasher;
mod idb;
mod json;
mod link;
mod listening;
pub mod locks;
mod persist;
mod protocol;
mod record;
mod saved;
mod shelf;
mod sink;
mod source;
mod store;
mod transport;
mod xhr;

pub use self::{
    abort::AbortWatch,
    backend::{BrowserBackend, Peer},
    blob_sink::warm_up,
    clock::BrowserClock,
    disk::Disks,
    endpoint::Endpoint,
    fetch::Bytes,
    functions::Functions,
    handle::{file_of, is_file_handle},
    hasher::WorkerHasher,
    link::LinkWatch,
    saved::SavedRecord,
    shelf::Kind as StoreKind,
    sink::{BrowserSink, Target},
    source::BlobSource,
    store::BrowserStore,
    transport::BrowserTransport,
};
