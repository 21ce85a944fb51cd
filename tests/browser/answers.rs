//! Answers that no server should give: each ends in the right error, and never in a hang.

use presigned::{
    core::{
        answer,
        error::{Code, Failure},
        protocol::UploadGrant,
    },
    drive::seams::{Backend, Transport},
    web::{BlobSource, BrowserTransport, HttpBackend},
};
use wasm_bindgen::JsValue;
use wasm_bindgen_test::wasm_bindgen_test;

use super::server::{backend, blob, bytes, faults, heal, page, request};

async fn refused(user: &str, fault: &str) -> Failure {
    let backend = backend(user).await;
    faults(&format!(r#"{{"on":"request-upload","do":{fault}}}"#)).await;
    let answer = backend.request_upload(&request("a.bin", 10)).await;
    heal().await;
    answer.expect_err("a fault")
}

#[wasm_bindgen_test]
async fn a_backend_that_answers_nonsense() {
    for (fault, code, words) in [
        (r#"{"html":200}"#, Code::Backend, "endpoint"),
        (r#"{"html":502}"#, Code::Backend, "502"),
        (r#"{"unset":["upload_url"]}"#, Code::Backend, "upload_url"),
        (r#"{"set":{"upload_url":"javascript:alert(1)"}}"#, Code::Backend, "upload_url"),
        (r#"{"set":{"expires_in":-1}}"#, Code::Backend, "expires_in"),
        (r#"{"status":401}"#, Code::AccessDenied, "401"),
        (r#"{"status":403}"#, Code::AccessDenied, "403"),
        (r#"{"status":429,"retry_after":3}"#, Code::RateLimited, "429"),
        (r#"{"cut_response":0}"#, Code::Network, "answer"),
    ] {
        let failure = refused("nonsense", fault).await;
        assert_eq!(failure.error.code, code, "{fault}: {}", failure.error.message);
        assert!(failure.error.message.contains(words), "{fault}: {}", failure.error.message);
    }
}

#[wasm_bindgen_test]
async fn a_part_without_a_readable_etag() {
    let backend = backend("etag").await;
    let request = presigned::core::protocol::UploadRequest { part_size: Some(5 << 20), ..request("etag.bin", 6 << 20) };
    let UploadGrant::Parts { grants, .. } = backend.request_upload(&request).await.unwrap() else { panic!("parts") };
    faults(r#"{"on":"part","do":{"hide_etag":true}}"#).await;
    let source = BlobSource::new(blob(&bytes(6 << 20)));
    let response = BrowserTransport::default().put(&grants.parts[0].1, &source, 0, 5 << 20, |_| {}).await.unwrap();
    heal().await;
    assert_eq!(response.status, 200);
    let failure = answer::part_etag(&response).unwrap_err();
    assert_eq!(failure.error.code, Code::Cors);
    assert!(failure.error.message.contains("ExposeHeaders"), "with the rule to paste");
}

#[wasm_bindgen_test]
async fn who_is_not_signed_in_is_told() {
    let nobody = HttpBackend { endpoint: page(""), headers: JsValue::UNDEFINED, credentials: None };
    let failure = nobody.list(None).await.unwrap_err();
    assert_eq!((failure.error.code, failure.error.status), (Code::AccessDenied, Some(401)));
}

#[wasm_bindgen_test]
async fn headers_are_asked_afresh_for_each_request() {
    let token = backend("afresh").await.headers;
    let asked = js_sys::Array::new();
    let function = js_sys::Function::new_with_args("", "this.asked.push(1); return Promise.resolve(this.token)");
    let this = js_sys::Object::new();
    js_sys::Reflect::set(&this, &"asked".into(), &asked).unwrap();
    js_sys::Reflect::set(&this, &"token".into(), &token).unwrap();
    let headers = function.bind0(&this).into();
    let backend = HttpBackend { endpoint: page(""), headers, credentials: None };
    backend.list(None).await.unwrap();
    backend.list(Some("uploads/afresh/a b/ü+%")).await.unwrap();
    assert_eq!(asked.length(), 2);
}

#[wasm_bindgen_test]
async fn keys_survive_the_way_byte_for_byte() {
    let backend = backend("keys").await;
    for name in
        ["plain.txt", "a b.txt", "a+b.txt", "ü€😀.txt", "100%.txt", "a%2Fb.txt", "q?x=1&y#z.txt", "sub/folder/x.txt"]
    {
        let key = format!("uploads/keys/{name}");
        let request = presigned::core::protocol::UploadRequest { key: Some(key.clone()), ..request(name, 3) };
        let UploadGrant::Whole { signed, key: granted, .. } = backend.request_upload(&request).await.unwrap() else {
            panic!("one PUT")
        };
        assert_eq!(granted, key);
        let source = BlobSource::new(blob(&bytes(3)));
        let response = BrowserTransport::default().put(&signed, &source, 0, 3, |_| {}).await.unwrap();
        assert_eq!(response.status, 200, "{key}: {}", response.body);
        assert!(backend.list(Some(&key)).await.unwrap().iter().any(|file| file.key == key && file.size == 3), "{key}");
        assert!(backend.request_download(&key).await.is_ok(), "{key}");
        backend.remove(&key).await.unwrap();
        assert!(backend.list(Some(&key)).await.unwrap().is_empty(), "{key}");
    }
}
