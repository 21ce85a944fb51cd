//! The protocol between page and backend, that of `mock-server/openapi.yaml`, whose base are four routes (`/request-upload`,
//! `/request-download/{key}`, `/files`, `DELETE /files/{key}`): what is asked, what is granted, what storage has.

mod answers;
mod fields;

use super::{
    checksum::{Algorithm, Checksum},
    integrity::Told,
    lease,
};

pub use answers::{
    completion, confirm_encoding, download_grant, part_grants, stored_files, stored_parts, upload_grant,
};

/// What the backend is asked to sign.
#[derive(Clone, PartialEq, Debug)]
pub struct UploadRequest {
    pub filename: String,
    pub content_type: String,
    pub size: u64,
    pub key: Option<String>,
    pub metadata: Vec<(String, String)>,
    pub part_size: Option<u64>,
    /// Storage takes no presigned POST form: something else is to be signed.
    pub form_refused: bool,
    /// Its bytes are gzip of so many: the object must be stored with that encoding, or nobody can read it.
    pub unpacked: Option<u64>,
}

/// How the bytes of one request go to storage.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    Put,
    /// A presigned POST form: its fields first, the file last.
    Post,
    /// A GET of an object that is stored encoded, as gzip say: browsers decode it on its way, and then no range can be asked for.
    Plain,
}

/// A URL that storage will honour, with what must be sent along.
#[derive(Clone, PartialEq, Debug)]
pub struct Signed {
    pub url: String,
    pub method: Method,
    pub headers: Vec<(String, String)>,
    pub fields: Vec<(String, String)>,
}

impl Signed {
    /// Which bytes of the object these are, as its header says, where it is a chunk of one of Google's resumable uploads. Chunks go
    /// one after another, and are answered by 308 until the last.
    pub fn chunk(&self) -> Option<&str> {
        let range = self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-range"));
        range.map(|(_, value)| value.as_str())
    }
}

/// URLs of parts, and for how many seconds they live.
#[derive(Clone, PartialEq, Debug)]
pub struct PartGrants {
    pub parts: Vec<(u32, Signed)>,
    pub expires_in: Option<u64>,
}

#[derive(Clone, PartialEq, Debug)]
pub enum UploadGrant {
    Whole {
        key: String,
        signed: Signed,
        expires_in: Option<u64>,
    },
    Parts {
        key: String,
        upload_id: String,
        part_size: Option<u64>,
        grants: PartGrants,
        /// Each part's checksum is wanted before it is signed, so that storage takes no other bytes.
        sums: Option<Algorithm>,
    },
    /// Storage has this very file already, says the backend.
    Stored {
        key: String,
    },
}

/// A multipart upload by its names.
#[derive(Clone, PartialEq, Debug)]
pub struct UploadRef {
    pub key: String,
    pub upload_id: String,
}

#[derive(Clone, PartialEq, Debug)]
pub struct DownloadGrant {
    pub signed: Signed,
    /// The same object at other hosts, each of them once.
    pub others: Vec<Signed>,
    pub expires_in: Option<u64>,
    pub size: Option<u64>,
    pub etag: Option<String>,
    pub content_type: Option<String>,
    pub told: Told,
    /// What storage tells of its parts, in order.
    pub parts: Vec<PartSum>,
}

/// A part of a stored object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PartSum {
    pub size: u64,
    pub sum: Checksum,
}

/// A part that is to be signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UnsignedPart {
    pub number: u32,
    /// Signed as well, where the backend wants that.
    pub sum: Option<Checksum>,
}

/// A part that storage has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredPart {
    pub number: u32,
    pub etag: String,
    pub size: u64,
}

/// Where the signer does not say how long its URLs live, they do, and the `Date` of its answer says since when.
impl PartGrants {
    pub fn dated(self, date: Option<&str>) -> Self {
        let url = self.parts.first().map(|(_, signed)| signed.url.as_str());
        Self { expires_in: self.expires_in.or_else(|| lease::left_at(url?, date?)), ..self }
    }
}

impl UploadGrant {
    pub fn dated(self, date: Option<&str>) -> Self {
        match self {
            Self::Whole { key, signed, expires_in } => {
                let expires_in = expires_in.or_else(|| lease::left_at(&signed.url, date?));
                Self::Whole { key, signed, expires_in }
            }
            Self::Parts { grants, key, upload_id, part_size, sums } => {
                Self::Parts { grants: grants.dated(date), key, upload_id, part_size, sums }
            }
            stored => stored,
        }
    }
}

impl DownloadGrant {
    pub fn dated(self, date: Option<&str>) -> Self {
        let expires_in = self.expires_in.or_else(|| lease::left_at(&self.signed.url, date?));
        Self { expires_in, ..self }
    }
}

/// What storage made of an upload.
#[derive(Clone, PartialEq, Debug)]
pub struct Completion {
    pub key: String,
    pub etag: Option<String>,
    pub location: Option<String>,
    pub told: Told,
}

#[derive(Clone, PartialEq, Debug)]
pub struct StoredFile {
    pub key: String,
    pub size: u64,
    /// As the backend wrote it: an ISO 8601 date.
    pub last_modified: String,
}

/// A key as a path: its slashes stay, each segment is percent-encoded (RFC 3986 §2.1, unreserved characters kept).
pub fn key_path(key: &str) -> String {
    let mut path = String::with_capacity(key.len());
    for byte in key.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            path.push(char::from(byte));
        } else {
            path.push('%');
            path.extend(
                [byte >> 4, byte & 15]
                    .into_iter()
                    .filter_map(|half| char::from_digit(half.into(), 16))
                    .map(|digit| digit.to_ascii_uppercase()),
            );
        }
    }
    path
}

/// A URL without its query: all that may be shown of a presigned one.
pub fn redact(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn key_paths_decode_to_the_key(key in "[ -~ä€😀]{0,40}") {
            let path = key_path(&key);
            prop_assert!(path.is_ascii() && !path.contains([' ', '+', '?', '#']));
            let decoded = percent_encoding::percent_decode_str(&path).decode_utf8().unwrap().into_owned();
            prop_assert_eq!(decoded, key);
        }
    }

    #[test]
    fn a_shown_url_has_no_signature() {
        assert_eq!(redact("https://s.example/k?X-Amz-Signature=secret#x"), "https://s.example/k");
    }
}
