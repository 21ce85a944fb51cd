//! What a backend's JSON answers mean.
//!
//! A backend is a stranger: every number has a range, every URL is looked at, and what is missing is said by name.

use super::{
    Completion, DownloadGrant, Method, PartGrants, PartSum, Signed, StoredFile, StoredPart, UploadGrant, UploadRequest,
    fields::{NO_URL, expires_in, is_absolute, list, optional_text, pairs, part_number, signed, text, wrong},
};
use crate::core::{
    answer,
    checksum::Algorithm,
    error::{Error, Failure},
    host::Host,
    integrity::{self, Told},
    json::Json,
};

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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::core::error::Code;

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
}
