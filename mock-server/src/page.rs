//! The demo page's files, and the package that they import.

use std::path::Path;

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use tower_http::services::{ServeDir, ServeFile};

/// The backend's protocol, in the binary so that it is served wherever that runs.
const OPENAPI: &str = include_str!("../openapi.yaml");

pub fn routes(page: &Path, package: &Path) -> Router {
    Router::new()
        .route("/openapi.yaml", get(openapi))
        // A service worker answers only for pages that lie beside or below it.
        .route_service("/media-worker.js", ServeFile::new(package.join("media/media-worker.js")))
        .nest_service("/presigned", ServeDir::new(package))
        .fallback_service(ServeDir::new(page))
        // Whoever rebuilds the page or the package must see the new one at the next reload.
        .layer(axum::middleware::map_response(fresh))
}

async fn openapi() -> Response {
    ([(CONTENT_TYPE, "application/yaml")], OPENAPI).into_response()
}

async fn fresh(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}
