//! Which version of the object an answer speaks of, and which of its bytes follow.
//!
//! Validators are compared, not sent: a conditional header would cost a preflight for every range (Fetch, "CORS-safelisted
//! request-header").

use crate::core::{
    error::{Code, Error, Failure},
    etag,
    http::{ContentRange, Response},
};

/// What tells one version of an object from another, as far as the browser lets us read it.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Version {
    pub etag: Option<String>,
    pub last_modified: Option<String>,
    /// Google's number for it, in `x-goog-generation`: another one with each write, be the bytes the same.
    pub generation: Option<String>,
}

impl Version {
    pub fn of(head: &Response) -> Self {
        let header = |name| head.headers.get(name).map(str::to_owned);
        Self { etag: header("etag"), last_modified: header("last-modified"), generation: header("x-goog-generation") }
    }

    /// True where another host's answer is of this version: its ETag says so, else the time of its last change. A copy may have a time
    /// of its own, and what can't be compared is not mixed.
    pub fn is_that_of(&self, other: &Version) -> bool {
        match (&self.etag, &other.etag) {
            (Some(own), Some(theirs)) => etag::bare(own) == etag::bare(theirs),
            _ => self.last_modified.is_some() && self.last_modified == other.last_modified,
        }
    }

    /// False where both know a validator and it differs.
    pub fn agrees(&self, other: &Version) -> bool {
        let same = |a: &Option<String>, b: &Option<String>| a.is_none() || b.is_none() || a == b;
        same(&self.etag, &other.etag)
            && same(&self.last_modified, &other.last_modified)
            && same(&self.generation, &other.generation)
    }
}

/// What the body of an answer will be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Body {
    /// The bytes that were asked for, up to `end`, of an object of `total` bytes, where the answer tells.
    Range { total: Option<u64>, end: Option<u64> },
    /// The whole object: the server knows no ranges.
    Whole { size: Option<u64> },
}

/// What the answer to a GET from `start` on will bring.
pub fn body(head: &Response, start: u64, end: Option<u64>) -> Result<Body, Failure> {
    let length = head.headers.integer("content-length");
    if head.status != 206 {
        // A decoded body's length is not what Content-Length says.
        let size = length.filter(|_| head.headers.get("content-encoding").is_none());
        return Ok(Body::Whole { size });
    }
    match head.headers.get("content-range").map(ContentRange::parse) {
        Some(Some(ContentRange::Bytes { start: from, end: to, total })) => {
            if from != start || end.is_some_and(|end| to > end) {
                return Err(other_bytes());
            }
            Ok(Body::Range { total, end: Some(to) })
        }
        Some(_) => Err(other_bytes()),
        // Content-Range is hidden unless exposed; Content-Length always is readable.
        None => {
            if let (Some(end), Some(length)) = (end, length)
                && length > end - start
            {
                return Err(other_bytes());
            }
            let until = length.and_then(|length| start.checked_add(length));
            Ok(Body::Range { total: until.filter(|_| end.is_none()), end: until })
        }
    }
}

/// True where a 416 says that there are no bytes at all.
pub fn is_empty_object(reply: &Response, start: u64) -> bool {
    let total = match reply.headers.get("content-range").and_then(ContentRange::parse) {
        Some(ContentRange::Unsatisfied { total }) => total,
        _ => 0,
    };
    reply.status == 416 && start == 0 && total == 0
}

pub fn changed() -> Error {
    Error::new(Code::ObjectChanged, "The object was replaced while it was being downloaded.")
}

fn other_bytes() -> Failure {
    Failure::retry(Error::new(Code::Storage, "Storage answered with other bytes than were asked for.").with_status(206))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::http::Headers;

    fn head(status: u16, headers: &[(&str, &str)]) -> Response {
        let headers = Headers::new(headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        Response { status, headers, body: String::new() }
    }

    #[test]
    fn the_size_comes_from_whatever_is_readable() {
        let exposed = head(206, &[("content-range", "bytes 0-9/10"), ("content-length", "10")]);
        assert_eq!(body(&exposed, 0, None), Ok(Body::Range { total: Some(10), end: Some(10) }));
        let hidden = head(206, &[("content-length", "10")]);
        assert_eq!(body(&hidden, 0, None), Ok(Body::Range { total: Some(10), end: Some(10) }));
        assert_eq!(body(&hidden, 5, Some(16)), Ok(Body::Range { total: None, end: Some(15) }));
        assert_eq!(body(&head(200, &[("content-length", "10")]), 0, None), Ok(Body::Whole { size: Some(10) }));
        let gzip = head(200, &[("content-length", "10"), ("content-encoding", "gzip")]);
        assert_eq!(body(&gzip, 0, None), Ok(Body::Whole { size: None }));
    }

    #[test]
    fn other_bytes_are_refused() {
        for (range, start, end) in
            [("bytes 1-9/10", 0, None), ("bytes 0-9/10", 0, Some(5)), ("nonsense", 0, None), ("bytes */10", 0, None)]
        {
            assert!(body(&head(206, &[("content-range", range)]), start, end).is_err(), "{range}");
        }
        assert!(body(&head(206, &[("content-length", "11")]), 5, Some(15)).is_err());
    }

    #[test]
    fn what_is_hidden_never_disagrees() {
        let known =
            Version { etag: Some("\"a\"".into()), last_modified: Some("x".into()), generation: Some("1".into()) };
        assert!(known.agrees(&Version::default()) && Version::default().agrees(&known));
        assert!(!known.agrees(&Version { etag: Some("\"b\"".into()), ..known.clone() }));
        assert!(!known.agrees(&Version { last_modified: Some("y".into()), ..Version::default() }));
        assert!(!known.agrees(&Version { generation: Some("2".into()), ..Version::default() }));
    }

    #[test]
    fn hosts_are_compared_by_what_they_both_tell() {
        let known = Version { etag: Some("\"a\"".into()), last_modified: Some("x".into()), generation: None };
        assert!(known.is_that_of(&Version { last_modified: Some("y".into()), ..known.clone() }));
        assert!(!known.is_that_of(&Version { etag: Some("\"b\"".into()), ..known.clone() }));
        assert!(known.is_that_of(&Version { etag: None, ..known.clone() }));
        assert!(!known.is_that_of(&Version { etag: None, last_modified: Some("y".into()), generation: None }));
        assert!(!known.is_that_of(&Version::default()) && !Version::default().is_that_of(&Version::default()));
    }

    #[test]
    fn an_empty_object_answers_416() {
        assert!(is_empty_object(&head(416, &[("content-range", "bytes */0")]), 0));
        assert!(is_empty_object(&head(416, &[]), 0));
        assert!(!is_empty_object(&head(416, &[("content-range", "bytes */9")]), 0));
        assert!(!is_empty_object(&head(416, &[]), 5));
    }
}
