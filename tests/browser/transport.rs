//! XMLHttpRequest and fetch: progress, abort, ranges, errors.

use std::{cell::RefCell, rc::Rc};

use futures_util::future::{Either, select};
use js_sys::Uint8Array;
use presigned::{
    core::{
        answer,
        error::{Code, Verdict},
        kept,
        protocol::{Method, Signed, UploadGrant},
    },
    drive::seams::{Backend, Body, Chunk, Opened, Transport},
    web::{BlobSource, BrowserTransport},
};
use wasm_bindgen_test::wasm_bindgen_test;

use super::server::{backend, blob, bytes, faults, heal, pause, request, stat, stored, until_stat};

async fn one_put(user: &str, size: u64) -> Signed {
    let request = presigned::core::protocol::UploadRequest { part_size: Some(5 << 30), ..request("one", size) };
    match backend(user).await.request_upload(&request).await.unwrap() {
        UploadGrant::Whole { signed, .. } => signed,
        _ => panic!("one PUT for a small file"),
    }
}

#[wasm_bindgen_test]
async fn a_put_tells_each_step_and_ends_with_an_etag() {
    // Large and slow enough that the browser has steps to tell: the kernel takes some megabytes at once.
    let size = 16 << 20;
    let signed = one_put("progress", size.into()).await;
    faults(r#"{"on":"put","do":{"bytes_per_second":12000000}}"#).await;
    let (seen, source) = (Rc::new(RefCell::new(Vec::new())), BlobSource::new(blob(&bytes(size))));
    let told = seen.clone();
    let sent = move |loaded| told.borrow_mut().push(loaded);
    let response = BrowserTransport::default().put(&signed, &source, 0, size.into(), sent).await.unwrap();
    heal().await;
    assert_eq!(response.status, 200, "{}", response.body);
    assert!(kept::part_etag(&response, None).is_ok(), "CORS exposes the ETag");
    let seen = seen.borrow();
    assert!(seen.len() > 1, "steps: {seen:?}");
    assert!(seen.is_sorted(), "{seen:?}");
    assert_eq!(seen.last(), Some(&u64::from(size)));
}

#[wasm_bindgen_test]
async fn a_dropped_put_is_aborted() {
    let size = 4 << 20;
    let signed = one_put("dropped", size.into()).await;
    let objects = stat("objects").await;
    faults(r#"{"on":"put","do":{"stall_request":65536}}"#).await;
    let source = BlobSource::new(blob(&bytes(size)));
    let transport = BrowserTransport::default();
    let put = Box::pin(transport.put(&signed, &source, 0, size.into(), |_| {}));
    let under_way = Box::pin(until_stat("in_flight", 1.0));
    match select(put, under_way).await {
        Either::Left(_) => panic!("a stalled PUT ends only by an abort"),
        Either::Right(((), put)) => drop(put),
    }
    // A stalled server reads nothing, not even that its client has gone.
    heal().await;
    until_stat("in_flight", 0.0).await;
    assert_eq!(stat("objects").await, objects, "nothing of it is stored");
}

#[wasm_bindgen_test]
async fn a_range_brings_its_bytes_and_tells_the_whole() {
    let (backend, content) = (backend("ranges").await, bytes(300_000));
    let key = stored(&backend, "ranges.bin", &content).await;
    let signed = backend.request_download(&key).await.unwrap().signed;
    for (start, end, status) in [(0, None, 206), (100_000, Some(100_001), 206), (299_999, Some(300_000), 206)] {
        let Opened::Body(head, mut body) = BrowserTransport::default().get(&signed, start, end).await.unwrap() else {
            panic!("bytes")
        };
        assert_eq!(head.status, status);
        let total = "/300000";
        assert!(head.headers.get("content-range").is_some_and(|range| range.ends_with(total)), "exposed by CORS");
        let mut got = Vec::new();
        while let Some(chunk) = body.chunk().await.unwrap() {
            got.extend(chunk.0.to_vec());
        }
        let expected = content.subarray(start as u32, end.unwrap_or(300_000) as u32).to_vec();
        assert!(got == expected, "bytes {start} to {end:?}");
    }
    let Opened::Reply(beyond) = BrowserTransport::default().get(&signed, 300_000, None).await.unwrap() else {
        panic!("no bytes")
    };
    assert_eq!(beyond.status, 416);
    assert!(beyond.body.contains("InvalidRange"));
}

#[wasm_bindgen_test]
async fn a_dropped_body_ends_its_request() {
    let (backend, content) = (backend("body").await, bytes(2 << 20));
    let key = stored(&backend, "body.bin", &content).await;
    let signed = backend.request_download(&key).await.unwrap().signed;
    faults(r#"{"on":"get","do":{"stall_response":65536}}"#).await;
    let Opened::Body(_, mut body) = BrowserTransport::default().get(&signed, 0, None).await.unwrap() else {
        panic!("bytes")
    };
    assert!(body.chunk().await.unwrap().is_some());
    drop(body);
    heal().await;
    until_stat("in_flight", 0.0).await;
}

#[wasm_bindgen_test]
fn a_chunk_is_cut_without_copying() {
    let chunk = presigned_chunk(10).truncate(4);
    assert_eq!(chunk.len(), 4);
    assert_eq!(presigned_chunk(10).truncate(u64::MAX).len(), 10);
}

fn presigned_chunk(length: u32) -> impl Chunk {
    presigned::web::Bytes(Uint8Array::new_with_length(length))
}

/// The same URL with another signature.
fn turned(url: &str) -> String {
    let (before, signature) = url.split_once("X-Amz-Signature=").expect("a signed URL");
    let (first, rest) = signature.split_at(1);
    format!("{before}X-Amz-Signature={}{rest}", if first == "0" { "1" } else { "0" })
}

#[wasm_bindgen_test]
async fn storages_refusals_are_understood() {
    let mut signed = one_put("refused", 5).await;
    signed.url = turned(&signed.url);
    let source = BlobSource::new(blob(&bytes(5)));
    let response = BrowserTransport::default().put(&signed, &source, 0, 5, |_| {}).await.unwrap();
    let failure = answer::storage(&response);
    assert_eq!((failure.error.code, failure.verdict), (Code::InvalidSignature, Verdict::Resign), "{}", response.body);
    assert_eq!(failure.error.storage_code.as_deref(), Some("SignatureDoesNotMatch"));

    let signed = one_put("refused", 5).await;
    for (fault, code, storage_code) in [
        (r#"{"expired":true}"#, Code::Expired, "AccessDenied"),
        (r#"{"status":503,"code":"SlowDown"}"#, Code::RateLimited, "SlowDown"),
        (r#"{"status":400,"code":"EntityTooLarge"}"#, Code::TooLarge, "EntityTooLarge"),
    ] {
        faults(&format!(r#"{{"on":"put","do":{fault}}}"#)).await;
        let failure = answer::storage(&BrowserTransport::default().put(&signed, &source, 0, 5, |_| {}).await.unwrap());
        assert_eq!((failure.error.code, failure.error.storage_code.as_deref()), (code, Some(storage_code)));
    }
    heal().await;
}

#[wasm_bindgen_test]
async fn no_answer_is_a_network_failure() {
    let signed = one_put("cut", 1 << 20).await;
    let source = BlobSource::new(blob(&bytes(1 << 20)));
    for fault in [r#"{"cut_request":1000}"#, r#"{"no_cors":true}"#] {
        faults(&format!(r#"{{"on":"put","do":{fault}}}"#)).await;
        let failure = BrowserTransport::default().put(&signed, &source, 0, 1 << 20, |_| {}).await.unwrap_err();
        assert_eq!((failure.error.code, failure.error.retryable), (Code::Network, true), "{fault}");
    }
    heal().await;
    let nowhere = Signed {
        url: "http://127.0.0.1:9/nothing".into(),
        method: Method::Put,
        headers: Vec::new(),
        fields: Vec::new(),
    };
    let failure = BrowserTransport::default().get(&nowhere, 0, None).await.err().unwrap();
    assert_eq!(failure.error.code, Code::Network);
    pause(0).await;
}
