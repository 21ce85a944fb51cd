//! The seams, filled by a modelled world.

use std::{cell::RefCell, future::pending, rc::Rc};

use presigned::{
    core::{
        error::{Code, Error, Failure},
        group::Files,
        http::Response,
        protocol::{Completion, DownloadGrant, PartGrants, Signed, StoredFile, UploadGrant, UploadRef, UploadRequest},
        transfer::{End, Event, Progress},
    },
    drive::seams::{Backend, Body, Chunk, Clock, Listener, Opened, Platform, Sink, Transport},
};

use super::{
    clock::VirtualClock,
    rules::Witness,
    server::{InFlight, Object, Server, Stretch, reply},
};

#[derive(Clone)]
pub struct SimWorld {
    pub server: Rc<Server>,
    pub clock: VirtualClock,
}

/// A file by its number.
pub struct SimSource(pub u64);

#[derive(Default)]
pub struct SimSink {
    pub written: RefCell<Vec<(u64, Stretch)>>,
    pub sealed: RefCell<Option<u64>>,
}

pub struct SimBody {
    world: SimWorld,
    stretches: Vec<Stretch>,
    cut_after: Option<u64>,
    given: u64,
    _in_flight: InFlight,
}

#[derive(Clone, Copy)]
pub struct SimChunk(Stretch);

pub struct SimListener(pub Rc<RefCell<Witness>>);

impl Platform for SimWorld {
    type Backend = Self;
    type Source = SimSource;
    type Sink = SimSink;
    type Transport = Self;
    type Clock = VirtualClock;
    type Listener = SimListener;

    fn backend(&self) -> &Self {
        self
    }

    fn transport(&self) -> &Self {
        self
    }

    fn clock(&self) -> &VirtualClock {
        &self.clock
    }
}

impl SimWorld {
    async fn travel(&self) {
        let span = self.server.weather.latency + self.server.draw(self.server.weather.latency);
        self.clock.sleep(span).await;
    }

    async fn call(&self) -> Result<(), Failure> {
        self.travel().await;
        if self.server.happens(self.server.weather.stall) {
            pending::<()>().await;
        }
        self.server.call()
    }

    fn grants(&self, upload_id: &str, numbers: impl Iterator<Item = u32>) -> PartGrants {
        let now = self.clock.now();
        let sign = |number| (number, self.server.sign(now, &format!("part/{upload_id}/{number}")));
        PartGrants { parts: numbers.map(sign).collect(), expires_in: Some(self.server.weather.lease_seconds) }
    }
}

impl Backend for SimWorld {
    async fn request_upload(&self, request: &UploadRequest) -> Result<UploadGrant, Failure> {
        self.call().await?;
        let (server, id) = (&self.server, self.server.unique());
        let key = request.key.clone().expect("worlds name their keys");
        let part_size = request.part_size.expect("the engine asks for a size");
        if request.size <= part_size {
            let signed = server.sign(self.clock.now(), &format!("put/{key}"));
            return Ok(UploadGrant::Whole { key, signed, expires_in: Some(server.weather.lease_seconds) });
        }
        let upload_id = format!("u{id}");
        server.uploads.borrow_mut().insert(upload_id.clone(), Default::default());
        let parts = u32::try_from(request.size.div_ceil(part_size)).expect("few parts");
        let grants = self.grants(&upload_id, (1..=parts).take(server.weather.batch));
        Ok(UploadGrant::Parts { key, upload_id, part_size: Some(part_size), grants })
    }

    async fn request_parts(&self, upload: &UploadRef, parts: &[u32]) -> Result<PartGrants, Failure> {
        self.call().await?;
        Ok(self.grants(&upload.upload_id, parts.iter().copied().take(self.server.weather.batch)))
    }

    async fn complete_upload(&self, upload: &UploadRef, parts: &[(u32, String)]) -> Result<Completion, Failure> {
        self.call().await?;
        let server = &self.server;
        if !server.completed.borrow().contains_key(&upload.upload_id) {
            let stored = server.uploads.borrow_mut().remove(&upload.upload_id);
            let stored = stored.expect("an upload that nobody removed");
            let bytes: Vec<_> = stored.values().copied().collect();
            let etags: Vec<_> = stored.iter().map(|(number, bytes)| (*number, etag(bytes))).collect();
            assert_eq!(etags, parts, "a completion names what is stored");
            let size = bytes.iter().map(|stretch| stretch.end - stretch.start).sum();
            let object = Object { bytes, etag: format!("\"{}\"", upload.upload_id), size };
            server.objects.borrow_mut().insert(upload.key.clone(), object);
            server.completed.borrow_mut().insert(upload.upload_id.clone(), upload.key.clone());
        }
        if server.happens(server.weather.lost_answer) {
            return Err(Failure::network());
        }
        Ok(Completion { key: upload.key.clone(), etag: None, location: None })
    }

    async fn abort_upload(&self, upload: &UploadRef) -> Result<(), Failure> {
        self.call().await?;
        self.server.removals.borrow_mut().push(upload.key.clone());
        match self.server.uploads.borrow_mut().remove(&upload.upload_id) {
            Some(_) => Ok(()),
            None => Err(Failure::fatal(Error::new(Code::NotFound, "NoSuchUpload").with_status(404))),
        }
    }

    async fn request_download(&self, key: &str) -> Result<DownloadGrant, Failure> {
        self.call().await?;
        let signed = self.server.sign(self.clock.now(), &format!("get/{key}"));
        Ok(DownloadGrant {
            signed,
            expires_in: Some(self.server.weather.lease_seconds),
            size: None,
            content_type: None,
        })
    }

    async fn list(&self, _prefix: Option<&str>) -> Result<Vec<StoredFile>, Failure> {
        Ok(Vec::new())
    }

    async fn remove(&self, key: &str) -> Result<(), Failure> {
        self.call().await?;
        self.server.removals.borrow_mut().push(key.to_owned());
        self.server.objects.borrow_mut().remove(key);
        Ok(())
    }
}

impl Transport for SimWorld {
    type Source = SimSource;
    type Body = SimBody;

    async fn put(
        &self,
        signed: &Signed,
        source: &SimSource,
        start: u64,
        end: u64,
        sent: impl Fn(u64) + 'static,
    ) -> Result<Response, Failure> {
        let _in_flight = self.server.enter();
        self.travel().await;
        let weather = self.server.weather;
        let cut = self.server.happens(weather.cut).then(|| self.server.draw(end - start));
        let stall = self.server.happens(weather.stall).then(|| self.server.draw(end - start));
        let mut loaded = 0;
        while loaded < end - start {
            let step = (weather.bytes_per_ms * 50).max(1).min(end - start - loaded);
            self.clock.sleep(step / weather.bytes_per_ms.max(1)).await;
            loaded += step;
            if cut.is_some_and(|at| loaded > at) {
                return Err(Failure::network());
            }
            sent(loaded);
            if stall.is_some_and(|at| loaded > at) {
                pending::<()>().await;
            }
        }
        let what = match self.server.verify(self.clock.now(), signed) {
            Ok(what) => what,
            Err(response) => return Ok(response),
        };
        let bytes = Stretch { of: source.0, start, end };
        match what.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["put", key] => {
                let object = Object { bytes: vec![bytes], etag: etag(&bytes), size: end - start };
                self.server.objects.borrow_mut().insert(key.to_owned(), object);
            }
            ["part", upload_id, number] => match self.server.uploads.borrow_mut().get_mut(upload_id) {
                Some(parts) => {
                    parts.insert(number.parse().expect("a number"), bytes);
                }
                None => return Ok(super::server::refusal(404, "NoSuchUpload", "gone")),
            },
            _ => panic!("no URL to write to: {}", signed.url),
        }
        self.travel().await;
        if self.server.happens(weather.lost_answer) {
            return Err(Failure::network());
        }
        Ok(reply(200, &[("etag", etag(&bytes))]))
    }

    async fn get(&self, signed: &Signed, start: u64, end: Option<u64>) -> Result<Opened<SimBody>, Failure> {
        let in_flight = self.server.enter();
        self.travel().await;
        let (server, weather) = (&self.server, self.server.weather);
        if server.happens(weather.cut) {
            return Err(Failure::network());
        }
        if server.happens(weather.stall) {
            pending::<()>().await;
        }
        let what = match server.verify(self.clock.now(), signed) {
            Ok(what) => what,
            Err(response) => return Ok(Opened::Reply(response)),
        };
        let objects = server.objects.borrow();
        let object = objects.get(&what[1]).expect("worlds download what is there");
        let size = object.size;
        if size == 0 {
            let headers = [("content-range", "bytes */0".to_owned())];
            return Ok(Opened::Reply(reply(416, if weather.exposed { &headers } else { &[] })));
        }
        let whole = weather.no_ranges || (start > 0 && server.happens(weather.whole_instead));
        let (from, to) = if whole { (0, size) } else { (start, end.unwrap_or(size).min(size)) };
        let mut headers = vec![("content-length", (to - from).to_string()), ("last-modified", "x".to_owned())];
        if weather.exposed {
            headers.push(("etag", object.etag.clone()));
            headers.push(("content-range", format!("bytes {from}-{}/{size}", to - 1)));
        }
        let head = reply(if whole { 200 } else { 206 }, &headers);
        let short = server.happens(weather.short_body).then(|| server.draw(to - from));
        let cut_after = server.happens(weather.cut).then(|| server.draw(to - from));
        let stretches =
            vec![Stretch { of: object.bytes[0].of, start: from, end: short.map_or(to, |short| from + short) }];
        let body = SimBody { world: self.clone(), stretches, cut_after, given: 0, _in_flight: in_flight };
        Ok(Opened::Body(head, body))
    }
}

impl Body for SimBody {
    type Chunk = SimChunk;

    async fn chunk(&mut self) -> Result<Option<SimChunk>, Failure> {
        let weather = self.world.server.weather;
        let Some(stretch) = self.stretches.last_mut().filter(|stretch| stretch.start < stretch.end) else {
            return Ok(None);
        };
        let length = (1 + self.world.server.draw(weather.bytes_per_ms * 100)).min(stretch.end - stretch.start);
        let chunk = Stretch { end: stretch.start + length, ..*stretch };
        stretch.start += length;
        self.world.clock.sleep(length / weather.bytes_per_ms.max(1)).await;
        self.given += length;
        if self.cut_after.is_some_and(|at| self.given > at) {
            return Err(Failure::network());
        }
        if self.world.server.happens(weather.stall) {
            pending::<()>().await;
        }
        Ok(Some(SimChunk(chunk)))
    }
}

impl Chunk for SimChunk {
    fn len(&self) -> u64 {
        self.0.end - self.0.start
    }

    fn truncate(self, len: u64) -> Self {
        Self(Stretch { end: self.0.end.min(self.0.start + len), ..self.0 })
    }
}

impl Sink for SimSink {
    type Chunk = SimChunk;

    async fn write(&self, at: u64, chunk: SimChunk) -> Result<(), Failure> {
        assert!(self.sealed.borrow().is_none(), "nothing is written after the end");
        self.written.borrow_mut().push((at, chunk.0));
        Ok(())
    }

    async fn clear(&self) -> Result<(), Failure> {
        self.written.borrow_mut().clear();
        Ok(())
    }

    async fn seal(&self, size: u64, _content_type: Option<&str>) -> Result<(), Failure> {
        assert_eq!(self.sealed.replace(Some(size)), None, "sealed once");
        Ok(())
    }
}

impl Listener for SimListener {
    fn events(&self, events: Vec<Event>) {
        events.iter().for_each(|event| self.0.borrow_mut().see(event));
    }

    fn group(&self, progress: Progress, files: Files) {
        self.0.borrow_mut().see_group(progress, files);
    }

    fn end(&self, end: End) {
        self.0.borrow_mut().see_end(end);
    }
}

fn etag(bytes: &Stretch) -> String {
    format!("\"{}-{}-{}\"", bytes.of, bytes.start, bytes.end)
}
