//! A download handed to a reader as its bytes come, in order. Nothing of it is kept.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use super::seams::Chunk;
use crate::core::{
    checksum::{Algorithm, Checksum},
    download::AHEAD,
    hashing::Hasher,
    ordered::Ordered,
};

pub struct Stream<C> {
    bytes: RefCell<Ordered<C>>,
    over: Cell<bool>,
    /// What is taken is summed up by this.
    hasher: RefCell<Option<Hasher>>,
    /// The reader, and who would write further ahead of it than is allowed.
    waiting: RefCell<Vec<Waker>>,
}

impl<C: Chunk> Stream<C> {
    /// `algorithm`: what its bytes are to be summed up by, where it is a whole object.
    pub fn new(start: u64, algorithm: Option<Algorithm>) -> Rc<Self> {
        let (bytes, hasher) = (RefCell::new(Ordered::from(start)), RefCell::new(algorithm.map(Hasher::new)));
        Rc::new(Self { bytes, over: Cell::default(), hasher, waiting: RefCell::default() })
    }

    /// Counts once its reader has come near enough.
    pub async fn write(self: Rc<Self>, at: u64, chunk: C) {
        self.bytes.borrow_mut().put(at, chunk.len(), chunk);
        self.wake();
        let near = || self.over.get() || at < self.bytes.borrow().next().saturating_add(AHEAD);
        poll_fn(|cx| self.ready(cx, near().then_some(()))).await;
    }

    /// Forgets what lies ready.
    pub fn clear(&self) {
        self.bytes.borrow_mut().clear();
    }

    /// Nothing more will come.
    pub fn end(&self) {
        self.over.set(true);
        self.wake();
    }

    /// Nothing more will come. Once all is taken: its checksum.
    pub async fn finish(&self) -> Option<Checksum> {
        self.end();
        if self.hasher.borrow().is_some() {
            poll_fn(|cx| self.ready(cx, self.bytes.borrow().is_taken().then_some(()))).await;
        }
        self.hasher.take().map(Hasher::finish)
    }

    /// The next bytes, and up to where all are taken with them; `None` at the end.
    pub async fn next(&self) -> Option<(C, u64)> {
        let taken = poll_fn(|cx| {
            let taken = self.bytes.borrow_mut().take();
            self.ready(cx, taken.map(Some).or_else(|| self.over.get().then_some(None)))
        });
        let (skip, chunk) = taken.await?;
        let chunk = chunk.skip(skip);
        if let Some(hasher) = &mut *self.hasher.borrow_mut() {
            chunk.hash(hasher);
        }
        self.wake();
        Some((chunk, self.bytes.borrow().next()))
    }

    fn ready<T>(&self, cx: &Context<'_>, value: Option<T>) -> Poll<T> {
        match value {
            Some(value) => Poll::Ready(value),
            None => {
                self.waiting.borrow_mut().push(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    fn wake(&self) {
        self.waiting.take().into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[derive(PartialEq, Debug)]
    struct Bytes(std::ops::Range<u64>);

    impl Chunk for Bytes {
        fn len(&self) -> u64 {
            self.0.end - self.0.start
        }

        fn truncate(self, len: u64) -> Self {
            Self(self.0.start..self.0.start + len)
        }

        fn skip(self, len: u64) -> Self {
            Self(self.0.start + len..self.0.end)
        }

        fn hash(&self, hasher: &mut Hasher) {
            self.0.clone().for_each(|at| hasher.add(&[at as u8]));
        }
    }

    #[test]
    fn a_writer_far_ahead_waits_for_the_reader() {
        let stream = Stream::new(5, None);
        assert!(stream.clone().write(0, Bytes(0..10)).now_or_never().is_some());
        let far = 10 + AHEAD - 1;
        let mut writing = Box::pin(stream.clone().write(far, Bytes(far..far + 9)));
        assert!(writing.as_mut().now_or_never().is_none());
        assert_eq!(stream.next().now_or_never(), Some(Some((Bytes(5..10), 10))));
        assert!(writing.now_or_never().is_some());
        assert_eq!(stream.next().now_or_never(), None, "there is a gap");
        stream.end();
        assert_eq!(stream.next().now_or_never(), Some(None));
    }

    #[test]
    fn it_is_summed_up_once_all_of_it_is_taken() {
        let sum = |bytes: &[u8]| {
            let mut hasher = Hasher::new(Algorithm::Crc64Nvme);
            hasher.add(bytes);
            hasher.finish()
        };
        let stream = Stream::new(0, Some(Algorithm::Crc64Nvme));
        // Some bytes come twice.
        for range in [4..9, 0..6] {
            assert!(stream.clone().write(range.start, Bytes(range)).now_or_never().is_some());
        }
        let mut finishing = Box::pin(stream.finish());
        assert!(finishing.as_mut().now_or_never().is_none());
        while stream.next().now_or_never().flatten().is_some() {}
        assert_eq!(finishing.now_or_never(), Some(Some(sum(&[0, 1, 2, 3, 4, 5, 6, 7, 8]))));
    }
}
