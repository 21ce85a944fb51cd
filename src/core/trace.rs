//! What went over the wire for a transfer, as plain data: for a bug report, and for a simulator that plays it again.

use serde::Serialize;

use super::{
    answer,
    error::{Failure, Verdict},
    http::Response,
    protocol::{Signed, UploadGrant, redact},
    transfer::{Answer, Command, Ticket},
};

/// One entry; requests and answers belong together by their ticket. It never holds a query of a URL, nor a header's value
/// beyond those of validators and lengths.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Trace {
    Request {
        ticket: u64,
        what: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        url: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        start: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        end: Option<u64>,
    },
    Head {
        ticket: u64,
        status: u16,
        headers: Vec<(String, String)>,
    },
    Answer {
        ticket: u64,
        what: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<&'static str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        storage_code: Option<String>,
        /// What the server asked for, in milliseconds.
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_after: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        part_size: Option<u64>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        parts: Vec<u32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        expires_in: Option<u64>,
    },
    Cancel {
        ticket: u64,
    },
}

/// Headers that say something of the object and nothing of anybody's secrets.
const SHOWN: [&str; 6] = ["content-length", "content-range", "content-type", "etag", "last-modified", "retry-after"];

impl Trace {
    pub fn request(ticket: Ticket, command: &Command) -> Self {
        let (what, start, end) = match command {
            Command::Recall { .. } => ("recall", None, None),
            Command::RequestUpload(_) => ("request-upload", None, None),
            Command::RequestParts(..) => ("request-parts", None, None),
            Command::ListParts(_) => ("list-parts", None, None),
            Command::Complete(..) => ("complete-upload", None, None),
            Command::Look(_) => ("look", None, None),
            Command::LookUp(_) => ("look-up", None, None),
            Command::Hash { start, end, .. } => ("hash", Some(*start), Some(*end)),
            Command::RemoveUpload(_) => ("abort-upload", None, None),
            Command::RemoveObject(_) => ("delete-file", None, None),
            Command::Put { start, end, .. } => ("put", Some(*start), Some(*end)),
            Command::RequestDownload(_) => ("request-download", None, None),
            Command::Get { start, end, .. } => ("get", Some(*start), *end),
            Command::Restart(_) => ("restart", None, None),
            Command::Seal { .. } => ("seal", None, None),
            Command::Commit => ("commit", None, None),
        };
        let url = match command {
            Command::Put { signed, .. } | Command::Get { signed, .. } => Some(shown(signed)),
            _ => None,
        };
        Self::Request { ticket: ticket.0, what, url, start, end }
    }

    pub fn head(ticket: Ticket, head: &Response) -> Self {
        let headers = head.headers.iter().filter(|(name, _)| SHOWN.contains(name));
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self::Head { ticket: ticket.0, status: head.status, headers }
    }

    pub fn answer(ticket: Ticket, given: &Result<Answer, Failure>) -> Self {
        let blank = |what| Self::Answer {
            ticket: ticket.0,
            what,
            status: None,
            code: None,
            storage_code: None,
            retry_after: None,
            part_size: None,
            parts: Vec::new(),
            expires_in: None,
        };
        let mut trace = blank(match given {
            Ok(Answer::Recalled(recalled)) => {
                if recalled.found.is_some() {
                    "found"
                } else {
                    "unknown"
                }
            }
            Ok(Answer::UploadGranted(_) | Answer::PartsGranted(_) | Answer::DownloadGranted(_)) => "signed",
            Ok(Answer::PartsListed(_)) => "listed",
            Ok(Answer::Completed(_)) => "completed",
            Ok(Answer::Looked(seen)) => {
                if seen.is_some() {
                    "there"
                } else {
                    "not-there"
                }
            }
            Ok(Answer::Hashed(_)) => "hashed",
            Ok(Answer::Removed) => "removed",
            Ok(Answer::Replied(_)) => "replied",
            Ok(Answer::Ended) => "ended",
            Ok(Answer::Restarted) => "restarted",
            Ok(Answer::Sealed(_)) => "sealed",
            Ok(Answer::Committed) => "committed",
            Err(_) => "failed",
        });
        if let Self::Answer { status, code, storage_code, retry_after, part_size, parts, expires_in, .. } = &mut trace {
            match given {
                Ok(Answer::Replied(response)) => {
                    *status = Some(response.status);
                    if !response.is_success() {
                        let mut failure = answer::storage(response);
                        (*storage_code, *retry_after) = (failure.error.storage_code.take(), asked(failure.verdict));
                    }
                }
                Ok(Answer::UploadGranted(UploadGrant::Parts { part_size: size, grants, .. })) => {
                    (*part_size, *expires_in) = (*size, grants.expires_in);
                    *parts = grants.parts.iter().map(|(number, _)| *number).collect();
                }
                Ok(Answer::UploadGranted(UploadGrant::Whole { expires_in: life, .. })) => *expires_in = *life,
                Ok(Answer::PartsGranted(grants)) => {
                    *expires_in = grants.expires_in;
                    *parts = grants.parts.iter().map(|(number, _)| *number).collect();
                }
                Ok(Answer::DownloadGranted(grant)) => *expires_in = grant.expires_in,
                Ok(Answer::PartsListed(listed)) => *parts = listed.iter().map(|part| part.number).collect(),
                Err(failure) => {
                    let error = &failure.error;
                    (*status, *code, *storage_code) =
                        (error.status, Some(error.code.name()), error.storage_code.clone());
                    *retry_after = asked(failure.verdict);
                }
                Ok(_) => {}
            }
        }
        trace
    }

    /// In words.
    pub fn words(&self) -> String {
        match self {
            Self::Request { what, start: Some(start), end, .. } => {
                let end = end.map(|end| end.to_string()).unwrap_or_default();
                format!("→ {what} {start}-{end}")
            }
            Self::Request { what, .. } => format!("→ {what}"),
            Self::Head { status, .. } => format!("← head {status}"),
            Self::Answer { what, status, code, .. } => {
                let status = status.map(|status| format!(" {status}")).unwrap_or_default();
                format!("← {what}{status} {}", code.unwrap_or_default()).trim_end().to_owned()
            }
            Self::Cancel { .. } => "✕ cancelled".to_owned(),
        }
    }
}

/// The Retry-After that came with a failure.
fn asked(verdict: Verdict) -> Option<u64> {
    if let Verdict::Retry { after } = verdict { after } else { None }
}

fn shown(signed: &Signed) -> String {
    redact(&signed.url).to_owned()
}
