//! Google's error documents, and S3's turned into these.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::http::{Method, Response, StatusCode};
use quick_xml::escape::escape;

use super::super::front::{error_document, said};

/// Why a request is not done, as Google says it: a code, a message, and further elements.
#[derive(Debug)]
pub struct Refusal {
    status: StatusCode,
    code: String,
    message: String,
    more: Vec<(&'static str, String)>,
}

impl Refusal {
    pub fn new(status: StatusCode, code: &str, message: &str) -> Self {
        Self { status, code: code.into(), message: message.into(), more: Vec::new() }
    }

    pub fn details(mut self, details: impl Into<String>) -> Self {
        self.more.push(("Details", details.into()));
        self
    }

    pub fn anonymous() -> Self {
        Self::new(StatusCode::FORBIDDEN, "AccessDenied", "Access denied.").details(
            "Anonymous caller does not have storage.objects.get access to the Google Cloud Storage object. Permission denied on resource (or it may not exist).",
        )
    }

    pub fn unknown_key() -> Self {
        Self::new(StatusCode::FORBIDDEN, "InvalidSecurity", "The provided security credentials are not valid.")
    }

    pub fn bad_parameter(name: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "InvalidArgument", "Invalid argument.")
            .details(format!("The query parameter {name} is missing or not valid."))
    }

    pub fn header(name: &str, details: &str) -> Self {
        let mut refusal =
            Self::new(StatusCode::BAD_REQUEST, "MalformedSecurityHeader", "Your request has a malformed header.");
        refusal.more.push(("ParameterName", name.into()));
        refusal.details(details)
    }

    pub fn expired(end: jiff::Timestamp) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "ExpiredToken", "The provided token has expired.")
            .details(format!("Request signature expired at: {}", end.strftime("%Y-%m-%dT%H:%M:%S+00:00")))
    }

    pub fn too_skewed() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "RequestTimeTooSkewed",
            "The difference between the request time and the current time is too large.",
        )
    }

    pub fn signature(text: &str, canonical: &str) -> Self {
        let mut refusal = Self::new(StatusCode::FORBIDDEN, "SignatureDoesNotMatch", "Access denied.").details(
            "The request signature we calculated does not match the signature you provided. Check your Google secret key and signing method.",
        );
        refusal.more.push(("StringToSign", text.into()));
        refusal.more.push(("CanonicalRequest", canonical.into()));
        refusal
    }

    pub fn no_such_object(bucket: &str, key: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NoSuchKey", "The specified key does not exist.")
            .details(format!("No such object: {bucket}/{key}"))
    }

    pub fn precondition() -> Self {
        Self::new(
            StatusCode::PRECONDITION_FAILED,
            "PreconditionFailed",
            "At least one of the pre-conditions you specified did not hold.",
        )
    }

    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalError",
            "We encountered an internal error. Please try again.",
        )
    }

    pub fn into_response(self) -> Response<Body> {
        let more: String =
            self.more.iter().map(|(name, value)| format!("<{name}>{}</{name}>", escape(value))).collect();
        let body = format!(
            "<?xml version='1.0' encoding='UTF-8'?><Error><Code>{}</Code><Message>{}</Message>{more}</Error>",
            escape(&self.code),
            escape(&self.message),
        );
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml; charset=UTF-8"));
        response
    }
}

/// What the store behind the door, or a fault in its place, says as S3 would. Anything else passes as it is.
pub async fn in_google_s_words(method: &Method, resource: &str, mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    headers.remove("x-amz-request-id");
    headers.remove("x-amz-id-2");
    headers.insert("server", HeaderValue::from_static("presigned-mock-server"));
    let (parts, text) = match error_document(response).await {
        Ok(document) => document,
        Err(other) => return other,
    };
    // In single quotes, it is Google's own already.
    if text.starts_with("<?xml version='1.0'") {
        return Response::from_parts(parts, Body::from(text));
    }
    let (code, message) = (said(&text, "Code").unwrap_or_else(|| "InternalError".into()), said(&text, "Message"));
    let (bucket, key) = resource.trim_start_matches('/').split_once('/').unwrap_or((resource, ""));
    let refusal = match (code.as_str(), message.as_deref()) {
        ("AccessDenied", Some("Request has expired")) => Refusal::expired(jiff::Timestamp::now()),
        ("SignatureDoesNotMatch", _) => Refusal::signature("", ""),
        ("NoSuchKey", _) => Refusal::no_such_object(bucket, key),
        ("RequestTimeTooSkewed", _) => Refusal::too_skewed(),
        ("PreconditionFailed", _) => Refusal::precondition(),
        (code, message) => {
            let message = message.unwrap_or("The request could not be done.");
            Refusal::new(parts.status, code, message).details(message)
        }
    };
    let mut answer = refusal.into_response();
    for name in ["content-range", "retry-after"] {
        if let Some(value) = parts.headers.get(name) {
            answer.headers_mut().insert(name, value.clone());
        }
    }
    if method == Method::HEAD {
        *answer.body_mut() = Body::empty();
    }
    answer
}
