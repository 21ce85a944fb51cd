//! What HTTP itself says: headers, Content-Range (RFC 9110 §14.4), Retry-After (§10.2.3).

use super::time::Millis;

/// Headers that the browser let us read. Names in lower case.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    pub fn new(headers: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect())
    }

    /// The raw block of `XMLHttpRequest.getAllResponseHeaders()`: lines of `name: value`.
    pub fn parse(block: &str) -> Self {
        Self::new(
            block
                .lines()
                .filter_map(|line| line.split_once(':'))
                .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())),
        )
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub fn integer(&self, name: &str) -> Option<u64> {
        self.get(name).and_then(digits)
    }

    /// Retry-After in seconds. (Its other form, a date, needs a clock that agrees with the server's.)
    pub fn retry_after(&self) -> Option<Millis> {
        self.integer("retry-after").map(|seconds| seconds.saturating_mul(1000))
    }
}

/// An answer of a server, read to its end; for a range, its head alone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Response {
    pub status: u16,
    pub headers: Headers,
    pub body: String,
}

impl Response {
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// `bytes start-end/total` of a 206, `end` exclusive here; or `bytes */total` of a 416.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ContentRange {
    Bytes { start: u64, end: u64, total: Option<u64> },
    Unsatisfied { total: u64 },
}

impl ContentRange {
    pub fn parse(value: &str) -> Option<Self> {
        let (range, total) = value.trim().strip_prefix("bytes")?.trim_start().split_once('/')?;
        if range == "*" {
            return Some(Self::Unsatisfied { total: digits(total)? });
        }
        let (first, last) = range.split_once('-')?;
        let (start, end) = (digits(first)?, digits(last)?.checked_add(1)?);
        let total = if total == "*" { None } else { Some(digits(total)?) };
        (start < end && total.is_none_or(|total| end <= total)).then_some(Self::Bytes { start, end, total })
    }
}

/// Digits only: `str::parse` alone would take a sign.
fn digits(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn content_range_of_rfc_9110() {
        assert_eq!(
            ContentRange::parse("bytes 42-1233/1234"),
            Some(ContentRange::Bytes { start: 42, end: 1234, total: Some(1234) })
        );
        assert_eq!(
            ContentRange::parse("bytes 42-1233/*"),
            Some(ContentRange::Bytes { start: 42, end: 1234, total: None })
        );
        assert_eq!(ContentRange::parse("bytes */1234"), Some(ContentRange::Unsatisfied { total: 1234 }));
        for wrong in [
            "",
            "bytes",
            "bytes 5-4/9",
            "bytes 0-9/9",
            "bytes +1-2/3",
            "bytes a-b/c",
            "items 0-1/2",
            "bytes 0-18446744073709551615/*",
        ] {
            assert_eq!(ContentRange::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn headers_of_an_xhr() {
        let headers = Headers::parse("ETag: \"a:b\"\r\ncontent-length: 12\r\nRetry-After: 7\r\nbroken\r\n");
        assert_eq!(headers.get("etag"), Some("\"a:b\""));
        assert_eq!(headers.integer("content-length"), Some(12));
        assert_eq!(headers.retry_after(), Some(7000));
        assert_eq!(Headers::parse("retry-after: -1").retry_after(), None);
    }

    proptest! {
        #[test]
        fn no_content_range_panics(text in "bytes [0-9*/ -]{0,40}") {
            let _ = ContentRange::parse(&text);
        }
    }
}
