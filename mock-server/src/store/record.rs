//! What the store remembers about an object, an upload and a part, as it is written to disk beside the bytes.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use s3s::dto;
use serde::{Deserialize, Serialize};

use super::checksum::{Declared, PartSum};

/// One file of an object's bytes: an object put together from parts keeps them as they came, so Complete copies nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Segment {
    pub number: i32,
    pub file: String,
    pub size: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ObjectRecord {
    pub key: String,
    pub size: u64,
    /// Without its quotes.
    pub etag: String,
    pub modified: Moment,
    /// What Google calls a version: a number of its own, larger than that of any before it.
    #[serde(default)]
    pub generation: u64,
    pub attributes: Attributes,
    pub segments: Vec<Segment>,
    /// CRC-64/NVME over the whole object, whatever else was declared.
    pub crc64nvme: u64,
    /// The checksum that the client chose, which S3 then returns in place of its own.
    pub declared: Option<ObjectSum>,
    /// The multipart upload this object came from: a repeated Complete is answered from here.
    pub upload_id: Option<String>,
}

/// A checksum of the client's own choice, base64, with S3's type of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ObjectSum {
    pub algorithm: Declared,
    pub value: String,
    pub full_object: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UploadRecord {
    pub id: String,
    pub key: String,
    pub initiated: Moment,
    pub attributes: Attributes,
    pub algorithm: Option<Declared>,
    pub full_object: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PartRecord {
    pub number: i32,
    pub file: String,
    pub size: u64,
    pub etag: String,
    pub modified: Moment,
    pub crc64nvme: u64,
    pub declared: Option<PartSum>,
}

/// Headers that come back with the object as they were given.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Attributes {
    pub content_type: Option<String>,
    pub cache_control: Option<String>,
    pub content_disposition: Option<String>,
    pub content_encoding: Option<String>,
    pub content_language: Option<String>,
    pub metadata: BTreeMap<String, String>,
}

impl Attributes {
    pub fn metadata(&self) -> Option<dto::Metadata> {
        (!self.metadata.is_empty())
            .then(|| self.metadata.iter().map(|(name, value)| (name.clone(), value.clone())).collect())
    }
}

/// Whole seconds since 1970: S3's Last-Modified knows no smaller unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Moment(u64);

impl Moment {
    pub fn now() -> Self {
        Self(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs()))
    }

    /// Microseconds since 1970, as Google's are.
    pub fn generation() -> u64 {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_micros()).unwrap_or(0)
    }

    pub fn timestamp(self) -> dto::Timestamp {
        dto::Timestamp::from(SystemTime::UNIX_EPOCH + Duration::from_secs(self.0))
    }
}
