//! Aborts uploads that were begun and never ended: their parts cost money and are seen in no list of objects.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::Backend;
use super::store_error::StoreError;

const EVERY: Duration = Duration::from_secs(3600);

pub async fn run(backend: Arc<Backend>) {
    let mut clock = tokio::time::interval(EVERY);
    loop {
        clock.tick().await;
        // A store that cannot be reached now is asked again in an hour.
        let _ = abort_stale(&backend, Timestamp::now()).await;
    }
}

/// Aborts what is older than allowed and says how many that were.
pub async fn abort_stale(backend: &Backend, now: Timestamp) -> Result<usize, StoreError> {
    let oldest = now - SignedDuration::try_from(backend.abort_after).unwrap_or(SignedDuration::MAX);
    let mut aborted = 0;
    let mut after = None;
    loop {
        let page = backend.storage.unfinished(after.take()).await?;
        let stale = |initiated: &str| initiated.parse::<Timestamp>().is_ok_and(|begun| begun < oldest);
        for upload in page.upload.iter().filter(|upload| stale(&upload.initiated)) {
            backend.storage.abort_upload(&upload.key, &upload.upload_id).await?;
            aborted += 1;
        }
        match (page.is_truncated, page.next_key_marker, page.next_upload_id_marker) {
            (true, Some(key), Some(upload_id)) => after = Some((key, upload_id)),
            _ => return Ok(aborted),
        }
    }
}
