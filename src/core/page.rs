//! What functions of the page mean that stand for a backend: what they returned and what they threw, as the face hands it
//! over (`src/face/functions.js`).

use super::{
    answer,
    error::{Code, Error, Failure},
    http::{Headers, Response},
    json::Json,
    text,
};

/// What browsers say when a fetch gets no answer; any other TypeError is a mistake in the page.
const NO_ANSWER: [&str; 6] =
    ["Failed to fetch", "NetworkError", "Load failed", "network error", "connection was lost", "Error in input stream"];

/// One member says what it is: `answer`, a `status` with its `body`, what `storage` said, or what was `thrown`.
pub fn answer(outcome: Option<&Json>) -> Result<Json, Failure> {
    let Some(outcome) = outcome else {
        let message = "A function of the backend returned what is no plain data.";
        return Err(Failure::fatal(Error::new(Code::Backend, message)));
    };
    if let Some(answer) = outcome.get("answer") {
        return Ok(answer.clone());
    }
    let status = outcome.get("status").and_then(Json::integer).and_then(|status| u16::try_from(status).ok());
    let after = outcome.get("retry_after").and_then(Json::text).unwrap_or_default();
    let headers = Headers::new([("retry-after".to_owned(), after.to_owned())]);
    Err(match (status, outcome.get("storage").and_then(Json::text)) {
        (Some(status), Some(body)) => answer::storage(&Response { status, headers, body: body.to_owned() }),
        (Some(status), None) => answer::backend(status, headers.retry_after(), outcome.get("body")),
        (None, _) => thrown(outcome.get("thrown").unwrap_or(outcome)),
    })
}

fn thrown(thrown: &Json) -> Failure {
    let text = |name: &str| thrown.get(name).and_then(Json::text).unwrap_or_default();
    let (name, said) = (text("name"), text("message"));
    match name {
        "TransferError" => {
            let code = Code::ALL.into_iter().find(|code| code.name() == text("code")).unwrap_or(Code::Backend);
            let mut error = Error::new(code, said);
            error.status = thrown.get("status").and_then(Json::integer).and_then(|status| u16::try_from(status).ok());
            error.storage_code = thrown.get("storageCode").and_then(Json::text).map(str::to_owned);
            error.retryable = thrown.get("retryable") == Some(&Json::Bool(true));
            if error.retryable { Failure::retry(error) } else { Failure::fatal(error) }
        }
        "TypeError" if NO_ANSWER.iter().any(|words| text::contains(said, words)) => Failure::network(),
        "TimeoutError" => Failure::retry(Error::new(Code::Timeout, "The backend waited too long.")),
        _ => Failure::fatal(Error::new(Code::Backend, format!("A function of the backend failed: {said}"))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::core::error::Verdict;

    fn failure(outcome: Value) -> Failure {
        answer(Some(&outcome.into())).unwrap_err()
    }

    #[test]
    fn answers_pass_and_what_is_no_data_does_not() {
        assert_eq!(answer(Some(&json!({"answer": {"a": 1}}).into())).unwrap(), json!({"a": 1}).into());
        assert_eq!(answer(None).unwrap_err().error.code, Code::Backend);
    }

    #[test]
    fn what_is_thrown_has_its_code_and_its_verdict() {
        let retry = Verdict::Retry { after: None };
        let own = |code: &str, retryable| json!({"thrown": {"name": "TransferError", "code": code, "message": "m", "retryable": retryable}});
        let by = |name: &str, message: &str| json!({"thrown": {"name": name, "message": message}});
        for (outcome, code, verdict) in [
            (own("too-large", false), Code::TooLarge, Verdict::Fatal),
            (own("storage", true), Code::Storage, retry),
            (own("no such code", false), Code::Backend, Verdict::Fatal),
            (by("TypeError", "Failed to fetch"), Code::Network, retry),
            (by("TypeError", "NetworkError when attempting to fetch resource."), Code::Network, retry),
            (by("TypeError", "x.fetch is not a function"), Code::Backend, Verdict::Fatal),
            (by("TimeoutError", "signal timed out"), Code::Timeout, retry),
            (by("AbortError", "aborted"), Code::Backend, Verdict::Fatal),
            (json!({"thrown": "a string"}), Code::Backend, Verdict::Fatal),
            (json!({}), Code::Backend, Verdict::Fatal),
            (json!({"status": 403}), Code::AccessDenied, Verdict::Fatal),
            (json!({"status": 503, "retry_after": "2"}), Code::Backend, Verdict::Retry { after: Some(2_000) }),
            (json!({"status": 501, "body": {"error": "no such function"}}), Code::Backend, Verdict::Absent),
            (json!({"status": 404, "body": {"error": "no such upload"}}), Code::NotFound, Verdict::Fatal),
            (json!({"status": 413, "body": {"error": "e", "code": "storage-full"}}), Code::StorageFull, Verdict::Fatal),
            (json!({"status": 200, "storage": "<Error><Code>InternalError</Code></Error>"}), Code::Storage, retry),
            (json!({"status": 404, "storage": "<Error><Code>NoSuchUpload</Code></Error>"}), Code::Gone, Verdict::Fatal),
            (
                json!({"status": 503, "storage": "", "retry_after": "1"}),
                Code::Storage,
                Verdict::Retry { after: Some(1_000) },
            ),
        ] {
            let failure = failure(outcome.clone());
            assert_eq!((failure.error.code, failure.verdict), (code, verdict), "{outcome}");
        }
    }

    #[test]
    fn a_transfer_error_keeps_all_that_it_says() {
        let outcome = json!({"thrown": {"name": "TransferError", "code": "gone", "message": "It is gone.", "status": 410, "storageCode": "NoSuchUpload", "retryable": false}});
        let error = failure(outcome).into_error();
        assert_eq!(
            (error.status, error.storage_code.as_deref(), error.message.as_str()),
            (Some(410), Some("NoSuchUpload"), "It is gone.")
        );
    }
}
