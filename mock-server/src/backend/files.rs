//! The routes of what is stored: download, list, delete.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::{Path, Query, State};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Backend;
use super::auth::User;
use super::error::ApiError;

type Shared = State<Arc<Backend>>;

#[derive(Serialize)]
pub struct DownloadGrant {
    download_url: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    download_urls: Vec<String>,
    expires_in: u64,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_encoding: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    checksum_crc64nvme: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    checksum_crc32c: Option<String>,
}

pub async fn request_download(
    State(backend): Shared,
    user: User,
    Path(key): Path<String>,
) -> Result<Answer<DownloadGrant>, ApiError> {
    user.owns(&key)?;
    let head = backend.storage.head(&key).await?;
    // Always a download, never a page: an uploaded HTML file must not run under the store's name.
    let name = key.rsplit('/').next().unwrap_or_default();
    let disposition = format!("attachment; filename*=UTF-8''{}", utf8_percent_encode(name, NON_ALPHANUMERIC));
    let mut urls: Vec<String> = backend.storage.sign_get(&key, &disposition).into_iter().map(Into::into).collect();
    Ok(Answer(DownloadGrant {
        download_url: urls.first().cloned().unwrap_or_default(),
        // Whoever knows one URL takes the first; of one host, there is nothing more to say.
        download_urls: if urls.len() > 1 { std::mem::take(&mut urls) } else { Vec::new() },
        expires_in: backend.storage.expires_in(),
        size: head.size,
        etag: head.etag,
        content_type: head.content_type,
        content_encoding: head.content_encoding,
        checksum_crc64nvme: head.checksum_crc64nvme,
        checksum_crc32c: head.checksum_crc32c,
    }))
}

#[derive(Deserialize)]
pub struct ListQuery {
    prefix: Option<String>,
}

pub async fn list(
    State(backend): Shared,
    user: User,
    Query(query): Query<ListQuery>,
) -> Result<Answer<Value>, ApiError> {
    let own = user.prefix();
    let prefix = match query.prefix {
        Some(prefix) if prefix.starts_with(&own) => prefix,
        // A prefix that the user's own begins with would show others' files too; what it may show is all of the user's.
        Some(prefix) if own.starts_with(&prefix) => own,
        Some(_) => return Err(ApiError::forbidden()),
        None => own,
    };
    let files = backend.storage.list(&prefix).await?;
    Ok(Answer(json!({"files": files})))
}

pub async fn remove(State(backend): Shared, user: User, Path(key): Path<String>) -> Result<Answer<Value>, ApiError> {
    user.owns(&key)?;
    backend.storage.delete(&key).await?;
    Ok(Answer(json!({"message": "File deleted successfully"})))
}
