//! The accepted connection: where a bandwidth is kept and a cut becomes a reset.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use super::Plan;

/// How often a slowed connection moves: often enough to look even, and soon enough to notice new rules.
const TICK: Duration = Duration::from_millis(20);

/// What a connection and the request on it share.
#[derive(Default)]
pub struct Line {
    cut: AtomicBool,
    plan: Mutex<Option<Arc<Plan>>>,
}

impl Line {
    /// The request that the connection carries from now on; HTTP/1.1 has one at a time.
    pub fn carries(&self, plan: Arc<Plan>) {
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = Some(plan);
    }

    /// Has the connection reset instead of closed.
    pub fn cut(&self) {
        self.cut.store(true, Ordering::Release);
    }

    pub fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Acquire)
    }

    fn bytes_per_second(&self) -> Option<u64> {
        let plan = self.plan.lock().unwrap_or_else(PoisonError::into_inner);
        plan.as_ref()?.live().bytes_per_second
    }
}

pub struct FaultyStream {
    io: TcpStream,
    line: Arc<Line>,
    reading: Allowance,
    writing: Allowance,
}

impl FaultyStream {
    pub fn new(io: TcpStream, line: Arc<Line>) -> Self {
        Self { io, line, reading: Allowance::default(), writing: Allowance::default() }
    }

    fn check(&self) -> io::Result<()> {
        if self.line.is_cut() {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }
}

impl Drop for FaultyStream {
    fn drop(&mut self) {
        if self.line.is_cut() {
            // With nothing left to linger for, close() sends RST.
            let _ = self.io.set_zero_linger();
        }
    }
}

impl AsyncRead for FaultyStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check()?;
        let Some(rate) = self.line.bytes_per_second() else {
            self.reading.reset();
            return Pin::new(&mut self.io).poll_read(context, buffer);
        };
        // By way of a small buffer of its own: a slow line needs no large one.
        let mut slow = [0; 8 * 1024];
        let allowed = ready!(self.reading.poll(context, rate)).min(buffer.remaining()).min(slow.len());
        let mut part = ReadBuf::new(&mut slow[..allowed]);
        ready!(Pin::new(&mut self.io).poll_read(context, &mut part))?;
        let read = part.filled().len();
        buffer.put_slice(part.filled());
        self.reading.spend(read);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for FaultyStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check()?;
        let Some(rate) = self.line.bytes_per_second() else {
            self.writing.reset();
            return Pin::new(&mut self.io).poll_write(context, bytes);
        };
        let allowed = ready!(self.writing.poll(context, rate)).min(bytes.len());
        let written = ready!(Pin::new(&mut self.io).poll_write(context, &bytes[..allowed]))?;
        self.writing.spend(written);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.line.is_cut() {
            // A FIN first would make the cut look like a clean end.
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}

/// A token bucket.
#[derive(Default)]
struct Allowance {
    credit: f64,
    filled: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Allowance {
    /// How many bytes may pass now; at least one.
    fn poll(&mut self, context: &mut Context<'_>, rate: u64) -> Poll<usize> {
        let rate = rate as f64;
        // What an idle connection may save up: two ticks' worth, so that it has no burst, or a byte on a line slower than that.
        let most = ((TICK * 2).as_secs_f64() * rate).max(1.0);
        loop {
            let now = Instant::now();
            let since = self.filled.map_or(TICK, |filled| now - filled);
            self.filled = Some(now);
            self.credit = (self.credit + since.as_secs_f64() * rate).min(most);
            if self.credit >= 1.0 {
                return Poll::Ready(self.credit as usize);
            }
            let timer = self.timer.insert(Box::pin(tokio::time::sleep(TICK)));
            ready!(timer.as_mut().poll(context));
        }
    }

    fn spend(&mut self, bytes: usize) {
        self.credit -= bytes as f64;
    }

    fn reset(&mut self) {
        self.filled = None;
        self.credit = 0.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    #[tokio::test(start_paused = true)]
    async fn an_allowance_keeps_its_rate() {
        for rate in [1, 1_000, 1_000_000] {
            let mut allowance = Allowance::default();
            let start = Instant::now();
            let mut passed = 0;
            while start.elapsed() < Duration::from_secs(10) {
                let allowed = poll_fn(|context| allowance.poll(context, rate)).await;
                allowance.spend(allowed);
                passed += allowed as u64;
            }
            let expected = rate * 10;
            assert!(passed.abs_diff(expected) <= expected / 50 + 1, "{passed} at {rate}");
        }
    }
}
