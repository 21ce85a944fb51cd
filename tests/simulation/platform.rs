//! The seams, filled by a modelled world.

use std::{
    cell::{Cell, RefCell},
    future::{pending, ready},
    rc::Rc,
};

use futures_util::future::{FutureExt, LocalBoxFuture};
use presigned::{
    core::{
        chance::Chance,
        checksum::{Algorithm, Checksum},
        error::{Code, Error, Failure},
        fleet::TransferId,
        group::Files,
        stretches,
        transfer::{End, Event, Input, Progress},
    },
    drive::{
        seams::{Chunk, Clock, Hasher, Listener, Sink},
        stream::Stream,
    },
};

use super::{
    clock::VirtualClock,
    rules::Witness,
    server::{CORRUPT, Server, Stretch},
    store::Shelf,
    transport::SimChunk,
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
    pub committed: Cell<bool>,
    /// A reader takes the bytes as they come; what it took is what is written.
    stream: Option<Rc<Stream<SimChunk>>>,
    keeper: RefCell<Option<(SimWorld, TransferId)>>,
}

pub struct SimListener(pub Rc<RefCell<Witness>>, pub VirtualClock);

stands_for_everything!(SimWorld);

impl SimWorld {
    pub async fn travel(&self) {
        let span = self.server.weather.latency + self.server.draw(self.server.weather.latency);
        self.clock.sleep(span).await;
    }

    /// A call reaches the backend, or does not.
    pub async fn call(&self) -> Result<(), Failure> {
        self.server.requests.set(self.server.requests.get() + 1);
        self.travel().await;
        self.reach()?;
        if self.server.happens(self.server.weather.stall) {
            pending::<()>().await;
        }
        self.server.settle(self.clock.now());
        self.server.call()
    }

    pub fn reach(&self) -> Result<(), Failure> {
        if self.server.offline.get() { Err(Failure::network()) } else { Ok(()) }
    }
}

impl Hasher for SimWorld {
    type Source = SimSource;
    type Sink = SimSink;

    async fn of_source(
        &self,
        source: &SimSource,
        algorithm: Algorithm,
        start: u64,
        end: u64,
    ) -> Result<Checksum, Failure> {
        self.read(end - start).await?;
        Ok(Stretch { of: source.0, start, end }.sum(algorithm))
    }

    async fn of_sink(&self, sink: &SimSink, algorithm: Algorithm, start: u64, end: u64) -> Result<Checksum, Failure> {
        self.read(end - start).await?;
        assert!(sink.sealed.borrow().is_some(), "what is hashed is sealed");
        Ok(sink.sum(start, end, algorithm))
    }
}

impl SimWorld {
    /// From a disk, which takes its time; some workers die of it.
    async fn read(&self, bytes: u64) -> Result<(), Failure> {
        self.clock.sleep(bytes / 500_000).await;
        if self.server.happens(self.server.weather.corrupt) {
            return Err(Failure::fatal(Error::new(Code::Internal, "the worker died")));
        }
        Ok(())
    }
}

impl SimSink {
    pub fn streamed(span: (u64, Option<u64>)) -> Self {
        let whole = span == (0, None);
        let stream = Stream::new(span.0, whole.then_some(Algorithm::Crc64Nvme));
        Self { stream: Some(stream), ..Self::default() }
    }

    pub fn keep_with(&self, world: SimWorld, id: TransferId) {
        self.keeper.replace(Some((world, id)));
    }

    /// A reader, sometimes a slow one.
    pub async fn read(self: Rc<Self>, mut chance: Chance, clock: VirtualClock, tell: impl Fn(Input)) {
        let Some(stream) = self.stream.clone() else { return };
        let slowness = chance.up_to(3) * 100;
        while let Some((chunk, up_to)) = stream.next().await {
            self.take(chunk);
            tell(Input::Taken { up_to });
            clock.sleep(if chance.up_to(50) == 0 { 100 * slowness } else { chance.up_to(slowness) }).await;
        }
    }

    /// What was spoilt on its way is taken for what it was.
    pub fn forgive(&self) {
        self.written.borrow_mut().iter_mut().for_each(|(_, bytes)| bytes.of &= !CORRUPT);
    }

    /// Of what it holds; of bytes that came twice, the first ones count.
    fn sum(&self, start: u64, end: u64, algorithm: Algorithm) -> Checksum {
        let (written, mut sum, mut at) = (self.written.borrow(), Checksum::empty(algorithm), start);
        while at < end {
            let here = written.iter().find(|(_, bytes)| bytes.start <= at && at < bytes.end);
            let (_, bytes) = here.expect("a whole object is sealed");
            let own = Stretch { start: at, end: end.min(bytes.end), ..*bytes };
            sum = sum.and(own.sum(algorithm), algorithm.shift(own.len()));
            at = own.end;
        }
        sum
    }

    /// Some of what was sealed is to come once more.
    fn reopen(&self, lost: &[stretches::Stretch]) -> Result<(), Failure> {
        assert!(self.sealed.take().is_some() && self.stream.is_none(), "what is reopened was sealed");
        let all = self.written.take();
        let kept = all.iter().flat_map(|(_, bytes)| without(*bytes, lost)).map(|bytes| (bytes.start, bytes));
        self.written.replace(kept.collect());
        if let Some((world, id)) = &*self.keeper.borrow() {
            world.lose(*id, lost);
        }
        Ok(())
    }

    /// Bytes that came already are not written again.
    fn put(&self, at: u64, bytes: Stretch) {
        let mut written = self.written.borrow_mut();
        let plain = |(_, own): &(u64, Stretch)| stretches::Stretch { start: own.start, end: own.end };
        let there: Vec<_> = written.iter().map(plain).collect();
        let offset = at.wrapping_sub(bytes.start);
        written.extend(without(bytes, &there).into_iter().map(|own| (own.start.wrapping_add(offset), own)));
    }

    fn take(&self, chunk: SimChunk) {
        self.written.borrow_mut().push((chunk.0.start, chunk.0));
    }

    /// What lies ready at the end is taken.
    pub fn drain(&self) {
        let Some(stream) = &self.stream else { return };
        while let Some(Some((chunk, _))) = stream.next().now_or_never() {
            self.take(chunk);
        }
    }

    pub fn restore(&self, pieces: &[(stretches::Stretch, u64)]) {
        for (bytes, of) in pieces {
            self.put(bytes.start, Stretch { of: *of, start: bytes.start, end: bytes.end });
        }
    }
}

/// What of these bytes is outside of these stretches.
pub fn without(bytes: Stretch, lost: &[stretches::Stretch]) -> Vec<Stretch> {
    let cut = |kept: Vec<Stretch>, lost: &stretches::Stretch| {
        let around = |own: Stretch| {
            [Stretch { end: own.end.min(lost.start), ..own }, Stretch { start: own.start.max(lost.end), ..own }]
        };
        kept.into_iter().flat_map(around).filter(|own| own.start < own.end).collect()
    };
    lost.iter().fold(vec![bytes], cut)
}

impl Sink for SimSink {
    type Chunk = SimChunk;

    async fn open(&self, _size: Option<u64>) -> Result<(), Failure> {
        Ok(())
    }

    fn write(&self, at: u64, chunk: SimChunk) -> LocalBoxFuture<'static, Result<(), Failure>> {
        assert!(self.sealed.borrow().is_none(), "nothing is written after the end");
        if let Some(stream) = &self.stream {
            return stream.clone().write(at, chunk).map(Ok).boxed_local();
        }
        self.put(at, chunk.0);
        let Some((world, id)) = self.keeper.borrow().clone() else { return ready(Ok(())).boxed_local() };
        async move {
            // A disk takes its time, and what it was given counts only then.
            if world.server.draw(3) == 0 {
                world.clock.sleep(world.server.draw(40)).await;
            }
            world.keep(id, stretches::Stretch { start: at, end: at + chunk.len() }, chunk.0.of);
            Ok(())
        }
        .boxed_local()
    }

    async fn clear(&self, lost: &[stretches::Stretch]) -> Result<(), Failure> {
        if !lost.is_empty() {
            return self.reopen(lost);
        }
        match &self.stream {
            Some(stream) => stream.clear(),
            None => self.written.borrow_mut().clear(),
        }
        Ok(())
    }

    async fn seal(&self, size: u64, _content_type: Option<&str>) -> Result<Option<Checksum>, Failure> {
        assert_eq!(self.sealed.replace(Some(size)), None, "sealed once");
        if let Some(stream) = &self.stream {
            let sums = stream.finish().await.is_some();
            let read = self.written.borrow();
            // They were taken in order, each once.
            let join = |whole: Checksum, (_, bytes): &(u64, Stretch)| {
                whole.and(bytes.sum(Algorithm::Crc64Nvme), Algorithm::Crc64Nvme.shift(bytes.len()))
            };
            return Ok(sums.then(|| read.iter().fold(Checksum::empty(Algorithm::Crc64Nvme), join)));
        }
        let world = self.keeper.borrow();
        let sums = world.as_ref().is_some_and(|(world, _)| world.server.weather.sink_sums);
        Ok(sums.then(|| self.sum(0, size, Algorithm::Crc64Nvme)))
    }

    async fn commit(&self) -> Result<(), Failure> {
        assert!(self.sealed.borrow().is_some(), "what is committed is whole");
        assert!(!self.committed.replace(true), "committed once");
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
