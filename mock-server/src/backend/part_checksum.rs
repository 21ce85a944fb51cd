//! What a part's checksum is signed by, so that the store refuses other bytes.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::ValueEnum;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PartChecksum {
    /// Of the whole object as well: S3 puts it together by itself.
    Crc64nvme,
    /// Declared when the upload is created, and told again when it is completed.
    Sha256,
}

impl PartChecksum {
    /// Its name in the protocol.
    pub fn name(self) -> &'static str {
        match self {
            Self::Crc64nvme => "crc64nvme",
            Self::Sha256 => "sha256",
        }
    }

    /// In base64.
    pub fn is_valid(self, sum: &str) -> bool {
        let bytes = match self {
            Self::Crc64nvme => 8,
            Self::Sha256 => 32,
        };
        STANDARD.decode(sum).is_ok_and(|decoded| decoded.len() == bytes)
    }

    pub fn header(self, sum: &str) -> BTreeMap<String, String> {
        BTreeMap::from([(format!("x-amz-checksum-{}", self.name()), sum.to_owned())])
    }

    /// What an upload is created with, besides.
    pub fn declaration(self) -> Option<(String, String)> {
        (self == Self::Sha256).then(|| ("x-amz-checksum-algorithm".to_owned(), "SHA256".to_owned()))
    }
}
