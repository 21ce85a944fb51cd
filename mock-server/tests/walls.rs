//! The backend's rules and the store's protocol, as a client meets them.

mod support;

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use support::{World, bytes, text};

#[tokio::test]
async fn a_file_goes_up_in_parts_and_comes_down_the_same() {
    let world = World::new(&["--part-size", "65536", "--batch", "3"]).await;
    let body = bytes(1_000_000);
    let mut grant = world.multipart(body.len(), 65536).await;
    assert_eq!(grant["parts"].as_array().unwrap().len(), 3);
    let all: Vec<u32> = (1..=16).collect();
    let signed = world
        .post(
            "request-parts",
            &json!({"file_key": grant["file_key"], "upload_id": grant["upload_id"], "part_numbers": all}),
        )
        .await;
    grant["parts"] = signed["parts"].clone();
    let parts = world.send_parts(&grant, &body).await;
    let listed = world.post("list-parts", &grant).await;
    assert_eq!(listed["parts"].as_array().unwrap().len(), 16);
    assert_eq!(listed["parts"][15]["size"], 1_000_000 - 15 * 65536);
    let mut complete = grant.clone();
    complete["parts"] = parts;
    let done = world.post("complete-upload", &complete).await;
    assert_eq!(done["size"], 1_000_000);
    let path = format!("request-download/{}", text(&grant["file_key"]));
    let download = world.control(Method::GET, &path).await;
    for what in ["checksum_crc64nvme", "size", "etag"] {
        assert_eq!(download[what], done[what], "{what}");
    }
    let answer = world.get(&text(&download["download_url"])).await.unwrap();
    assert!(answer.headers()["content-disposition"].to_str().unwrap().starts_with("attachment"));
    assert_eq!(answer.bytes().await.unwrap().to_vec(), body);
}

#[tokio::test]
async fn what_is_stored_survives_a_restart() {
    let world = World::new(&["--part-size", "1000"]).await;
    let (key, _) = world.stored(b"kept").await;
    let grant = world.multipart(1500, 1000).await;
    let parts = world.send_parts(&grant, &bytes(1500)).await;
    let world = World::on(world.stop(), &["--part-size", "1000"]).await;
    let download = world.control(Method::GET, &format!("request-download/{key}")).await;
    assert_eq!(world.get(&text(&download["download_url"])).await.unwrap().text().await.unwrap(), "kept");
    let complete = json!({"file_key": grant["file_key"], "upload_id": grant["upload_id"], "parts": parts});
    assert_eq!(world.post("complete-upload", &complete).await["size"], 1500);
    let world = World::on(world.stop(), &["--clean"]).await;
    assert_eq!(world.control(Method::GET, "_stats").await["objects"], 0);
}

#[tokio::test]
async fn a_refused_complete_loses_nothing() {
    let world = World::new(&["--part-size", "1000"]).await;
    let grant = world.multipart(2500, 1000).await;
    let parts = world.send_parts(&grant, &bytes(2500)).await;
    let mut wrong = parts.clone();
    wrong[1]["etag"] = json!("\"00000000000000000000000000000000\"");
    let complete = |parts| json!({"file_key": grant["file_key"], "upload_id": grant["upload_id"], "parts": parts});
    let refused = world.post("complete-upload", &complete(&wrong)).await;
    assert_eq!(refused["code"], "InvalidPart");
    assert_eq!(world.post("complete-upload", &complete(&parts)).await["size"], 2500);
}

#[tokio::test]
async fn an_aborted_upload_is_gone_and_may_be_aborted_again() {
    let world = World::new(&["--part-size", "1000"]).await;
    let grant = world.multipart(2500, 1000).await;
    for _ in 0..2 {
        assert_eq!(world.post("abort-upload", &grant).await, json!({}));
    }
    let url = text(&grant["parts"][0]["upload_url"]);
    let answer = world.http.put(url).body(bytes(1000)).send().await.unwrap();
    assert_eq!(answer.status(), 404);
    assert!(answer.text().await.unwrap().contains("NoSuchUpload"));
    assert_eq!(world.control(Method::GET, "_stats").await["unfinished_uploads"], 0);
}

#[tokio::test]
async fn one_user_never_reaches_another_s_files() {
    let world = World::new(&[]).await;
    let (key, _) = world.stored(b"alice's").await;
    let login = world.post("login", &json!({"user": "mallory"})).await;
    let mallory = |method, path: String| {
        let url = format!("{}{path}", world.server.page());
        world.http.request(method, url).bearer_auth(text(&login["token"])).send()
    };
    for (method, path) in [
        (Method::GET, format!("request-download/{key}")),
        (Method::DELETE, format!("files/{key}")),
        (Method::GET, "files?prefix=uploads/alice/".to_owned()),
        (Method::GET, format!("request-download/{}", key.replace("alice", "mallory%2F..%2Falice"))),
    ] {
        let status = mallory(method, path.clone()).await.unwrap().status();
        assert!(status == 403 || status == 400, "{path}: {status}");
    }
    let all = mallory(Method::GET, "files?prefix=uploads/".into()).await.unwrap().text().await.unwrap();
    assert_eq!(all, r#"{"files":[]}"#);
    let none = world.http.get(format!("{}files", world.server.page())).send().await.unwrap();
    assert_eq!(none.status(), 401);
    assert!(none.text().await.unwrap().contains("message"));
}

#[tokio::test]
async fn rules_of_size_type_and_rate_have_their_codes() {
    let world = World::new(&["--max-size", "100", "--types", "image/*", "--rate", "3"]).await;
    let ask = async |size: u64, kind: &str| {
        let body = json!({"filename": "a", "content_type": kind, "size": size});
        let answer = world.request(Method::POST, "request-upload").body(body.to_string()).send().await.unwrap();
        let retry_after = answer.headers().contains_key("retry-after");
        (answer.status().as_u16(), answer.text().await.unwrap(), retry_after)
    };
    let (status, body, _) = ask(101, "image/png").await;
    assert!(status == 413 && body.contains("too-large"), "{body}");
    let (status, body, _) = ask(1, "text/html").await;
    assert!(status == 415 && body.contains("wrong-type"), "{body}");
    let mut last = (0, String::new(), false);
    // More than any refill could allow, however slow the machine is.
    for _ in 0..200 {
        last = ask(1, "image/png").await;
        if last.0 == 429 {
            break;
        }
    }
    assert!(last.0 == 429 && last.2 && last.1.contains("rate-limited"), "{last:?}");
}

#[tokio::test]
async fn a_url_lives_as_long_as_it_was_signed_for() {
    let world = World::new(&["--expires-in", "1"]).await;
    let (_, url) = world.put_url(3).await;
    tokio::time::sleep(Duration::from_millis(2100)).await;
    let answer = world.put(&url, bytes(3)).await.unwrap();
    assert_eq!(answer.status(), 403);
    assert_eq!(answer.headers()["access-control-allow-origin"], "*");
    let body = answer.text().await.unwrap();
    assert!(body.contains("Request has expired") && body.contains("<ServerTime>"), "{body}");
}

#[tokio::test]
async fn a_signer_s_clock_may_differ_from_the_store_s() {
    for (skew, status, message) in [
        ("-1000", 403, "Request has expired"),
        ("1000", 403, "Request is not yet valid"),
        // What S3 tolerates.
        ("-600", 200, ""),
        ("600", 200, ""),
    ] {
        let world = World::new(&["--signer-skew", skew, "--part-size", "1000"]).await;
        let (_, url) = world.put_url(3).await;
        let answer = world.put(&url, bytes(3)).await.unwrap();
        assert_eq!(answer.status(), status, "{skew}");
        let body = answer.text().await.unwrap();
        assert!(body.contains(message) && body.contains("<ServerTime>") == (status == 403), "{skew}: {body}");
        // The backend's own calls are not misdated.
        assert!(world.multipart(2500, 1000).await["upload_id"].is_string(), "{skew}");
    }
}

#[tokio::test]
async fn a_store_may_know_a_completed_upload_no_more() {
    let world = World::new(&["--part-size", "1000", "--once-only-complete"]).await;
    let mut complete = world.multipart(2500, 1000).await;
    complete["parts"] = world.send_parts(&complete, &bytes(2500)).await;
    let first = world.post("complete-upload", &complete).await;
    // The backend looks at the object, and finds it made of these parts.
    let again = world.post("complete-upload", &complete).await;
    assert_eq!((&again["etag"], &again["size"]), (&first["etag"], &json!(2500)));
    let (_, url) = world.put_url(3).await;
    assert_eq!(world.put(&url, bytes(3)).await.unwrap().status(), 200);
    let mut other = complete.clone();
    other["parts"][0]["etag"] = other["parts"][1]["etag"].clone();
    assert_eq!(world.post("complete-upload", &other).await["code"], "NoSuchUpload");
}

#[tokio::test]
async fn a_store_may_want_equal_parts() {
    let world = World::new(&["--part-size", "1000", "--equal-parts"]).await;
    for (sizes, fits) in [
        (vec![1500, 1500, 1000], true),
        (vec![1500, 1500, 1500], true),
        (vec![1500, 1400, 1500], false),
        (vec![1500, 1500, 1501], false),
    ] {
        let mut complete = world.multipart(4000, 1500).await;
        let mut parts = Vec::new();
        for (part, size) in complete["parts"].as_array().unwrap().iter().zip(&sizes) {
            let put = world.http.put(text(&part["upload_url"])).body(bytes(*size)).send().await.unwrap();
            parts.push(json!({"part_number": part["part_number"], "etag": put.headers()["etag"].to_str().unwrap()}));
        }
        complete["parts"] = json!(parts);
        let done = world.post("complete-upload", &complete).await;
        assert_eq!((done["size"].is_number(), done["code"] == "InvalidPart"), (fits, !fits), "{sizes:?}: {done}");
    }
}

#[tokio::test]
async fn parts_are_listed_over_all_pages() {
    for page in ["1", "3", "4", "1000"] {
        let world = World::new(&["--part-size", "1000", "--list-page", page]).await;
        let mut grant = world.multipart(6500, 1000).await;
        // With a gap, as an upload under way has.
        grant["parts"].as_array_mut().unwrap().remove(2);
        world.control(Method::DELETE, "_stats").await;
        world.send_parts(&grant, &bytes(6000)).await;
        let listed = world.post("list-parts", &grant).await;
        let numbers: Vec<u64> =
            listed["parts"].as_array().unwrap().iter().map(|part| part["part_number"].as_u64().unwrap()).collect();
        assert_eq!(numbers, [1, 2, 4, 5, 6, 7], "pages of {page}");
        let asked = world.control(Method::GET, "_stats").await["requests"]["list-parts"].as_u64().unwrap();
        assert_eq!(asked, 6_u64.div_ceil(page.parse().unwrap()), "pages of {page}");
    }
}

#[tokio::test]
async fn what_was_signed_must_be_sent() {
    let world = World::new(&[]).await;
    let request = json!({"filename": "a", "content_type": "text/plain", "size": 3, "multipart": true, "metadata": {"Camera": "X 1"}});
    let grant = world.post("request-upload", &request).await;
    assert_eq!(grant["method"], "PUT");
    assert_eq!(grant["headers"], json!({"content-type": "text/plain", "x-amz-meta-camera": "X 1"}));
    let url = text(&grant["upload_url"]);
    let put = |headers: &[(&'static str, &'static str)]| {
        headers
            .iter()
            .fold(world.http.put(&url), |request, (name, value)| request.header(*name, *value))
            .body("abc")
            .send()
    };
    let code = async |answer: reqwest::Result<reqwest::Response>| answer.unwrap().text().await.unwrap();
    let missing = code(put(&[("content-type", "text/plain")]).await).await;
    assert!(missing.contains("SignatureDoesNotMatch"), "{missing}");
    let both = [("content-type", "text/plain"), ("x-amz-meta-camera", "X 1")];
    let more = [both[0], both[1], ("x-amz-meta-more", "1")];
    let unsigned = code(put(&more).await).await;
    assert!(unsigned.contains("<HeadersNotSigned>x-amz-meta-more</HeadersNotSigned>"), "{unsigned}");
    assert_eq!(put(&both).await.unwrap().status(), 200);
    // A GET URL is no HEAD URL.
    let download = world.control(Method::GET, &format!("request-download/{}", text(&grant["file_key"]))).await;
    let head = world.http.head(text(&download["download_url"])).send().await.unwrap();
    assert_eq!(head.status(), 403);
}

#[tokio::test]
async fn a_part_s_signed_checksum_is_enforced() {
    let world = World::new(&["--part-size", "1000"]).await;
    let grant = world.multipart(2000, 1000).await;
    // CRC-64/NVME of "123456789", from the catalogue of CRCs.
    let request = json!({
        "file_key": grant["file_key"], "upload_id": grant["upload_id"],
        "part_numbers": [1], "checksums": {"1": "rosUhgp5mIg="},
    });
    let signed = world.post("request-parts", &request).await;
    let part = &signed["parts"][0];
    let put = |body: &'static str| {
        world
            .http
            .put(text(&part["upload_url"]))
            .header("x-amz-checksum-crc64nvme", text(&part["headers"]["x-amz-checksum-crc64nvme"]))
            .body(body)
            .send()
    };
    let wrong = put("987654321").await.unwrap();
    assert_eq!(wrong.status(), 400);
    assert!(wrong.text().await.unwrap().contains("BadDigest"));
    assert_eq!(put("123456789").await.unwrap().status(), 200);
}

#[tokio::test]
async fn many_files_are_asked_for_at_once() {
    let world = World::new(&["--max-size", "1000"]).await;
    let files = json!([{"filename": "a", "size": 10}, {"filename": "b", "size": 1001}, {"size": 1}, {"filename": "c"}]);
    let answer = world.post("request-uploads", &json!({"files": files})).await;
    let uploads = answer["uploads"].as_array().unwrap();
    assert_eq!(uploads.len(), 4);
    assert!(uploads[0]["upload_url"].is_string() && uploads[3]["upload_url"].is_string());
    assert_eq!(uploads[1]["code"], "too-large");
    assert_eq!(uploads[2]["code"], "invalid-request");
}

#[tokio::test]
async fn ranges_are_s3_s() {
    let world = World::new(&[]).await;
    let body = bytes(1000);
    let (_, url) = world.stored(&body).await;
    let get = |range: &'static str| world.http.get(&url).header("range", range).send();
    for (range, part, header) in [
        ("bytes=0-0", &body[..1], "bytes 0-0/1000"),
        ("bytes=990-", &body[990..], "bytes 990-999/1000"),
        ("bytes=990-5000", &body[990..], "bytes 990-999/1000"),
        ("bytes=-5", &body[995..], "bytes 995-999/1000"),
    ] {
        let answer = get(range).await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.headers()["content-range"].to_str().unwrap()), (206, header));
        assert_eq!(answer.bytes().await.unwrap().to_vec(), part);
    }
    let beyond = get("bytes=1000-").await.unwrap();
    assert_eq!((beyond.status().as_u16(), beyond.headers()["content-range"].to_str().unwrap()), (416, "bytes */1000"));
    // Several ranges, or what is none, are the whole object.
    for odd in ["bytes=0-1,5-6", "bytes=5-1", "lines=1-2"] {
        assert_eq!(get(odd).await.unwrap().status(), 200, "{odd}");
    }
    let etag = get("bytes=0-0").await.unwrap().headers()["etag"].clone();
    let if_range = |tag: reqwest::header::HeaderValue| {
        world.http.get(&url).header("range", "bytes=0-9").header("if-range", tag).send()
    };
    assert_eq!(if_range(etag).await.unwrap().status(), 206);
    assert_eq!(if_range("\"other\"".parse().unwrap()).await.unwrap().status(), 200);
    let (_, empty) = world.stored(b"").await;
    let answer = world.http.get(&empty).header("range", "bytes=0-").send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["content-range"].to_str().unwrap()), (416, "bytes */0"));
}

#[tokio::test]
async fn preflights_are_answered_on_both_origins() {
    let world = World::new(&[]).await;
    let (_, url) = world.put_url(3).await;
    let ask = |url: String, headers: &'static str| {
        world
            .http
            .request(Method::OPTIONS, url)
            .header("origin", "http://page.example")
            .header("access-control-request-method", "PUT")
            .header("access-control-request-headers", headers)
            .send()
    };
    let store = ask(url, "content-type,x-amz-meta-a").await.unwrap();
    assert_eq!(store.status(), 200);
    assert_eq!(store.headers()["access-control-allow-headers"], "content-type, x-amz-meta-a");
    let backend = ask(format!("{}request-upload", world.server.page()), "authorization,content-type").await.unwrap();
    assert!(backend.status().is_success());
    let allowed = backend.headers()["access-control-allow-headers"].to_str().unwrap();
    assert!(allowed.contains("authorization") && allowed.contains("content-type"));
}

#[tokio::test]
async fn the_page_and_the_package_have_their_types() {
    let folder = std::env::temp_dir().join(format!("mock-server-page-{:032x}", rand::random::<u128>()));
    std::fs::create_dir(&folder).unwrap();
    for name in ["index.html", "a.js", "a.wasm"] {
        std::fs::write(folder.join(name), name).unwrap();
    }
    let path = folder.to_str().unwrap();
    let world = World::new(&["--page", path, "--package", path]).await;
    for (url, kind) in [
        ("", "text/html"),
        ("a.js", "text/javascript"),
        ("presigned/a.js", "text/javascript"),
        ("presigned/a.wasm", "application/wasm"),
        ("openapi.yaml", "application/yaml"),
    ] {
        let answer = world.request(Method::GET, url).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{url}");
        assert_eq!(answer.headers()["content-type"], kind, "{url}");
    }
    let outside = world.request(Method::GET, "presigned/..%2f..%2fetc/passwd").send().await.unwrap();
    assert_eq!(outside.status(), 404);
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn unfinished_uploads_are_aborted_when_they_are_old() {
    let world = World::new(&["--part-size", "1000", "--abort-after", "0"]).await;
    let grant = world.multipart(2500, 1000).await;
    world.send_parts(&grant, &bytes(2500)).await;
    // The store counts in whole seconds, and the clean-up runs at the start.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let world = World::on(world.stop(), &["--part-size", "1000", "--abort-after", "0"]).await;
    while world.control(Method::GET, "_stats").await["unfinished_uploads"] != 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.post("list-parts", &grant).await["code"], "NoSuchUpload");
}

#[tokio::test]
async fn the_backend_signs_for_another_store() {
    let real = World::new(&[]).await;
    let front = [
        "--s3",
        real.server.store(),
        "--s3-key",
        "presigned",
        "--s3-secret",
        "presigned-secret",
        "--s3-bucket",
        "presigned",
    ];
    let folder = std::env::temp_dir().join(format!("mock-server-none-{:032x}", rand::random::<u128>()));
    let world = World::on(folder, &front).await;
    assert_eq!(world.server.store(), real.server.store());
    let (_, url) = world.stored(b"abc").await;
    assert!(url.starts_with(real.server.store()));
    assert_eq!(world.get(&url).await.unwrap().text().await.unwrap(), "abc");
    assert_eq!(real.control(Method::GET, "_stats").await["objects"], 1);
}
