//! What Garage (2.5.0) words otherwise than S3.

use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{Response, StatusCode};
use quick_xml::escape::{escape, unescape};

use super::front::between;

/// Longer than any error document.
const LIMIT: usize = 64 * 1024;

/// What the store, or a fault in its place, says as S3 would. Anything else passes as it is.
pub async fn in_its_words(resource: &str, response: Response<Body>) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    let is_error = parts.status.is_client_error() || parts.status.is_server_error();
    let xml = parts.headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/xml"));
    if !is_error || !xml {
        return Response::from_parts(parts, body);
    }
    let bytes = to_bytes(body, LIMIT).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let unescaped = |element| {
        between(&text, element).map(|text| unescape(text).unwrap_or_default().into_owned()).unwrap_or_default()
    };
    let (code, message) = (unescaped("Code"), unescaped("Message"));
    let (status, code, message) = match (code.as_str(), message.as_str()) {
        ("AccessDenied", "Request has expired") => (400, "InvalidRequest", "Bad request: Date is too old".into()),
        ("AccessDenied", said) if said.ends_with("not signed") => {
            (400, "InvalidRequest", format!("Bad request: Header `{}` should be signed", unescaped("HeadersNotSigned")))
        }
        ("SignatureDoesNotMatch", _) => (403, "AccessDenied", "Forbidden: Invalid signature".into()),
        ("InvalidAccessKeyId", _) => (403, "AccessDenied", "Forbidden: No such key: GK0".into()),
        ("BadDigest", said) if !said.contains("MD5") => {
            (400, "InvalidDigest", "Invalid digest: Failed to validate checksum for algorithm".into())
        }
        (code, said) => (parts.status.as_u16(), code, said.to_owned()),
    };
    parts.status = StatusCode::from_u16(status).unwrap_or(parts.status);
    parts.headers.remove(CONTENT_LENGTH);
    // Whatever is wrong, it tells its region.
    let document = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>{}</Message><Resource>{}</Resource><Region>us-east-1</Region></Error>",
        escape(message),
        escape(resource),
    );
    Response::from_parts(parts, Body::from(document))
}
