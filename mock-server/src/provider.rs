//! The stores that this one can pass for, as data.

use clap::ValueEnum;

/// Whose store the embedded one behaves like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Provider {
    Aws,
    /// Google Cloud Storage's XML API, with its own signatures, headers, errors and resumable uploads
    Gcs,
}

/// In what it differs from AWS.
#[derive(Debug, Clone, Copy)]
pub struct Profile {
    /// Speaks Google's XML API instead of S3.
    pub google: bool,
    /// A repeated Complete finds no upload any more.
    pub once_only_complete: bool,
}

const AWS: Profile = Profile { google: false, once_only_complete: false };

impl Provider {
    pub fn profile(self) -> Profile {
        match self {
            Self::Aws => AWS,
            Self::Gcs => Profile { google: true, once_only_complete: true },
        }
    }
}
