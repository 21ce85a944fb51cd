//! The routes of an upload: asked for, signed in batches, listed, completed, aborted.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use rusty_s3::actions;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::store::{Headers, LIFE, Part, Store};
use crate::user::{Refused, User, refused};
use crate::{Answer, Backend, Shared, about};

const MAX_SIZE: u64 = 5 << 40; // or what your application takes
const PART_SIZE: u64 = 8 << 20;
const MAX_PARTS: u64 = 10_000; // S3's limit
const FIRST_BATCH: u64 = 32; // parts signed with the first answer; the page asks for the others when it needs them

#[derive(Deserialize)]
struct File {
    filename: String,
    content_type: Option<String>,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    multipart: bool,
    key: Option<String>,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
    part_size: Option<u64>,
}

#[derive(Deserialize)]
struct Upload<More> {
    file_key: String,
    upload_id: String,
    #[serde(flatten)]
    more: More,
}

#[derive(Deserialize)]
struct Nothing {}

fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Refused> {
    serde_json::from_slice(body).map_err(|error| refused(400, error.to_string()))
}

/// An upload of the user's own.
fn own<More: DeserializeOwned>(user: &User, body: &Bytes) -> Result<Upload<More>, Refused> {
    let upload: Upload<More> = read(body)?;
    user.owns(&upload.file_key).map(|()| upload)
}

/// For one file: a URL to put it to, or an upload in parts.
async fn grant(Backend { store, .. }: &Backend, user: &User, file: File) -> Result<Value, Refused> {
    if file.filename.is_empty() {
        return Err(refused(400, "Filename is required"));
    }
    if file.size > MAX_SIZE {
        return Err(Refused(413, format!("Files may have at most {MAX_SIZE} bytes"), "too-large".into()));
    }
    // A key that nobody can guess, so that no upload overwrites another.
    let safe = |letter: char| if letter.is_control() || "/\\".contains(letter) { '_' } else { letter };
    let name: String = file.filename.chars().map(safe).take(200).collect();
    let key = file.key.unwrap_or_else(|| format!("{}{:016x}_{name}", user.folder, rand::random::<u64>()));
    user.owns(&key)?;
    // The file's own type is signed, and so must be sent: by its name, or by these headers.
    let content_type = file.content_type.unwrap_or_else(|| "application/octet-stream".into());
    let metadata =
        file.metadata.into_iter().map(|(name, value)| (format!("x-amz-meta-{}", name.to_lowercase()), value));
    let headers: Headers = [("content-type".into(), content_type)].into_iter().chain(metadata).collect();
    let printable = |text: &str| text.trim() == text && text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if !headers.iter().all(|(name, value)| printable(name) && printable(value)) {
        return Err(refused(400, "`content_type` and `metadata` become headers, and must be printable ASCII"));
    }
    // The page's wish if S3 allows it, and as large as it takes to be within 10,000 parts.
    let near = file.part_size.filter(|size| (5 << 20..=5 << 30).contains(size)).unwrap_or(PART_SIZE);
    let part_size = near.max(file.size.div_ceil(MAX_PARTS));
    let expires_in = LIFE.as_secs();
    if !file.multipart || file.size <= part_size {
        let url = store.sign(actions::PutObject::new(&store.bucket, Some(&store.keys), &key), &headers);
        let headers: BTreeMap<_, _> = headers.into_iter().collect();
        return Ok(json!({"upload_url": url.as_str(), "file_key": key, "headers": headers, "expires_in": expires_in}));
    }
    let id = store.create(&key, &headers).await?;
    let parts = sign_parts(store, &key, &id, 1..=file.size.div_ceil(part_size).min(FIRST_BATCH))?;
    Ok(json!({"file_key": key, "upload_id": id, "part_size": part_size, "parts": parts, "expires_in": expires_in}))
}

fn sign_parts(store: &Store, key: &str, id: &str, all: impl Iterator<Item = u64>) -> Result<Vec<Value>, Refused> {
    let one = |number: u64| {
        let wrong = || refused(400, format!("Part numbers go from 1 to {MAX_PARTS}"));
        let n = u16::try_from(number).ok().filter(|n| (1..=MAX_PARTS).contains(&u64::from(*n))).ok_or_else(wrong)?;
        let part = actions::UploadPart::new(&store.bucket, Some(&store.keys), key, n, id);
        Ok(json!({"part_number": n, "upload_url": store.sign(part, &Headers::new()).as_str()}))
    };
    all.map(one).collect()
}

pub async fn request_upload(State(backend): Shared, user: User, body: Bytes) -> Answer {
    grant(&backend, &user, read(&body)?).await.map(Json)
}

pub async fn request_uploads(State(backend): Shared, user: User, body: Bytes) -> Answer {
    #[derive(Deserialize)]
    struct Files {
        files: Vec<Value>,
    }
    // One that is refused does not take the others along.
    let one = async |file: Value| match serde_json::from_value(file) {
        Ok(file) => grant(&backend, &user, file).await,
        Err(error) => Err(refused(400, error.to_string())),
    };
    let mut uploads = Vec::new();
    for file in read::<Files>(&body)?.files.into_iter().take(1000) {
        uploads.push(one(file).await.unwrap_or_else(|Refused(_, error, code)| json!({"error": error, "code": code})));
    }
    Ok(Json(json!({"uploads": uploads})))
}

pub async fn request_parts(State(backend): Shared, user: User, body: Bytes) -> Answer {
    #[derive(Deserialize)]
    struct Wanted {
        part_numbers: Vec<u64>,
    }
    let Upload { file_key, upload_id, more: Wanted { part_numbers } } = own(&user, &body)?;
    let parts = sign_parts(&backend.store, &file_key, &upload_id, part_numbers.into_iter().take(1000))?;
    Ok(Json(json!({"parts": parts, "expires_in": LIFE.as_secs()})))
}

pub async fn list_parts(State(backend): Shared, user: User, body: Bytes) -> Answer {
    let Upload { file_key, upload_id, more: Nothing {} } = own(&user, &body)?;
    Ok(Json(json!({"parts": backend.store.parts(&file_key, &upload_id).await?})))
}

pub async fn complete_upload(State(backend): Shared, user: User, body: Bytes) -> Answer {
    #[derive(Deserialize)]
    struct Sent {
        parts: Vec<Part>,
    }
    let Upload { file_key, upload_id, more: Sent { mut parts } } = own(&user, &body)?;
    parts.sort_by_key(|part| part.part_number);
    let done = backend.store.complete(&file_key, &upload_id, &parts).await?;
    // The store's own checksum of the whole: the page compares it with what it hashed itself.
    let size = about(&backend.store.head(&file_key).await?)["size"].take();
    Ok(Json(json!({"file_key": file_key, "etag": done.etag, "size": size, "checksum_crc64nvme": done.crc64nvme})))
}

pub async fn abort_upload(State(backend): Shared, user: User, body: Bytes) -> Answer {
    let Upload { file_key, upload_id, more: Nothing {} } = own(&user, &body)?;
    backend.store.abort(&file_key, &upload_id).await.map(|()| Json(json!({})))
}
