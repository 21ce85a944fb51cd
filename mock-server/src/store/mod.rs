//! The store: S3's protocol on a folder. s3s speaks the protocol and verifies signatures, what it stores and how is ours.

mod bytes;
mod checksum;
mod conditions;
mod cors;
mod disk;
pub mod front;
mod garage;
mod google;
mod list;
mod multipart;
mod objects;
mod record;
mod service;
mod unsupported;

use std::io;
use std::path::Path;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request, Response};
use s3s::auth::{S3Auth, SecretKey};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{S3Result, s3_error};

pub use self::cors::Cors;
use self::disk::Disk;
use self::google::Google;
use self::record::Moment;
use crate::goog4::Key;
use crate::provider::{Checksums, Profile};

/// S3's smallest part, but for the last.
pub const MIN_PART: u64 = 5 << 20;

/// How to reach a store and sign for it.
#[derive(Debug, Clone)]
pub struct Access {
    pub endpoint: String,
    /// Other hosts of the same store.
    pub mirrors: Vec<String>,
    pub bucket: String,
    pub region: String,
    pub key: String,
    pub secret: String,
    /// Whether the store has a CRC-64/NVME of objects, and takes that one asks for it.
    pub has_crc64: bool,
    /// What signs in place of key and secret, where it is Google Cloud Storage.
    pub google: Option<Key>,
}

/// Where S3-compatible stores differ from AWS, or from one another.
#[derive(Debug, Clone, Copy)]
pub struct Quirks {
    pub min_part: u64,
    /// Parts on a page of ListParts, at most.
    pub list_page: i32,
    /// Of the store that this one passes for.
    pub profile: Profile,
}

pub struct Store {
    disk: Disk,
    cors: Cors,
    bucket: String,
    region: String,
    endpoint: String,
    quirks: Quirks,
    opened: Moment,
}

/// The store as something that answers HTTP requests.
#[derive(Clone)]
pub struct Endpoint {
    store: Arc<Store>,
    door: Door,
}

/// Whose protocol it speaks.
#[derive(Clone)]
enum Door {
    S3(S3Service),
    Google(Google),
}

impl Store {
    pub fn open(folder: &Path, access: &Access, quirks: Quirks) -> io::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            disk: Disk::open(folder)?,
            cors: Cors::new(if access.google.is_some() { &google::EXPOSED } else { &[] }),
            bucket: access.bucket.clone(),
            region: access.region.clone(),
            endpoint: access.endpoint.clone(),
            quirks,
            opened: Moment::now(),
        }))
    }

    /// Removes what a store keeps in a folder, and nothing else that may lie there.
    pub fn clean(folder: &Path) -> io::Result<()> {
        Disk::clean(folder)
    }

    pub fn objects(&self) -> usize {
        self.disk.index().objects.len()
    }

    pub fn unfinished_uploads(&self) -> usize {
        self.disk.index().uploads.len()
    }

    pub fn cors(&self) -> &Cors {
        &self.cors
    }

    fn bucket(&self, name: &str) -> S3Result<()> {
        if name == self.bucket { Ok(()) } else { Err(s3_error!(NoSuchBucket, "The specified bucket does not exist")) }
    }

    fn tells_crc64(&self) -> bool {
        self.quirks.profile.checksums == Checksums::Told
    }

    fn location(&self, key: &str) -> String {
        format!("{}/{}/{key}", self.endpoint.trim_end_matches('/'), self.bucket)
    }
}

impl Endpoint {
    pub fn new(store: Arc<Store>, access: &Access) -> Self {
        let door = match &access.google {
            Some(key) => {
                // Both of Google's algorithms, whichever the backend signs with.
                let hmac = Key::Hmac { id: access.key.clone(), secret: access.secret.clone() };
                Door::Google(Google::new(store.clone(), vec![key.clone(), hmac]))
            }
            None => {
                let mut builder = S3ServiceBuilder::new(service::Service(store.clone()));
                builder.set_auth(Keys { key: access.key.clone(), secret: access.secret.as_str().into() });
                Door::S3(builder.build())
            }
        };
        Self { store, door }
    }

    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    pub async fn handle(&self, mut request: Request<Body>) -> Response<Body> {
        let s3 = match &self.door {
            Door::S3(s3) => s3,
            Door::Google(google) => return google.handle(request).await,
        };
        let refusal = unsupported::refuse(&request, self.store.quirks.profile);
        if let Some(refusal) = refusal.or_else(|| front::prepare(&mut request)) {
            return refusal;
        }
        let method = request.method().clone();
        let resource = request.uri().path().to_owned();
        let response = match s3.call(request.map(s3s::Body::http_body_unsync)).await {
            Ok(response) => response.map(Body::new),
            Err(_) => front::error_response(
                axum::http::StatusCode::INTERNAL_SERVER_ERROR,
                "InternalError",
                "We encountered an internal error. Please try again.",
                &resource,
            ),
        };
        front::finish(&method, &resource, response).await
    }

    /// An answer in the words of the store that this one passes for, where these are not S3's.
    pub async fn in_its_words(&self, method: &Method, resource: &str, response: Response<Body>) -> Response<Body> {
        match &self.door {
            Door::S3(_) if self.store.quirks.profile.garage => garage::in_its_words(resource, response).await,
            Door::S3(_) => response,
            Door::Google(_) => google::in_its_words(method, resource, response).await,
        }
    }
}

/// The one key that this store knows. s3s's own `SimpleAuth` calls any other `NotSignedUp`, which S3 never says.
struct Keys {
    key: String,
    secret: SecretKey,
}

#[async_trait::async_trait]
impl S3Auth for Keys {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        if access_key == self.key {
            Ok(self.secret.clone())
        } else {
            Err(s3_error!(InvalidAccessKeyId, "The AWS Access Key Id you provided does not exist in our records."))
        }
    }
}
