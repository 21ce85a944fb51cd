//! The routes of an upload: asked for, signed in batches, listed, completed, aborted.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use futures::StreamExt as _;
use md5::{Digest as _, Md5};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::auth::User;
use super::error::ApiError;
use super::part_checksum::PartChecksum;
use super::rules::{MAX_PARTS, metadata_headers, new_key};
use super::storage::{Completed, Part};
use super::store_error::StoreError;
use super::{Backend, Json};

/// Files of one batch request, and parts of one signing request.
const MAX_BATCH: usize = 1_000;
/// Uploads created at the store at once, for one batch request.
const PARALLEL: usize = 8;

type Shared = State<Arc<Backend>>;

#[derive(Deserialize)]
pub struct UploadRequest {
    filename: String,
    content_type: Option<String>,
    size: Option<u64>,
    #[serde(default)]
    multipart: bool,
    key: Option<String>,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
    part_size: Option<u64>,
    /// Of the bytes as they will be sent.
    content_encoding: Option<String>,
    /// False where storage has refused a presigned POST form. None is signed here.
    #[serde(rename = "form")]
    _form: Option<bool>,
}

#[derive(Serialize)]
#[serde(untagged)]
pub enum UploadGrant {
    Put {
        upload_url: String,
        file_key: String,
        expires_in: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        method: Option<&'static str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        headers: Option<BTreeMap<String, String>>,
        /// What the object will be stored with: without this word, nobody sends compressed bytes.
        #[serde(skip_serializing_if = "Option::is_none")]
        content_encoding: Option<String>,
    },
    Parts {
        file_key: String,
        upload_id: String,
        part_size: u64,
        parts: Vec<SignedPart>,
        /// What `/request-parts` wants of each part.
        #[serde(skip_serializing_if = "Option::is_none")]
        checksum_algorithm: Option<&'static str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        content_encoding: Option<String>,
        expires_in: u64,
    },
}

#[derive(Serialize)]
pub struct SignedPart {
    part_number: u16,
    upload_url: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, String>,
}

pub async fn request_upload(
    State(backend): Shared,
    user: User,
    Json(request): Json<UploadRequest>,
) -> Result<Answer<UploadGrant>, ApiError> {
    grant(&backend, &user, request).await.map(Answer)
}

#[derive(Deserialize)]
pub struct UploadRequests {
    files: Vec<Value>,
}

/// Many at once; one that is refused does not take the others along.
pub async fn request_uploads(
    State(backend): Shared,
    user: User,
    Json(requests): Json<UploadRequests>,
) -> Result<Answer<Value>, ApiError> {
    if requests.files.len() > MAX_BATCH {
        return Err(ApiError::bad_request(format!("`files` may hold at most {MAX_BATCH}")));
    }
    let grants = futures::stream::iter(requests.files)
        .map(async |file| {
            let granted = match serde_json::from_value(file) {
                Ok(request) => grant(&backend, &user, request).await,
                Err(error) => Err(ApiError::bad_request(error.to_string())),
            };
            match granted {
                Ok(grant) => json!(grant),
                Err(refused) => {
                    json!({"error": refused.error, "code": refused.code.unwrap_or("invalid-request".into())})
                }
            }
        })
        .buffered(PARALLEL)
        .collect::<Vec<Value>>()
        .await;
    Ok(Answer(json!({"uploads": grants})))
}

async fn grant(backend: &Backend, user: &User, request: UploadRequest) -> Result<UploadGrant, ApiError> {
    if request.filename.is_empty() {
        return Err(ApiError::bad_request("Filename is required"));
    }
    let content_type = request.content_type.unwrap_or_else(|| "application/octet-stream".into());
    backend.rules.check(request.size, &content_type)?;
    let file_key = match request.key {
        Some(key) => {
            user.owns(&key)?;
            key
        }
        None => new_key(&user.prefix(), &request.filename),
    };
    let mut headers = metadata_headers(&request.metadata, backend.storage.signer().metadata_prefix())?;
    headers.insert("content-type".into(), content_type);
    let content_encoding = request.content_encoding.filter(|encoding| encoding == "gzip");
    headers.extend(content_encoding.clone().map(|encoding| ("content-encoding".to_owned(), encoding)));
    let expires_in = backend.storage.expires_in();
    let size = request.size.unwrap_or(0);
    let part_size = backend.rules.part_size(size, request.part_size);
    if !request.multipart || size <= part_size {
        return Ok(UploadGrant::Put {
            upload_url: backend.storage.sign_put(&file_key, &headers).into(),
            file_key,
            expires_in,
            // A client that knows parts knows headers; one that knows neither sends the type that it named.
            method: request.multipart.then_some("PUT"),
            headers: (request.multipart || headers.len() > 1).then_some(headers),
            content_encoding,
        });
    }
    headers.extend(backend.part_checksums.and_then(PartChecksum::declaration));
    let upload_id = backend.storage.create_upload(&file_key, &headers).await?;
    let count = u16::try_from(size.div_ceil(part_size)).unwrap_or(u16::MAX);
    // Whose checksums are wanted can't be signed yet.
    let batch = if backend.part_checksums.is_some() { 0 } else { u16::try_from(backend.batch).unwrap_or(u16::MAX) };
    Ok(UploadGrant::Parts {
        parts: (1..=count.min(batch)).map(|number| sign_part(backend, &file_key, &upload_id, number, None)).collect(),
        file_key,
        upload_id,
        part_size,
        checksum_algorithm: backend.part_checksums.map(PartChecksum::name),
        content_encoding,
        expires_in,
    })
}

#[derive(Deserialize)]
pub struct PartsRequest {
    file_key: String,
    upload_id: String,
    part_numbers: Vec<u16>,
    /// Of each part, in base64: the store then refuses other bytes.
    #[serde(default)]
    checksums: BTreeMap<u16, String>,
}

#[derive(Serialize)]
pub struct PartsGrant {
    parts: Vec<SignedPart>,
    expires_in: u64,
}

pub async fn request_parts(
    State(backend): Shared,
    user: User,
    Json(request): Json<PartsRequest>,
) -> Result<Answer<PartsGrant>, ApiError> {
    user.owns(&request.file_key)?;
    valid_upload_id(&request.upload_id)?;
    if request.part_numbers.len() > MAX_BATCH || !request.part_numbers.iter().copied().all(is_part_number) {
        return Err(ApiError::bad_request(format!(
            "`part_numbers` may hold at most {MAX_BATCH} numbers from 1 to {MAX_PARTS}"
        )));
    }
    if backend.part_checksums.is_some()
        && !request.part_numbers.iter().all(|number| request.checksums.contains_key(number))
    {
        return Err(ApiError::bad_request("`checksums` must hold one for each part"));
    }
    let algorithm = backend.part_checksums.unwrap_or(PartChecksum::Crc64nvme);
    if !request.checksums.is_empty() && !backend.storage.has_crc64() && algorithm == PartChecksum::Crc64nvme {
        return Err(ApiError::bad_request("`checksums` are not for this store, which has no CRC-64/NVME"));
    }
    if !request.checksums.values().all(|sum| algorithm.is_valid(sum)) {
        return Err(ApiError::bad_request(format!("`checksums` must be {} in base64", algorithm.name())));
    }
    let parts = request
        .part_numbers
        .iter()
        .map(|&number| {
            let checksum = request.checksums.get(&number).map(|sum| algorithm.header(sum));
            sign_part(&backend, &request.file_key, &request.upload_id, number, checksum)
        })
        .collect();
    Ok(Answer(PartsGrant { parts, expires_in: backend.storage.expires_in() }))
}

#[derive(Deserialize)]
pub struct UploadRef {
    file_key: String,
    upload_id: String,
}

pub async fn list_parts(
    State(backend): Shared,
    user: User,
    Json(upload): Json<UploadRef>,
) -> Result<Answer<Value>, ApiError> {
    user.owns(&upload.file_key)?;
    valid_upload_id(&upload.upload_id)?;
    let parts = backend.storage.list_parts(&upload.file_key, &upload.upload_id).await?;
    Ok(Answer(json!({"parts": parts})))
}

#[derive(Deserialize)]
pub struct CompleteRequest {
    file_key: String,
    upload_id: String,
    parts: Vec<Part>,
}

#[derive(Serialize)]
pub struct CompleteAnswer {
    file_key: String,
    etag: String,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    checksum_crc64nvme: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    checksum_crc32c: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    checksum_sha256: Option<String>,
}

pub async fn complete_upload(
    State(backend): Shared,
    user: User,
    Json(request): Json<CompleteRequest>,
) -> Result<Answer<CompleteAnswer>, ApiError> {
    let CompleteRequest { file_key, upload_id, mut parts } = request;
    user.owns(&file_key)?;
    valid_upload_id(&upload_id)?;
    parts.sort_by_key(|part| part.part_number);
    if parts.is_empty()
        || parts.len() > MAX_PARTS as usize
        || !parts.iter().all(|part| is_part_number(part.part_number) && is_etag(&part.etag))
    {
        return Err(ApiError::bad_request(format!("`parts` must hold numbers from 1 to {MAX_PARTS}, and ETags")));
    }
    if let Some(algorithm) = backend.part_checksums
        && !parts.iter().all(|part| part.checksum.as_ref().is_some_and(|sum| algorithm.is_valid(sum)))
    {
        return Err(ApiError::bad_request(format!("`parts` must each have a `checksum`: {}", algorithm.name())));
    }
    let completed = match backend.storage.complete_upload(&file_key, &upload_id, &parts).await {
        // Perhaps an earlier Complete worked and its answer was lost: then the object is there and is made of these parts.
        Err(error) if error.code == "NoSuchUpload" => already_there(&backend, &file_key, &parts, error).await?,
        other => other?,
    };
    let head = backend.storage.head(&file_key).await?;
    if head.size > backend.rules.max_size {
        // The size that was promised is not the size that came.
        backend.storage.delete(&file_key).await?;
        backend.rules.check(Some(head.size), "application/octet-stream")?;
    }
    Ok(Answer(CompleteAnswer {
        etag: completed.etag.or(head.etag).unwrap_or_default(),
        size: head.size,
        location: completed.location,
        checksum_crc64nvme: completed.checksum_crc64nvme.or(head.checksum_crc64nvme),
        checksum_crc32c: head.checksum_crc32c,
        checksum_sha256: head.checksum_sha256,
        file_key,
    }))
}

/// An abort of what is already gone has reached its end.
pub async fn abort_upload(
    State(backend): Shared,
    user: User,
    Json(upload): Json<UploadRef>,
) -> Result<Answer<Value>, ApiError> {
    user.owns(&upload.file_key)?;
    valid_upload_id(&upload.upload_id)?;
    match backend.storage.abort_upload(&upload.file_key, &upload.upload_id).await {
        Err(error) if error.code == "NoSuchUpload" => {}
        other => other?,
    }
    Ok(Answer(json!({})))
}

fn sign_part(
    backend: &Backend,
    key: &str,
    upload_id: &str,
    number: u16,
    checksum: Option<BTreeMap<String, String>>,
) -> SignedPart {
    let headers = checksum.unwrap_or_default();
    SignedPart {
        part_number: number,
        upload_url: backend.storage.sign_part(key, upload_id, number, &headers).into(),
        headers,
    }
}

async fn already_there(backend: &Backend, key: &str, parts: &[Part], error: StoreError) -> Result<Completed, ApiError> {
    let mut md5 = Md5::new();
    for part in parts {
        md5.update(hex::decode(part.etag.trim_matches('"')).unwrap_or_default());
    }
    let expected = format!("{}-{}", hex::encode(md5.finalize()), parts.len());
    match backend.storage.head(key).await {
        Ok(head) if head.etag.as_deref().is_some_and(|etag| etag.trim_matches('"') == expected) => {
            let mut completed = Completed::default();
            completed.etag = head.etag;
            Ok(completed)
        }
        _ => Err(error.into()),
    }
}

fn is_part_number(number: u16) -> bool {
    (1..=MAX_PARTS).contains(&u64::from(number))
}

/// In quotes or without: both are found in the wild.
fn is_etag(etag: &str) -> bool {
    let bare = etag.strip_prefix('"').unwrap_or(etag);
    let bare = bare.strip_suffix('"').unwrap_or(bare);
    (1..=128).contains(&bare.len()) && bare.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn valid_upload_id(id: &str) -> Result<(), ApiError> {
    if id.is_empty() || id.len() > 1024 {
        return Err(ApiError::new(StatusCode::BAD_REQUEST, "`upload_id` is not one"));
    }
    Ok(())
}
