//! Google's V4 signatures, as its documents have them: what is signed, and URLs that are. Like Amazon's, with other names.

mod key;

use std::time::Duration;

use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use sha2::{Digest as _, Sha256};
use url::Url;

pub use self::key::Key;

/// All but what RFC 3986 calls unreserved.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const PATH: &AsciiSet = &VALUE.remove(b'/');
/// Where a signature holds; `auto` is any place.
const LOCATION: &str = "auto";

/// The day, place and service that a signature is for: `20261124/auto/storage/goog4_request`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope(pub String);

/// What is signed of a request.
pub struct Signed<'a> {
    pub method: &'a str,
    /// As the URL has it, or as far encoded as anybody likes.
    pub path: &'a str,
    /// Decoded; without the signature itself.
    pub query: Vec<(String, String)>,
    /// Names in lower case, sorted.
    pub headers: Vec<(String, String)>,
}

impl Signed<'_> {
    pub fn canonical(&self) -> String {
        let headers: String = self.headers.iter().map(|(name, value)| format!("{name}:{}\n", trimmed(value))).collect();
        let hashed = self.headers.iter().find(|(name, _)| name == "x-goog-content-sha256");
        let payload = hashed.map_or("UNSIGNED-PAYLOAD", |(_, hash)| hash);
        let (path, query, names) = (canonical_path(self.path), self.canonical_query(), self.header_names());
        format!("{}\n{path}\n{query}\n{headers}\n{names}\n{payload}", self.method)
    }

    pub fn header_names(&self) -> String {
        self.headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(";")
    }

    fn canonical_query(&self) -> String {
        let encode = |text: &str| percent_encode(text.as_bytes(), VALUE).to_string();
        let mut pairs: Vec<_> = self.query.iter().map(|(name, value)| (encode(name), encode(value))).collect();
        pairs.sort();
        pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
    }
}

/// The text under the signature.
pub fn text_to_sign(algorithm: &str, date: &str, scope: &Scope, canonical: &str) -> String {
    format!("{algorithm}\n{date}\n{}\n{}", scope.0, hex::encode(Sha256::digest(canonical)))
}

/// Signs a URL, with the query that it has, for a request that has these headers.
pub fn sign_url<'a>(
    key: &Key,
    method: &str,
    url: &Url,
    headers: impl Iterator<Item = (&'a str, &'a str)>,
    lifetime: Duration,
    at: Timestamp,
) -> Url {
    let date = at.strftime("%Y%m%dT%H%M%SZ").to_string();
    let scope = Scope(format!("{}/{LOCATION}/storage/goog4_request", &date[..8]));
    let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
    let mut headers: Vec<_> = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    headers.push(("host".into(), host.to_owned()));
    headers.sort();
    let mut signed = Signed { method, path: url.path(), query: url.query_pairs().into_owned().collect(), headers };
    let names = signed.header_names();
    signed.query.extend(
        [
            ("X-Goog-Algorithm", key.algorithm()),
            ("X-Goog-Credential", &format!("{}/{}", key.id(), scope.0)),
            ("X-Goog-Date", &date),
            ("X-Goog-Expires", &lifetime.as_secs().to_string()),
            ("X-Goog-SignedHeaders", &names),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    let signature = key.sign(&scope, &text_to_sign(key.algorithm(), &date, &scope, &signed.canonical()));
    let mut url = url.clone();
    url.set_path(&canonical_path(signed.path));
    url.set_query(Some(&format!("{}&X-Goog-Signature={signature}", signed.canonical_query())));
    url
}

fn canonical_path(path: &str) -> String {
    percent_encode(&percent_decode_str(path).collect::<Vec<u8>>(), PATH).to_string()
}

/// White space at the ends means nothing, and any within is one space.
fn trimmed(value: &str) -> String {
    value.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        Key::Hmac { id: "GOOG1E".into(), secret: "secret".into() }
    }

    fn signed(url: &str) -> Url {
        let headers = [("Content-Type", "text/plain"), ("x-goog-meta-a", " b  c ")];
        let url = Url::parse(url).unwrap();
        sign_url(&key(), "PUT", &url, headers.into_iter(), Duration::from_secs(60), Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_url_says_how_it_was_signed() {
        let url = signed("https://storage.googleapis.com/bucket/a%20b+(ü)?uploadId=x%2Fy");
        let start = "/bucket/a%20b%2B%28%C3%BC%29?X-Goog-Algorithm=GOOG4-HMAC-SHA256&X-Goog-Credential=GOOG1E%2F19700101%2Fauto%2Fstorage%2Fgoog4_request&X-Goog-Date=19700101T000000Z&X-Goog-Expires=60&X-Goog-SignedHeaders=content-type%3Bhost%3Bx-goog-meta-a&uploadId=x%2Fy&X-Goog-Signature=";
        assert!(url[url::Position::BeforePath..].starts_with(start), "{url}");
    }

    #[test]
    fn white_space_in_headers_is_folded() {
        let headers = vec![("host".into(), "a".into()), ("x-goog-meta-a".into(), " b \t c ".into())];
        let canonical = Signed { method: "GET", path: "/b/k", query: Vec::new(), headers }.canonical();
        assert_eq!(canonical, "GET\n/b/k\n\nhost:a\nx-goog-meta-a:b c\n\nhost;x-goog-meta-a\nUNSIGNED-PAYLOAD");
    }

    #[test]
    fn a_signature_is_for_one_text_and_one_day() {
        let scope = Scope("19700101/auto/storage/goog4_request".into());
        let signature = key().sign(&scope, "text");
        assert!(key().verifies(&scope, "text", &signature));
        assert!(!key().verifies(&scope, "texts", &signature));
        assert!(!key().verifies(&Scope("19700102/auto/storage/goog4_request".into()), "text", &signature));
        assert!(!key().verifies(&scope, "text", "no hex"));
    }
}
