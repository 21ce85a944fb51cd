//! Google Cloud Storage's XML API, at the door of the same store: its signatures, its words for headers and errors, its resumable uploads.
//!
//! Behind the door a request is one of S3's, whose protocol the XML API shares but for these.

mod error;
mod gate;
mod headers;
mod resumable;
mod session;

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request, Response};
use s3s::S3Result;
use s3s::access::{S3Access, S3AccessContext};
use s3s::service::{S3Service, S3ServiceBuilder};

use self::error::Refusal;
pub use self::error::in_google_s_words as in_its_words;
use self::gate::Gate;
use self::session::Sessions;
use super::front;
use super::{Store, service};
use crate::goog4::Key;

/// What a page may read of Google's answers besides S3's.
pub const EXPOSED: [&str; 6] =
    ["x-goog-hash", "x-goog-generation", "x-goog-stored-content-length", "x-guploader-uploadid", "Location", "Range"];

#[derive(Clone)]
pub struct Google(Arc<Inner>);

struct Inner {
    store: Arc<Store>,
    s3: S3Service,
    gate: Gate,
    sessions: Sessions,
}

/// Whoever came past the gate.
struct Anybody;

#[async_trait::async_trait]
impl S3Access for Anybody {
    async fn check(&self, _context: &mut S3AccessContext<'_>) -> S3Result<()> {
        Ok(())
    }
}

impl Google {
    pub fn new(store: Arc<Store>, keys: Vec<Key>) -> Self {
        let mut builder = S3ServiceBuilder::new(service::Service(store.clone()));
        builder.set_access(Anybody);
        Self(Arc::new(Inner { store, s3: builder.build(), gate: Gate::new(keys), sessions: Sessions::default() }))
    }

    pub async fn handle(&self, request: Request<Body>) -> Response<Body> {
        self.answer(request).await.unwrap_or_else(Refusal::into_response)
    }

    async fn answer(&self, mut request: Request<Body>) -> Result<Response<Body>, Refusal> {
        let Inner { store, s3, gate, sessions } = &*self.0;
        let query = front::query_pairs(request.uri().query().unwrap_or_default());
        // The session's URI is a secret and says all: whoever has it needs no signature.
        if let Some((_, id)) = query.iter().find(|(name, _)| name == "upload_id") {
            return resumable::go_on(store, sessions, id, request).await;
        }
        gate.admit(&request, &query)?;
        if resumable::begins(&request) {
            return resumable::begin(store, sessions, &request);
        }
        let key = headers::key_of(&request);
        headers::check_generation(store, &key, &request, &query)?;
        headers::as_s3_s(&mut request, query)?;
        front::drop_odd_range(&mut request);
        let method = request.method().clone();
        let part = method == Method::PUT && request.uri().query().is_some_and(|query| query.contains("uploadId="));
        let response = match s3.call(request.map(s3s::Body::http_body_unsync)).await {
            Ok(response) => response.map(Body::new),
            Err(_) => return Err(Refusal::internal()),
        };
        Ok(headers::as_google_s(store, &key, &method, part, response).await)
    }
}
