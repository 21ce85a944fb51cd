//! Google's headers for S3's, both ways, and what S3 has none for: the generation, and the hashes.

use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Method, Request, Response, StatusCode, Uri};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::super::Store;
use super::super::checksum::Declared;
use super::super::record::ObjectRecord;
use super::error::Refusal;

/// Longer than any list of 1,000 parts.
const LIMIT: usize = 4 << 20;
/// All but what the names of S3's queries are made of.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-');
/// What only S3 tells, and so its XML has and Google's has not.
const S3_ONLY: [&str; 3] = ["ChecksumCRC32C", "ChecksumType", "ChecksumAlgorithm"];

/// The object's key, out of the path.
pub fn key_of(request: &Request<Body>) -> String {
    let path = percent_decode_str(request.uri().path()).decode_utf8_lossy().into_owned();
    path.trim_start_matches('/').split_once('/').map_or("", |(_, key)| key).to_owned()
}

/// `x-goog-if-generation-match`, where 0 is that there is no object, and `?generation=`, which names a version.
pub fn check_generation(
    store: &Store,
    key: &str,
    request: &Request<Body>,
    query: &[(String, String)],
) -> Result<(), Refusal> {
    let present = store.disk.index().objects.get(key).map(|object| object.record.generation);
    let named = query.iter().find(|(name, _)| name == "generation").map(|(_, value)| value.parse().unwrap_or(0));
    if named.is_some_and(|named: u64| present != Some(named)) {
        return Err(Refusal::no_such_object(&store.bucket, key));
    }
    let condition = |name: &str| request.headers().get(name)?.to_str().ok()?.parse::<u64>().ok();
    let differs = condition("x-goog-if-generation-match").is_some_and(|wanted| present.unwrap_or(0) != wanted);
    if differs { Err(Refusal::precondition()) } else { Ok(()) }
}

/// Makes it the request that S3 would get for the same.
pub fn as_s3_s(request: &mut Request<Body>, query: Vec<(String, String)>) -> Result<(), Refusal> {
    let encode = |text: &str| utf8_percent_encode(text, QUERY).to_string();
    let query: Vec<_> = query
        .iter()
        .filter(|(name, _)| !name.starts_with("X-Goog-") && name != "generation")
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect();
    let multipart = query.iter().any(|pair| pair.starts_with("uploads="));
    let path = format!("{}?{}", request.uri().path(), query.join("&"));
    *request.uri_mut() = path.parse::<Uri>().map_err(|_| Refusal::bad_parameter("uri"))?;

    let writes = matches!(*request.method(), Method::PUT | Method::POST);
    let mut headers = HeaderMap::new();
    for (name, value) in request.headers() {
        if name.as_str().starts_with("x-amz-") {
            continue;
        }
        match name.as_str().strip_prefix("x-goog-") {
            None => {
                headers.append(name, value.clone());
            }
            Some("hash") => promised(&mut headers, value),
            Some(own) => {
                if let Some(meta) = own.strip_prefix("meta-")
                    && let Ok(name) = HeaderName::try_from(format!("x-amz-meta-{meta}"))
                {
                    headers.append(name, value.clone());
                }
            }
        }
    }
    // Google keeps a CRC-32C of every object; S3, whose ways the store has, only if asked.
    if writes {
        headers.insert("x-amz-checksum-algorithm", HeaderValue::from_static("CRC32C"));
    }
    if multipart {
        headers.insert("x-amz-checksum-type", HeaderValue::from_static("FULL_OBJECT"));
    }
    *request.headers_mut() = headers;
    Ok(())
}

/// Makes S3's answer Google's.
pub async fn as_google_s(
    store: &Store,
    key: &str,
    method: &Method,
    part: bool,
    response: Response<Body>,
) -> Response<Body> {
    let (mut parts, mut body) = response.into_parts();
    let meta: Vec<_> = parts
        .headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().strip_prefix("x-amz-meta-")?.to_owned(), value.clone())))
        .collect();
    for (name, value) in meta {
        if let Ok(name) = HeaderName::try_from(format!("x-goog-meta-{name}")) {
            parts.headers.insert(name, value);
        }
    }
    let crc32c = parts.headers.get("x-amz-checksum-crc32c").and_then(|sum| sum.to_str().ok()).map(str::to_owned);
    let amazon_s: Vec<_> = parts.headers.keys().filter(|name| name.as_str().starts_with("x-amz-")).cloned().collect();
    for name in amazon_s {
        parts.headers.remove(name);
    }
    let xml = parts.headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/xml"));
    let mut etag =
        parts.headers.get(ETAG).and_then(|etag| etag.to_str().ok()).map(|etag| etag.trim_matches('"').to_owned());
    if parts.status == StatusCode::OK && xml && !parts.headers.contains_key(ETAG) {
        let bytes = to_bytes(body, LIMIT).await.unwrap_or_default();
        let text = S3_ONLY.iter().fold(String::from_utf8_lossy(&bytes).into_owned(), |text, name| without(text, name));
        if text.contains("<CompleteMultipartUploadResult") {
            etag = super::super::front::between(&text, "ETag").map(|etag| etag.replace("&quot;", "").replace('"', ""));
        }
        parts.headers.remove(CONTENT_LENGTH);
        body = Body::from(text);
    }
    if part {
        // Of the part alone, whose ETag is its MD5.
        let md5 = etag.as_deref().and_then(|etag| hex::decode(etag).ok());
        hashes(&mut parts.headers, crc32c.as_deref(), md5.as_deref());
        return Response::from_parts(parts, body);
    }
    let object = store.disk.index().objects.get(key).cloned();
    // Only of the very object that was written or read.
    if let Some(object) =
        object.filter(|object| parts.status.is_success() && etag.as_ref() == Some(&object.record.etag))
    {
        tell(&mut parts.headers, &object.record, method);
    }
    Response::from_parts(parts, body)
}

/// What Google says of every object.
pub fn tell(headers: &mut HeaderMap, record: &ObjectRecord, method: &Method) {
    let crc32c = record.declared.as_ref().filter(|sum| sum.algorithm == Declared::Crc32c);
    // Of an object in parts there is no MD5, and its ETag is no hex: nobody has read it from end to end.
    let md5 = hex::decode(&record.etag).ok();
    hashes(headers, crc32c.map(|sum| sum.value.as_str()), md5.as_deref());
    let mut set = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    };
    set("x-goog-generation", record.generation.to_string());
    set("x-goog-metageneration", "1".into());
    if matches!(*method, Method::GET | Method::HEAD) {
        set("x-goog-stored-content-length", record.size.to_string());
        set("x-goog-stored-content-encoding", record.attributes.content_encoding.clone().unwrap_or("identity".into()));
        set("x-goog-storage-class", "STANDARD".into());
    }
}

/// One header for each, as Google sends them.
fn hashes(headers: &mut HeaderMap, crc32c: Option<&str>, md5: Option<&[u8]>) {
    let crc32c = crc32c.map(|sum| format!("crc32c={sum}"));
    let md5 = md5.map(|md5| format!("md5={}", STANDARD.encode(md5)));
    for hash in [crc32c, md5].into_iter().flatten() {
        if let Ok(hash) = HeaderValue::try_from(hash) {
            headers.append("x-goog-hash", hash);
        }
    }
}

/// `crc32c=…,md5=…` of a request: the store then refuses other bytes.
fn promised(headers: &mut HeaderMap, hash: &HeaderValue) {
    for pair in hash.to_str().unwrap_or_default().split(',') {
        let (name, value) = pair.trim().split_once('=').unwrap_or_default();
        let name = match name {
            "crc32c" => "x-amz-checksum-crc32c",
            "md5" => "content-md5",
            _ => continue,
        };
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
}

/// XML without the elements of a name, which have text only.
fn without(text: String, element: &str) -> String {
    let (begin, end) = (format!("<{element}>"), format!("</{element}>"));
    let mut pieces = text.split(&begin);
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |kept, piece| kept + piece.split_once(&end).map_or(piece, |(_, rest)| rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_taken_out() {
        assert_eq!(without("<a><b>1</b><c>2</c><b>3</b></a>".into(), "b"), "<a><c>2</c></a>");
        assert_eq!(without("<a/>".into(), "b"), "<a/>");
    }
}
