//! A backend that speaks this project's protocol, by fetch.

use gloo_net::http::{Headers, Method, RequestBuilder};
use js_sys::{Array, Function, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::RequestCredentials;

use super::{abort::AbortOnDrop, json};
use crate::{
    core::{
        answer,
        error::{Code, Error, Failure},
        http,
        json::Json,
        protocol::{
            self, Completion, DownloadGrant, PartGrants, StoredFile, UploadGrant, UploadRef, UploadRequest, key_path,
        },
    },
    drive::seams::Backend,
};

/// No answer of the protocol is longer: 10,000 signed URLs of 1,600 characters.
const LONGEST_ANSWER: u64 = 16 << 20;

pub struct HttpBackend {
    /// Without a slash at its end.
    pub endpoint: String,
    /// HeadersInit, or a function that returns one or a promise of one, asked afresh for each request.
    pub headers: JsValue,
    pub credentials: Option<RequestCredentials>,
}

impl HttpBackend {
    async fn call(&self, method: Method, path: &str, body: Option<JsValue>) -> Result<Json, Failure> {
        let refused = |_| Failure::fatal(Error::new(Code::Backend, "The browser refuses a request to the backend."));
        let abort = AbortOnDrop::new().map_err(refused)?;
        let headers = self.headers().await?;
        headers.set("accept", "application/json");
        if body.is_some() {
            headers.set("content-type", "application/json");
        }
        let mut request = RequestBuilder::new(&format!("{}{path}", self.endpoint))
            .method(method)
            .headers(headers)
            .abort_signal(Some(&abort.signal()));
        if let Some(credentials) = self.credentials {
            request = request.credentials(credentials);
        }
        let request = match body.as_ref().and_then(json::stringify) {
            Some(body) => request.body(body),
            None => request.build(),
        };
        let request = request.map_err(|_| refused(JsValue::UNDEFINED))?;
        let response = request.send().await.map_err(|_| Failure::network())?;
        let head = http::Headers::new(response.headers().entries());
        let status = response.status();
        if head.integer("content-length").is_some_and(|length| length > LONGEST_ANSWER) {
            let message = "The backend's answer is larger than any answer of the protocol.";
            return Err(Failure::fatal(Error::new(Code::Backend, message).with_status(status)));
        }
        let text = response.text().await.map_err(|_| Failure::network())?;
        let body = json::parse(&text);
        if !response.ok() {
            return Err(answer::backend(status, head.retry_after(), body.as_ref()));
        }
        body.ok_or_else(|| answer::not_json(status, head.get("content-type").unwrap_or_default()))
    }

    async fn headers(&self) -> Result<Headers, Failure> {
        let failed = |value: JsValue| {
            let why = value.dyn_ref::<js_sys::Error>().map(|error| String::from(error.message())).unwrap_or_default();
            Failure::fatal(Error::new(Code::InvalidOption, format!("`headers` gave no headers: {why}")))
        };
        let mut init = self.headers.clone();
        if let Some(function) = init.dyn_ref::<Function>() {
            init = function.call0(&JsValue::UNDEFINED).map_err(failed)?;
        }
        if let Some(promise) = init.dyn_ref::<Promise>() {
            init = JsFuture::from(promise.clone()).await.map_err(failed)?;
        }
        let headers = match init.is_undefined() || init.is_null() {
            true => web_sys::Headers::new(),
            // HeadersInit has three forms; the constructor takes any.
            false => web_sys::Headers::new_with_record_from_str_to_str(init.unchecked_ref()),
        };
        headers.map(Headers::from_raw).map_err(failed)
    }

    async fn post(&self, path: &str, members: &[(&str, JsValue)]) -> Result<Json, Failure> {
        self.call(Method::POST, path, Some(json::object(members))).await
    }
}

impl Backend for HttpBackend {
    async fn request_upload(&self, request: &UploadRequest) -> Result<UploadGrant, Failure> {
        let text = |text: &Option<String>| text.as_deref().map_or(JsValue::UNDEFINED, JsValue::from_str);
        let metadata: Vec<_> =
            request.metadata.iter().map(|(name, value)| (name.as_str(), JsValue::from_str(value))).collect();
        let members = [
            ("filename", JsValue::from_str(&request.filename)),
            ("content_type", JsValue::from_str(&request.content_type)),
            ("size", JsValue::from_f64(request.size as f64)),
            ("multipart", JsValue::TRUE),
            ("key", text(&request.key)),
            ("metadata", if metadata.is_empty() { JsValue::UNDEFINED } else { json::object(&metadata) }),
            ("part_size", request.part_size.map_or(JsValue::UNDEFINED, |size| JsValue::from_f64(size as f64))),
        ];
        protocol::upload_grant(&self.post("/request-upload", &members).await?).map_err(Failure::fatal)
    }

    async fn request_parts(&self, upload: &UploadRef, parts: &[u32]) -> Result<PartGrants, Failure> {
        let numbers: Array = parts.iter().map(|number| JsValue::from(*number)).collect();
        let [key, id] = names(upload);
        let answer = self.post("/request-parts", &[key, id, ("part_numbers", numbers.into())]).await?;
        protocol::part_grants(&answer).map_err(Failure::fatal)
    }

    async fn complete_upload(&self, upload: &UploadRef, parts: &[(u32, String)]) -> Result<Completion, Failure> {
        let part = |(number, etag): &(u32, String)| {
            json::object(&[("part_number", JsValue::from(*number)), ("etag", JsValue::from_str(etag))])
        };
        let parts: Array = parts.iter().map(part).collect();
        let [key, id] = names(upload);
        let answer = self.post("/complete-upload", &[key, id, ("parts", parts.into())]).await?;
        protocol::completion(&answer, &upload.key).map_err(Failure::fatal)
    }

    async fn abort_upload(&self, upload: &UploadRef) -> Result<(), Failure> {
        self.post("/abort-upload", &names(upload)).await.map(drop)
    }

    async fn request_download(&self, key: &str) -> Result<DownloadGrant, Failure> {
        let answer = self.call(Method::GET, &format!("/request-download/{}", key_path(key)), None).await?;
        protocol::download_grant(&answer).map_err(Failure::fatal)
    }

    async fn list(&self, prefix: Option<&str>) -> Result<Vec<StoredFile>, Failure> {
        let query = prefix.map_or(String::new(), |prefix| format!("?prefix={}", key_path(prefix)));
        protocol::stored_files(&self.call(Method::GET, &format!("/files{query}"), None).await?).map_err(Failure::fatal)
    }

    async fn remove(&self, key: &str) -> Result<(), Failure> {
        self.call(Method::DELETE, &format!("/files/{}", key_path(key)), None).await.map(drop)
    }
}

fn names(upload: &UploadRef) -> [(&'static str, JsValue); 2] {
    [("file_key", JsValue::from_str(&upload.key)), ("upload_id", JsValue::from_str(&upload.upload_id))]
}
