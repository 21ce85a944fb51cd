//! The backend: it knows who is asking and signs URLs for them. The bytes never pass through here.
//!
//! This is the part to copy into an application: swap `auth` for your own users, keep the rest.
//! - `auth`: who is asking, and whether too often
//! - `rules`: which files are taken, where they go, how large their parts are
//! - `signer`: signatures of Amazon's kind, or of Google's
//! - `storage`: signed URLs, and the few calls to the store that the backend makes itself; `store_error`: what comes of these
//! - `uploads`, `files`: the routes
//! - `cleanup`: aborts what was never finished

mod auth;
pub mod cleanup;
mod error;
mod files;
mod part_checksum;
mod rules;
mod signer;
mod storage;
mod store_error;
mod uploads;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRequest, Request};
use axum::http::StatusCode;
use axum::routing::{delete, get, post};
use jiff::SignedDuration;
use serde::de::DeserializeOwned;

use self::auth::Auth;
use self::error::ApiError;
pub use self::part_checksum::PartChecksum;
use self::rules::Rules;
use self::storage::Storage;
use crate::settings::Settings;
use crate::store::Access;

/// What the routes share.
pub struct Backend {
    auth: Auth,
    rules: Rules,
    storage: Storage,
    /// Parts signed with the first answer.
    batch: usize,
    /// No part is signed without its checksum.
    part_checksums: Option<PartChecksum>,
    abort_after: Duration,
}

impl Backend {
    pub fn new(settings: &Settings, access: &Access) -> io::Result<Self> {
        Ok(Self {
            auth: Auth::new(settings.jwt_secret.as_deref(), settings.rate),
            rules: Rules { max_size: settings.max_size, types: settings.types.clone(), part_size: settings.part_size },
            storage: Storage::new(
                access,
                Duration::from_secs(settings.expires_in),
                SignedDuration::from_secs(settings.signer_skew),
            )?,
            batch: settings.batch,
            part_checksums: settings.part_checksums,
            abort_after: Duration::from_secs(settings.abort_after * 3600),
        })
    }
}

pub fn routes(backend: Arc<Backend>) -> Router {
    Router::new()
        .route("/login", post(auth::login))
        .route("/request-upload", post(uploads::request_upload))
        .route("/request-uploads", post(uploads::request_uploads))
        .route("/request-parts", post(uploads::request_parts))
        .route("/list-parts", post(uploads::list_parts))
        .route("/complete-upload", post(uploads::complete_upload))
        .route("/abort-upload", post(uploads::abort_upload))
        .route("/request-download/{*key}", get(files::request_download))
        .route("/files", get(files::list))
        .route("/files/{*key}", delete(files::remove))
        .method_not_allowed_fallback(async || ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed"))
        .layer(DefaultBodyLimit::max(4 << 20))
        .with_state(backend)
}

/// A JSON body; unlike axum's own, a bad one is answered in JSON too.
pub struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let body = bytes::Bytes::from_request(request, state)
            .await
            .map_err(|rejection| ApiError::new(rejection.status(), rejection.body_text()))?;
        serde_json::from_slice(&body)
            .map(Self)
            .map_err(|error| ApiError::bad_request(format!("The body is not as it should be: {error}")))
    }
}
