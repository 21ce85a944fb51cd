//! The bucket's CORS rules, as S3 applies them: to preflights, to answers, and to errors alike.

use std::sync::{PoisonError, RwLock};

use axum::body::Body;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderName, HeaderValue, ORIGIN, VARY,
};
use axum::http::{Response, StatusCode};
use s3s::dto::CORSRule;

use super::front::error_response;

/// What a page of this SDK needs to read; S3 takes no `*` here.
const EXPOSED: [&str; 15] = [
    "ETag",
    "Content-Range",
    "Accept-Ranges",
    "Content-Length",
    "Content-Encoding",
    "Content-Disposition",
    "Date",
    "Retry-After",
    "x-amz-checksum-crc64nvme",
    "x-amz-checksum-crc32",
    "x-amz-checksum-crc32c",
    "x-amz-checksum-sha256",
    "x-amz-checksum-type",
    "x-amz-request-id",
    "x-amz-version-id",
];

pub struct Cors {
    rules: RwLock<Vec<CORSRule>>,
}

impl Cors {
    /// `more` is what else a page may read.
    pub fn new(more: &[&str]) -> Self {
        let words = |list: &[&str]| list.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        Self {
            rules: RwLock::new(vec![CORSRule {
                allowed_origins: words(&["*"]),
                allowed_methods: words(&["GET", "HEAD", "PUT", "POST", "DELETE"]),
                allowed_headers: Some(words(&["*"])),
                expose_headers: Some(words(&[&EXPOSED, more].concat())),
                max_age_seconds: Some(3600),
                id: None,
            }]),
        }
    }

    pub fn rules(&self) -> Vec<CORSRule> {
        self.rules.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn replace(&self, rules: Vec<CORSRule>) {
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = rules;
    }

    /// The answer to an OPTIONS request.
    pub fn preflight(&self, request: &HeaderMap) -> Response<Body> {
        let (Some(origin), Some(method)) = (text(request, &ORIGIN), text(request, &ACCESS_CONTROL_REQUEST_METHOD))
        else {
            return error_response(
                StatusCode::BAD_REQUEST,
                "BadRequest",
                "Insufficient information. Origin request header needed.",
                "",
            );
        };
        let wanted: Vec<String> = text(request, &ACCESS_CONTROL_REQUEST_HEADERS)
            .unwrap_or_default()
            .split(',')
            .map(|name| name.trim().to_ascii_lowercase())
            .filter(|name| !name.is_empty())
            .collect();
        let Some(rule) = self.matching(origin, method, &wanted) else {
            return error_response(
                StatusCode::FORBIDDEN,
                "AccessForbidden",
                "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec.",
                "",
            );
        };
        let mut response = Response::new(Body::empty());
        decorate(response.headers_mut(), &rule, origin);
        if !wanted.is_empty() {
            set(response.headers_mut(), ACCESS_CONTROL_ALLOW_HEADERS, &wanted.join(", "));
        }
        if let Some(seconds) = rule.max_age_seconds {
            set(response.headers_mut(), ACCESS_CONTROL_MAX_AGE, &seconds.to_string());
        }
        response
    }

    /// Adds the headers that let a page of `origin` read this answer, if a rule allows it.
    pub fn apply(&self, origin: Option<&HeaderValue>, method: &str, response: &mut HeaderMap) {
        let Some(origin) = origin.and_then(|origin| origin.to_str().ok()) else {
            return;
        };
        if let Some(rule) = self.matching(origin, method, &[]) {
            decorate(response, &rule, origin);
        }
    }

    fn matching(&self, origin: &str, method: &str, headers: &[String]) -> Option<CORSRule> {
        let allows = |rule: &CORSRule| {
            rule.allowed_origins.iter().any(|pattern| like(pattern, origin))
                && rule.allowed_methods.iter().any(|allowed| allowed == method)
                && headers.iter().all(|header| {
                    rule.allowed_headers.iter().flatten().any(|pattern| like(&pattern.to_ascii_lowercase(), header))
                })
        };
        self.rules().into_iter().find(allows)
    }
}

fn decorate(headers: &mut HeaderMap, rule: &CORSRule, origin: &str) {
    // As S3: a bare `*` is answered with `*`, a pattern with the origin itself.
    let any = rule.allowed_origins.iter().any(|allowed| allowed == "*");
    set(headers, ACCESS_CONTROL_ALLOW_ORIGIN, if any { "*" } else { origin });
    set(headers, ACCESS_CONTROL_ALLOW_METHODS, &rule.allowed_methods.join(", "));
    if let Some(exposed) = &rule.expose_headers {
        set(headers, ACCESS_CONTROL_EXPOSE_HEADERS, &exposed.join(", "));
    }
    set(headers, VARY, "Origin, Access-Control-Request-Headers, Access-Control-Request-Method");
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// One `*` at most, anywhere.
fn like(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        Some((head, tail)) => text.len() >= head.len() + tail.len() && text.starts_with(head) && text.ends_with(tail),
        None => pattern == text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_star_matches_as_in_s3() {
        assert!(like("*", "http://a"));
        assert!(like("http://*.example.com", "http://a.example.com"));
        assert!(!like("http://*.example.com", "http://example.org"));
        assert!(!like("ab*ba", "aba"));
    }

    #[test]
    fn a_preflight_no_rule_allows_is_forbidden() {
        let cors = Cors::new(&[]);
        let mut headers = HeaderMap::new();
        headers.insert(ORIGIN, HeaderValue::from_static("http://page"));
        headers.insert(ACCESS_CONTROL_REQUEST_METHOD, HeaderValue::from_static("PATCH"));
        assert_eq!(cors.preflight(&headers).status(), StatusCode::FORBIDDEN);
        headers.insert(ACCESS_CONTROL_REQUEST_METHOD, HeaderValue::from_static("PUT"));
        let allowed = cors.preflight(&headers);
        assert_eq!(allowed.status(), StatusCode::OK);
        assert!(allowed.headers()[ACCESS_CONTROL_EXPOSE_HEADERS].to_str().unwrap().contains("ETag"));
    }
}
