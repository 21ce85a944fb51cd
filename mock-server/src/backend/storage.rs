//! Signed URLs, and the calls to the store that the backend makes itself, all over the same signed HTTP: any S3 store will do.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use quick_xml::escape::escape;
use reqwest::{Client, Url};
use rusty_s3::actions::{
    AbortMultipartUpload, CompleteMultipartUpload, CreateMultipartUpload, DeleteObject, GetObject, HeadObject,
    ListObjectsV2, ListParts, PutObject, S3Action, UploadPart,
};
use rusty_s3::{Bucket, UrlStyle};
use serde::{Deserialize, Serialize};

use super::auth::FOLDER;
use super::part_checksum::PartChecksum;
use super::signer::Signer;
use super::store_error::{StoreError, checked, text};
use crate::store::Access;

/// How long the backend's own requests may take to start; they are sent at once.
const OWN: Duration = Duration::from_secs(60);

pub struct Storage {
    bucket: Bucket,
    /// The same at the store's other hosts.
    mirrors: Vec<Bucket>,
    signer: Signer,
    /// Of objects and parts; where not, one must not even ask for it.
    has_crc64: bool,
    http: Client,
    expires_in: Duration,
    /// By how much our clock is wrong when it signs for others. In our own calls it is right, as with AWS's SDKs, which correct it there alone.
    skew: SignedDuration,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Part {
    // As the protocol has it, and as S3's XML.
    #[serde(alias = "PartNumber")]
    pub part_number: u16,
    #[serde(alias = "ETag")]
    pub etag: String,
    #[serde(alias = "Size", default)]
    pub size: u64,
    /// With a completion, where it was signed: in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
}

/// One page of a list of parts. (rusty-s3's reader wants the document to have its proper name, which it has not in every store.)
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PartsPage {
    #[serde(default)]
    part: Vec<Part>,
    #[serde(default)]
    is_truncated: bool,
    next_part_number_marker: Option<u16>,
}

pub struct Head {
    pub size: u64,
    pub etag: Option<String>,
    pub content_type: Option<String>,
    pub content_encoding: Option<String>,
    pub checksum_crc64nvme: Option<String>,
    pub checksum_crc32c: Option<String>,
    pub checksum_sha256: Option<String>,
}

/// What Complete says, whichever of its two documents comes; both have the element names of S3.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Completed {
    #[serde(rename = "ETag")]
    pub etag: Option<String>,
    pub location: Option<String>,
    #[serde(rename = "ChecksumCRC64NVME")]
    pub checksum_crc64nvme: Option<String>,
    code: Option<String>,
    message: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UnfinishedUploads {
    #[serde(default)]
    pub upload: Vec<Unfinished>,
    #[serde(default)]
    pub is_truncated: bool,
    pub next_key_marker: Option<String>,
    pub next_upload_id_marker: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Unfinished {
    pub key: String,
    pub upload_id: String,
    pub initiated: String,
}

#[derive(Serialize)]
pub struct StoredFile {
    pub key: String,
    pub size: u64,
    pub last_modified: String,
}

impl Storage {
    pub fn new(access: &Access, expires_in: Duration, skew: SignedDuration) -> io::Result<Self> {
        let invalid = |error: String| io::Error::new(io::ErrorKind::InvalidInput, error);
        let bucket = |endpoint: &String| {
            let endpoint = Url::parse(endpoint).map_err(|error| invalid(error.to_string()))?;
            Bucket::new(endpoint, UrlStyle::Path, access.bucket.clone(), access.region.clone())
                .map_err(|error| invalid(error.to_string()))
        };
        Ok(Self {
            bucket: bucket(&access.endpoint)?,
            mirrors: access.mirrors.iter().map(bucket).collect::<io::Result<_>>()?,
            signer: Signer::new(access),
            has_crc64: access.has_crc64,
            // Complete may take minutes, so only the connection has a limit. No proxy: what is signed is for the store alone.
            http: Client::builder()
                .connect_timeout(Duration::from_secs(10))
                .no_proxy()
                .build()
                .map_err(io::Error::other)?,
            expires_in,
            skew,
        })
    }

    pub fn expires_in(&self) -> u64 {
        self.expires_in.as_secs()
    }

    /// A URL to PUT the whole object to; the headers are signed and must be sent as they are.
    pub fn sign_put(&self, key: &str, headers: &BTreeMap<String, String>) -> Url {
        let mut action = PutObject::new(&self.bucket, self.signer.credentials(), key);
        for (name, value) in headers {
            action.headers_mut().insert(name.as_str(), value.as_str());
        }
        self.sign(action)
    }

    pub fn sign_part(&self, key: &str, upload_id: &str, number: u16, headers: &BTreeMap<String, String>) -> Url {
        let mut action = UploadPart::new(&self.bucket, self.signer.credentials(), key, number, upload_id);
        for (name, value) in headers {
            action.headers_mut().insert(name.as_str(), value.as_str());
        }
        self.sign(action)
    }

    /// A URL to GET the object from; `disposition` is what the store shall say in Content-Disposition.
    /// For each host of the store, the usual one first.
    pub fn sign_get(&self, key: &str, disposition: &str) -> Vec<Url> {
        let sign = |bucket: &Bucket| {
            let mut action = GetObject::new(bucket, self.signer.credentials(), key);
            action.query_mut().insert("response-content-disposition", disposition);
            // Chromium holds back an answer that must not be stored; of any other, 50 MB pile up where a disk is slower than the network.
            action.query_mut().insert("response-cache-control", "no-store");
            self.sign(action)
        };
        std::iter::once(&self.bucket).chain(&self.mirrors).map(sign).collect()
    }

    /// Signs what the page will ask for.
    fn sign<'a>(&self, action: impl S3Action<'a>) -> Url {
        self.signer.sign(action, self.expires_in, Timestamp::now() + self.skew)
    }

    /// Signs what we ask for ourselves.
    fn own<'a>(&self, action: impl S3Action<'a>) -> Url {
        self.signer.sign(action, OWN, Timestamp::now())
    }

    pub fn has_crc64(&self) -> bool {
        self.has_crc64
    }

    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    pub async fn create_upload(&self, key: &str, headers: &BTreeMap<String, String>) -> Result<String, StoreError> {
        let mut action = CreateMultipartUpload::new(&self.bucket, self.signer.credentials(), key);
        for (name, value) in headers {
            action.headers_mut().insert(name.as_str(), value.as_str());
        }
        let mut request = self.http.post(self.own(action));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let text = text(checked(request.send().await?).await?).await?;
        CreateMultipartUpload::parse_response(&text)
            .map(|created| created.upload_id().to_owned())
            .map_err(|error| StoreError::unreadable(&error))
    }

    /// All parts that the store holds, over as many pages as there are.
    pub async fn list_parts(&self, key: &str, upload_id: &str) -> Result<Vec<Part>, StoreError> {
        let mut parts = Vec::new();
        let mut marker = None;
        loop {
            let mut action = ListParts::new(&self.bucket, self.signer.credentials(), key, upload_id);
            if let Some(marker) = marker {
                action.set_part_number_marker(marker);
            }
            let text = text(checked(self.http.get(self.own(action)).send().await?).await?).await?;
            let page: PartsPage = quick_xml::de::from_str(&text).map_err(|error| StoreError::unreadable(&error))?;
            parts.extend(page.part);
            let next = page.next_part_number_marker.filter(|next| Some(*next) > marker && *next > 0);
            // A marker alone does not mean that there is more: S3 gives one with every page.
            if !page.is_truncated || next.is_none() {
                return Ok(parts);
            }
            marker = next;
        }
    }

    /// Puts the object together. The store may say 200 first and fail later, in the body.
    pub async fn complete_upload(&self, key: &str, upload_id: &str, parts: &[Part]) -> Result<Completed, StoreError> {
        let action =
            CompleteMultipartUpload::new(&self.bucket, self.signer.credentials(), key, upload_id, std::iter::empty());
        // Our own body: rusty-s3's numbers parts from one on, whatever their numbers are.
        let list: String = parts
            .iter()
            .map(|part| {
                let (number, etag) = (part.part_number, escape(&part.etag));
                // By its length: S3 wants to hear again what was declared, which of the two only SHA-256 was.
                let sha256 = part.checksum.as_deref().filter(|sum| PartChecksum::Sha256.is_valid(sum));
                let sha256 = sha256.map(|sum| format!("<ChecksumSHA256>{sum}</ChecksumSHA256>")).unwrap_or_default();
                format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag>{sha256}</Part>")
            })
            .collect();
        let body = format!(
            "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{list}</CompleteMultipartUpload>"
        );
        let request = self.http.post(self.own(action)).body(body);
        let text = text(checked(request.send().await?).await?).await?;
        let completed: Completed =
            quick_xml::de::from_str(text.trim_start()).map_err(|error| StoreError::unreadable(&error))?;
        match (completed.code, completed.etag) {
            (Some(code), _) => {
                Err(StoreError { code, message: completed.message.unwrap_or_default(), retry_after: None })
            }
            (None, None) => Err(StoreError::unreadable(&"Complete's answer has no ETag")),
            (None, etag) => Ok(Completed { etag, code: None, ..completed }),
        }
    }

    pub async fn abort_upload(&self, key: &str, upload_id: &str) -> Result<(), StoreError> {
        let action = AbortMultipartUpload::new(&self.bucket, self.signer.credentials(), key, upload_id);
        checked(self.http.delete(self.own(action)).send().await?).await?;
        Ok(())
    }

    pub async fn head(&self, key: &str) -> Result<Head, StoreError> {
        let mut action = HeadObject::new(&self.bucket, self.signer.credentials(), key);
        let request = if self.has_crc64 {
            // A signed header and not part of the query, where it would do nothing.
            action.headers_mut().insert("x-amz-checksum-mode", "ENABLED");
            self.http.head(self.own(action)).header("x-amz-checksum-mode", "ENABLED")
        } else {
            self.http.head(self.own(action))
        };
        let response = checked(request.send().await?).await?;
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let hashes = response.headers().get_all("x-goog-hash").iter().filter_map(|hash| hash.to_str().ok());
        Ok(Head {
            size: header("content-length").and_then(|size| size.parse().ok()).unwrap_or(0),
            etag: header("etag"),
            content_type: header("content-type"),
            content_encoding: header("content-encoding"),
            checksum_crc64nvme: header("x-amz-checksum-crc64nvme"),
            checksum_crc32c: hashes
                .flat_map(|hashes| hashes.split(','))
                .find_map(|hash| hash.trim().strip_prefix("crc32c="))
                .map(str::to_owned),
            checksum_sha256: header("x-amz-checksum-sha256"),
        })
    }

    pub async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let action = DeleteObject::new(&self.bucket, self.signer.credentials(), key);
        checked(self.http.delete(self.own(action)).send().await?).await?;
        Ok(())
    }

    /// All objects whose keys start with `prefix`, over as many pages as there are.
    pub async fn list(&self, prefix: &str) -> Result<Vec<StoredFile>, StoreError> {
        let mut files = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let mut action = ListObjectsV2::new(&self.bucket, self.signer.credentials());
            action.with_prefix(prefix);
            if let Some(token) = token.take() {
                action.with_continuation_token(token);
            }
            let text = text(checked(self.http.get(self.own(action)).send().await?).await?).await?;
            let page = ListObjectsV2::parse_response(&text).map_err(|error| StoreError::unreadable(&error))?;
            files.extend(page.contents.into_iter().map(|object| StoredFile {
                key: object.key,
                size: object.size.unwrap_or(0),
                last_modified: object.last_modified.unwrap_or_default(),
            }));
            match page.next_continuation_token {
                Some(next) => token = Some(next),
                None => return Ok(files),
            }
        }
    }

    /// One page of the uploads that are neither complete nor aborted. rusty-s3 has no such action.
    pub async fn unfinished(&self, after: Option<(String, String)>) -> Result<UnfinishedUploads, StoreError> {
        // A signed query is in order; those of other applications in the same bucket are none of ours.
        let mut query = vec![("prefix", FOLDER), ("uploads", "")];
        if let Some((key, upload_id)) = &after {
            query.insert(0, ("key-marker", key));
            query.insert(2, ("upload-id-marker", upload_id));
        }
        let url = self.signer.sign_list(&self.bucket, query, OWN);
        let text = text(checked(self.http.get(url).send().await?).await?).await?;
        quick_xml::de::from_str(&text).map_err(|error| StoreError::unreadable(&error))
    }
}
