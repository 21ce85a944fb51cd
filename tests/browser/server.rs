//! The mock server as these tests see it: sign-in, faults, counters.

use std::rc::Rc;

use gloo_net::http::Request;
use js_sys::{Object, Reflect, Uint8Array};
use presigned::{
    core::protocol::UploadRequest,
    drive::seams::{Backend, Clock},
    web::{BrowserBackend, BrowserClock, Endpoint, Peer},
};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::Blob;

pub fn page(path: &str) -> String {
    format!("{}{path}", option_env!("PRESIGNED_PAGE").unwrap_or("http://127.0.0.1:18080/").trim_end_matches('/'))
}

/// A backend signed in as a user of its own, so that tests don't see each other's files.
pub async fn backend(user: &str) -> BrowserBackend {
    server(headers_of(user).await)
}

pub fn server(headers: JsValue) -> BrowserBackend {
    BrowserBackend::new(Peer::Server(Endpoint { url: page(""), headers, credentials: None }), |_| {})
}

pub async fn headers_of(user: &str) -> JsValue {
    let login = Request::post(&page("/login")).header("content-type", "application/json");
    let answer = login.body(format!("{{\"user\":\"{user}\"}}")).unwrap().send().await.unwrap();
    let token = get(&json(&answer.text().await.unwrap()), "token").as_string().expect("a token");
    let headers = Object::new();
    Reflect::set(&headers, &"authorization".into(), &format!("Bearer {token}").into()).unwrap();
    headers.into()
}

pub fn request(filename: &str, size: u64) -> UploadRequest {
    UploadRequest {
        filename: filename.into(),
        content_type: "application/octet-stream".into(),
        size,
        key: None,
        metadata: Vec::new(),
        part_size: None,
        form_refused: false,
        unpacked: None,
    }
}

/// Rules of the fault machine, in force until `heal`.
pub async fn faults(rules: &str) {
    let put = Request::put(&page("/_faults")).header("content-type", "application/json");
    let answer = put.body(format!("{{\"seed\":1,\"rules\":[{rules}]}}")).unwrap().send().await.unwrap();
    assert!(answer.ok(), "{}", answer.text().await.unwrap());
}

pub async fn heal() {
    assert!(Request::delete(&page("/_faults")).send().await.unwrap().ok());
}

/// A counter of the store; one within another is named with a slash.
pub async fn stat(name: &str) -> f64 {
    counter("/_stats", name).await
}

/// How often the fault at this place was met.
pub async fn hits(index: usize) -> f64 {
    counter("/_faults", &format!("rules/{index}/hits")).await
}

async fn counter(route: &str, name: &str) -> f64 {
    let text = Request::get(&page(route)).send().await.unwrap().text().await.unwrap();
    name.split('/').fold(json(&text), |value, name| get(&value, name)).as_f64().unwrap_or_default()
}

/// Waits until a counter has that value; a test that waits in vain ends with its runner's own limit.
pub async fn until_stat(name: &str, value: f64) {
    while stat(name).await != value {
        pause(20).await;
    }
}

pub async fn pause(span: u64) {
    BrowserClock.sleep_until(BrowserClock.now() + span).await;
}

/// Bytes that differ everywhere, so that no two parts are alike.
pub fn bytes(length: u32) -> Uint8Array {
    let mut state = 0x9e37_79b9_u32;
    let words: Vec<u8> = (0..length.div_ceil(4))
        .flat_map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state.to_le_bytes()
        })
        .take(length as usize)
        .collect();
    Uint8Array::from(words.as_slice())
}

pub fn blob(bytes: &Uint8Array) -> Blob {
    Blob::new_with_u8_array_sequence(&js_sys::Array::of1(bytes)).unwrap()
}

pub async fn read(blob: &Blob) -> Uint8Array {
    Uint8Array::new(&JsFuture::from(blob.array_buffer()).await.unwrap())
}

/// SHA-256 by WebCrypto, in hexadecimal.
pub async fn sha256(bytes: &Uint8Array) -> String {
    let crypto = get(&js_sys::global(), "crypto");
    let subtle = get(&crypto, "subtle");
    let digest: js_sys::Function = get(&subtle, "digest").unchecked_into();
    let promise: js_sys::Promise = digest.call2(&subtle, &"SHA-256".into(), bytes).unwrap().unchecked_into();
    let digest = Uint8Array::new(&JsFuture::from(promise).await.unwrap());
    digest.to_vec().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Stores these bytes with one PUT and returns their key.
pub async fn stored(backend: &BrowserBackend, name: &str, bytes: &Uint8Array) -> String {
    use presigned::{
        core::protocol::UploadGrant,
        drive::seams::Transport,
        web::{BlobSource, BrowserTransport},
    };
    let size = u64::from(bytes.length());
    let request = UploadRequest { part_size: Some(5 << 30), ..request(name, size) };
    let UploadGrant::Whole { key, signed, .. } = backend.request_upload(&request).await.unwrap() else {
        panic!("one PUT for a small file")
    };
    let source = Rc::new(BlobSource::new(blob(bytes)));
    let response = BrowserTransport::default().put(&signed, &source, 0, size, |_| {}).await.unwrap();
    assert_eq!(response.status, 200, "{}", response.body);
    key
}

fn json(text: &str) -> JsValue {
    js_sys::JSON::parse(text).unwrap()
}

fn get(object: &JsValue, name: &str) -> JsValue {
    Reflect::get(object, &name.into()).unwrap()
}
