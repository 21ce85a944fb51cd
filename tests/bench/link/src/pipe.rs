//! One way of one connection: bytes leave at the link's pace and arrive after its delay.

use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::pace::Pace;

/// What leaves at once: at 10 MB/s one every three milliseconds.
const CHUNK: usize = 32 * 1024;
/// Chunks on their way; more than the fastest link here holds within its delay.
const ON_THE_WAY: usize = 128;

/// Carries bytes until `from` ends. `left` hears of the bytes that leave, and is done when no more may.
pub async fn carry<F: Future<Output = io::Result<()>>>(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    paces: &[Arc<Mutex<Pace>>; 2],
    delay: Duration,
    left: impl Fn(usize) -> F,
) -> io::Result<()> {
    let (sender, mut receiver) = mpsc::channel::<(Instant, Vec<u8>)>(ON_THE_WAY);
    let leave = async move {
        loop {
            let mut chunk = Vec::with_capacity(CHUNK);
            if from.read_buf(&mut chunk).await? == 0 {
                return Ok(());
            }
            let gone = departure(paces, chunk.len());
            if gone > Instant::now() {
                sleep_until(gone).await;
            }
            left(chunk.len()).await?;
            if sender.send((gone + delay, chunk)).await.is_err() {
                return Ok(());
            }
        }
    };
    let arrive = async move {
        while let Some((due, chunk)) = receiver.recv().await {
            if due > Instant::now() {
                sleep_until(due).await;
            }
            to.write_all(&chunk).await?;
        }
        to.shutdown().await
    };
    tokio::try_join!(leave, arrive).map(|_: ((), ())| ())
}

fn departure(paces: &[Arc<Mutex<Pace>>; 2], bytes: usize) -> Instant {
    let now = Instant::now();
    let takes = paces.iter().map(|pace| pace.lock().unwrap_or_else(PoisonError::into_inner).take(bytes, now));
    takes.max().unwrap_or(now)
}
