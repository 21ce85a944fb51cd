//! Whole objects: put, get, head, copy, delete.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use futures::StreamExt as _;
use s3s::dto::{self, *};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result, s3_error};

use super::Store;
use super::bytes::{self, Received};
use super::checksum::{Promise, crc64_base64, fields};
use super::conditions::{Conditions, range_holds};
use super::disk::Object;
use super::record::{Attributes, Moment, ObjectRecord, ObjectSum, Segment};

/// S3's limit for one PUT and for one part.
pub const MAX_BODY: u64 = 5 << 30;

pub async fn put(store: &Store, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
    let trailer_names = header(&request.headers, "x-amz-trailer");
    let input = request.input;
    store.bucket(&input.bucket)?;
    let promise = Promise::new(
        &Checksum {
            checksum_crc32: input.checksum_crc32,
            checksum_crc32c: input.checksum_crc32c,
            checksum_crc64nvme: input.checksum_crc64nvme,
            checksum_sha1: input.checksum_sha1,
            checksum_sha256: input.checksum_sha256,
            checksum_type: None,
        },
        input.checksum_algorithm.as_ref().map(ChecksumAlgorithm::as_str),
        input.content_md5,
        trailer_names.as_deref(),
        request.trailing_headers,
    )?;
    let conditions =
        Conditions { if_match: input.if_match, if_none_match: input.if_none_match, ..Conditions::default() };
    let path = store.disk.incoming();
    let Received { size, digest } = bytes::receive(input.body, &path, promise.algorithm, MAX_BODY).await?;
    let stored = async {
        let declared = promise.verify(&digest)?.map(|sum| ObjectSum {
            algorithm: sum.algorithm,
            value: sum.value,
            full_object: true,
        });
        let record = ObjectRecord {
            key: input.key,
            size,
            etag: hex::encode(digest.md5),
            modified: Moment::now(),
            generation: Moment::generation(),
            attributes: Attributes {
                content_type: input.content_type,
                cache_control: input.cache_control,
                content_disposition: input.content_disposition,
                content_encoding: stored_encoding(input.content_encoding),
                content_language: input.content_language,
                metadata: input.metadata.into_iter().flatten().collect(),
            },
            segments: vec![Segment { number: 1, file: "bytes".into(), size }],
            crc64nvme: digest.crc64nvme,
            declared,
            upload_id: None,
        };
        store
            .disk
            .put(&path, record.clone(), |present| -> Result<(), Failure> { Ok(conditions.check_write(present)?) })?;
        Ok(record)
    };
    let record = match stored.await {
        Ok(record) => record,
        Err(Failure(error)) => {
            bytes::discard(&path).await;
            return Err(error);
        }
    };
    let sums = object_sums(&record, store.tells_crc64());
    Ok(S3Response::new(PutObjectOutput {
        e_tag: Some(ETag::Strong(record.etag)),
        checksum_crc32: sums.checksum_crc32,
        checksum_crc32c: sums.checksum_crc32c,
        checksum_crc64nvme: sums.checksum_crc64nvme,
        checksum_sha1: sums.checksum_sha1,
        checksum_sha256: sums.checksum_sha256,
        checksum_type: sums.checksum_type,
        ..Default::default()
    }))
}

pub fn get(store: &Store, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
    let if_range = header(&request.headers, "if-range");
    let input = request.input;
    let object = store.object(&input.bucket, &input.key)?;
    let record = &object.record;
    Conditions {
        if_match: input.if_match,
        if_none_match: input.if_none_match,
        if_modified_since: input.if_modified_since,
        if_unmodified_since: input.if_unmodified_since,
    }
    .check_read(record)?;
    let asked = Asked::new(record, input.range, input.part_number, if_range.as_deref())?;
    let sums = asked.sums(record, input.checksum_mode.as_ref(), store.tells_crc64());
    let attributes = record.attributes.clone();
    let output = GetObjectOutput {
        accept_ranges: Some("bytes".into()),
        content_length: Some(signed(asked.length())),
        content_range: asked.content_range(record),
        parts_count: asked.parts_count,
        e_tag: Some(ETag::Strong(record.etag.clone())),
        last_modified: Some(record.modified.timestamp()),
        metadata: attributes.metadata(),
        content_type: attributes.content_type.or_else(default_type),
        cache_control: attributes.cache_control,
        content_disposition: attributes.content_disposition,
        content_encoding: attributes.content_encoding,
        content_language: attributes.content_language,
        checksum_crc32: sums.checksum_crc32,
        checksum_crc32c: sums.checksum_crc32c,
        checksum_crc64nvme: sums.checksum_crc64nvme,
        checksum_sha1: sums.checksum_sha1,
        checksum_sha256: sums.checksum_sha256,
        checksum_type: sums.checksum_type,
        body: Some(StreamingBlob::wrap(bytes::send(object.clone(), asked.range).map(|chunk| chunk))),
        ..Default::default()
    };
    // s3s itself lays the `response-*` overrides over these.
    Ok(S3Response::new(output))
}

pub fn head(store: &Store, request: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
    let if_range = header(&request.headers, "if-range");
    let input = request.input;
    let object = store.object(&input.bucket, &input.key)?;
    let record = &object.record;
    Conditions {
        if_match: input.if_match,
        if_none_match: input.if_none_match,
        if_modified_since: input.if_modified_since,
        if_unmodified_since: input.if_unmodified_since,
    }
    .check_read(record)?;
    let asked = Asked::new(record, input.range, input.part_number, if_range.as_deref())?;
    let sums = asked.sums(record, input.checksum_mode.as_ref(), store.tells_crc64());
    let attributes = record.attributes.clone();
    Ok(S3Response::new(HeadObjectOutput {
        accept_ranges: Some("bytes".into()),
        content_length: Some(signed(asked.length())),
        content_range: asked.content_range(record),
        parts_count: asked.parts_count,
        e_tag: Some(ETag::Strong(record.etag.clone())),
        last_modified: Some(record.modified.timestamp()),
        metadata: attributes.metadata(),
        content_type: attributes.content_type.or_else(default_type),
        cache_control: attributes.cache_control,
        content_disposition: attributes.content_disposition,
        content_encoding: attributes.content_encoding,
        content_language: attributes.content_language,
        checksum_crc32: sums.checksum_crc32,
        checksum_crc32c: sums.checksum_crc32c,
        checksum_crc64nvme: sums.checksum_crc64nvme,
        checksum_sha1: sums.checksum_sha1,
        checksum_sha256: sums.checksum_sha256,
        checksum_type: sums.checksum_type,
        ..Default::default()
    }))
}

pub async fn copy(store: &Store, request: S3Request<CopyObjectInput>) -> S3Result<S3Response<CopyObjectOutput>> {
    let input = request.input;
    store.bucket(&input.bucket)?;
    let CopySource::Bucket { bucket, key, .. } = &input.copy_source else {
        return Err(s3_error!(NotImplemented, "Only bucket/key sources can be copied"));
    };
    let source = store.object(bucket, key)?;
    let path = store.disk.incoming();
    let body = StreamingBlob::wrap(bytes::send(source.clone(), 0..source.record.size));
    let Received { size, digest } = bytes::receive(Some(body), &path, None, MAX_BODY).await?;
    let replace = input.metadata_directive.is_some_and(|directive| directive.as_str() == MetadataDirective::REPLACE);
    let record = ObjectRecord {
        key: input.key,
        size,
        etag: hex::encode(digest.md5),
        modified: Moment::now(),
        generation: Moment::generation(),
        attributes: if replace {
            Attributes {
                content_type: input.content_type,
                cache_control: input.cache_control,
                content_disposition: input.content_disposition,
                content_encoding: input.content_encoding,
                content_language: input.content_language,
                metadata: input.metadata.into_iter().flatten().collect::<BTreeMap<_, _>>(),
            }
        } else {
            source.record.attributes.clone()
        },
        segments: vec![Segment { number: 1, file: "bytes".into(), size }],
        crc64nvme: digest.crc64nvme,
        declared: None,
        upload_id: None,
    };
    store.disk.put(&path, record.clone(), |_| -> Result<(), Failure> { Ok(()) }).map_err(|Failure(error)| error)?;
    Ok(S3Response::new(CopyObjectOutput {
        copy_object_result: Some(CopyObjectResult {
            e_tag: Some(ETag::Strong(record.etag.clone())),
            last_modified: Some(record.modified.timestamp()),
            checksum_crc64nvme: store.tells_crc64().then(|| crc64_base64(record.crc64nvme)),
            ..Default::default()
        }),
        ..Default::default()
    }))
}

pub fn delete(store: &Store, input: &DeleteObjectInput) -> S3Result<S3Response<DeleteObjectOutput>> {
    store.bucket(&input.bucket)?;
    store.disk.delete(&input.key).map_err(S3Error::internal_error)?;
    Ok(S3Response::new(DeleteObjectOutput::default()))
}

pub fn delete_many(store: &Store, input: DeleteObjectsInput) -> S3Result<S3Response<DeleteObjectsOutput>> {
    store.bucket(&input.bucket)?;
    let quiet = input.delete.quiet.unwrap_or(false);
    let mut deleted = Vec::new();
    for object in input.delete.objects {
        store.disk.delete(&object.key).map_err(S3Error::internal_error)?;
        deleted.push(DeletedObject { key: Some(object.key), ..Default::default() });
    }
    Ok(S3Response::new(DeleteObjectsOutput { deleted: (!quiet).then_some(deleted), ..Default::default() }))
}

/// What the client chose, else CRC-64/NVME if the store tells that, as S3 reports it.
pub fn object_sums(record: &ObjectRecord, tells_crc64: bool) -> dto::Checksum {
    match &record.declared {
        Some(sum) => fields(sum.algorithm, sum.value.clone(), sum.full_object),
        None if tells_crc64 => fields(super::checksum::Declared::Crc64nvme, crc64_base64(record.crc64nvme), true),
        None => dto::Checksum::default(),
    }
}

/// An S3 error that can also be a failed disk operation.
pub struct Failure(pub S3Error);

impl From<S3Error> for Failure {
    fn from(error: S3Error) -> Self {
        Self(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self(S3Error::internal_error(error))
    }
}

pub fn header(headers: &axum::http::HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

pub fn signed(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

/// aws-chunked describes the transfer, not the object, and S3 does not store it.
pub fn stored_encoding(encoding: Option<String>) -> Option<String> {
    let kept = encoding?
        .split(',')
        .map(str::trim)
        .filter(|one| !one.is_empty() && *one != "aws-chunked")
        .collect::<Vec<_>>()
        .join(",");
    (!kept.is_empty()).then_some(kept)
}

fn default_type() -> Option<String> {
    Some("binary/octet-stream".into())
}

/// The part of an object that a request is about.
struct Asked {
    range: Range<u64>,
    partial: bool,
    parts_count: Option<i32>,
}

impl Asked {
    fn new(
        record: &ObjectRecord,
        range: Option<dto::Range>,
        part: Option<i32>,
        if_range: Option<&str>,
    ) -> S3Result<Self> {
        if let Some(number) = part {
            return Self::part(record, number);
        }
        match range.filter(|_| range_holds(if_range, record)) {
            Some(range) => Ok(Self {
                range: range.check(record.size).map_err(|_| unsatisfiable(record.size))?,
                partial: true,
                parts_count: None,
            }),
            None => Ok(Self { range: 0..record.size, partial: false, parts_count: None }),
        }
    }

    fn part(record: &ObjectRecord, number: i32) -> S3Result<Self> {
        let mut start = 0;
        // Parts are counted as they lie, from one on, whatever numbers they were uploaded under.
        for (index, segment) in (1..).zip(&record.segments) {
            if index == number {
                return Ok(Self {
                    range: start..start + segment.size,
                    partial: record.upload_id.is_some(),
                    parts_count: record
                        .upload_id
                        .as_ref()
                        .map(|_| i32::try_from(record.segments.len()).unwrap_or(i32::MAX)),
                });
            }
            start += segment.size;
        }
        let mut error = S3Error::with_message(
            S3ErrorCode::Custom("InvalidPartNumber".into()),
            "The requested partnumber is not satisfiable",
        );
        error.set_status_code(axum::http::StatusCode::RANGE_NOT_SATISFIABLE);
        Err(error)
    }

    fn length(&self) -> u64 {
        self.range.end - self.range.start
    }

    fn content_range(&self, record: &ObjectRecord) -> Option<String> {
        (self.partial && self.length() > 0)
            .then(|| format!("bytes {}-{}/{}", self.range.start, self.range.end - 1, record.size))
    }

    /// Only for the whole object: S3 sends no checksum with a range of it.
    fn sums(&self, record: &ObjectRecord, mode: Option<&ChecksumMode>, tells_crc64: bool) -> dto::Checksum {
        if self.partial || mode.is_none_or(|mode| mode.as_str() != ChecksumMode::ENABLED) {
            return dto::Checksum::default();
        }
        object_sums(record, tells_crc64)
    }
}

fn unsatisfiable(size: u64) -> S3Error {
    let mut error = S3Error::with_message(S3ErrorCode::InvalidRange, "The requested range is not satisfiable");
    let mut headers = axum::http::HeaderMap::new();
    if let Ok(value) = format!("bytes */{size}").parse() {
        headers.insert("content-range", value);
    }
    headers.insert("content-type", axum::http::HeaderValue::from_static("application/xml"));
    error.set_headers(headers);
    error
}

impl Store {
    pub(super) fn object(&self, bucket: &str, key: &str) -> S3Result<Arc<Object>> {
        self.bucket(bucket)?;
        self.disk
            .index()
            .objects
            .get(key)
            .cloned()
            .ok_or_else(|| s3_error!(NoSuchKey, "The specified key does not exist."))
    }
}
