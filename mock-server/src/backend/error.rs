//! Errors as the page gets them: `{error, code?}`, or `{message}` where it is about the token.

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::{HeaderValue, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::store_error::StoreError;

#[derive(Debug)]
pub struct ApiError {
    pub status: StatusCode,
    pub error: String,
    pub code: Option<String>,
    retry_after: Option<u64>,
}

impl ApiError {
    pub fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self { status, error: error.into(), code: None, retry_after: None }
    }

    pub fn bad_request(error: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error)
    }

    pub fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, "Access denied").with_code("access-denied")
    }

    pub fn too_many_requests(seconds: u64) -> Self {
        Self {
            retry_after: Some(seconds),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, "Too many requests").with_code("rate-limited")
        }
    }

    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }
}

/// What the store refused is passed on under the store's own code; what it could not do is a gateway's error.
impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let status = match error.code.as_str() {
            "NoSuchUpload" | "NoSuchKey" | "NotFound" => StatusCode::NOT_FOUND,
            "InvalidPart" | "InvalidPartOrder" | "EntityTooSmall" | "PreconditionFailed" => StatusCode::CONFLICT,
            "InvalidArgument" | "InvalidRequest" | "InvalidURI" | "KeyTooLongError" | "MalformedXML" => {
                StatusCode::BAD_REQUEST
            }
            "SlowDown" | "ServiceUnavailable" => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_GATEWAY,
        };
        Self { retry_after: error.retry_after, ..Self::new(status, error.message).with_code(error.code) }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = match (self.status, self.code) {
            (StatusCode::UNAUTHORIZED, _) => json!({"message": self.error}),
            (_, Some(code)) => json!({"error": self.error, "code": code}),
            (_, None) => json!({"error": self.error}),
        };
        let mut response = (self.status, Json(body)).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
