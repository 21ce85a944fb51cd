//! What a request is about, in the words that rules use.

use axum::http::{HeaderMap, Method, Uri};
use percent_encoding::percent_decode_str;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Store,
    Backend,
}

#[derive(Debug, Clone)]
pub struct Target {
    pub side: Side,
    pub op: &'static str,
    pub part: Option<u32>,
    pub key: String,
    /// Of the store's, counted from 0.
    pub host: u8,
}

/// The operations of the backend's protocol by the first segment of their path.
const ROUTES: [&str; 7] = [
    "request-upload",
    "request-uploads",
    "request-parts",
    "list-parts",
    "complete-upload",
    "abort-upload",
    "request-download",
];

impl Target {
    /// What S3 would call this request. A preflight is nobody's operation but its own.
    pub fn of_store(method: &Method, uri: &Uri, headers: &HeaderMap) -> Self {
        let path = decoded(uri.path());
        let key = path.trim_start_matches('/').split_once('/').map_or("", |(_, key)| key).to_owned();
        let query = uri.query().unwrap_or_default();
        let value = |name: &str| {
            query.split('&').find_map(|pair| match pair.split_once('=') {
                Some((key, value)) => (key == name).then_some(value),
                None => (pair == name).then_some(""),
            })
        };
        let part = value("partNumber").and_then(|number| number.parse().ok());
        let upload = value("uploadId").is_some();
        // Of Google's resumable uploads.
        let session = value("upload_id").is_some();
        let object = !key.is_empty();
        let op = match *method {
            Method::OPTIONS => "preflight",
            Method::GET if object && upload => "list-parts",
            Method::GET if object => "get",
            Method::GET if value("uploads").is_some() => "list-uploads",
            Method::GET => "list",
            Method::HEAD if object => "head",
            Method::PUT if object && upload => "part",
            Method::PUT if object && session => "chunk",
            Method::PUT if object && headers.contains_key("x-amz-copy-source") => "copy",
            Method::PUT if object => "put",
            Method::POST if object && upload => "complete",
            Method::POST if object => "create",
            Method::POST if value("delete").is_some() => "delete",
            Method::POST => "put",
            Method::DELETE if object && (upload || session) => "abort",
            Method::DELETE if object => "delete",
            _ => "bucket",
        };
        Self { side: Side::Store, op, part, key, host: 0 }
    }

    /// The backend's operation, or none for the page, the control routes and preflights.
    pub fn of_backend(method: &Method, uri: &Uri) -> Option<Self> {
        if *method == Method::OPTIONS {
            return None;
        }
        let path = uri.path().trim_start_matches('/');
        let (first, rest) = path.split_once('/').unwrap_or((path, ""));
        let op = match (first, method) {
            ("files", &Method::DELETE) => "delete-file",
            ("files", _) => "files",
            ("login", _) => "login",
            (first, _) => ROUTES.into_iter().find(|route| *route == first)?,
        };
        Some(Self { side: Side::Backend, op, part: None, key: decoded(rest), host: 0 })
    }

    /// Whether a rule's `on` means this request.
    pub fn is(&self, on: &str) -> bool {
        // Login is no part of the protocol and a preflight none of an operation: both only by name.
        let common = !matches!(self.op, "login" | "preflight");
        match on {
            "any" => common,
            "store" => common && self.side == Side::Store,
            "backend" => common && self.side == Side::Backend,
            op => op == self.op,
        }
    }
}

fn decoded(path: &str) -> String {
    percent_decode_str(path).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(method: Method, uri: &str) -> Target {
        Target::of_store(&method, &uri.parse().unwrap(), &HeaderMap::new())
    }

    #[test]
    fn store_requests_have_s3_s_names() {
        let part = store(Method::PUT, "/presigned/a/b%20c?partNumber=3&uploadId=x");
        assert_eq!((part.op, part.part, part.key.as_str()), ("part", Some(3), "a/b c"));
        assert_eq!(store(Method::POST, "/presigned/a?uploads=1").op, "create");
        assert_eq!(store(Method::POST, "/presigned/a?uploadId=x").op, "complete");
        assert_eq!(store(Method::GET, "/presigned/a?uploadId=x").op, "list-parts");
        assert_eq!(store(Method::GET, "/presigned?list-type=2").op, "list");
        assert_eq!(store(Method::DELETE, "/presigned/a?uploadId=x").op, "abort");
        assert!(!store(Method::OPTIONS, "/presigned/a").is("any"));
    }

    #[test]
    fn only_the_protocol_is_a_backend_target() {
        let of = |method, path: &str| Target::of_backend(&method, &path.parse().unwrap());
        assert_eq!(of(Method::DELETE, "/files/uploads/a/b").unwrap().op, "delete-file");
        assert!(of(Method::GET, "/index.html").is_none());
        assert!(of(Method::PUT, "/_faults").is_none());
        assert!(!of(Method::POST, "/login").unwrap().is("backend"));
    }
}
