//! What the store says where it does not do what was asked.

use futures::TryStreamExt as _;
use reqwest::{Response, StatusCode};
use serde::Deserialize;

/// Why the store did not do what was asked.
#[derive(Debug)]
pub struct StoreError {
    pub code: String,
    pub message: String,
    pub retry_after: Option<u64>,
}

/// The elements of an error document that matter.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Document {
    code: Option<String>,
    message: Option<String>,
}

impl StoreError {
    pub fn unreadable(error: &dyn std::fmt::Display) -> Self {
        Self {
            code: "InternalError".into(),
            message: format!("The store's answer cannot be read: {error}"),
            retry_after: None,
        }
    }
}

impl From<reqwest::Error> for StoreError {
    fn from(error: reqwest::Error) -> Self {
        // Without its URL, which is signed and so a secret.
        Self {
            code: "StoreUnreachable".into(),
            message: format!("The store cannot be reached: {}", error.without_url()),
            retry_after: None,
        }
    }
}

/// An answer of 2xx, or what the store's error document says.
pub async fn checked(response: Response) -> Result<Response, StoreError> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let retry_after = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
    let document: Document = quick_xml::de::from_str(&text(response).await.unwrap_or_default()).unwrap_or_default();
    let usual = match status {
        StatusCode::NOT_FOUND => "NotFound",
        StatusCode::SERVICE_UNAVAILABLE => "ServiceUnavailable",
        _ => "InternalError",
    };
    Err(StoreError {
        code: document.code.unwrap_or_else(|| usual.into()),
        message: document.message.unwrap_or_else(|| format!("The store answered {status}")),
        retry_after,
    })
}

/// The body as text, if it is one that a store would send.
pub async fn text(response: Response) -> Result<String, StoreError> {
    const LIMIT: usize = 16 << 20;
    let bytes = response
        .bytes_stream()
        .map_err(StoreError::from)
        .try_fold(Vec::new(), |mut all, chunk| async move {
            all.extend_from_slice(&chunk);
            if all.len() > LIMIT {
                return Err(StoreError::unreadable(&"it is too long"));
            }
            Ok(all)
        })
        .await?;
    String::from_utf8(bytes).map_err(|error| StoreError::unreadable(&error))
}
