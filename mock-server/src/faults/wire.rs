//! Serves an origin over connections that can be spoiled.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, CONTENT_LENGTH, ETAG, HeaderMap, HeaderValue,
};
use axum::http::{Request, Response};
use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpSocket};

use super::body::{Watched, Way};
use super::line::{FaultyStream, Line};
use super::rule::Action;
use super::target::Target;
use super::{Faults, Plan};
use crate::stats::{InFlight, Stats};

/// What is read of a body that nobody wanted.
const DRAIN: usize = 64 << 20;

/// Of Ethernet. Loopback's is 64 KiB, and senders size their buffers by it.
const SEGMENT: u32 = 1460;
/// Of the kernel, for each connection and way.
const BUFFER: u32 = 256 * 1024;

/// How requests of an origin are named and counted.
#[derive(Clone)]
pub struct Wire {
    pub faults: Arc<Faults>,
    pub stats: Option<Arc<Stats>>,
    /// Which of the origin's hosts it is.
    pub host: u8,
    pub target: fn(&Request<Incoming>) -> Option<Target>,
}

/// Why a connection ends without an answer.
#[derive(Debug)]
struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("the connection was cut by a fault rule")
    }
}

impl std::error::Error for Cut {}

impl Wire {
    /// Accepts connections until the future is dropped.
    pub async fn serve<H, F>(self, listener: TcpListener, handler: H) -> Infallible
    where
        H: Fn(Request<Body>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        loop {
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(_) => {
                    // Out of file descriptors, most likely: waiting is all that helps.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            let _ = stream.set_nodelay(true);
            let line = Arc::new(Line::default());
            let io = TokioIo::new(FaultyStream::new(stream, line.clone()));
            let (wire, handler) = (self.clone(), handler.clone());
            let service = service_fn(move |request| wire.clone().call(line.clone(), request, handler.clone()));
            tokio::spawn(async move {
                // An error here is the client's going away or a cut of ours, and neither is news.
                let _ = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(Duration::from_secs(75))
                    .serve_connection(io, service)
                    .await;
            });
        }
    }

    async fn call<H, F>(self, line: Arc<Line>, request: Request<Incoming>, handler: H) -> Result<Response<Body>, Cut>
    where
        H: Fn(Request<Body>) -> F,
        F: Future<Output = Response<Body>>,
    {
        let target = (self.target)(&request).map(|target| Target { host: self.host, ..target });
        let flight = Arc::new(match (&self.stats, &target) {
            (Some(stats), Some(target)) => stats.begin(target),
            _ => InFlight::default(),
        });
        let plan = Arc::new(Plan::new(self.faults.clone(), target));
        line.carries(plan.clone());
        if let Some(milliseconds) = plan.delay_ms() {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        }
        if plan.live().cut_request == Some(0) {
            line.cut();
            return Err(Cut);
        }
        let (parts, body) = request.into_parts();
        let body = Body::new(body);
        let body = Shared::new(Watched::new(body, Way::Request, plan.clone(), line.clone(), flight.clone()));
        let mut request = Request::from_parts(parts, Body::new(body.clone()));
        request.extensions_mut().insert(plan.clone());
        let response = handler(request).await;
        // Only the store itself gives an ETag; what stands in for its answer has none.
        let stored = response.status().is_success() && response.headers().contains_key(ETAG);
        flight.answered(response.status().as_u16(), stored);
        body.drain().await;
        if line.is_cut() {
            return Err(Cut);
        }
        if plan.has(&Action::LoseAnswer) {
            line.cut();
            return Err(Cut);
        }
        Ok(spoil(response, plan, line, flight))
    }
}

/// Listens on a port, with small buffers: else the kernel swallows megabytes of a slowed or stalled upload, and its sender sees them as sent.
pub async fn listen(host: &str, port: u16) -> io::Result<TcpListener> {
    let mut failure = io::Error::new(io::ErrorKind::AddrNotAvailable, format!("{host} has no address"));
    for address in tokio::net::lookup_host((host, port)).await? {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?;
        socket.set_recv_buffer_size(BUFFER)?;
        socket.set_send_buffer_size(BUFFER)?;
        socket2::SockRef::from(&socket).set_tcp_mss(SEGMENT)?;
        match socket.bind(address).and_then(|()| socket.listen(1024)) {
            Ok(listener) => return Ok(listener),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn spoil(mut response: Response<Body>, plan: Arc<Plan>, line: Arc<Line>, flight: Arc<InFlight>) -> Response<Body> {
    let headers = response.headers_mut();
    if plan.has(&Action::HideEtag) {
        hide(headers, &["etag", "content-range"]);
    }
    if plan.has(&Action::NoCors) {
        for name in [
            ACCESS_CONTROL_ALLOW_ORIGIN,
            ACCESS_CONTROL_ALLOW_METHODS,
            ACCESS_CONTROL_ALLOW_HEADERS,
            ACCESS_CONTROL_EXPOSE_HEADERS,
            ACCESS_CONTROL_MAX_AGE,
        ] {
            headers.remove(name);
        }
    }
    let (mut parts, body) = response.into_parts();
    // The store's bodies are streams of a length that only the header tells.
    let length = parts.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let shortened = plan.short_body().is_some() && !body.is_end_stream();
    let body = Watched::new(sized(body, length), Way::Response, plan, line, flight);
    if shortened && let Some(shorter) = body.size_hint().exact() {
        parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(shorter));
    }
    Response::from_parts(parts, Body::new(body))
}

fn hide(headers: &mut HeaderMap, hidden: &[&str]) {
    let Some(exposed) = headers.get(ACCESS_CONTROL_EXPOSE_HEADERS).and_then(|list| list.to_str().ok()) else {
        return;
    };
    let left: Vec<&str> = exposed
        .split(',')
        .map(str::trim)
        .filter(|name| !hidden.iter().any(|hidden| name.eq_ignore_ascii_case(hidden)))
        .collect();
    match HeaderValue::from_str(&left.join(", ")) {
        Ok(left) => headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, left),
        Err(_) => headers.remove(ACCESS_CONTROL_EXPOSE_HEADERS),
    };
}

/// Gives a stream the length that its header promises.
fn sized(body: Body, length: Option<u64>) -> Body {
    match length {
        Some(length) if !body.is_end_stream() && body.size_hint().exact().is_none() => {
            Body::new(Sized { body, left: length })
        }
        _ => body,
    }
}

/// A request's body that is read to its end even if the handler answers early, so that the client hears the answer and not a reset.
#[derive(Clone)]
struct Shared(Arc<Mutex<Watched>>);

impl Shared {
    fn new(body: Watched) -> Self {
        Self(Arc::new(Mutex::new(body)))
    }

    async fn drain(mut self) {
        let mut read = 0;
        while let Some(Ok(frame)) = self.frame().await {
            read += frame.data_ref().map_or(0, Bytes::len);
            if read > DRAIN {
                return;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Watched> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl http_body::Body for Shared {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut *self.lock()).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.lock().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.lock().size_hint()
    }
}

struct Sized {
    body: Body,
    left: u64,
}

impl http_body::Body for Sized {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
        {
            self.left = self.left.saturating_sub(data.len() as u64);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
