//! A backend for presigned: it knows who is asking, and signs URLs. The bytes never pass through here.
//!
//! - `user`: who is asking, and what they may name; put your own users in its place
//! - `uploads`: the routes of an upload. Those of what is stored are below
//! - `store`: signed URLs, and the few calls to the store that the backend makes itself

mod store;
mod uploads;
mod user;

use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use jsonwebtoken::DecodingKey;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rusty_s3::{Bucket, Credentials, S3Action as _, UrlStyle, actions};
use serde_json::{Value, json};
use tower_http::cors::CorsLayer;

use store::{Headers, LIFE, Store};
use user::{Refused, User, refused};

pub struct Backend {
    store: Store,
    secret: DecodingKey,
}

type Shared = State<Arc<Backend>>;
type Answer = Result<Json<Value>, Refused>;

/// What the store's headers say of an object, in the protocol's words.
fn about(headers: &HeaderMap) -> Value {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    json!({
        "size": text("content-length").and_then(|size| size.parse::<u64>().ok()),
        "etag": text("etag"),
        "content_type": text("content-type"),
        "checksum_crc64nvme": text("x-amz-checksum-crc64nvme"),
    })
}

async fn request_download(State(backend): Shared, user: User, Path(key): Path<String>) -> Answer {
    user.owns(&key)?;
    let store = &backend.store;
    let mut answer = about(&store.head(&key).await?);
    // A download, never a page: an uploaded HTML file must not run under the store's name.
    let name = utf8_percent_encode(key.rsplit('/').next().unwrap_or_default(), NON_ALPHANUMERIC);
    let mut action = actions::GetObject::new(&store.bucket, Some(&store.keys), &key);
    action.query_mut().insert("response-content-disposition", format!("attachment; filename*=UTF-8''{name}"));
    // What must not be stored does not pile up in Chromium's memory.
    action.query_mut().insert("response-cache-control", "no-store");
    answer["download_url"] = store.sign(action, &Headers::new()).as_str().into();
    answer["expires_in"] = LIFE.as_secs().into();
    Ok(Json(answer))
}

async fn list(State(backend): Shared, user: User, Query(query): Query<BTreeMap<String, String>>) -> Answer {
    let prefix = query.get("prefix").unwrap_or(&user.folder);
    if !prefix.starts_with(&user.folder) {
        return Err(refused(403, "Access denied"));
    }
    Ok(Json(json!({"files": backend.store.list(prefix).await?})))
}

async fn remove(State(backend): Shared, user: User, Path(key): Path<String>) -> Answer {
    user.owns(&key)?;
    backend.store.delete(&key).await?;
    Ok(Json(json!({"message": "File deleted successfully"})))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let set = |name: &str| env::var(name).map_err(|_| format!("set {name}"));
    let (endpoint, region) = (set("AWS_ENDPOINT_URL_S3")?.parse()?, set("AWS_REGION")?);
    let store = Store {
        bucket: Bucket::new(endpoint, UrlStyle::Path, set("S3_BUCKET")?, region)?,
        keys: Credentials::new(set("AWS_ACCESS_KEY_ID")?, set("AWS_SECRET_ACCESS_KEY")?),
        http: reqwest::Client::new(),
    };
    let backend = Arc::new(Backend { store, secret: DecodingKey::from_secret(set("SECRET_KEY")?.as_bytes()) });
    let mut app = Router::new()
        .route("/request-upload", post(uploads::request_upload))
        .route("/request-uploads", post(uploads::request_uploads))
        .route("/request-parts", post(uploads::request_parts))
        .route("/list-parts", post(uploads::list_parts))
        .route("/complete-upload", post(uploads::complete_upload))
        .route("/abort-upload", post(uploads::abort_upload))
        .route("/request-download/{*key}", get(request_download))
        .route("/files", get(list))
        .route("/files/{*key}", delete(remove))
        .layer(DefaultBodyLimit::max(4 << 20))
        .with_state(backend);
    // Where the page is, if not on this backend's own origin.
    if let Ok(origins) = env::var("PAGE_ORIGIN") {
        let origins = origins.split(',').map(HeaderValue::from_str).collect::<Result<Vec<_>, _>>()?;
        let cors = CorsLayer::new().allow_origin(origins).allow_methods([Method::GET, Method::POST, Method::DELETE]);
        app = app.layer(cors.allow_headers([AUTHORIZATION, CONTENT_TYPE]).expose_headers([RETRY_AFTER]));
    }
    let port = env::var("PORT").unwrap_or_else(|_| "3000".into());
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    axum::serve(listener, app).await?;
    Ok(())
}
