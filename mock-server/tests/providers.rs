//! The stores that the mock server can pass for: an upload and a download work with each, and what differs does.

mod support;

use reqwest::Method;
use serde_json::json;
use support::{World, bytes, text};

struct Differences {
    provider: &'static str,
    repeats_complete: bool,
    equal_parts: bool,
    post_forms: bool,
    tells_crc64: bool,
    refuses_checksums: bool,
}

const AWS: Differences = Differences {
    provider: "aws",
    repeats_complete: true,
    equal_parts: false,
    post_forms: true,
    tells_crc64: true,
    refuses_checksums: false,
};
const OTHER: Differences = Differences { repeats_complete: false, tells_crc64: false, ..AWS };

const ALL: [Differences; 9] = [
    AWS,
    Differences { provider: "r2", equal_parts: true, post_forms: false, ..OTHER },
    Differences { provider: "minio", ..OTHER },
    Differences { provider: "b2", post_forms: false, refuses_checksums: true, ..OTHER },
    Differences { provider: "ceph", repeats_complete: true, ..OTHER },
    Differences { provider: "garage", ..OTHER },
    Differences { provider: "digitalocean", repeats_complete: true, ..OTHER },
    Differences { provider: "wasabi", ..OTHER },
    Differences { provider: "tigris", ..OTHER },
];

#[tokio::test]
async fn each_has_its_own_ways() {
    for one in ALL {
        let world = World::new(&["--provider", one.provider, "--part-size", "1000"]).await;
        let who = one.provider;

        let mut complete = world.multipart(2500, 1000).await;
        complete["parts"] = world.send_parts(&complete, &bytes(2500)).await;
        let done = world.post("complete-upload", &complete).await;
        assert_eq!(done["size"], 2500, "{who}");
        assert_eq!(done["checksum_crc64nvme"].is_string(), one.tells_crc64, "{who}");
        let download = world.control(Method::GET, &format!("request-download/{}", text(&done["file_key"]))).await;
        assert_eq!(download["checksum_crc64nvme"], done["checksum_crc64nvme"], "{who}");
        let answer = world.get(&text(&download["download_url"])).await.unwrap();
        assert_eq!(answer.bytes().await.unwrap().to_vec(), bytes(2500), "{who}");
        // With other parts, so that the backend cannot tell by the object that it is this upload's.
        complete["parts"][0]["etag"] = complete["parts"][1]["etag"].clone();
        let again = world.post("complete-upload", &complete).await;
        assert_eq!(again["code"] != "NoSuchUpload", one.repeats_complete, "{who}: {again}");

        assert_eq!(takes_unequal_parts(&world).await, !one.equal_parts, "{who}");

        let form = post_form(&world).await;
        assert_eq!(form.status() != 501, one.post_forms, "{who}: {}", form.text().await.unwrap());

        let (_, url) = world.put_url(3).await;
        let with_checksum =
            world.http.put(url).header("content-type", "text/plain").header("x-amz-checksum-crc32", "a");
        let answer = with_checksum.body("abc").send().await.unwrap().text().await.unwrap();
        assert_eq!(answer.contains("Unsupported header"), one.refuses_checksums, "{who}: {answer}");
    }
}

/// A form as a page would send it, but unsigned: it is refused for that, where forms are known.
async fn post_form(world: &World) -> reqwest::Response {
    let field = |name: &str, value: &str| {
        format!("--edge\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let body = format!("{}{}--edge--\r\n", field("key", "a"), field("file", "abc"));
    let form = world.http.post(format!("{}presigned", world.server.store()));
    form.header("content-type", "multipart/form-data; boundary=edge").body(body).send().await.unwrap()
}

async fn takes_unequal_parts(world: &World) -> bool {
    let mut complete = world.multipart(2500, 1000).await;
    let mut parts = Vec::new();
    for (part, size) in complete["parts"].as_array().unwrap().iter().zip([1000, 1200, 300]) {
        let put = world.http.put(text(&part["upload_url"])).body(bytes(size)).send().await.unwrap();
        parts.push(json!({"part_number": part["part_number"], "etag": put.headers()["etag"].to_str().unwrap()}));
    }
    complete["parts"] = json!(parts);
    world.post("complete-upload", &complete).await["code"] != "InvalidPart"
}

#[tokio::test]
async fn garage_has_words_of_its_own() {
    let world = World::new(&["--provider", "garage"]).await;
    let (_, url) = world.put_url(3).await;
    for (fault, status, code, said) in [
        (json!({"expired": true}), 400, "InvalidRequest", "Date is too old"),
        (json!({"bad_signature": true}), 403, "AccessDenied", "Invalid signature"),
        (json!({"status": 404, "code": "NoSuchBucket"}), 404, "NoSuchBucket", ""),
    ] {
        world.faults(json!([{"on": "put", "times": 1, "do": fault}])).await;
        let refused = world.http.put(&url).header("content-type", "text/plain").body("abc").send().await.unwrap();
        assert_eq!(refused.status(), status);
        let document = refused.text().await.unwrap();
        for part in [&format!("<Code>{code}</Code>"), said, "<Region>us-east-1</Region>"] {
            assert!(document.contains(part), "{part}: {document}");
        }
    }
}

#[tokio::test]
async fn a_declared_checksum_is_told_by_all_that_have_any() {
    for one in ALL.iter().filter(|one| one.provider != "b2") {
        let world = World::new(&["--provider", one.provider, "--part-size", "1000"]).await;
        let grant = world.multipart(2000, 1000).await;
        // CRC-64/NVME of "123456789", from the catalogue of CRCs.
        let request = json!({
            "file_key": grant["file_key"], "upload_id": grant["upload_id"],
            "part_numbers": [1], "checksums": {"1": "rosUhgp5mIg="},
        });
        let part = &world.post("request-parts", &request).await["parts"][0];
        let sum = text(&part["headers"]["x-amz-checksum-crc64nvme"]);
        let put = world.http.put(text(&part["upload_url"])).header("x-amz-checksum-crc64nvme", &sum).body("123456789");
        assert_eq!(put.send().await.unwrap().headers()["x-amz-checksum-crc64nvme"], sum.as_str(), "{}", one.provider);
    }
}
