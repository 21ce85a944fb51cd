//! A server on free ports, and what a page would ask of it.

#![allow(dead_code, reason = "each test binary uses a part of this")]

use std::path::PathBuf;

use clap::Parser as _;
use mock_server::server::Server;
use mock_server::settings::Settings;
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};

pub struct World {
    pub server: Server,
    pub http: Client,
    pub token: String,
    data: PathBuf,
}

impl World {
    pub async fn new(arguments: &[&str]) -> Self {
        let data = std::env::temp_dir().join(format!("mock-server-{:032x}", rand::random::<u128>()));
        let world = Self::on(data, arguments).await;
        assert_eq!(world.control(Method::GET, "_stats").await["objects"], 0);
        world
    }

    /// A server on a folder that another one may have left.
    pub async fn on(data: PathBuf, arguments: &[&str]) -> Self {
        let folder = data.to_string_lossy().into_owned();
        let fixed = ["mock-server", "--port", "0", "--store-port", "0", "--data", &folder];
        let settings = Settings::parse_from(fixed.iter().chain(arguments));
        let server = Server::start(settings).await.unwrap();
        // A connection to each request: a fault of one must not be felt by the next.
        let http = Client::builder().pool_max_idle_per_host(0).no_proxy().build().unwrap();
        let mut world = Self { server, http, token: String::new(), data };
        let login = world.post("login", &json!({"user": "alice"})).await;
        world.token = login["token"].as_str().unwrap().to_owned();
        world
    }

    /// Stops the server and gives its folder to another.
    pub fn stop(mut self) -> PathBuf {
        std::mem::take(&mut self.data)
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.server.page());
        self.http.request(method, url).bearer_auth(&self.token)
    }

    pub async fn post(&self, path: &str, body: &Value) -> Value {
        let response = self.request(Method::POST, path).body(body.to_string()).send().await.unwrap();
        serde_json::from_str(&response.text().await.unwrap()).unwrap()
    }

    pub async fn control(&self, method: Method, path: &str) -> Value {
        let text = self.request(method, path).send().await.unwrap().text().await.unwrap();
        serde_json::from_str(&text).unwrap()
    }

    pub async fn faults(&self, rules: Value) {
        let body = json!({"seed": 1, "rules": rules}).to_string();
        let response = self.request(Method::PUT, "_faults").body(body).send().await.unwrap();
        assert!(response.status().is_success(), "{}", response.text().await.unwrap());
    }

    /// How often the first rule struck.
    pub async fn hits(&self) -> u64 {
        self.control(Method::GET, "_faults").await["rules"][0]["hits"].as_u64().unwrap()
    }

    /// Asks for one PUT of `size` bytes: its key and its URL.
    pub async fn put_url(&self, size: usize) -> (String, String) {
        let request = json!({"filename": "a.bin", "content_type": "text/plain", "size": size});
        let grant = self.post("request-upload", &request).await;
        (text(&grant["file_key"]), text(&grant["upload_url"]))
    }

    pub async fn put(&self, url: &str, body: Vec<u8>) -> reqwest::Result<Response> {
        self.http
            .put(url)
            .header("content-type", "text/plain")
            .header("origin", "http://page.example")
            .body(body)
            .send()
            .await
    }

    /// Stores an object: its key and a URL to get it from.
    pub async fn stored(&self, body: &[u8]) -> (String, String) {
        let (key, url) = self.put_url(body.len()).await;
        assert_eq!(self.put(&url, body.to_vec()).await.unwrap().status(), 200);
        let grant = self.control(Method::GET, &format!("request-download/{key}")).await;
        (key, text(&grant["download_url"]))
    }

    pub async fn get(&self, url: &str) -> reqwest::Result<Response> {
        self.http.get(url).header("origin", "http://page.example").send().await
    }

    /// Begins an upload in parts.
    pub async fn multipart(&self, size: usize, part_size: usize) -> Value {
        let request = json!({"filename": "a.bin", "size": size, "multipart": true, "part_size": part_size});
        self.post("request-upload", &request).await
    }

    /// Uploads all parts of a grant and returns what Complete wants to know of them.
    pub async fn send_parts(&self, grant: &Value, body: &[u8]) -> Value {
        let size = usize::try_from(grant["part_size"].as_u64().unwrap()).unwrap();
        let mut parts = Vec::new();
        for (part, bytes) in grant["parts"].as_array().unwrap().iter().zip(body.chunks(size)) {
            let request = self.http.put(text(&part["upload_url"])).body(bytes.to_vec());
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), 200);
            let etag = response.headers()["etag"].to_str().unwrap();
            parts.push(json!({"part_number": part["part_number"], "etag": etag}));
        }
        json!(parts)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if !self.data.as_os_str().is_empty() {
            let _ = std::fs::remove_dir_all(&self.data);
        }
    }
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no string")).to_owned()
}

/// Bytes that differ from place to place.
pub fn bytes(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at * 31 + at / 251) as u8).collect()
}
