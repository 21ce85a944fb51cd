//! Signed URLs, and the few calls to the store that the backend makes itself.

use std::time::Duration;

use axum::http::{HeaderMap, Method};
use reqwest::{Client, Url};
use rusty_s3::{Bucket, Credentials, S3Action, actions};
use serde::{Deserialize, Serialize};

use crate::user::{Refused, refused};

pub const LIFE: Duration = Duration::from_secs(900);
/// Headers that are signed, and so must be sent to the letter.
pub type Headers = Vec<(String, String)>;

pub struct Store {
    pub bucket: Bucket,
    pub keys: Credentials,
    pub http: Client,
}

/// As the protocol has it, and as S3's XML.
#[derive(Deserialize, Serialize)]
pub struct Part {
    #[serde(alias = "PartNumber")]
    pub part_number: u16,
    #[serde(alias = "ETag")]
    pub etag: String,
    #[serde(alias = "Size", default)]
    pub size: u64,
}

#[derive(Deserialize, Serialize)]
pub struct Object {
    #[serde(alias = "Key")]
    key: String,
    #[serde(alias = "Size")]
    size: u64,
    #[serde(alias = "LastModified")]
    last_modified: String,
}

/// What is read of S3's documents, errors among them.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
pub struct Said {
    pub upload_id: String,
    #[serde(rename = "ETag")]
    pub etag: String,
    #[serde(rename = "ChecksumCRC64NVME")]
    pub crc64nvme: Option<String>,
    part: Vec<Part>,
    contents: Vec<Object>,
    is_truncated: bool,
    next_part_number_marker: u16,
    next_continuation_token: Option<String>,
    code: Option<String>,
    message: Option<String>,
}

impl Store {
    pub fn sign<'a>(&self, mut action: impl S3Action<'a>, headers: &Headers) -> Url {
        for (name, value) in headers {
            action.headers_mut().insert(name.clone(), value.clone());
        }
        action.sign(LIFE)
    }

    pub async fn create(&self, key: &str, headers: &Headers) -> Result<String, Refused> {
        let create = actions::CreateMultipartUpload::new(&self.bucket, Some(&self.keys), key);
        Ok(self.ask(Method::POST, create, headers, String::new()).await?.1.upload_id)
    }

    /// All of them, over as many pages as there are.
    pub async fn parts(&self, key: &str, upload_id: &str) -> Result<Vec<Part>, Refused> {
        let (mut parts, mut marker) = (Vec::new(), 0);
        loop {
            let mut list = actions::ListParts::new(&self.bucket, Some(&self.keys), key, upload_id);
            list.set_part_number_marker(marker);
            let page = self.ask(Method::GET, list, &Headers::new(), String::new()).await?.1;
            parts.extend(page.part);
            if !page.is_truncated || page.next_part_number_marker <= marker {
                return Ok(parts);
            }
            marker = page.next_part_number_marker;
        }
    }

    pub async fn complete(&self, key: &str, upload_id: &str, parts: &[Part]) -> Result<Said, Refused> {
        let none = std::iter::empty();
        let complete = actions::CompleteMultipartUpload::new(&self.bucket, Some(&self.keys), key, upload_id, none);
        // Our own list: rusty-s3's numbers parts from one on, whatever their numbers are.
        let mut body = String::from("<CompleteMultipartUpload>");
        for Part { part_number, etag, .. } in parts {
            let etag = quick_xml::escape::escape(etag);
            body += &format!("<Part><PartNumber>{part_number}</PartNumber><ETag>{etag}</ETag></Part>");
        }
        body += "</CompleteMultipartUpload>";
        Ok(self.ask(Method::POST, complete, &Headers::new(), body).await?.1)
    }

    pub async fn abort(&self, key: &str, upload_id: &str) -> Result<(), Refused> {
        let abort = actions::AbortMultipartUpload::new(&self.bucket, Some(&self.keys), key, upload_id);
        match self.ask(Method::DELETE, abort, &Headers::new(), String::new()).await {
            Err(Refused(_, words, code)) if code != "NoSuchUpload" => Err(Refused(502, words, code)),
            _ => Ok(()),
        }
    }

    pub async fn head(&self, key: &str) -> Result<HeaderMap, Refused> {
        let head = actions::HeadObject::new(&self.bucket, Some(&self.keys), key);
        // A signed header: in the query it would do nothing. Backblaze B2 refuses it.
        let mode = vec![("x-amz-checksum-mode".into(), "ENABLED".into())];
        Ok(self.ask(Method::HEAD, head, &mode, String::new()).await?.0)
    }

    pub async fn delete(&self, key: &str) -> Result<(), Refused> {
        let delete = actions::DeleteObject::new(&self.bucket, Some(&self.keys), key);
        self.ask(Method::DELETE, delete, &Headers::new(), String::new()).await.map(drop)
    }

    /// All of them, over as many pages as there are.
    pub async fn list(&self, prefix: &str) -> Result<Vec<Object>, Refused> {
        let (mut objects, mut token) = (Vec::new(), None::<String>);
        loop {
            let mut list = actions::ListObjectsV2::new(&self.bucket, Some(&self.keys));
            list.with_prefix(prefix);
            // Keys as they are, in place of `encoding-type=url`.
            list.query_mut().remove("encoding-type");
            if let Some(token) = token {
                list.with_continuation_token(token);
            }
            let page = self.ask(Method::GET, list, &Headers::new(), String::new()).await?.1;
            objects.extend(page.contents);
            token = page.next_continuation_token;
            if token.is_none() {
                return Ok(objects);
            }
        }
    }

    /// An error may also come after the head of a success.
    async fn ask<'a>(
        &self,
        method: Method,
        action: impl S3Action<'a>,
        headers: &Headers,
        body: String,
    ) -> Result<(HeaderMap, Said), Refused> {
        // Without its URL, which is signed and so a secret.
        let broken = |error: reqwest::Error| refused(502, error.without_url().to_string());
        let mut request = self.http.request(method, self.sign(action, headers)).body(body);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let response = request.send().await.map_err(broken)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.map_err(broken)?;
        let said = match text.trim_start() {
            "" => Said::default(),
            xml => quick_xml::de::from_str(xml).map_err(|_| refused(502, "The store's answer can't be read"))?,
        };
        if status.is_success() && said.code.is_none() {
            return Ok((headers, said));
        }
        let code = said.code.unwrap_or_else(|| status.as_u16().to_string());
        let ours = match code.as_str() {
            "404" | "NoSuchKey" | "NoSuchUpload" => 404,
            "InvalidPart" | "EntityTooSmall" => 409,
            "SlowDown" => 503,
            _ => 502,
        };
        Err(Refused(ours, said.message.unwrap_or_else(|| format!("The store answered {status}")), code))
    }
}
