//! ListObjects in both versions: prefix, delimiter, pages.

use std::ops::Bound;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::dto::*;
use s3s::{S3Response, S3Result, s3_error};

use super::Store;
use super::objects::signed;

const PAGE: i32 = 1_000;

/// What `encoding-type=url` leaves as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b'/');

pub fn v2(store: &Store, input: ListObjectsV2Input) -> S3Result<S3Response<ListObjectsV2Output>> {
    store.bucket(&input.bucket)?;
    let after = match &input.continuation_token {
        Some(token) => URL_SAFE_NO_PAD
            .decode(token)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or_else(|| s3_error!(InvalidArgument, "The continuation token provided is incorrect"))?,
        None => input.start_after.clone().unwrap_or_default(),
    };
    let query = Query {
        prefix: input.prefix.as_deref().unwrap_or_default(),
        delimiter: input.delimiter.as_deref().filter(|delimiter| !delimiter.is_empty()),
        after: &after,
        limit: input.max_keys.unwrap_or(PAGE).clamp(0, PAGE),
        encoded: input.encoding_type.is_some(),
    };
    let page = query.run(store);
    Ok(S3Response::new(ListObjectsV2Output {
        name: Some(input.bucket),
        max_keys: Some(query.limit),
        key_count: i32::try_from(page.contents.len() + page.prefixes.len()).ok(),
        is_truncated: Some(page.next.is_some()),
        next_continuation_token: page.next.map(|next| URL_SAFE_NO_PAD.encode(next)),
        prefix: Some(query.encode(query.prefix)),
        delimiter: query.delimiter.map(|delimiter| query.encode(delimiter)),
        start_after: input.start_after.as_deref().map(|key| query.encode(key)),
        contents: Some(page.contents),
        common_prefixes: Some(page.prefixes),
        continuation_token: input.continuation_token,
        encoding_type: input.encoding_type,
        ..Default::default()
    }))
}

pub fn v1(store: &Store, input: ListObjectsInput) -> S3Result<S3Response<ListObjectsOutput>> {
    store.bucket(&input.bucket)?;
    let query = Query {
        prefix: input.prefix.as_deref().unwrap_or_default(),
        delimiter: input.delimiter.as_deref().filter(|delimiter| !delimiter.is_empty()),
        after: input.marker.as_deref().unwrap_or_default(),
        limit: input.max_keys.unwrap_or(PAGE).clamp(0, PAGE),
        encoded: input.encoding_type.is_some(),
    };
    let page = query.run(store);
    Ok(S3Response::new(ListObjectsOutput {
        name: Some(input.bucket),
        max_keys: Some(query.limit),
        is_truncated: Some(page.next.is_some()),
        next_marker: page.next.map(|next| query.encode(&next)),
        prefix: Some(query.encode(query.prefix)),
        marker: Some(query.encode(query.after)),
        delimiter: query.delimiter.map(|delimiter| query.encode(delimiter)),
        contents: Some(page.contents),
        common_prefixes: Some(page.prefixes),
        encoding_type: input.encoding_type,
        ..Default::default()
    }))
}

struct Query<'a> {
    prefix: &'a str,
    delimiter: Option<&'a str>,
    after: &'a str,
    limit: i32,
    encoded: bool,
}

#[derive(Default)]
struct Page {
    contents: Vec<Object>,
    prefixes: Vec<CommonPrefix>,
    /// The last key or common prefix of this page, if there is more.
    next: Option<String>,
}

impl Query<'_> {
    fn run(&self, store: &Store) -> Page {
        let index = store.disk.index();
        let limit = usize::try_from(self.limit).unwrap_or(0);
        let mut page = Page::default();
        let mut last: Option<String> = None;
        let start = self.after.max(self.prefix);
        let from =
            if start == self.after && !self.after.is_empty() { Bound::Excluded(start) } else { Bound::Included(start) };
        if limit == 0 {
            return page;
        }
        for (key, object) in index.objects.range::<str, _>((from, Bound::Unbounded)) {
            let Some(rest) = key.strip_prefix(self.prefix) else {
                break;
            };
            let common = self
                .delimiter
                .and_then(|delimiter| rest.find(delimiter).map(|at| at + delimiter.len()))
                .map(|length| &key[..self.prefix.len() + length]);
            if let Some(common) = common
                // A prefix stands for all keys below it, on the page where it was first met.
                && (last.as_deref() == Some(common) || self.after == common)
            {
                continue;
            }
            if page.contents.len() + page.prefixes.len() == limit {
                page.next = last;
                return page;
            }
            match common {
                Some(common) => page.prefixes.push(CommonPrefix { prefix: Some(self.encode(common)) }),
                None => page.contents.push(Object {
                    key: Some(self.encode(key)),
                    size: Some(signed(object.record.size)),
                    e_tag: Some(ETag::Strong(object.record.etag.clone())),
                    last_modified: Some(object.record.modified.timestamp()),
                    storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
                    ..Default::default()
                }),
            }
            last = Some(common.unwrap_or(key).to_owned());
        }
        page
    }

    fn encode(&self, text: &str) -> String {
        if self.encoded { utf8_percent_encode(text, PLAIN).to_string() } else { text.to_owned() }
    }
}
