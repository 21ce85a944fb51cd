//! What Garage (2.5.0) words otherwise than S3.

use axum::body::Body;
use axum::http::header::CONTENT_LENGTH;
use axum::http::{Response, StatusCode};
use quick_xml::escape::escape;

use super::front::{error_document, said};

/// What the store, or a fault in its place, says as S3 would. Anything else passes as it is.
pub async fn in_its_words(resource: &str, response: Response<Body>) -> Response<Body> {
    let (mut parts, text) = match error_document(response).await {
        Ok(document) => document,
        Err(other) => return other,
    };
    let unescaped = |element| said(&text, element).unwrap_or_default();
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
