//! Which files are taken, and how large their parts are.

use std::collections::BTreeMap;

use axum::http::StatusCode;

use super::error::ApiError;

/// S3 allows no more parts than this.
pub const MAX_PARTS: u64 = 10_000;
const MIN_PART: u64 = 5 << 20;
const MAX_PART: u64 = 5 << 30;
/// S3's limit for all metadata of an object together.
const MAX_METADATA: usize = 2 * 1024;

pub struct Rules {
    pub max_size: u64,
    /// Exact types, or `image/*`; all if there are none.
    pub types: Vec<String>,
    pub part_size: u64,
}

impl Rules {
    pub fn check(&self, size: Option<u64>, content_type: &str) -> Result<(), ApiError> {
        if size.is_some_and(|size| size > self.max_size) {
            let error = format!("Files may have at most {} bytes", self.max_size);
            return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, error).with_code("too-large"));
        }
        if !is_media_type(content_type) {
            return Err(ApiError::bad_request("`content_type` is no media type"));
        }
        let bare = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let allowed = |pattern: &String| match pattern.trim().to_ascii_lowercase().strip_suffix('*') {
            Some(start) => bare.starts_with(start),
            None => bare == pattern.trim().to_ascii_lowercase(),
        };
        if !self.types.is_empty() && !self.types.iter().any(allowed) {
            let error = format!("Files must be one of {}", self.types.join(", "));
            return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, error).with_code("wrong-type"));
        }
        Ok(())
    }

    /// The size of all parts but the last: the client's wish if S3 allows it, else ours, raised until 10,000 parts are enough.
    pub fn part_size(&self, size: u64, wish: Option<u64>) -> u64 {
        let least = MIN_PART.min(self.part_size);
        let enough = |part: &u64| size.div_ceil(*part) <= MAX_PARTS;
        if let Some(wish) = wish.filter(|wish| (least..=MAX_PART).contains(wish)).filter(enough) {
            return wish;
        }
        let whole_mebibytes = size.div_ceil(MAX_PARTS).next_multiple_of(1 << 20);
        if enough(&self.part_size) { self.part_size } else { whole_mebibytes }
    }
}

/// Headers, `x-amz-meta-*` for S3, for what the client wants remembered; they are signed, so the client must send them as they are.
pub fn metadata_headers(
    metadata: &BTreeMap<String, String>,
    prefix: &str,
) -> Result<BTreeMap<String, String>, ApiError> {
    let size: usize = metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
    if size > MAX_METADATA {
        return Err(ApiError::bad_request("`metadata` may have at most 2 KiB"));
    }
    metadata
        .iter()
        .map(|(name, value)| {
            let nameable = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            if name.is_empty()
                || name.len() > 64
                || !name.bytes().all(nameable)
                || value.len() > 256
                || !is_plain(value)
            {
                return Err(ApiError::bad_request(
                    "`metadata` must have names out of A-Z, a-z, 0-9 and -, and values of printable ASCII",
                ));
            }
            let name = format!("{prefix}{}", name.to_ascii_lowercase());
            Ok((name, value.clone()))
        })
        .collect()
}

/// A key of our own making: nobody can guess or overwrite another upload's.
pub fn new_key(prefix: &str, filename: &str) -> String {
    let name: String = filename
        .chars()
        .map(|letter| match letter {
            '/' | '\\' => '_',
            letter if letter.is_control() => '_',
            letter => letter,
        })
        .take(200)
        .collect();
    let time = jiff::Timestamp::now().strftime("%Y%m%d_%H%M%S");
    format!("{prefix}{time}-{:08x}_{name}", rand::random::<u32>())
}

/// `type/subtype`, with parameters or without.
fn is_media_type(text: &str) -> bool {
    let token = |text: &str| {
        (1..128).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&byte))
    };
    let (bare, parameters) = text.split_once(';').map_or((text, None), |(bare, rest)| (bare, Some(rest)));
    bare.split_once('/').is_some_and(|(kind, subtype)| token(kind) && token(subtype))
        && parameters.is_none_or(|rest| {
            (1..=128).contains(&rest.len()) && is_plain(rest.trim_start()) && !rest.trim().is_empty()
        })
}

/// Printable ASCII that no proxy trims, since it is signed as it is.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && text.trim() == text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Rules {
        Rules { max_size: 100, types: vec!["image/*".into(), "application/pdf".into()], part_size: 8 << 20 }
    }

    #[test]
    fn size_and_type_are_judged() {
        assert!(rules().check(Some(100), "image/png").is_ok());
        assert!(rules().check(None, "Application/PDF; version=1").is_ok());
        assert_eq!(rules().check(Some(101), "image/png").unwrap_err().code.unwrap(), "too-large");
        assert_eq!(rules().check(Some(1), "text/html").unwrap_err().code.unwrap(), "wrong-type");
        assert_eq!(rules().check(Some(1), "image/png\r\nx: y").unwrap_err().status, StatusCode::BAD_REQUEST);
    }

    #[test]
    fn parts_are_within_s3_s_limits() {
        let rules = rules();
        assert_eq!(rules.part_size(1 << 30, None), 8 << 20);
        assert_eq!(rules.part_size(1 << 30, Some(16 << 20)), 16 << 20);
        // Too small for S3, or for 10,000 parts.
        assert_eq!(rules.part_size(1 << 30, Some(1024)), 8 << 20);
        assert_eq!(rules.part_size(60 << 30, Some(5 << 20)), 8 << 20);
        for size in [1, 78 << 30, 100 << 30, 5 << 40, MAX_PARTS * MAX_PART] {
            let part = rules.part_size(size, None);
            assert!(size.div_ceil(part) <= MAX_PARTS && part <= MAX_PART, "{size}: {part}");
        }
    }

    #[test]
    fn a_key_holds_no_path_of_the_file_s() {
        let key = new_key("uploads/alice/", "../..\\a\u{7}b.txt");
        let name = key.strip_prefix("uploads/alice/").unwrap();
        assert!(!name.contains(['/', '\\', '\u{7}']), "{key}");
        assert!(name.ends_with("a_b.txt"));
    }

    #[test]
    fn metadata_that_is_no_header_is_refused() {
        let one =
            |name: &str, value: &str| metadata_headers(&BTreeMap::from([(name.into(), value.into())]), "x-amz-meta-");
        assert_eq!(one("Camera", "X 1").unwrap()["x-amz-meta-camera"], "X 1");
        for (name, value) in [("", "a"), ("a b", "a"), ("a", "ü"), ("a", "b\r\nc"), ("a", " b")] {
            assert!(one(name, value).is_err(), "{name:?}: {value:?}");
        }
    }
}
