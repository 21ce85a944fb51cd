//! Bytes in and out: a body into a file with its checksums, a range of an object's files out of it. Neither ever holds more than a few chunks.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt as _};
use s3s::dto::StreamingBlob;
use s3s::{S3Error, S3ErrorCode, S3Result, StdError, s3_error};
use tokio::sync::mpsc;

use super::checksum::{Declared, Digest, Hasher};
use super::disk::Object;

/// Chunks that may wait between the connection and the disk.
const QUEUE: usize = 16;
/// Large enough that handing a chunk over costs nothing beside copying it.
const CHUNK: usize = 256 * 1024;

#[derive(Debug)]
pub struct Received {
    pub size: u64,
    pub digest: Digest,
}

/// Writes a body to `path`. Hashing and writing have a thread of their own, so that they overlap with the network.
pub async fn receive(
    body: Option<StreamingBlob>,
    path: &Path,
    declared: Option<Declared>,
    limit: u64,
) -> S3Result<Received> {
    let (sender, mut chunks) = mpsc::channel::<Bytes>(QUEUE);
    let target = path.to_owned();
    let writer = tokio::task::spawn_blocking(move || -> std::io::Result<Received> {
        let mut file = File::create(target)?;
        let mut hasher = Hasher::new(declared);
        let mut size = 0;
        while let Some(chunk) = chunks.blocking_recv() {
            hasher.update(&chunk);
            file.write_all(&chunk)?;
            size += chunk.len() as u64;
        }
        Ok(Received { size, digest: hasher.finish() })
    });
    let fed = feed(body, sender, limit).await;
    let written = writer.await.map_err(S3Error::internal_error)?;
    match fed.and_then(|()| written.map_err(S3Error::internal_error)) {
        Ok(received) => Ok(received),
        Err(error) => {
            discard(path).await;
            Err(error)
        }
    }
}

/// Removes what a failed request left behind.
pub async fn discard(path: &Path) {
    let _ = tokio::fs::remove_file(path).await;
}

async fn feed(body: Option<StreamingBlob>, sender: mpsc::Sender<Bytes>, limit: u64) -> S3Result<()> {
    let Some(mut body) = body else { return Ok(()) };
    let mut size = 0;
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(broken_body)?;
        size += chunk.len() as u64;
        if size > limit {
            return Err(s3_error!(EntityTooLarge, "Your proposed upload exceeds the maximum allowed size"));
        }
        // A closed channel means the writer failed; its error is the one to report.
        if sender.send(chunk).await.is_err() {
            break;
        }
    }
    Ok(())
}

/// s3s verifies signed payloads inside the stream and reports what it finds as the stream's error, whose text is all that is public of it.
fn broken_body(error: StdError) -> S3Error {
    let text = error.to_string();
    let (code, message) = if text.contains("Sha256Mismatch") {
        let mut error = S3Error::with_message(
            S3ErrorCode::Custom("XAmzContentSHA256Mismatch".into()),
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        );
        error.set_status_code(axum::http::StatusCode::BAD_REQUEST);
        return error;
    } else if text.contains("SignatureMismatch") {
        (S3ErrorCode::SignatureDoesNotMatch, "The signature of a chunk does not match what was computed.")
    } else {
        (
            S3ErrorCode::IncompleteBody,
            "You did not provide the number of bytes specified by the Content-Length HTTP header.",
        )
    };
    S3Error::with_message(code, message)
}

/// The bytes of `range`, across as many files as it takes.
pub fn send(
    object: Arc<Object>,
    range: Range<u64>,
) -> impl Stream<Item = std::io::Result<Bytes>> + Send + Sync + 'static {
    let (sender, receiver) = mpsc::channel(4);
    tokio::task::spawn_blocking(move || {
        if let Err(error) = read_range(&object, range, &sender) {
            let _ = sender.blocking_send(Err(error));
        }
    });
    futures::stream::unfold(receiver, |mut receiver| async { receiver.recv().await.map(|chunk| (chunk, receiver)) })
}

fn read_range(
    object: &Object,
    range: Range<u64>,
    sender: &mpsc::Sender<std::io::Result<Bytes>>,
) -> std::io::Result<()> {
    let mut start = 0;
    for segment in &object.record.segments {
        let here = start..start + segment.size;
        start = here.end;
        let from = range.start.max(here.start);
        let mut left = range.end.min(here.end).saturating_sub(from);
        if left == 0 {
            continue;
        }
        let mut file = File::open(object.path(&segment.file))?;
        file.seek(SeekFrom::Start(from - here.start))?;
        while left > 0 {
            let length = CHUNK.min(usize::try_from(left).unwrap_or(CHUNK));
            let mut chunk = BytesMut::zeroed(length);
            file.read_exact(&mut chunk)?;
            left -= length as u64;
            if sender.blocking_send(Ok(chunk.freeze())).is_err() {
                // The reader went away.
                return Ok(());
            }
        }
    }
    Ok(())
}
