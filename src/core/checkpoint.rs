//! What must survive a reload: enough to find an unfinished transfer again and go on with it. No URL is in it.

use super::{
    checksum::{Algorithm, Checksum},
    download::version::Version,
    stretches::Stretch,
};

/// How checkpoints are written down; one of another version is not read.
pub const VERSION: u32 = 1;

/// A file as it is recognised when it comes again: all of it must match.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Identity {
    pub name: String,
    pub size: u64,
    pub content_type: String,
    /// Milliseconds since 1970, where the source tells.
    pub modified: Option<u64>,
    /// A hash of samples of its bytes.
    pub mark: String,
}

/// An upload in parts. Its stored parts are saved beside it, one by one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UploadPoint {
    pub identity: Identity,
    pub key: String,
    pub upload_id: String,
    pub part_size: u64,
    /// The backend wants a checksum of each part before it signs it.
    pub sums: Option<Algorithm>,
}

/// A download by ranges. What it has fetched is with its sink.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DownloadPoint {
    pub key: String,
    pub size: u64,
    pub version: Version,
    pub content_type: Option<String>,
    /// The file's own name, where an answer told one.
    pub filename: Option<String>,
}

/// Where a transfer can go on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Checkpoint {
    Upload(UploadPoint),
    Download(DownloadPoint),
}

impl Checkpoint {
    /// Of the whole file or object.
    pub fn size(&self) -> u64 {
        match self {
            Checkpoint::Upload(point) => point.identity.size,
            Checkpoint::Download(point) => point.size,
        }
    }
}

/// A stored part, and the checksum of what was sent, once that is known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NotedPart {
    pub number: u32,
    pub etag: String,
    pub sum: Option<Checksum>,
}

/// A step of what is remembered of a transfer; the steps in order give the whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Save {
    /// It can be resumed from now on.
    Begin(Checkpoint),
    /// A part is stored.
    Part(NotedPart),
    /// There is nothing to go on with any more.
    Forget,
}

/// What was remembered when a transfer began.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Recalled {
    /// The file itself, to be remembered by; none for a download.
    pub identity: Option<Identity>,
    pub found: Option<Found>,
    /// Why nothing can be remembered, in words.
    pub warning: Option<String>,
}

/// A transfer that was cut off.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Found {
    Upload { point: UploadPoint, parts: Vec<NotedPart> },
    Download { point: DownloadPoint, have: Vec<Stretch> },
}
