//! Calls to a backend that speaks JSON, by fetch.

use gloo_net::http::{Headers, Method, RequestBuilder};
use js_sys::{Function, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::RequestCredentials;

use super::{abort::AbortOnDrop, json};
use crate::core::{
    answer,
    error::{Code, Error, Failure},
    http,
    json::Json,
};

/// No answer of the protocol is longer: 10,000 signed URLs of 1,600 characters.
const LONGEST_ANSWER: u64 = 16 << 20;

/// Where the backend is, and what it is sent with each call.
pub struct Endpoint {
    /// Without a slash at its end.
    pub url: String,
    /// HeadersInit, or a function that returns one or a promise of one, asked afresh for each request.
    pub headers: JsValue,
    pub credentials: Option<RequestCredentials>,
}

/// The backend's success.
pub(super) struct Said {
    /// What it is when it is not to be used; some answer a deletion with nothing.
    pub body: Result<Json, Failure>,
    /// Readable on the page's own origin, or where CORS exposes it.
    pub date: Option<String>,
}

impl Endpoint {
    pub(super) async fn call(&self, method: Method, path: &str, body: Option<JsValue>) -> Result<Said, Failure> {
        let refused = |_| Failure::fatal(Error::new(Code::Backend, "The browser refuses a request to the backend."));
        let abort = AbortOnDrop::new().map_err(refused)?;
        let headers = self.headers().await?;
        headers.set("accept", "application/json");
        if body.is_some() {
            headers.set("content-type", "application/json");
        }
        let mut request = RequestBuilder::new(&format!("{}{path}", self.url))
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
}
