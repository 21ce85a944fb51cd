//! Every kind of fault once, as a client meets it.

mod support;

use reqwest::Method;
use serde_json::json;
use support::{World, bytes, text};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

#[tokio::test]
async fn status_comes_with_the_side_s_own_error_body() {
    let world = World::new(&[]).await;
    let (_, url) = world.put_url(3).await;
    let rule = json!({"on": "put", "times": 2, "do": {"status": 503, "retry_after": 7}});
    world.faults(json!([rule])).await;
    for _ in 0..2 {
        let answer = world.put(&url, bytes(3)).await.unwrap();
        assert_eq!(answer.status(), 503);
        assert_eq!(answer.headers()["retry-after"], "7");
        assert_eq!(answer.headers()["access-control-allow-origin"], "*");
        assert!(answer.text().await.unwrap().contains("<Code>SlowDown</Code>"));
    }
    assert_eq!(world.put(&url, bytes(3)).await.unwrap().status(), 200);
    assert_eq!(world.hits().await, 2);

    world.faults(json!([{"on": "request-upload", "do": {"status": 500, "code": "Broken"}}])).await;
    let answer = world.post("request-upload", &json!({"filename": "a"})).await;
    assert_eq!(answer["code"], "Broken");
}

#[tokio::test]
async fn an_error_is_heard_even_where_the_body_was_not_wanted() {
    let world = World::new(&[]).await;
    let (_, url) = world.put_url(8 << 20).await;
    let last = if url.ends_with('0') { "1" } else { "0" };
    let broken = format!("{}{last}", &url[..url.len() - 1]);
    let answer = world.put(&broken, bytes(8 << 20)).await.unwrap();
    assert_eq!(answer.status(), 403);
}

#[tokio::test]
async fn html_instead_of_the_answer() {
    let world = World::new(&[]).await;
    world.faults(json!([{"on": "files", "do": {"html": 200}}])).await;
    let answer = world.request(Method::GET, "files").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    assert!(answer.text().await.unwrap().starts_with("<!doctype html>"));
}

#[tokio::test]
async fn a_cut_request_is_reset_and_stores_nothing() {
    let world = World::new(&[]).await;
    let (_, url) = world.put_url(1 << 20).await;
    world.faults(json!([{"on": "put", "do": {"cut_request": 1000}}])).await;
    let error = world.put(&url, bytes(1 << 20)).await.unwrap_err();
    assert!(error.is_request(), "{error:?}");
    let stats = world.control(Method::GET, "_stats").await;
    assert_eq!((&stats["objects"], &stats["bytes_in"]), (&json!(0), &json!(1000)));
}

#[tokio::test]
async fn a_cut_response_ends_in_a_reset_after_so_many_bytes() {
    let world = World::new(&[]).await;
    let (_, url) = world.stored(&bytes(1 << 20)).await;
    world.faults(json!([{"on": "get", "do": {"cut_response": 5000}}])).await;
    let url = reqwest::Url::parse(&url).unwrap();
    let address = (url.host_str().unwrap(), url.port().unwrap());
    let mut stream = TcpStream::connect(address).await.unwrap();
    let (path, query) = (url.path(), url.query().unwrap());
    let request = format!("GET {path}?{query} HTTP/1.1\r\nhost: {}:{}\r\n\r\n", address.0, address.1);
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut received = Vec::new();
    let error = stream.read_to_end(&mut received).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    let head = received.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    assert_eq!(received.len() - head, 5000);
    assert!(String::from_utf8_lossy(&received[..head]).contains("content-length: 1048576"));
}

#[tokio::test]
async fn a_stalled_request_goes_on_when_the_rules_are_cleared() {
    let world = World::new(&[]).await;
    let (_, url) = world.put_url(1 << 20).await;
    world.faults(json!([{"on": "put", "do": {"stall_request": 4096}}])).await;
    let put = world.put(&url, bytes(1 << 20));
    let clear = async {
        // Until it has stalled, not for a while.
        while world.control(Method::GET, "_stats").await["bytes_in"] != 4096 {
            tokio::task::yield_now().await;
        }
        world.control(Method::DELETE, "_faults").await;
    };
    let (answer, ()) = tokio::join!(put, clear);
    assert_eq!(answer.unwrap().status(), 200);
}

#[tokio::test]
async fn a_stalled_response_can_be_cut_while_it_runs() {
    let world = World::new(&[]).await;
    let (_, url) = world.stored(&bytes(1 << 20)).await;
    world.control(Method::DELETE, "_stats").await;
    world.faults(json!([{"on": "get", "do": {"stall_response": 100}}])).await;
    let get = async { world.get(&url).await.unwrap().bytes().await };
    let cut = async {
        while world.control(Method::GET, "_stats").await["bytes_out"] != 100 {
            tokio::task::yield_now().await;
        }
        world.faults(json!([{"on": "get", "do": {"cut_response": 0}}])).await;
    };
    let (answer, ()) = tokio::join!(get, cut);
    assert!(answer.is_err());
    assert_eq!(world.control(Method::GET, "_stats").await["in_flight"], 0);
}

#[tokio::test]
async fn delay_and_bandwidth_take_their_time() {
    let world = World::new(&[]).await;
    let (_, url) = world.stored(&bytes(30_000)).await;
    let rules = json!([
        {"on": "get", "do": {"delay_ms": 100}},
        {"on": "get", "do": {"bytes_per_second": 100_000}},
    ]);
    world.faults(rules).await;
    let start = std::time::Instant::now();
    let body = world.get(&url).await.unwrap().bytes().await.unwrap();
    // A lower bound holds on the slowest machine too: 100 ms, and 30,000 bytes less one burst at 100,000 a second.
    assert!(start.elapsed() >= std::time::Duration::from_millis(300));
    assert_eq!(body.to_vec(), bytes(30_000));
}

#[tokio::test]
async fn expired_and_bad_signature_are_s3_s_403s() {
    let world = World::new(&[]).await;
    let (_, url) = world.stored(b"abc").await;
    world.faults(json!([{"on": "store", "times": 1, "do": {"expired": true}}])).await;
    let body = world.get(&url).await.unwrap().text().await.unwrap();
    assert!(body.contains("<Code>AccessDenied</Code><Message>Request has expired</Message>"), "{body}");
    assert!(body.contains("<ServerTime>") && body.contains("<Expires>"));
    world.faults(json!([{"on": "get", "do": {"bad_signature": true}}])).await;
    let answer = world.get(&url).await.unwrap();
    assert_eq!(answer.status(), 403);
    assert!(answer.text().await.unwrap().contains("<Code>SignatureDoesNotMatch</Code>"));
}

#[tokio::test]
async fn a_bucket_may_hide_the_etag_or_have_no_cors() {
    let world = World::new(&[]).await;
    let (_, url) = world.stored(b"abc").await;
    let exposed = "access-control-expose-headers";
    let list = world.get(&url).await.unwrap().headers()[exposed].to_str().unwrap().to_owned();
    assert!(list.contains("ETag") && list.contains("Content-Range"));
    world.faults(json!([{"on": "get", "do": {"hide_etag": true}}])).await;
    let list = world.get(&url).await.unwrap().headers()[exposed].to_str().unwrap().to_owned();
    assert!(!list.contains("ETag") && !list.contains("Content-Range") && list.contains("Content-Length"));
    world.faults(json!([{"on": "get", "do": {"no_cors": true}}])).await;
    let answer = world.get(&url).await.unwrap();
    assert!(!answer.headers().contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn a_range_may_be_ignored_or_come_short() {
    let world = World::new(&[]).await;
    let (_, url) = world.stored(&bytes(10_000)).await;
    let range = || world.http.get(&url).header("range", "bytes=1000-1999").send();
    world.faults(json!([{"on": "get", "do": {"ignore_range": true}}])).await;
    let answer = range().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.bytes().await.unwrap().len(), 10_000);
    world.faults(json!([{"on": "get", "do": {"short_body": 10}}])).await;
    let answer = range().await.unwrap();
    assert_eq!(answer.status(), 206);
    assert_eq!(answer.headers()["content-range"], "bytes 1000-1999/10000");
    assert_eq!(answer.headers()["content-length"], "990");
    assert_eq!(answer.bytes().await.unwrap().to_vec(), bytes(10_000)[1000..1990]);
}

#[tokio::test]
async fn a_byte_flips_on_its_way() {
    let world = World::new(&[]).await;
    let (_, url) = world.stored(&bytes(100)).await;
    world.faults(json!([{"on": "get", "times": 1, "do": {"flip_byte": 7}}])).await;
    let flipped = world.get(&url).await.unwrap().bytes().await.unwrap();
    let differing: Vec<_> = (0..100).filter(|at| flipped[*at] != bytes(100)[*at]).collect();
    assert_eq!(differing, [7]);
    assert_eq!(world.get(&url).await.unwrap().bytes().await.unwrap().to_vec(), bytes(100));
}

#[tokio::test]
async fn an_object_may_change_meanwhile() {
    let world = World::new(&[]).await;
    let (_, url) = world.stored(&bytes(100)).await;
    let before = world.get(&url).await.unwrap();
    world.faults(json!([{"on": "get", "do": {"changed_object": true}}])).await;
    let after = world.get(&url).await.unwrap();
    for validator in ["etag", "last-modified"] {
        assert_ne!(before.headers()[validator], after.headers()[validator]);
    }
    let (etag, body) = (before.headers()["etag"].clone(), before.bytes().await.unwrap());
    let changed = after.bytes().await.unwrap();
    assert!(body != changed && body.len() == changed.len());
    let answer = world.http.get(&url).header("if-match", etag).send().await.unwrap();
    assert_eq!(answer.status(), 412);
}

#[tokio::test]
async fn a_lost_answer_comes_after_the_work() {
    let world = World::new(&[]).await;
    let (key, url) = world.put_url(3).await;
    world.faults(json!([{"on": "put", "do": {"lose_answer": true}}])).await;
    assert!(world.put(&url, bytes(3)).await.is_err());
    let files = world.control(Method::GET, "files").await;
    assert_eq!(files["files"][0]["key"], json!(key));
}

#[tokio::test]
async fn an_ambiguous_complete_can_be_repeated() {
    let world = World::new(&["--part-size", "1000"]).await;
    let complete = ready_to_complete(&world).await;
    for (fault, code) in [
        (json!({"error_in_200": "InternalError"}), "InternalError"),
        (json!({"lose_answer": true}), "StoreUnreachable"),
    ] {
        world.faults(json!([{"on": "complete", "times": 1, "do": fault}])).await;
        assert_eq!(world.post("complete-upload", &complete).await["code"], code);
    }
    let first = world.post("complete-upload", &complete).await;
    assert_eq!(first["size"], 2500);
    assert_eq!(world.post("complete-upload", &complete).await, first);
}

/// Puts 2,500 bytes up in parts and returns what `/complete-upload` wants to know.
async fn ready_to_complete(world: &World) -> serde_json::Value {
    let mut complete = world.multipart(2500, 1000).await;
    complete["parts"] = world.send_parts(&complete, &bytes(2500)).await;
    complete
}

#[tokio::test]
async fn the_answer_to_a_completion_may_be_lost_on_its_way_to_the_page() {
    let world = World::new(&["--part-size", "1000"]).await;
    let complete = ready_to_complete(&world).await;
    world.faults(json!([{"on": "complete-upload", "times": 1, "do": {"lose_answer": true}}])).await;
    let request = world.request(Method::POST, "complete-upload").body(complete.to_string());
    assert!(request.send().await.unwrap_err().is_request());
    let stats = world.control(Method::GET, "_stats").await;
    assert_eq!((&stats["objects"], &stats["unfinished_uploads"]), (&json!(1), &json!(0)));
    assert_eq!(world.post("complete-upload", &complete).await["size"], 2500);
}

#[tokio::test]
async fn a_backend_may_lie_about_a_completion() {
    let world = World::new(&["--part-size", "1000"]).await;
    let complete = ready_to_complete(&world).await;
    for (fault, code) in
        [(json!({"error_in_200": "InternalError"}), json!("InternalError")), (json!({"empty_200": true}), json!(null))]
    {
        world.faults(json!([{"on": "complete-upload", "times": 1, "do": fault}])).await;
        let request = world.request(Method::POST, "complete-upload").body(complete.to_string());
        let answer = request.send().await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), answer.headers()["content-type"].to_str().unwrap()),
            (200, "application/json")
        );
        let answer: serde_json::Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        assert_eq!((&answer["code"], answer["error"].is_string()), (&code, code.is_string()));
        assert!(answer.get("etag").is_none() && answer.get("size").is_none());
        let stats = world.control(Method::GET, "_stats").await;
        assert_eq!((&stats["objects"], &stats["unfinished_uploads"]), (&json!(0), &json!(1)));
    }
    assert_eq!(world.post("complete-upload", &complete).await["size"], 2500);
}

#[tokio::test]
async fn a_clock_may_be_wrong() {
    let world = World::new(&[]).await;
    let (_, url) = world.stored(b"abc").await;
    world.faults(json!([{"on": "get", "do": {"status": 403, "code": "RequestTimeTooSkewed"}}])).await;
    let answer = world.get(&url).await.unwrap();
    assert_eq!(answer.status(), 403);
    let body = answer.text().await.unwrap();
    for element in
        ["<Code>RequestTimeTooSkewed</Code>", "<RequestTime>", "<ServerTime>", "<MaxAllowedSkewMilliseconds>900000<"]
    {
        assert!(body.contains(element), "{body}");
    }
}

#[tokio::test]
async fn it_is_counted_what_came_of_each_part() {
    let world = World::new(&["--part-size", "1000"]).await;
    let grant = world.multipart(2500, 1000).await;
    let send = async |number: usize| {
        let url = text(&grant["parts"][number - 1]["upload_url"]);
        let _ = world.http.put(url).body(bytes(1000)).send().await;
    };
    world
        .faults(json!([
            {"on": "part", "part": 1, "times": 1, "do": {"cut_request": 400}},
            {"on": "part", "part": 2, "times": 1, "do": {"lose_answer": true}},
            {"on": "part", "part": 3, "times": 1, "do": {"html": 200}},
            {"on": "part", "part": 3, "skip": 1, "do": {"status": 503}},
        ]))
        .await;
    for number in [1, 1, 2, 2, 3, 3] {
        send(number).await;
    }
    let stats = world.control(Method::GET, "_stats").await;
    assert_eq!(stats["answers"]["503"], 1);
    let parts = stats["parts"].clone();
    let part = |number: u32| parts[format!("{}#{number}", text(&grant["file_key"]))].clone();
    assert_eq!(part(1), json!({"tries": 2, "stored": 1, "bytes": 1400}));
    assert_eq!(part(2), json!({"tries": 2, "stored": 2, "bytes": 2000}));
    assert_eq!(part(3), json!({"tries": 2, "stored": 0, "bytes": 2000}));
    assert_eq!(world.control(Method::DELETE, "_stats").await["parts"], json!({}));
}

#[tokio::test]
async fn a_backend_s_answer_can_be_edited() {
    let world = World::new(&[]).await;
    let rules = json!([
        {"on": "request-upload", "do": {"set": {"expires_in": -5}}},
        {"on": "request-upload", "do": {"unset": ["upload_url"]}},
    ]);
    world.faults(rules).await;
    let answer = world.post("request-upload", &json!({"filename": "a"})).await;
    assert_eq!(answer["expires_in"], -5);
    assert!(answer.get("upload_url").is_none() && answer.get("file_key").is_some());
}

#[tokio::test]
async fn a_rule_may_mean_one_part_or_one_key() {
    let world = World::new(&["--part-size", "1000"]).await;
    let grant = world.multipart(2500, 1000).await;
    world.faults(json!([{"on": "part", "part": 2, "key": "a.bin", "do": {"status": 500}}])).await;
    for (number, status) in [(1, 200), (2, 500), (3, 200)] {
        let url = text(&grant["parts"][number - 1]["upload_url"]);
        let answer = world.http.put(url).body(bytes(1000)).send().await.unwrap();
        assert_eq!(answer.status(), status, "part {number}");
    }
}

#[tokio::test]
async fn a_wrong_rule_is_refused_in_words() {
    let world = World::new(&["--fault", "get status=503 times=1"]).await;
    assert_eq!(world.control(Method::GET, "_faults").await["rules"][0]["do"]["status"], 503);
    let body = r#"{"rules": [{"on": "get", "do": {"exploed": true}}]}"#;
    let answer = world.request(Method::PUT, "_faults").body(body).send().await.unwrap();
    assert_eq!(answer.status(), 400);
    assert!(answer.text().await.unwrap().contains("exploed"));
}
