//! The requests of a resumable upload: begin, a chunk, how far it came, cancel.

use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, HeaderValue, LOCATION, RANGE};
use axum::http::{Method, Request, Response, StatusCode};
use bytes::BytesMut;
use futures::StreamExt as _;

use super::super::Store;
use super::super::objects::header;
use super::super::record::{Attributes, ObjectRecord};
use super::error::Refusal;
use super::headers::{key_of, tell};
use super::session::{STEP, Session, Sessions, Shared};

/// What a PUT to a session says that it carries.
#[derive(Debug, PartialEq, Eq)]
enum Carries {
    /// Bytes from `start` up to `end`, which is not known where the whole comes without a length.
    Bytes { start: u64, end: Option<u64>, total: Option<u64> },
    /// None; it asks how far the upload came.
    Nothing { total: Option<u64> },
}

pub fn begins(request: &Request<Body>) -> bool {
    request.method() == Method::POST && request.headers().contains_key("x-goog-resumable")
}

/// Answers with the session's URI. Whoever has that may write this object, so it is as secret as a signed URL.
pub fn begin(store: &Store, sessions: &Sessions, request: &Request<Body>) -> Result<Response<Body>, Refusal> {
    let headers = request.headers();
    if header(headers, "x-goog-resumable").as_deref() != Some("start") {
        return Err(invalid("x-goog-resumable must be start."));
    }
    let path = request.uri().path();
    if path.trim_start_matches('/').split('/').next() != Some(&store.bucket) {
        let missing = Refusal::new(StatusCode::NOT_FOUND, "NoSuchBucket", "The specified bucket does not exist.");
        return Err(missing);
    }
    let if_generation = header(headers, "x-goog-if-generation-match").and_then(|generation| generation.parse().ok());
    let id = sessions
        .begin(&store.disk, key_of(request), attributes(headers), if_generation)
        .map_err(|_| Refusal::internal())?;
    let location = format!("{}{path}?upload_id={id}", store.endpoint.trim_end_matches('/'));
    let mut response = empty(StatusCode::CREATED);
    for (name, value) in [(LOCATION.as_str(), location), ("x-guploader-uploadid", id)] {
        if let (Ok(name), Ok(value)) = (axum::http::HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    Ok(response)
}

pub async fn go_on(
    store: &Store,
    sessions: &Sessions,
    id: &str,
    request: Request<Body>,
) -> Result<Response<Body>, Refusal> {
    let no_such = || Refusal::new(StatusCode::NOT_FOUND, "NoSuchUpload", "The requested upload was not found.");
    let session = sessions.get(id).filter(|session| session.lock().key == key_of(&request)).ok_or_else(no_such)?;
    match *request.method() {
        Method::PUT => {}
        Method::DELETE => {
            sessions.end(id);
            // Google's own status for it: the client closed the request.
            return Ok(empty(StatusCode::from_u16(499).unwrap_or(StatusCode::NO_CONTENT)));
        }
        _ => {
            let message = "The specified method is not allowed against this resource.";
            return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message));
        }
    }
    let carries = carries(request.headers()).ok_or_else(|| invalid("Content-Range is not valid."))?;
    if let Some(record) = &session.lock().done {
        return Ok(finished(record));
    }
    let total = match carries {
        Carries::Nothing { total } => total,
        Carries::Bytes { start, end, total } => {
            let last = end == total;
            if start > session.lock().received {
                return Err(invalid("The chunk begins after what has been received."));
            }
            if !last && end.is_none_or(|end| !(end - start).is_multiple_of(STEP)) {
                return Err(invalid("A chunk that is not the last must have a multiple of 262144 bytes."));
            }
            let reached = receive(&session, start, end, last, request.into_body()).await?;
            if last { Some(reached) } else { None }
        }
    };
    let mut session = session.lock();
    if let Some(record) = &session.done {
        // Another request was quicker.
        return Ok(finished(record));
    }
    if total == Some(session.received) { finish(store, &mut session) } else { Ok(incomplete(session.received)) }
}

/// Takes the body in whole steps, so that what a cut connection leaves is a multiple of them, and only the last chunk to the byte.
async fn receive(session: &Shared, start: u64, end: Option<u64>, last: bool, body: Body) -> Result<u64, Refusal> {
    let mut stream = body.into_data_stream();
    let mut waiting = BytesMut::new();
    let mut at = start;
    let add = |at: u64, bytes: &[u8]| match session.lock().add(at, bytes) {
        Ok(true) => Ok(()),
        Ok(false) => Err(invalid("The chunk begins after what has been received.")),
        Err(_) => Err(Refusal::internal()),
    };
    while let Some(chunk) = stream.next().await {
        waiting.extend_from_slice(&chunk.map_err(|_| invalid("The body ended early."))?);
        let reached = at + waiting.len() as u64;
        if end.is_some_and(|end| reached > end) {
            return Err(invalid("The body is longer than Content-Range says."));
        }
        let whole = (reached / STEP * STEP).saturating_sub(at);
        if whole > 0 {
            add(at, &waiting.split_to(usize::try_from(whole).unwrap_or(0)))?;
            at += whole;
        }
    }
    let reached = at + waiting.len() as u64;
    if end.is_some_and(|end| reached < end) {
        return Err(invalid("The body is shorter than Content-Range says."));
    }
    if last {
        add(at, &waiting)?;
    }
    Ok(reached)
}

fn finish(store: &Store, session: &mut Session) -> Result<Response<Body>, Refusal> {
    let wanted = session.if_generation;
    let record = session.finish(&store.disk, |present| -> Result<(), Failure> {
        let present = present.map_or(0, |record| record.generation);
        if wanted.is_some_and(|wanted| wanted != present) { Err(Failure::Precondition) } else { Ok(()) }
    });
    match record {
        Ok(record) => Ok(finished(&record)),
        Err(Failure::Precondition) => Err(Refusal::precondition()),
        Err(Failure::Disk) => Err(Refusal::internal()),
    }
}

enum Failure {
    Precondition,
    Disk,
}

impl From<std::io::Error> for Failure {
    fn from(_: std::io::Error) -> Self {
        Self::Disk
    }
}

/// 308, which here is no redirect: what is stored so far, or no `Range` where nothing is.
fn incomplete(received: u64) -> Response<Body> {
    let mut response = empty(StatusCode::PERMANENT_REDIRECT);
    if let Some(last) = received.checked_sub(1)
        && let Ok(range) = HeaderValue::try_from(format!("bytes=0-{last}"))
    {
        response.headers_mut().insert(RANGE, range);
    }
    response
}

fn finished(record: &ObjectRecord) -> Response<Body> {
    let mut response = empty(StatusCode::OK);
    if let Ok(etag) = HeaderValue::try_from(format!("\"{}\"", record.etag)) {
        response.headers_mut().insert(ETAG, etag);
    }
    tell(response.headers_mut(), record, &Method::PUT);
    response
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    response
}

fn invalid(details: &str) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, "InvalidArgument", "Invalid argument.").details(details)
}

fn attributes(headers: &HeaderMap) -> Attributes {
    let metadata = headers.iter().filter_map(|(name, value)| {
        Some((name.as_str().strip_prefix("x-goog-meta-")?.to_owned(), value.to_str().ok()?.to_owned()))
    });
    Attributes {
        content_type: header(headers, "content-type"),
        cache_control: header(headers, "cache-control"),
        content_disposition: header(headers, "content-disposition"),
        content_encoding: header(headers, "content-encoding"),
        content_language: header(headers, "content-language"),
        metadata: metadata.collect(),
    }
}

/// `bytes 0-262143/1000000`, `bytes 0-262143/*`, `bytes */1000000`, `bytes */*`, or no such header: all of it.
fn carries(headers: &HeaderMap) -> Option<Carries> {
    let Some(range) = headers.get(CONTENT_RANGE) else {
        let length = header(headers, "content-length").and_then(|length| length.parse().ok());
        return Some(Carries::Bytes { start: 0, end: length, total: length });
    };
    let (span, total) = range.to_str().ok()?.strip_prefix("bytes ")?.split_once('/')?;
    let total = if total == "*" { None } else { Some(total.parse().ok()?) };
    if span == "*" {
        return Some(Carries::Nothing { total });
    }
    let (first, last) = span.split_once('-')?;
    let (start, end) = (first.parse().ok()?, last.parse::<u64>().ok()?.checked_add(1)?);
    let fits = start < end && total.is_none_or(|total| end <= total);
    fits.then_some(Carries::Bytes { start, end: Some(end), total })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(range: &str) -> Option<Carries> {
        carries(&HeaderMap::from_iter([(CONTENT_RANGE, HeaderValue::from_str(range).unwrap())]))
    }

    #[test]
    fn a_content_range_says_what_comes() {
        let bytes = |start, end, total| Some(Carries::Bytes { start, end: Some(end), total });
        assert_eq!(of("bytes 0-9/10"), bytes(0, 10, Some(10)));
        assert_eq!(of("bytes 5-9/*"), bytes(5, 10, None));
        assert_eq!(of("bytes */10"), Some(Carries::Nothing { total: Some(10) }));
        assert_eq!(of("bytes */*"), Some(Carries::Nothing { total: None }));
        for bad in
            ["bytes 9-5/10", "bytes 0-10/10", "0-9/10", "bytes 0-9", "bytes a-b/c", "bytes 0-18446744073709551615/*"]
        {
            assert_eq!(of(bad), None, "{bad}");
        }
    }
}
