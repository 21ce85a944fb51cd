//! The seams, filled by a modelled world.

use std::{cell::RefCell, future::pending, rc::Rc};

use presigned::{
    core::{
        error::{Code, Error, Failure, Verdict},
        fleet::TransferId,
        group::Files,
        http::Response,
        protocol::{
            Completion, DownloadGrant, PartGrants, Signed, StoredFile, StoredPart, UploadGrant, UploadRef,
            UploadRequest,
        },
        stretches,
        transfer::{End, Event, Progress},
    },
    drive::seams::{Backend, Body, Chunk, Clock, Listener, Opened, Platform, Sink, Transport},
};

use super::{
    clock::VirtualClock,
    rules::Witness,
    server::{InFlight, Object, Server, Stretch, refusal, reply},
    store::Shelf,
};

#[derive(Clone)]
pub struct SimWorld {
    pub server: Rc<Server>,
    pub clock: VirtualClock,
    pub shelf: Rc<Shelf>,
}

/// A file by its number.
pub struct SimSource(pub u64);

#[derive(Default)]
pub struct SimSink {
    pub written: RefCell<Vec<(u64, Stretch)>>,
    pub sealed: RefCell<Option<u64>>,
    keeper: RefCell<Option<(SimWorld, TransferId)>>,
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

pub struct SimListener(pub Rc<RefCell<Witness>>, pub VirtualClock);

impl Platform for SimWorld {
    type Backend = Self;
    type Source = SimSource;
    type Sink = SimSink;
    type Store = Self;
    type Transport = Self;
    type Clock = VirtualClock;
    type Listener = SimListener;

    fn backend(&self) -> &Self {
        self
    }

    fn transport(&self) -> &Self {
        self
    }

    fn store(&self) -> &Self {
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
        self.reach()?;
        if self.server.happens(self.server.weather.stall) {
            pending::<()>().await;
        }
        self.server.call()
    }

    fn reach(&self) -> Result<(), Failure> {
        if self.server.offline.get() { Err(Failure::network()) } else { Ok(()) }
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

    async fn list_parts(&self, upload: &UploadRef) -> Result<Vec<StoredPart>, Failure> {
        self.call().await?;
        if self.server.weather.no_list {
            let error = Error::new(Code::NotFound, "no such route").with_status(404);
            return Err(Failure { error, verdict: Verdict::Absent });
        }
        let uploads = self.server.uploads.borrow();
        let parts = uploads.get(&upload.upload_id).ok_or_else(gone)?;
        let stored = |(number, bytes): (&u32, &Stretch)| StoredPart {
            number: *number,
            etag: etag(bytes),
            size: bytes.end - bytes.start,
        };
        let listed: Vec<_> = parts.iter().map(stored).collect();
        let told = listed.iter().map(|part| (upload.upload_id.clone(), part.number));
        self.server.told.borrow_mut().extend(told);
        Ok(listed)
    }

    async fn complete_upload(
        &self,
        upload: &UploadRef,
        parts: &[(u32, String)],
        size: u64,
    ) -> Result<Completion, Failure> {
        self.call().await?;
        let server = &self.server;
        if server.happens(server.weather.nonsense) {
            return Err(Failure::fatal(Error::new(Code::Backend, "{}").with_status(200)));
        }
        let done = server.completed.borrow().contains_key(&upload.upload_id);
        if done && server.weather.once_only {
            return Err(gone());
        }
        if !done {
            let stored = server.uploads.borrow_mut().remove(&upload.upload_id).ok_or_else(gone)?;
            let bytes: Vec<_> = stored.values().copied().collect();
            let etags: Vec<_> = stored.iter().map(|(number, bytes)| (*number, etag(bytes))).collect();
            assert_eq!(etags, parts, "a completion names what is stored");
            let whole: u64 = bytes.iter().map(|stretch| stretch.end - stretch.start).sum();
            assert_eq!(whole, size, "and all of it");
            let object = Object { etag: format!("\"{}-{}\"", upload.upload_id, bytes.len()), bytes, size };
            server.objects.borrow_mut().insert(upload.key.clone(), object);
            server.completed.borrow_mut().insert(upload.upload_id.clone(), upload.key.clone());
        }
        if server.happens(server.weather.lost_answer) {
            return Err(match server.draw(1) {
                0 => Failure::network(),
                _ => Failure::retry(Error::new(Code::Backend, "500").with_status(500)),
            });
        }
        Ok(Completion { key: upload.key.clone(), etag: None, location: None })
    }

    async fn abort_upload(&self, upload: &UploadRef) -> Result<(), Failure> {
        self.call().await?;
        self.server.removals.borrow_mut().push(upload.key.clone());
        match self.server.uploads.borrow_mut().remove(&upload.upload_id) {
            Some(_) => Ok(()),
            None => Err(gone()),
        }
    }

    async fn request_download(&self, key: &str) -> Result<DownloadGrant, Failure> {
        self.call().await?;
        let signed = self.server.sign(self.clock.now(), &format!("get/{key}"));
        Ok(DownloadGrant {
            signed,
            expires_in: Some(self.server.weather.lease_seconds),
            size: None,
            etag: None,
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
        self.reach()?;
        let weather = self.server.weather;
        let cut = self.server.happens(weather.cut).then(|| self.server.draw(end - start));
        let stall = self.server.happens(weather.stall).then(|| self.server.draw(end - start));
        let mut loaded = 0;
        while loaded < end - start {
            let step = (weather.bytes_per_ms * 50).max(1).min(end - start - loaded);
            self.clock.sleep(step / weather.bytes_per_ms.max(1)).await;
            self.reach()?;
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
                    let number = number.parse().expect("a number");
                    let known = parts.insert(number, bytes).is_some();
                    if known && self.server.told.borrow().contains(&(upload_id.to_owned(), number)) {
                        panic!("part {number} is sent again, though storage was known to have it");
                    }
                }
                None => return Ok(super::server::refusal(404, "NoSuchUpload", "gone")),
            },
            _ => panic!("no URL to write to: {}", signed.url),
        }
        self.travel().await;
        self.reach()?;
        if self.server.happens(weather.lost_answer) {
            return Err(Failure::network());
        }
        Ok(reply(200, &[("etag", etag(&bytes))]))
    }

    async fn get(&self, signed: &Signed, start: u64, end: Option<u64>) -> Result<Opened<SimBody>, Failure> {
        let in_flight = self.server.enter();
        self.travel().await;
        self.reach()?;
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
        let Some(object) = objects.get(&what[1]) else {
            return Ok(Opened::Reply(refusal(404, "NoSuchKey", "no such key")));
        };
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
        self.world.reach()?;
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

impl SimSink {
    pub fn keep_with(&self, world: SimWorld, id: TransferId) {
        self.keeper.replace(Some((world, id)));
    }

    pub fn restore(&self, pieces: &[(stretches::Stretch, u64)]) {
        let own = |(bytes, of): &(stretches::Stretch, u64)| {
            (bytes.start, Stretch { of: *of, start: bytes.start, end: bytes.end })
        };
        self.written.borrow_mut().extend(pieces.iter().map(own));
    }
}

impl Sink for SimSink {
    type Chunk = SimChunk;

    async fn write(&self, at: u64, chunk: SimChunk) -> Result<(), Failure> {
        assert!(self.sealed.borrow().is_none(), "nothing is written after the end");
        self.written.borrow_mut().push((at, chunk.0));
        if let Some((world, id)) = &*self.keeper.borrow() {
            world.keep(*id, stretches::Stretch { start: at, end: at + chunk.len() }, chunk.0.of);
        }
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
        events.iter().for_each(|event| self.0.borrow_mut().see(event, self.1.now()));
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

fn gone() -> Failure {
    Failure::fatal(Error::new(Code::NotFound, "NoSuchUpload").with_status(404))
}
