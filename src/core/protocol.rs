//! What a backend's JSON answers mean: the protocol of `mock-server/openapi.yaml`, whose base are four routes
//! (`/request-upload`, `/request-download/{key}`, `/files`, `DELETE /files/{key}`).
//!
//! A backend is a stranger: every number has a range, every URL is looked at, and what is missing is said by name.

use super::{
    answer,
    checksum::{Algorithm, Checksum},
    error::{Code, Error, Failure},
    host::Host,
    integrity::{self, Told},
    json::Json,
    lease,
    text::split_once,
};

const NO_URL: &str = "not an absolute http or https URL";

/// What the backend is asked to sign.
#[derive(Clone, PartialEq, Debug)]
pub struct UploadRequest {
    pub filename: String,
    pub content_type: String,
    pub size: u64,
    pub key: Option<String>,
    pub metadata: Vec<(String, String)>,
    pub part_size: Option<u64>,
    /// Storage takes no presigned POST form: something else is to be signed.
    pub form_refused: bool,
    /// Its bytes are gzip of so many: the object must be stored with that encoding, or nobody can read it.
    pub unpacked: Option<u64>,
}

/// How the bytes of one request go to storage.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    Put,
    /// A presigned POST form: its fields first, the file last.
    Post,
    /// A GET of an object that is stored encoded, as gzip say: browsers decode it on its way, and then no range can be asked for.
    Plain,
}

/// A URL that storage will honour, with what must be sent along.
#[derive(Clone, PartialEq, Debug)]
pub struct Signed {
    pub url: String,
    pub method: Method,
    pub headers: Vec<(String, String)>,
    pub fields: Vec<(String, String)>,
}

impl Signed {
    /// Which bytes of the object these are, as its header says, where it is a chunk of one of Google's resumable uploads. Chunks go
    /// one after another, and are answered by 308 until the last.
    pub fn chunk(&self) -> Option<&str> {
        let range = self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-range"));
        range.map(|(_, value)| value.as_str())
    }
}

/// URLs of parts, and for how many seconds they live.
#[derive(Clone, PartialEq, Debug)]
pub struct PartGrants {
    pub parts: Vec<(u32, Signed)>,
    pub expires_in: Option<u64>,
}

#[derive(Clone, PartialEq, Debug)]
pub enum UploadGrant {
    Whole {
        key: String,
        signed: Signed,
        expires_in: Option<u64>,
    },
    Parts {
        key: String,
        upload_id: String,
        part_size: Option<u64>,
        grants: PartGrants,
        /// Each part's checksum is wanted before it is signed, so that storage takes no other bytes.
        sums: Option<Algorithm>,
    },
    /// Storage has this very file already, says the backend.
    Stored {
        key: String,
    },
}

/// A multipart upload by its names.
#[derive(Clone, PartialEq, Debug)]
pub struct UploadRef {
    pub key: String,
    pub upload_id: String,
}

#[derive(Clone, PartialEq, Debug)]
pub struct DownloadGrant {
    pub signed: Signed,
    /// The same object at other hosts, each of them once.
    pub others: Vec<Signed>,
    pub expires_in: Option<u64>,
    pub size: Option<u64>,
    pub etag: Option<String>,
    pub content_type: Option<String>,
    pub told: Told,
    /// What storage tells of its parts, in order.
    pub parts: Vec<PartSum>,
}

/// A part of a stored object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PartSum {
    pub size: u64,
    pub sum: Checksum,
}

/// A part that is to be signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UnsignedPart {
    pub number: u32,
    /// Signed as well, where the backend wants that.
    pub sum: Option<Checksum>,
}

/// A part that storage has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredPart {
    pub number: u32,
    pub etag: String,
    pub size: u64,
}

/// Where the signer does not say how long its URLs live, they do, and the `Date` of its answer says since when.
impl PartGrants {
    pub fn dated(self, date: Option<&str>) -> Self {
        let url = self.parts.first().map(|(_, signed)| signed.url.as_str());
        Self { expires_in: self.expires_in.or_else(|| lease::left_at(url?, date?)), ..self }
    }
}

impl UploadGrant {
    pub fn dated(self, date: Option<&str>) -> Self {
        match self {
            Self::Whole { key, signed, expires_in } => {
                let expires_in = expires_in.or_else(|| lease::left_at(&signed.url, date?));
                Self::Whole { key, signed, expires_in }
            }
            Self::Parts { grants, key, upload_id, part_size, sums } => {
                Self::Parts { grants: grants.dated(date), key, upload_id, part_size, sums }
            }
            stored => stored,
        }
    }
}

impl DownloadGrant {
    pub fn dated(self, date: Option<&str>) -> Self {
        let expires_in = self.expires_in.or_else(|| lease::left_at(&self.signed.url, date?));
        Self { expires_in, ..self }
    }
}

/// What storage made of an upload.
#[derive(Clone, PartialEq, Debug)]
pub struct Completion {
    pub key: String,
    pub etag: Option<String>,
    pub location: Option<String>,
    pub told: Told,
}

#[derive(Clone, PartialEq, Debug)]
pub struct StoredFile {
    pub key: String,
    pub size: u64,
    /// As the backend wrote it: an ISO 8601 date.
    pub last_modified: String,
}

pub fn upload_grant(answer: &Json) -> Result<UploadGrant, Error> {
    let key = text(answer, "file_key")?;
    if answer.get("stored") == Some(&Json::Bool(true)) {
        return Ok(UploadGrant::Stored { key });
    }
    let Some(upload_id) = optional_text(answer, "upload_id")? else {
        let method = match optional_text(answer, "method")? {
            Some(method) if method.eq_ignore_ascii_case("POST") => Method::Post,
            None if answer.get("fields").is_some() => Method::Post,
            None => Method::Put,
            Some(method) if method.eq_ignore_ascii_case("PUT") => Method::Put,
            Some(_) => return Err(wrong("method", "neither PUT nor POST")),
        };
        let signed = Signed { method, fields: pairs(answer, "fields")?, ..signed(answer, "upload_url")? };
        return Ok(UploadGrant::Whole { key, signed, expires_in: expires_in(answer)? });
    };
    let part_size = match answer.get("part_size") {
        None => None,
        Some(size) => Some(
            size.integer().filter(|size| *size > 0).ok_or_else(|| wrong("part_size", "not a positive whole number"))?,
        ),
    };
    let grants = match answer.get("parts") {
        None => PartGrants { parts: Vec::new(), expires_in: None },
        Some(_) => part_grants(answer)?,
    };
    let sums = match optional_text(answer, "checksum_algorithm")? {
        None => None,
        Some(name) => {
            let known = Algorithm::named(&name).filter(|algorithm| *algorithm != Algorithm::Md5);
            let words = "none of \"crc64nvme\", \"crc32c\" and \"sha256\", the checksums that this SDK knows";
            Some(known.ok_or_else(|| wrong("checksum_algorithm", words))?)
        }
    };
    Ok(UploadGrant::Parts { key, upload_id, part_size, grants, sums })
}

/// What is sent as gzip is only sent where the backend says that it will be stored so.
pub fn confirm_encoding(request: &UploadRequest, answer: &Json) -> Result<(), Error> {
    let confirmed = answer.get("content_encoding").and_then(Json::text) == Some("gzip");
    let sent = answer.get("stored") != Some(&Json::Bool(true));
    if request.unpacked.is_some() && sent && !confirmed {
        return Err(wrong("content_encoding", "not \"gzip\", which was asked for"));
    }
    Ok(())
}

pub fn part_grants(answer: &Json) -> Result<PartGrants, Error> {
    let parts = list(answer, "parts")?
        .iter()
        .map(|part| Ok((part_number(part)?, signed(part, "upload_url")?)))
        .collect::<Result<_, Error>>()?;
    Ok(PartGrants { parts, expires_in: expires_in(answer)? })
}

/// Only a result that says what was stored is success; `size` is what was sent.
pub fn completion(answer: &Json, key: &str, size: u64) -> Result<Completion, Failure> {
    if let Some(failure) = answer::embedded(200, answer) {
        return Err(failure);
    }
    // Nobody knows what that means, so the object will have to tell.
    let doubtful = |error: Error| Failure::fatal(error.with_status(200));
    let (named, etag) =
        (optional_text(answer, "file_key").map_err(doubtful)?, optional_text(answer, "etag").map_err(doubtful)?);
    if named.is_none() && etag.is_none() {
        return Err(doubtful(wrong("file_key", "missing, and `etag` as well")));
    }
    if let Some(stored) = answer.get("size")
        && stored.integer() != Some(size)
    {
        return Err(doubtful(wrong("size", "not that of the file")));
    }
    let location = optional_text(answer, "location").map_err(doubtful)?;
    Ok(Completion { key: named.unwrap_or_else(|| key.to_owned()), etag, location, told: told(answer) })
}

/// Every part that storage has.
pub fn stored_parts(answer: &Json) -> Result<Vec<StoredPart>, Error> {
    list(answer, "parts")?
        .iter()
        .map(|part| {
            let size =
                part.get("size").and_then(Json::integer).ok_or_else(|| wrong("size", "not a whole number of bytes"))?;
            Ok(StoredPart { number: part_number(part)?, etag: text(part, "etag")?, size })
        })
        .collect()
}

pub fn download_grant(answer: &Json) -> Result<DownloadGrant, Error> {
    let size = match answer.get("size") {
        None => None,
        Some(size) => Some(size.integer().ok_or_else(|| wrong("size", "not a whole number of bytes"))?),
    };
    let encoding = optional_text(answer, "content_encoding")?.filter(|encoding| encoding != "identity");
    let method = if encoding.is_some() { Method::Plain } else { Method::Put };
    let signed = Signed { method, ..signed(answer, "download_url")? };
    Ok(DownloadGrant {
        others: others(answer, &signed)?,
        signed,
        expires_in: expires_in(answer)?,
        size,
        etag: optional_text(answer, "etag")?,
        content_type: optional_text(answer, "content_type")?,
        told: told(answer),
        parts: answer.get("parts").and_then(part_sums).unwrap_or_default(),
    })
}

/// Whatever else it is, it is not ours.
fn part_sums(parts: &Json) -> Option<Vec<PartSum>> {
    let mut sums = Vec::new();
    for part in parts.list()? {
        let sum = told(part).into_iter().find(|sum| sum.algorithm.is_crc())?;
        sums.push(PartSum { size: part.get("size")?.integer().filter(|size| *size > 0)?, sum });
    }
    Some(sums)
}

/// `download_urls`: the same object signed for several hosts, with the headers of the answer.
fn others(answer: &Json, first: &Signed) -> Result<Vec<Signed>, Error> {
    if answer.get("download_urls").is_none() {
        return Ok(Vec::new());
    }
    let (mut others, mut hosts) = (Vec::new(), vec![Host::of(&first.url)]);
    for url in list(answer, "download_urls")? {
        let url = url.text().filter(|url| is_absolute(url)).ok_or_else(|| wrong("download_urls", NO_URL))?;
        let host = Host::of(url);
        if !hosts.contains(&host) {
            hosts.push(host);
            others.push(Signed { url: url.to_owned(), ..first.clone() });
        }
    }
    Ok(others)
}

fn told(answer: &Json) -> Told {
    integrity::in_answer(|name| answer.get(name)?.text())
}

pub fn stored_files(answer: &Json) -> Result<Vec<StoredFile>, Error> {
    list(answer, "files")?
        .iter()
        .map(|file| {
            let size =
                file.get("size").and_then(Json::integer).ok_or_else(|| wrong("size", "not a whole number of bytes"))?;
            Ok(StoredFile { key: text(file, "key")?, size, last_modified: text(file, "last_modified")? })
        })
        .collect()
}

/// A key as a path: its slashes stay, each segment is percent-encoded (RFC 3986 §2.1, unreserved characters kept).
pub fn key_path(key: &str) -> String {
    let mut path = String::with_capacity(key.len());
    for byte in key.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            path.push(char::from(byte));
        } else {
            path.push('%');
            path.extend(
                [byte >> 4, byte & 15]
                    .into_iter()
                    .filter_map(|half| char::from_digit(half.into(), 16))
                    .map(|digit| digit.to_ascii_uppercase()),
            );
        }
    }
    path
}

/// A URL without its query: all that may be shown of a presigned one.
pub fn redact(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

fn signed(answer: &Json, field: &str) -> Result<Signed, Error> {
    let url = text(answer, field)?;
    if !is_absolute(&url) {
        return Err(wrong(field, NO_URL));
    }
    let headers = pairs(answer, "headers")?;
    for (name, value) in &headers {
        if !is_token(name) || value.contains(['\r', '\n', '\0']) {
            return Err(wrong("headers", "no header that can be sent"));
        }
    }
    Ok(Signed { url, method: Method::Put, headers, fields: Vec::new() })
}

fn is_absolute(url: &str) -> bool {
    let scheme = split_once(url, "://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    matches!(scheme.as_deref(), Some("http" | "https")) && !url.chars().any(|c| c.is_control() || c.is_whitespace())
}

/// A field-name of RFC 9110 §5.1.
fn is_token(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

fn part_number(part: &Json) -> Result<u32, Error> {
    let number = part.get("part_number").and_then(Json::integer).filter(|number| (1..=10_000).contains(number));
    number
        .and_then(|number| u32::try_from(number).ok())
        .ok_or_else(|| wrong("part_number", "not a number from 1 to 10,000"))
}

fn expires_in(answer: &Json) -> Result<Option<u64>, Error> {
    match answer.get("expires_in") {
        None => Ok(None),
        Some(seconds) => seconds
            .integer()
            .filter(|seconds| *seconds > 0)
            .map(Some)
            .ok_or_else(|| wrong("expires_in", "not a positive whole number of seconds")),
    }
}

fn pairs(answer: &Json, field: &str) -> Result<Vec<(String, String)>, Error> {
    let Some(value) = answer.get(field) else {
        return Ok(Vec::new());
    };
    value
        .members()
        .ok_or_else(|| wrong(field, "not an object"))?
        .iter()
        .map(|(name, value)| {
            Ok((name.clone(), value.text().ok_or_else(|| wrong(field, "not an object of strings"))?.to_owned()))
        })
        .collect()
}

fn text(answer: &Json, field: &str) -> Result<String, Error> {
    optional_text(answer, field)?.ok_or_else(|| wrong(field, "missing"))
}

fn optional_text(answer: &Json, field: &str) -> Result<Option<String>, Error> {
    match answer.get(field) {
        None => Ok(None),
        Some(Json::Text(text)) if !text.is_empty() => Ok(Some(text.clone())),
        Some(_) => Err(wrong(field, "not a string with something in it")),
    }
}

fn list<'a>(answer: &'a Json, field: &str) -> Result<&'a [Json], Error> {
    answer.get(field).and_then(Json::list).ok_or_else(|| wrong(field, "not a list"))
}

fn wrong(field: &str, what: &str) -> Error {
    Error::new(Code::Backend, format!("The backend's answer has a wrong `{field}`: {what}."))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn any_json() -> impl Strategy<Value = Value> {
        let names = prop::sample::select(vec![
            "file_key",
            "upload_id",
            "upload_url",
            "part_size",
            "parts",
            "part_number",
            "expires_in",
            "headers",
            "fields",
            "method",
            "files",
            "size",
            "key",
            "etag",
        ]);
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<f64>().prop_map(|n| json!(n)),
            any::<u64>().prop_map(Value::from),
            "[a-z:/?&.]{0,12}".prop_map(Value::from),
            Just(json!("https://s.example/k?sig=1")),
        ];
        leaf.prop_recursive(4, 32, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((names.clone(), inner), 0..6)
                    .prop_map(|pairs| pairs.into_iter().map(|(k, v)| (k.to_owned(), v)).collect::<Value>()),
            ]
        })
    }

    proptest! {
        #[test]
        fn hostile_answers_are_errors_or_sound(value in any_json()) {
            let answer = Json::from(value);
            if let Ok(UploadGrant::Parts { grants, part_size, .. }) = upload_grant(&answer) {
                prop_assert!(part_size != Some(0));
                prop_assert!(grants.parts.iter().all(|(number, signed)| (1..=10_000).contains(number) && signed.url.starts_with("http")));
            }
            let completed = completion(&answer, "k", 7).map_err(Failure::into_error);
            for error in [part_grants(&answer).err(), download_grant(&answer).err(), stored_files(&answer).err(), stored_parts(&answer).err(), completed.err()].into_iter().flatten() {
                prop_assert_eq!(error.code, Code::Backend);
            }
        }

        #[test]
        fn key_paths_decode_to_the_key(key in "[ -~ä€😀]{0,40}") {
            let path = key_path(&key);
            prop_assert!(path.is_ascii() && !path.contains([' ', '+', '?', '#']));
            let decoded = percent_encoding::percent_decode_str(&path).decode_utf8().unwrap().into_owned();
            prop_assert_eq!(decoded, key);
        }
    }

    #[test]
    fn the_articles_answer_is_one_put() {
        let answer = json!({"upload_url": "https://b.example/k?X-Amz-Signature=1", "file_key": "uploads/1/a b.pdf", "expires_in": 3600});
        let UploadGrant::Whole { key, signed, expires_in } = upload_grant(&answer.into()).unwrap() else {
            panic!("one PUT")
        };
        assert_eq!((key.as_str(), signed.method, expires_in), ("uploads/1/a b.pdf", Method::Put, Some(3600)));
    }

    #[test]
    fn what_is_stored_already_has_a_key_and_no_url() {
        let read = |answer: Value| upload_grant(&answer.into());
        assert_eq!(read(json!({"file_key": "k", "stored": true})).unwrap(), UploadGrant::Stored { key: "k".into() });
        assert!(read(json!({"stored": true})).is_err());
        assert!(read(json!({"file_key": "k", "stored": "true"})).is_err());
    }

    #[test]
    fn a_completion_cannot_lie() {
        let read = |answer: Value| completion(&answer.into(), "k", 10);
        assert_eq!(read(json!({"file_key": "k2", "etag": "e", "size": 10})).unwrap().key, "k2");
        assert_eq!(read(json!({"etag": "e"})).unwrap().key, "k");
        for lie in [
            json!({}),
            json!([]),
            json!(null),
            json!({"file_key": "k", "size": 9}),
            json!({"file_key": 7}),
            json!({"error": "x"}),
        ] {
            assert!(read(lie.clone()).is_err(), "{lie}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (answer, name) in [
            (json!({"file_key": "k"}), "upload_url"),
            (json!({"upload_url": "https://b.example/k"}), "file_key"),
            (json!({"file_key": "k", "upload_url": "javascript:alert(1)"}), "upload_url"),
            (json!({"file_key": "k", "upload_url": "https://b.example/k", "expires_in": -5}), "expires_in"),
            (json!({"file_key": "k", "upload_url": "https://b.example/k", "expires_in": 1e300}), "expires_in"),
            (json!({"file_key": "k", "upload_url": "https://b.example/k", "headers": {"a b": "c"}}), "headers"),
            (json!({"file_key": "k", "upload_id": "u", "part_size": -1, "parts": []}), "part_size"),
            (
                json!({"file_key": "k", "upload_id": "u", "parts": [{"part_number": 10001, "upload_url": "https://b.example/k"}]}),
                "part_number",
            ),
        ] {
            let error = upload_grant(&answer.into()).unwrap_err();
            assert!(error.code == Code::Backend && error.message.contains(name), "{}", error.message);
        }
    }

    #[test]
    fn gzip_is_only_sent_where_it_is_stored_so() {
        let request = |unpacked| UploadRequest {
            filename: "a".into(),
            content_type: "text/plain".into(),
            size: 5,
            key: None,
            metadata: Vec::new(),
            part_size: None,
            form_refused: false,
            unpacked,
        };
        let confirm = |unpacked, answer: Value| confirm_encoding(&request(unpacked), &answer.into()).is_ok();
        assert!(confirm(Some(9), json!({"content_encoding": "gzip"})) && confirm(Some(9), json!({"stored": true})));
        assert!(confirm(None, json!({})));
        assert!(!confirm(Some(9), json!({})) && !confirm(Some(9), json!({"content_encoding": "br"})));
    }

    #[test]
    fn what_is_stored_encoded_is_asked_for_as_a_whole() {
        let method = |encoding: Value| {
            let answer = json!({"download_url": "https://a.example/k", "content_encoding": encoding});
            download_grant(&answer.into()).unwrap().signed.method
        };
        assert_eq!(method(json!("gzip")), Method::Plain);
        assert_eq!((method(json!(null)), method(json!("identity"))), (Method::Put, Method::Put));
    }

    #[test]
    fn of_several_hosts_each_counts_once() {
        let read = |urls: Value| {
            download_grant(
                &json!({"download_url": "https://a.example/k?sig=1", "headers": {"x": "y"}, "download_urls": urls})
                    .into(),
            )
        };
        let urls = json!(["https://a.example/k?sig=1", "https://b.example/k?sig=2", "https://b.example/k?sig=3"]);
        let others = read(urls).unwrap().others;
        assert_eq!(others.iter().map(|signed| signed.url.as_str()).collect::<Vec<_>>(), ["https://b.example/k?sig=2"]);
        assert_eq!(others[0].headers, [("x".to_owned(), "y".to_owned())]);
        for wrong in [json!("https://b.example/k"), json!([7]), json!(["/k"]), json!(["https://b.example/a b"])] {
            let error = read(wrong).unwrap_err();
            assert!(error.code == Code::Backend && error.message.contains("download_urls"), "{}", error.message);
        }
    }

    #[test]
    fn a_shown_url_has_no_signature() {
        assert_eq!(redact("https://s.example/k?X-Amz-Signature=secret#x"), "https://s.example/k");
    }
}
