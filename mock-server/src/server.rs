//! Puts the walls up: which listener serves what, and what each part is given of the others.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, ORIGIN, RETRY_AFTER};
use axum::http::{Method, Response};
use axum::middleware::{self, Next};
use tokio::task::JoinSet;
use tower::ServiceExt as _;
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::backend::{self, Backend};
use crate::control::{self, Control};
use crate::faults::target::Target;
use crate::faults::wire::{self, Wire};
use crate::faults::{Faults, answers};
use crate::goog4::Key;
use crate::page;
use crate::provider::{Checksums, Profile};
use crate::settings::Settings;
use crate::stats::Stats;
use crate::store::{Access, Endpoint, MIN_PART, Quirks, Store, front};

/// A running server; it stops when dropped.
pub struct Server {
    page: SocketAddr,
    store: String,
    mirrors: Vec<String>,
    tasks: JoinSet<()>,
}

impl Server {
    /// Binds both ports and starts to serve.
    ///
    /// # Errors
    /// A port that is taken, a folder that cannot be written, a missing key for `--s3`.
    pub async fn start(settings: Settings) -> io::Result<Self> {
        let page_listener = wire::listen(&settings.host, settings.port).await?;
        let page = page_listener.local_addr()?;
        let faults = Arc::new(Faults::new(settings.seed));
        faults.replace(None, &settings.fault).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let stats = Arc::new(Stats::default());
        let mut tasks = JoinSet::new();

        let (access, store) = if settings.s3.is_some() {
            (real_store(&settings)?, None)
        } else {
            let listener = wire::listen(&settings.host, settings.store_port).await?;
            let mut listeners = vec![listener];
            for _ in 1..settings.hosts {
                listeners.push(wire::listen(&settings.host, 0).await?);
            }
            let addresses = listeners.iter().map(|listener| listener.local_addr()).collect::<io::Result<Vec<_>>>()?;
            let access = embedded_access(&settings, &addresses)?;
            let endpoint = open_store(&settings, &access)?;
            let store = endpoint.store().clone();
            for (host, listener) in (0..).zip(listeners) {
                let wire = Wire {
                    faults: faults.clone(),
                    stats: Some(stats.clone()),
                    host,
                    target: |request| Some(Target::of_store(request.method(), request.uri(), request.headers())),
                };
                let endpoint = endpoint.clone();
                let handler = move |request| store_answer(endpoint.clone(), request);
                tasks.spawn(async move {
                    wire.serve(listener, handler).await;
                });
            }
            (access, Some(store))
        };

        let backend = Arc::new(Backend::new(&settings, &access)?);
        tasks.spawn(backend::cleanup::run(backend.clone()));
        let routes = page_routes(&settings, backend, Control { faults: faults.clone(), stats, store });
        let target: fn(&axum::http::Request<_>) -> _ = |request| Target::of_backend(request.method(), request.uri());
        let wire = Wire { faults, stats: None, host: 0, target };
        let handler = move |request: Request| {
            let routes = routes.clone();
            async move {
                match routes.oneshot(request).await {
                    Ok(response) => response,
                    Err(never) => match never {},
                }
            }
        };
        tasks.spawn(async move {
            wire.serve(page_listener, handler).await;
        });
        Ok(Self { page, store: access.endpoint, mirrors: access.mirrors, tasks })
    }

    /// Where the page, the backend and the control routes are.
    pub fn page(&self) -> String {
        format!("http://{}/", self.page)
    }

    /// Where the store is.
    pub fn store(&self) -> &str {
        &self.store
    }

    /// The same store's other hosts.
    pub fn mirrors(&self) -> &[String] {
        &self.mirrors
    }

    /// Runs until something in it ends, which is never.
    pub async fn join(mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

/// CORS outside, since S3's errors have its headers too; then faulty answers; then the store.
async fn store_answer(endpoint: Endpoint, request: axum::http::Request<Body>) -> Response<Body> {
    let store = endpoint.store().clone();
    let method = request.method().clone();
    let origin = request.headers().get(ORIGIN).cloned();
    if method == Method::OPTIONS {
        let preflight = store.cors().preflight(request.headers());
        return front::finish(&method, request.uri().path(), preflight).await;
    }
    let resource = request.uri().path().to_owned();
    let words = endpoint.clone();
    let response = answers::answer(request, |request| async move { endpoint.handle(request).await }).await;
    let mut response = words.in_its_words(&method, &resource, response).await;
    store.cors().apply(origin.as_ref(), method.as_str(), response.headers_mut());
    response
}

fn page_routes(settings: &Settings, backend: Arc<Backend>, control: Control) -> Router {
    let cors = CorsLayer::new()
        .allow_origin(AllowOrigin::mirror_request())
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers([AUTHORIZATION, CONTENT_TYPE])
        // Cookies too, since an application's own backend may well want them.
        .allow_credentials(true)
        .expose_headers([RETRY_AFTER]);
    let api = backend::routes(backend).layer(middleware::from_fn(faulty)).merge(control::routes(control)).layer(cors);
    api.merge(page::routes(&settings.page, &settings.package))
}

async fn faulty(request: Request, next: Next) -> Response<Body> {
    answers::answer(request, |request| next.run(request)).await
}

fn open_store(settings: &Settings, access: &Access) -> io::Result<Endpoint> {
    if settings.clean {
        Store::clean(&settings.data)?;
    }
    let profile = settings.provider.profile();
    let quirks = Quirks {
        // Small parts are for tests, which want many of them in a small file.
        min_part: MIN_PART.min(settings.part_size),
        list_page: i32::from(settings.list_page),
        profile: Profile {
            once_only_complete: profile.once_only_complete || settings.once_only_complete,
            equal_parts: profile.equal_parts || settings.equal_parts,
            ..profile
        },
    };
    let store = Store::open(&settings.data, access, quirks)?;
    Ok(Endpoint::new(store, access))
}

fn embedded_access(settings: &Settings, addresses: &[SocketAddr]) -> io::Result<Access> {
    let (key, secret) = ("presigned".to_owned(), "presigned-secret".to_owned());
    let mut hosts = addresses.iter().map(|address| format!("http://{address}/"));
    Ok(Access {
        endpoint: hosts.next().unwrap_or_default(),
        mirrors: hosts.collect(),
        bucket: "presigned".into(),
        region: "us-east-1".into(),
        has_crc64: has_crc64(settings),
        google: google_key(settings, &key, &secret)?,
        key,
        secret,
    })
}

fn has_crc64(settings: &Settings) -> bool {
    let profile = settings.provider.profile();
    !profile.google && profile.checksums != Checksums::Refused
}

/// What signs Google's way, if anything has to: the service account's key, else an HMAC key.
fn google_key(settings: &Settings, id: &str, secret: &str) -> io::Result<Option<Key>> {
    if !settings.provider.profile().google {
        return Ok(None);
    }
    match &settings.google_key {
        Some(file) => Key::from_file(file).map(Some),
        None => Ok(Some(Key::Hmac { id: id.into(), secret: secret.into() })),
    }
}

fn real_store(settings: &Settings) -> io::Result<Access> {
    let given = |value: &Option<String>, flag: &str, variable: &str| {
        value.clone().ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, format!("--s3 needs {flag}, or {variable} in the environment"))
        })
    };
    let service_account = settings.provider.profile().google && settings.google_key.is_some();
    let (key, secret) = if service_account {
        (String::new(), String::new())
    } else {
        (
            given(&settings.s3_key, "--s3-key", "AWS_ACCESS_KEY_ID")?,
            given(&settings.s3_secret, "--s3-secret", "AWS_SECRET_ACCESS_KEY")?,
        )
    };
    Ok(Access {
        endpoint: settings.s3.as_ref().map(ToString::to_string).unwrap_or_default(),
        mirrors: Vec::new(),
        bucket: given(&settings.s3_bucket, "--s3-bucket", "S3_BUCKET")?,
        region: settings.s3_region.clone(),
        has_crc64: has_crc64(settings),
        google: google_key(settings, &key, &secret)?,
        key,
        secret,
    })
}
