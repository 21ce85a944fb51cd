//! Answers that no server should give: each ends in the right error, and never in a hang.

use futures_util::future::join_all;
use presigned::{
    core::{
        error::{Code, Failure},
        kept,
        protocol::UploadGrant,
    },
    drive::seams::{Backend, Transport},
    web::{BlobSource, BrowserTransport},
};
use wasm_bindgen::JsValue;
use wasm_bindgen_test::wasm_bindgen_test;

use super::server::{backend, blob, bytes, faults, headers_of, heal, hits, request, server};

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
    let failure = kept::part_etag(&response, None).unwrap_err();
    assert_eq!(failure.error.code, Code::Cors);
    assert!(failure.error.message.contains("ExposeHeaders"), "with the rule to paste");
}

#[wasm_bindgen_test]
async fn who_is_not_signed_in_is_told() {
    let nobody = server(JsValue::UNDEFINED);
    let failure = nobody.list(None).await.unwrap_err();
    assert_eq!((failure.error.code, failure.error.status), (Code::AccessDenied, Some(401)));
}

#[wasm_bindgen_test]
async fn headers_are_asked_afresh_for_each_request() {
    let token = headers_of("afresh").await;
    let asked = js_sys::Array::new();
    let function = js_sys::Function::new_with_args("", "this.asked.push(1); return Promise.resolve(this.token)");
    let this = js_sys::Object::new();
    js_sys::Reflect::set(&this, &"asked".into(), &asked).unwrap();
    js_sys::Reflect::set(&this, &"token".into(), &token).unwrap();
    let headers = function.bind0(&this).into();
    let backend = server(headers);
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

#[wasm_bindgen_test]
async fn what_is_asked_together_goes_together() {
    let backend = backend("batch").await;
    // A fault that does nothing counts what passes.
    faults(r#"{"on":"request-uploads","do":{"delay_ms":0}},{"on":"request-upload","do":{"delay_ms":0}}"#).await;
    let files: Vec<_> = ["one", "two", "three"].map(|name| request(name, 3)).into();
    let whole = |request| presigned::core::protocol::UploadRequest { part_size: Some(5 << 20), ..request };
    let mut files: Vec<_> = files.into_iter().map(whole).collect();
    // Nobody may store there; that is this file's own misfortune.
    files[1].key = Some("uploads/somebody-else/two".to_owned());
    let grants = join_all(files.iter().map(|file| backend.request_upload(file))).await;
    let calls = (hits(0).await, hits(1).await);
    heal().await;
    assert_eq!(calls, (1.0, 0.0));
    let keys: Vec<_> = grants
        .iter()
        .map(|grant| match grant {
            Ok(UploadGrant::Whole { key, .. }) => key.rsplit('/').next().unwrap_or_default(),
            Ok(_) => "in parts",
            Err(failure) => failure.error.code.name(),
        })
        .collect();
    assert_eq!(
        (keys[0].ends_with("one"), keys[1], keys[2].ends_with("three")),
        (true, "access-denied", true),
        "{keys:?}"
    );
}

#[wasm_bindgen_test]
async fn a_backend_without_batches_is_asked_one_by_one() {
    let backend = backend("no-batch").await;
    faults(r#"{"on":"request-uploads","do":{"status":501}},{"on":"request-upload","do":{"delay_ms":0}}"#).await;
    let file = presigned::core::protocol::UploadRequest { part_size: Some(5 << 20), ..request("a", 3) };
    for _ in 0..2 {
        let grants = join_all([backend.request_upload(&file), backend.request_upload(&file)]).await;
        assert!(grants.iter().all(Result::is_ok));
    }
    let calls = (hits(0).await, hits(1).await);
    heal().await;
    assert_eq!(calls, (1.0, 4.0));
}
