//! What went wrong, and what follows from it.

use std::ops::{Deref, DerefMut};

use serde::Serialize;

use super::time::Millis;

/// What kind of failure it was: the `code` that an application branches on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    InvalidOption,
    TooLarge,
    WrongType,
    Network,
    Timeout,
    Offline,
    Expired,
    InvalidSignature,
    AccessDenied,
    RateLimited,
    NotFound,
    Gone,
    Cors,
    SourceChanged,
    ObjectChanged,
    ChecksumMismatch,
    StorageFull,
    Backend,
    Storage,
    /// Another tab drives the same upload.
    Busy,
    Internal,
}

impl Code {
    /// All of them, for tables and tests.
    pub const ALL: [Code; 21] = [
        Code::InvalidOption,
        Code::TooLarge,
        Code::WrongType,
        Code::Network,
        Code::Timeout,
        Code::Offline,
        Code::Expired,
        Code::InvalidSignature,
        Code::AccessDenied,
        Code::RateLimited,
        Code::NotFound,
        Code::Gone,
        Code::Cors,
        Code::SourceChanged,
        Code::ObjectChanged,
        Code::ChecksumMismatch,
        Code::StorageFull,
        Code::Backend,
        Code::Storage,
        Code::Busy,
        Code::Internal,
    ];

    /// The name that JavaScript sees.
    pub fn name(self) -> &'static str {
        match self {
            Code::InvalidOption => "invalid-option",
            Code::TooLarge => "too-large",
            Code::WrongType => "wrong-type",
            Code::Network => "network",
            Code::Timeout => "timeout",
            Code::Offline => "offline",
            Code::Expired => "expired",
            Code::InvalidSignature => "invalid-signature",
            Code::AccessDenied => "access-denied",
            Code::RateLimited => "rate-limited",
            Code::NotFound => "not-found",
            Code::Gone => "gone",
            Code::Cors => "cors",
            Code::SourceChanged => "source-changed",
            Code::ObjectChanged => "object-changed",
            Code::ChecksumMismatch => "checksum-mismatch",
            Code::StorageFull => "storage-full",
            Code::Backend => "backend",
            Code::Storage => "storage",
            Code::Busy => "busy",
            Code::Internal => "internal",
        }
    }
}

/// A failure in words and in data. It never holds a presigned URL.
///
/// Boxed, since every `?` moves one: a pointer costs a third of the code.
#[derive(Clone, PartialEq, Debug)]
pub struct Error(Box<Details>);

#[derive(Clone, PartialEq, Debug)]
pub struct Details {
    pub code: Code,
    pub message: String,
    /// HTTP status, where there was an answer.
    pub status: Option<u16>,
    /// The store's own code, such as `SlowDown`.
    pub storage_code: Option<String>,
    /// The part of an upload that it befell.
    pub part: Option<u32>,
    /// Trying again later may succeed.
    pub retryable: bool,
}

impl Error {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self::of(code, message.into())
    }

    fn of(code: Code, message: String) -> Self {
        let retryable =
            matches!(code, Code::Network | Code::Timeout | Code::Offline | Code::RateLimited | Code::Expired);
        Self(Box::new(Details { code, message, status: None, storage_code: None, part: None, retryable }))
    }

    pub fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    pub fn with_storage_code(mut self, code: Option<String>) -> Self {
        self.storage_code = code;
        self
    }

    pub fn at_part(mut self, part: Option<u32>) -> Self {
        self.part = part;
        self
    }

    pub fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }
}

impl Deref for Error {
    type Target = Details;

    fn deref(&self) -> &Details {
        &self.0
    }
}

impl DerefMut for Error {
    fn deref_mut(&mut self) -> &mut Details {
        &mut self.0
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// What an engine does about a failure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Try again, not before this long where the server said so.
    Retry { after: Option<Millis> },
    /// Try again once with a fresh signature.
    Resign,
    /// The backend has no such route: a capability that is absent. Give up, where it can't be done without.
    Absent,
    /// Give up.
    Fatal,
}

/// An error together with its verdict, boxed as errors are.
#[derive(Clone, PartialEq, Debug)]
pub struct Failure(Box<Judged>);

#[derive(Clone, PartialEq, Debug)]
pub struct Judged {
    pub error: Error,
    pub verdict: Verdict,
}

impl Deref for Failure {
    type Target = Judged;

    fn deref(&self) -> &Judged {
        &self.0
    }
}

impl DerefMut for Failure {
    fn deref_mut(&mut self) -> &mut Judged {
        &mut self.0
    }
}

impl Failure {
    pub fn new(error: Error, verdict: Verdict) -> Self {
        Self(Box::new(Judged { error, verdict }))
    }

    pub fn fatal(error: Error) -> Self {
        Self::new(error, Verdict::Fatal)
    }

    pub fn retry(error: Error) -> Self {
        Self::retry_after(error, None)
    }

    pub fn retry_after(error: Error, after: Option<Millis>) -> Self {
        Self::new(error.retryable(), Verdict::Retry { after })
    }

    pub fn resign(error: Error) -> Self {
        Self::new(error, Verdict::Resign)
    }

    pub fn into_error(self) -> Error {
        self.0.error
    }

    /// No answer at all: the connection was refused, cut, or forbidden by CORS, which a browser does not tell apart.
    pub fn network() -> Self {
        Self::retry(Error::new(
            Code::Network,
            "No answer came: the connection was refused or cut, or the server's CORS rule does not allow this page.",
        ))
    }

    /// `doing` says what the request was waiting for.
    pub fn timeout(doing: &str, quiet: Millis) -> Self {
        let seconds = quiet.div_ceil(1000);
        let message = format!("Nothing moved for {seconds} s while {doing}, so the request was given up.");
        Self::retry(Error::new(Code::Timeout, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_serde() {
        for code in Code::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.name());
        }
    }
}
