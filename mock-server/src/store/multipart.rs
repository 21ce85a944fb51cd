//! Uploads in parts: create, part, list, complete, abort.

use s3s::dto::*;
use s3s::{S3Error, S3Request, S3Response, S3Result, s3_error};

use super::bytes::{self, Received};
use super::checksum::{Declared, Promise, combined_crc64, declared_sum, fields, multipart_etag};
use super::conditions::Conditions;
use super::disk::{Upload, new_id};
use super::objects::{Failure, MAX_BODY, header, object_sums, signed, stored_encoding};
use super::record::{Attributes, Moment, ObjectRecord, PartRecord, Segment, UploadRecord};
use super::{Quirks, Store};

const MAX_PARTS: i32 = 10_000;
/// The longest page of ListMultipartUploads.
const PAGE: i32 = 1_000;

pub fn create(store: &Store, input: CreateMultipartUploadInput) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
    store.bucket(&input.bucket)?;
    let algorithm =
        input.checksum_algorithm.as_ref().map(|algorithm| Declared::parse(algorithm.as_str())).transpose()?;
    let record = UploadRecord {
        id: new_id(),
        key: input.key.clone(),
        initiated: Moment::now(),
        attributes: Attributes {
            content_type: input.content_type,
            cache_control: input.cache_control,
            content_disposition: input.content_disposition,
            content_encoding: stored_encoding(input.content_encoding),
            content_language: input.content_language,
            metadata: input.metadata.into_iter().flatten().collect(),
        },
        algorithm,
        full_object: input.checksum_type.as_ref().is_some_and(|kind| kind.as_str() == ChecksumType::FULL_OBJECT),
    };
    let upload_id = record.id.clone();
    store.disk.create_upload(record).map_err(S3Error::internal_error)?;
    Ok(S3Response::new(CreateMultipartUploadOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(upload_id),
        checksum_algorithm: input.checksum_algorithm,
        checksum_type: input.checksum_type,
        ..Default::default()
    }))
}

pub async fn upload_part(store: &Store, request: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
    let trailer_names = header(&request.headers, "x-amz-trailer");
    let input = request.input;
    store.bucket(&input.bucket)?;
    if !(1..=MAX_PARTS).contains(&input.part_number) {
        return Err(s3_error!(InvalidArgument, "Part number must be an integer between 1 and {MAX_PARTS}, inclusive"));
    }
    let algorithm = {
        let index = store.disk.index();
        let upload = index.uploads.get(&input.upload_id).ok_or_else(no_such_upload)?;
        upload.record.algorithm
    };
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
    if let Some(declared) = algorithm
        && promise.algorithm != Some(declared)
    {
        return Err(s3_error!(
            InvalidRequest,
            "Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum Type: {}",
            declared.name().to_ascii_lowercase(),
            promise.algorithm.map_or("null".into(), |one| one.name().to_ascii_lowercase())
        ));
    }
    let path = store.disk.incoming();
    let Received { size, digest } = bytes::receive(input.body, &path, promise.algorithm, MAX_BODY).await?;
    let added = promise.verify(&digest).and_then(|declared| {
        let part = PartRecord {
            number: input.part_number,
            // A name of its own, so that a part sent twice at once cannot mix.
            file: format!("part-{}-{}", input.part_number, new_id()),
            size,
            etag: hex::encode(digest.md5),
            modified: Moment::now(),
            crc64nvme: digest.crc64nvme,
            declared,
        };
        match store.disk.add_part(&input.upload_id, &input.key, &path, part.clone()) {
            Ok(true) => Ok(part),
            Ok(false) => Err(no_such_upload()),
            Err(error) => Err(S3Error::internal_error(error)),
        }
    });
    let part = match added {
        Ok(part) => part,
        Err(error) => {
            bytes::discard(&path).await;
            return Err(error);
        }
    };
    let sums = part.declared.map(|sum| fields(sum.algorithm, sum.value, true)).unwrap_or_default();
    Ok(S3Response::new(UploadPartOutput {
        e_tag: Some(ETag::Strong(part.etag)),
        checksum_crc32: sums.checksum_crc32,
        checksum_crc32c: sums.checksum_crc32c,
        checksum_crc64nvme: sums.checksum_crc64nvme,
        checksum_sha1: sums.checksum_sha1,
        checksum_sha256: sums.checksum_sha256,
        ..Default::default()
    }))
}

pub fn list_parts(store: &Store, input: ListPartsInput) -> S3Result<S3Response<ListPartsOutput>> {
    store.bucket(&input.bucket)?;
    let index = store.disk.index();
    let upload = upload(&index.uploads, &input.upload_id, &input.key)?;
    let marker = input.part_number_marker.unwrap_or(0);
    let limit = input.max_parts.unwrap_or(i32::MAX).clamp(0, store.quirks.list_page);
    let mut rest = upload.parts.range(marker.saturating_add(1)..).map(|(_, part)| part);
    let page: Vec<Part> = rest
        .by_ref()
        .take(usize::try_from(limit).unwrap_or(0))
        .map(|part| {
            let sums = part.declared.clone().map(|sum| fields(sum.algorithm, sum.value, true)).unwrap_or_default();
            Part {
                part_number: Some(part.number),
                e_tag: Some(ETag::Strong(part.etag.clone())),
                size: Some(signed(part.size)),
                last_modified: Some(part.modified.timestamp()),
                checksum_crc32: sums.checksum_crc32,
                checksum_crc32c: sums.checksum_crc32c,
                checksum_crc64nvme: sums.checksum_crc64nvme,
                checksum_sha1: sums.checksum_sha1,
                checksum_sha256: sums.checksum_sha256,
            }
        })
        .collect();
    let truncated = rest.next().is_some();
    Ok(S3Response::new(ListPartsOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(input.upload_id),
        part_number_marker: Some(marker),
        next_part_number_marker: page.last().and_then(|part| part.part_number).or(Some(0)),
        max_parts: Some(limit),
        is_truncated: Some(truncated),
        parts: Some(page),
        storage_class: Some(StorageClass::from_static(StorageClass::STANDARD)),
        ..Default::default()
    }))
}

pub fn complete(
    store: &Store,
    input: CompleteMultipartUploadInput,
) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
    store.bucket(&input.bucket)?;
    let wanted = input.multipart_upload.and_then(|list| list.parts).unwrap_or_default();
    let conditions =
        Conditions { if_match: input.if_match, if_none_match: input.if_none_match, ..Conditions::default() };
    let mut done = None;
    let result = store.disk.complete(&input.upload_id, |upload, index| -> Result<_, Failure> {
        let Some(upload) = upload.filter(|upload| upload.record.key == input.key) else {
            if store.quirks.profile.once_only_complete {
                return Err(no_such_upload().into());
            }
            // AWS answers an identical second Complete as it did the first, for as long as the object is still the one it made.
            let object = index.objects.get(&input.key).map(|object| &object.record);
            let same = object.filter(|record| record.upload_id.as_ref() == Some(&input.upload_id));
            done = Some(same.cloned().ok_or_else(no_such_upload)?);
            return Ok(None);
        };
        let parts = chosen(upload, &wanted, store.quirks)?;
        let size = parts.iter().map(|part| part.size).sum();
        if input.mpu_object_size.is_some_and(|promised| promised != signed(size)) {
            return Err(Failure(s3_error!(
                InvalidRequest,
                "The provided 'x-amz-mp-object-size' header value does not match what was computed."
            )));
        }
        let crc64nvme = combined_crc64(&parts);
        if input
            .checksum_crc64nvme
            .as_ref()
            .is_some_and(|promised| *promised != super::checksum::crc64_base64(crc64nvme))
        {
            return Err(Failure(s3_error!(
                BadDigest,
                "The CRC64NVME you specified did not match the calculated checksum."
            )));
        }
        conditions.check_write(index.objects.get(&input.key).map(|object| &object.record))?;
        let record = ObjectRecord {
            key: input.key.clone(),
            size,
            etag: multipart_etag(&parts),
            modified: Moment::now(),
            generation: Moment::generation(),
            attributes: upload.record.attributes.clone(),
            crc64nvme,
            declared: upload
                .record
                .algorithm
                .and_then(|algorithm| declared_sum(&parts, algorithm, upload.record.full_object)),
            segments: parts
                .into_iter()
                .map(|part| Segment { number: part.number, file: part.file, size: part.size })
                .collect(),
            upload_id: Some(input.upload_id.clone()),
        };
        done = Some(record.clone());
        Ok(Some(record))
    });
    result.map_err(|Failure(error)| error)?;
    let record = done.ok_or_else(no_such_upload)?;
    let sums = object_sums(&record, store.tells_crc64());
    Ok(S3Response::new(CompleteMultipartUploadOutput {
        location: Some(store.location(&record.key)),
        bucket: Some(input.bucket),
        key: Some(record.key),
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

pub fn abort(store: &Store, input: &AbortMultipartUploadInput) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
    store.bucket(&input.bucket)?;
    match store.disk.abort(&input.upload_id, &input.key) {
        Ok(true) => Ok(S3Response::new(AbortMultipartUploadOutput::default())),
        Ok(false) => Err(no_such_upload()),
        Err(error) => Err(S3Error::internal_error(error)),
    }
}

pub fn list_uploads(
    store: &Store,
    input: ListMultipartUploadsInput,
) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
    store.bucket(&input.bucket)?;
    let index = store.disk.index();
    let prefix = input.prefix.clone().unwrap_or_default();
    let marker = (input.key_marker.clone().unwrap_or_default(), input.upload_id_marker.clone());
    let mut uploads: Vec<&UploadRecord> = index
        .uploads
        .values()
        .map(|upload| &upload.record)
        .filter(|record| record.key.starts_with(&prefix))
        .filter(|record| match &marker.1 {
            Some(id) => (&record.key, &record.id) > (&marker.0, id),
            None => record.key > marker.0,
        })
        .collect();
    uploads.sort_by(|a, b| (&a.key, &a.id).cmp(&(&b.key, &b.id)));
    let limit = input.max_uploads.unwrap_or(PAGE).clamp(0, PAGE);
    let shown = uploads.len().min(usize::try_from(limit).unwrap_or(0));
    let last = shown.checked_sub(1).map(|last| uploads[last]);
    let truncated = uploads.len() > shown;
    Ok(S3Response::new(ListMultipartUploadsOutput {
        bucket: Some(input.bucket),
        prefix: input.prefix,
        key_marker: input.key_marker,
        upload_id_marker: input.upload_id_marker,
        max_uploads: Some(limit),
        is_truncated: Some(truncated),
        next_key_marker: last.filter(|_| truncated).map(|record| record.key.clone()),
        next_upload_id_marker: last.filter(|_| truncated).map(|record| record.id.clone()),
        uploads: Some(
            uploads[..shown]
                .iter()
                .map(|record| MultipartUpload {
                    key: Some(record.key.clone()),
                    upload_id: Some(record.id.clone()),
                    initiated: Some(record.initiated.timestamp()),
                    storage_class: Some(StorageClass::from_static(StorageClass::STANDARD)),
                    ..Default::default()
                })
                .collect(),
        ),
        ..Default::default()
    }))
}

fn upload<'a>(uploads: &'a std::collections::HashMap<String, Upload>, id: &str, key: &str) -> S3Result<&'a Upload> {
    uploads.get(id).filter(|upload| upload.record.key == key).ok_or_else(no_such_upload)
}

/// The parts that a Complete names, or why it cannot be done.
fn chosen(upload: &Upload, wanted: &[CompletedPart], quirks: Quirks) -> S3Result<Vec<PartRecord>> {
    if wanted.is_empty() {
        return Err(s3_error!(
            MalformedXML,
            "The XML you provided was not well-formed or did not validate against our published schema"
        ));
    }
    // CRC-64/NVME is always of the whole.
    let declared = upload.record.algorithm.filter(|_| !upload.record.full_object);
    let composite = declared.filter(|algorithm| *algorithm != Declared::Crc64nvme);
    let mut parts: Vec<PartRecord> = Vec::with_capacity(wanted.len());
    for part in wanted {
        let number = part.part_number.unwrap_or(0);
        if parts.last().is_some_and(|last| last.number >= number) {
            return Err(s3_error!(
                InvalidPartOrder,
                "The list of parts was not in ascending order. Parts must be ordered by part number."
            ));
        }
        let stored = upload.parts.get(&number).filter(|stored| {
            part.e_tag.as_ref().is_some_and(|tag| tag.value() == stored.etag) && same_sum(part, stored)
        });
        if let Some(algorithm) = composite.filter(|algorithm| sum_of(part, *algorithm).is_none()) {
            return Err(s3_error!(
                InvalidRequest,
                "The upload was created using a {} checksum. The complete request must include the checksum for each part. It was missing for part {} in the request.",
                algorithm.name().to_ascii_lowercase(),
                number
            ));
        }
        parts.push(stored.cloned().ok_or_else(|| {
            s3_error!(
                InvalidPart,
                "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag."
            )
        })?);
    }
    let all_but_last = parts.len() - 1;
    if parts[..all_but_last].iter().any(|part| part.size < quirks.min_part) {
        return Err(s3_error!(EntityTooSmall, "Your proposed upload is smaller than the minimum allowed size"));
    }
    let unequal = |part: &PartRecord| part.size != parts[0].size;
    let longer_last = parts[all_but_last].size > parts[0].size;
    if quirks.profile.equal_parts && (longer_last || parts[..all_but_last].iter().any(unequal)) {
        return Err(s3_error!(InvalidPart, "All non-trailing parts must have the same length."));
    }
    Ok(parts)
}

/// A checksum given with a part in Complete must be the one that the part came with.
fn same_sum(part: &CompletedPart, stored: &PartRecord) -> bool {
    Declared::ALL.into_iter().all(|algorithm| match (sum_of(part, algorithm), &stored.declared) {
        (Some(value), Some(sum)) => sum.algorithm == algorithm && sum.value == *value,
        // A sum of a kind that was not declared has nothing to be compared with.
        _ => true,
    })
}

fn sum_of(part: &CompletedPart, algorithm: Declared) -> Option<&String> {
    match algorithm {
        Declared::Crc32 => part.checksum_crc32.as_ref(),
        Declared::Crc32c => part.checksum_crc32c.as_ref(),
        Declared::Crc64nvme => part.checksum_crc64nvme.as_ref(),
        Declared::Sha1 => part.checksum_sha1.as_ref(),
        Declared::Sha256 => part.checksum_sha256.as_ref(),
    }
}

fn no_such_upload() -> S3Error {
    s3_error!(
        NoSuchUpload,
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."
    )
}
