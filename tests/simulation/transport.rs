//! The way between the page and the store: slow, cut, stalled; and what was given up may arrive all the same.

use std::{future::pending, rc::Rc};

use presigned::{
    core::{checksum::Algorithm, error::Failure, hashing::Hasher, http::Response, protocol::Signed},
    drive::seams::{Body, Chunk, Clock, Opened, Transport},
};

use super::{
    platform::{SimSource, SimWorld},
    server::{CORRUPT, InFlight, Second, Server, Stretch, is_second, refusal, reply, sum_header},
};

pub struct SimBody {
    world: SimWorld,
    second: bool,
    stretches: Vec<Stretch>,
    cut_after: Option<u64>,
    given: u64,
    _in_flight: InFlight,
}

#[derive(Clone, Copy)]
pub struct SimChunk(pub Stretch);

/// A PUT whose last byte is on its way. Where nobody waits for it any more, it may still arrive.
struct OnItsWay {
    server: Rc<Server>,
    now: u64,
    arrival: Option<(Vec<String>, Stretch)>,
}

impl Drop for OnItsWay {
    fn drop(&mut self) {
        if let Some((what, bytes)) = self.arrival.take()
            && self.server.happens(self.server.weather.late)
        {
            let at = self.now + self.server.draw(20_000);
            self.server.late.borrow_mut().push((at, what, bytes));
        }
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
        let _in_flight = self.server.enter(signed);
        self.travel().await;
        self.reach()?;
        let weather = self.server.weather;
        let cut = self.server.happens(weather.cut).then(|| self.server.draw(end - start));
        let stall = self.server.happens(weather.stall).then(|| self.server.draw(end - start));
        let bytes = Stretch { of: source.0, start, end };
        let mut way = OnItsWay { server: self.server.clone(), now: 0, arrival: None };
        let mut loaded = 0;
        while loaded < end - start {
            let step = (weather.bytes_per_ms * 50).max(1).min(end - start - loaded);
            self.clock.sleep(step / weather.bytes_per_ms.max(1)).await;
            self.reach()?;
            loaded += step;
            if loaded == end - start
                && let Ok(what) = self.server.honour(self.clock.now(), signed)
            {
                (way.now, way.arrival) = (self.clock.now(), Some((what, bytes)));
            }
            if cut.is_some_and(|at| loaded > at) {
                return Err(Failure::network());
            }
            sent(loaded);
            if stall.is_some_and(|at| loaded > at) {
                pending::<()>().await;
            }
        }
        way.arrival = None;
        let what = match self.server.verify(self.clock.now(), signed) {
            Ok(what) => what,
            Err(response) => return Ok(response),
        };
        if let ["part", upload_id, number] = what.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            let number: u32 = number.parse().expect("a number");
            let known = self.server.told.borrow().contains(&(upload_id.to_owned(), number));
            let there = self.server.uploads.borrow().get(upload_id).is_some_and(|parts| parts.contains_key(&number));
            assert!(!(known && there), "part {number} is sent again, though storage was known to have it");
        }
        let signs = self.server.signs_sums();
        if let Some(algorithm) = signs
            && let Some((_, sum)) = signed.headers.iter().find(|(name, _)| *name == sum_header(algorithm))
        {
            assert_eq!(*sum, bytes.sum(algorithm).text(), "what is signed is what is sent");
            if self.server.happens(weather.corrupt) {
                return Ok(refusal(400, "BadDigest", "not these bytes"));
            }
        }
        if !self.server.store(&what, bytes) {
            return Ok(refusal(404, "NoSuchUpload", "gone"));
        }
        self.travel().await;
        self.reach()?;
        if self.server.happens(weather.lost_answer) {
            return Err(Failure::network());
        }
        let mut headers = vec![("etag", self.server.etag(&bytes))];
        if let ["put", key] = what.iter().map(String::as_str).collect::<Vec<_>>()[..]
            && self.server.weather.storage_tells
            && let Some(object) = self.server.objects.borrow().get(key)
        {
            headers.push(("x-amz-checksum-crc64nvme", object.sum(Algorithm::Crc64Nvme).text()));
        }
        Ok(reply(200, &headers))
    }

    async fn get(&self, signed: &Signed, start: u64, end: Option<u64>) -> Result<Opened<SimBody>, Failure> {
        let in_flight = self.server.enter(signed);
        self.travel().await;
        self.reach()?;
        let (server, weather, second) = (&self.server, self.server.weather, is_second(signed));
        if server.is_dead(self.clock.now(), second) {
            return Err(Failure::network());
        }
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
        if second && weather.second == Second::Refuses {
            return Ok(Opened::Reply(refusal(403, "SignatureDoesNotMatch", "not here")));
        }
        let object = server.objects.borrow().get(&what[1]).cloned();
        let Some(object) = object.map(|object| if second { server.at_second_host(&object) } else { object }) else {
            return Ok(Opened::Reply(refusal(404, "NoSuchKey", "no such key")));
        };
        let wanted = signed.headers.iter().find(|(name, _)| name == "if-match");
        let matched = server.matched.borrow().contains(&what[1]);
        assert!(wanted.is_some() || !(matched && start > 0 && weather.exposed), "a range without If-Match");
        assert!(wanted.is_none() || matched, "If-Match, which nobody asked for");
        if weather.conditions && wanted.is_some_and(|(_, etag)| *etag != object.etag) {
            return Ok(Opened::Reply(refusal(412, "PreconditionFailed", "another version")));
        }
        let size = object.size;
        if start >= size {
            let headers = [("content-range", format!("bytes */{size}"))];
            return Ok(Opened::Reply(reply(416, if weather.exposed { &headers } else { &[] })));
        }
        let whole = weather.no_ranges || (start > 0 && server.happens(weather.whole_instead));
        let (from, to) = if whole { (0, size) } else { (start, end.unwrap_or(size).min(size)) };
        let mut headers =
            vec![("content-length", (to - from).to_string()), ("last-modified", object.modified.to_string())];
        if weather.exposed {
            headers.push(("etag", object.etag.clone()));
            headers.push(("content-range", format!("bytes {from}-{}/{size}", to - 1)));
        }
        if weather.storage_tells && (from, to) == (0, size) {
            headers.push(("x-amz-checksum-crc64nvme", object.sum(Algorithm::Crc64Nvme).text()));
        }
        let head = reply(if whole { 200 } else { 206 }, &headers);
        let short = server.happens(weather.short_body).then(|| server.draw(to - from));
        let cut_after = server.happens(weather.cut).then(|| server.draw(to - from));
        let stretches =
            vec![Stretch { of: object.bytes[0].of, start: from, end: short.map_or(to, |short| from + short) }];
        let body = SimBody { world: self.clone(), second, stretches, cut_after, given: 0, _in_flight: in_flight };
        Ok(Opened::Body(head, body))
    }

    fn protocol(&self, _: &Signed) -> Option<String> {
        Some(if self.server.weather.h2 { "h2" } else { "http/1.1" }.to_owned())
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
        let dead = self.world.server.is_dead(self.world.clock.now(), self.second);
        if dead || self.cut_after.is_some_and(|at| self.given > at) {
            return Err(Failure::network());
        }
        if self.world.server.happens(weather.stall) {
            pending::<()>().await;
        }
        let spoilt = weather.spoilt > 0 && self.world.server.happens(weather.spoilt);
        Ok(Some(SimChunk(if spoilt { Stretch { of: chunk.of | CORRUPT, ..chunk } } else { chunk })))
    }

    fn is_behind(&mut self) -> bool {
        let behind = self.world.server.weather.behind;
        behind > 0 && self.world.server.happens(behind)
    }
}

impl Chunk for SimChunk {
    fn len(&self) -> u64 {
        self.0.end - self.0.start
    }

    fn truncate(self, len: u64) -> Self {
        Self(Stretch { end: self.0.end.min(self.0.start + len), ..self.0 })
    }

    fn skip(self, len: u64) -> Self {
        Self(Stretch { start: self.0.start + len, ..self.0 })
    }

    /// What stands for a checksum here is made by the sink.
    fn hash(&self, _hasher: &mut Hasher) {}
}
