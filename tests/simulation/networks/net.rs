//! The seams, filled by a modelled network with a store behind it that never loses anything.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use presigned::{
    core::{
        checkpoint::{NotedPart, Recalled, Save},
        checksum::{Algorithm, Checksum},
        error::Failure,
        fleet::TransferId,
        http::Response,
        protocol::{
            Completion, DownloadGrant, Method, PartGrants, Signed, StoredFile, StoredPart, UnsignedPart, UploadGrant,
            UploadRef, UploadRequest,
        },
    },
    drive::seams::{Backend, Clock, Hasher, Opened, Store, Transport},
};

use crate::{
    clock::VirtualClock,
    platform::{SimSink, SimSource},
    server::{refusal, reply},
    transport::SimBody,
};

use super::fluid::{Flowing, Fluid, Network, Way};

pub struct Net {
    network: Network,
    clock: VirtualClock,
    fluid: Rc<RefCell<Fluid>>,
    told: Cell<bool>,
}

/// A body on its way; dropped, it is no more.
struct OnItsWay<'a> {
    net: &'a Net,
    id: u64,
}

impl Drop for OnItsWay<'_> {
    fn drop(&mut self) {
        self.net.fluid.borrow_mut().leave(self.net.clock.now(), self.id);
    }
}

impl Net {
    pub fn new(network: Network, clock: VirtualClock, seed: u64) -> Self {
        Self { network, clock, fluid: Rc::new(RefCell::new(Fluid::new(network, seed))), told: Cell::default() }
    }

    async fn call(&self) {
        self.clock.sleep(self.network.latency + 5).await;
    }

    fn grants(&self, numbers: impl Iterator<Item = u32>) -> PartGrants {
        let signed = || Signed {
            url: "https://store.example/part?lapses=never".into(),
            method: Method::Put,
            headers: Vec::new(),
            fields: Vec::new(),
        };
        PartGrants { parts: numbers.map(|number| (number, signed())).collect(), expires_in: Some(100_000) }
    }

    async fn send(&self, way: Way, bytes: u64, sent: impl Fn(u64)) -> Result<Response, Failure> {
        self.clock.sleep(self.network.latency / 2).await;
        let entered = self.fluid.borrow_mut().enter(self.clock.now(), way, bytes);
        let Some(id) = entered else {
            self.clock.sleep(self.network.latency.div_ceil(2)).await;
            self.fluid.borrow_mut().keep(way);
            return Ok(refusal(503, "SlowDown", "Please reduce your request rate."));
        };
        let mut told = 0;
        let on_its_way = OnItsWay { net: self, id };
        loop {
            let flowing = self.fluid.borrow_mut().look(self.clock.now(), id);
            match flowing {
                Flowing::On(left, pause) => {
                    if bytes - left > told {
                        told = bytes - left;
                        sent(told);
                    }
                    self.clock.sleep(pause).await;
                }
                Flowing::Cut => return Err(Failure::network()),
                Flowing::Through => break,
            }
        }
        sent(bytes);
        drop(on_its_way);
        self.clock.sleep(self.network.latency.div_ceil(2)).await;
        Ok(reply(200, &[("etag", "\"e\"".to_owned())]))
    }
}

stands_for_everything!(Net);

impl Transport for Net {
    type Source = SimSource;
    type Body = SimBody;

    async fn put(
        &self,
        _signed: &Signed,
        _source: &SimSource,
        start: u64,
        end: u64,
        sent: impl Fn(u64) + 'static,
    ) -> Result<Response, Failure> {
        let (way, set_up) = self.fluid.borrow_mut().connect();
        self.clock.sleep(set_up).await;
        self.send(way, end - start, sent).await
    }

    async fn get(&self, _: &Signed, _: u64, _: Option<u64>) -> Result<Opened<SimBody>, Failure> {
        panic!("uploads only")
    }

    fn protocol(&self, _: &Signed) -> Option<String> {
        // As a browser's transport does: told once.
        (!self.told.replace(true)).then(|| if self.network.h2 { "h2" } else { "http/1.1" }.to_owned())
    }
}

impl Backend for Net {
    async fn request_upload(&self, request: &UploadRequest) -> Result<UploadGrant, Failure> {
        self.call().await;
        let key = request.key.clone().expect("a key");
        let part_size = request.part_size.expect("the fleet plans one");
        if request.size <= part_size {
            let (_, signed) = self.grants([1].into_iter()).parts.remove(0);
            return Ok(UploadGrant::Whole { key, signed, expires_in: Some(100_000) });
        }
        let parts = request.size.div_ceil(part_size) as u32;
        let grants = self.grants((1..=parts).take(100));
        Ok(UploadGrant::Parts { key, upload_id: "u".into(), part_size: Some(part_size), grants, sums: None })
    }

    async fn request_parts(&self, _: &UploadRef, parts: &[UnsignedPart]) -> Result<PartGrants, Failure> {
        self.call().await;
        Ok(self.grants(parts.iter().map(|part| part.number)))
    }

    async fn list_parts(&self, _: &UploadRef) -> Result<Vec<StoredPart>, Failure> {
        panic!("nothing is resumed")
    }

    async fn complete_upload(&self, upload: &UploadRef, _: &[NotedPart], _: u64) -> Result<Completion, Failure> {
        self.call().await;
        Ok(Completion { key: upload.key.clone(), etag: None, location: None, told: Vec::new() })
    }

    async fn abort_upload(&self, _: &UploadRef) -> Result<(), Failure> {
        panic!("nobody gives up")
    }

    async fn request_download(&self, _: &str) -> Result<DownloadGrant, Failure> {
        panic!("uploads only")
    }

    async fn list(&self, _: Option<&str>) -> Result<Vec<StoredFile>, Failure> {
        Ok(Vec::new())
    }

    async fn remove(&self, _: &str) -> Result<(), Failure> {
        panic!("nobody gives up")
    }
}

impl Hasher for Net {
    type Source = SimSource;
    type Sink = SimSink;

    async fn of_source(&self, _: &SimSource, _: Algorithm, _: u64, _: u64) -> Result<Checksum, Failure> {
        panic!("checksums are off: hashing is no network")
    }

    async fn of_sink(&self, _: &SimSink, _: Algorithm, _: u64, _: u64) -> Result<Checksum, Failure> {
        panic!("uploads only")
    }
}

impl Store for Net {
    type Source = SimSource;
    type Sink = SimSink;

    async fn recall_upload(
        &self,
        _: TransferId,
        _: &UploadRequest,
        _: &SimSource,
        _: bool,
    ) -> Result<Recalled, Failure> {
        Ok(Recalled::default())
    }

    async fn recall_download(&self, _: TransferId, _: &str, _: &SimSink, _: bool) -> Result<Recalled, Failure> {
        panic!("uploads only")
    }

    async fn save(&self, _: TransferId, _: Save) -> Result<(), String> {
        Ok(())
    }

    fn release(&self, _: TransferId) {}
}
