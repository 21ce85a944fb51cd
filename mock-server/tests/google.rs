//! The mock server as Google Cloud Storage. How its signatures compare with those of Google's own library, `tests/clients` knows.

mod support;

use reqwest::Method;
use serde_json::json;
use support::{World, bytes, text};

/// CRC-32C of the bytes, as Google writes it.
const CHECK: (&[u8], &str) = (b"123456789", "4waSgw==");

#[tokio::test]
async fn a_file_goes_up_and_comes_down_with_its_hashes() {
    let world = World::new(&["--provider", "gcs"]).await;
    let (key, url) = world.stored(CHECK.0).await;
    assert!(url.contains("X-Goog-Algorithm=GOOG4-HMAC-SHA256") && !url.contains("X-Amz"), "{url}");
    let answer = world.get(&url).await.unwrap();
    let headers = answer.headers();
    let hashes: Vec<_> = headers.get_all("x-goog-hash").iter().map(|hash| hash.to_str().unwrap()).collect();
    assert_eq!(hashes, [format!("crc32c={}", CHECK.1), "md5=JfnnlDI7RTiF9RgfG2JNCw==".to_owned()]);
    assert!(headers["x-goog-generation"].to_str().unwrap().parse::<u64>().unwrap() > 0);
    assert!(headers["access-control-expose-headers"].to_str().unwrap().contains("x-goog-hash"));
    assert!(!headers.keys().any(|name| name.as_str().starts_with("x-amz-")));
    assert_eq!(answer.bytes().await.unwrap(), CHECK.0);
    let download = world.control(Method::GET, &format!("request-download/{key}")).await;
    assert_eq!(download["checksum_crc32c"], CHECK.1);
}

#[tokio::test]
async fn parts_make_an_object_without_an_md5() {
    let world = World::new(&["--provider", "gcs", "--part-size", "5"]).await;
    let mut complete = world.multipart(CHECK.0.len(), 5).await;
    complete["parts"] = world.send_parts(&complete, CHECK.0).await;
    let done = world.post("complete-upload", &complete).await;
    assert_eq!((&done["size"], &done["checksum_crc32c"]), (&json!(9), &json!(CHECK.1)));
    let path = format!("request-download/{}", text(&complete["file_key"]));
    let url = text(&world.control(Method::GET, &path).await["download_url"]);
    let answer = world.get(&url).await.unwrap();
    let hashes: Vec<_> = answer.headers().get_all("x-goog-hash").iter().collect();
    assert_eq!(hashes, [&format!("crc32c={}", CHECK.1)]);
    // The store has forgotten the upload; the backend looks at the object.
    assert_eq!(world.post("complete-upload", &complete).await["etag"], done["etag"]);
}

#[tokio::test]
async fn unfinished_uploads_are_found_and_aborted() {
    let options = ["--provider", "gcs", "--part-size", "1000", "--abort-after", "0"];
    let world = World::new(&options).await;
    let grant = world.multipart(2500, 1000).await;
    world.send_parts(&grant, &bytes(2500)).await;
    // The store counts in whole seconds, and the clean-up runs at the start.
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    let world = World::on(world.stop(), &options).await;
    while world.control(Method::GET, "_stats").await["unfinished_uploads"] != 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.post("list-parts", &grant).await["code"], "NoSuchUpload");
}

#[tokio::test]
async fn errors_are_google_s() {
    let world = World::new(&["--provider", "gcs", "--expires-in", "1"]).await;
    let (key, url) = world.stored(b"abc").await;
    let refused = async |url: String| {
        let answer = world.get(&url).await.unwrap();
        assert_eq!(answer.headers()["access-control-allow-origin"], "*");
        let status = answer.status().as_u16();
        let body = answer.text().await.unwrap();
        let code = body.split("<Code>").nth(1).unwrap().split("</Code>").next().unwrap().to_owned();
        (status, code)
    };
    assert_eq!(refused(url.replace(&key, &format!("{key}2"))).await, (403, "SignatureDoesNotMatch".into()));
    assert_eq!(refused(url.split('?').next().unwrap().into()).await, (403, "AccessDenied".into()));
    tokio::time::sleep(std::time::Duration::from_millis(2100)).await;
    assert_eq!(refused(url.clone()).await, (400, "ExpiredToken".into()));
    world.faults(json!([{"on": "get", "do": {"status": 503}}])).await;
    assert_eq!(refused(url).await, (503, "SlowDown".into()));
}

#[tokio::test]
async fn the_backend_signs_for_another_store_of_google_s() {
    let real = World::new(&["--provider", "gcs"]).await;
    let folder = std::env::temp_dir().join(format!("mock-server-none-{:032x}", rand::random::<u128>()));
    let mut front = vec!["--provider", "gcs", "--s3", real.server.store(), "--s3-bucket", "presigned"];
    front.extend(["--s3-key", "presigned", "--s3-secret", "presigned-secret"]);
    let world = World::on(folder, &front).await;
    let body = bytes(1000);
    let (key, url) = world.stored(&body).await;
    assert_eq!(world.get(&url).await.unwrap().bytes().await.unwrap().to_vec(), body);
    let listed = world.control(Method::GET, "files").await;
    assert_eq!(listed["files"][0]["key"], key);
}
