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
            self, Completion, DownloadGrant, PartGrants, StoredFile, StoredPart, UploadGrant, UploadRef, UploadRequest,
            key_path,
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

/// The backend's success.
struct Said {
    /// What it is when it is not to be used; some answer a deletion with nothing.
    body: Result<Json, Failure>,
    /// Readable on the page's own origin, or where CORS exposes it.
    date: Option<String>,
}

impl HttpBackend {
    async fn call(&self, method: Method, path: &str, body: Option<JsValue>) -> Result<Said, Failure> {
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
        let body = body.ok_or_else(|| answer::not_json(status, head.get("content-type").unwrap_or_default()));
        Ok(Said { body, date: head.get("date").map(str::to_owned) })
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

    async fn get(&self, path: &str) -> Result<Json, Failure> {
        self.call(Method::GET, path, None).await?.body
    }

    async fn post(&self, path: &str, members: &[(&str, JsValue)]) -> Result<Said, Failure> {
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
        let Said { body, date } = self.post("/request-upload", &members).await?;
        let grant = protocol::upload_grant(&body?).map_err(Failure::fatal)?;
        Ok(grant.dated(date.as_deref()))
    }

    async fn request_parts(&self, upload: &UploadRef, parts: &[u32]) -> Result<PartGrants, Failure> {
        let numbers: Array = parts.iter().map(|number| JsValue::from(*number)).collect();
        let [key, id] = names(upload);
        let Said { body, date } = self.post("/request-parts", &[key, id, ("part_numbers", numbers.into())]).await?;
        let grants = protocol::part_grants(&body?).map_err(Failure::fatal)?;
        Ok(grants.dated(date.as_deref()))
    }

    async fn list_parts(&self, upload: &UploadRef) -> Result<Vec<StoredPart>, Failure> {
        let answer = self.post("/list-parts", &names(upload)).await?.body?;
        protocol::stored_parts(&answer).map_err(Failure::fatal)
    }

    async fn complete_upload(
        &self,
        upload: &UploadRef,
        parts: &[(u32, String)],
        size: u64,
    ) -> Result<Completion, Failure> {
        let part = |(number, etag): &(u32, String)| {
            json::object(&[("part_number", JsValue::from(*number)), ("etag", JsValue::from_str(etag))])
        };
        let parts: Array = parts.iter().map(part).collect();
        let [key, id] = names(upload);
        let answer = self.post("/complete-upload", &[key, id, ("parts", parts.into())]).await?.body?;
        protocol::completion(&answer, &upload.key, size)
    }

    async fn abort_upload(&self, upload: &UploadRef) -> Result<(), Failure> {
        self.post("/abort-upload", &names(upload)).await.map(drop)
    }

    async fn request_download(&self, key: &str) -> Result<DownloadGrant, Failure> {
        let Said { body, date } = self.call(Method::GET, &format!("/request-download/{}", key_path(key)), None).await?;
        let grant = protocol::download_grant(&body?).map_err(Failure::fatal)?;
        Ok(grant.dated(date.as_deref()))
    }

    async fn list(&self, prefix: Option<&str>) -> Result<Vec<StoredFile>, Failure> {
        let query = prefix.map_or(String::new(), |prefix| format!("?prefix={}", key_path(prefix)));
        protocol::stored_files(&self.get(&format!("/files{query}")).await?).map_err(Failure::fatal)
    }

    async fn remove(&self, key: &str) -> Result<(), Failure> {
        self.call(Method::DELETE, &format!("/files/{}", key_path(key)), None).await.map(drop)
    }
}

fn names(upload: &UploadRef) -> [(&'static str, JsValue); 2] {
    [("file_key", JsValue::from_str(&upload.key)), ("upload_id", JsValue::from_str(&upload.upload_id))]
}
