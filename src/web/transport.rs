//! Uploads by XMLHttpRequest, downloads by fetch.

use super::{
    fetch::{self, FetchBody},
    protocol::ProtocolSight,
    source::BlobSource,
    xhr,
};
use crate::{
    core::{error::Failure, http::Response, protocol::Signed, provider::Provider},
    drive::seams::{Opened, Transport},
};

#[derive(Default)]
pub struct BrowserTransport {
    protocol: ProtocolSight,
}

impl BrowserTransport {
    /// `provider`: whose store it is, where the application says it.
    pub fn new(provider: Option<&'static Provider>) -> Self {
        Self { protocol: ProtocolSight::new(provider) }
    }
}

impl Transport for BrowserTransport {
    type Source = BlobSource;
    type Body = FetchBody;

    async fn put(
        &self,
        signed: &Signed,
        source: &BlobSource,
        start: u64,
        end: u64,
        sent: impl Fn(u64) + 'static,
    ) -> Result<Response, Failure> {
        let typed = signed.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        match xhr::send(signed, &source.body(start, end, typed)?, sent).await? {
            Some(response) => Ok(response),
            None => {
                source.check(start, end).await?;
                Err(Failure::network())
            }
        }
    }

    async fn get(&self, signed: &Signed, start: u64, end: Option<u64>) -> Result<Opened<FetchBody>, Failure> {
        fetch::open(signed, start, end).await
    }

    fn protocol(&self, signed: &Signed) -> Option<String> {
        self.protocol.look(&signed.url)
    }
}
