//! A backend that speaks this project's protocol: a server, or functions of the page in its stead.

use std::rc::Rc;

use gloo_net::http::Method;
use js_sys::Array;
use wasm_bindgen::JsValue;

use super::{
    batch::Batch,
    endpoint::{Endpoint, Said},
    functions::Functions,
    json,
};
use crate::{
    core::{
        checkpoint::NotedPart,
        error::Failure,
        protocol::{
            self, Completion, DownloadGrant, PartGrants, StoredFile, StoredPart, UnsignedPart, UploadGrant, UploadRef,
            UploadRequest, key_path,
        },
    },
    drive::seams::Backend,
};

/// Who answers.
pub enum Peer {
    Server(Endpoint),
    Page(Functions),
}

pub struct BrowserBackend {
    peer: Rc<Peer>,
    batch: Rc<Batch>,
}

impl BrowserBackend {
    /// `warn` is told what it can't do.
    pub fn new(peer: Peer, warn: impl Fn(&str) + 'static) -> Self {
        let batch = Batch::new(matches!(peer, Peer::Server(_)), warn);
        Self { peer: Rc::new(peer), batch: Rc::new(batch) }
    }

    /// What tells its saved transfers from those of others.
    pub fn name(&self) -> &str {
        match &*self.peer {
            Peer::Server(endpoint) => &endpoint.url,
            Peer::Page(functions) => &functions.name,
        }
    }
}

impl Peer {
    pub(super) async fn call(&self, method: Method, path: &str, body: Option<JsValue>) -> Result<Said, Failure> {
        match self {
            Self::Server(endpoint) => endpoint.call(method, path, body).await,
            Self::Page(functions) => functions.call(method, path, body).await,
        }
    }

    async fn post(&self, path: &str, members: &[(&str, JsValue)]) -> Result<Said, Failure> {
        self.call(Method::POST, path, Some(json::object(members))).await
    }
}

impl Backend for BrowserBackend {
    async fn request_upload(&self, request: &UploadRequest) -> Result<UploadGrant, Failure> {
        let file = file(request);
        let small = request.part_size.is_some_and(|size| request.size <= size);
        let said = match small {
            true => self.batch.ask(&self.peer, &file).await,
            false => None,
        };
        let Said { body, date } = match said {
            Some(said) => said?,
            None => self.peer.call(Method::POST, "/request-upload", Some(file)).await?,
        };
        let body = body?;
        protocol::confirm_encoding(request, &body).map_err(Failure::fatal)?;
        let grant = protocol::upload_grant(&body).map_err(Failure::fatal)?;
        Ok(grant.dated(date.as_deref()))
    }

    async fn request_parts(&self, upload: &UploadRef, parts: &[UnsignedPart]) -> Result<PartGrants, Failure> {
        let numbers: Array = parts.iter().map(|part| JsValue::from(part.number)).collect();
        let sums: Vec<_> = parts.iter().filter_map(|part| Some((part.number.to_string(), part.sum?.text()))).collect();
        let sums: Vec<_> = sums.iter().map(|(number, sum)| (number.as_str(), JsValue::from_str(sum))).collect();
        let sums = if sums.is_empty() { JsValue::UNDEFINED } else { json::object(&sums) };
        let [key, id] = names(upload);
        let members = [key, id, ("part_numbers", numbers.into()), ("checksums", sums)];
        let Said { body, date } = self.peer.post("/request-parts", &members).await?;
        let grants = protocol::part_grants(&body?).map_err(Failure::fatal)?;
        Ok(grants.dated(date.as_deref()))
    }

    async fn list_parts(&self, upload: &UploadRef) -> Result<Vec<StoredPart>, Failure> {
        let answer = self.peer.post("/list-parts", &names(upload)).await?.body?;
        protocol::stored_parts(&answer).map_err(Failure::fatal)
    }

    async fn complete_upload(&self, upload: &UploadRef, parts: &[NotedPart], size: u64) -> Result<Completion, Failure> {
        let part = |NotedPart { number, etag, sum }: &NotedPart| {
            let sum = sum.map_or(JsValue::UNDEFINED, |sum| sum.text().into());
            json::object(&[
                ("part_number", JsValue::from(*number)),
                ("etag", JsValue::from_str(etag)),
                ("checksum", sum),
            ])
        };
        let parts: Array = parts.iter().map(part).collect();
        let [key, id] = names(upload);
        let answer = self.peer.post("/complete-upload", &[key, id, ("parts", parts.into())]).await?.body?;
        protocol::completion(&answer, &upload.key, size)
    }

    async fn abort_upload(&self, upload: &UploadRef) -> Result<(), Failure> {
        self.peer.post("/abort-upload", &names(upload)).await.map(drop)
    }

    async fn request_download(&self, key: &str) -> Result<DownloadGrant, Failure> {
        let Said { body, date } =
            self.peer.call(Method::GET, &format!("/request-download/{}", key_path(key)), None).await?;
        let grant = protocol::download_grant(&body?).map_err(Failure::fatal)?;
        Ok(grant.dated(date.as_deref()))
    }

    async fn list(&self, prefix: Option<&str>) -> Result<Vec<StoredFile>, Failure> {
        let query = prefix.map_or(String::new(), |prefix| format!("?prefix={}", key_path(prefix)));
        let answer = self.peer.call(Method::GET, &format!("/files{query}"), None).await?.body?;
        protocol::stored_files(&answer).map_err(Failure::fatal)
    }

    async fn remove(&self, key: &str) -> Result<(), Failure> {
        self.peer.call(Method::DELETE, &format!("/files/{}", key_path(key)), None).await.map(drop)
    }
}

fn names(upload: &UploadRef) -> [(&'static str, JsValue); 2] {
    [("file_key", JsValue::from_str(&upload.key)), ("upload_id", JsValue::from_str(&upload.upload_id))]
}

/// What the backend is told of a file.
fn file(request: &UploadRequest) -> JsValue {
    let text = |text: &Option<String>| text.as_deref().map_or(JsValue::UNDEFINED, JsValue::from_str);
    let metadata: Vec<_> =
        request.metadata.iter().map(|(name, value)| (name.as_str(), JsValue::from_str(value))).collect();
    json::object(&[
        ("filename", JsValue::from_str(&request.filename)),
        ("content_type", JsValue::from_str(&request.content_type)),
        ("size", JsValue::from_f64(request.size as f64)),
        ("multipart", JsValue::TRUE),
        ("key", text(&request.key)),
        ("metadata", if metadata.is_empty() { JsValue::UNDEFINED } else { json::object(&metadata) }),
        ("content_encoding", if request.unpacked.is_some() { "gzip".into() } else { JsValue::UNDEFINED }),
        ("form", if request.form_refused { JsValue::FALSE } else { JsValue::UNDEFINED }),
        ("part_size", request.part_size.map_or(JsValue::UNDEFINED, |size| JsValue::from_f64(size as f64))),
    ])
}
