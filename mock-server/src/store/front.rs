//! What S3 does and s3s does not, before and behind it.
//!
//! Before: an expired URL is refused with `Expires` and `ServerTime`, an unsigned `x-amz-*` header with `HeadersNotSigned`, and a Range that S3 would
//! ignore is dropped, where s3s calls it an error. Behind: s3s writes Code and Message only; S3 always has a message, Resource, RequestId and HostId.

use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, RANGE};
use axum::http::response::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use futures::TryStreamExt as _;
use percent_encoding::percent_decode_str;
use quick_xml::escape::{escape, unescape};

use super::disk::new_id;

/// Longer than any error document, so that only errors are ever buffered.
const ERROR_LIMIT: usize = 64 * 1024;
const FORM_PIECE: usize = 16 * 1024;
/// By how much a clock may be ahead.
const MAX_SKEW: jiff::SignedDuration = jiff::SignedDuration::from_mins(15);
/// S3's own limit of a presigned URL: seven days.
const MAX_EXPIRES: i64 = 604_800;

/// Refuses what S3 refuses before it looks at the signature, and straightens what it overlooks.
pub fn prepare(request: &mut Request<Body>) -> Option<Response<Body>> {
    drop_odd_range(request);
    cut_form_small(request);
    let query: Vec<(String, String)> = query_pairs(request.uri().query().unwrap_or_default());
    let value = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    value("X-Amz-Signature")?;
    let resource = request.uri().path();
    let Some((start, seconds)) = value("X-Amz-Date")
        .and_then(parse_amz_date)
        .zip(value("X-Amz-Expires").and_then(|seconds| seconds.parse::<i64>().ok()))
    else {
        return Some(error_response(
            StatusCode::BAD_REQUEST,
            "AuthorizationQueryParametersError",
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
            resource,
        ));
    };
    if !(1..=MAX_EXPIRES).contains(&seconds) {
        return Some(error_response(
            StatusCode::BAD_REQUEST,
            "AuthorizationQueryParametersError",
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds",
            resource,
        ));
    }
    let end = start + jiff::SignedDuration::from_secs(seconds);
    let now = jiff::Timestamp::now();
    if now > end {
        return Some(expired(end, seconds, resource));
    }
    if start > now + MAX_SKEW {
        return Some(not_yet_valid(start, end, resource));
    }
    let signed: Vec<&str> = value("X-Amz-SignedHeaders").unwrap_or_default().split(';').collect();
    let unsigned: Vec<&str> = request
        .headers()
        .keys()
        .map(|name| name.as_str())
        .filter(|name| name.starts_with("x-amz-") && *name != "x-amz-content-sha256" && !signed.contains(name))
        .collect();
    (!unsigned.is_empty()).then(|| {
        error_with(
            StatusCode::FORBIDDEN,
            "AccessDenied",
            "There were headers present in the request which were not signed",
            resource,
            &[("HeadersNotSigned", unsigned.join(", "))],
        )
    })
}

/// s3s 0.14 holds a piece that may begin with the form's boundary back, and gives up where the next one has 64 KiB.
fn cut_form_small(request: &mut Request<Body>) {
    let is_form = |kind: &HeaderValue| kind.as_bytes().starts_with(b"multipart/form-data");
    if request.method() != Method::POST || !request.headers().get(CONTENT_TYPE).is_some_and(is_form) {
        return;
    }
    let body = std::mem::take(request.body_mut()).into_data_stream();
    let pieces = body.map_ok(|mut bytes| {
        let next =
            move || (!bytes.is_empty()).then(|| Ok::<_, axum::Error>(bytes.split_to(bytes.len().min(FORM_PIECE))));
        futures::stream::iter(std::iter::from_fn(next))
    });
    *request.body_mut() = Body::from_stream(pieces.try_flatten());
}

/// A Range that is none, or several, is as if it were not there.
pub fn drop_odd_range(request: &mut Request<Body>) {
    if request.headers().get(RANGE).is_some_and(|range| !range.to_str().is_ok_and(is_range)) {
        request.headers_mut().remove(RANGE);
    }
}

/// The 403 of a URL past its time, as S3 words it.
pub fn expired(end: jiff::Timestamp, seconds: i64, resource: &str) -> Response<Body> {
    error_with(
        StatusCode::FORBIDDEN,
        "AccessDenied",
        "Request has expired",
        resource,
        &[("X-Amz-Expires", seconds.to_string()), ("Expires", time(end)), ("ServerTime", time(jiff::Timestamp::now()))],
    )
}

/// The 403 of a URL that was signed by a clock ahead of ours.
fn not_yet_valid(start: jiff::Timestamp, end: jiff::Timestamp, resource: &str) -> Response<Body> {
    error_with(
        StatusCode::FORBIDDEN,
        "AccessDenied",
        "Request is not yet valid",
        resource,
        // In milliseconds here and nowhere else: so S3 does.
        &[
            ("X-Amz-Date", start.as_millisecond().to_string()),
            ("Expires", time(end)),
            ("ServerTime", time(jiff::Timestamp::now())),
        ],
    )
}

/// The 403 for a wrong clock of requests that are signed in their headers; some stores give it for URLs too.
pub fn too_skewed(resource: &str) -> Response<Body> {
    let now = jiff::Timestamp::now();
    let request = now - MAX_SKEW * 2;
    error_with(
        StatusCode::FORBIDDEN,
        "RequestTimeTooSkewed",
        "The difference between the request time and the current time is too large.",
        resource,
        &[
            ("RequestTime", request.strftime("%Y%m%dT%H%M%SZ").to_string()),
            ("ServerTime", time(now)),
            ("MaxAllowedSkewMilliseconds", MAX_SKEW.as_millis().to_string()),
        ],
    )
}

/// An S3 error document.
pub fn error_response(status: StatusCode, code: &str, message: &str, resource: &str) -> Response<Body> {
    error_with(status, code, message, resource, &[])
}

/// Completes an error that s3s wrote, and gives every answer its request id.
pub async fn finish(method: &Method, resource: &str, response: Response<Body>) -> Response<Body> {
    let mut response = response;
    if response.status().is_client_error() || response.status().is_server_error() {
        let (parts, body) = response.into_parts();
        let text = to_bytes(body, ERROR_LIMIT).await.unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let code = between(&text, "Code").unwrap_or("InternalError");
        let message = between(&text, "Message")
            .map(|message| quick_xml::escape::unescape(message).unwrap_or_default().into_owned())
            .unwrap_or_else(|| usual_message(code).to_owned());
        let status = match code {
            // s3s has no status for these two and would say 500.
            "InvalidAccessKeyId" | "SignatureDoesNotMatch" => StatusCode::FORBIDDEN,
            _ => parts.status,
        };
        response = if method == Method::HEAD {
            Response::new(Body::empty())
        } else {
            error_response(status, code, &message, resource)
        };
        *response.status_mut() = status;
        for (name, value) in &parts.headers {
            if name != CONTENT_LENGTH && name != CONTENT_TYPE {
                response.headers_mut().insert(name, value.clone());
            }
        }
    } else if response.status() == StatusCode::NOT_MODIFIED {
        response.headers_mut().remove(CONTENT_TYPE);
        response.headers_mut().remove(CONTENT_LENGTH);
        *response.body_mut() = Body::empty();
    }
    let headers = response.headers_mut();
    if !headers.contains_key("x-amz-request-id") {
        identify(headers, &request_id());
    }
    headers.insert("server", HeaderValue::from_static("presigned-mock-server"));
    response
}

/// The pairs of a query string, decoded.
pub fn query_pairs(query: &str) -> Vec<(String, String)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
            (decode(name), decode(value))
        })
        .collect()
}

/// The moment in an `X-Amz-Date`, which is `20261124T101500Z`.
pub fn parse_amz_date(text: &str) -> Option<jiff::Timestamp> {
    let date = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok()?;
    date.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

fn error_with(
    status: StatusCode,
    code: &str,
    message: &str,
    resource: &str,
    more: &[(&str, String)],
) -> Response<Body> {
    let id = request_id();
    let more: String = more.iter().map(|(name, value)| format!("<{name}>{}</{name}>", escape(value))).collect();
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{}</Code><Message>{}</Message>{more}<Resource>{}</Resource><RequestId>{id}</RequestId><HostId>presigned</HostId></Error>",
        escape(code),
        escape(message),
        escape(resource),
    );
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    identify(headers, &id);
    response
}

fn time(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn identify(headers: &mut HeaderMap, id: &str) {
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert("x-amz-request-id", id);
    }
    headers.insert("x-amz-id-2", HeaderValue::from_static("presigned"));
}

fn request_id() -> String {
    new_id()[..16].to_ascii_uppercase()
}

fn is_range(range: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.len() < 19 && text.bytes().all(|byte| byte.is_ascii_digit());
    let Some((first, last)) = range.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return false;
    };
    match (digits(first), digits(last)) {
        (true, true) => first.parse::<u64>().ok() <= last.parse::<u64>().ok(),
        (true, false) => last.is_empty(),
        (false, true) => first.is_empty(),
        (false, false) => false,
    }
}

/// The text of an element.
pub fn between<'a>(text: &'a str, element: &str) -> Option<&'a str> {
    let start = text.find(&format!("<{element}>"))? + element.len() + 2;
    let length = text[start..].find(&format!("</{element}>"))?;
    Some(&text[start..start + length])
}

/// What an element says.
pub fn said(text: &str, element: &str) -> Option<String> {
    between(text, element).map(|text| unescape(text).unwrap_or_default().into_owned())
}

/// The error document that an answer is; anything else is given back as it came.
pub async fn error_document(response: Response<Body>) -> Result<(Parts, String), Response<Body>> {
    let is_error = response.status().is_client_error() || response.status().is_server_error();
    let kind = response.headers().get(CONTENT_TYPE);
    if !is_error || !kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/xml")) {
        return Err(response);
    }
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, ERROR_LIMIT).await.unwrap_or_default();
    Ok((parts, String::from_utf8_lossy(&bytes).into_owned()))
}

fn usual_message(code: &str) -> &'static str {
    match code {
        "SignatureDoesNotMatch" => {
            "The request signature we calculated does not match the signature you provided. Check your key and signing method."
        }
        "InvalidAccessKeyId" => "The AWS Access Key Id you provided does not exist in our records.",
        "AccessDenied" => "Access Denied",
        "NoSuchBucket" => "The specified bucket does not exist",
        "MethodNotAllowed" => "The specified method is not allowed against this resource.",
        "NotImplemented" => "A header you provided implies functionality that is not implemented",
        "MissingContentLength" => "You must provide the Content-Length HTTP header.",
        "InternalError" => "We encountered an internal error. Please try again.",
        _ => "The request could not be done.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_form_comes_in_small_pieces_and_whole() {
        let pieces = [vec![b'\r'; 70_000], Vec::new(), vec![7; 16 * 1024], vec![8; 3]];
        let all = pieces.concat();
        let body = Body::from_stream(futures::stream::iter(pieces.map(Ok::<_, std::io::Error>)));
        let form = Request::post("/bucket").header(CONTENT_TYPE, "multipart/form-data; boundary=b");
        let mut request = form.body(body).unwrap();
        prepare(&mut request);
        let frames: Vec<bytes::Bytes> = request.into_body().into_data_stream().try_collect().await.unwrap();
        assert!(frames.iter().all(|frame| (1..=FORM_PIECE).contains(&frame.len())));
        assert_eq!(frames.concat(), all);
    }

    #[test]
    fn only_single_well_formed_ranges_count() {
        for good in ["bytes=0-0", "bytes=5-", "bytes=-7"] {
            assert!(is_range(good), "{good}");
        }
        for bad in ["bytes=3-1", "bytes=0-1,4-5", "bytes=-", "items=0-1", "bytes=a-b", "bytes=0-99999999999999999999"] {
            assert!(!is_range(bad), "{bad}");
        }
    }

    #[test]
    fn an_amz_date_is_utc() {
        assert_eq!(parse_amz_date("20130524T000000Z").unwrap().to_string(), "2013-05-24T00:00:00Z");
        assert!(parse_amz_date("yesterday").is_none());
    }

    #[test]
    fn an_expired_url_is_refused_with_the_server_s_time() {
        let mut request = Request::new(Body::empty());
        *request.uri_mut() =
            "/presigned/a?X-Amz-Date=20130524T000000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=00"
                .parse()
                .unwrap();
        assert_eq!(prepare(&mut request).unwrap().status(), StatusCode::FORBIDDEN);
    }
}
