//! What an HTTP answer means for a transfer: the table of statuses and S3's codes (API Reference, "Error responses").

use super::{
    date,
    error::{Code, Error, Failure, Verdict},
    http::Response,
    json::Json,
    protocol::Signed,
    text,
    time::Millis,
    xml::Flat,
};

/// The rule to paste where a bucket hides what an upload in parts needs.
pub const CORS_RULE: &str = r#"[{"AllowedOrigins": ["https://your.page"], "AllowedMethods": ["GET", "PUT", "POST", "HEAD"], "AllowedHeaders": ["*"], "ExposeHeaders": ["ETag", "Content-Range", "Accept-Ranges", "Content-Length", "Date", "Retry-After", "x-amz-checksum-crc64nvme", "x-amz-checksum-crc32c"], "MaxAgeSeconds": 3600}]"#;

/// Storage answered with anything but success.
pub fn storage(response: &Response) -> Failure {
    let status = response.status;
    let flat = Flat::parse(&response.body).filter(|flat| flat.root == "Error");
    let code = flat.as_ref().and_then(|flat| flat.child("Code")).unwrap_or_default();
    let said = flat.as_ref().and_then(|flat| flat.child("Message")).unwrap_or_default();
    // Azure's message is the same for all that is wrong with a signature.
    let detail = flat.as_ref().and_then(|flat| flat.child("AuthenticationErrorDetail")).unwrap_or_default();
    let error = |kind: Code, words: &str| {
        let message = match (code, said) {
            ("", _) => format!("{words} (HTTP {status})."),
            (code, "") => format!("{words} (HTTP {status} {code})."),
            (code, said) => format!("{words} (HTTP {status} {code}: {})", excerpt(said)),
        };
        Error::new(kind, message)
            .with_status(status)
            .with_storage_code((!code.is_empty()).then(|| excerpt(code).to_owned()))
    };
    let after = response.headers.retry_after();
    match (status, as_s3(status, code, said)) {
        (_, "SlowDown" | "TooManyRequests" | "Throttling" | "RequestLimitExceeded" | "ServerBusy") | (429, _) => {
            Failure::retry_after(error(Code::RateLimited, "Storage asks for fewer requests"), after)
        }
        (_, "RequestTimeout" | "OperationTimedOut") | (408 | 504, _) => {
            Failure::retry_after(error(Code::Timeout, "Storage waited too long for the bytes"), after)
        }
        (_, "ExpiredToken") => Failure::resign(error(Code::Expired, "The signed URL has expired")),
        (_, "EntityTooLarge" | "MaxMessageLengthExceeded" | "RequestBodyTooLarge") | (413, _) => {
            Failure::fatal(error(Code::TooLarge, "Storage takes no file that large"))
        }
        (_, "NoSuchUpload") => Failure::fatal(error(Code::Gone, "Storage no longer knows this upload")),
        // They were spoilt on their way: sent again, they may arrive.
        (_, "BadDigest" | "XAmzContentSHA256Mismatch" | "Md5Mismatch" | "Crc64Mismatch") => {
            Failure::retry_after(error(Code::ChecksumMismatch, "The bytes did not arrive as they were sent"), after)
        }
        (_, "InvalidDigest") => {
            Failure::fatal(error(Code::ChecksumMismatch, "Storage does not understand the checksum that was signed"))
        }
        (507, _) | (_, "QuotaExceeded" | "InsufficientStorage") => {
            Failure::fatal(error(Code::StorageFull, "Storage is full"))
        }
        (403, code) => Failure::resign(match code {
            _ if text::contains(said, "expired") || text::contains(detail, "specified time frame") => {
                error(Code::Expired, "The signed URL has expired")
            }
            "RequestTimeTooSkewed" => {
                error(Code::InvalidSignature, "The signer's clock differs too much from storage's")
            }
            "SignatureDoesNotMatch"
            | "InvalidAccessKeyId"
            | "AuthorizationQueryParametersError"
            | "HeadersNotSigned"
            | "AuthenticationFailed" => error(Code::InvalidSignature, "Storage does not accept the signature"),
            _ => error(Code::AccessDenied, "Storage denies access"),
        }),
        (401, _) => Failure::resign(error(Code::AccessDenied, "Storage denies access")),
        (404, "NoSuchBucket" | "ContainerNotFound") => {
            Failure::fatal(error(Code::NotFound, "Storage has no such bucket"))
        }
        (404, _) => Failure::fatal(error(Code::NotFound, "Storage has no such object")),
        (410, _) => Failure::fatal(error(Code::Gone, "The object is gone for good")),
        (412, _) => Failure::fatal(error(Code::ObjectChanged, "The object is no longer the one that was asked for")),
        (501 | 505, _) => Failure::fatal(error(Code::Storage, "Storage can't do that")),
        (500.., _) | (_, "InternalError" | "ServiceUnavailable") => {
            Failure::retry_after(error(Code::Storage, "Storage failed"), after)
        }
        _ => Failure::fatal(error(Code::Storage, "Storage refused the request")),
    }
}

/// The code that S3 has for what Garage (2.5.0) tells by its words alone.
fn as_s3<'a>(status: u16, code: &'a str, said: &str) -> &'a str {
    match (status, code) {
        (400, "InvalidRequest") if text::contains(said, "Date is too old") => "ExpiredToken",
        (_, "InvalidDigest") if text::contains(said, "Failed to validate checksum") => "BadDigest",
        (403, "AccessDenied") if text::contains(said, "Invalid signature") => "SignatureDoesNotMatch",
        (403, "AccessDenied") if text::contains(said, "No such key") => "InvalidAccessKeyId",
        _ => code,
    }
}

/// What was asked with a signed URL, as far as it explains a refusal.
#[derive(Clone, PartialEq, Debug)]
pub struct Asked {
    /// Headers that the URL was signed with, as it says itself.
    signed: Vec<String>,
    /// Headers that were sent along.
    sent: Vec<String>,
    /// It was signed with the checksum of an empty body, as AWS's SDK does where nobody tells it not to.
    empty_sum: bool,
    /// How much longer the signer said it would be good.
    left: Option<Millis>,
}

/// CRC-32 of nothing, as a query has it.
const EMPTY_SUM: &str = "x-amz-checksum-crc32=AAAAAA";

impl Asked {
    pub fn of(signed: &Signed, left: Option<Millis>) -> Self {
        let query = signed.url.split_once('?').map(|(_, query)| query).unwrap_or_default();
        let listed = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find_map(|(name, value)| ["X-Amz-SignedHeaders", "X-Goog-SignedHeaders"].contains(&name).then_some(value));
        // The list is of names in lower case, where the encoded `;` is the only escape.
        let signed_headers = listed.unwrap_or_default().split(['%', ';']).enumerate().map(|(at, name)| match at {
            0 => name,
            _ => name.strip_prefix("3B").or_else(|| name.strip_prefix("3b")).unwrap_or(name),
        });
        Self {
            signed: signed_headers.filter(|name| !name.is_empty()).map(str::to_owned).collect(),
            sent: signed.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect(),
            empty_sum: text::contains(query, EMPTY_SUM),
            left,
        }
    }
}

/// Storage refused a request that was signed: what is known of the signature says why.
pub fn refused(response: &Response, asked: &Asked) -> Failure {
    let mut failure = storage(response);
    let flat = Flat::parse(&response.body).filter(|flat| flat.root == "Error");
    let moment = |name: &str| flat.as_ref().and_then(|flat| flat.child(name)).and_then(date::extended);
    let error = &mut failure.error;
    match (error.code, error.storage_code.as_deref()) {
        (Code::Expired, _) => match (asked.left, moment("ServerTime"), moment("Expires")) {
            (Some(left), Some(server), Some(expires)) if left > 60_000 => {
                let seconds = left / 1000 + server.saturating_sub(expires);
                error.message.push_str(&format!(
                    " The signer said that it had {} s to live: its clock and storage's differ by about {seconds} s.",
                    left / 1000
                ));
            }
            (Some(left), ..) if left > 60_000 => error.message.push_str(&format!(
                " The signer said that it had {} s to live: its clock and storage's differ.",
                left / 1000
            )),
            _ => {}
        },
        (Code::InvalidSignature, Some("SignatureDoesNotMatch" | "HeadersNotSigned")) => {
            error.message.push_str(&format!(
                " Signed headers: {}; sent along: {}.",
                names(&asked.signed),
                names(&asked.sent)
            ));
        }
        _ => {}
    }
    if asked.empty_sum && (failure.verdict == Verdict::Fatal || failure.error.code == Code::ChecksumMismatch) {
        // These bytes will never have that checksum.
        failure.verdict = Verdict::Fatal;
        failure.error.retryable = false;
        failure.error.message.push_str(
            " Its URL was signed with the checksum of an empty body: the signer, if it is AWS's SDK, wants `requestChecksumCalculation: \"WHEN_REQUIRED\"`, and Companion AWS_REQUEST_CHECKSUM_CALCULATION=WHEN_REQUIRED in its environment.",
        );
    }
    failure
}

fn names(list: &[String]) -> String {
    if list.is_empty() { "none".to_owned() } else { list.join(", ") }
}

/// The backend says success and means failure: `{error, code?}` where a result should be.
pub fn embedded(status: u16, body: &Json) -> Option<Failure> {
    let said = body.get("error")?.text().unwrap_or_default();
    let code = body.get("code").and_then(Json::text).unwrap_or_default();
    let own = Code::ALL.into_iter().find(|known| known.name() == code);
    let message = match code {
        "" => format!("The backend answered success with an error in it (HTTP {status}): {}", excerpt(said)),
        code => format!(
            "The backend answered success with an error in it (HTTP {status} {}): {}",
            excerpt(code),
            excerpt(said)
        ),
    };
    let error = Error::new(own.unwrap_or(Code::Backend), message)
        .with_status(status)
        .with_storage_code((!code.is_empty() && own.is_none()).then(|| excerpt(code).to_owned()));
    let passing = ["InternalError", "SlowDown", "ServiceUnavailable", "RequestTimeout", "OperationAborted"];
    Some(if passing.contains(&code) { Failure::retry(error) } else { Failure::fatal(error) })
}

/// One of several files that the backend was asked for, and refused: `{error, code?}`.
pub fn refused_file(body: &Json) -> Option<Failure> {
    let said = body.get("error").or(body.get("message").filter(|_| body.get("file_key").is_none()))?.text()?;
    let code = body.get("code").and_then(Json::text).unwrap_or_default();
    let own = Code::ALL.into_iter().find(|known| known.name() == code).unwrap_or(Code::Backend);
    let error = Error::new(own, format!("The backend refused the file: {}", excerpt(said)));
    Some(if own == Code::RateLimited { Failure::retry(error) } else { Failure::fatal(error) })
}

/// The backend answered with anything but success. `body` is its JSON where it sent some.
pub fn backend(status: u16, after: Option<Millis>, body: Option<&Json>) -> Failure {
    let said = ["error", "message"].iter().find_map(|name| body?.get(name)?.text()).unwrap_or_default();
    let named = body.and_then(|body| body.get("code")?.text());
    let (kind, words) = match status {
        401 => (Code::AccessDenied, "The backend wants a valid sign-in"),
        403 => (Code::AccessDenied, "The backend denies access"),
        404 => (Code::NotFound, "The backend knows no such file or route"),
        408 | 504 => (Code::Timeout, "The backend waited too long"),
        410 => (Code::Gone, "The backend says that this is gone"),
        413 => (Code::TooLarge, "The backend takes no file that large"),
        415 => (Code::WrongType, "The backend takes no file of that type"),
        429 => (Code::RateLimited, "The backend asks for fewer requests"),
        507 => (Code::StorageFull, "The backend has no room left"),
        _ => (Code::Backend, "The backend refused the request"),
    };
    let kind = Code::ALL.into_iter().find(|code| named == Some(code.name())).unwrap_or(kind);
    let message = if said.is_empty() {
        format!("{words} (HTTP {status}).")
    } else {
        format!("{words} (HTTP {status}): {}", excerpt(said))
    };
    let error = Error::new(kind, message).with_status(status);
    match status {
        408 | 429 | 500 | 502..=504 => Failure::retry_after(error, after),
        // A page of the server itself, and no word of the backend's: there is no such route.
        405 | 501 => Failure::new(error, Verdict::Absent),
        404 if said.is_empty() && named.is_none() => Failure::new(error, Verdict::Absent),
        _ => Failure::fatal(error),
    }
}

/// The backend's success was not the JSON that was expected.
pub fn not_json(status: u16, content_type: &str) -> Failure {
    let kind = if content_type.is_empty() { "something" } else { excerpt(content_type) };
    let message = format!(
        "The backend answered with {kind} where JSON was expected (HTTP {status}). Is `endpoint` the backend's address?"
    );
    Failure::fatal(Error::new(Code::Backend, message).with_status(status))
}

/// The first few hundred characters: what servers say is shown, but not a page of it.
fn excerpt(text: &str) -> &str {
    text.char_indices().nth(300).map_or(text, |(end, _)| text.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::core::{error::Verdict, http::Headers};

    fn answer(status: u16, code: &str, said: &str) -> Failure {
        let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{said}</Message></Error>");
        storage(&Response { status, headers: Headers::default(), body })
    }

    #[test]
    fn s3s_errors_have_their_codes_and_verdicts() {
        let retry = Verdict::Retry { after: None };
        for (status, code, said, kind, verdict) in [
            (403, "AccessDenied", "Request has expired", Code::Expired, Verdict::Resign),
            (403, "AccessDenied", "Access Denied", Code::AccessDenied, Verdict::Resign),
            (403, "SignatureDoesNotMatch", "…", Code::InvalidSignature, Verdict::Resign),
            (503, "SlowDown", "Please reduce your request rate.", Code::RateLimited, retry),
            (500, "InternalError", "", Code::Storage, retry),
            (200, "InternalError", "", Code::Storage, retry),
            (400, "RequestTimeout", "", Code::Timeout, retry),
            (400, "EntityTooLarge", "", Code::TooLarge, Verdict::Fatal),
            (404, "NoSuchUpload", "", Code::Gone, Verdict::Fatal),
            (404, "NoSuchKey", "", Code::NotFound, Verdict::Fatal),
            (501, "NotImplemented", "", Code::Storage, Verdict::Fatal),
            (400, "InvalidRequest", "", Code::Storage, Verdict::Fatal),
            (
                400,
                "InvalidDigest",
                "The Content-MD5 you specified is not valid.",
                Code::ChecksumMismatch,
                Verdict::Fatal,
            ),
            // Garage's.
            (400, "InvalidRequest", "Bad request: Date is too old", Code::Expired, Verdict::Resign),
            (400, "InvalidDigest", "Invalid digest: Failed to validate checksum for …", Code::ChecksumMismatch, retry),
            (403, "AccessDenied", "Forbidden: Invalid signature", Code::InvalidSignature, Verdict::Resign),
        ] {
            let failure = answer(status, code, said);
            assert_eq!((failure.error.code, failure.verdict), (kind, verdict), "{status} {code}");
            assert_eq!(failure.error.storage_code.as_deref(), Some(code));
            assert_eq!(failure.error.status, Some(status));
        }
    }

    #[test]
    fn azures_errors_have_their_codes_too() {
        for (status, code, detail, kind) in [
            (
                403,
                "AuthenticationFailed",
                "Signature not valid in the specified time frame: Start [a] - Expiry [b]",
                Code::Expired,
            ),
            (403, "AuthenticationFailed", "Signature did not match.", Code::InvalidSignature),
            (403, "AuthorizationPermissionMismatch", "", Code::AccessDenied),
            (503, "ServerBusy", "", Code::RateLimited),
            (500, "OperationTimedOut", "", Code::Timeout),
            (413, "RequestBodyTooLarge", "", Code::TooLarge),
            (400, "Md5Mismatch", "", Code::ChecksumMismatch),
            (404, "BlobNotFound", "", Code::NotFound),
            (400, "InvalidBlockList", "", Code::Storage),
        ] {
            let body = format!(
                "\u{feff}<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>m</Message><AuthenticationErrorDetail>{detail}</AuthenticationErrorDetail></Error>"
            );
            let failure = storage(&Response { status, headers: Headers::default(), body });
            assert_eq!((failure.error.code, failure.error.storage_code.as_deref()), (kind, Some(code)));
        }
    }

    #[test]
    fn a_refusal_says_where_a_signer_has_hashed_nothing() {
        let signed = |query: &str| Signed {
            url: format!("https://s.example/k?{query}&X-Amz-Signature=secret"),
            method: crate::core::protocol::Method::Put,
            headers: Vec::new(),
            fields: Vec::new(),
        };
        let bad =
            Response { status: 400, headers: Headers::default(), body: "<Error><Code>BadDigest</Code></Error>".into() };
        for (query, hint) in [("x-amz-checksum-crc32=AAAAAA%3D%3D", true), ("x-amz-checksum-crc32=EBQ2aQ%3D%3D", false)]
        {
            let failure = refused(&bad, &Asked::of(&signed(query), None));
            assert_eq!((failure.error.code, failure.verdict == Verdict::Fatal), (Code::ChecksumMismatch, hint));
            let error = failure.into_error();
            assert_eq!(error.message.contains("AWS_REQUEST_CHECKSUM_CALCULATION=WHEN_REQUIRED"), hint, "{query}");
        }
    }

    #[test]
    fn a_refusal_says_what_was_signed_and_sent_and_whose_clock_is_wrong() {
        let signed = Signed {
            url: "https://s.example/k?X-Amz-SignedHeaders=content-type%3Bhost&X-Amz-Signature=secret".into(),
            method: crate::core::protocol::Method::Put,
            headers: vec![("Content-Type".into(), "text/plain".into())],
            fields: Vec::new(),
        };
        let reply = |code: &str, rest: &str| Response {
            status: 403,
            headers: Headers::default(),
            body: format!("<Error><Code>{code}</Code><Message>Request has expired</Message>{rest}</Error>"),
        };
        let times = "<Expires>2026-01-31T12:00:00Z</Expires><ServerTime>2026-01-31T12:10:00Z</ServerTime>";
        let skewed = refused(&reply("AccessDenied", times), &Asked::of(&signed, Some(900_000))).into_error();
        assert_eq!(skewed.code, Code::Expired);
        assert!(skewed.message.contains("differ by about 1500 s"), "{}", skewed.message);
        let lapsed = refused(&reply("AccessDenied", times), &Asked::of(&signed, Some(0))).into_error();
        assert!(!lapsed.message.contains("differ"), "{}", lapsed.message);
        let body = "<Error><Code>SignatureDoesNotMatch</Code></Error>";
        let mismatch = Response { status: 403, headers: Headers::default(), body: body.into() };
        let message = refused(&mismatch, &Asked::of(&signed, None)).error.message.clone();
        assert!(message.contains("Signed headers: content-type, host; sent along: content-type."), "{message}");
        assert!(!message.contains("secret"));
    }

    #[test]
    fn a_success_with_an_error_in_it_is_none() {
        let lie = |body: serde_json::Value| embedded(200, &Json::from(body));
        let passing =
            lie(serde_json::json!({"error": "We encountered an internal error.", "code": "InternalError"})).unwrap();
        assert!(matches!(passing.verdict, Verdict::Retry { .. }) && passing.error.storage_code.is_some());
        assert_eq!(lie(serde_json::json!({"error": "no", "code": "gone"})).unwrap().error.code, Code::Gone);
        assert!(lie(serde_json::json!({"file_key": "k", "etag": "e"})).is_none());
    }

    #[test]
    fn a_route_that_is_missing_is_no_file_that_is_missing() {
        let said = Json::from(serde_json::json!({"error": "no such upload"}));
        assert_eq!(backend(404, None, Some(&said)).verdict, Verdict::Fatal);
        assert_eq!(backend(404, None, None).verdict, Verdict::Absent);
        assert_eq!(backend(405, None, Some(&said)).verdict, Verdict::Absent);
        assert_eq!(backend(404, None, None).error.code, Code::NotFound);
    }

    #[test]
    fn html_is_no_error_of_s3() {
        let failure = storage(&Response {
            status: 502,
            headers: Headers::default(),
            body: "<html><body>Bad gateway</body></html>".into(),
        });
        assert_eq!((failure.error.code, &failure.error.storage_code), (Code::Storage, &None));
    }

    #[test]
    fn a_backends_own_code_counts() {
        let body = Json::from(serde_json::json!({"error": "Too big", "code": "too-large"}));
        let failure = backend(400, None, Some(&body));
        assert_eq!((failure.error.code, failure.verdict), (Code::TooLarge, Verdict::Fatal));
        assert!(failure.error.message.contains("Too big"));
        assert_eq!(backend(429, Some(2000), None).verdict, Verdict::Retry { after: Some(2000) });
        assert_eq!(backend(401, None, None).error.code, Code::AccessDenied);
    }

    #[test]
    fn the_readme_has_the_same_rule() {
        let bare = |text: &str| text.split_whitespace().collect::<String>();
        assert!(bare(include_str!("../../README.md")).contains(&bare(CORS_RULE)));
    }

    proptest! {
        #[test]
        fn every_answer_has_a_meaning(status in 0u16..1000, body in ".{0,200}") {
            let failure = storage(&Response { status, headers: Headers::default(), body });
            prop_assert_eq!(failure.error.status, Some(status));
            prop_assert_eq!(failure.error.retryable, matches!(failure.verdict, Verdict::Retry { .. }) || failure.error.code == Code::Expired);
            let _ = backend(status, None, None);
        }
    }
}
