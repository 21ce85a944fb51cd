//! Who may come in: whoever has a URL that one of the keys has signed, unchanged and in its time.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use jiff::{SignedDuration, Timestamp};

use super::super::front::parse_amz_date;
use super::error::Refusal;
use crate::goog4::{Key, Scope, Signed, text_to_sign};

/// Seven days.
const MAX_EXPIRES: i64 = 604_800;
const MAX_SKEW: SignedDuration = SignedDuration::from_mins(15);

pub struct Gate {
    keys: Vec<Key>,
}

impl Gate {
    pub fn new(keys: Vec<Key>) -> Self {
        Self { keys }
    }

    pub fn admit(&self, request: &Request<Body>, query: &[(String, String)]) -> Result<(), Refusal> {
        let value = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let Some(signature) = value("X-Goog-Signature") else {
            return Err(Refusal::anonymous());
        };
        let needed = |name: &'static str| value(name).ok_or_else(|| Refusal::bad_parameter(name));
        let (id, scope) =
            needed("X-Goog-Credential")?.split_once('/').ok_or(Refusal::bad_parameter("X-Goog-Credential"))?;
        let key = self.keys.iter().find(|key| key.id() == id).ok_or_else(Refusal::unknown_key)?;
        if needed("X-Goog-Algorithm")? != key.algorithm() {
            return Err(Refusal::bad_parameter("X-Goog-Algorithm"));
        }
        let date = needed("X-Goog-Date")?;
        let start = parse_amz_date(date).ok_or(Refusal::bad_parameter("X-Goog-Date"))?;
        if !matches!(scope.split('/').collect::<Vec<_>>()[..], [day, _, "storage", "goog4_request"] if date.starts_with(day) && day.len() == 8)
        {
            return Err(Refusal::bad_parameter("X-Goog-Credential"));
        }
        let expires = needed("X-Goog-Expires")?.parse().ok().filter(|seconds| (1..=MAX_EXPIRES).contains(seconds));
        let end = start + SignedDuration::from_secs(expires.ok_or(Refusal::bad_parameter("X-Goog-Expires"))?);
        let now = Timestamp::now();
        if now > end {
            return Err(Refusal::expired(end));
        }
        if start > now + MAX_SKEW {
            return Err(Refusal::too_skewed());
        }
        let headers = signed_headers(request, needed("X-Goog-SignedHeaders")?)?;
        let signed = Signed {
            method: request.method().as_str(),
            path: request.uri().path(),
            query: query.iter().filter(|(name, _)| name != "X-Goog-Signature").cloned().collect(),
            headers,
        };
        let (scope, canonical) = (Scope(scope.to_owned()), signed.canonical());
        let text = text_to_sign(key.algorithm(), date, &scope, &canonical);
        if !key.verifies(&scope, &text, signature) {
            return Err(Refusal::signature(&text, &canonical));
        }
        Ok(())
    }
}

/// What the request has for the names that were signed; all of Google's own headers must be among these.
fn signed_headers(request: &Request<Body>, names: &str) -> Result<Vec<(String, String)>, Refusal> {
    let mut headers = Vec::new();
    for name in names.split(';') {
        let values: Vec<_> =
            request.headers().get_all(name).iter().map(|one| String::from_utf8_lossy(one.as_bytes())).collect();
        if values.is_empty() {
            return Err(Refusal::header(name, "Header was included in signedheaders, but not in the request."));
        }
        headers.push((name.to_owned(), values.join(",")));
    }
    let is_signed = |wanted: &str| headers.iter().any(|(name, _)| name == wanted);
    if !is_signed("host") {
        return Err(Refusal::bad_parameter("X-Goog-SignedHeaders"));
    }
    let google_s = request.headers().keys().map(|name| name.as_str()).filter(|name| name.starts_with("x-goog-"));
    if let Some(unsigned) = google_s.into_iter().find(|name| !is_signed(name)) {
        return Err(Refusal::header(unsigned, "Header was included in the request, but not in signedheaders."));
    }
    if headers.windows(2).any(|pair| pair[0].0 >= pair[1].0) {
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "InvalidArgument", "Invalid argument."));
    }
    Ok(headers)
}
