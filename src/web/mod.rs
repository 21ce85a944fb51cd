//! The seams of [`crate::drive::seams`] filled for browsers. Whatever the browser calls back is owned by a struct that
//! takes it back when dropped.

mod abort;
pub mod backend;
mod blob_sink;
mod clock;
mod fetch;
mod json;
mod source;
mod transport;
mod xhr;

pub use self::{
    abort::AbortWatch,
    backend::HttpBackend,
    blob_sink::{BlobSink, warm_up},
    clock::BrowserClock,
    fetch::Bytes,
    source::BlobSource,
    transport::BrowserTransport,
};
